"""``ecomtrack outbox``: what waits, what was refused, and what can be done about it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ecomtrack_sdk import Item, Order, Tracker, ViewPage
from tests.cli.conftest import Command, Running

LEAVE_BEHIND = """
import os, sys
from ecomtrack_sdk import Tracker, ViewPage
tracker = Tracker("http://127.0.0.1:9", key="key-of-some-length", outbox=sys.argv[1])
for number in range(5):
    tracker.track(ViewPage(visitor_id=f"v{number}"))
os._exit(0)
"""


@pytest.fixture
def orphaned(tmp_path: Path) -> Path:
    """An outbox with five events of a process that is gone."""
    subprocess.run([sys.executable, "-c", LEAVE_BEHIND, str(tmp_path / "outbox")], check=True)
    return tmp_path / "outbox"


@pytest.fixture
def refused(collector: Running, tmp_path: Path) -> Path:
    """An outbox with two dead letters: orders sent with a key that may only send browsing events."""
    outbox = tmp_path / "outbox"
    with Tracker(collector.url, key=collector.keys["site"], outbox=outbox) as tracker:
        for number in (1, 2):
            tracker.track(Order(order_id=str(number), items=[Item(product_id="p", price=1)], currency="EUR"))
        tracker.track(ViewPage(visitor_id="v"))
        tracker.flush(60)
        assert tracker.stats().rejected == 2
    return outbox


def test_stats_and_drain(ecomtrack: Command, collector: Running, orphaned: Path):
    """What a dead process left is counted, delivered, and then gone."""
    stats = ecomtrack("outbox", "stats", "--outbox", orphaned, "--json").json()
    assert (stats["events"], stats["dead_letters"], [one["alive"] for one in stats["processes"]]) == (5, 0, [False])
    assert "ecomtrack outbox drain" in ecomtrack("outbox", "stats", "--outbox", orphaned).out
    drained = ecomtrack("outbox", "drain", "--outbox", orphaned, "--data", collector.data, "--json")
    assert (drained.code, drained.json()["delivered"], drained.json()["pending"]) == (0, 5, 0)
    assert ecomtrack("outbox", "stats", "--outbox", orphaned, "--json").json()["events"] == 0


def test_drain_without_a_collector_fails_and_loses_nothing(ecomtrack: Command, orphaned: Path):
    """When nobody answers the events stay and the exit code is 1."""
    words = ("--url", "http://127.0.0.1:9", "--key", "key-of-some-length", "--timeout", "0.2")
    assert ecomtrack("outbox", "drain", "--outbox", orphaned, *words).code == 1
    assert ecomtrack("outbox", "stats", "--outbox", orphaned, "--json").json()["events"] == 5


def test_dead_letters_are_listed_shown_retried_and_purged(ecomtrack: Command, collector: Running, refused: Path):
    """Each step of a dead letter's life; with the right key a retry succeeds."""
    listed = ecomtrack("outbox", "list", "--outbox", refused, "--json").json()
    assert listed["dead_letters"] == 2
    event_id = listed["events"][0]["event_id"]
    assert event_id in ecomtrack("outbox", "list", "--outbox", refused).out
    shown = ecomtrack("outbox", "show", event_id, "--outbox", refused, "--json").json()
    assert (shown["state"], shown["event"]["type"]) == ("dead", "order")
    assert ecomtrack("outbox", "retry", event_id, "--outbox", refused, "--json").json() == {"retried": 1}
    drained = ecomtrack("outbox", "drain", "--outbox", refused, "--data", collector.data, "--json").json()
    assert (drained["delivered"], drained["rejected"]) == (1, 0)
    assert ecomtrack("outbox", "purge", "--yes", "--outbox", refused, "--json").json() == {"purged": 1}
    assert "No dead letters" in ecomtrack("outbox", "list", "--outbox", refused).out


def test_drain_tells_of_refusals(ecomtrack: Command, collector: Running, refused: Path):
    """A retry that is refused again ends with exit code 3."""
    ecomtrack("outbox", "retry", "--outbox", refused)
    words = ("--url", collector.url, "--key", collector.keys["site"])
    assert ecomtrack("outbox", "drain", "--outbox", refused, *words).code == 3


def test_unknown_outbox_and_event(ecomtrack: Command, tmp_path: Path, refused: Path):
    """A place without an outbox and an event that is not there are explained."""
    nowhere = ecomtrack("outbox", "list", "--outbox", tmp_path / "none")
    assert (nowhere.code, "no outbox" in nowhere.err) == (2, True)
    assert ecomtrack("outbox", "show", "no-such-event", "--outbox", refused).code == 2


@pytest.mark.skipif(os.name == "nt", reason="the places differ")
def test_default_outbox_is_found(ecomtrack: Command, collector: Running):
    """Without --outbox the only one of the project is meant; a second collector makes a choice necessary."""
    with Tracker(collector.url, key=collector.keys["server"]) as tracker:
        tracker.track(ViewPage(visitor_id="v"))
    assert ecomtrack("outbox", "stats").code == 0
    with Tracker("http://127.0.0.1:9", key=collector.keys["server"]) as tracker:
        tracker.track(ViewPage(visitor_id="v"))
        tracker.close(0)
    assert "--url" in ecomtrack("outbox", "stats").err
    assert ecomtrack("outbox", "stats", "--url", "http://127.0.0.1:9", "--json").json()["events"] == 1
