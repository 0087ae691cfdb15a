"""Event ids: fresh ones, and those that belong to a record elsewhere."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator

__all__ = ["new_event_id", "source_id"]

_SOURCE_NAMESPACE = uuid.UUID("6b1f1dd0-6c1f-5c26-9d5c-0a8f5d7d3f10")
"""Namespace of :func:`source_id`; it must never change, or an import repeated would count twice."""


_tails: Iterator[str] = iter(())
"""Random ends of ids made ahead: one call for randomness serves many ids. ``next()`` on it is atomic."""
_TAILS_AHEAD = 64


def new_event_id() -> str:
    """A fresh UUIDv7 as text: sortable by the millisecond, 74 random bits.

    Source: RFC 9562 §5.7.
    """
    stamp = time.time_ns() // 1_000_000
    return f"{stamp >> 16:08x}-{stamp & 0xFFFF:04x}-{next(_tails, None) or _fresh_tail()}"


def _fresh_tail() -> str:
    global _tails
    random = os.urandom(10 * _TAILS_AHEAD).hex()
    # Version 7 in the first digit, variant 10xx in the fifth: two bits of the random digit are given up for it.
    digits = [random[at : at + 20] for at in range(0, len(random), 20)]
    tails = [f"7{d[:3]}-{'89ab'[int(d[3], 16) & 3]}{d[4:7]}-{d[7:19]}" for d in digits]
    _tails = iter(tails[1:])
    return tails[0]


def _forget_tails() -> None:
    """In a forked child: ids made ahead belong to the parent, and both would use them."""
    global _tails
    _tails = iter(())


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forget_tails)


def source_id(namespace: str, *record: str | int) -> str:
    """The event id that belongs to a record elsewhere, the same each time, so that a second import is a no-op.

    Args:
        namespace: The system the record lives in, such as ``"shopify"`` or ``"crm"``.
        record: What identifies the record there, such as ``"order", "1001", "paid"``.

    Returns:
        A UUIDv5 as text.
    """
    return str(uuid.uuid5(_SOURCE_NAMESPACE, "\x1f".join((namespace, *map(str, record)))))
