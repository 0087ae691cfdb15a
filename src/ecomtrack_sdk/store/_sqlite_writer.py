"""The one thread that writes to the log: it commits everything that is waiting in one transaction (group commit)."""

from __future__ import annotations

import contextlib
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from ecomtrack_sdk.errors import StoreBusy, StoreError
from ecomtrack_sdk.store._base import LogEntry, RejectedEntry
from ecomtrack_sdk.store._sqlite_schema import digest_of

__all__ = ["Writer"]

logger = logging.getLogger("ecomtrack_sdk.store")

MAX_WAITING_BYTES = 64 * 1024 * 1024
"""Bytes waiting for the disk; above it new batches are refused, so that a slow disk cannot fill the memory."""
ENTRY_BYTES = 600
"""What an event in memory takes beside its raw bytes: small events would otherwise weigh ten times what is counted."""
MAX_GROUP_BYTES = 16 * 1024 * 1024
"""Bytes in one transaction: enough to make the sync cheap, short enough to answer the first client soon."""
MAX_REJECTED = 100_000
"""Refused events kept; beyond it the oldest go, so that a broken sender cannot fill the disk with its mistakes."""

_TRY_AGAIN = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,  # a file system remounted read-only after an error
}

_REJECT = """
INSERT OR REPLACE INTO rejected (event_id, received_at, key_kind, raw, errors, digest, times)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, coalesce((SELECT times FROM rejected WHERE digest = ?6), 0) + 1
WHERE NOT EXISTS (SELECT 1 FROM forgotten WHERE digest = ?6)
  AND NOT EXISTS (SELECT 1 FROM log WHERE event_id = lower(?1) AND type = 'erased')
"""
"""The same event refused again counts and moves to the end; what was erased is not kept again."""

_ROWS_PER_STATEMENT = (128, 16, 1)


def _insert_statement(rows: int) -> str:
    places = ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * rows)
    columns = "event_id, type, occurred_at, received_at, key_kind, raw, warnings"
    return f"INSERT INTO log ({columns}) VALUES {places} ON CONFLICT (event_id) DO NOTHING"  # noqa: S608


_INSERTS = {rows: _insert_statement(rows) for rows in _ROWS_PER_STATEMENT}


class _Batch(NamedTuple):
    entries: Sequence[LogEntry]
    rejected: Sequence[RejectedEntry]
    size: int
    future: Future[list[bool]]


class _Call(NamedTuple):
    work: Callable[[sqlite3.Connection], Any]
    future: Future[Any]


