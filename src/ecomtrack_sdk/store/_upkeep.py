"""Looking after a log: online backup, proof that it is sound, and letting go of what is too old to keep."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ecomtrack_sdk._wire import Invalid, validate_event
from ecomtrack_sdk.errors import StoreError
from ecomtrack_sdk.store._base import LogRow
from ecomtrack_sdk.store._sqlite import SqliteStore

__all__ = ["ORDER_TYPES", "Verification", "backup", "purge", "restore", "verify"]

ORDER_TYPES = ("order", "order_update", "refund")
"""What a purge leaves: the books."""
PAGE = 5_000
"""Events read at once."""
MAX_FINDINGS = 100
"""Findings kept; a broken disk has more than anybody reads."""

Progress = Callable[[int, int], None]
"""Told the events done and the events in all."""


class Verification(NamedTuple):
    """What a look at every event of a log has shown."""

    events: int
    """Events looked at."""
    findings: tuple[str, ...]
    """What is wrong, in words; empty when the log is sound."""


def backup(source: Path, target: Path) -> int:
    """Copy a log while it is written to; the copy is one moment of it, compacted.

    Args:
        source: The log.
        target: The copy; must not exist yet.

    Returns:
        Bytes of the copy.

    Raises:
        StoreError: No log, the target exists, or it cannot be written.
    """
    if not source.is_file():
        raise StoreError(f"there is no event log at {source}")
    if target.exists():
        raise StoreError(f"{target} exists already: a backup never writes over anything")
    draft = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with contextlib.closing(sqlite3.connect(source, timeout=10)) as connection:
            connection.execute("VACUUM INTO ?", (str(draft),))
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        draft.rename(target)
    except (sqlite3.Error, OSError) as error:
        draft.unlink(missing_ok=True)
        raise StoreError(f"{source} cannot be copied to {target}: {error}") from error
    return target.stat().st_size


def restore(source: Path, target: Path) -> int:
    """Put a backup in the place of a log nobody is using; the log that was there stays beside it as ``….before``.

    The backup is copied and proved sound first; readers see the old log or the new one, never half.

    Args:
        source: The backup.
        target: The log.

    Returns:
        Events of the restored log.

    Raises:
        StoreError: No backup, it is not sound, or the files cannot be written.
    """
    if not source.is_file():
        raise StoreError(f"there is no backup at {source}")
    draft = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove(draft)
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with source.open("rb") as file, draft.open("rb+") as copy:
            shutil.copyfileobj(file, copy, 1 << 20)
            os.fsync(copy.fileno())
        with SqliteStore(draft, must_exist=True) as log:
            found = verify(log)
        if found.findings:
            raise StoreError(f"{source} is not sound: {found.findings[0]}")
        if target.exists():
            with SqliteStore(target):
                pass  # what lies in its journal goes into the file
            target.replace(target.with_name(f"{target.name}.before"))
        _remove(target)
        draft.rename(target)
    except OSError as error:
        raise StoreError(f"{source} cannot be put in the place of {target}: {error}") from error
    finally:
        _remove(draft)
    return found.events


def _remove(log: Path) -> None:
    """A log with its journal."""
    for ending in ("", "-wal", "-shm"):
        log.with_name(log.name + ending).unlink(missing_ok=True)


def verify(store: SqliteStore, warehouse: Any = None, progress: Progress | None = None) -> Verification:
    """Look at every page and every event of a log, and hold a projection against it.

    Each event is read again from its bytes: it must be valid, and say the same id, type and time as its row.

    Args:
        store: The log.
        warehouse: A projection of it; brought up to date, then compared event by event.
        progress: Told how far it is.
    """
    findings: list[str] = []
    findings += [f"the file: {text}" for text in store.integrity() if text != "ok"]
    total = store.counts().good
    done = after = 0
    while rows := store.read(after, PAGE):
        for row in rows:
            problem = _problem_of(row)
            if problem is not None and len(findings) < MAX_FINDINGS:
                findings.append(f"event {row.event_id} (seq {row.seq}): {problem}")
        done += len(rows)
        after = rows[-1].seq
        if progress is not None:
            progress(done, max(total, done))
    if warehouse is not None:
        warehouse.refresh()
        answer = warehouse.query("select e.seq as seq, e.event_id as event_id from events e order by e.seq")
        findings += _differences(store, answer.rows)
    return Verification(done, tuple(findings[:MAX_FINDINGS]))


def _problem_of(row: LogRow) -> str | None:
    outcome = validate_event(row.raw)
    if isinstance(outcome, Invalid):
        return "its content is not a valid event: " + "; ".join(f"{one.loc} {one.msg}" for one in outcome.errors[:3])
    event: Any = outcome.event
    if not event.model_fields_set >= {"event_id", "occurred_at"}:
        return "its content lacks the id or the time"
    if event.event_id != row.event_id:
        return "its content has another id"
    if event.type != row.type:
        return f"its content is of type {event.type}, its row says {row.type}"
    moment = event.occurred_at
    delta = moment - moment.fromtimestamp(0, moment.tzinfo)
    if (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds != row.occurred_at:
        return "its content has another time"
    return None


def _differences(store: SqliteStore, projected: list[tuple[Any, ...]]) -> list[str]:
    logged: dict[int, str] = {}
    after = 0
    while rows := store.read(after, PAGE):
        logged.update((row.seq, row.event_id) for row in rows)
        after = rows[-1].seq
    seen = dict(projected)
    findings = []
    if len(seen) != len(projected):
        findings.append(f"the projection has {len(projected) - len(seen)} events twice")
    missing = [event_id for seq, event_id in logged.items() if seen.get(seq) != event_id]
    strange = [event_id for seq, event_id in seen.items() if logged.get(seq) != event_id]
    findings += [f"event {event_id} is not in the projection" for event_id in missing]
    findings += [f"event {event_id} is in the projection and not in the log" for event_id in strange]
    return findings


def purge(store: SqliteStore, before: int, *, keep: tuple[str, ...] = ORDER_TYPES) -> int:
    """Erase the content of old events; their ids stay known, so an old batch brings nothing back.

    Args:
        store: The log.
        before: Microseconds since the epoch; events that happened earlier go, refused ones by their arrival.
        keep: Wire types that stay whatever their age.

    Returns:
        Events erased.
    """
    erased = 0
    after = 0
    while rows := store.read(after, PAGE):
        after = rows[-1].seq
        old = [row.event_id for row in rows if row.occurred_at < before and row.type not in keep]
        if old:
            erased += store.redact(old)
    store.write(lambda connection: connection.execute("DELETE FROM rejected WHERE received_at < ?", (before,)))
    return erased
