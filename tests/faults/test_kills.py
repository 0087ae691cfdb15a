"""SIGKILL at random moments: to the client, to the collector, to processes that share an outbox."""

from __future__ import annotations

import os
import random
import threading
import time
from pathlib import Path

import pytest

from ecomtrack_sdk import CustomEvent, RetryPolicy, S2SClient, Tracker
from ecomtrack_sdk._delivery import maintenance
from ecomtrack_sdk._delivery.transport import HttpTransport
from tests.faults.conftest import Collector

ROUNDS = int(os.environ.get("ECOMTRACK_KILL_ROUNDS", "200"))
COLLECTOR_ROUNDS = max(1, ROUNDS // 2)
pytestmark = pytest.mark.timeout(900)
QUICK = RetryPolicy(initial=0.01, ceiling=0.1)

TRACK = """
import os, sys, threading
from ecomtrack_sdk import CustomEvent, RetryPolicy, Tracker
tracker = Tracker(sys.argv[1], key=sys.argv[2], outbox=sys.argv[3], flush_interval=0.005, batch_events=50,
                  retry=RetryPolicy(initial=0.01, ceiling=0.1), timeout=5)
number = int(sys.argv[4])
def work():
    for _ in range(number):
        os.write(1, (tracker.track(CustomEvent(name="kill")) + "\\n").encode())
threads = [threading.Thread(target=work) for _ in range(int(sys.argv[5]))]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
"""


def drain(collector: Collector, directory: Path) -> None:
    """What ``ecomtrack outbox drain`` does."""
    done = maintenance.drain(directory, HttpTransport(collector.url, collector.key), timeout=60, policy=QUICK)
    assert done.pending == 0, done
    assert maintenance.report(directory).events == 0


def test_the_client_is_killed_at_random_points(collector, zygote, tmp_path):
    """200 processes, one after the other, each killed in the middle of tracking and sending: nothing is lost.

    Every event for which ``track()`` returned is stored once, delivered by itself, by a later process, or by a drain.
    """
    chance = random.Random(1)
    directory = tmp_path / "outbox"
    answered: list[str] = []
    for _ in range(ROUNDS):
        child = zygote.start(TRACK, collector.url, collector.key, str(directory), "100000", "1")
        time.sleep(chance.uniform(0.005, 0.12))
        child.kill()
        child.wait()
        answered += child.lines()
    drain(collector, directory)
    stored = collector.stored()
    assert len(answered) > ROUNDS // 4
    assert [event_id for event_id in answered if stored[event_id] != 1] == []


def test_processes_that_share_an_outbox_die_and_are_replaced(collector, zygote, tmp_path):
    """Eight processes of four threads on one directory, killed and replaced all the while: exactly once."""
    chance = random.Random(2)
    directory = tmp_path / "outbox"

    def start():
        return zygote.start(TRACK, collector.url, collector.key, str(directory), "60", "4")

    children = [start() for _ in range(8)]
    gone = []
    for _ in range(24):
        time.sleep(chance.uniform(0, 0.1))
        place = chance.randrange(8)
        children[place].kill()
        children[place].wait()
        gone.append(children[place])
        children[place] = start()
    answered = []
    whole = 0
    for child in [*gone, *children]:
        whole += child.wait() == 0
        answered += child.lines()
    assert whole >= 8
    drain(collector, directory)
    stored = collector.stored()
    assert len(answered) >= 8 * 240
    assert [event_id for event_id in answered if stored[event_id] != 1] == []


def test_the_collector_is_killed_at_random_points(collector_zygote, tmp_path):
    """100 kills of the collector under load from trackers and waiting clients: nothing acknowledged is missing.

    And nothing that was tracked either, and no event is there twice.
    """
    chance = random.Random(3)
    collector = Collector(collector_zygote, tmp_path / "data")
    stop = threading.Event()
    tracked: list[str] = []
    acknowledged: list[str] = []
    tracker = Tracker(
        collector.url, key=collector.key, outbox=tmp_path / "outbox", flush_interval=0.005, batch_events=40, retry=QUICK
    )

    def track() -> None:
        while not stop.is_set():
            tracked.append(tracker.track(CustomEvent(name="track")))
            # Where the collector takes long to start, no more is piled up than can be delivered at the end.
            time.sleep(0.001 if tracker.stats().pending < 2_000 else 0.2)

    def send() -> None:
        with S2SClient(collector.url, key=collector.key, retry=QUICK, timeout=5) as client:
            while not stop.is_set():
                events = [CustomEvent(name="send") for _ in range(20)]
                report = client.send(events)
                assert report.accepted + report.duplicate == 20
                acknowledged.extend(event.event_id for event in events)

    threads = [threading.Thread(target=work) for work in (track, track, send, send)]
    for thread in threads:
        thread.start()
    for _ in range(COLLECTOR_ROUNDS):
        time.sleep(chance.uniform(0.0, 0.15))
        before = len(acknowledged)
        collector.kill()
        stored = collector.stored()
        assert [event_id for event_id in acknowledged[:before] if stored[event_id] != 1] == []
        collector.start()
    stop.set()
    for thread in threads:
        thread.join()
    assert tracker.close(60)
    stored = collector.stored()
    collector.kill()
    assert tracker.stats().delivered == len(tracked)
    assert len(acknowledged) > 100
    assert [event_id for event_id in [*tracked, *acknowledged] if stored[event_id] != 1] == []


@pytest.mark.parametrize("durability", ["process", "disk"])
def test_an_outage_and_a_kill_together(collector, proxy, zygote, tmp_path, durability):
    """Events tracked while the collector was away, by processes that were killed, arrive when it is back."""
    proxy.tell(down=True)
    answered = []
    program = TRACK.replace("timeout=5", f"timeout=5, durability={durability!r}")
    for _ in range(5):
        child = zygote.start(program, proxy.url, collector.key, str(tmp_path / "outbox"), "100000", "2")
        while len(child.lines()) < 20:
            time.sleep(0.005)
        child.kill()
        child.wait()
        answered += child.lines()
    proxy.tell(down=False)
    drain(collector, tmp_path / "outbox")
    stored = collector.stored()
    assert [event_id for event_id in answered if stored[event_id] != 1] == []
