"""The little HTTP the raw routes need: a bounded body, one shape of error, plain answers."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http import HTTPStatus
from typing import Any

from pydantic_core import to_json

from ecomtrack_sdk.errors import CollectorError

__all__ = [
    "PROBLEM_TYPE",
    "Headers",
    "Incoming",
    "Receive",
    "Scope",
    "Send",
    "drain",
    "header",
    "lifespan",
    "problem",
    "read_body",
    "respond",
    "token_of",
]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

PROBLEM_TYPE = "application/problem+json"
"""Source: RFC 9457."""
BODY_TIMEOUT = 30.0
"""Seconds for a whole body: 4 MB in that time is slower than any mobile network worth waiting for."""


DRAIN_BYTES = 32 * 1024 * 1024
"""Taken and thrown away of a body nobody wants, so that its sender, who reads after sending, sees why: eight times the
largest body."""
DRAIN_SECONDS = 5.0
"""For that; whoever is slower finds the connection closed."""


class Incoming:
    """The receiving side of one request, which remembers whether the body has been read to its end."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.begun = False
        self.ended = False

    async def __call__(self) -> MutableMapping[str, Any]:
        """The next message."""
        self.begun = True
        message = await self._receive()
        self.ended = message["type"] != "http.request" or not message.get("more_body", False)
        return message


async def drain(scope: Scope, incoming: Incoming) -> None:
    """Take the rest of a refused body, within bounds, and keep nothing of it.

    Most clients send all of a body before they read the answer. If the connection were closed while they send, the
    refusal would be lost on its way and they would see a reset. A client that asks first (``Expect: 100-continue``)
    has sent nothing yet and reads at once.
    """
    if not incoming.begun and header(scope, b"expect").lower() == "100-continue":
        return
    size = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while not incoming.ended and size <= DRAIN_BYTES:
                size += len((await incoming()).get("body", b""))


def header(scope: Scope, name: bytes) -> str:
    """The header of that lower-case name, ``""`` when absent; bytes outside ASCII survive as latin-1."""
    for key, value in scope["headers"]:
        if key == name:
            text: str = value.decode("latin-1")
            return text
    return ""


def token_of(scope: Scope) -> str:
    """The bearer token of the request, ``""`` when there is none. Source: RFC 6750 §2.1."""
    scheme, _, token = header(scope, b"authorization").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def read_body(scope: Scope, receive: Receive, limit: int, seconds: float = BODY_TIMEOUT) -> bytes:
    """The request body, at most *limit* bytes, within *seconds*.

    Raises:
        CollectorError: 413 too large (by its header already, where it says so), 408 too slow, 400 broken off, 503 no
            room for it (where the scope has a ``Room``).
    """
    length = header(scope, b"content-length")
    if length.isdigit() and int(length) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    grow = scope.get("ecomtrack.grow")
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise CollectorError(400, "broken-off", "the connection ended before the body did")
                part = message.get("body", b"")
                size += len(part)
                if size > limit:
                    parts.clear()
                    raise _too_large(limit)
                if grow is not None:
                    grow(len(part))
                parts.append(part)
                if not message.get("more_body", False):
                    return b"".join(parts) if len(parts) > 1 else parts[0]
    except TimeoutError:
        raise CollectorError(408, "too-slow", f"the body did not arrive within {seconds:g} seconds") from None


def _too_large(limit: int) -> CollectorError:
    return CollectorError(413, "too-large", f"the body is over {limit:,} bytes: send smaller batches")


async def respond(
    send: Send, status: int, body: bytes, content_type: str, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """One whole answer."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", content_type.encode()),
                (b"content-length", str(len(body)).encode()),
                (b"cache-control", b"no-store"),
                (b"x-content-type-options", b"nosniff"),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


def problem(error: CollectorError) -> tuple[int, bytes, Headers]:
    """Status, body and headers of the one shape every error has.

    The error lets go of where it came from: its frames hold the body of the request, and answering can take seconds.
    """
    error.__traceback__ = error.__context__ = None
    body = to_json(
        {
            "type": f"urn:ecomtrack:problem:{error.code}",
            "title": HTTPStatus(error.status).phrase,
            "status": error.status,
            "detail": error.detail,
            "code": error.code,
        }
    )
    headers: Headers = []
    if error.retry_after is not None:
        headers.append((b"retry-after", str(max(1, math.ceil(error.retry_after))).encode()))
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b'Bearer realm="ecomtrack"'))
    if error.status == HTTPStatus.REQUEST_TIMEOUT:
        headers.append((b"connection", b"close"))
    return error.status, body, headers


async def lifespan(receive: Receive, send: Send) -> None:
    """Agree to start and to stop: whoever runs the application opens and closes what it needs."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await send({"type": "lifespan.shutdown.complete"})
            return
