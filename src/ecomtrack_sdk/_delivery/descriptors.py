"""Files by their numbers, the same on every platform."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

__all__ = ["BINARY", "close", "read_at", "sync"]

BINARY = getattr(os, "O_BINARY", 0)
"""Windows would turn line ends into two bytes."""


def close(fd: int) -> None:
    """Close *fd* if it is one; a number that is closed already is fine (a fork may have come in between)."""
    if fd >= 0:
        with suppress(OSError):
            os.close(fd)


def sync(fd: int) -> None:
    """Bring a file's content to the disk."""
    if sys.platform == "darwin":  # pragma: no cover - fsync stops at the drive's own cache there
        import fcntl

        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
    else:
        getattr(os, "fdatasync", os.fsync)(fd)


if hasattr(os, "pread"):

    def read_at(fd: int, length: int, offset: int) -> bytes:
        """At most *length* bytes from *offset* on."""
        return os.pread(fd, length, offset)

else:  # pragma: no cover - Windows

    def read_at(fd: int, length: int, offset: int) -> bytes:
        """At most *length* bytes from *offset* on."""
        os.lseek(fd, offset, os.SEEK_SET)
        return os.read(fd, length)
