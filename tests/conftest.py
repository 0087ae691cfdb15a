"""Fixtures every test may use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from hypothesis import HealthCheck, settings

from tests.node import NodeClients, install
from tests.zygote import Zygote

# The same examples in each run, and no clock: a busy machine must not turn a test red.
settings.register_profile("ecomtrack", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ecomtrack")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real payloads and worked cases; tests that need it skip where it is absent."""
    places = [os.environ.get("ECOMTRACK_SHARED_DATA"), str(Path(__file__).parents[2] / "shared" / "data")]
    for place in places:
        if place and Path(place).is_dir():
            return Path(place)
    pytest.skip("the folder of real payloads is not part of this checkout (set ECOMTRACK_SHARED_DATA)")


@dataclass
class CollectorProcess:
    """A collector in a process of its own, on a free port, asked over HTTP like any other client."""

    url: str
    keys: dict[str, str]
    data: Path

    def get(self, path: str, **query: str) -> Any:
        """The JSON answer to a reader's question."""
        address = f"{self.url}{path}?{urlencode(query)}"
        request = Request(address, headers={"Authorization": f"Bearer {self.keys['read']}"})
        with urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def events(self, **where: str) -> list[dict[str, Any]]:
        """The accepted events in the order they happened."""
        found = [row["event"] for row in self.get("/v1/inspect/good", **where)]
        return sorted(found, key=lambda event: (datetime.fromisoformat(event["occurred_at"]), event["event_id"]))

    def wait_for(self, count: int, **where: str) -> list[dict[str, Any]]:
        """The accepted events as soon as there are *count*."""
        deadline = time.monotonic() + 120  # a busy machine must not turn a test red
        while len(found := self.events(**where)) < count:
            if time.monotonic() > deadline:
                pytest.fail(f"{len(found)} of {count} events arrived: {[event['type'] for event in found]}")
            time.sleep(0.05)
        return found

    def reset(self) -> None:
        """Empty the store."""
        headers = {"Authorization": f"Bearer {self.keys['server']}"}
        with urlopen(Request(self.url + "/v1/inspect/reset", b"", headers), timeout=30):
            pass


WEBHOOK_SECRET = "a secret shared with the shop system"

_SERVE = f"""
import json, sys
from ecomtrack_sdk.collector import serve
serve("127.0.0.1", 0, sys.argv[1], webhooks=dict.fromkeys(["shopify", "woocommerce"], {WEBHOOK_SECRET!r}),
      on_ready=lambda running: print(json.dumps(running), flush=True))
"""


@pytest.fixture(scope="module")
def collector_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    """One collector for a module's tests; it must leave with exit code 0 when asked to."""
    data = tmp_path_factory.mktemp("collector")
    process = subprocess.Popen([sys.executable, "-c", _SERVE, str(data)], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        running = json.loads(process.stdout.readline())
        yield CollectorProcess(running["url"], running["keys"], data)
        process.terminate()
        assert process.wait(30) == 0


@pytest.fixture(scope="session")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    """Cheap processes: an interpreter with everything imported that forks a child for each program."""
    if os.name != "posix":
        pytest.skip("forks are POSIX's")
    one = Zygote(tmp_path_factory.mktemp("zygote"))
    yield one
    one.close()


@pytest.fixture(scope="session")
def node_clients(pytestconfig: pytest.Config) -> NodeClients:
    """The JavaScript clients, kept between runs in pytest's own cache."""
    cache = pytestconfig.cache
    assert cache is not None
    return install(Path(cache.mkdir("node_clients")))
