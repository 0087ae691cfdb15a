"""One append-only file of events, one per line, and how far it has been dealt with.

Bytes of a segment are in one of four states: done (``acked`` and the ranges after it), on their way (leased), given
back (``returned``), and not yet taken. Only the done prefix is remembered on disk, in a sidecar of one number: after a
crash the rest is sent again, and the collector knows the ids.
"""

from __future__ import annotations

import os
from bisect import insort
from contextlib import suppress
from pathlib import Path

from ecomtrack_sdk._delivery.descriptors import BINARY, close, read_at, sync

__all__ = ["Segment", "TornWrite"]

_CHUNK = 1 << 20


class TornWrite(OSError):
    """A write broke off and could not be taken back: nothing may be appended after it."""


class Segment:
    """A file of events; all methods but :meth:`read` are called under the outbox's lock.

    Attributes:
        path: The file; ``path`` with the suffix ``.ack`` is the sidecar.
        size: Bytes of whole lines.
        acked: Everything before this offset is done.
        lines: Events not done yet.
    """

    __slots__ = (
        "_ack_fd",
        "_again",
        "_fd",
        "acked",
        "done",
        "leased",
        "lines",
        "path",
        "returned",
        "size",
        "synced",
        "taken",
    )

    def __init__(self, path: Path, fd: int = -1) -> None:
        self.path = path
        self.size = self.synced = self.acked = self.taken = 0
        self.lines = self.leased = 0
        self.done: list[tuple[int, int]] = []
        self.returned: list[tuple[int, int]] = []
        self._fd = fd
        self._ack_fd = -1
        self._again = False

    # --- making and opening

    @classmethod
    def create(cls, path: Path) -> Segment:
        """A new, empty segment, mode 0600."""
        return cls(path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | BINARY, 0o600))

    @classmethod
    def load(cls, path: Path) -> tuple[Segment, int]:
        """A segment that another process left, and the bytes of its torn last line (0 for most).

        A last line without its end was never answered for: the writer died inside ``write``. It is passed over.
        """
        segment = cls(path, os.open(path, os.O_RDONLY | BINARY))
        try:
            length = os.fstat(segment._fd).st_size
            acked = segment._read_ack()
            position = segment.acked = segment.taken = acked if acked <= length else 0
            segment.size = position
            while chunk := read_at(segment._fd, _CHUNK, position):
                segment.lines += chunk.count(b"\n")
                end = chunk.rfind(b"\n") + 1
                if end:
                    segment.size = position + end
                position += len(chunk)
        finally:
            segment.seal()
        return segment, position - segment.size

    def _read_ack(self) -> int:
        try:
            text = self.ack_path.read_bytes()
        except OSError:
            return 0
        return int(text) if text.strip().isdigit() else 0

    @property
    def ack_path(self) -> Path:
        """The sidecar."""
        return self.path.with_suffix(".ack")

    # --- writing

    def append(self, record: bytes, size: int) -> None:
        """Write one line; afterwards it survives the process.

        Raises:
            OSError: Nothing was kept (disk full, file gone); a part that was written has been taken back.
            TornWrite: A part was written and stays; the segment takes no more.
        """
        try:
            written = os.write(self._fd, record)
        except OSError:
            self._take_back()
            raise
        if written != size:
            self._take_back()
            raise OSError(28, "no space left on device: the write broke off")
        self.size += size
        self.lines += 1

    def _take_back(self) -> None:
        try:
            if os.fstat(self._fd).st_size > self.size:
                os.ftruncate(self._fd, self.size)
        except OSError as error:
            raise TornWrite(error.errno, "the write broke off and cannot be taken back") from error

    def sync(self) -> int:
        """Bring the file to the disk; returns the size that is safe now."""
        size = self.size
        if self._fd >= 0:
            sync(self._fd)
        return size

    # --- taking and finishing

    def next_range(self) -> tuple[int, int] | None:
        """A range nobody has leased, or ``None``.

        What was given back and what is fresh take turns: an event that is asked for again and again holds up no other.
        """
        fresh = (self.taken, self.size) if self.taken < self.size else None
        if self.returned and (fresh is None or not self._again):
            return self.returned[0]
        return fresh

    def read(self, start: int, stop: int, max_events: int, max_bytes: int) -> tuple[bytes, int]:
        """Whole lines from *start* on, at most that many and about that long, one at least; needs no lock.

        Returns:
            The bytes and the number of lines.

        Raises:
            EOFError: The file is shorter than it was: someone cut it.
            OSError: It cannot be read.
        """
        data = self._read(start, min(max_bytes, stop - start))
        cut = data.rfind(b"\n") + 1
        if cut == 0:
            data = self._read_line(start, stop, data)
            cut = len(data)
        count = data.count(b"\n", 0, cut)
        if count > max_events:
            cut = _end_of_line(data, max_events)
            count = max_events
        return data[:cut], count

    def lease(self, start: int, end: int, count: int) -> bool:
        """Mark what was read as leased; ``False`` when it is no longer next, and must be read again."""
        current = self.next_range()
        if current is None or current[0] != start or end > current[1]:
            return False
        self._again = start != self.taken
        if not self._again:
            self.taken = end
        elif end < current[1]:
            self.returned[0] = (end, current[1])
        else:
            del self.returned[0]
        self.leased += count
        return True

    def _read(self, start: int, length: int) -> bytes:
        if self._fd < 0:
            self._fd = os.open(self.path, os.O_RDONLY | BINARY)
        return read_at(self._fd, length, start)

    def _read_line(self, start: int, stop: int, head: bytes) -> bytes:
        """One line longer than a batch: read on to its end."""
        data = bytearray(head)
        while start + len(data) < stop:
            chunk = self._read(start + len(data), min(_CHUNK, stop - start - len(data)))
            if not chunk:
                break
            end = chunk.find(b"\n") + 1
            if end:
                return bytes(data + chunk[:end])
            data += chunk
        raise EOFError(f"{self.path.name} ends before its last event")

    def finish(self, start: int, stop: int, count: int) -> None:
        """Mark a leased range as done."""
        self.leased -= count
        self.lines -= count
        insort(self.done, (start, stop))
        self._advance()

    def give_back(self, start: int, stop: int, count: int) -> None:
        """Put a leased range back to be taken again, in its old place."""
        self.leased -= count
        insort(self.returned, (start, stop))

    def abandon(self) -> tuple[int, int]:
        """Mark everything that is not leased as done, unread; returns its lines and bytes."""
        spans = [*self.returned, (self.taken, self.size)]
        lines = self.lines - self.leased
        self.lines = self.leased
        self.taken, self.returned = self.size, []
        for span in spans:
            insort(self.done, span)
        self._advance()
        return lines, sum(stop - start for start, stop in spans)

    def _advance(self) -> None:
        before = self.acked
        while self.done and self.done[0][0] <= self.acked:
            self.acked = max(self.acked, self.done.pop(0)[1])
        if self.acked != before:
            self._write_ack()

    def _write_ack(self) -> None:
        # Twenty digits in one write: a reader sees the old number or the new one. A failure costs a redelivery only.
        with suppress(OSError):
            if self._ack_fd < 0:
                self._ack_fd = os.open(self.ack_path, os.O_WRONLY | os.O_CREAT | BINARY, 0o600)
            os.lseek(self._ack_fd, 0, os.SEEK_SET)
            os.write(self._ack_fd, b"%020d\n" % self.acked)

    @property
    def is_done(self) -> bool:
        """Whether every line has its fate."""
        return self.acked >= self.size

    def is_there(self) -> bool:
        """Whether the open file is still the one under its name (nobody removed or replaced it)."""
        try:
            return os.path.samestat(os.fstat(self._fd), self.path.stat())
        except OSError:
            return False

    # --- ending

    def seal(self) -> None:
        """No more events: close the file until it is read."""
        # Forgotten first: a fork in between must not close a number that has become somebody else's file.
        fd, self._fd = self._fd, -1
        close(fd)

    def close(self) -> None:
        """Close every descriptor; the files stay."""
        self.seal()
        fd, self._ack_fd = self._ack_fd, -1
        close(fd)

    def remove(self) -> None:
        """Close and unlink; the events first, so that no sidecar is ever missing for a file with events."""
        self.close()
        for path in (self.path, self.ack_path):
            with suppress(OSError):
                path.unlink()


def _end_of_line(data: bytes, number: int) -> int:
    """Offset after the *number*-th line end."""
    position = 0
    for _ in range(number):
        position = data.find(b"\n", position) + 1
    return position
