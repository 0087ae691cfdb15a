"""The thread that delivers, and what a flush may say of it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from ecomtrack_sdk import CustomEvent, Tracker
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
