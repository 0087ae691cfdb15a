"""The way out: one HTTP request, and its bounded answer.

The only module that imports httpx, and it does so when the first client is made (79 ms, and 21 ms for the TLS context):
``import ecomtrack_sdk`` stays light, and the caller of ``track()`` never pays.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from ecomtrack_sdk._delivery.flow import Answer, Send
from ecomtrack_sdk._delivery.retry import http_date, parse_retry_after
from ecomtrack_sdk._types import utc_now
from ecomtrack_sdk._wire import LIMITS, NDJSON_TYPE, compress, decompress, encodings
from ecomtrack_sdk.errors import ConfigError, TransportError, WireError

if TYPE_CHECKING:
    import httpx

__all__ = [
    "AsyncHttpTransport",
    "AsyncTransport",
    "HttpTransport",
    "Transport",
    "async_http_client",
    "http_client",
    "http_errors",
]

EVENTS_PATH = "/v1/events"


class Transport(Protocol):
    """Makes one request; retries nothing."""

    def send(self, request: Send) -> Answer:
        """The answer to *request*, whatever its status.

        Raises:
            TransportError: No answer, or one that breaks off, or one that is too long.
        """
        ...

    def close(self) -> None:
        """Give up the connections; a client that was handed in stays open."""
        ...


class AsyncTransport(Protocol):
    """As :class:`Transport`, awaited."""

    async def send(self, request: Send) -> Answer:
        """As :meth:`Transport.send`."""
        ...

    async def aclose(self) -> None:
        """As :meth:`Transport.close`."""
        ...


def http_client(timeout: float = 10.0, **settings: Any) -> httpx.Client:
    """A client as this package uses them: bounded waits, no redirects, no retries of its own.

    Args:
        timeout: Seconds for each of connecting, sending a piece and receiving a piece.
        settings: Anything else ``httpx.Client`` takes.
    """
    import httpx

    return httpx.Client(timeout=timeout, follow_redirects=False, **settings)


def http_errors() -> tuple[type[Exception], ...]:
    """What :func:`http_client` raises when there is no answer or the address is none."""
    import httpx

    return httpx.HTTPError, httpx.InvalidURL


def async_http_client(timeout: float = 10.0, **settings: Any) -> httpx.AsyncClient:
    """As :func:`http_client`, for asyncio and trio."""
    import httpx

    return httpx.AsyncClient(timeout=timeout, follow_redirects=False, **settings)


class _Route:
    """What both transports share: address, headers, the reading of an answer."""

    def __init__(self, url: str, key: str, timeout: float, encoding: str) -> None:
        self.url = events_url(url)
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise ConfigError("key: must be the key of a collector, printable ASCII without spaces")
        if encoding not in encodings():
            raise ConfigError(f"encoding: must be one of {', '.join(encodings())}; zstd needs the extra of that name")
        if not timeout > 0:
            raise ConfigError("timeout: must be above 0 seconds")
        self.timeout = timeout
        self.encoding = encoding
        self.headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": NDJSON_TYPE,
            # A compressed answer is not asked for: it is short, and cannot be a bomb then.
            "Accept-Encoding": "identity",
            "Accept": "application/json",
        }
        if encoding != "identity":
            self.headers["Content-Encoding"] = encoding

    def arguments(self, request: Send) -> dict[str, Any]:
        """Arguments of ``build_request``."""
        return {
            "method": "POST",
            "url": self.url,
            "content": compress(request.body, self.encoding),
            "headers": {**self.headers, "Idempotency-Key": request.key, "Sent-At": utc_now().isoformat()},
            "timeout": self.timeout,
        }

    def deadline(self) -> float:
        """When reading an answer has taken too long: a server that drips bytes must not hold the sender for ever."""
        return time.monotonic() + self.timeout


def events_url(url: str) -> str:
    """The address events go to, from the address of a collector.

    Raises:
        ConfigError: Not an http or https address.
    """
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        fine = fine and url.isascii() and url.isprintable() and " " not in url and not (parts.query or parts.fragment)
    except ValueError:
        fine = False
    if not fine:
        raise ConfigError(f"url: must be the address of a collector such as 'https://collect.example.com', not {url!r}")
    return url.rstrip("/").removesuffix(EVENTS_PATH) + EVENTS_PATH


class _Received:
    """An answer while it arrives, never longer than the limit nor slower than the deadline."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.size = 0
        self.chunks: list[bytes] = []

    def add(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self.chunks.append(chunk)
        if self.size > LIMITS.answer_bytes:
            raise TransportError(f"the answer is over {LIMITS.answer_bytes:,} bytes")
        if time.monotonic() > self.deadline:
            raise TransportError("the answer drips in too slowly")

    def answer(self, status: int, headers: Mapping[str, str]) -> Answer:
        try:
            body = decompress(
                b"".join(self.chunks), headers.get("content-encoding", "").strip().lower(), LIMITS.answer_bytes
            )
        except WireError as error:
            if 200 <= status < 300:
                raise TransportError(f"the answer (HTTP {status}) cannot be read: {error}") from None
            body = b""  # the status says enough
        # The sender's clock may be hours off; the header is read by the clock that wrote it.
        written = http_date(headers.get("date", ""))
        now = time.time() if written is None else written
        return Answer(status, body, parse_retry_after(headers.get("retry-after"), now))


def _no_answer(error: Exception) -> TransportError:
    """Any failure of any HTTP client, in our own words and without its data."""
    words = str(error).strip() or "no details"
    return TransportError(f"no answer: {type(error).__name__}: {words}")


class HttpTransport:
    """Batches to a collector over httpx, or over a client that was handed in.

    Args:
        url: Address of the collector; ``/v1/events`` is added.
        key: Server key.
        timeout: Seconds for connecting, for each piece sent, and for the whole answer.
        encoding: ``"gzip"``, ``"zstd"`` (extra ``zstd``) or ``"identity"``.
        client: Anything with httpx's ``build_request`` and ``send``; it is not closed here.

    Raises:
        ConfigError: An argument is wrong.
    """

    def __init__(
        self, url: str, key: str, *, timeout: float = 10.0, encoding: str = "gzip", client: Any = None
    ) -> None:
        self._route = _Route(url, key, timeout, encoding)
        self._client: httpx.Client | None = client
        self._own = client is None
        self._lock = Lock()
        self._pid = os.getpid()

    def prepare(self) -> None:
        """Make the client now, with all that is imported for it."""
        self._ready()

    def _ready(self) -> httpx.Client:
        if self._own and self._pid != os.getpid():
            # A connection shared with the parent would mix up two conversations; it is left to the parent, unclosed.
            self._client, self._lock, self._pid = None, Lock(), os.getpid()
        if self._client is None:
            with self._lock:
                if self._client is None:
                    self._client = http_client(self._route.timeout)
        return self._client

    def send(self, request: Send) -> Answer:
        """As :meth:`Transport.send`; the first call makes the client."""
        client = self._ready()
        received = _Received(self._route.deadline())
        try:
            response = client.send(
                client.build_request(**self._route.arguments(request)), stream=True, follow_redirects=False
            )
            try:
                received.deadline = self._route.deadline()
                chunks: Iterator[bytes] = response.iter_raw()
                for chunk in chunks:
                    received.add(chunk)
            finally:
                response.close()
        except TransportError:
            raise
        except Exception as error:  # a foreign client raises what it likes; all of it means: no answer
            raise _no_answer(error) from error
        return received.answer(response.status_code, response.headers)

    def close(self) -> None:
        """Close the client that was made here."""
        if self._own and self._client is not None:
            client, self._client = self._client, None
            if self._pid == os.getpid():
                client.close()


class AsyncHttpTransport:
    """As :class:`HttpTransport`, under asyncio or trio."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float = 10.0,
        encoding: str = "gzip",
        client: Any = None,
    ) -> None:
        self._route = _Route(url, key, timeout, encoding)
        self._client: httpx.AsyncClient | None = client
        self._own = client is None

    async def send(self, request: Send) -> Answer:
        """As :meth:`Transport.send`."""
        if self._client is None:
            self._client = async_http_client(self._route.timeout)
        received = _Received(self._route.deadline())
        try:
            response = await self._client.send(
                self._client.build_request(**self._route.arguments(request)), stream=True, follow_redirects=False
            )
            try:
                received.deadline = self._route.deadline()
                chunks: AsyncIterator[bytes] = response.aiter_raw()
                async for chunk in chunks:
                    received.add(chunk)
            finally:
                await response.aclose()
        except TransportError:
            raise
        except Exception as error:  # as above; cancellation is a BaseException and passes
            raise _no_answer(error) from error
        return received.answer(response.status_code, response.headers)

    async def aclose(self) -> None:
        """Close the client that was made here."""
        if self._own and self._client is not None:
            client, self._client = self._client, None
            await client.aclose()
