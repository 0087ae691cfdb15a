"""The tables of the SQLite log, and how a file of an older version is brought up to date."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Callable
from pathlib import Path

from ecomtrack_sdk.errors import StoreError

__all__ = ["APPLICATION_ID", "SCHEMA_VERSION", "digest_of", "migrate", "new_generation"]

SCHEMA_VERSION = 2
"""``user_version`` of the file; a newer file is refused, an older one brought up to date."""
APPLICATION_ID = 0x65636F6D
"""``ecom``: how ``file`` and this module tell the log from any other SQLite file."""

_SCHEMA = """
CREATE TABLE log (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  event_id TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL,
  occurred_at INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  key_kind TEXT NOT NULL,
  raw BLOB NOT NULL,
  warnings BLOB
);
CREATE TABLE rejected (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  event_id TEXT,
  received_at INTEGER NOT NULL,
  key_kind TEXT NOT NULL,
  raw BLOB NOT NULL,
  errors BLOB NOT NULL,
  digest BLOB,
  times INTEGER NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX rejected_digest ON rejected (digest);
CREATE TABLE forgotten (digest BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID
"""


def digest_of(raw: bytes, errors: bytes) -> bytes:
    """What tells a refused event from every other: sent again, it counts and is not kept twice."""
    return hashlib.sha256(b"%b\0%b" % (raw, errors)).digest()


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables of a new file, or bring those of an older version up to date; in the caller's transaction.

    Raises:
        StoreError: A database of something else, or of a newer version.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != APPLICATION_ID:
        raise StoreError(f"{path} is a database of something else")
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{path} was written by a newer version (schema {version}, this one knows {SCHEMA_VERSION}): "
            "install the newer ecomtrack-sdk"
        )
    if not tables:
        for statement in _SCHEMA.split(";"):
            connection.execute(statement)
        new_generation(connection)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    else:
        for step in range(version, SCHEMA_VERSION):
            _STEPS[step](connection)
    if version != SCHEMA_VERSION:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def new_generation(connection: sqlite3.Connection) -> None:
    """Mark that rows already read have changed or gone."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('generation', ?)", (secrets.token_hex(8),))


def _count_what_was_refused_again(connection: sqlite3.Connection) -> None:
    """1 → 2 (after 0.1.0): a refused event sent again counts, and the digests of erased ones are kept."""
    connection.execute("ALTER TABLE rejected ADD COLUMN digest BLOB")
    connection.execute("ALTER TABLE rejected ADD COLUMN times INTEGER NOT NULL DEFAULT 1")
    connection.create_function("digest_of", 2, digest_of, deterministic=True)
    connection.execute("UPDATE rejected SET digest = digest_of(raw, errors)")
    connection.execute("UPDATE rejected SET times = (SELECT count(*) FROM rejected r WHERE r.digest = rejected.digest)")
    connection.execute("DELETE FROM rejected WHERE seq NOT IN (SELECT max(seq) FROM rejected GROUP BY digest)")
    connection.execute("CREATE UNIQUE INDEX rejected_digest ON rejected (digest)")
    connection.execute("CREATE TABLE forgotten (digest BLOB PRIMARY KEY) WITHOUT ROWID")


_STEPS: dict[int, Callable[[sqlite3.Connection], None]] = {1: _count_what_was_refused_again}
"""Version of a file → what makes the next version of it. Every step stays, so that no file is ever too old."""
