"""The projection: brought up to date by watermark, disposable, never half loaded."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ecomtrack_sdk import reports, source_id
from ecomtrack_sdk.store import LogEntry, SqliteStore
from ecomtrack_sdk.store import _duckdb as duckdb_module
from ecomtrack_sdk.store import _projection as projection_module
from ecomtrack_sdk.store._duckdb import MEMORY_LIMIT, PROJECTION_FILE, DuckDBWarehouse
from ecomtrack_sdk.store._projection import Warehouse

SECOND = 1_000_000


def order(number: int, price: str = "10") -> LogEntry:
    event_id = source_id("projection", str(number))
    t = 1_767_225_600 * SECOND + number * SECOND
    body = {
        "type": "order",
        "event_id": event_id,
        "occurred_at": "2026-01-01T00:00:00Z",
        "order_id": f"o{number}",
        "currency": "EUR",
        "items": [{"product_id": "p", "price": price}],
    }
    return LogEntry(event_id, "order", t, t, "server", json.dumps(body).encode())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "events.db")
    yield opened
    opened.close()


def net(warehouse: Warehouse) -> str:
    rows = reports.run("revenue", {"by": "year"}, warehouse).to_dict()["rows"]
    return rows[0]["net"] if rows else "0"


def test_only_new_events_are_loaded(store: SqliteStore, tmp_path: Path) -> None:
    """A second look loads what came since, and the figures follow."""
    store.append([order(1), order(2)])
    with DuckDBWarehouse(store, tmp_path) as warehouse:
        assert warehouse.refresh() == 2
        assert net(warehouse) == "20.00"
        store.append([order(2), order(3)])
        assert warehouse.refresh() == 1
        assert warehouse.refresh() == 0
        assert net(warehouse) == "30.00"


def test_a_warm_projection_is_taken_up_as_it_lies(store: SqliteStore, tmp_path: Path) -> None:
    """Another process, later, loads nothing and builds no model again."""
    store.append([order(number) for number in range(50)])
    with DuckDBWarehouse(store, tmp_path) as first:
        assert net(first) == "500.00"
        built = dict(first._built)
    with DuckDBWarehouse(store, tmp_path) as second:
        assert second._built == built
        assert second.refresh() == 0
        assert net(second) == "500.00"


def test_deleting_the_projection_loses_nothing(store: SqliteStore, tmp_path: Path) -> None:
    """The log remembers, the projection only answers."""
    store.append([order(number) for number in range(5)])
    with DuckDBWarehouse(store, tmp_path) as warehouse:
        before = net(warehouse)
    (tmp_path / PROJECTION_FILE).unlink()
    with DuckDBWarehouse(store, tmp_path) as warehouse:
        assert net(warehouse) == before == "50.00"


def test_a_projection_of_another_version_is_built_anew(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is migrated: the tables are dropped and loaded again, and progress is told."""
    store.append([order(number) for number in range(5)])
    with DuckDBWarehouse(store, tmp_path) as warehouse:
        warehouse.refresh()
    monkeypatch.setattr(projection_module, "SCHEMA_VERSION", 999)
    told: list[tuple[int, int]] = []
    with DuckDBWarehouse(store, tmp_path, progress=lambda done, total: told.append((done, total))) as warehouse:
        assert warehouse.refresh() == 5
        assert net(warehouse) == "50.00"
    assert told[-1] == (5, 5)


def test_a_torn_file_is_replaced(store: SqliteStore, tmp_path: Path) -> None:
    """A projection that cannot be read is built anew."""
    store.append([order(1)])
    (tmp_path / PROJECTION_FILE).write_bytes(b"this is not a database" * 1000)
    with DuckDBWarehouse(store, tmp_path) as warehouse:
        assert net(warehouse) == "10.00"


