"""The durable outbox: a directory of append-only NDJSON segments, one writer each.

What is waiting can be read with ``cat DIR/*.jsonl``, counted with ``wc -l`` and sent with ``ecomtrack send``. Processes
never wait for each other: each writes its own segments, under its own lock file; see :mod:`.owner`. One ``write()`` an
event, made before ``put`` returns, survives ``kill -9``; with ``sync=True`` a shared ``fdatasync`` survives power loss.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path

from ecomtrack_sdk._delivery.deadletters import DeadLetter, DeadLetters
from ecomtrack_sdk._delivery.outbox import Bounds, DropHook, Lease, OnFull, Refused
from ecomtrack_sdk._delivery.owner import Owner, owners_in
from ecomtrack_sdk._delivery.shelf import Place, Shelf
from ecomtrack_sdk._wire import LIMITS, FieldError

__all__ = ["Spool"]

logger = logging.getLogger("ecomtrack_sdk")

SEGMENT_BYTES = 8 * 1024 * 1024
"""Size at which a segment is sealed: what stays on disk after delivery is at most this much a process."""
LOST = "outbox_lost"
"""Reason of a drop because somebody cut or removed a file with events in it."""
CORRUPT = FieldError(loc="", type="corrupt", msg="the line is not an event: the file was damaged")


class Spool(Bounds):
    """An outbox on disk; made on first use, so that constructing one costs nothing.

    Args:
        directory: Where segments lie; made with mode 0700 when missing. Several processes may share it.
        sync: Whether ``put`` waits until the event is on the disk.
        max_bytes: Bound of events waiting in the directory, in bytes; other processes' shares are looked up at every
            :meth:`adopt`, not at every put.
        max_events: Bound of events waiting in this process.
        on_full: What happens at the bound.
        block_timeout: Seconds that the policy ``block`` waits before it drops the new event.
        on_dropped: Told of every drop.
        on_refused: Told of every dead letter.
        segment_bytes: Size at which a segment is sealed.
    """

    def __init__(
        self,
        directory: Path,
        *,
        sync: bool = False,
        max_bytes: int = 1 << 30,
        max_events: int | None = None,
        on_full: OnFull = "drop_newest",
        block_timeout: float = 1.0,
        on_dropped: DropHook | None = None,
        on_refused: Callable[[DeadLetter], None] | None = None,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self._sync = sync
        self._segment_bytes = segment_bytes
        super().__init__(
            max_bytes=max_bytes,
            max_events=max_events,
            on_full=on_full,
            block_timeout=block_timeout,
            on_dropped=on_dropped,
        )
        self.directory = directory
        self.dead = DeadLetters(directory)
        self.on_refused = on_refused

    def _fresh(self) -> None:
        super()._fresh()
        self._shelf: Shelf | None = None
        self._sync_lock = threading.RLock()

    @property
    def _files(self) -> Shelf:
        if self._shelf is None:
            self._shelf = Shelf(self.directory, self._segment_bytes, sync=self._sync)
        return self._shelf

    # --- events in

    def put(self, line: bytes) -> bool:
        """Keep one event; see :class:`~ecomtrack_sdk._delivery.outbox.Outbox`."""
        kept = super().put(line)
        if kept and self._sync:
            self._wait_for_disk()
        return kept

    def _append(self, record: bytes, size: int) -> None:
        (self._shelf or self._files).append(record, size)

    def _wait_for_disk(self) -> None:
        """Group commit: whoever gets the lock syncs for all that have written until then."""
        with self._lock:
            segment = self._files.active
            wanted = segment.size if segment is not None else 0
        if segment is None:  # sealed in between, and sealing syncs
            return
        with self._sync_lock:
            if segment.synced < wanted:
                segment.synced = max(segment.synced, segment.sync())

    def _drop_one(self) -> int:
        return self._files.drop_oldest()

    # --- events out

    def take(self, max_events: int, max_bytes: int) -> Lease | None:
        """The oldest events nobody has; own and adopted ones take turns."""
        while True:
            with self._alone():
                place = self._files.next_place()
            if place is None:
                return None
            segment, start = place.segment, place.start
            # Read without the lock, so that nobody waits in put() for a disk; then look whether it still holds.
            try:
                body, count = segment.read(start, place.stop, max_events, max_bytes)
            except (EOFError, OSError):
                with self._alone():
                    if segment.next_range() == (start, place.stop):
                        self._lose(place)
                continue
            damaged = _damaged(body, count, max_bytes)
            place = place._replace(stop=start + len(body))
            with self._alone():
                if not segment.lease(start, place.stop, count):
                    continue
            lease = Lease(body, count, place.key, place)
            if not damaged:
                return lease
            self._bury(lease, damaged)

    def _lose(self, place: Place) -> None:
        """Somebody cut or removed the file: what is not on its way is gone. Say so, and go on."""
        lines, size = self._files.abandon(place)
        extra = {"directory": str(self.directory), "segment": place.segment.path.name, "events": lines}
        logger.error("outbox.lost", extra=extra)
        self.pending -= lines
        self.pending_bytes -= size
        self._count_drop(LOST, lines)

    def _bury(self, lease: Lease, damaged: list[int]) -> None:
        """Make dead letters of damaged lines and give the others back."""
        extra = {"directory": str(self.directory), "segment": lease.key, "lines": len(damaged)}
        logger.error("outbox.corrupt", extra=extra)
        others = set(range(lease.count)).difference(damaged)
        self.settle(lease, {index: Refused(None, "corrupt", (CORRUPT,)) for index in damaged}, others)

    def settle(self, lease: Lease, refused: Mapping[int, Refused], unsent: Collection[int] = ()) -> None:
        """Give each line of *lease* its fate; see :class:`~ecomtrack_sdk._delivery.outbox.Outbox`."""
        lines = lease.lines() if refused or unsent else []
        if refused:
            # First the letter, then the balance: a crash in between repeats the letter and loses nothing.
            self._keep_dead([DeadLetter.of(lines[index], refused[index]) for index in sorted(refused)])
        with self._alone():
            if unsent:
                size = self._files.divide(lease.source, lines, unsent)
            else:
                size = len(lease.body)
                self._files.finish(lease.source, lease.count)
            self._count_settled(lease.count - len(unsent), size, rejected=len(refused))

    def release(self, lease: Lease) -> None:
        """Give *lease* back untouched."""
        place: Place = lease.source
        with self._alone():
            place.segment.give_back(place.start, place.stop, lease.count)

    def _keep_dead(self, letters: list[DeadLetter]) -> None:
        if not letters:
            return
        try:
            self.dead.add(letters)
        except OSError as error:
            extra = {"event_ids": [letter.event_id for letter in letters], "error": type(error).__name__}
            logger.error("outbox.dead_letters_unwritten", extra=extra)  # noqa: TRY400 - a trace could show data
        if self.on_refused is not None:
            for letter in letters:
                self.on_refused(letter)

    # --- housekeeping

    def adopt(self) -> int:
        """Take over the segments of processes that are gone, each exactly once over all processes."""
        with self._alone():
            mine = {owner.name for owner in self._files.owners()}
        gained = elsewhere = 0
        for name in owners_in(self.directory):
            if name in mine:
                continue
            try:
                adopted = Owner.adopt(self.directory, name)
            except OSError as error:
                logger.warning("outbox.adopt_failed", extra={"owner": name, "error": type(error).__name__})
                continue
            if adopted is None:
                elsewhere += _size_of(self.directory, name)
            else:
                gained += self._take_over(*adopted)
        self._elsewhere = elsewhere
        return gained

    def _take_over(self, owner: Owner, torn: int) -> int:
        events = sum(segment.lines for segment in owner.segments)
        size = sum(segment.size - segment.acked for segment in owner.segments)
        if events == 0:
            owner.close()
        else:
            with self._alone():
                self._files.adopted.append(owner)
                self._accepted += events
                self._adopted += events
                self.pending += events
                self.pending_bytes += size
        if events or torn:
            extra = {"owner": owner.name, "events": events, "bytes": size, "torn_bytes": torn}
            logger.info("outbox.adopted", extra=extra)
        return events

    def tidy(self) -> None:
        """Begin a new segment when all of the active one is delivered, so that ``cat`` shows what waits.

        Also notices when somebody has emptied the directory.
        """
        with self._alone():
            if not self._files.tidy():
                logger.error("outbox.removed", extra={"directory": str(self.directory), "events": self.pending})

    def close(self) -> None:
        """Remove what is done with and leave the rest to the next process."""
        with self._alone():
            self._files.close()
            self._shelf = None

    def after_fork_in_child(self) -> None:
        """Forget the parent's events: they stay with the parent."""
        shelf = self._shelf
        self._fresh()
        if shelf is not None:
            shelf.forget()


def _damaged(body: bytes, count: int, max_bytes: int) -> list[int]:
    """Lines of a slice that cannot be events. Ours all begin with ``{``: one pass over the bytes tells."""
    if body.count(b"\n{") == count - 1 and body.startswith(b"{") and len(body) <= max_bytes:
        return []
    return [index for index, line in enumerate(body.split(b"\n")[:-1]) if not _may_be_event(line)]


def _may_be_event(line: bytes) -> bool:
    return line.startswith(b"{") and line.endswith(b"}") and len(line) <= LIMITS.event_bytes


def _size_of(directory: Path, owner: str) -> int:
    """Bytes of the segments of a living *owner*, delivered ones of its last segment included."""
    size = 0
    for path in directory.glob(f"{owner}.*.jsonl"):
        with suppress(OSError):
            size += path.stat().st_size
    return size
