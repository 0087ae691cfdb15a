"""A collector that remembers, and trackers that are closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ecomtrack_sdk import Tracker
from tests.sink import Sink


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A collector in a thread."""
    one = Sink().start()
    yield one
    one.stop()


@pytest.fixture
def tracker_of(sink: Sink, tmp_path: Path) -> Iterator[Callable[..., Tracker]]:
    """A function that makes trackers to the sink, with an outbox of the test's own and short waits."""
    made: list[Tracker] = []

    def make(**settings) -> Tracker:
        given = {"url": sink.url, "key": "key", "outbox": tmp_path / "outbox", "flush_interval": 0.01, **settings}
        made.append(Tracker(**given))
        return made[-1]

    yield make
    for tracker in made:
        tracker.close(timeout=1)
