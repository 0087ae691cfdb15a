"""Where events wait: the protocol, the bounds and the balance every outbox shares.

An event enters as bytes (one line of JSON), is leased in slices, and leaves with exactly one fate. The numbers balance
at every moment, because each change of fate happens under one lock: ``accepted = delivered + rejected + dropped +
pending``.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from ecomtrack_sdk._delivery.notices import logger
from ecomtrack_sdk._wire import FieldError
from ecomtrack_sdk.errors import OutboxFull

__all__ = ["Bounds", "DropHook", "Lease", "OnFull", "Outbox", "Refused", "Stats", "add_stats"]

OnFull = Literal["block", "drop_newest", "drop_oldest", "raise"]
DropHook = Callable[[str, int], None]
"""Told of drops: reason and number of events. Called with a lock held, so it must only take note."""

FULL = "outbox_full"
"""Reason of a drop at the bound."""


@dataclass(frozen=True, slots=True)
class Stats:
    """The balance of this process: ``accepted = delivered + rejected + sum(dropped) + pending``, at every moment."""

    accepted: int = 0
    """Events taken in: tracked here, or adopted from a process that is gone."""
    delivered: int = 0
    """Events the collector has, those it had before included."""
    rejected: int = 0
    """Events the collector will never take; they lie in the dead letters."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Events given up, by reason."""
    pending: int = 0
    """Events waiting or on their way."""
    pending_bytes: int = 0
    """Their size as JSON, in bytes."""
    adopted: int = 0
    """The part of ``accepted`` that a process no longer alive had left."""

    @property
    def balanced(self) -> bool:
        """Whether every event has exactly one fate."""
        return self.accepted == self.delivered + self.rejected + sum(self.dropped.values()) + self.pending


def add_stats(*parts: Stats) -> Stats:
    """The sum of balances, which is a balance."""
    dropped: dict[str, int] = {}
    for part in parts:
        for reason, number in part.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + number
    return Stats(
        accepted=sum(part.accepted for part in parts),
        delivered=sum(part.delivered for part in parts),
        rejected=sum(part.rejected for part in parts),
        dropped=dropped,
        pending=sum(part.pending for part in parts),
        pending_bytes=sum(part.pending_bytes for part in parts),
        adopted=sum(part.adopted for part in parts),
    )


class Refused(NamedTuple):
    """Why a line of a lease becomes a dead letter."""

    event_id: str | None
    reason: str
    """``rejected`` (the collector's verdict) or ``corrupt`` (the line cannot be an event)."""
    errors: tuple[FieldError, ...] = ()


@dataclass(slots=True)
class Lease:
    """A slice of an outbox that is on its way; it is settled or released exactly once."""

    body: bytes
    """NDJSON, each line ended by ``\\n``."""
    count: int
    """Lines in it."""
    key: str
    """The same for the same slice, over retries and restarts."""
    source: Any = None
    """Where it came from; for the outbox only."""

    def lines(self) -> list[bytes]:
        """The events, without line ends."""
        return self.body.split(b"\n")[:-1]


class Outbox(Protocol):
    """What the worker and the tracker need of an outbox. Every method may be called from any thread."""

    def put(self, line: bytes) -> bool:
        """Keep one event, *line* without its line end; when this returns ``True`` the outbox's promise holds.

        Returns:
            ``False`` when the event was dropped at the bound (and counted).

        Raises:
            OutboxFull: At the bound, under the policy ``raise``.
            OSError: The file system refuses; nothing was kept or counted.
        """
        ...

    def take(self, max_events: int, max_bytes: int) -> Lease | None:
        """The oldest events that nobody has leased, or ``None``; a single event may be over *max_bytes*."""
        ...

    def settle(self, lease: Lease, refused: Mapping[int, Refused], unsent: Collection[int]) -> None:
        """Give each line of *lease* its fate: *refused* by index, *unsent* goes back, all others are delivered."""
        ...

    def release(self, lease: Lease) -> None:
        """Give *lease* back untouched."""
        ...

    def adopt(self) -> int:
        """Take over what processes no longer alive have left; returns the number of events."""
        ...

    def tidy(self) -> None:
        """Housekeeping when nothing waits: remove what is done with."""
        ...

    def close(self) -> None:
        """Leave what is pending to whoever comes next, where that is possible."""
        ...

    def after_fork_in_child(self) -> None:
        """Forget the parent's events: they stay with the parent."""
        ...

    @property
    def pending(self) -> int:
        """Events waiting or leased; read without a lock."""
        ...

    @property
    def pending_bytes(self) -> int:
        """Their bytes; read without a lock."""
        ...

    def stats(self) -> Stats:
        """A balance of one moment."""
        ...


