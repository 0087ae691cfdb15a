"""The figures of a tracker that monitoring systems are given, the same in each of them."""

from __future__ import annotations

from typing import NamedTuple

from ecomtrack_sdk._client import Tracker
from ecomtrack_sdk._delivery import maintenance

__all__ = ["Balance", "balance_of"]


class Balance(NamedTuple):
    """One moment of a tracker."""

    fates: list[tuple[str, str, int]]
    """Fate, reason (of drops) and events since the process began."""
    gauges: list[tuple[str, str, float]]
    """Name, meaning and value of what waits now."""


def balance_of(tracker: Tracker) -> Balance:
    """The balance of *tracker*, and what its outbox directory holds, other processes' events included."""
    stats = tracker.stats()
    fates = [
        ("accepted", "", stats.accepted),
        ("delivered", "", stats.delivered),
        ("rejected", "", stats.rejected),
        *(("dropped", reason, count) for reason, count in sorted(stats.dropped.items())),
    ]
    gauges: list[tuple[str, str, float]] = [
        ("pending_events", "Events of this process waiting or on their way.", stats.pending),
        ("pending_bytes", "Their size as JSON, in bytes.", stats.pending_bytes),
    ]
    directory = tracker.config.directory
    if directory is not None:
        found = maintenance.report(directory)
        gauges += [
            ("outbox_events", "Events waiting in the outbox directory, all processes together.", found.events),
            ("outbox_dead_letters", "Refused events kept for repair.", found.dead_letters),
            (
                "outbox_oldest_seconds",
                "Seconds since the file that waits longest was written to.",
                found.oldest_seconds or 0.0,
            ),
        ]
    return Balance(fates, gauges)
