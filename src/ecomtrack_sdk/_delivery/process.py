"""What happens to the process: it forks, or it ends. One registration each, for all trackers."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from contextlib import suppress
from typing import Protocol

import pydantic.main

__all__ = ["importing", "watch"]


class Living(Protocol):
    """Whatever has a thread or files that a fork or an exit concerns."""

    def after_fork_in_child(self) -> None:
        """Give up what belongs to the parent."""
        ...

    def at_exit(self) -> None:
        """Deliver for a moment, leave the rest on disk."""
        ...


_living: weakref.WeakSet[Living] = weakref.WeakSet()
_registered = False
_import_lock = threading.Lock()
FORK_WAIT = 10.0
"""Seconds a fork waits for an import on another thread; none takes that long."""


def watch(one: Living) -> None:
    """Tell *one* of forks and of the end, as long as it is referred to elsewhere."""
    global _registered
    _living.add(one)
    if not _registered:
        _registered = True
        atexit.register(_at_exit)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_child)


class importing:  # noqa: N801 - used as a statement
    """Around imports on a background thread.

    A fork in the middle of an import would leave the child with a module lock that nobody frees: its own import of that
    module would wait for ever. So a fork waits for the end of the import (0.1 s, once).
    """

    def __enter__(self) -> None:
        _import_lock.acquire()

    def __exit__(self, *_: object) -> None:
        _import_lock.release()


_held = threading.local()


def _before_fork() -> None:
    # pydantic builds a model at its first use under one global lock, which a child would inherit held, for ever. The
    # lock is pydantic's own affair: where a version has none of that name there is nothing to wait for.
    locks = (_import_lock, getattr(pydantic.main, "_rebuild_lock", None))
    _held.locks = [lock for lock in locks if lock is not None and lock.acquire(timeout=FORK_WAIT)]


def _after_fork() -> None:
    locks, _held.locks = getattr(_held, "locks", []), []
    for lock in locks:
        lock.release()


def _in_child() -> None:
    _after_fork()  # both locks belong to the thread that forked, which is the one that is left
    for one in list(_living):
        with suppress(Exception):
            one.after_fork_in_child()


def _at_exit() -> None:
    for one in list(_living):
        with suppress(Exception):
            one.at_exit()
