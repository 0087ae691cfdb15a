"""Memory for bodies on their way: what arrives is counted as it comes, and nobody can take all of the room.

A connection that sends nothing holds nothing. Public keys stand in every page, so what comes with them may fill a part
of the room only, and one address a small part of that: however many bodies are left hanging half sent, a server's batch
finds room.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ecomtrack_sdk.errors import CollectorError

__all__ = ["ALL_BYTES", "PUBLIC_BYTES", "SOURCE_BYTES", "Room"]

ALL_BYTES = 64 * 1024 * 1024
"""Bodies held at once over all connections: what 200 slow clients send must not fill the memory."""
PUBLIC_BYTES = ALL_BYTES // 2
"""Of them under site keys, or before the key is known."""
SOURCE_BYTES = 12 * 1024 * 1024
"""Of those from one address: three of the largest bodies. This machine itself is not counted."""
BUSY_SECONDS = 2.0
"""``Retry-After`` when there is no room for the moment."""

Grow = Callable[[int], None]


class Room:
    """Counts the bytes of bodies that are held. All methods run on the event loop, so nothing is locked."""

    def __init__(self) -> None:
        self._all = 0
        self._public = 0
        self._sources: Counter[str] = Counter()

    @property
    def held(self) -> int:
        """Bytes held now."""
        return self._all

    @contextmanager
    def enter(self, *, public: bool, source: str | None) -> Iterator[Grow]:
        """Room for one body, given back at the end.

        Args:
            public: Whether it comes under a site key, or before its key is known.
            source: What counts as its address; ``None`` for this machine.

        Yields:
            What is called with each number of bytes that arrived; it raises ``CollectorError`` 503 when there is no
            room for them.
        """
        held = 0
        counted = source if public else None

        def grow(size: int) -> None:
            nonlocal held
            if self._all + size > ALL_BYTES:
                raise _busy("too many bodies are on their way")
            if public and self._public + size > PUBLIC_BYTES:
                raise _busy("too many bodies of browsers are on their way")
            if counted is not None and self._sources[counted] + size > SOURCE_BYTES:
                raise _busy("too many bodies from this address are on their way")
            held += size
            self._all += size
            if public:
                self._public += size
            if counted is not None:
                self._sources[counted] += size

        try:
            yield grow
        finally:
            self._all -= held
            if public:
                self._public -= held
            if counted is not None:
                self._sources[counted] -= held
                if self._sources[counted] <= 0:
                    del self._sources[counted]


def _busy(detail: str) -> CollectorError:
    return CollectorError(503, "busy", detail, retry_after=BUSY_SECONDS)