class Writer:
    """Owns the writing connection. ``submit`` and ``call`` may come from any thread; work is done in their order.

    Args:
        connect: Opens the connection; called in the writer's thread, which starts with the first piece of work.
        on_commit: Called in the writer's thread after each commit of events.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], on_commit: Callable[[], None]) -> None:
        self._connect = connect
        self._on_commit = on_commit
        self._queue: queue.SimpleQueue[_Batch | _Call | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting_bytes = 0
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, entries: Sequence[LogEntry], rejected: Sequence[RejectedEntry]) -> Future[list[bool]]:
        """See ``EventStore.submit``."""
        size = sum(len(entry.raw) for entry in entries) + sum(len(entry.raw) + len(entry.errors) for entry in rejected)
        size += ENTRY_BYTES * (len(entries) + len(rejected))
        future: Future[list[bool]] = Future()
        with self._lock:
            if self._waiting_bytes and self._waiting_bytes + size > MAX_WAITING_BYTES:
                raise StoreBusy("more events are waiting for the disk than the collector may hold in memory")
            self._put(_Batch(entries, rejected, size, future))
            self._waiting_bytes += size
        return future

    def call(self, work: Callable[[sqlite3.Connection], Any]) -> Future[Any]:
        """Run *work* in a transaction of its own, between two batches."""
        future: Future[Any] = Future()
        with self._lock:
            self._put(_Call(work, future))
        return future

    def _put(self, job: _Batch | _Call) -> None:
        if self._closed:
            raise StoreError("the store is closed")
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="ecomtrack-log-writer", daemon=True)
            self._thread.start()
        self._queue.put(job)

    def close(self) -> None:
        """Do what is waiting, then end the thread. Can be called again."""
        with self._lock:
            self._closed = True
            thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join()

    @property
    def waiting_bytes(self) -> int:
        """Raw bytes handed over and not yet durable."""
        return self._waiting_bytes

    # --- in the thread -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        carried: _Batch | _Call | None = None
        try:
            while True:
                job = carried or self._queue.get()
                carried = None
                if job is None:
                    return
                try:
                    connection = connection or self._connect()
                except (sqlite3.Error, OSError, StoreError) as error:
                    _fail(job.future, _as_store_error(error))
                    self._done(job)
                    continue
                if isinstance(job, _Call):
                    self._perform(connection, job)
                    continue
                group, carried = self._group(job)
                self._commit(connection, group)
                for batch in group:
                    self._done(batch)
                if carried is None and self._queue.empty():
                    # Nothing to do: names of this loop must not keep the last batches alive.
                    del job, group
        finally:
            if connection is not None:
                connection.close()

    def _group(self, first: _Batch) -> tuple[list[_Batch], _Batch | _Call | None]:
        """Everything that is waiting, up to the bound, and the job that did not belong to it."""
        group, size = [first], first.size
        while size < MAX_GROUP_BYTES:
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                break
            if not isinstance(job, _Batch):
                if job is None:
                    self._queue.put(None)  # the end comes after what has been gathered
                    return group, None
                return group, job
            group.append(job)
            size += job.size
        return group, None

    def _done(self, job: _Batch | _Call) -> None:
        if isinstance(job, _Batch):
            with self._lock:
                self._waiting_bytes -= job.size

    def _commit(self, connection: sqlite3.Connection, group: list[_Batch]) -> None:
        try:
            outcomes = _store(connection, group)
        except Exception as error:  # noqa: BLE001  whatever it was, nobody may wait for ever
            with contextlib.suppress(sqlite3.Error):
                connection.rollback()
            if len(group) > 1:  # one batch the engine cannot take must not fail its neighbours
                for batch in group:
                    self._commit(connection, [batch])
                return
            logger.warning("store.commit_failed", extra={"error": f"{type(error).__name__}: {error}"})
            _fail(group[0].future, _as_store_error(error))
            return
        self._on_commit()
        for batch, outcome in zip(group, outcomes, strict=True):
            if batch.future.set_running_or_notify_cancel():
                batch.future.set_result(outcome)

    def _perform(self, connection: sqlite3.Connection, job: _Call) -> None:
        try:
            connection.execute("BEGIN IMMEDIATE")
            result = job.work(connection)
            connection.commit()
        except Exception as error:  # noqa: BLE001
            with contextlib.suppress(sqlite3.Error):
                connection.rollback()
            _fail(job.future, _as_store_error(error))
            return
        self._on_commit()
        if job.future.set_running_or_notify_cancel():
            job.future.set_result(result)


def _insert(connection: sqlite3.Connection, entries: list[LogEntry]) -> int:
    """Insert what is new; returns how many were.

    Many rows a statement: Python gives up its lock once per statement, and getting it back from a busy event loop can
    take longer than the insert itself.
    """
    added = start = 0
    for rows in _ROWS_PER_STATEMENT:
        while len(entries) - start >= rows:
            values = [value for entry in entries[start : start + rows] for value in entry]
            added += connection.execute(_INSERTS[rows], values).rowcount
            start += rows
    return added


def _store(connection: sqlite3.Connection, group: list[_Batch]) -> list[list[bool]]:
    entries = [entry for batch in group for entry in batch.entries]
    rejected = [entry for batch in group for entry in batch.rejected]
    connection.execute("BEGIN IMMEDIATE")
    fresh: set[str] | None = None
    if entries:
        (before,) = connection.execute("SELECT coalesce(max(seq), 0) FROM log").fetchone()
        if _insert(connection, entries) != len(entries):
            fresh = {row[0] for row in connection.execute("SELECT event_id FROM log WHERE seq > ?", (before,))}
    if rejected:
        connection.executemany(_REJECT, [(*one[:5], one.digest or digest_of(one.raw, one.errors)) for one in rejected])
        _trim(connection)
    connection.commit()
    if fresh is None:
        return [[True] * len(batch.entries) for batch in group]
    outcomes = []
    for batch in group:
        outcome = []
        for entry in batch.entries:
            new = entry.event_id in fresh
            fresh.discard(entry.event_id)  # its second appearance in the group is a duplicate
            outcome.append(new)
        outcomes.append(outcome)
    return outcomes


def _trim(connection: sqlite3.Connection) -> None:
    low, high = connection.execute("SELECT min(seq), max(seq) FROM rejected").fetchone()
    if low is None or high - low < MAX_REJECTED:
        return
    (count,) = connection.execute("SELECT count(*) FROM rejected").fetchone()
    if count > MAX_REJECTED:
        oldest = "SELECT seq FROM rejected ORDER BY seq LIMIT ?"
        connection.execute(f"DELETE FROM rejected WHERE seq IN ({oldest})", (count - MAX_REJECTED,))  # noqa: S608


def _fail(future: Future[Any], error: Exception) -> None:
    if future.set_running_or_notify_cancel():
        future.set_exception(error)


def _as_store_error(error: Exception) -> StoreError:
    if isinstance(error, StoreError):
        return error
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the primary code; the rest tells variants apart
        if code in _TRY_AGAIN:
            return StoreBusy(f"the event log cannot be written now: {error}")
    elif isinstance(error, OSError | MemoryError):
        return StoreBusy(f"the event log cannot be written now: {type(error).__name__}")
    return StoreError(f"the event log cannot be written: {error}")
