"""Worked cases of PostHog, WooCommerce Admin and lifetimes: their events as ours, their figures from our reports.

Where a definition of ours differs, the test says so and why; nothing is left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ecomtrack_sdk import reports
from ecomtrack_sdk.store._projection import Warehouse

Make = Callable[[Sequence[Mapping[str, Any]]], Warehouse]
Case = dict[str, Any]
BOTH_WAYS = pytest.mark.parametrize(
    ("engine", "shop"),
    [("duckdb", False), ("duckdb", True), ("clickhouse", True)],
    ids=["custom", "shop", "clickhouse"],
)
"""The peer's events under their own names, and as those of a shop."""


@pytest.fixture(params=["duckdb", "clickhouse"])
def make(request: pytest.FixtureRequest) -> Make:
    """A warehouse over events, on either engine."""
    found: Make = request.getfixturevalue(f"{request.param}_of")
    return found


def cases(shared_data: Path, name: str) -> Iterator[Case]:
    yield from json.loads((shared_data / "cases" / f"{name}_examples.json").read_text(encoding="utf-8"))["cases"]


def of_people(case: Case, typed: Callable[[str, int], dict[str, Any]]) -> list[dict[str, Any]]:
    """The case's events in wire form: ids joined in ``persons`` are visitors of one customer."""
    people = {name: person["person"] for person in case["persons"] for name in person["ids"]}
    return [
        {
            "visitor_id": event["id"],
            "customer": {"id": people[event["id"]]},
            "occurred_at": event["at"],
            **typed(event["event"], place),
        }
        for place, event in enumerate(case["events"])
    ]


def as_custom(name: str, place: int) -> dict[str, Any]:
    return {"type": "custom", "name": name}


def as_shop(mapping: Mapping[str, str]) -> Callable[[str, int], dict[str, Any]]:
    """The peer's event names as those of a shop."""

    def typed(name: str, place: int) -> dict[str, Any]:
        product = {"product_id": "p1", "price": "10"}
        kind = mapping[name]
        fields: dict[str, dict[str, Any]] = {
            "view_product": {"product": product, "currency": "EUR"},
            "add_to_cart": {"item": product, "currency": "EUR"},
            "order": {"order_id": str(place), "items": [product], "currency": "EUR", "status": "paid"},
        }
        return {"type": kind, **fields[kind]}

    return typed


def until(case: Case) -> str:
    """Our ``to`` is exclusive; the peer's last day counts whole."""
    last = case["definition"]["date_to"] or case["as_of"]
    return (date.fromisoformat(last[:10]) + timedelta(days=1)).isoformat()


@BOTH_WAYS
def test_funnels_of_posthog(shared_data: Path, request: pytest.FixtureRequest, engine: str, shop: bool) -> None:
    """Counts of every step, as custom events and as those of a shop; ``?`` is what the source does not say."""
    make: Make = request.getfixturevalue(f"{engine}_of")
    for case in cases(shared_data, "funnel"):
        asked = case["definition"]
        mapping = case["suggested_mapping"]
        steps = [mapping[step["event"]] if shop else f"custom:{step['event']}" for step in asked["steps"]]
        window = asked["window"]
        params = {
            "steps": ",".join(steps),
            "window": f"{window['value']}{window['unit'][0]}",
            "mode": {"ordered": "ordered", "strict": "strict", "unordered": "any"}[asked["order"]],
            "to": until(case),
        }
        # Without a beginning the peer looks at the seven days before ``as_of``.
        begin = asked["date_from"] or (datetime.fromisoformat(case["as_of"]) - timedelta(days=7)).date().isoformat()
        warehouse = make(of_people(case, as_shop(mapping) if shop else as_custom))
        rows = reports.run("funnel", {**params, "from": begin.replace(" ", "T")}, warehouse).to_dict()["rows"]
        want = case["expected"]["counts"]
        got = [row["count"] if wanted != "?" else "?" for row, wanted in zip(rows, want, strict=True)]
        assert got == want, case["id"]


