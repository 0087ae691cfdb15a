"""File locks that a crash frees: ``flock`` where there is one, a byte-range lock on Windows. Never waited for."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

__all__ = ["is_locked", "lock_file", "lock_waiting", "same_file"]

if sys.platform == "win32":  # pragma: no cover - Windows
    import msvcrt

    _FAR = 1 << 40
    """A byte no file reaches: Windows locks are mandatory, and the content must stay readable."""

    def _lock(fd: int, *, wait: bool) -> bool:
        os.lseek(fd, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(fd: int, *, wait: bool) -> bool:
        # flock, not lockf: it belongs to the open file, so that two trackers of one process exclude each other too.
        try:
            fcntl.flock(fd, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def lock_file(path: Path, *, create: bool) -> int | None:
    """Open and lock *path* without waiting.

    Returns:
        The descriptor that holds the lock until it is closed, or ``None`` when another process holds it or the file is
        gone.

    Raises:
        OSError: The directory cannot be written, or the file system has no locks.
    """
    flags = os.O_RDWR | (os.O_CREAT if create else 0)
    try:
        fd = os.open(path, flags, 0o600)
    except FileNotFoundError:
        if create:
            raise
        return None
    try:
        # Between open and lock the last owner may have finished and removed the file: then the lock is worth nothing.
        if _lock(fd, wait=False) and same_file(fd, path):
            return fd
    except BaseException:
        os.close(fd)
        raise
    os.close(fd)
    return None


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock of *path* at this moment."""
    try:
        fd = lock_file(path, create=False)
    except OSError:
        return False
    if fd is None:
        return path.exists()
    os.close(fd)
    return False


def lock_waiting(path: Path) -> int:
    """Open (or make) *path* and wait for its lock; for short work outside ``track()`` only.

    Returns:
        The descriptor that holds the lock until it is closed.
    """
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if _lock(fd, wait=True) and same_file(fd, path):
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def same_file(fd: int, path: Path) -> bool:
    """Whether *path* still leads to the file that is open as *fd*."""
    with suppress(OSError):
        return os.path.samestat(os.fstat(fd), path.stat())
    return False
