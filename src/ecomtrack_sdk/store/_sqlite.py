"""The embedded event store: one SQLite file that remembers everything.

WAL with ``synchronous=FULL``: a commit is on the disk when it returns, other processes read while the collector writes.
Reading uses connections of its own, so that a long report never holds up an acknowledgement.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self

from pydantic_core import to_json

from ecomtrack_sdk.errors import StoreError
from ecomtrack_sdk.store._base import Counts, Filter, LogEntry, LogRow, RejectedEntry, RejectedRow
from ecomtrack_sdk.store._sqlite_query import LOG_COLUMNS, REJECTED_COLUMNS, condition_of, json_at
from ecomtrack_sdk.store._sqlite_schema import SCHEMA_VERSION, migrate, new_generation
from ecomtrack_sdk.store._sqlite_writer import Writer

__all__ = ["SCHEMA_VERSION", "SqliteStore"]

logger = logging.getLogger("ecomtrack_sdk.store")

BUSY_TIMEOUT = 10.0
"""Seconds to wait for another process (a backup, a purge) before giving up."""
MAX_IDLE_READERS = 4
"""Reading connections kept open; more are made when needed and closed afterwards."""

_TOMBSTONE = """
INSERT OR IGNORE INTO log (event_id, type, occurred_at, received_at, key_kind, raw)
SELECT lower(event_id), 'erased', received_at, received_at, key_kind, x'' FROM rejected
WHERE event_id GLOB '????????-????-????-????-????????????' AND instr(lower(CAST(raw AS TEXT)), lower(?1)) > 0
  AND instr(lower(event_id), trim(lower(?1), '"')) = 0
