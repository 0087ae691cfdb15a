"""Backup, verification and purge of a log."""

from __future__ import annotations

import sqlite3
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ecomtrack_sdk import Item, Order, ViewPage
from ecomtrack_sdk._wire import encode_event
from ecomtrack_sdk.errors import StoreError
from ecomtrack_sdk.events import Event
from ecomtrack_sdk.store import LogEntry, RejectedEntry, SqliteStore
from ecomtrack_sdk.store._duckdb import DuckDBWarehouse
from ecomtrack_sdk.store._upkeep import backup, purge, verify


def entry(event: Event, **changes: object) -> LogEntry:
    stamp = round(event.occurred_at.timestamp() * 1_000_000)
    made = LogEntry(event.event_id, event.type, stamp, stamp, "server", encode_event(event))
    return made._replace(**changes)


def page(year: int = 2026) -> ViewPage:
    return ViewPage(occurred_at=datetime(year, 1, 1, tzinfo=UTC))


def order(year: int = 2026) -> Order:
    return Order(
        order_id=f"o{year}",
        items=[Item(product_id="p", price="5")],
        currency="EUR",
        occurred_at=datetime(year, 1, 1, tzinfo=UTC),
    )


@pytest.fixture
def log(tmp_path: Path):
    with SqliteStore(tmp_path / "events.db") as store:
        yield store


def test_a_backup_is_a_whole_log(log, tmp_path):
    """The copy opens as a log with everything committed so far, private like the original."""
    log.append([entry(page()) for _ in range(50)], [RejectedEntry(None, 1, "site", b"x", b"[]")])
    size = backup(log.path, tmp_path / "copies" / "copy.db")
    copy_path = tmp_path / "copies" / "copy.db"
    assert size == copy_path.stat().st_size
    assert stat.S_IMODE(copy_path.stat().st_mode) == 0o600
    log.append([entry(page())])
    with SqliteStore(copy_path, must_exist=True) as copy:
        assert copy.counts() == (50, 1)
        assert [row.seq for row in copy.read(0, 100)] == [row.seq for row in log.read(0, 50)]
        assert verify(copy).findings == ()
        assert copy.append([entry(page())]) == [True]


def test_a_backup_is_one_moment_while_events_arrive(log, tmp_path):
    """Beside a busy writer the copy is sound and holds whole batches only."""
    stop = threading.Event()

    def pour() -> None:
        while not stop.is_set():
            log.append([entry(page()) for _ in range(10)])

    writer = threading.Thread(target=pour)
    writer.start()
    try:
        for number in range(3):
            backup(log.path, tmp_path / f"copy-{number}.db")
    finally:
        stop.set()
        writer.join()
    for number in range(3):
        with SqliteStore(tmp_path / f"copy-{number}.db", must_exist=True) as copy:
            assert copy.counts().good % 10 == 0
            assert verify(copy).findings == ()


def test_a_backup_writes_over_nothing(log, tmp_path):
    """An existing target and a missing source are errors, and no half copy is left."""
    (tmp_path / "there.db").write_text("precious")
    with pytest.raises(StoreError, match="exists"):
        backup(log.path, tmp_path / "there.db")
    assert (tmp_path / "there.db").read_text() == "precious"
    with pytest.raises(StoreError, match="no event log"):
        backup(tmp_path / "missing.db", tmp_path / "copy.db")
    (tmp_path / "text.db").write_text("not a database at all, but some text")
    with pytest.raises(StoreError, match="cannot be copied"):
        backup(tmp_path / "text.db", tmp_path / "copy.db")
    assert not [path for path in tmp_path.iterdir() if "copy" in path.name]


def test_a_sound_log_verifies(log, tmp_path):
    """Every event is looked at; erased ones are no finding; progress reaches the end."""
    pages = [page() for _ in range(20)]
    log.append([*(entry(one) for one in pages), entry(order())])
    log.erase([pages[0].event_id])
    seen: list[tuple[int, int]] = []
    with DuckDBWarehouse(log, tmp_path) as warehouse:
        result = verify(log, warehouse, lambda done, total: seen.append((done, total)))
    assert result == (20, ())
    assert seen[-1] == (20, 20)


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"raw": b"{"}, "not a valid event"),
        ({"event_id": "00000000-0000-7000-8000-000000000001"}, "another id"),
        ({"type": "order"}, "its row says order"),
        ({"occurred_at": 7}, "another time"),
        ({"raw": b'{"type":"view_page"}'}, "lacks the id or the time"),
    ],
)
def test_a_row_that_disagrees_with_its_content_is_found(log, changes, finding):
    """Whatever a row says differently from its bytes is named with its id."""
    log.append([entry(page()), entry(page(), **changes)])
    (found,) = verify(log).findings
    assert finding in found
    assert "seq 2" in found


def test_a_projection_that_differs_is_found(log, tmp_path):
    """Events missing from the projection, and events the log does not know, are named."""
    one, two = page(), page()
    log.append([entry(one), entry(two)])
    with DuckDBWarehouse(log, tmp_path) as warehouse:
        warehouse.refresh()
        warehouse._connection.execute(f"delete from events where event_id = '{one.event_id}'")
        warehouse._connection.execute(f"update events set event_id = 'strange' where event_id = '{two.event_id}'")
        findings = verify(log, warehouse).findings
    assert f"event {one.event_id} is not in the projection" in findings
    assert "event strange is in the projection and not in the log" in findings


def test_a_damaged_file_is_found(tmp_path):
    """Pages overwritten on the disk do not pass for a sound log."""
    path = tmp_path / "events.db"
    with SqliteStore(path) as store:
        store.append([entry(page()) for _ in range(500)])
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    content = bytearray(path.read_bytes())
    content[8192 * 6 : 8192 * 7] = b"\x07" * 8192
    path.write_bytes(content)
    with SqliteStore(path, must_exist=True) as store:
        try:
            findings = verify(store).findings
        except StoreError as error:
            findings = (str(error),)
    assert findings


def test_purge_lets_old_browsing_go_and_keeps_the_books(log):
    """Old events lose their content, orders stay, what is young stays, and nothing comes back."""
    old, young, sale = page(2020), page(2026), order(2020)
    log.append([entry(old), entry(young), entry(sale)], [RejectedEntry(None, 5, "site", b"x", b"[]")])
    border = round(datetime(2025, 1, 1, tzinfo=UTC).timestamp() * 1_000_000)
    assert purge(log, border) == 1
    assert {row.event_id for row in log.read(0, 10)} == {young.event_id, sale.event_id}
    assert log.append([entry(old)]) == [False]
    assert log.counts() == (2, 0)
    assert purge(log, border) == 0
    assert purge(log, border, keep=()) == 1
