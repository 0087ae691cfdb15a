"""Figures of other systems, read into our events and matched; and what must hold whatever arrives."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecomtrack_sdk import _wire, reports
from ecomtrack_sdk.integrations import shopify, woocommerce

Make = Callable[[Sequence[Mapping[str, Any]]], Any]


def as_sent(events: Sequence[Any]) -> list[dict[str, Any]]:
    return [json.loads(_wire.encode_event(event)) for event in events]


def payload(folder: Path, name: str) -> Any:
    return json.loads((folder / "payloads" / name).read_bytes(), parse_float=Decimal)


def revenue(warehouse: Any, **params: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = reports.run("revenue", params, warehouse).to_dict()["rows"]
    return rows


def test_shopify_order_and_refund(shared_data: Path, duckdb_of: Make) -> None:
    """Shopify's example: total and refund are Shopify's own, booked on the order's date or on the refund's."""
    events = [
        *shopify.order(payload(shared_data, "shopify_order.json")["order"]),
        *shopify.convert("refunds/create", payload(shared_data, "shopify_refund.json")),
    ]
    warehouse = duckdb_of(as_sent(events))
    (row,) = revenue(warehouse, by="year")
    assert (row["currency"], row["orders"], row["units"], row["customers"]) == ("USD", 1, 3, 1)
    assert (row["gross"], row["refunds"], row["net"]) == ("409.94", "209.00", "200.94")
    sold, back = revenue(warehouse, by="year", basis="action")
    assert (sold["period"], sold["net"], back["period"], back["net"]) == (
        "2008-01-01", "409.94", "2016-01-01", "-209.00",
    )  # fmt: skip


def test_woocommerce_order_and_refund(shared_data: Path, duckdb_of: Make) -> None:
    """WooCommerce's example: the order's own total less the refund's own amount."""
    raw_order = payload(shared_data, "woocommerce_order.json")
    raw_refund = payload(shared_data, "woocommerce_refund.json")
    order = woocommerce.order(raw_order)
    refund = woocommerce.refund(raw_refund, order_id=str(raw_order["id"]), currency=raw_order["currency"])
    warehouse = duckdb_of(as_sent([*order, refund]))
    total = sum(Decimal(row["gross"]) for row in revenue(warehouse, by="year"))
    net = sum(Decimal(row["net"]) for row in revenue(warehouse, by="year"))
    assert total == Decimal(raw_order["total"])
    assert net == Decimal(raw_order["total"]) - abs(Decimal(raw_refund["amount"]))


def of_case(event: Mapping[str, Any]) -> dict[str, Any]:
    """One event of ``cases/revenue_examples.json`` as ours: a coupon there is a discount of the order here."""
    if event["event"] == "refund":
        return {
            "type": "refund", "refund_id": "r", "order_id": event["order_id"], "occurred_at": event["at"],
            "currency": "USD", "amount": str(event["amount"]),
        }  # fmt: skip
    return {
        "type": "order", "order_id": event["order_id"], "occurred_at": event["at"], "currency": "USD",
        "status": event["status"], "customer": {"id": event["customer"]},
        "items": [
            {"product_id": item["sku"], "price": str(item["price"]), "quantity": str(item["quantity"])}
            for item in event["items"]
        ],
        "discount": str(sum(coupon["amount"] for coupon in event["coupons"])), "shipping": str(event["shipping"]),
        "tax": str(event["tax"]), "total": str(event["total"]),
        "coupons": [coupon["code"] for coupon in event["coupons"]],
    }  # fmt: skip


