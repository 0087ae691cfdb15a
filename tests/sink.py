"""A small collector for delivery tests: a real HTTP server that remembers event ids. Also a program of its own.

A custom event named ``poison`` is rejected, one named ``again`` is asked for again, all else is accepted once. ``GET
/seen`` tells ids with the number of times they came in, the requests, and the ids stored. ``POST /reply`` sets how the
next requests are answered: ``{"status": 503, "times": 3, "headers": {}, "body": ""}``.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ecomtrack_sdk._wire import decompress, read_batch


class Sink(ThreadingHTTPServer):
    """Events by id; every attribute may be read from the test while requests come in."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.lock = threading.Lock()
        self.came: Counter[str] = Counter()
        self.stored: set[str] = set()
        self.events: dict[str, dict[str, Any]] = {}
        self.keys: list[str] = []
        self.requests = 0
        self.planned: list[dict[str, Any]] = []
        self.fixed: set[str] = set()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that die in the middle are what these tests are about."""

    def start(self) -> Sink:
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        return self

    def stop(self) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()

    def plan(self, status: int, times: int = 1, body: str = "", **headers: str) -> None:
        """Answer the next *times* requests so."""
        with self.lock:
            self.planned += [{"status": status, "body": body, "headers": headers}] * times

    def judge(self, lines: list[bytes]) -> dict[str, Any]:
        """A verdict, and the memory of it."""
        verdict: dict[str, Any] = {"accepted": 0, "duplicate": [], "rejected": [], "retry": []}
        for index, line in enumerate(lines):
            try:
                event = json.loads(line)
                event_id = event["event_id"]
            except (ValueError, KeyError, TypeError):
                error = {"loc": "", "type": "json_invalid", "msg": "is not an event"}
                verdict["rejected"].append({"index": index, "event_id": None, "errors": [error]})
                continue
            self.came[event_id] += 1
            if event.get("name") == "poison" and "poison" not in self.fixed:
                error = {"loc": "name", "type": "poison", "msg": "never"}
                verdict["rejected"].append({"index": index, "event_id": event_id, "errors": [error]})
            elif event.get("name") == "again" and "again" not in self.fixed:
                verdict["retry"].append(event_id)
            elif event_id in self.stored:
                verdict["duplicate"].append(event_id)
            else:
                self.stored.add(event_id)
                self.events[event_id] = event
                verdict["accepted"] += 1
        return verdict


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Sink

    def log_message(self, *args: Any) -> None:
        pass

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_GET(self) -> None:
        sink = self.server
        with sink.lock:
            seen = {"came": dict(sink.came), "stored": sorted(sink.stored), "requests": sink.requests}
        self._answer(200, json.dumps(seen).encode())

    def do_POST(self) -> None:
        sink = self.server
        body = self._body()
        if self.path == "/reply":
            wanted = json.loads(body)
            sink.plan(wanted["status"], wanted.get("times", 1), wanted.get("body", ""), **wanted.get("headers", {}))
            self._answer(200, b"{}")
            return
        with sink.lock:
            sink.requests += 1
            sink.keys.append(self.headers.get("Idempotency-Key", ""))
            planned = sink.planned.pop(0) if sink.planned else None
            if planned is None:
                plain = decompress(body, self.headers.get("Content-Encoding", "identity"))
                answer = json.dumps(sink.judge(read_batch(plain, self.headers["Content-Type"]))).encode()
        if planned is None:
            self._answer(200, answer)
        else:
            self._answer(planned["status"], planned["body"].encode(), planned["headers"])

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve until stdin ends, so that the sink dies with the test."""
    sink = Sink(int(sys.argv[1]) if len(sys.argv) > 1 else 0).start()
    print(json.dumps({"url": sink.url}), flush=True)
    sys.stdin.read()
    sink.stop()


if __name__ == "__main__":
    main()
