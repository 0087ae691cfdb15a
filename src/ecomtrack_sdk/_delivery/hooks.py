"""Calls of the user's functions, on a thread of their own: one that raises or blocks holds up nothing."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from ecomtrack_sdk._delivery.deadletters import DeadLetter
from ecomtrack_sdk._delivery.notices import Notices
from ecomtrack_sdk._delivery.wakeup import Signal

__all__ = ["Hooks", "OnDelivered", "OnDropped", "OnRejected"]

OnDelivered = Callable[[int], object]
"""Told how many events the collector has taken."""
OnRejected = Callable[[DeadLetter], object]
"""Told of each event the collector will never take."""
OnDropped = Callable[[str, int], object]
"""Told the reason and the number of events given up."""

MAX_LETTERS = 10_000
"""Rejections kept for a hook that is slow; all of them lie in the dead letters anyway."""


class Hooks:
    """Takes note quickly, in any thread and under any lock, and calls later. Numbers are added up meanwhile."""

    def __init__(
        self,
        notices: Notices,
        on_delivered: OnDelivered | None = None,
        on_rejected: OnRejected | None = None,
        on_dropped: OnDropped | None = None,
    ) -> None:
        self._notices = notices
        self._on_delivered = on_delivered
        self._on_rejected = on_rejected
        self._on_dropped = on_dropped
        self.after_fork_in_child()

    def after_fork_in_child(self) -> None:
        """Begin anew: notes of the parent are the parent's."""
        self._lock = threading.RLock()  # a signal handler may come in between
        self._thread: threading.Thread | None = None
        self._signal: Signal | None = None
        self._delivered = 0
        self._letters: deque[DeadLetter] = deque(maxlen=MAX_LETTERS)
        self._drops: dict[str, int] = {}
        self._busy = False
        self._closed = False

    def delivered(self, number: int) -> None:
        """Note deliveries."""
        if self._on_delivered is not None and number:
            with self._lock:
                self._delivered += number
            self._wake()

    def rejected(self, letter: DeadLetter) -> None:
        """Note a dead letter."""
        self._notices.say(logging.WARNING, "event.rejected", letter.reason, event_id=letter.event_id)
        if self._on_rejected is not None:
            with self._lock:
                self._letters.append(letter)
            self._wake()

    def dropped(self, reason: str, number: int) -> None:
        """Note a drop."""
        self._notices.say(logging.WARNING, "event.dropped", reason, number)
        if self._on_dropped is not None:
            with self._lock:
                self._drops[reason] = self._drops.get(reason, 0) + number
            self._wake()

    def _wake(self) -> None:
        with self._lock:
            if self._thread is None and not self._closed:
                signal = self._signal = Signal()
                thread = threading.Thread(target=self._run, args=(signal,), name="ecomtrack-hooks", daemon=True)
                with suppress(RuntimeError):  # no new threads while the interpreter shuts down
                    thread.start()
                    self._thread = thread
            if self._signal is not None:
                self._signal.set()

    def _run(self, signal: Signal) -> None:
        while True:
            signal.wait()
            signal.clear()
            with self._lock:
                delivered, self._delivered = self._delivered, 0
                drops, self._drops = self._drops, {}
                letters = list(self._letters)
                self._letters.clear()
                self._busy = True
                closed = self._closed
            if delivered:
                self._call(self._on_delivered, delivered)
            for reason, number in drops.items():
                self._call(self._on_dropped, reason, number)
            for letter in letters:
                self._call(self._on_rejected, letter)
            self._busy = False
            if closed:
                return

    def _call(self, hook: Callable[..., object] | None, *arguments: object) -> None:
        if hook is None:
            return
        try:
            hook(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever a hook raises, delivery goes on
            name = getattr(hook, "__name__", type(hook).__name__)
            self._notices.say(logging.ERROR, "hook.failed", f"{name}: {type(error).__name__}")

    def close(self, timeout: float) -> None:
        """Let what is noted be called, for *timeout* seconds at most."""
        with self._lock:
            self._closed = True
            thread, signal = self._thread, self._signal
        if thread is not None and signal is not None and thread is not threading.current_thread():
            signal.set()
            thread.join(timeout)
