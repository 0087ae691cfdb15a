"""The thread that delivers, and what a flush may say of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from ecomtrack_sdk import CustomEvent, Tracker
from ecomtrack_sdk._delivery import maintenance
from ecomtrack_sdk._delivery.spool import Spool
from ecomtrack_sdk._delivery.worker import FIRST_ADOPTION
from ecomtrack_sdk._wire import encode_event


def test_what_is_adopted_during_a_flush_does_not_stand_for_events_of_our_own(sink, tmp_path) -> None:
    """A flush is complete when what was tracked before has arrived, however much of a dead process went first."""
    left = Spool(tmp_path / "outbox")
    for _ in range(50):
        left.put(encode_event(CustomEvent(name="left")))
    left.close()
    with Tracker(sink.url, key="key", outbox=tmp_path / "outbox", batch_events=2, flush_interval=60) as tracker:
        with ThreadPoolExecutor(1) as pool:
            with sink.lock:  # the first request stays unanswered until adoption is due
                ours = [tracker.track(CustomEvent(name="ours")) for _ in range(12)]
                flush = pool.submit(tracker.flush, 60)
                time.sleep(FIRST_ADOPTION + 0.1)
            result = flush.result()
        assert result.complete
        assert tracker.stats().adopted == 50
        assert set(ours) <= sink.stored
        assert result.pending == 0


@pytest.mark.parametrize("durability", ["memory", "process"])
def test_what_a_tracker_in_memory_left_on_disk_is_delivered_by_the_next(sink, tmp_path, durability) -> None:
    """Events written to disk at the end of a process are taken over by the next one, whatever its durability."""
    settings = {"key": "key", "outbox": tmp_path / "outbox", "flush_interval": 0.01}
    with Tracker("http://127.0.0.1:9", durability="memory", **settings) as first:
        ids = [first.track(CustomEvent(name="left")) for _ in range(20)]
        assert not first.close(0.1)
    assert maintenance.report(tmp_path / "outbox").events == 20
    with Tracker(sink.url, durability=durability, **settings) as second:
        ids.append(second.track(CustomEvent(name="next")))
        wait_for(lambda: second.stats().delivered == 21)
        assert second.stats().balanced
    assert sink.stored == set(ids)
    assert list((tmp_path / "outbox").iterdir()) == []


def test_a_tracker_whose_request_outlasts_its_close_leaves_the_rest_to_the_next(sink, tmp_path) -> None:
    """The outbox is freed when the thread is done with its request, in the same process too."""
    settings = {"key": "key", "outbox": tmp_path / "outbox", "batch_events": 2, "flush_interval": 0.01}
    first = Tracker(sink.url, **settings)
    with sink.lock:
        ids = [first.track(CustomEvent(name="late")) for _ in range(6)]
        assert not first.flush(0.5)  # the first two are on their way, or will be when the thread has come so far
        assert not first.close(0.1)
    with Tracker(sink.url, **settings) as second:
        ids.append(second.track(CustomEvent(name="next")))
        wait_for(lambda: sink.stored == set(ids))
        wait_for(lambda: second.stats().pending == 0)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)
