"""The segments this process has: its own, and those of processes that are gone.

Without a lock and without the balance; both are :mod:`.spool`'s.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ecomtrack_sdk._delivery.owner import Owner
from ecomtrack_sdk._delivery.segment import Segment, TornWrite
from ecomtrack_sdk._wire import LIMITS

__all__ = ["Place", "Shelf"]


class Place(NamedTuple):
    """Where a slice came from."""

    owner: Owner
    segment: Segment
    start: int
    stop: int

    @property
    def key(self) -> str:
        """The same for the same slice, in every process."""
        return f"{self.segment.path.stem}-{self.start}-{self.stop}"


class Shelf:
    """Segments in the order in which they are sent. All methods are called under the spool's lock."""

    def __init__(self, directory: Path, segment_bytes: int, *, sync: bool) -> None:
        self.directory = directory
        self.segment_bytes = segment_bytes
        self.sync = sync
        self.own: Owner | None = None
        self.active: Segment | None = None
        self.adopted: list[Owner] = []
        self._own_turn = False

    def owners(self) -> list[Owner]:
        """All owners, those adopted first: their events are the oldest."""
        return [*self.adopted, self.own] if self.own is not None else list(self.adopted)

    # --- in

    def append(self, record: bytes, size: int) -> None:
        """Write one line into the active segment.

        Raises:
            OSError: It was not kept.
        """
        segment = self.active
        if segment is None or segment.size >= self.segment_bytes:
            segment = self.rotate()
        try:
            segment.append(record, size)
        except OSError as error:
            self.seal()
            # A torn line, or a descriptor closed under us (a fork inside a signal handler), only spoils the segment.
            if not isinstance(error, TornWrite) and error.errno != errno.EBADF:
                raise
            self.rotate().append(record, size)

    def rotate(self) -> Segment:
        """Seal the active segment and begin the next.

        Raises:
            OSError: The directory cannot be written; the active segment stays.
        """
        if self.own is None:
            self.own = Owner.create(self.directory)
        fresh = self.own.new_segment()
        self.seal()
        if self.sync:
            _sync_directory(self.directory)
        self.own.segments.append(fresh)
        self.active = fresh
        return fresh

    def seal(self) -> None:
        """Append no more to the active segment; remove it when all of it is done."""
        segment, self.active = self.active, None
        if segment is None or self.own is None:
            return
        if self.sync:
            with suppress(OSError):
                segment.synced = segment.sync()
        segment.seal()
        self.remove_if_done(self.own, segment)

    # --- out

    def next_place(self) -> Place | None:
        """The oldest range nobody has; own and adopted segments take turns, so that neither waits for the other."""
        owners = self.owners()
        self._own_turn = not self._own_turn
        if self._own_turn:
            owners.reverse()
        for owner in owners:
            for segment in owner.segments:
                span = segment.next_range()
                if span is not None:
                    return Place(owner, segment, *span)
        return None

    def drop_oldest(self) -> int:
        """Finish the oldest line nobody has, unsent; returns its bytes, 0 when there is none."""
        for owner in self.owners():
            for segment in owner.segments:
                span = segment.next_range()
                if span is None:
                    continue
                with suppress(EOFError, OSError):
                    data, count = segment.read(*span, 1, LIMITS.event_bytes + 1)
                    place = Place(owner, segment, span[0], span[0] + len(data))
                    segment.lease(place.start, place.stop, count)
                    self.finish(place, count)
                    return len(data)
        return 0

    def finish(self, place: Place, count: int) -> None:
        """A slice is done with."""
        place.segment.finish(place.start, place.stop, count)
        self.remove_if_done(place.owner, place.segment)

    def divide(self, place: Place, lines: Sequence[bytes], back: Collection[int]) -> int:
        """Put the lines *back* of a slice back and finish the others; returns the bytes finished."""
        chosen = set(back)
        finished = 0
        for count, start, stop, returns in _runs(lines, place.start, chosen):
            if returns:
                place.segment.give_back(start, stop, count)
            else:
                place.segment.finish(start, stop, count)
                finished += stop - start
        self.remove_if_done(place.owner, place.segment)
        return finished

    def abandon(self, place: Place) -> tuple[int, int]:
        """Give up what nobody has leased of a segment that cannot be read; returns lines and bytes."""
        if place.segment is self.active:
            self.active = None
            place.segment.seal()
        lost = place.segment.abandon()
        self.remove_if_done(place.owner, place.segment)
        return lost

    def remove_if_done(self, owner: Owner, segment: Segment) -> None:
        """Unlink a sealed segment whose events all have their fate."""
        if not segment.is_done or segment is self.active or segment not in owner.segments:
            return
        owner.segments.remove(segment)
        segment.remove()
        if not owner.segments and owner in self.adopted:
            self.adopted.remove(owner)
            owner.close()

    # --- housekeeping

    def tidy(self) -> bool:
        """Begin anew when all of the active segment is done; ``False`` when somebody has emptied the directory."""
        segment, own = self.active, self.own
        if segment is None or own is None:
            return True
        if own.is_there() and segment.is_there():
            if segment.size and segment.is_done:
                with suppress(OSError):
                    self.rotate()
            return True
        # Events not yet delivered can still be read through the open descriptor: it becomes one of the adopted.
        self.active = self.own = None
        self.adopted.append(own)
        for left in list(own.segments):
            self.remove_if_done(own, left)
        return False

    def close(self) -> None:
        """Leave everything to whoever comes next."""
        self.seal()
        owners = self.owners()
        self.own, self.adopted = None, []
        for owner in owners:
            owner.close()

    def forget(self) -> None:
        """Close every descriptor and touch no file."""
        for owner in self.owners():
            owner.forget()


def _runs(lines: Sequence[bytes], start: int, chosen: set[int]) -> list[tuple[int, int, int, bool]]:
    """Neighbouring lines of one kind, as (number, start, stop, chosen)."""
    runs: list[tuple[int, int, int, bool]] = []
    position = start
    for index, line in enumerate(lines):
        end = position + len(line) + 1
        kind = index in chosen
        if runs and runs[-1][3] == kind:
            count, first, _, _ = runs[-1]
            runs[-1] = (count + 1, first, end, kind)
        else:
            runs.append((1, position, end, kind))
        position = end
    return runs


def _sync_directory(directory: Path) -> None:
    """Make the names of new files durable."""
    with suppress(OSError):
        fd = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
