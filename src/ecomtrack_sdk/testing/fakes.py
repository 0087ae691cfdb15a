"""Stand-ins: a tracker that records, and a collector that keeps events in memory and fails when told to."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

from ecomtrack_sdk._client import Tracker, _visitor
from ecomtrack_sdk._wire import BatchVerdict, Invalid, Rejection, decompress, encode_event, read_batch, validate_event
from ecomtrack_sdk.errors import WireError
from ecomtrack_sdk.events.base import Event

__all__ = ["FakeCollector", "RecordingTracker"]


class RecordingTracker(Tracker):
    """A tracker that validates and records, and never writes to a disk or a network.

    Attributes:
        events: What was tracked, in order, with what ``visitor()`` and the default currency filled in.

    Args:
        currency: Default for events with amounts and no currency.
    """

    def __init__(self, *, currency: str | None = None) -> None:
        super().__init__("http://recording.invalid", key="recording", outbox="memory", disabled=True, currency=currency)
        self.events: list[Event] = []

    def track(self, event: Event) -> str:
        """Record *event* under the collector's own rules.

        Raises:
            AssertionError: The collector would refuse it; the message says why.
        """
        event_id = super().track(event)
        line = encode_event(event, default_currency=self.config.currency, fill=_visitor.get())
        judged = validate_event(line)
        if isinstance(judged, Invalid):
            reasons = "; ".join(f"{error.loc}: {error.msg}" for error in judged.errors)
            raise AssertionError(  # noqa: TRY004 - a test fails, whatever the reason
                f"the collector would refuse this {type(event).__name__}: {reasons}"
            )
        self.events.append(judged.event)
        return event_id

    def of(self, kind: type[Event]) -> list[Event]:
        """The events of one class."""
        return [event for event in self.events if isinstance(event, kind)]


class _Failure(NamedTuple):
    status: int
    body: bytes
    headers: dict[str, str]


class FakeCollector:
    """A real HTTP server on a free port that speaks the wire format, keeps events in memory and can fail.

    ::

        with FakeCollector() as collector:
            collector.fail(503, times=2, retry_after="1")
            S2SClient(collector.url, key=collector.key).order(order)
            assert collector.events == [order]

    Attributes:
        url: Where it listens.
        key: The key it takes; any other is answered 401.
        events: Events accepted, in order of arrival, each once.
        rejected: Events refused, with the reasons.
        requests: Batches that came in, failures included, as ``(idempotency key, number of events)``.
    """

    key = "fake-server-key"

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.rejected: list[Rejection] = []
        self.requests: list[tuple[str, int]] = []
        self._seen: set[str] = set()
        self._failures: deque[_Failure] = deque()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def fail(self, status: int, *, times: int = 1, body: bytes = b"", retry_after: str | None = None) -> None:
        """Answer the next *times* requests with *status* and do nothing else with them."""
        headers = {} if retry_after is None else {"Retry-After": retry_after}
        self._failures.extend([_Failure(status, body, headers)] * times)

    def answer(self, headers: Any, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        """What one request is answered: status, body, headers."""
        with self._lock:
            try:
                lines = read_batch(decompress(body, headers.get("Content-Encoding", "")), headers["Content-Type"] or "")
            except WireError as error:
                return 400, b'{"title": "%b"}' % str(error).encode(), {}
            self.requests.append((headers.get("Idempotency-Key", ""), len(lines)))
            if headers.get("Authorization") != f"Bearer {self.key}":
                return 401, b'{"title": "wrong key"}', {}
            if self._failures:
                failure = self._failures.popleft()
                return failure.status, failure.body, failure.headers
            return 200, self._judge(lines).to_json(), {}

    def _judge(self, lines: Sequence[bytes]) -> BatchVerdict:
        accepted, duplicate, rejected = 0, [], []
        for index, line in enumerate(lines):
            judged = validate_event(line)
            if isinstance(judged, Invalid):
                rejected.append(Rejection(index=index, event_id=judged.event_id, errors=judged.errors))
            elif judged.event.event_id in self._seen:
                duplicate.append(judged.event.event_id)
            else:
                accepted += 1
                self._seen.add(judged.event.event_id)
                self.events.append(judged.event)
        self.rejected += rejected
        return BatchVerdict(accepted=accepted, duplicate=tuple(duplicate), rejected=tuple(rejected))

    def close(self) -> None:
        """Stop listening; safe to call twice."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _handler(collector: FakeCollector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, answer, headers = collector.answer(self.headers, body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Nothing on stderr of the test run."""

    return Handler
