"""Memory and disk together: the disk with memory for the time it refuses, or memory with the disk for what is left."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping

from ecomtrack_sdk._delivery.memory import MemoryOutbox
from ecomtrack_sdk._delivery.notices import Notices
from ecomtrack_sdk._delivery.outbox import Lease, Refused, Stats, add_stats
from ecomtrack_sdk._delivery.spool import Spool

__all__ = ["FallbackOutbox", "SpillingOutbox"]

TRY_AGAIN = 1.0
"""Seconds for which the disk is left alone after it refused: a failing write costs more than a good one."""


class FallbackOutbox:
    """*spool* while it works, *memory* while it does not; events in memory are lost when the process is killed."""

    def __init__(self, spool: Spool, memory: MemoryOutbox, notices: Notices) -> None:
        self.spool = spool
        self.memory = memory
        self._notices = notices
        self._not_before = 0.0

    def put(self, line: bytes) -> bool:
        """See :class:`~ecomtrack_sdk._delivery.outbox.Outbox`; raises no ``OSError``."""
        if self._not_before and time.monotonic() < self._not_before:
            return self._remember(line, "")
        try:
            kept = self.spool.put(line)
        except OSError as error:
            self._not_before = time.monotonic() + TRY_AGAIN
            return self._remember(line, error.strerror or type(error).__name__)
        self._not_before = 0.0
        return kept

    def _remember(self, line: bytes, why: str) -> bool:
        kept = self.memory.put(line)
        if why:
            self._notices.say(
                logging.WARNING,
                "outbox.fallback_to_memory",
                directory=str(self.spool.directory),
                error=why,
                in_memory=self.memory.pending,
            )
        return kept

    def take(self, max_events: int, max_bytes: int) -> Lease | None:
        """What lies in memory goes first: it is in danger."""
        lease = self.memory.take(max_events, max_bytes) if self.memory.pending else None
        return lease if lease is not None else self.spool.take(max_events, max_bytes)

    def _home(self, lease: Lease) -> Spool | MemoryOutbox:
        return self.memory if lease.source is None else self.spool

    def settle(self, lease: Lease, refused: Mapping[int, Refused], unsent: Collection[int] = ()) -> None:
        """See :class:`~ecomtrack_sdk._delivery.outbox.Outbox`."""
        self._home(lease).settle(lease, refused, unsent)

    def release(self, lease: Lease) -> None:
        """See :class:`~ecomtrack_sdk._delivery.outbox.Outbox`."""
        self._home(lease).release(lease)

    def adopt(self) -> int:
        """See :class:`~ecomtrack_sdk._delivery.outbox.Outbox`."""
        return self.spool.adopt()

    def tidy(self) -> None:
        """See :class:`~ecomtrack_sdk._delivery.outbox.Outbox`."""
        self.spool.tidy()

    def close(self) -> None:
        """See :class:`~ecomtrack_sdk._delivery.outbox.Outbox`."""
        self.memory.close()
        self.spool.close()

    def after_fork_in_child(self) -> None:
        """See :class:`~ecomtrack_sdk._delivery.outbox.Outbox`."""
        self.memory.after_fork_in_child()
        self.spool.after_fork_in_child()

    @property
    def pending(self) -> int:
        """Events waiting or leased, on disk and in memory."""
        return self.spool.pending + self.memory.pending

    @property
    def pending_bytes(self) -> int:
        """Their bytes."""
        return self.spool.pending_bytes + self.memory.pending_bytes

    def stats(self) -> Stats:
        """The sum of both balances; no event ever moves from one to the other."""
        return add_stats(self.spool.stats(), self.memory.stats())


class SpillingOutbox(FallbackOutbox):
    """*memory* for what is tracked; *spool* only for what earlier processes wrote to disk at their end."""

    def put(self, line: bytes) -> bool:
        """See :class:`~ecomtrack_sdk._delivery.outbox.Outbox`; the disk is not touched."""
        return self.memory.put(line)
