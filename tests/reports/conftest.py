"""Both engines for every test of a report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import pytest

from ecomtrack_sdk import source_id
from ecomtrack_sdk.store._base import LogRow
from ecomtrack_sdk.store._duckdb import DuckDBWarehouse
from ecomtrack_sdk.store._projection import Warehouse


class ListLog:
    """A log in memory: the side of an event store that a projection reads."""

    def __init__(self, events: Sequence[Mapping[str, Any]]) -> None:
        self._rows: list[LogRow] = []
        self.generation_mark = "first"
        self.add(events)

    def add(self, events: Sequence[Mapping[str, Any]]) -> None:
        for event in events:
            seq = len(self._rows) + 1
            moment = datetime.fromisoformat(event["occurred_at"])
            micros = int(moment.timestamp()) * 1_000_000 + moment.microsecond
            raw = json.dumps(event).encode()
            self._rows.append(LogRow(seq, event["event_id"], event["type"], micros, micros, raw, "server", None))

    def read(self, after_seq: int, limit: int) -> list[LogRow]:
        return self._rows[after_seq : after_seq + limit]

    def high_watermark(self) -> int:
        return len(self._rows)

    def generation(self) -> str:
        return self.generation_mark


def with_ids(events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """*events*, each with an id: its own, or one made from its place."""
    return [{"event_id": source_id("golden", f"{place:06d}"), **event} for place, event in enumerate(events)]


@pytest.fixture(scope="session")
def log_of() -> Callable[[Sequence[Mapping[str, Any]]], ListLog]:
    """Makes a log of events, in the order of their arrival."""
    return lambda events: ListLog(with_ids(events))


@pytest.fixture(scope="session")
def chdb_client() -> Iterator[Any]:
    """ClickHouse in process; tests that need it skip where it is not installed."""
    pytest.importorskip("chdb")
    pytest.importorskip("clickhouse_connect")
    from ecomtrack_sdk.store._clickhouse import connect

    client = connect(interface="chdb")
    yield client
    client.close()


@pytest.fixture
def duckdb_of() -> Iterator[Callable[[Sequence[Mapping[str, Any]]], Warehouse]]:
    """Makes a DuckDB warehouse over events in the order of their arrival."""
    made: list[Warehouse] = []

    def make(events: Sequence[Mapping[str, Any]]) -> Warehouse:
        made.append(DuckDBWarehouse(ListLog(with_ids(events))))
        return made[-1]

    yield make
    for warehouse in made:
        warehouse.close()


@pytest.fixture
def clickhouse_of(chdb_client: Any) -> Callable[[Sequence[Mapping[str, Any]]], Warehouse]:
    """Makes a ClickHouse warehouse over events; one at a time, the newest replaces the older."""
    from ecomtrack_sdk.store._clickhouse import ClickHouseWarehouse

    def make(events: Sequence[Mapping[str, Any]]) -> Warehouse:
        warehouse = ClickHouseWarehouse(ListLog(with_ids(events)), chdb_client)
        warehouse.rebuild()
        return warehouse

    return make


@pytest.fixture(scope="module")
def on_engines(request: pytest.FixtureRequest, log_of: Any) -> Iterator[Callable[..., Callable[[str], Warehouse]]]:
    """Makes the warehouses of many cases, each when first asked for; ClickHouse gets them in the opposite order."""
    made: list[Warehouse] = []

    def on(events: Sequence[Mapping[str, Any]]) -> Callable[[str], Warehouse]:
        @cache
        def warehouse(engine: str) -> Warehouse:
            if engine == "duckdb":
                made.append(DuckDBWarehouse(log_of(events)))
                return made[-1]
            from ecomtrack_sdk.store._clickhouse import ClickHouseWarehouse

            found = ClickHouseWarehouse(log_of(events[::-1]), request.getfixturevalue("chdb_client"))
            found.rebuild()
            return found

        return warehouse

    yield on
    for warehouse in made:
        warehouse.close()
