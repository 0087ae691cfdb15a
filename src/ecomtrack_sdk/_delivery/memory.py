"""The outbox that forgets: events in memory, written to a spool when the process leaves in good order."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Collection, Mapping
from itertools import islice
from pathlib import Path

from ecomtrack_sdk._delivery.deadletters import DeadLetter, DeadLetters
from ecomtrack_sdk._delivery.notices import logger
from ecomtrack_sdk._delivery.outbox import Bounds, DropHook, Lease, OnFull, Refused
from ecomtrack_sdk._delivery.spool import Spool

__all__ = ["MemoryOutbox"]

UNSPILLED = "exit"
"""Reason of a drop because the process left and there was no disk to leave events on."""


class MemoryOutbox(Bounds):
    """Events as bytes in a queue; lost when the process is killed.

    Args:
        spill: Directory of the spool that gets what is left at :meth:`close`; ``None`` for none.
        max_bytes: Bound of events waiting, in bytes.
        max_events: Bound of events waiting.
        on_full: What happens at the bound.
        block_timeout: Seconds that the policy ``block`` waits before it drops the new event.
        on_dropped: Told of every drop.
        on_refused: Told of every dead letter.
    """

    def __init__(
        self,
        *,
        spill: Path | None = None,
        max_bytes: int = 128 << 20,
        max_events: int | None = None,
        on_full: OnFull = "drop_newest",
        block_timeout: float = 1.0,
        on_dropped: DropHook | None = None,
        on_refused: Callable[[DeadLetter], None] | None = None,
    ) -> None:
        super().__init__(
            max_bytes=max_bytes,
            max_events=max_events,
            on_full=on_full,
            block_timeout=block_timeout,
            on_dropped=on_dropped,
        )
        self.spill = spill
        self.on_refused = on_refused

    def _fresh(self) -> None:
        super()._fresh()
        self._waiting: deque[bytes] = deque()
        self._later: deque[bytes] = deque()
        self._turn = False
        self._leases = 0
        self._name = os.urandom(6).hex()
        self._closed = False

    def _append(self, record: bytes, size: int) -> None:  # noqa: ARG002 - the spool needs it
        self._waiting.append(record)
        if self._closed:  # tracked while the interpreter shuts down
            self._spill()

    def _drop_one(self) -> int:
        for queue in (self._later, self._waiting):
            if queue:
                return len(queue.popleft())
        return 0

    def take(self, max_events: int, max_bytes: int) -> Lease | None:
        """See :class:`~ecomtrack_sdk._delivery.outbox.Outbox`."""
        with self._alone():
            # Taking turns, as in the spool: an event asked for again and again holds up no other.
            queue = self._later if self._later and (self._turn or not self._waiting) else self._waiting
            self._turn = queue is not self._later
            if not queue:
                return None
            size = number = 0
            for record in islice(queue, max_events):
                size += len(record)
                if number and size > max_bytes:
                    break
                number += 1
            body = b"".join([queue.popleft() for _ in range(number)])
            self._leases += 1
            return Lease(body, number, f"{self._name}-{self._leases}")

    def settle(self, lease: Lease, refused: Mapping[int, Refused], unsent: Collection[int] = ()) -> None:
        """See :class:`~ecomtrack_sdk._delivery.outbox.Outbox`."""
        lines = lease.lines() if refused or unsent else []
        if refused:
            self._keep_dead([DeadLetter.of(lines[index], refused[index]) for index in sorted(refused)])
        back = [lines[index] + b"\n" for index in sorted(unsent)]
        with self._alone():
            self._later.extend(back)
            size = len(lease.body) - sum(map(len, back))
            self._count_settled(lease.count - len(back), size, rejected=len(refused))
            if self._closed:
                self._spill()

    def release(self, lease: Lease) -> None:
        """See :class:`~ecomtrack_sdk._delivery.outbox.Outbox`."""
        with self._alone():
            self._waiting.extendleft(line + b"\n" for line in reversed(lease.lines()))
            if self._closed:
                self._spill()

    def _keep_dead(self, letters: list[DeadLetter]) -> None:
        if self.spill is not None:
            try:
                DeadLetters(self.spill).add(letters)
            except OSError as error:
                extra = {"event_ids": [letter.event_id for letter in letters], "error": type(error).__name__}
                logger.error("outbox.dead_letters_unwritten", extra=extra)
        if self.on_refused is not None:
            for letter in letters:
                self.on_refused(letter)

    def adopt(self) -> int:
        """Nothing to adopt: memory dies with its process."""
        return 0

    def tidy(self) -> None:
        """Nothing to tidy."""

    def close(self) -> None:
        """Write what waits to the spool, where there is one; it stays ``pending`` then. Else it is dropped."""
        with self._alone():
            self._closed = True
            self._spill()

    def _spill(self) -> None:
        records = [*self._later, *self._waiting]
        self._later.clear()
        self._waiting.clear()
        if not records:
            return
        written = 0
        if self.spill is not None:
            spool = Spool(self.spill, max_bytes=self.max_bytes + (1 << 40))
            try:
                for record in records:
                    spool.put(record[:-1])
                    written += 1
            except OSError as error:
                logger.log(logging.ERROR, "outbox.spill_failed", extra={"error": type(error).__name__})
            finally:
                spool.close()
        lost = records[written:]
        self.pending -= len(lost)
        self.pending_bytes -= sum(map(len, lost))
        if lost:
            self._count_drop(UNSPILLED, len(lost))

    def after_fork_in_child(self) -> None:
        """Forget the parent's events: they stay with the parent."""
        self._fresh()
