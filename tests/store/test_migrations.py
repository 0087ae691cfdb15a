"""Logs of every released version: opened, brought up to date, and nothing lost. A file of the future is refused.

``tests/data/events-schema-N.sql`` is a log as that version made it, dumped by ``sqlite3 FILE .dump`` with its two
pragmas. A change of the schema adds a step to ``store/_sqlite_schema.py`` and a dump of what was before.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ecomtrack_sdk import reports
from ecomtrack_sdk.errors import StoreError
from ecomtrack_sdk.store import LogEntry, RejectedEntry, SqliteStore
from ecomtrack_sdk.store import _sqlite_schema as schema
from ecomtrack_sdk.store._duckdb import DuckDBWarehouse
from ecomtrack_sdk.store._upkeep import verify

DUMPS = sorted((Path(__file__).parents[1] / "data").glob("events-schema-*.sql"))
ERASED = "0199aaaa-0000-7000-8000-000000000005"


@pytest.fixture(params=DUMPS, ids=[path.stem for path in DUMPS])
def old_log(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A log as an older version left it."""
    path = tmp_path / "events.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(request.param.read_text(encoding="utf-8"))
    return path


def shape_of(path: Path) -> set[tuple[str, str, str]]:
    """Tables with their columns, and indexes."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT type, name FROM sqlite_master").fetchall()
        return {
            (kind, name, str([row[1:] for row in connection.execute(f"PRAGMA {kind}_info({name})")]))
            for kind, name in names
        }


def test_there_is_a_dump_of_every_older_schema():
    """No version of the schema before this one is without a file to prove that it can be opened."""
    assert [path.stem for path in DUMPS] == [f"events-schema-{number}" for number in range(1, schema.SCHEMA_VERSION)]
    assert set(schema._STEPS) == set(range(1, schema.SCHEMA_VERSION))


def test_an_old_log_is_brought_up_to_date(old_log, tmp_path):
    """Events, refused ones and erased ids are all there; the tables are those of a new file; a second start is fine."""
    for _ in range(2):
        with SqliteStore(old_log, must_exist=True) as store:
            assert store.counts() == (4, 2)
            assert [row.type for row in store.read(0, 10)] == ["view_page", "identify", "order", "refund"]
            assert [(row.raw[:8], row.times) for row in store.read_rejected(0, 10)] == [
                (b'{"type":', 1),
                (b"not json", 2),
            ]
            assert store.append([LogEntry(ERASED, "custom", 1, 1, "server", b"{}")]) == [False]
    with SqliteStore(tmp_path / "new.db") as store:
        assert store.counts() == (0, 0)
    assert shape_of(old_log) == shape_of(tmp_path / "new.db")
    with closing(sqlite3.connect(old_log)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (schema.SCHEMA_VERSION,)


def test_figures_of_an_old_log(old_log):
    """Reports and the proof of soundness read an old log as they read a new one; new events join it."""
    with SqliteStore(old_log) as store, DuckDBWarehouse(store) as warehouse:
        assert verify(store, warehouse).findings == ()
        (row,) = reports.run("revenue", {"by": "year"}, warehouse).to_dict()["rows"]
        assert (row["gross"], row["refunds"], row["net"]) == ("104.70", "49.90", "54.80")
        again = store.read_rejected(0, 10)[1]
        store.append([], [RejectedEntry(None, 9, "server", again.raw, again.errors)])
        assert [row.times for row in store.read_rejected(0, 10)] == [1, 3]


def test_a_migration_that_breaks_off_changes_nothing(old_log, monkeypatch):
    """A step that fails half way leaves the file as it was, to be opened again."""

    def half(connection: sqlite3.Connection) -> None:
        schema._count_what_was_refused_again(connection)
        raise sqlite3.OperationalError("disk I/O error")

    before = shape_of(old_log)
    with monkeypatch.context() as patch:
        patch.setitem(schema._STEPS, 1, half)
        with pytest.raises(StoreError, match="disk I/O error"):
            SqliteStore(old_log)
    assert shape_of(old_log) == before
    with SqliteStore(old_log) as store:
        assert store.counts() == (4, 2)


def test_a_log_of_the_future_is_refused(tmp_path):
    """A file of a newer version is not touched, and the message says what to do."""
    path = tmp_path / "events.db"
    SqliteStore(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {schema.SCHEMA_VERSION + 1}")
    with pytest.raises(StoreError, match=r"newer version .* install the newer ecomtrack-sdk"):
        SqliteStore(path)


def test_another_programs_database_is_refused(tmp_path):
    """A database that is no event log is named as such and left alone."""
    path = tmp_path / "events.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
        connection.commit()
    with pytest.raises(StoreError, match="something else"):
        SqliteStore(path)
