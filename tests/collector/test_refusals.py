"""A refusal reaches those who send all of a body before they read: common clients, with their own defaults."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import requests

from ecomtrack_sdk._wire import LIMITS

SIZE = LIMITS.body_bytes * 3


def by_urllib(url: str, headers: dict[str, str], body: bytes) -> int:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60)
    with refused.value as error:
        assert json.load(error)["status"] == error.code
        return error.code


def by_requests(url: str, headers: dict[str, str], body: bytes) -> int:
    with requests.post(url, data=body, headers=headers, timeout=60) as answer:
        assert answer.json()["status"] == answer.status_code
        return int(answer.status_code)


def by_requests_in_chunks(url: str, headers: dict[str, str], body: bytes) -> int:
    with requests.post(url, data=iter([body[:100_000], body[100_000:]]), headers=headers, timeout=60) as answer:
        return int(answer.status_code)


def by_httpx(url: str, headers: dict[str, str], body: bytes) -> int:
    return httpx.post(url, content=body, headers=headers, timeout=60).status_code


def by_curl(url: str, headers: dict[str, str], body: bytes, *more: str) -> int:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    given = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    command = ["curl", "-sS", "-o", "-", "-w", "\n%{http_code}", url, *given, *more, "--data-binary", "@-"]
    done = subprocess.run(command, input=body, capture_output=True, check=True)
    return int(done.stdout.rpartition(b"\n")[2])


def by_curl_without_asking(url: str, headers: dict[str, str], body: bytes) -> int:
    return by_curl(url, headers, body, "-H", "Expect:")


CLIENTS = [by_urllib, by_requests, by_requests_in_chunks, by_httpx, by_curl, by_curl_without_asking]


@pytest.fixture(scope="module")
def served(start_shared: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    return start_shared(tmp_path_factory.mktemp("data"))


@pytest.mark.parametrize("client", CLIENTS)
def test_too_large_a_body_is_told_so(served, client):
    """413 and its explanation arrive, not a reset connection."""
    headers = {"Authorization": f"Bearer {served.keys['server']}", "Content-Type": "application/x-ndjson"}
    assert client(served.url + "/v1/events", headers, b"x" * SIZE) == 413


@pytest.mark.parametrize("client", CLIENTS)
def test_a_large_body_without_a_key_is_told_so(served, client):
    """401 arrives as well, and so does 404, whatever is sent."""
    headers = {"Content-Type": "application/x-ndjson"}
    assert client(served.url + "/v1/events", headers, b"x" * SIZE) == 401
    assert client(served.url + "/nothing", headers, b"x" * SIZE) == 404


def test_who_asks_first_sends_nothing(served):
    """With ``Expect: 100-continue`` the refusal comes before the body, which is never asked for."""
    with socket.create_connection(served.address, timeout=60) as connection:
        head = "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(65_536).startswith(b"HTTP/1.1 401 ")
