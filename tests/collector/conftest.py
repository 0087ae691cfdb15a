"""Collectors for the tests: in process over ASGI, and as real processes over sockets."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ecomtrack_sdk.collector import Collector, KeyRing, create_app
from ecomtrack_sdk.store import SqliteStore
from ecomtrack_sdk.store._duckdb import DuckDBWarehouse

TOKENS = {"site": "site-key-for-tests-only", "server": "server-key-for-tests-only", "read": "read-key-for-tests-only"}

PROGRAM = """
import json, sys
from ecomtrack_sdk.collector import serve
serve("127.0.0.1", 0, sys.argv[1], on_ready=lambda info: print(json.dumps(info), flush=True))
"""


@dataclass
class Answer:
    """An HTTP answer as the tests look at it."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class InProcess:
    """A collector without a server: each call is one ASGI request."""

    app: Collector
    store: SqliteStore
    client: tuple[str, int] = ("127.0.0.1", 1)
    tokens: dict[str, str] = field(default_factory=lambda: dict(TOKENS))

    def call(
        self,
        method: str,
        path: str,
        body: bytes | list[bytes] = b"",
        key: str | None = None,
        *,
        broken_off: bool = False,
        **headers: str,
    ) -> Answer:
        """One request; *key* is a kind of key or a token, header names are written with underscores."""
        path, _, query = path.partition("?")
        given = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
        if key is not None:
            given.append((b"authorization", b"Bearer " + self.tokens.get(key, key).encode()))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": given,
            "client": self.client,
            "server": ("127.0.0.1", 8400),
        }
        parts = [body] if isinstance(body, bytes) else list(body)
        incoming = [
            {"type": "http.request", "body": part, "more_body": broken_off or place < len(parts) - 1}
            for place, part in enumerate(parts)
        ]
        sent: list[Any] = []

        async def receive() -> Any:
            if incoming:
                return incoming.pop(0)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))
        start = sent[0]
        assert start["type"] == "http.response.start"
        names = {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]}
        return Answer(start["status"], names, b"".join(message.get("body", b"") for message in sent[1:]))

    def send(self, *events: dict[str, Any] | bytes, key: str = "server", **headers: str) -> Answer:
        """Events as an NDJSON batch."""
        lines = [event if isinstance(event, bytes) else json.dumps(event).encode() for event in events]
        headers.setdefault("content_type", "application/x-ndjson")
        return self.call("POST", "/v1/events", b"\n".join(lines), key=key, **headers)


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[InProcess]:
    """A collector in this process, in test mode, with the keys of ``TOKENS``."""
    with SqliteStore(tmp_path / "events.db") as store:
        app = create_app(store, KeyRing.of(TOKENS), test_mode=True)
        yield InProcess(app, store)
        app.close()


def _serving(path: Path, *, open_on_loopback: bool) -> Iterator[InProcess]:
    with SqliteStore(path / "events.db") as store:
        app = create_app(
            store,
            KeyRing.of(TOKENS),
            open_warehouse=lambda: DuckDBWarehouse(store),
            test_mode=True,
            open_on_loopback=open_on_loopback,
        )
        yield InProcess(app, store)
        app.close()


@pytest.fixture
def local(tmp_path: Path) -> Iterator[InProcess]:
    """A collector on a loopback address, with reports."""
    yield from _serving(tmp_path, open_on_loopback=True)


@pytest.fixture
def public(tmp_path: Path) -> Iterator[InProcess]:
    """A collector that other machines can reach."""
    yield from _serving(tmp_path, open_on_loopback=False)


@dataclass
class Served:
    """A collector in a process of its own."""

    process: subprocess.Popen[str]
    info: dict[str, Any]

    @property
    def url(self) -> str:
        return str(self.info["url"])

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.url.removeprefix("http://").split(":")
        return host, int(port)

    @property
    def keys(self) -> dict[str, str]:
        keys: dict[str, str] = self.info["keys"]
        return keys

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signal the process and wait for its end."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(60)
        finally:
            assert self.process.stdout is not None
            self.process.stdout.close()


def _starter(default: Path) -> Iterator[Callable[..., Served]]:
    started: list[Served] = []

    def begin(data: Path | None = None, program: str = PROGRAM, *arguments: str) -> Served:
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(data or default), *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            process.wait(60)
            process.stdout.close()
            raise RuntimeError(f"the collector ended with {process.returncode}")
        served = Served(process, json.loads(line))
        started.append(served)
        return served

    yield begin
    for served in started:
        if served.process.poll() is None:
            served.stop(signal.SIGKILL)
        elif served.process.stdout is not None:
            served.process.stdout.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts collectors on a data directory and ends those that still run."""
    yield from _starter(tmp_path / "data")


@pytest.fixture(scope="module")
def start_shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Served]]:
    """``start`` for collectors that all tests of a module share; each needs a directory of its own."""
    yield from _starter(tmp_path_factory.mktemp("shared") / "data")