@BOTH_WAYS
def test_retention_of_posthog(shared_data: Path, request: pytest.FixtureRequest, engine: str, shop: bool) -> None:
    """Every cell of every matrix; a cohort of nobody has no row in ours, which is the same as zeros."""
    make: Make = request.getfixturevalue(f"{engine}_of")
    for case in cases(shared_data, "retention"):
        asked, want = case["definition"], case["expected"]
        mapping = case["suggested_mapping"]
        start, back = (asked[f"{key}_event"]["event"] for key in ("cohort", "return"))
        by = asked["period"]
        starts = [moment[:10] for moment in want["period_starts"]]
        if by == "month":
            # The peer labels a month with the day of the report; its months are those of the calendar, like ours.
            starts = [day[:8] + "01" for day in starts]
        params = {
            "start": mapping[start] if shop else f"custom:{start}",
            "return": mapping[back] if shop else f"custom:{back}",
            "by": by,
            "mode": asked["mode"].split()[0],
            "week_start": asked["week_starts"].lower(),
            "from": starts[0],
            "to": until(case) if by == "day" else "2020-12-01",
        }
        warehouse = make(of_people(case, as_shop(mapping) if shop else as_custom))
        rows = reports.run("retention", params, warehouse).to_dict()["rows"]
        got = {(row["cohort"], row["period"]): row["count"] for row in rows}
        matrix = [
            [got.get((cohort, period), 0) for period in range(len(wanted))]
            for cohort, wanted in zip(starts, want["matrix"], strict=True)
        ]
        assert matrix == want["matrix"], case["id"]


def order_of_woocommerce(event: Mapping[str, Any]) -> dict[str, Any]:
    if event["event"] == "refund":
        amount = str(event["amount"])
        return {
            "type": "refund", "refund_id": "r1", "order_id": event["order_id"], "amount": amount, "currency": "EUR",
            "occurred_at": event["at"],
        }  # fmt: skip
    return {
        "type": "order",
        "order_id": event["order_id"],
        "customer": {"id": event["customer"]},
        "occurred_at": event["at"],
        "status": event["status"],
        "currency": "EUR",
        "items": [
            {"product_id": item["sku"], "price": str(item["price"]), "quantity": item["quantity"]}
            for item in event["items"]
        ],
        "discount": str(sum(coupon["amount"] for coupon in event["coupons"])),
        "coupons": [coupon["code"] for coupon in event["coupons"]],
        "shipping": str(event["shipping"]),
        "tax": str(event["tax"]),
        "total": str(event["total"]),
    }


def test_revenue_of_woocommerce(shared_data: Path, make: Make) -> None:
    """Their figures from ours. What they call net revenue and average order value leaves out shipping and tax.

    Ours follow the money (Shopify's "total sales"): ``gross`` is what the customer owes, after coupons, with shipping
    and tax. So their ``total_sales`` is our ``net``, and their ``net_revenue`` is that without shipping and tax.
    """
    for case in cases(shared_data, "revenue"):
        want = case["expected"]
        warehouse = make([order_of_woocommerce(event) for event in case["events"]])
        (row,) = reports.run("revenue", {}, warehouse).records
        assert (row["shipping"], row["tax"]) == (want["shipping"], want["taxes"])
        extras = row["shipping"] + row["tax"]
        assert (row["orders"], row["units"], row["customers"]) == (
            want["orders"],
            want["items_sold"],
            want["customers"],
        )
        assert row["gross"] + row["discounts"] - extras == want["gross_sales"]
        assert row["discounts"] == want["coupons"]
        assert row["refunds"] == want["refunds"]
        assert row["net"] == want["total_sales"]
        assert row["net"] - extras == want["net_revenue"]
        assert (row["net"] - extras) / row["orders"] == want["average_order_value"]
        assert row["units"] / row["orders"] == want["average_items_per_order"]
        products = reports.run("products", {}, warehouse).records
        assert len(products) == want["distinct_products"]
        assert sum(product["gross"] for product in products) == want["gross_sales"]
        assert warehouse.query("select count(distinct o.coupons) from orders o").rows == [(want["distinct_coupons"],)]


def test_customers_of_lifetimes(shared_data: Path, make: Make) -> None:
    """Frequency, recency, age and mean value of the repeat orders, by day."""
    for case in cases(shared_data, "rfm"):
        asked = case["definition"]
        events = [
            {
                "type": "order",
                "order_id": str(place),
                "customer": {"id": event["customer"]},
                "occurred_at": datetime.fromisoformat(event["at"]).replace(hour=9, tzinfo=UTC).isoformat(),
                "items": [],
                "total": str(event.get("total", 0)),
                "currency": "EUR",
            }
            for place, event in enumerate(case["events"])
        ]
        result = reports.run("rfm", {"as_of": asked["as_of"], "by": asked["period"]}, make(events))
        names = {
            "customer": "person", "repeat_orders": "frequency", "first_to_last": "recency", "age": "age",
            "mean_repeat_value": "mean_repeat_value",
        }  # fmt: skip
        columns = [names[column] for column in case["expected"]["columns"]]
        got = sorted([row[column] for column in columns] for row in result.records)
        assert got == case["expected"]["rows"], case["id"]
