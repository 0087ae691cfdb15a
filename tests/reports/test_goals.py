"""Goals, customers' marks and carts: what the golden cases do not reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from ecomtrack_sdk import reports
from ecomtrack_sdk.errors import BadParameter
from ecomtrack_sdk.store._projection import Warehouse

Make = Callable[[Sequence[Mapping[str, Any]]], Warehouse]


def order(person: str, number: int, **fields: Any) -> dict[str, Any]:
    return {
        "type": "order",
        "order_id": f"{person}-{number}",
        "customer": {"id": person},
        "occurred_at": f"2026-01-{number:02d}T12:00:00Z",
        "items": [],
        "total": str(number),
        "currency": "EUR",
        "status": "paid",
        **fields,
    }


@pytest.mark.parametrize(
    "goals",
    ["", "bought", "a=register,a=login", "register@2.50", "register@2.50XYZ", ",".join(["search[query=x]"] * 31)],
)
def test_goals_that_cannot_be_read_are_refused(duckdb_of: Make, goals: str) -> None:
    """No goal, an unknown event, a name twice, a value without a currency, too many of them."""
    with pytest.raises(BadParameter):
        reports.run("micro_conversions", {"goals": goals}, duckdb_of([]))


def test_goals_may_be_given_one_by_one(duckdb_of: Make) -> None:
    """A repeated option is a list; names may have blanks, steps may have filters with an equals sign."""
    asked = {"goals": ["new account=register", "search[query=lamp|desk]"]}
    rows = reports.run("micro_conversions", asked, duckdb_of([])).records
    assert [row["goal"] for row in rows] == ["new account", "search[query=lamp|desk]"]


def test_marks_do_not_depend_on_names(duckdb_of: Make) -> None:
    """Equal customers get equal marks; with a hundred different ones every mark is given twenty times."""
    same = duckdb_of([order(person, 1) for person in "abcdefg"])
    assert {row["score"] for row in reports.run("rfm", {}, same).records} == {"111"}
    many = [order(f"c{number}", 1, total=str(number)) for number in range(100)]
    marks = [row["money_score"] for row in reports.run("rfm", {}, duckdb_of(many)).records]
    assert [marks.count(mark) for mark in (1, 2, 3, 4, 5)] == [20] * 5


def test_as_of_is_a_day_that_counts(duckdb_of: Make) -> None:
    """Orders of that day are in, the next day's are not; a day with two orders is one period."""
    warehouse = duckdb_of([order("a", 1), order("a", 2), order("a", 3)])
    (row,) = reports.run("rfm", {"as_of": "2026-01-02", "time_zone": "Asia/Tokyo"}, warehouse).records
    assert (row["orders"], row["frequency"], row["recency"], row["age"]) == (2, 1, 1, 1)


def test_as_of_is_where_the_time_asked_for_ends(duckdb_of: Make) -> None:
    """What it is compared with ends before it begins, too."""
    warehouse = duckdb_of([order("a", 1), order("a", 2), order("a", 3), order("a", 4)])
    asked = {"from": "2026-01-03", "as_of": "2026-01-03", "compare": "previous"}
    result = reports.run("rfm", asked, warehouse)
    assert [(row["orders"], row["orders_previous"]) for row in result.records] == [(1, 1)]
    assert result.query["compared_with"] == {"from": "2026-01-02", "to": "2026-01-03"}


def test_an_emptied_cart_is_worth_nothing(duckdb_of: Make) -> None:
    """What went in and out again leaves a cart without value, still a cart."""
    lamp = {"product_id": "p1", "price": "10"}
    done = [
        {
            "type": kind,
            "visitor_id": "v",
            "occurred_at": f"2026-01-01T10:0{minute}:00Z",
            "item": lamp,
            "currency": "EUR",
        }
        for minute, kind in enumerate(["add_to_cart", "remove_from_cart", "remove_from_cart"])
    ]
    (row,) = reports.run("carts", {}, duckdb_of(done)).to_dict()["rows"]
    assert (row["carts"], row["abandoned"], row["value"]) == (1, 1, "0.00")


def test_parts_of_products_and_returns_add_up(duckdb_of: Make) -> None:
    """By product, variant, brand or first category: the same money; refunds by reason are all refunds."""
    lines = [
        {"product_id": "p1", "variant_id": "red", "price": "10", "brand": "A", "categories": ["X", "Y"]},
        {"product_id": "p1", "variant_id": "blue", "price": "12", "brand": "A", "categories": ["X"]},
        {"product_id": "p2", "price": "7", "quantity": "2"},
    ]
    back = {
        "type": "refund", "refund_id": "r", "order_id": "a-1", "currency": "EUR", "amount": "15", "reason": "broken",
        "occurred_at": "2026-01-05T12:00:00Z", "shipping": "3",
        "items": [{"product_id": "p1", "variant_id": "blue", "amount": "12", "reason": "colour"}],
    }  # fmt: skip
    sale = order("a", 1, items=lines, total="40", shipping="4")
    warehouse = duckdb_of([sale, back])
    for group in ("product", "variant", "brand", "top_category"):
        rows = reports.run("products", {"group": group}, warehouse).records
        assert sum(row["gross"] for row in rows) == 36, group
        assert sum(row["net"] for row in rows) == 24, group
    reasons = {row["value"]: row["refunds"] for row in reports.run("returns", {"group": "reason"}, warehouse).records}
    assert reasons == {"colour": 12, "broken": 3}
    (variant,) = [row for row in reports.run("returns", {"group": "variant"}, warehouse).records if row["refunds"]]
    assert (variant["value"], variant["return_rate"]) == ("p1/blue", 1.0)
