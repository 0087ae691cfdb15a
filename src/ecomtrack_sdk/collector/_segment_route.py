"""``POST /v1/batch``, ``/v1/t`` and their kin: a door for clients that speak Segment's protocol."""

from __future__ import annotations

from ecomtrack_sdk._types import utc_now
from ecomtrack_sdk._wire import LIMITS, decompress
from ecomtrack_sdk.collector import _segment
from ecomtrack_sdk.collector._events_route import EventsRoute, cors_of, preflight
from ecomtrack_sdk.collector._http import PROBLEM_TYPE, Receive, Scope, Send, header, problem, read_body, respond
from ecomtrack_sdk.collector._keys import Key, KeyRing
from ecomtrack_sdk.errors import CollectorError, Malformed, TooLarge

__all__ = ["SEGMENT_PATHS", "SegmentRoute"]

CALLS = ("batch", "import", "track", "page", "screen", "identify", "group", "alias", "t", "p", "s", "i", "g", "a")
SEGMENT_PATHS = frozenset(f"/v1/{call}" for call in CALLS)
ANSWER = b'{"success": true}'
"""The whole answer, whatever became of the single messages. Source: Segment *HTTP API*."""


class SegmentRoute:
    """Takes Segment's messages, makes events of them and hands them to the route of events.

    Args:
        events: Where the events go.
        keys: Who may send; the write key of the client is a site or server key of this collector.
    """

    def __init__(self, events: EventsRoute, keys: KeyRing) -> None:
        self._events = events
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: 200 and ``{"success": true}`` once everything is durable."""
        cors = cors_of(scope)
        try:
            if scope["method"] == "OPTIONS":
                await preflight(send, cors)
                return
            await self._take(scope, receive)
        except CollectorError as error:
            status, body, headers = problem(error)
            await respond(send, status, body, PROBLEM_TYPE, [*headers, *cors])
            return
        await respond(send, 200, ANSWER, "application/json", cors)

    async def _take(self, scope: Scope, receive: Receive) -> None:
        if scope["method"] != "POST":
            raise CollectorError(405, "method-not-allowed", "send messages with POST")
        with self._events.room(scope):
            packed = await read_body(scope, receive, LIMITS.body_bytes)
            try:
                body = decompress(packed, header(scope, b"content-encoding").strip().lower())
            except TooLarge as error:
                raise CollectorError(413, "too-large", str(error)) from None
            except Malformed as error:
                raise CollectorError(400, "unreadable", str(error)) from None
            key = self._key(scope, body)
            lines = _segment.convert(scope["path"], body, utc_now())
        await self._events.take_lines(lines, key)

    def _key(self, scope: Scope, body: bytes) -> Key:
        token = _segment.write_key(header(scope, b"authorization"), body)
        key = self._keys.find(token) if token else None
        if key is None:
            code = "unknown-key" if token else "no-key"
            raise CollectorError(401, code, "send a site or server key as the write key")
        self._events.admit(key, scope)
        return key