def test_woocommerce_worked_cases(shared_data: Path, duckdb_of: Make) -> None:
    """Every figure of WooCommerce's own tests that the revenue report names, under the name it has here.

    Our gross is WooCommerce's total_sales before refunds, our net its total_sales; what it calls net_revenue leaves
    shipping and tax out and its average order value divides that.
    """
    cases = json.loads((shared_data / "cases" / "revenue_examples.json").read_text())["cases"]
    for case in cases:
        warehouse = duckdb_of([of_case(event) for event in case["events"]])
        (row,) = revenue(warehouse)
        want = case["expected"]
        assert row["orders"] == want["orders"]
        assert row["units"] == want["items_sold"]
        assert row["customers"] == want["customers"]
        assert Decimal(row["discounts"]) == want["coupons"]
        assert Decimal(row["refunds"]) == want["refunds"]
        assert Decimal(row["net"]) == want["total_sales"]
        shipping_and_tax = want["shipping"] + want["taxes"]
        assert Decimal(row["net"]) - shipping_and_tax == want["net_revenue"]
        assert Decimal(row["gross"]) - shipping_and_tax + Decimal(row["discounts"]) == want["gross_sales"]
        assert Decimal(row["aov"]) - shipping_and_tax == want["average_order_value"]


def test_cdnow_total(shared_data: Path, duckdb_of: Make) -> None:
    """Real purchases of 18 months add up to the published total, order by order and customer by customer."""
    with (shared_data / "orders" / "cdnow_sample.csv").open() as file:
        events = [
            {
                "type": "order",
                "order_id": f"cdnow-{place}",
                "occurred_at": f"{row['date'][:4]}-{row['date'][4:6]}-{row['date'][6:]}T12:00:00+00:00",
                "currency": "USD",
                "customer": {"id": row["customer_id"]},
                "items": [{"product_id": "cd", "quantity": row["cds"]}],
                "total": row["usd"],
            }
            for place, row in enumerate(csv.DictReader(file))
        ]
    warehouse = duckdb_of(events)
    rows = revenue(warehouse)
    assert len(rows) == 18
    assert (rows[0]["period"], rows[-1]["period"]) == ("1997-01-01", "1998-06-01")
    assert sum(Decimal(row["net"]) for row in rows) == Decimal("244091.94")
    assert sum(row["orders"] for row in rows) == 6919
    (total,) = reports.run("revenue", {"from": "1997-01-01", "to": "1998-07-01", "by": "year"}, warehouse).to_dict()[
        "rows"
    ][:1]
    assert total["customers"] == 2357


# --- what holds whatever arrives ---

prices = st.decimals("0", "500", places=2)
quantities = st.sampled_from(["1", "2", "3", "0.5"])
products = st.sampled_from(["a", "b", "c"])
items = st.lists(
    st.fixed_dictionaries(
        {"product_id": products, "price": prices.map(str), "quantity": quantities},
        optional={"discount": st.sampled_from(["0.10", "1"]), "tax": st.sampled_from(["0.20", "2"])},
    ),
    min_size=0,
    max_size=3,
)
moments = st.integers(0, 40 * 24 * 60).map(
    lambda minutes: f"2026-03-{1 + minutes // 1440 % 28:02d}T{minutes // 60 % 24:02d}:{minutes % 60:02d}:00+00:00"
)
orders = st.fixed_dictionaries(
    {
        "type": st.just("order"),
        "order_id": st.sampled_from(["1", "2", "3"]),
        "occurred_at": moments,
        "currency": st.sampled_from(["EUR", "EUR", "USD"]),
        "items": items,
        "status": st.sampled_from(["pending", "paid", "cancelled"]),
    },
    optional={"shipping": st.sampled_from(["0", "4.90"]), "total": prices.map(str)},
)
updates = st.fixed_dictionaries(
    {"type": st.just("order_update"), "order_id": st.sampled_from(["1", "2", "3", "4"]), "occurred_at": moments},
    optional={
        "action_id": st.sampled_from(["x", "y"]),
        "items": items,
        "status": st.sampled_from(["paid", "shipped", "cancelled", "failed", "returned"]),
        "total": prices.map(str),
        "discount": st.sampled_from(["0", "3"]),
        "shipping": st.sampled_from(["0", "2.50"]),
    },
)
refunds = st.fixed_dictionaries(
    {
        "type": st.just("refund"),
        "order_id": st.sampled_from(["1", "2", "3", "4"]),
        "refund_id": st.sampled_from(["r1", "r2"]),
        "occurred_at": moments,
        "currency": st.sampled_from(["EUR", "EUR", "USD"]),
    },
    optional={
        "amount": prices.map(str),
        "items": st.lists(
            st.fixed_dictionaries({"product_id": products, "quantity": quantities}), min_size=1, max_size=2
        ),
        "shipping": st.just("1"),
    },
)
histories = st.lists(st.one_of(orders, updates, refunds), min_size=1, max_size=9)
FIGURES = ("gross", "discounts", "refunds", "cancelled", "net")


