"""``POST /v1/events`` as a bare ASGI endpoint: the hot path, from the socket to the verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from urllib.parse import parse_qs

from ecomtrack_sdk._types import utc_now
from ecomtrack_sdk._wire import LIMITS, NDJSON_TYPE, BatchVerdict, decompress, join_events
from ecomtrack_sdk.collector._http import Headers, Receive, Scope, Send, header, problem, read_body, respond, token_of
from ecomtrack_sdk.collector._ingest import COMPRESSED, Examined, Request, examine
from ecomtrack_sdk.collector._keys import Key, KeyRing
from ecomtrack_sdk.collector._metrics import Metrics
from ecomtrack_sdk.collector._privacy import Privacy
from ecomtrack_sdk.collector._rates import RateLimits, source_of
from ecomtrack_sdk.collector._room import Room
from ecomtrack_sdk.errors import CollectorError, Malformed, StoreBusy, StoreError, TooLarge
from ecomtrack_sdk.store import EventStore

__all__ = ["EventsRoute", "cors_of", "preflight"]

INLINE_BYTES = 96 * 1024
"""Bodies up to this size are examined on the event loop (a full batch of the SDK takes some 5 ms); larger ones in a
thread, so that a beacon never waits behind a bomb."""
INLINE_PLAIN_BYTES = 1_500_000
"""And up to this size once unpacked: a full batch of the SDK is 1 MB; a bomb of a few kB is not."""
BUSY_SECONDS = 2.0
"""``Retry-After`` when the disk or the memory is full for the moment."""
PREFLIGHT_SECONDS = 86_400
"""How long a browser may remember that it may send: a day."""

_ALLOWED_HEADERS = b"authorization, content-type, content-encoding, idempotency-key, sent-at"


class EventsRoute:
    """Takes batches from servers and beacons from browsers.

    Args:
        store: Where events go.
        keys: Who may send.
        metrics: Counted there.
        rates: How often site keys may be used.
        privacy: What is taken out of events before they are kept.
        clock: The current moment, aware.
    """

    def __init__(
        self,
        store: EventStore,
        keys: KeyRing,
        metrics: Metrics,
        rates: RateLimits,
        *,
        privacy: Privacy | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._keys = keys
        self._metrics = metrics
        self._rates = rates
        self._privacy = privacy if privacy is not None and privacy.active else None
        self._clock = clock
        self._room = Room()
        self._examiner = ThreadPoolExecutor(1, thread_name_prefix="ecomtrack-examine")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request to ``/v1/events``."""
        cors = cors_of(scope)
        try:
            if scope["method"] == "OPTIONS":
                await preflight(send, cors)
                return
            verdict = await self._take(scope, receive, self._sender(scope))
        except CollectorError as error:
            self._metrics.refused(error.code)
            status, body, headers = problem(error)
            if error.status == HTTPStatus.METHOD_NOT_ALLOWED:
                headers.append((b"allow", b"POST, OPTIONS"))
            await respond(send, status, body, "application/problem+json", [*headers, *cors])
            return
        await respond(send, 200, verdict.to_json(), "application/json", cors)

    def _sender(self, scope: Scope) -> Key:
        if scope["method"] != "POST":
            raise CollectorError(405, "method-not-allowed", "send events with POST")
        token = token_of(scope)
        if not token and b"key=" in scope["query_string"]:
            # sendBeacon cannot set headers. Site keys are public anyway; others do not belong into an address.
            token = parse_qs(scope["query_string"].decode("latin-1")).get("key", [""])[0]
            key = self._keys.find(token)
            if key is not None and key.kind != "site":
                raise CollectorError(403, "key-in-address", "only a site key may stand in the address")
        else:
            key = self._keys.find(token) if token else None
        if key is None:
            raise CollectorError(401, "no-key" if not token else "unknown-key", "send 'Authorization: Bearer <key>'")
        self.admit(key, scope)
        return key

    def admit(self, key: Key, scope: Scope) -> None:
        """Let a sender in.

        Raises:
            CollectorError: 403 the key may not send, or not from this page; 429 too often.
        """
        if not key.sends:
            raise CollectorError(403, "not-allowed", f"a {key.kind} key may not send events")
        if key.kind == "site" and not key.allows_origin(header(scope, b"origin") or None):
            raise CollectorError(403, "origin-not-allowed", "this site key may not be used from this page")
        self._rates.check(key, scope)

    @contextmanager
    def room(self, scope: Scope, key: Key | None = None) -> Iterator[None]:
        """Memory for one body, as long as it is held; reading it fails with 503 when there is none.

        Args:
            scope: The request.
            key: Its sender, where that is known before the body.
        """
        public = key is None or key.kind == "site"
        with self._room.enter(public=public, source=source_of(scope)) as grow:
            scope["ecomtrack.grow"] = grow  # whoever reads the body of this request tells it what arrived
            yield

    async def _take(self, scope: Scope, receive: Receive, key: Key) -> BatchVerdict:
        with self.room(scope, key):
            body = await read_body(scope, receive, LIMITS.body_bytes)
            request = Request(
                body,
                header(scope, b"content-type"),
                header(scope, b"content-encoding"),
                header(scope, b"idempotency-key") or None,
                self._clock(),
            )
            small = _unpacked(request) if len(body) <= INLINE_BYTES else None
            if small is not None:
                examined = examine(small, key, self._privacy)
            else:
                examined = await asyncio.get_running_loop().run_in_executor(
                    self._examiner, examine, request, key, self._privacy
                )
            del body, request
        return await self._keep(examined)

    async def take_lines(self, lines: Sequence[bytes], key: Key) -> BatchVerdict:
        """Take wire events that another door has made, as if *key* had posted them here.

        Raises:
            CollectorError: 413 too many at once, 503 the store cannot take them now.
        """
        request = Request(join_events(lines), NDJSON_TYPE, "", None, self._clock())
        run = asyncio.get_running_loop().run_in_executor
        return await self._keep(await run(self._examiner, examine, request, key, self._privacy))

    async def _keep(self, examined: Examined) -> BatchVerdict:
        try:
            stored = await asyncio.wrap_future(self._store.submit(examined.entries, examined.rejected))
        except StoreBusy as error:
            raise CollectorError(503, "busy", str(error), retry_after=BUSY_SECONDS) from None
        except StoreError as error:
            raise CollectorError(503, "store", str(error), retry_after=BUSY_SECONDS) from None
        verdict = examined.verdict(stored)
        self._metrics.taken(verdict)
        return verdict

    def close(self) -> None:
        """End the thread that examines large bodies."""
        self._examiner.shutdown(wait=True)


def _unpacked(request: Request) -> Request | None:
    """*request* with its body unpacked where that is cheap, ``None`` where it is not."""
    encoding = request.content_encoding.strip().lower()
    if encoding not in COMPRESSED:
        return request
    try:
        plain = decompress(request.body, encoding, INLINE_PLAIN_BYTES)
    except TooLarge:
        return None
    except Malformed:
        return request  # whoever examines it says what is wrong
    return request._replace(body=plain, content_encoding="")


def cors_of(scope: Scope) -> Headers:
    """What lets a page of another origin send; which origins a key allows is checked with the key itself."""
    origin = header(scope, b"origin")
    if not origin:
        return []
    return [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-expose-headers", b"retry-after"),
        (b"vary", b"origin"),
    ]


async def preflight(send: Send, cors: Headers) -> None:
    """Answer a browser that asks whether it may send."""
    await respond(
        send,
        204,
        b"",
        "text/plain",
        [
            *cors,
            (b"access-control-allow-methods", b"POST"),
            (b"access-control-allow-headers", _ALLOWED_HEADERS),
            (b"access-control-max-age", str(PREFLIGHT_SECONDS).encode()),
        ],
    )
