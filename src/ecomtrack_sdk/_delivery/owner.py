"""Who a segment belongs to: a name made at start and a lock file that lives as long as the process.

``DIR/<owner>.lock`` is locked by the process that writes ``DIR/<owner>.<number>.jsonl``. The operating system frees the
lock when the process ends, however it ends; then any other process may take the owner's segments over by taking the
lock. A lock file is removed last, after the segments.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from ecomtrack_sdk._delivery.descriptors import close
from ecomtrack_sdk._delivery.locks import lock_file, same_file
from ecomtrack_sdk._delivery.segment import Segment

__all__ = ["Owner", "owners_in"]


class Owner:
    """One name in an outbox directory, and its lock, held until :meth:`close`."""

    __slots__ = ("_lock_fd", "_number", "directory", "name", "segments")

    def __init__(self, directory: Path, name: str, lock_fd: int) -> None:
        self.directory = directory
        self.name = name
        self.segments: list[Segment] = []
        """Segments with events, oldest first."""
        self._lock_fd = lock_fd
        self._number = 0

    @classmethod
    def create(cls, directory: Path) -> Owner:
        """A fresh name in *directory*, which is made when missing (mode 0700).

        Raises:
            OSError: The directory cannot be made or written, or has no locks.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            # The time only sorts the names; what makes them unique is the random part.
            name = f"{time.time_ns() // 1_000_000:012x}-{os.getpid()}-{os.urandom(4).hex()}"
            fd = lock_file(directory / f"{name}.lock", create=True)
            # Someone looking for orphans may have been faster to lock the new file: then it is theirs to remove.
            if fd is not None:
                return cls(directory, name, fd)

    @classmethod
    def adopt(cls, directory: Path, name: str) -> tuple[Owner, int] | None:
        """The owner *name* with its segments, when its process is gone; and the bytes of torn last lines.

        Returns:
            ``None`` while another process holds the lock.
        """
        path = directory / f"{name}.lock"
        # Segments whose lock file was deleted by hand are nobody's: make the lock anew.
        fd = lock_file(path, create=not path.exists())
        if fd is None:
            return None
        owner = cls(directory, name, fd)
        torn = 0
        for file in sorted(directory.glob(f"{name}.*.jsonl")):
            with suppress(FileNotFoundError):
                segment, bytes_torn = Segment.load(file)
                torn += bytes_torn
                if segment.is_done:
                    segment.remove()
                else:
                    owner.segments.append(segment)
        return owner, torn

    def new_segment(self) -> Segment:
        """The next segment of this owner, empty, not yet in ``segments``."""
        self._number += 1
        return Segment.create(self.directory / f"{self.name}.{self._number:06d}.jsonl")

    def is_there(self) -> bool:
        """Whether the lock file is still in its place (nobody emptied the directory)."""
        return same_file(self._lock_fd, self.directory / f"{self.name}.lock")

    def close(self) -> None:
        """Free the lock; without segments the lock file goes as well."""
        if self._lock_fd < 0:
            return
        if sys.platform == "win32":  # an open file cannot be removed there
            self.forget()
        if not any(self.directory.glob(f"{self.name}.*.jsonl")):
            with suppress(OSError):
                (self.directory / f"{self.name}.lock").unlink()
        self.forget()

    def forget(self) -> None:
        """Close every descriptor and touch no file: in a forked child the parent goes on as the owner."""
        for segment in self.segments:
            segment.close()
        fd, self._lock_fd = self._lock_fd, -1
        close(fd)


def owners_in(directory: Path) -> list[str]:
    """Names of all owners with files in *directory*, oldest first; none when it cannot be read."""
    names = set()
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.name.endswith((".lock", ".jsonl")):
                    names.add(entry.name.split(".", 1)[0])
    except OSError:  # no directory, or none we may read
        return []
    return sorted(names)
