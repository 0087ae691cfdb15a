"""pytest fixtures; switched on by ``pytest_plugins = ["ecomtrack_sdk.testing.plugin"]`` in a ``conftest.py``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ecomtrack_sdk.testing.fakes import FakeCollector, RecordingTracker

__all__ = ["ecomtrack_collector", "ecomtrack_tracker"]


@pytest.fixture
def ecomtrack_tracker() -> Iterator[RecordingTracker]:
    """A tracker that records and sends nothing; its ``events`` are what the test looks at."""
    with RecordingTracker() as tracker:
        yield tracker


@pytest.fixture
def ecomtrack_collector() -> Iterator[FakeCollector]:
    """A collector on a free port of this machine that keeps events in memory and fails when told to."""
    with FakeCollector() as collector:
        yield collector