class Bounds:
    """The bound, the policy at the bound, and the numbers; base of every outbox.

    Subclasses store in ``_append`` and free the oldest unleased event in ``_drop_one``; both are called with the lock
    held.
    """

    def __init__(
        self,
        *,
        max_bytes: int,
        max_events: int | None = None,
        on_full: OnFull = "drop_newest",
        block_timeout: float = 1.0,
        on_dropped: DropHook | None = None,
    ) -> None:
        self.max_bytes = max_bytes
        self.max_events = max_events if max_events is not None else 1 << 62
        self.on_full = on_full
        self.block_timeout = block_timeout
        self.on_dropped = on_dropped
        self._elsewhere = 0
        self._fresh()

    def _fresh(self) -> None:
        """New lock, numbers at zero; also in a forked child, where the old lock may be held for ever."""
        self._lock = threading.RLock()
        self._room = threading.Condition(self._lock)
        self._busy = False
        self._aside: deque[bytes] = deque()
        self._blocked = 0
        self._accepted = self._delivered = self._rejected = self._adopted = 0
        self._dropped: dict[str, int] = {}
        self.pending: int = 0
        self.pending_bytes: int = 0

    def put(self, line: bytes) -> bool:
        """Keep one event; see :class:`Outbox`."""
        record = line + b"\n"
        size = len(record)
        with self._lock:
            if self._busy:
                return self._put_aside(record, size)
            self._busy = True
            try:
                if (
                    self.pending_bytes + self._elsewhere + size > self.max_bytes or self.pending >= self.max_events
                ) and not self._make_room(size):
                    self._accepted += 1
                    self._count_drop(FULL, 1)
                    return False
                self._append(record, size)
                self._accepted += 1
                self.pending += 1
                self.pending_bytes += size
            finally:
                self._busy = False
            if self._aside:
                self._fetch()
        return True

    def _put_aside(self, record: bytes, size: int) -> bool:
        """Called by a signal handler or a finaliser in the midst of another call of this thread, which goes on later.

        What that call does is half done, so nothing may be stored now: the event is kept in memory until it is done.
        """
        full = self._is_full(size)
        if full and self.on_full == "raise":
            raise self._overflow()
        self._accepted += 1
        if full:
            self._count_drop(FULL, 1)
            return False
        self.pending += 1
        self.pending_bytes += size
        self._aside.append(record)
        return True

    def _fetch(self) -> None:
        """Store what was put aside, with the lock held; what cannot be stored now stays where it is."""
        self._busy = True
        try:
            while self._aside:
                self._append(self._aside[0], len(self._aside[0]))
                self._aside.popleft()
        except OSError as error:
            logger.warning("outbox.still_in_memory", extra={"events": len(self._aside), "error": type(error).__name__})
        finally:
            self._busy = False

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """The lock, for whatever changes the store; see :meth:`_put_aside`."""
        with self._lock:
            if self._aside and not self._busy:
                self._fetch()
            outer, self._busy = self._busy, True
            try:
                yield
            finally:
                self._busy = outer

    def _is_full(self, size: int) -> bool:
        return self.pending_bytes + self._elsewhere + size > self.max_bytes or self.pending >= self.max_events

    def _overflow(self) -> OutboxFull:
        return OutboxFull(f"{self.pending:,} events ({self.pending_bytes:,} bytes) wait, the bound is reached")

    def _make_room(self, size: int) -> bool:
        """Apply the policy; ``False`` means the new event is dropped."""
        if self.on_full == "raise":
            raise self._overflow()
        if self.on_full == "block":
            deadline = time.monotonic() + self.block_timeout
            self._blocked += 1
            try:
                while self._is_full(size) and (left := deadline - time.monotonic()) > 0:
                    self._busy = False  # others may store meanwhile
                    self._room.wait(left)
                    self._busy = True
            finally:
                self._blocked -= 1
        elif self.on_full == "drop_oldest":
            while self._is_full(size):
                freed = self._drop_one()
                if freed == 0:
                    break
                self.pending -= 1
                self.pending_bytes -= freed
                self._count_drop(FULL, 1)
        return not self._is_full(size)

    def _count_drop(self, reason: str, number: int) -> None:
        self._dropped[reason] = self._dropped.get(reason, 0) + number
        if self.on_dropped is not None:
            self.on_dropped(reason, number)

    def _count_settled(self, lines: int, size: int, *, rejected: int) -> None:
        self._delivered += lines - rejected
        self._rejected += rejected
        self.pending -= lines
        self.pending_bytes -= size
        if self._blocked:
            self._room.notify_all()

    def stats(self) -> Stats:
        """A balance of one moment."""
        with self._lock:
            return Stats(
                accepted=self._accepted,
                delivered=self._delivered,
                rejected=self._rejected,
                dropped=dict(self._dropped),
                pending=self.pending,
                pending_bytes=self.pending_bytes,
                adopted=self._adopted,
            )

    def _append(self, record: bytes, size: int) -> None:
        raise NotImplementedError

    def _drop_one(self) -> int:
        """Give up the oldest event that is not on its way; returns its bytes, 0 when there is none."""
        raise NotImplementedError
