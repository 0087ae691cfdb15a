"""The function in a process that is really frozen between its calls."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.conftest import Collector

pytestmark = pytest.mark.skipif(os.name != "posix", reason="freezing a process is POSIX's")

PLATFORM = """
import json, sys
from types import SimpleNamespace
import function
function.PATIENCE = 60.0  # this machine may be busy
for line in sys.stdin:
    call = json.loads(line)
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: call["left"])
    print(json.dumps(function.handler(call["event"], context)), flush=True)
"""


class Instance:
    """A platform's instance: it runs during a call and is frozen at any other time."""

    def __init__(self, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PLATFORM],
            cwd=Path(__file__).parent,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def call(self, order_id: str, left: int = 60_000) -> bool:
        """One call with so many milliseconds left; whether the collector has the event at its end."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.send_signal(signal.SIGCONT)
        event = {"order_id": order_id, "product_id": "boots", "price": "189.00"}
        self.process.stdin.write(json.dumps({"event": event, "left": left}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        self.process.send_signal(signal.SIGSTOP)
        return bool(answer["delivered"])

    def kill(self) -> None:
        """The platform throws an instance away without a word."""
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def instances() -> Iterator[list[Instance]]:
    """Instances that are thrown away at the end."""
    made: list[Instance] = []
    yield made
    for instance in made:
        instance.kill()


def orders(collector: Collector) -> list[str]:
    found = [row["event"]["order_id"] for row in collector.get("/v1/inspect/good")]
    return sorted(found)


def test_each_call_delivers_before_it_is_frozen(collector: Collector, instances: list[Instance]) -> None:
    """While the process is frozen, the collector already has what the call tracked."""
    instances.append(Instance())
    for number in range(3):
        assert instances[0].call(f"o{number}")
        assert orders(collector) == [f"o{index}" for index in range(number + 1)]


def test_a_call_ends_in_time_and_a_later_one_delivers(collector: Collector, instances: list[Instance]) -> None:
    """Without time left a call does not wait; its event goes with the next call."""
    instances.append(Instance())
    assert not instances[0].call("late", left=300)
    assert instances[0].call("next")
    assert orders(collector) == ["late", "next"]
