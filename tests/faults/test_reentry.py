"""``track()`` called in the midst of ``track()``: by a signal handler, by a finaliser."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.timeout(180)

PRELUDE = """
import gc, os, signal, sys
from ecomtrack_sdk import CustomEvent, Tracker
tracker = Tracker(sys.argv[1], key=sys.argv[2], outbox=sys.argv[3], flush_interval=0.005, batch_events=20)
tracker.track(CustomEvent(name="main"))
"""

STORM = (
    PRELUDE
    + """
inside = 0
def handler(*_):
    global inside
    inside += 1
    tracker.track(CustomEvent(name="handler"))
    tracker.stats()
    signal.setitimer(signal.ITIMER_REAL, 0.0001)
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.0001)
outside = 1
while inside < 600:
    tracker.track(CustomEvent(name="main"))
    outside += 1
signal.signal(signal.SIGALRM, signal.SIG_IGN)
done = tracker.flush(60)
stats = tracker.stats()
assert done and stats.balanced, (done, stats)
print(outside + inside, stats.accepted)
tracker.close()
"""
)

FINALISER = (
    PRELUDE
    + """
gc.set_threshold(5)  # cycles are collected wherever an object is made, also under the outbox's lock
made = 0
class Cycle:
    def __init__(self):
        self.me = self
    def __del__(self):
        global made
        made += 1
        tracker.track(CustomEvent(name="finaliser"))
for _ in range(1000):
    Cycle()
    tracker.track(CustomEvent(name="main"))
gc.set_threshold(700)
gc.collect()
done = tracker.flush(60)
stats = tracker.stats()
assert done and stats.balanced, (done, stats)
print(1001 + made, stats.accepted)
tracker.close()
"""
)


@pytest.mark.parametrize("program", [STORM, FINALISER], ids=["signal handler", "finaliser"])
@pytest.mark.parametrize("outbox", ["spool", "memory"])
def test_track_may_interrupt_track(collector, zygote, tmp_path, program, outbox):
    """Neither a deadlock nor a lost or doubled event, wherever in ``track()`` the other call comes."""
    before = collector.stored()
    place = "memory" if outbox == "memory" else str(tmp_path / "outbox")
    child = zygote.start(program, collector.url, collector.key, place)
    assert child.wait() == 0, child.errors()
    tracked, accepted = map(int, child.lines()[-1].split())
    stored = collector.stored() - before
    assert tracked == accepted == len(stored)
    assert set(stored.values()) == {1}
