"""Waking a thread from anywhere, a signal handler and a finaliser included."""

from __future__ import annotations

import queue
from contextlib import suppress

__all__ = ["Signal"]


class Signal:
    """As :class:`threading.Event`, but ``set`` may interrupt ``set`` in the same thread.

    An event holds a lock while it is set: a signal handler that sets it again at that moment would wait for ever.
    ``SimpleQueue.put`` is documented to be reentrant.
    """

    __slots__ = ("_queue",)

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[None] = queue.SimpleQueue()

    def set(self) -> None:
        """Wake who waits, or who waits next."""
        if self._queue.empty():
            self._queue.put(None)

    def clear(self) -> None:
        """Forget what was set before."""
        with suppress(queue.Empty):
            while True:
                self._queue.get_nowait()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it is set, for *timeout* seconds at most."""
        with suppress(queue.Empty):
            self._queue.get(timeout=timeout)
