"""Hostile clients over real sockets: limits hold, memory stays bounded, the good client beside them is served."""

from __future__ import annotations

import http.client
import json
import select
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from ecomtrack_sdk import ViewPage
from ecomtrack_sdk._wire import LIMITS, encode_event

QUICK = """
import json, sys
from ecomtrack_sdk.collector import _guard, _http
_guard.HEAD_SECONDS = 1.0
_guard.MAX_CONNECTIONS = 60
_http.read_body.__kwdefaults__ = None
_http.read_body.__defaults__ = (1.0,)
if sys.argv[2:] == ["h11"]:
    sys.modules["httptools"] = None
from ecomtrack_sdk.collector import serve
serve("127.0.0.1", 0, sys.argv[1], on_ready=lambda info: print(json.dumps(info), flush=True))
"""
"""A collector that loses patience after a second, so that the tests need not wait for ten."""


def connect(served: Any) -> socket.socket:
    connection = socket.create_connection(served.address, timeout=60)
    connection.settimeout(60)
    return connection


def everything(connection: socket.socket) -> bytes:
    parts = []
    while True:
        try:
            part = connection.recv(65_536)
        except ConnectionError:
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


def head(served: Any, length: int | None = None, key: str = "server") -> bytes:
    size = b"Transfer-Encoding: chunked" if length is None else b"Content-Length: %d" % length
    lines = [
        b"POST /v1/events HTTP/1.1",
        b"Host: x",
        b"Content-Type: application/x-ndjson",
        b"Authorization: Bearer " + served.keys[key].encode(),
        size,
    ]
    return b"\r\n".join([*lines, b"", b""])


def good_client_works(served: Any) -> None:
    connection = http.client.HTTPConnection(*served.address, timeout=60)
    body = encode_event(ViewPage())
    headers = {"Authorization": f"Bearer {served.keys['server']}", "Content-Type": "application/x-ndjson"}
    connection.request("POST", "/v1/events", body, headers)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["accepted"]) == (200, 1)
    connection.close()


@pytest.fixture(scope="module", params=["httptools", "h11"])
def served(
    request: pytest.FixtureRequest, start_shared: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Any:
    return start_shared(tmp_path_factory.mktemp("data"), QUICK, request.param)


def test_a_head_that_never_ends_is_cut_off(served):
    """Slow loris: headers one by one end in 408 and a closed connection."""
    with connect(served) as slow:
        slow.sendall(b"POST /v1/events HTTP/1.1\r\nHost: x\r\n")
        answer = everything(slow)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in answer
    good_client_works(served)


def test_a_head_that_drips_is_cut_off_all_the_same(served):
    """A byte now and then buys no time: patience counts from the first byte of a head to its last."""
    with connect(served) as slow:
        slow.sendall(b"GET /health HTTP/1.1\r\nX-Drip: ")
        for _ in range(600):
            try:
                slow.sendall(b"a")
            except OSError:
                break
            if select.select([slow], [], [], 0.1)[0]:
                break
        else:
            pytest.fail("the connection lived on")
        assert everything(slow).startswith((b"HTTP/1.1 408 ", b""))
    good_client_works(served)


def test_a_silent_connection_is_closed(served):
    """A connection that says nothing does not stay."""
    with connect(served) as silent:
        assert everything(silent).startswith(b"HTTP/1.1 408 ")


def test_a_second_slow_head_on_a_kept_connection_is_cut_off(served):
    """Patience is the same for every request of a connection, not only for the first."""
    with connect(served) as slow:
        slow.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        seen = b""
        while b'"ok"' not in seen:
            seen += slow.recv(65_536)
        slow.sendall(b"GET /health HTTP/1.1\r\nHost")
        assert everything(slow).startswith(b"HTTP/1.1 408 ")


def test_a_slow_body_is_cut_off(served):
    """A body that does not come is 408; nothing of it is stored."""
    with connect(served) as slow:
        slow.sendall(head(served, 1_000) + b'{"type"')
        answer = everything(slow)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert json.loads(answer.split(b"\r\n\r\n", 1)[1])["code"] == "too-slow"
    good_client_works(served)


def test_a_huge_head_is_refused(served):
    """Megabytes of headers end the connection with 431 or 400 instead of filling the memory."""
    with connect(served) as greedy:
        try:
            greedy.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
            for _ in range(400):
                greedy.sendall(b"X-Padding: " + b"a" * 4_000 + b"\r\n")
        except OSError:
            pass
        answer = everything(greedy)
    assert not answer or answer.split(b" ")[1] in (b"431", b"400")
    good_client_works(served)


def test_an_endless_chunked_body_stops_at_the_limit(served):
    """Chunks without end are answered with 413 after the limit of the body."""
    with connect(served) as endless:
        endless.sendall(head(served))
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        stop = threading.Event()

        def pour() -> None:
            try:
                while not stop.is_set():
                    endless.sendall(chunk)
            except OSError:
                pass

        pouring = threading.Thread(target=pour)
        pouring.start()
        answer = endless.recv(65_536)
        stop.set()
        endless.shutdown(socket.SHUT_RDWR)
        pouring.join()
    assert answer.startswith(b"HTTP/1.1 413 ")
    good_client_works(served)


def test_a_client_that_sends_too_much_still_reads_the_413(served):
    """The refusal by the declared length reaches a client that sends its whole body before it reads."""
    connection = http.client.HTTPConnection(*served.address, timeout=60)
    headers = {"Authorization": f"Bearer {served.keys['server']}", "Content-Type": "application/x-ndjson"}
    connection.request("POST", "/v1/events", b"x" * (LIMITS.body_bytes * 2), headers)
    answer = connection.getresponse()
    assert answer.status == 413
    assert json.loads(answer.read())["code"] == "too-large"
    connection.close()


def test_connections_beyond_the_bound_are_told_so(served):
    """Over the bound a connection gets 503 with Retry-After at once; when others leave there is room again."""
    with ExitStack() as stack:
        for _ in range(60):
            crowd = stack.enter_context(connect(served))
            crowd.sendall(head(served, 100))  # a whole head: these wait for the body
        with connect(served) as one_more:
            answer = everything(one_more)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: " in answer.lower()
    for _ in range(100):  # the kernel tells the collector of the closed ones in its own time
        try:
            good_client_works(served)
        except (AssertionError, OSError, http.client.HTTPException, ValueError):
            threading.Event().wait(0.1)
        else:
            return
    good_client_works(served)
