"""Forks at the worst moments, many times."""

from __future__ import annotations

import os
import textwrap

import pytest

from ecomtrack_sdk._delivery import maintenance
from ecomtrack_sdk._delivery.transport import HttpTransport

FORKS = int(os.environ.get("ECOMTRACK_FORKS", "500"))

PROGRAM = """
import faulthandler, os, signal, sys, threading
from ecomtrack_sdk import CustomEvent, Tracker
def note(event_id): os.write(1, (event_id + "\\n").encode())
signal.alarm(800)  # a deadlock ends the test, not the build
tracker = Tracker(sys.argv[1], key=sys.argv[2], outbox=sys.argv[3], flush_interval=0.001, batch_events=20,
                  on_delivered=lambda number: None)
stop = threading.Event()
def busy():
    while not stop.is_set():
        note(tracker.track(CustomEvent(name="parent")))
        tracker.stats()
        stop.wait(0.0005)
threads = [threading.Thread(target=busy) for _ in range(3)]
[thread.start() for thread in threads]
bad = 0
for number in range(int(sys.argv[4])):
    pid = os.fork()
    if pid == 0:
        faulthandler.dump_traceback_later(90, exit=True)
        note(tracker.track(CustomEvent(name="child")))
        stats = tracker.stats()  # a child has nothing of its parent's, but may have adopted what its siblings left
        assert stats.accepted - stats.adopted == 1, stats
        if number % 10 == 0:
            assert tracker.flush(30), tracker.stats()
        os._exit(0)
    bad += os.waitpid(pid, 0)[1] != 0
stop.set()
[thread.join() for thread in threads]
assert bad == 0, bad
tracker.close(60)
"""


@pytest.mark.timeout(900)
def test_forks_while_threads_track_and_the_worker_sends(collector, zygote, tmp_path):
    """500 forks while three threads track and the worker holds locks: no child hangs, nothing is lost or doubled."""
    directory = tmp_path / "outbox"
    child = zygote.start(textwrap.dedent(PROGRAM), collector.url, collector.key, str(directory), str(FORKS))
    code = child.wait()
    assert (code, child.errors()) == (0, "")
    ids = child.lines()
    maintenance.drain(directory, HttpTransport(collector.url, collector.key), timeout=60)
    stored = collector.stored()
    assert len(ids) > FORKS
    assert [event_id for event_id in ids if stored[event_id] != 1] == []
    assert maintenance.report(directory).events == 0