"""
"""The id of a refused event that is erased stays known: mended and sent again, it is a duplicate."""


class SqliteStore:
    """An ``EventStore`` in one file.

    Args:
        path: The file. It is made (mode 0600) when it is missing, and its directory (mode 0700) with it.
        must_exist: Refuse a missing file instead of making it.
        max_bytes: Largest size of the file; beyond it events are refused with ``StoreBusy``, as with a full disk.

    Raises:
        StoreError: Missing with *must_exist*, not a log, or written by a newer version.
    """

    def __init__(self, path: str | Path, *, must_exist: bool = False, max_bytes: int | None = None) -> None:
        self.path = Path(path)
        self._max_bytes = max_bytes
        if must_exist and not self.path.is_file():
            raise StoreError(f"there is no event log at {self.path}")
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._closed = False
        self._listeners: list[Callable[[], None]] = []
        self._prepare()
        self._writer = Writer(self._connect_writer, self._committed)

    # --- writing -----------------------------------------------------------------------------------------------------

    def submit(self, entries: Sequence[LogEntry], rejected: Sequence[RejectedEntry] = ()) -> Future[list[bool]]:
        """See ``EventStore.submit``."""
        return self._writer.submit(entries, rejected)

    def append(self, entries: Sequence[LogEntry], rejected: Sequence[RejectedEntry] = ()) -> list[bool]:
        """See ``EventStore.append``."""
        return self.submit(entries, rejected).result()

    def redact(
        self, erase: Iterable[str], replace: Mapping[str, bytes] | None = None, mentions: Iterable[str] = ()
    ) -> int:
        """See ``EventStore.redact``. Old content is overwritten in the file and in the journal."""
        ids = [(event_id,) for event_id in erase]
        contents = [(raw, event_id) for event_id, raw in (replace or {}).items()]
        needles = [(to_json(text).decode(),) for text in mentions]

        def work(connection: sqlite3.Connection) -> int:
            changed = connection.executemany(
                "UPDATE log SET type = 'erased', raw = x'', warnings = NULL WHERE event_id = ? AND type <> 'erased'",
                ids,
            ).rowcount
            changed += connection.executemany(
                "UPDATE log SET raw = ? WHERE event_id = ? AND type <> 'erased'", contents
            ).rowcount
            named = [*ids, *((event_id,) for _, event_id in contents)]
            connection.executemany(_TOMBSTONE, needles)
            for condition, values in (
                ("event_id = ?", named),
                ("instr(lower(CAST(raw AS TEXT)), lower(?)) > 0", needles),
            ):
                # What was refused and is forgotten must not come back with the next delivery of the same bytes.
                sql = f"INSERT OR IGNORE INTO forgotten SELECT digest FROM rejected WHERE {condition}"  # noqa: S608
                connection.executemany(sql, values)
                connection.executemany(f"DELETE FROM rejected WHERE {condition}", values)  # noqa: S608
            new_generation(connection)
            return max(0, changed)

        changed: int = self.write(work)
        with self._reader() as connection:  # the old content must not live on in the write-ahead log
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return changed

    def write(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        """Run *work* in a transaction of its own in the writer's thread; returns what it returns."""
        return self._writer.call(work).result()

    def erase(self, event_ids: Iterable[str]) -> int:
        """See ``EventStore.erase``."""
        return self.redact(event_ids)

    def reset(self) -> None:
        """See ``EventStore.reset``."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM log")  # seq goes on from where it was: a watermark never means two rows
            connection.execute("DELETE FROM rejected")
            connection.execute("DELETE FROM forgotten")
            new_generation(connection)

        self.write(work)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call *listener* (in the writer's thread, so it must be quick) after each commit; returns the way to stop."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _committed(self) -> None:
        for listener in tuple(self._listeners):
            try:
                listener()
            except Exception:
                logger.exception("store.listener_failed")

    @property
    def waiting_bytes(self) -> int:
        """Raw bytes handed over and not yet durable."""
        return self._writer.waiting_bytes

    # --- reading -----------------------------------------------------------------------------------------------------

    def read(self, after_seq: int, limit: int) -> list[LogRow]:
        """See ``EventStore.read``."""
        sql = f"SELECT {LOG_COLUMNS} FROM log WHERE seq > ? AND type <> 'erased' ORDER BY seq LIMIT ?"  # noqa: S608
        return [LogRow(*row) for row in self._rows(sql, (after_seq, limit))]

    def read_rejected(self, after_seq: int, limit: int) -> list[RejectedRow]:
        """See ``EventStore.read_rejected``."""
        sql = f"SELECT {REJECTED_COLUMNS} FROM rejected WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608
        return [RejectedRow(*row) for row in self._rows(sql, (after_seq, limit))]

    def recent(self, limit: int, where: Filter | None = None) -> list[LogRow]:
        """See ``EventStore.recent``."""
        condition, values = condition_of(where or Filter(), type_column="type")
        sql = f"SELECT {LOG_COLUMNS} FROM log WHERE type <> 'erased' AND {condition} ORDER BY seq DESC LIMIT ?"  # noqa: S608
        return [LogRow(*row) for row in self._rows(sql, (*values, limit))]

    def recent_rejected(self, limit: int, where: Filter | None = None) -> list[RejectedRow]:
        """See ``EventStore.recent_rejected``."""
        condition, values = condition_of(where or Filter(), type_column=json_at("$.type"))
        sql = f"SELECT {REJECTED_COLUMNS} FROM rejected WHERE {condition} ORDER BY seq DESC LIMIT ?"  # noqa: S608
        return [RejectedRow(*row) for row in self._rows(sql, (*values, limit))]

    def find(self, event_id: str) -> LogRow | None:
        """See ``EventStore.find``."""
        return next(iter(self.recent(1, Filter(event_id=event_id))), None)

    def high_watermark(self) -> int:
        """See ``EventStore.high_watermark``."""
        return int(self._rows("SELECT coalesce(max(seq), 0) FROM log")[0][0])

    def generation(self) -> str:
        """See ``EventStore.generation``."""
        return str(self._rows("SELECT value FROM meta WHERE name = 'generation'")[0][0])

    def counts(self) -> Counts:
        """See ``EventStore.counts``."""
        sql = "SELECT (SELECT count(*) FROM log WHERE type <> 'erased'), (SELECT count(*) FROM rejected)"
        return Counts(*self._rows(sql)[0])

    def integrity(self) -> list[str]:
        """What the engine's own check of every page says: ``["ok"]``, or what is wrong."""
        return [str(row[0]) for row in self._rows("PRAGMA integrity_check")]

    def close(self) -> None:
        """See ``EventStore.close``. Can be called again."""
        self._writer.close()
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- connections -------------------------------------------------------------------------------------------------

    def _rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        with self._reader() as connection:
            return connection.execute(sql, values).fetchall()

    @contextlib.contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._closed:
                raise StoreError("the store is closed")
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._connect()
        try:
            yield connection
        except sqlite3.Error as error:
            raise StoreError(f"the event log cannot be read: {error}") from error
        finally:
            with self._lock:
                keep = not self._closed and len(self._idle) < MAX_IDLE_READERS
                if keep:
                    self._idle.append(connection)
            if not keep:
                connection.close()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)

    def _connect_writer(self) -> sqlite3.Connection:
        connection = self._connect()
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")  # erased content is overwritten, not only unlinked
        connection.execute("PRAGMA cache_size = -65536")  # KiB; the index of ids is read on every insert
        connection.execute("PRAGMA wal_autocheckpoint = 2048")  # pages: 16 MB of log between two checkpoints
        if self._max_bytes is not None:
            (page_size,) = connection.execute("PRAGMA page_size").fetchone()
            connection.execute(f"PRAGMA max_page_count = {max(1, self._max_bytes // page_size)}")
        return connection

    def _prepare(self) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite would make it readable to all
            with contextlib.closing(self._connect()) as connection:
                connection.execute("PRAGMA page_size = 8192")  # of a new file: events of half a kB share a page
                connection.execute("PRAGMA journal_mode = WAL").fetchone()
                connection.execute("BEGIN IMMEDIATE")
                migrate(connection, self.path)
                connection.commit()
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{self.path} cannot be opened as an event log: {error}") from error
