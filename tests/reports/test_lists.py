"""Lists that look up only what a page shows: every page is a slice of the whole list, whatever it is sorted by."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from ecomtrack_sdk import reports
from ecomtrack_sdk.store._projection import Warehouse

Make = Callable[[Sequence[Mapping[str, Any]]], Warehouse]
Record = dict[str, Any]

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
PAGES = ((1, 0), (4, 3), (25, 10), (10, 10_000), (10_000, 0))
"""Limit and offset: at the beginning, in the middle, over the last buyer, beyond the end, all."""


def shop() -> Iterator[dict[str, Any]]:
    """Sixty browsers: many who never order, ties in every column, guests, cancelled orders, two currencies.

    And an order whose customer only the refund weeks later names: nobody who was there when it was placed.
    """
    order = {"order_id": "late", "currency": "EUR", "items": [{"product_id": "tea", "price": "90.00", "quantity": 1}]}
    yield {"type": "order", "occurred_at": (START + timedelta(days=9)).isoformat(), "visitor_id": "late", **order}
    yield {
        "type": "refund", "occurred_at": (START + timedelta(days=60)).isoformat(), "order_id": "late",
        "refund_id": "r", "amount": "1.00", "currency": "EUR", "customer": {"email": "late@example.com"},
    }  # fmt: skip
    chance = random.Random(7)
    for number in range(60):
        visitor = f"v{number:02d}"
        # Few moments and prices, so that people are alike in what lists are sorted by.
        for visit in range(chance.choice((1, 1, 2, 3))):
            begun = START + timedelta(days=chance.randrange(0, 40, 8))
            tags = chance.choice(("", "?utm_source=news&utm_medium=email", "?utm_source=shop&utm_medium=cpc"))
            context = {"url": f"https://shop.example.com/tea{tags}"}
            seen: dict[str, Any] = {"visitor_id": visitor, "context": context}
            item = {"product_id": chance.choice(("tea", "mug")), "price": "5.00"}
            yield {"type": "view_product", "occurred_at": begun.isoformat(), "product": item, **seen}
            if number % 3 and visit == 0:
                named = {"customer": {"email": f"c{number % 25}@example.com"}}
                yield {"type": "identify", "occurred_at": (begun + timedelta(minutes=1)).isoformat(), **seen, **named}
            if number % 4 == 0:
                yield {
                    "type": "add_to_cart", "occurred_at": (begun + timedelta(minutes=2)).isoformat(),
                    "item": {**item, "quantity": 1}, "currency": "EUR", **seen,
                }  # fmt: skip
            if number % 2:
                yield {
                    "type": "order", "occurred_at": (begun + timedelta(minutes=3)).isoformat(),
                    "order_id": f"o{number:02d}-{visit}", "currency": chance.choice(("EUR", "EUR", "USD")),
                    "items": [{**item, "quantity": chance.choice((1, 2))}],
                    "status": chance.choice(("paid", "paid", "cancelled")),
                    "country": chance.choice(("AT", "DE")), **seen,
                }  # fmt: skip


def sorted_by(rows: Sequence[Record], value: Callable[[Record], Any], *ids: str) -> list[Record]:
    """*rows* with the greatest *value* first, those without one last, like ones by their ids."""
    known = sorted((row for row in rows if value(row) is not None), key=lambda row: [row[name] or "" for name in ids])
    known.sort(key=value, reverse=True)
    return known + sorted(
        (row for row in rows if value(row) is None), key=lambda row: [row[name] or "" for name in ids]
    )


def answer(warehouse: Warehouse, name: str, **params: Any) -> list[Record]:
    return reports.get(name).run(warehouse, params).records


CUSTOMERS: dict[str, Callable[[Record], Any]] = {
    "net": lambda row: row["net"],
    "orders": lambda row: row["orders"],
    "aov": lambda row: float(row["net"]) / row["orders"] if row["orders"] else None,
    "last_order": lambda row: row["last_order"],
    "first_order": lambda row: row["first_order"],
    "last_seen": lambda row: row["last_seen"],
    "sessions": lambda row: row["sessions"],
}
OF_CUSTOMERS: tuple[dict[str, Any], ...] = (
    {}, {"min_orders": 1}, {"max_orders": 0}, {"silent_days": 20}, {"currency": "USD"},
    {"from": "2026-03-08", "to": "2026-03-20"}, {"from": "2026-03-20", "min_orders": 2},
    {"where": ["channel=Email"]}, {"where": ["country=AT", "product=mug"]}, {"where": ["customer=c7@example.com"]},
)  # fmt: skip
VISITORS: dict[str, Callable[[Record], Any]] = {
    name: lambda row, name=name: row[name]
    for name in ("last_seen", "first_seen", "sessions", "page_views", "seconds", "revenue")
}
OF_VISITORS: tuple[dict[str, Any], ...] = (
    {}, {"known": "named"}, {"known": "unnamed", "bought": "no"}, {"bought": "yes"}, {"currency": "USD"},
    {"from": "2026-03-08", "to": "2026-03-20"}, {"where": ["channel=Email"], "bought": "yes"},
)  # fmt: skip


def check(warehouse: Warehouse, every: int = 1) -> None:
    """Every *every*-th pair of filter and sort, each with another page."""
    lists = (
        ("customers", CUSTOMERS, OF_CUSTOMERS, ("person", "currency")),
        ("visitors", VISITORS, OF_VISITORS, ("visitor",)),
    )
    for name, sorts, filters, ids in lists:
        wholes: dict[str, list[Record]] = {}
        for number, (asked, (sort, value)) in enumerate(product(filters, sorts.items())):
            if number % every:
                continue
            if str(asked) not in wholes:
                wholes[str(asked)] = answer(warehouse, name, sort="last_seen", limit=10_000, **asked)
            whole = wholes[str(asked)]
            limit, offset = PAGES[number % len(PAGES)]
            found = answer(warehouse, name, sort=sort, limit=limit, offset=offset, **asked)
            assert found == sorted_by(whole, value, *ids)[offset : offset + limit], (name, sort, limit, offset, asked)
        assert len(wholes["{}"]) > 25


def test_pages_are_slices(duckdb_of: Make) -> None:
    """Every sort with every kind of filter, pages from the first row to beyond the last."""
    check(duckdb_of(list(shop())))


def test_pages_are_slices_on_clickhouse(clickhouse_of: Make) -> None:
    """Some of them: the text is the same."""
    check(clickhouse_of(list(shop())), every=6)


@pytest.mark.parametrize("model", ["last_non_direct", "last", "first"])
def test_who_wins_an_order_may_say_nothing(duckdb_of: Make, clickhouse_of: Make, model: str) -> None:
    """Where the winning visit names no campaign, that of another visit does not step in."""
    with_campaign, without = "?utm_source=news&utm_medium=email&utm_campaign=spring", "?utm_source=shop&utm_medium=cpc"
    events: list[dict[str, Any]] = []
    for visitor, price, tags in (("a", "10.00", (with_campaign, without)), ("b", "20.00", (without, with_campaign))):
        for day, tag in enumerate(tags):
            context = {"url": f"https://shop.example.com/{tag}"}
            moment = (START + timedelta(days=day)).isoformat()
            events.append({"type": "view_page", "occurred_at": moment, "visitor_id": visitor, "context": context})
        ordered = (START + timedelta(days=1, minutes=5)).isoformat()
        items = [{"product_id": "tea", "price": price, "quantity": 1}]
        events.append({
            "type": "order", "occurred_at": ordered, "visitor_id": visitor, "order_id": visitor, "currency": "EUR",
            "items": items,
        })  # fmt: skip
    silent, spring = ("20.00", "10.00") if model == "first" else ("10.00", "20.00")
    for make in (duckdb_of, clickhouse_of):
        result = reports.run("attribution", {"model": model, "dimension": "campaign"}, make(events)).to_dict()
        assert {row["campaign"]: row["net"] for row in result["rows"]} == {None: silent, "spring": spring}