def test_erased_events_leave_the_figures(store: SqliteStore, tmp_path: Path) -> None:
    """When the log forgets a customer's events, so does the projection."""
    store.append([order(1), order(2), order(3)])
    with DuckDBWarehouse(store, tmp_path) as warehouse:
        assert net(warehouse) == "30.00"
        store.erase([source_id("projection", "3")])
        assert net(warehouse) == "20.00"
        assert warehouse.query("select count(*) from events").rows == [(2,)]


def test_a_reset_log_empties_the_projection(store: SqliteStore, tmp_path: Path) -> None:
    """Test mode begins with nothing again."""
    store.append([order(1), order(2)])
    with DuckDBWarehouse(store, tmp_path) as warehouse:
        assert net(warehouse) == "20.00"
        store.reset()
        store.append([order(7)])
        assert net(warehouse) == "10.00"


def test_groups_are_loaded_whole(store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A load of many groups reports each, and the last one may be smaller."""
    monkeypatch.setattr(projection_module, "LOAD_ROWS", 10)
    monkeypatch.setattr(projection_module, "READ_ROWS", 5)
    store.append([order(number) for number in range(23)])
    told: list[tuple[int, int]] = []
    with DuckDBWarehouse(store, tmp_path, progress=lambda done, total: told.append((done, total))) as warehouse:
        assert warehouse.refresh() == 23
        assert net(warehouse) == "230.00"
    assert told == [(10, 23), (20, 23), (23, 23)]


def test_a_failed_load_leaves_the_watermark_where_it_was(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows and watermark are one transaction: after an error the same group is loaded again, once."""
    store.append([order(1), order(2)])
    with DuckDBWarehouse(store, tmp_path) as warehouse:
        warehouse.refresh()
        store.append([order(3)])
        kinds = dict(duckdb_module._KINDS)
        monkeypatch.setitem(duckdb_module._KINDS, "money", "NO_SUCH_TYPE")
        with pytest.raises(Exception, match="NO_SUCH_TYPE"):
            warehouse.refresh()
        monkeypatch.setattr(duckdb_module, "_KINDS", kinds)
        assert warehouse.query("select count(*) from events").rows == [(2,)]
        assert warehouse.refresh() == 1
        assert net(warehouse) == "30.00"


def test_a_second_process_is_told_who_has_the_file(store: SqliteStore, tmp_path: Path) -> None:
    """One process owns the file; the other gets an error that says so, not a broken projection."""
    with DuckDBWarehouse(store, tmp_path) as warehouse:
        warehouse.refresh()
        code = (
            "import sys\nfrom pathlib import Path\n"
            "from ecomtrack_sdk.store import SqliteStore\nfrom ecomtrack_sdk.store._duckdb import DuckDBWarehouse\n"
            "from ecomtrack_sdk.errors import StoreError\n"
            "log = SqliteStore(Path(sys.argv[1]) / 'other.db')\n"
            "try:\n    DuckDBWarehouse(log, Path(sys.argv[1]))\n"
            "except StoreError as error:\n    print('refused:', error)\n"
            "log.close()\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True, timeout=120
        )
    assert "in use by another process" in done.stdout


def view(number: int) -> LogEntry:
    event_id = source_id("projection", "view", str(number))
    body = {"type": "view_page", "event_id": event_id, "occurred_at": "2026-01-01T00:00:00Z", "visitor_id": "v"}
    t = 1_767_225_600 * SECOND
    return LogEntry(event_id, "view_page", t, t, "server", json.dumps(body).encode())


def test_looking_around_builds_no_orders_again(store: SqliteStore, tmp_path: Path) -> None:
    """The models of orders are built anew when an order event came, not when somebody looked at a page."""
    table = "select table_oid from duckdb_tables() where table_name = 'orders'"
    store.append([order(1)])
    with DuckDBWarehouse(store, tmp_path) as warehouse:
        assert net(warehouse) == "10.00"
        built = warehouse.query(table).rows
        store.append([view(1)])
        assert net(warehouse) == "10.00"
        assert warehouse.query(table).rows == built
    with DuckDBWarehouse(store, tmp_path) as warehouse:
        built = warehouse.query(table).rows
        assert net(warehouse) == "10.00"
        assert warehouse.query(table).rows == built
        store.append([order(2)])
        assert net(warehouse) == "20.00"
        assert warehouse.query(table).rows != built


def test_a_torn_load_on_clickhouse_is_begun_anew(store: SqliteStore) -> None:
    """Without transactions, a load that did not end is not believed: the next look starts over, each event once."""
    pytest.importorskip("chdb")
    from ecomtrack_sdk.store._clickhouse import ClickHouseWarehouse, connect

    client = connect(interface="chdb")
    try:
        store.append([order(1), order(2)])
        warehouse = ClickHouseWarehouse(store, client)
        warehouse.rebuild()
        version, generation, watermark = warehouse._state()
        warehouse._note(version, generation, watermark + 1, "(begun)")
        client.raw_insert("events", insert_block=b'{"seq":3,"event_id":"torn"}', fmt="JSONEachRow")
        store.append([order(3)])
        again = ClickHouseWarehouse(store, client)
        assert again.refresh() == 3
        assert again.query("select count(*) from events").rows == [(3,)]
        assert net(again) == "30.00"
    finally:
        client.close()


LOADER = """
import sys
from pathlib import Path
from ecomtrack_sdk.store import SqliteStore
from ecomtrack_sdk.store import _projection
from ecomtrack_sdk.store._duckdb import DuckDBWarehouse
_projection.LOAD_ROWS = 50
_projection.READ_ROWS = 50
folder = Path(sys.argv[1])
log = SqliteStore(folder / "events.db")
warehouse = DuckDBWarehouse(log, folder, progress=lambda done, total: print(done, flush=True))
warehouse.refresh()
print("done", flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_kill_9_during_a_load_costs_nothing(store: SqliteStore, tmp_path: Path) -> None:
    """Killed between or inside groups, the next process goes on and every event is there once."""
    store.append([order(number) for number in range(1200)])
    for groups in (1, 6, 15):
        process = subprocess.Popen(
            [sys.executable, "-c", LOADER, str(tmp_path)], stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert process.stdout is not None
        for _ in range(groups):
            if process.stdout.readline().strip() in ("done", ""):
                break
        time.sleep(0.003)
        process.send_signal(signal.SIGKILL)
        process.wait(60)
        process.stdout.close()
    with DuckDBWarehouse(store, tmp_path) as warehouse:
        warehouse.refresh()
        counted: Any = warehouse.query("select count(*), count(distinct event_id) from events").rows[0]
        assert counted == (1200, 1200)
        assert warehouse.query("select count(*) from order_actions").rows == [(1200,)]
        assert net(warehouse) == "12000.00"


def test_memory_is_bounded_and_what_a_killed_process_spilt_goes(store: SqliteStore, tmp_path: Path) -> None:
    with DuckDBWarehouse(store, tmp_path) as warehouse:
        (before,) = warehouse.query("select parse_formatted_bytes(current_setting('memory_limit'))").rows[0]
    assert 0 < before <= MEMORY_LIMIT
    spilt = tmp_path / f"{PROJECTION_FILE}.tmp"
    spilt.mkdir()
    (spilt / "duckdb_temp_storage-0.tmp").write_bytes(b"left")
    with DuckDBWarehouse(store, tmp_path) as warehouse:
        assert not spilt.exists()
        warehouse._execute("set memory_limit = '24 MB'")
        # More than fits: the engine writes the rest beside the file and takes it away again.
        rows = "select i, hash(i) as h, repeat('x', 100) as pad from range(1000000) r(i)"
        found = warehouse.query(f"select count(*), min(i), max(i) from (select * from ({rows}) order by h)").rows
        assert found == [(1_000_000, 0, 999_999)]
    assert not spilt.exists()
