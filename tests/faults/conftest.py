"""The real collector in a process of its own, the fault proxy before it, and counting at the store."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.zygote import Child, Zygote

pytestmark = pytest.mark.skipif(os.name != "posix", reason="forks and signals are POSIX's")

SERVE = """
import json, os, signal, sys
from ecomtrack_sdk.collector import serve
def ready(running):
    with open(sys.argv[3] + ".new", "w") as file: json.dump(running, file)
    os.replace(sys.argv[3] + ".new", sys.argv[3])
serve("127.0.0.1", int(sys.argv[2]), sys.argv[1], on_ready=ready)
"""


class Collector:
    """A collector that can be killed and started again on the same port and data."""

    def __init__(self, zygote: Zygote, data: Path) -> None:
        self._zygote = zygote
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.child: Child | None = None
        self.start()

    def start(self) -> None:
        flag = self.data.with_suffix(".ready")
        flag.unlink(missing_ok=True)
        self.child = self._zygote.start(SERVE, str(self.data), str(self.port), str(flag))
        deadline = time.monotonic() + 60
        while not flag.exists():
            assert time.monotonic() < deadline, self.child.errors()
            time.sleep(0.005)
        self.key = json.loads(flag.read_text())["keys"]["server"]

    def kill(self) -> None:
        assert self.child is not None
        self.child.kill()
        self.child.wait()

    def stored(self) -> Counter[str]:
        """Event ids in the log, with the number of rows each has."""
        with sqlite3.connect(f"file:{self.data / 'events.db'}?mode=ro", uri=True) as base:
            rows = base.execute("select event_id from log").fetchall()
        base.close()
        return Counter(row[0] for row in rows)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="session")
def collector_zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    """Cheap collectors."""
    one = Zygote(tmp_path_factory.mktemp("collectors"), ("ecomtrack_sdk.collector._server", "uvicorn", "duckdb"))
    yield one
    one.close()


@pytest.fixture(scope="session")
def collector(collector_zygote: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """One collector for all tests that leave it alive."""
    one = Collector(collector_zygote, tmp_path_factory.mktemp("store") / "data")
    yield one
    one.kill()


class ProxyProcess:
    """The fault proxy, from outside."""

    def __init__(self, target: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("proxy.py")), str(target)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = f"http://127.0.0.1:{json.loads(self._line())['port']}"

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def tell(self, **wish: Any) -> Counter[str]:
        """Change the weather; returns how often which fault has struck."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(wish) + "\n")
        self._process.stdin.flush()
        return Counter(json.loads(self._line()))

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


@pytest.fixture(scope="session")
def proxy_process(collector: Collector) -> Iterator[ProxyProcess]:
    one = ProxyProcess(collector.port)
    yield one
    one.close()


@pytest.fixture
def proxy(proxy_process: ProxyProcess) -> Iterator[ProxyProcess]:
    """The proxy, in fair weather before and after."""
    proxy_process.tell(faults=[], rate=0, down=False, forget=True)
    yield proxy_process
    proxy_process.tell(faults=[], rate=0, down=False, forget=True)