def totals(warehouse: Any, basis: str) -> dict[str, list[Decimal]]:
    found: dict[str, list[Decimal]] = {}
    for row in revenue(warehouse, basis=basis, by="day"):
        sums = found.setdefault(row["currency"], [Decimal(0)] * len(FIGURES))
        found[row["currency"]] = [have + Decimal(row[name]) for have, name in zip(sums, FIGURES, strict=True)]
    return {currency: sums for currency, sums in found.items() if any(sums)}


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(history=histories, random=st.randoms(use_true_random=False))
def test_order_of_arrival_changes_nothing(duckdb_of: Make, history: list[dict[str, Any]], random: Any) -> None:
    """Any permutation of the same events gives the same reports."""
    events = [{"event_id": f"00000000-0000-7000-8000-{place:012d}", **event} for place, event in enumerate(history)]
    shuffled = list(events)
    random.shuffle(shuffled)
    one, other = duckdb_of(events), duckdb_of(shuffled)
    for name, params in itertools.product(("revenue", "orders"), ({"basis": "order"}, {"basis": "action"})):
        first = reports.run(name, {**params, "by": "day"}, one).to_dict()
        second = reports.run(name, {**params, "by": "day"}, other).to_dict()
        assert first == second
    one.close()
    other.close()


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(history=histories)
def test_both_dates_agree_over_all_time(duckdb_of: Make, history: list[dict[str, Any]]) -> None:
    """Booked by order date or by action date, all time together is the same; net is what its parts say."""
    warehouse = duckdb_of(history)
    by_order, by_action = totals(warehouse, "order"), totals(warehouse, "action")
    assert by_order == by_action
    for gross, _, refunded, cancelled, net in by_order.values():
        assert net == gross - refunded - cancelled
        assert cancelled >= 0
    for order_id, net in warehouse.query("select o.order_id, o.net from orders o").rows:
        moved = warehouse.query(
            "select @sum(case m.kind when 'gross' then m.amount when 'discount' then @zero() else -m.amount end)"
            " from order_money m join orders o on o.order_id = m.order_id and o.currency = m.currency"
            " where m.order_id = $id",
            {"id": order_id},
        ).rows[0][0]
        assert (moved or 0) == net
    warehouse.close()


@pytest.mark.parametrize("basis", ["order", "action"])
def test_periods_add_up(duckdb_of: Make, basis: str) -> None:
    """Days add up to weeks, months and years, in any time zone."""
    events = [
        {
            "type": "order",
            "order_id": str(hour),
            "occurred_at": f"2026-{1 + hour % 12:02d}-{1 + hour % 28:02d}T{hour % 24:02d}:30:00+00:00",
            "currency": "EUR",
            "items": [{"product_id": "a", "price": f"{hour}.25"}],
        }
        for hour in range(60)
    ]
    warehouse = duckdb_of(events)
    want = sum(Decimal(event["items"][0]["price"]) for event in events)
    for by, zone in itertools.product(
        ("hour", "day", "week", "month", "quarter", "year"), ("UTC", "America/Los_Angeles", "Asia/Kathmandu")
    ):
        rows = revenue(warehouse, by=by, time_zone=zone, basis=basis)
        assert sum(Decimal(row["net"]) for row in rows) == want
