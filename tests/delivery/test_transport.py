"""One request, whatever comes back: an answer within bounds, or a ``TransportError``."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from ecomtrack_sdk._delivery.flow import Answer, Send
from ecomtrack_sdk._delivery.transport import AsyncHttpTransport, HttpTransport, events_url, http_client
from ecomtrack_sdk._wire import LIMITS, decompress, encodings
from ecomtrack_sdk.errors import ConfigError, TransportError
from tests.raw_server import RawServer, answer, raw, reset

REQUEST = Send(b'{"a":1}\n', "key-1")
Attempt = Callable[..., Answer]


def _sync(url: str, **settings: object) -> Answer:
    transport = HttpTransport(url, "secret", **settings)  # type: ignore[arg-type]
    try:
        return transport.send(REQUEST)
    finally:
        transport.close()


def _async(backend: str) -> Attempt:
    def attempt(url: str, **settings: object) -> Answer:
        import anyio

        async def main() -> Answer:
            transport = AsyncHttpTransport(url, "secret", **settings)  # type: ignore[arg-type]
            try:
                return await transport.send(REQUEST)
            finally:
                await transport.aclose()

        return anyio.run(main, backend=backend)

    return attempt


@pytest.fixture(params=["sync", "asyncio", "trio"])
def attempt(request: pytest.FixtureRequest) -> Attempt:
    """Make one request with each transport."""
    return _sync if request.param == "sync" else _async(request.param)


def test_a_request_carries_the_batch_as_the_wire_says(attempt: Attempt) -> None:
    """Method, path, key, idempotency key, times, type and encoding, and the body comes out as it went in."""
    before = datetime.now(UTC)
    with RawServer(answer(body=b"{}")) as server:
        assert attempt(server.url) == Answer(200, b"{}", None)
        (request,) = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    assert first == "POST /v1/events HTTP/1.1"
    assert headers["authorization"] == "Bearer secret"
    assert headers["idempotency-key"] == "key-1"
    assert headers["content-type"] == "application/x-ndjson"
    assert headers["content-encoding"] == "gzip"
    assert before <= datetime.fromisoformat(headers["sent-at"]) <= datetime.now(UTC)
    assert decompress(body, "gzip") == REQUEST.body


@pytest.mark.parametrize("encoding", encodings())
def test_every_encoding_of_this_process_can_be_sent(encoding: str) -> None:
    """gzip, zstd where installed, and none."""
    with RawServer(answer()) as server:
        _sync(server.url, encoding=encoding)
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert (b"Content-Encoding" in head) == (encoding != "identity")
    assert decompress(body, encoding) == REQUEST.body


@pytest.mark.parametrize("status", [200, 301, 308, 400, 401, 413, 429, 503])
def test_every_status_is_an_answer(attempt: Attempt, status: int) -> None:
    """Judging a status is for the decision core; a redirect is not followed."""
    with RawServer(answer(f"{status} Reason", b"<html>", Location="http://127.0.0.1:9/")) as server:
        assert attempt(server.url) == Answer(status, b"<html>", None)
        assert len(server.requests) == 1


def test_a_chunked_and_a_compressed_answer_are_read(attempt: Attempt) -> None:
    """Proxies may compress what was not asked to be."""
    packed = gzip.compress(b'{"accepted": 1}')
    with RawServer(answer(body=packed, Content_Encoding="gzip")) as server:
        assert attempt(server.url).body == b'{"accepted": 1}'
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    with RawServer(raw(chunked)) as server:
        assert attempt(server.url).body == b"{}"


def test_retry_after_is_read_by_the_servers_own_clock(attempt: Attempt) -> None:
    """A date an hour ahead of the answer's own date is an hour, however wrong this machine's clock is."""
    headers = {"Date": "Sat, 31 Jan 1998 12:00:00 GMT", "Retry_After": "Sat, 31 Jan 1998 13:00:00 GMT"}
    with RawServer(answer("503 Busy", **headers)) as server:
        assert attempt(server.url).retry_after == 3600.0
    with RawServer(answer("429 Slow", Retry_After="7")) as server:
        assert attempt(server.url).retry_after == 7.0
    with RawServer(answer("503 Busy", Retry_After="Sat, 31 Jan 1998 13:00:00 GMT")) as server:
        assert attempt(server.url).retry_after == 0.0


BROKEN = {
    "closed at once": raw(b""),
    "reset": reset,
    "not HTTP": raw(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    "headers break off": raw(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "body breaks off": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
    "chunk breaks off": raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"),
    "truncated gzip": answer(body=gzip.compress(b'{"accepted": 1}' * 50)[:-12], Content_Encoding="gzip"),
    "not gzip": answer(body=b"{}", Content_Encoding="gzip"),
    "unknown encoding": answer(body=b"{}", Content_Encoding="br"),
    "gzip bomb": answer(body=gzip.compress(bytes(LIMITS.answer_bytes + 1)), Content_Encoding="gzip"),
    "endless": answer(body=bytes(LIMITS.answer_bytes + 1)),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_answer_is_no_answer(attempt: Attempt, fault: str) -> None:
    """Whatever breaks, the error is ours, says what happened, and holds no data."""
    with RawServer(BROKEN[fault]) as server, pytest.raises(TransportError) as caught:
        attempt(server.url)
    assert str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_error_page_that_cannot_be_read_still_has_a_status(attempt: Attempt) -> None:
    """The status of a refusal is what counts, not its page."""
    with RawServer(answer("401 No", b"<html>", Content_Encoding="br")) as server:
        assert attempt(server.url) == Answer(401, b"", None)


def test_nobody_listening_is_no_answer(attempt: Attempt) -> None:
    """A refused connection and an unknown host are errors of ours."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(TransportError, match="ConnectError"):
        attempt(f"http://127.0.0.1:{port}")
    with pytest.raises(TransportError):
        attempt("http://nowhere.invalid")


