"""Outboxes of every kind, for the contract they share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ecomtrack_sdk._delivery.fallback import FallbackOutbox
from ecomtrack_sdk._delivery.memory import MemoryOutbox
from ecomtrack_sdk._delivery.notices import Notices
from ecomtrack_sdk._delivery.outbox import Outbox
from ecomtrack_sdk._delivery.spool import Spool
from tests.sink import Sink

Make = Callable[..., Outbox]


def outbox_of(kind: str, directory: Path, **settings) -> Outbox:
    """An outbox of *kind* on *directory*."""
    if kind == "memory":
        return MemoryOutbox(spill=directory, **settings)
    if kind == "fallback":
        return FallbackOutbox(Spool(directory, **settings), MemoryOutbox(**settings), Notices())
    return Spool(directory, sync=kind == "disk", **settings)


KINDS = ("spool", "disk", "memory", "fallback")


@pytest.fixture(params=KINDS)
def make(request, tmp_path: Path) -> Iterator[Make]:
    """A function that opens an outbox of each kind; they are closed at the end."""
    opened: list[Outbox] = []

    def open_one(**settings) -> Outbox:
        opened.append(outbox_of(request.param, tmp_path / "outbox", **settings))
        return opened[-1]

    yield open_one
    for outbox in opened:
        outbox.close()


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A collector that remembers."""
    one = Sink().start()
    yield one
    one.stop()
