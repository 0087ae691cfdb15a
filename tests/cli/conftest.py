"""The command as a user runs it: its words, its exit code, a real collector behind it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from ecomtrack_sdk import Item, Order, Refund
from ecomtrack_sdk.cli._app import run


@dataclass(frozen=True)
class Outcome:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine reaches a test, and no test writes into the user's folders."""
    for name in [name for name in os.environ if name.startswith("ECOMTRACK_") and name != "ECOMTRACK_SHARED_DATA"]:
        monkeypatch.delenv(name)
    for name in ("XDG_DATA_HOME", "XDG_STATE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def ecomtrack(capfd: pytest.CaptureFixture[str]) -> Command:
    """Run ``ecomtrack`` with the given words."""

    def call(*words: object) -> Outcome:
        capfd.readouterr()
        code = run([str(word) for word in words])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return Outcome(code, out, err)

    return call


@dataclass(frozen=True)
class Running:
    """A collector started by the command, and its first line."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]

    @property
    def url(self) -> str:
        return str(self.ready["url"])

    @property
    def data(self) -> str:
        return str(self.ready["data"])

    @property
    def keys(self) -> dict[str, str]:
        return dict(self.ready["keys"])

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def start_collector(data: Path) -> Running:
    """``ecomtrack collector --port 0 --json`` on a data directory."""
    command = [sys.executable, "-m", "ecomtrack_sdk", "collector", "--port", "0", "--data", str(data), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        with process:
            pytest.fail(f"the collector ended with code {process.wait(30)}")
    return Running(process, json.loads(line))


@pytest.fixture(scope="module")
def module_collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One collector for the tests of a module; it leaves with exit code 0."""
    running = start_collector(tmp_path_factory.mktemp("collector"))
    with running.process:
        yield running
        assert running.stop() == 0


@pytest.fixture
def collector(module_collector: Running) -> Running:
    """The module's collector, empty."""
    headers = {"Authorization": f"Bearer {module_collector.keys['server']}"}
    with urlopen(Request(module_collector.url + "/v1/inspect/reset", b"", headers), timeout=30):
        pass
    return module_collector


@pytest.fixture
def own_collector(tmp_path: Path) -> Iterator[Running]:
    """A collector for a test that stops it."""
    running = start_collector(tmp_path / "collector")
    with running.process:
        yield running
        running.process.terminate()


@pytest.fixture
def orders_jsonl(tmp_path: Path) -> Path:
    """Two orders and a refund in wire form, one a line."""
    events = [
        Order(
            event_id="00000000-0000-7000-8000-000000000001",
            occurred_at="2026-01-05T10:00:00Z",
            order_id="1",
            items=[Item(product_id="p1", price="19.90", quantity=2)],
            currency="EUR",
        ),
        Order(
            event_id="00000000-0000-7000-8000-000000000002",
            occurred_at="2026-02-05T10:00:00Z",
            order_id="2",
            items=[Item(product_id="p2", price="100")],
            currency="EUR",
        ),
        Refund(
            event_id="00000000-0000-7000-8000-000000000003",
            occurred_at="2026-02-09T10:00:00Z",
            refund_id="r1",
            order_id="1",
            amount="19.90",
            currency="EUR",
        ),
    ]
    path = tmp_path / "orders.jsonl"
    path.write_text("".join(event.model_dump_json(exclude_none=True) + "\n" for event in events))
    return path