def test_a_silent_server_is_left_after_the_timeout(attempt: Attempt) -> None:
    """The request ends with an error though the connection stays open."""
    done = threading.Event()
    with RawServer(lambda _: (done.wait(30), None)[1]) as server:
        with pytest.raises(TransportError, match="Timeout"):
            attempt(server.url, timeout=0.3)
        done.set()


def test_a_body_that_drips_is_left_after_the_timeout(attempt: Attempt) -> None:
    """One byte now and then never trips a read timeout; the bound is on the whole answer."""
    done = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
        while not done.wait(0.05):
            connection.sendall(b"x")

    with RawServer(drip) as server:
        with pytest.raises(TransportError, match="drips"):
            attempt(server.url, timeout=0.6)
        done.set()


def test_connections_are_kept_and_closed() -> None:
    """Two requests use one connection; after close() the transport can be used again."""
    ready = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    connections = []

    def twice(connection: socket.socket) -> None:
        connections.append(connection.getpeername())
        connection.sendall(ready)
        connection.recv(65536)
        connection.sendall(ready)

    with RawServer(twice) as server:
        transport = HttpTransport(server.url, "secret")
        assert transport.send(REQUEST) == transport.send(REQUEST) == Answer(200, b"{}", None)
        transport.close()
        transport.close()
        assert transport.send(REQUEST).status == 200
        transport.close()
    assert len(connections) == 2


def test_a_client_that_is_handed_in_is_used_and_left_open() -> None:
    """Anything with httpx's interface will do, here httpx itself with a transport of the user's."""
    seen = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, stream=httpx.ByteStream(b"{}"))

    with httpx.Client(transport=httpx.MockTransport(handle), follow_redirects=True) as client:
        transport = HttpTransport("https://collect.example.com/base/", "secret", client=client)
        assert transport.send(REQUEST).body == b"{}"
        transport.close()
        assert not client.is_closed
        assert transport.send(REQUEST).status == 200
    assert str(seen[0].url) == "https://collect.example.com/base/v1/events"


def test_a_foreign_client_may_raise_what_it_likes() -> None:
    """Any exception of a client means: no answer."""

    class Odd:
        def build_request(self, **_: object) -> None:
            raise ZeroDivisionError

        def send(self, *_: object, **__: object) -> None:
            raise AssertionError

    with pytest.raises(TransportError, match="ZeroDivisionError: no details"):
        HttpTransport("http://x", "secret", client=Odd()).send(REQUEST)


@pytest.mark.parametrize(
    ("url", "full"),
    [
        ("http://localhost:8400", "http://localhost:8400/v1/events"),
        ("https://c.example.com/", "https://c.example.com/v1/events"),
        ("https://c.example.com/track", "https://c.example.com/track/v1/events"),
        ("https://c.example.com/v1/events", "https://c.example.com/v1/events"),
        ("http://[::1]:8400", "http://[::1]:8400/v1/events"),
    ],
)
def test_the_address_of_a_collector(url: str, full: str) -> None:
    """The path is added where it is missing."""
    assert events_url(url) == full


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "localhost:8400",
        "ftp://x",
        "http://",
        "http://x:99999",
        "http://x:0",
        "http://x y",
        "http://x?a=1",
        "http://x\n",
    ],
)
def test_a_wrong_address_is_a_config_error(wrong: str) -> None:
    """The error names the setting and shows an example."""
    with pytest.raises(ConfigError, match="url: "):
        HttpTransport(wrong, "secret")


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": ""},
        {"key": "with space"},
        {"key": "line\nbreak"},
        {"key": "schlüssel"},
        {"timeout": 0},
        {"timeout": float("nan")},
        {"encoding": "br"},
    ],
)
def test_wrong_settings_are_config_errors(wrong: dict[str, object]) -> None:
    """Each is found when the transport is made, not when the first event is lost."""
    settings = {"key": "secret", **wrong}
    with pytest.raises(ConfigError, match=f"{next(iter(wrong))}: "):
        HttpTransport("http://x", settings.pop("key"), **settings)  # type: ignore[arg-type]


def test_threads_share_one_client() -> None:
    """Many threads that send at once make one client."""
    made = []

    class Counting(httpx.Client):
        def __init__(self, *args: object, **settings: object) -> None:
            made.append(self)
            time.sleep(0.05)
            super().__init__(*args, **settings)  # type: ignore[arg-type]

    original, httpx.Client = httpx.Client, Counting  # type: ignore[misc]
    try:
        transport = HttpTransport("http://127.0.0.1:9", "secret")
        threads = [threading.Thread(target=transport.prepare) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        transport.close()
    finally:
        httpx.Client = original  # type: ignore[misc]
    assert len(made) == 1


def test_http_client_follows_nothing_and_takes_settings() -> None:
    """The factory others use has bounded waits."""
    with http_client(3.0, headers={"X-A": "b"}) as client:
        assert client.timeout == httpx.Timeout(3.0)
        assert not client.follow_redirects
        assert client.headers["X-A"] == "b"


def test_compression_is_what_zlib_reads() -> None:
    """The body is plain gzip, for servers in any language."""
    with RawServer(answer()) as server:
        _sync(server.url)
        body = server.requests[0].partition(b"\r\n\r\n")[2]
    assert zlib.decompress(body, zlib.MAX_WBITS | 16) == REQUEST.body
