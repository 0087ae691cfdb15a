"""What uvicorn leaves open: endless heads, heads that come too slowly, more connections than the process can hold.

The body of a request has its limits where it is read (``_http.read_body``). Here it is about everything before: a
connection that has sent no whole head has no request yet, so no application code could end it.
"""

# pyright: reportAttributeAccessIssue=false
# The base class is whichever of uvicorn's two protocols is installed; a checker sees neither's attributes.

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from ecomtrack_sdk.collector._http import DRAIN_BYTES, PROBLEM_TYPE, problem
from ecomtrack_sdk.errors import CollectorError

__all__ = ["HEAD_BYTES", "HEAD_SECONDS", "MAX_CONNECTIONS", "GuardedProtocol"]

HEAD_SECONDS = 10.0
"""For request line and headers together: browsers and libraries send them in one packet."""
HEAD_BYTES = 64 * 1024
"""Request line and headers together; common servers allow 8 to 64 kB."""
MAX_CONNECTIONS = 1_000
"""At once: idle ones cost 30 kB each, and the usual limit of open files is 1,024."""

_TOO_SLOW = CollectorError(408, "too-slow", f"the request head did not arrive within {HEAD_SECONDS:g} seconds")
_TOO_LARGE = CollectorError(431, "head-too-large", f"request line and headers are over {HEAD_BYTES:,} bytes")
_FULL = CollectorError(503, "busy", "too many connections", retry_after=2)


class GuardedProtocol(AutoHTTPProtocol):  # type: ignore[misc,valid-type]  # chosen at run time: httptools or h11
    """uvicorn's HTTP protocol with limits on the head and on the number of connections."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Take the connection, or say at once that there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            self._refuse(_FULL)
            return
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; while no request is under way, count bytes and seconds."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._bytes = 0
            self._stop_timer()
            return
        if self.transport.is_closing():
            return
        self._bytes += len(data)
        if self._awaits_head():
            if self._bytes > HEAD_BYTES:
                self._refuse(_TOO_LARGE)
                return
        elif self._bytes > DRAIN_BYTES:
            self.transport.abort()
            return
        if self._timer is None:
            self._start_timer()

    def on_headers_complete(self) -> None:
        """httptools: the head is whole."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """httptools: the body is whole, the next byte begins a head."""
        self._in_head = True
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer with the connection."""
        self._stop_timer()
        super().connection_lost(exc)

    def _awaits_head(self) -> bool:
        h11_connection = getattr(self, "conn", None)
        if h11_connection is None:
            return self._in_head
        return str(h11_connection.their_state) in ("IDLE", "DONE")

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        if self._awaits_head():
            self._refuse(_TOO_SLOW)
        else:
            self.transport.close()

    def _refuse(self, error: CollectorError) -> None:
        self._stop_timer()
        self.transport.write(_raw_answer(error))
        self.transport.close()


def _raw_answer(error: CollectorError) -> bytes:
    status, body, headers = problem(error)
    named = {b"content-type": PROBLEM_TYPE.encode(), b"content-length": str(len(body)).encode(), **dict(headers)}
    named[b"connection"] = b"close"
    lines = [b"HTTP/1.1 %d Refused" % status, *(b"%b: %b" % pair for pair in named.items()), b"", body]
    return b"\r\n".join(lines)
