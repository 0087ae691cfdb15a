"""Log records that say a thing at most once a minute, with the number of times it happened since."""

from __future__ import annotations

import logging
import time
from typing import Any

__all__ = ["Notices", "logger"]

logger = logging.getLogger("ecomtrack_sdk")
logger.addHandler(logging.NullHandler())

EVERY = 60.0
"""Seconds between two records of one kind: loud enough to be seen, too rare to fill a disk that is full already."""
MAX_KINDS = 1_000
"""Kinds remembered: reasons are free text."""


class Notices:
    """Counts what happens and logs it now and then; safe from any thread, takes no lock."""

    def __init__(self) -> None:
        self._next: dict[tuple[str, str], float] = {}
        self._since: dict[tuple[str, str], int] = {}

    def say(self, level: int, event: str, kind: str = "", number: int = 1, **extra: Any) -> None:
        """Log *event* unless it was logged within the last minute for the same *kind*.

        Args:
            level: As in :mod:`logging`.
            event: The message: an event name.
            kind: What tells two reasons apart.
            number: How many times it happened.
            extra: Attributes of the record: ids and sizes, never content.
        """
        if len(self._next) > MAX_KINDS:
            self._next.clear()
        key = (event, kind)
        self._since[key] = self._since.get(key, 0) + number
        now = time.monotonic()
        if now < self._next.get(key, 0.0):
            return
        self._next[key] = now + EVERY
        logger.log(level, event, extra={"kind": kind, "number": self._since.pop(key, number), **extra})
