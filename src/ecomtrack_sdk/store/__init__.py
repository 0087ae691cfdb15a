"""WHERE events rest on the server: the store protocol and its implementations."""

from __future__ import annotations

from ecomtrack_sdk.store._base import Counts, EventStore, Filter, LogEntry, LogRow, RejectedEntry, RejectedRow
from ecomtrack_sdk.store._sqlite import SqliteStore

__all__ = [
    "Counts",
    "EventStore",
    "Filter",
    "LogEntry",
    "LogRow",
    "RejectedEntry",
    "RejectedRow",
    "SqliteStore",
]
