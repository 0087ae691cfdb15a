"""The thread that delivers: started with the first event, the only owner of the HTTP client."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from ecomtrack_sdk._delivery.courier import Courier
from ecomtrack_sdk._delivery.notices import Notices
from ecomtrack_sdk._delivery.outbox import Outbox, Stats
from ecomtrack_sdk._delivery.wakeup import Signal

__all__ = ["FlushResult", "Worker"]

NEVER = 1 << 62
ADOPT_EVERY = 5.0
"""Seconds between two looks for what processes no longer alive have left."""
FIRST_ADOPTION = 1.0
"""Seconds after which the first look is due although own events wait."""

_inherited: list[object] = []


@dataclass(frozen=True, slots=True)
class FlushResult:
    """What a flush has achieved; true when nothing waits that was there when it began."""

    delivered: int
    """Events delivered during the flush."""
    rejected: int
    """Events rejected during the flush."""
    pending: int
    """Events that still wait, those tracked during the flush included. They are not lost: see the outbox."""
    complete: bool
    """Whether everything tracked before the flush has its fate."""
    reason: str = ""
    """What holds delivery up, when it is held up."""

    def __bool__(self) -> bool:
        return self.complete


class Worker:
    """Sends what the outbox holds, on a daemon thread.

    Args:
        outbox: Where events wait.
        courier: A function that makes the way out; called on the thread, in each process anew.
        batch_events: Most events in a request; as many waiting are sent at once.
        batch_bytes: Most bytes in a request, before compression.
        flush_interval: Seconds an event waits for company.
        notices: Where to log.

    Attributes:
        wake_at: Number of events waiting at which :meth:`wake` is due; whoever puts looks at it, which costs nothing.
        wake_bytes: The same in bytes.
    """

    def __init__(
        self,
        outbox: Outbox,
        courier: Callable[[], Courier],
        *,
        batch_events: int,
        batch_bytes: int,
        flush_interval: float,
        notices: Notices,
    ) -> None:
        self._outbox = outbox
        self._make_courier = courier
        self._batch_events = batch_events
        self._batch_bytes = batch_bytes
        self._flush_interval = flush_interval
        self._notices = notices
        self.after_fork_in_child()

    def after_fork_in_child(self) -> None:
        """Begin anew, without a thread; what the parent's thread held stays the parent's."""
        # Conditions are made with the thread, not before: gevent may replace threading between fork and first event.
        _inherited.append(getattr(self, "_courier", None))  # its sockets are the parent's: not even closed here
        self._thread: threading.Thread | None = None
        self._start_lock = threading.Lock()
        self._courier: Courier | None = None
        self._signal = Signal()
        self._changed = threading.Condition()
        self._flushing = 0
        self._stopping = False
        self._then: Callable[[], None] | None = None
        self._next_adoption = time.monotonic() + FIRST_ADOPTION
        self._has_adopted = False
        self.wake_at = 0
        self.wake_bytes = 0

    # --- called from any thread

    def wake(self) -> None:
        """Start the thread if need be, and let it look at the outbox."""
        self.wake_at = self.wake_bytes = NEVER
        if self._thread is None:
            self._start()
        self._signal.set()

    def _start(self) -> None:
        # Not waited for: whoever holds it starts the thread, and under gevent a wait here would stop everything.
        if not self._start_lock.acquire(blocking=False):
            return
        try:
            if self._thread is not None or self._stopping:
                return
            self._signal = Signal()
            self._changed = threading.Condition()
            thread = threading.Thread(target=self._run, name="ecomtrack-worker", daemon=True)
            thread.start()
            self._thread = thread
        except RuntimeError:  # the interpreter shuts down: the outbox keeps what it has
            self.wake_at = 1
        finally:
            self._start_lock.release()

    def flush(self, timeout: float, *, patient: bool = True) -> FlushResult:
        """Deliver what waits now, for *timeout* seconds at most; without patience only until the way is troubled."""
        deadline = time.monotonic() + timeout
        before = self._outbox.stats()
        if before.pending and not self._stopping:
            self.wake()
        if self._thread is not None:
            with self._changed:
                self._flushing += 1
                self._signal.set()
                try:
                    while (left := deadline - time.monotonic()) > 0 and self._thread.is_alive():
                        now = self._outbox.stats()
                        if _has_all(now, before):
                            break
                        if not patient and self.trouble:
                            break
                        self._changed.wait(min(left, 1.0))
                finally:
                    self._flushing -= 1
        after = self._outbox.stats()
        return FlushResult(
            delivered=after.delivered - before.delivered,
            rejected=after.rejected - before.rejected,
            pending=after.pending,
            complete=_has_all(after, before),
            reason=self.trouble,
        )

    @property
    def trouble(self) -> str:
        """What holds delivery up; empty when all is well."""
        return self._courier.trouble if self._courier is not None else ""

    def stop(self, timeout: float, then: Callable[[], None]) -> bool:
        """End the thread; what it is waiting to repeat is given back. Returns whether it has ended in time.

        Args:
            timeout: Longest wait in seconds.
            then: Called after the thread's end, by the thread itself where that takes longer; maybe twice.
        """
        self._stopping = True
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            self._signal.set()
            thread.join(timeout)
            self._then = then
            if thread.is_alive():
                return False
        then()
        return True

    # --- the thread

    def _run(self) -> None:
        try:
            while not self._stopping:
                try:
                    self._step()
                except Exception as error:  # noqa: BLE001 - the thread must outlive any fault of ours
                    self._notices.say(logging.ERROR, "worker.failed", f"{type(error).__name__}: {error}")
                    self._sleep(1.0)
        finally:
            if self._courier is not None:
                self._courier.close()
            self._announce()
            if self._then is not None:  # nobody waits for this any more
                self._then()

    def _step(self) -> None:
        now = time.monotonic()
        # Own events first: a child that lives for one job should not spend its life on what its siblings left.
        if now >= self._next_adoption or (not self._has_adopted and not self._outbox.pending):
            self._next_adoption = now + ADOPT_EVERY
            self._has_adopted = True
            self._outbox.adopt()
        if not self._outbox.pending:
            self._outbox.tidy()
            self._announce()
            self._rest(1, 1, ADOPT_EVERY)
            return
        if self._courier is None:
            self._courier = self._make_courier()
        self._rest(self._batch_events, self._batch_bytes, self._flush_interval)
        lease = self._outbox.take(self._batch_events, self._batch_bytes)
        if lease is None:  # somebody else has them
            self._sleep(min(0.05, self._flush_interval))
            return
        self._courier.deliver(self._outbox, lease, self._sleep, lambda: self._outbox.pending > lease.count)
        self._announce()

    def _rest(self, events: int, size: int, seconds: float) -> None:
        """Wait until that much waits, or so long, or for a flush."""
        outbox = self._outbox
        if self._flushing and outbox.pending:
            return
        self._signal.clear()
        self.wake_at, self.wake_bytes = events, size
        # Looked at after it was announced: an event put in between is seen here or wakes the thread.
        if not (outbox.pending >= events or outbox.pending_bytes >= size or self._ends() or self._flushing):
            self._signal.wait(seconds)
        self.wake_at = self.wake_bytes = NEVER

    def _sleep(self, seconds: float) -> bool:
        """Wait between two tries; ``True`` to break off."""
        deadline = time.monotonic() + seconds
        self._announce()
        while (left := deadline - time.monotonic()) > 0:
            self._signal.clear()
            if self._ends():
                break
            self._signal.wait(left)
        return self._ends()

    def _ends(self) -> bool:
        return self._stopping

    def _announce(self) -> None:
        with self._changed:
            self._changed.notify_all()


def _has_all(now: Stats, before: Stats) -> bool:
    """Whether everything that waited *before* has its fate *now*.

    What was adopted in between may have gone first, so it is waited for too; it must not stand for events of our own.
    """
    adopted = now.adopted - before.adopted
    return now.pending == 0 or now.accepted - now.pending >= before.accepted + adopted
