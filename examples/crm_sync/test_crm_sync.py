"""The job against a real collector: what the CRM says moves net revenue, however often it is run."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from ecomtrack_sdk import Item, Order, S2SClient
from examples.conftest import Collector
from examples.crm_sync.crm_sync import SCHEMA, sync

CHANGES = [
    (1, "2026-03-02T09:00:00+00:00", "1001", "status", "paid", "web", None, None, None, None, None),
    (2, "2026-03-03T09:00:00+00:00", "1001", "status", "shipped", "web", None, None, None, None, None),
    (
        3,
        "2026-03-04T09:00:00+00:00",
        "1002",
        "status",
        "cancelled",
        "call_center",
        None,
        None,
        None,
        None,
        "changed mind",
    ),
    (4, "2026-04-09T09:00:00+00:00", "1001", "refund", None, "pickup_point", "boots", 1, "189.00", "EUR", "too small"),
]


@pytest.fixture
def crm() -> Iterator[sqlite3.Connection]:
    """The CRM's database with four changes to two orders."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(SCHEMA)
    connection.executemany("insert into changes values (?,?,?,?,?,?,?,?,?,?,?)", CHANGES)
    yield connection
    connection.close()


@pytest.fixture
def client(collector: Collector) -> Iterator[S2SClient]:
    """A client of a collector that has the two orders."""
    with S2SClient() as client:
        for order_id, quantity in (("1001", 2), ("1002", 1)):
            boots = Item(product_id="boots", price="189.00", quantity=quantity)
            client.order(
                Order(
                    occurred_at=datetime(2026, 3, 1, 12, tzinfo=UTC), order_id=order_id, items=[boots], currency="EUR"
                )
            )
        yield client


def figures(collector: Collector, basis: str) -> list[tuple[str, str, str, str, str]]:
    rows = collector.get(f"/v1/reports/revenue?by=month&basis={basis}")["rows"]
    return [(row["period"], row["gross"], row["refunds"], row["cancelled"], row["net"]) for row in rows]


def test_changes_move_net_revenue(collector: Collector, client: S2SClient, crm: sqlite3.Connection) -> None:
    """A cancellation and a refund lower net revenue, by the order's month and by their own."""
    report = sync(crm, client)
    assert (report.accepted, report.rejected_count) == (4, 0)
    assert figures(collector, "order") == [("2026-03-01", "567.00", "189.00", "189.00", "189.00")]
    assert figures(collector, "action") == [
        ("2026-03-01", "567.00", "0.00", "189.00", "378.00"),
        ("2026-04-01", "0.00", "189.00", "0.00", "-189.00"),
    ]


def test_running_again_changes_nothing(collector: Collector, client: S2SClient, crm: sqlite3.Connection) -> None:
    """A second run sends nothing; one that has forgotten its mark sends all again, and nothing counts twice."""
    sync(crm, client)
    once = figures(collector, "order")
    assert sync(crm, client).accepted == 0
    crm.execute("delete from synced")
    again = sync(crm, client)
    assert (again.accepted, again.duplicate) == (0, 4)
    assert figures(collector, "order") == once
