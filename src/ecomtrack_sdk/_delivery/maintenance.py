"""Looking after an outbox directory from outside: what waits, what is dead, deliver now. Behind ``ecomtrack outbox``.

All of it may run beside living processes: their segments are only read, never taken.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic_core import from_json

from ecomtrack_sdk._delivery.courier import Courier
from ecomtrack_sdk._delivery.deadletters import DeadLetter, DeadLetters
from ecomtrack_sdk._delivery.hooks import Hooks
from ecomtrack_sdk._delivery.locks import is_locked
from ecomtrack_sdk._delivery.notices import Notices
from ecomtrack_sdk._delivery.outbox import Stats
from ecomtrack_sdk._delivery.owner import owners_in
from ecomtrack_sdk._delivery.retry import RetryPolicy
from ecomtrack_sdk._delivery.segment import Segment
from ecomtrack_sdk._delivery.spool import Spool
from ecomtrack_sdk._delivery.transport import Transport

__all__ = [
    "DrainReport",
    "OutboxReport",
    "OwnerReport",
    "drain",
    "find",
    "letters",
    "purge",
    "report",
    "retry",
    "waiting",
]

UNBOUNDED = 1 << 62


@dataclass(frozen=True, slots=True)
class OwnerReport:
    """One process's share of an outbox."""

    name: str
    pid: int
    """Process id of whoever wrote it; of another boot or container perhaps."""
    alive: bool
    """Whether a process delivers these events; if not, ``ecomtrack outbox drain`` or the next process will."""
    events: int
    """Events waiting."""
    bytes: int
    """Their size as JSON."""


@dataclass(frozen=True, slots=True)
class OutboxReport:
    """What lies in an outbox directory at this moment."""

    directory: Path
    owners: tuple[OwnerReport, ...]
    dead_letters: int
    oldest_seconds: float | None
    """Seconds since anything was written to the file that was left alone longest; ``None`` when nothing waits."""

    @property
    def events(self) -> int:
        """Events waiting."""
        return sum(owner.events for owner in self.owners)

    @property
    def bytes(self) -> int:
        """Bytes waiting, as JSON."""
        return sum(owner.bytes for owner in self.owners)


def report(directory: Path) -> OutboxReport:
    """Who has how much waiting in *directory*, and the dead letters."""
    owners = []
    oldest: float | None = None
    for name in owners_in(directory):
        events = size = 0
        for segment in _segments(directory, name):
            events += segment.lines
            size += segment.size - segment.acked
            if segment.lines:
                with suppress(OSError):
                    age = max(0.0, time.time() - segment.path.stat().st_mtime)
                    oldest = age if oldest is None else max(oldest, age)
        pid = name.split("-")[1] if name.count("-") == 2 else ""
        alive = is_locked(directory / f"{name}.lock")
        owners.append(OwnerReport(name, int(pid) if pid.isdigit() else 0, alive, events, size))
    return OutboxReport(directory, tuple(owners), len(DeadLetters(directory).read()), oldest)


def _segments(directory: Path, owner: str) -> Iterator[Segment]:
    for path in sorted(directory.glob(f"{owner}.*.jsonl")):
        with suppress(FileNotFoundError):
            yield Segment.load(path)[0]


def waiting(directory: Path) -> Iterator[bytes]:
    """Events waiting in *directory*, JSON, oldest first within a process; read as they are asked for."""
    for owner in owners_in(directory):
        for segment in _segments(directory, owner):
            with suppress(OSError), segment.path.open("rb") as file:
                file.seek(segment.acked)
                while file.tell() < segment.size and (line := file.readline()):
                    yield line.rstrip(b"\n")


def letters(directory: Path) -> list[DeadLetter]:
    """Dead letters of *directory*, oldest first."""
    return DeadLetters(directory).read()


def find(directory: Path, event_id: str) -> DeadLetter | bytes | None:
    """The dead letter of that id, else the waiting event (JSON), else ``None``."""
    for letter in reversed(letters(directory)):
        if letter.event_id == event_id:
            return letter
    quoted = event_id.encode()
    for line in waiting(directory):
        if quoted in line and _id_of(line) == event_id:
            return line
    return None


def _id_of(line: bytes) -> str | None:
    try:
        event = from_json(line)
    except ValueError:
        return None
    return event.get("event_id") if isinstance(event, dict) else None


def retry(directory: Path, event_ids: Collection[str] | None = None) -> int:
    """Put dead letters back among the waiting events; the next living process or :func:`drain` sends them.

    Args:
        directory: The outbox.
        event_ids: Which; ``None`` for all. What is no event at all (``corrupt``) stays.

    Returns:
        The number of events put back.

    Raises:
        OSError: The directory cannot be written.
    """
    spool = Spool(directory, max_bytes=UNBOUNDED)
    try:
        # First into the spool, then out of the dead letters: a crash in between sends one twice, and loses none.
        return DeadLetters(directory).take_out(
            lambda letter: letter.reason != "corrupt" and (event_ids is None or letter.event_id in event_ids),
            lambda letter: spool.put(letter.event),
        )
    finally:
        spool.close()


def purge(directory: Path, event_ids: Collection[str] | None = None) -> int:
    """Delete dead letters for good.

    Args:
        directory: The outbox.
        event_ids: Which; ``None`` for all.

    Returns:
        The number deleted.
    """
    return DeadLetters(directory).take_out(
        lambda letter: event_ids is None or letter.event_id in event_ids, lambda _: None
    )


@dataclass(frozen=True, slots=True)
class DrainReport:
    """What :func:`drain` has done."""

    adopted: int
    """Events found that no living process has."""
    delivered: int
    rejected: int
    """Now dead letters."""
    pending: int
    """Adopted and not delivered in time; still in the outbox."""
    dropped: int
    """Lost because their file was damaged."""
    reason: str
    """What held delivery up, when something did."""


def drain(
    directory: Path,
    transport: Transport,
    *,
    timeout: float = 60.0,
    batch_events: int = 500,
    batch_bytes: int = 1_000_000,
    policy: RetryPolicy | None = None,
    progress: Callable[[Stats], object] | None = None,
) -> DrainReport:
    """Deliver, in this thread, what processes no longer alive have left in *directory*.

    Args:
        directory: The outbox.
        transport: The way out, such as ``HttpTransport(url, key)``; it is closed.
        timeout: Seconds after which waiting for a troubled collector ends.
        batch_events: Most events in a request.
        batch_bytes: Most bytes in a request, before compression.
        policy: Waits between tries.
        progress: Called after each batch.
    """
    deadline = time.monotonic() + timeout
    notices = Notices()
    spool = Spool(directory, max_bytes=UNBOUNDED)
    courier = Courier(transport, policy or RetryPolicy(), Hooks(notices), notices)

    def sleep(seconds: float) -> bool:
        time.sleep(max(0.0, min(seconds, deadline - time.monotonic())))
        return time.monotonic() >= deadline

    try:
        adopted = spool.adopt()
        while (lease := spool.take(batch_events, batch_bytes)) is not None:
            others = spool.pending > lease.count
            outcome = courier.deliver(spool, lease, sleep, lambda others=others: others)  # type: ignore[misc]
            if progress is not None:
                progress(spool.stats())
            if outcome.unsent and time.monotonic() >= deadline:
                break
    finally:
        courier.close()
        stats = spool.stats()
        spool.close()
    dropped = sum(stats.dropped.values())
    return DrainReport(adopted, stats.delivered, stats.rejected, stats.pending, dropped, courier.trouble)
