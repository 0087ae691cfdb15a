"""A real collector for the tests of the examples."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest


@dataclass(frozen=True)
class Collector:
    """Where it listens, and its keys by kind."""

    url: str
    keys: dict[str, str]

    def get(self, path: str) -> Any:
        """The JSON answer to a request with the read key."""
        request = Request(self.url + path, headers={"Authorization": f"Bearer {self.keys['read']}"})
        with urlopen(request, timeout=60) as answer:
            return json.load(answer)


@pytest.fixture
def collector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A running collector; the environment of the SDK points to it."""
    command = [sys.executable, "-m", "ecomtrack_sdk", "collector", "--port", "0", "--json", "--data"]
    with subprocess.Popen([*command, str(tmp_path / "collector")], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        monkeypatch.setenv("ECOMTRACK_URL", ready["url"])
        monkeypatch.setenv("ECOMTRACK_KEY", ready["keys"]["server"])
        monkeypatch.setenv("ECOMTRACK_OUTBOX", str(tmp_path / "outbox"))
        yield Collector(ready["url"], ready["keys"])
        process.terminate()
        assert process.wait(30) == 0
