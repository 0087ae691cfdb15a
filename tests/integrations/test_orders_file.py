"""Orders from a file: columns, values, grouping, ids, and what is left out with which reason."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecomtrack_sdk.errors import ConfigError
from ecomtrack_sdk.events import Order, OrderUpdate
from ecomtrack_sdk.integrations.orders_file import OrdersFile, Problem, Reading


def read(path: Path, text: str, **options: Any) -> tuple[list[Order | OrderUpdate], list[Problem]]:
    """Events and problems of a file with *text*."""
    path.write_text(text, encoding="utf-8")
    problems: list[Problem] = []
    return list(OrdersFile(path, **options).events(problems.append)), problems


def only(events: list[Order | OrderUpdate]) -> Order:
    assert len(events) == 1
    assert isinstance(events[0], Order)
    return events[0]


def test_rows_of_an_order_may_lie_apart(tmp_path: Path):
    """Rows are grouped by their order wherever they stand; the first value of a field decides."""
    events, problems = read(
        tmp_path / "a.csv",
        "order_id,occurred_at,status,product_id,quantity,price,currency\n"
        "1,2026-01-05T10:00:00Z,paid,p1,1,10.00,EUR\n"
        "2,2026-01-06T10:00:00Z,paid,p1,1,10.00,EUR\n"
        "1,,,p2,2,5.00,\n",
    )
    assert problems == []
    assert [(event.order_id, len(event.items or ())) for event in events] == [("2", 1), ("1", 2)]
    assert [event.total for event in events] == [Decimal(10), Decimal(20)]


def test_every_field_finds_its_place(tmp_path: Path):
    """Customer, address, acquisition, sums and codes of a full row."""
    events, problems = read(
        tmp_path / "a.csv",
        "order_id,date,status,customer_id,email,first_name,product_id,sku,product_name,brand,category,qty,unit_price,"
        "discount,line_tax,order_discount,shipping,tax,total,payment_method,coupon,country,city,source,campaign,currency\n"
        "7,2026-01-05,Fulfilled,k1,a@mail.example,Ann,p1,s1,Boots,Grat,Shoes > Boots,2,50,10,3,5,4.90,16,105.90,card,"
        '"A, B",AT,Graz,google,spring,EUR\n',
    )
    assert problems == []
    order = only(events)
    assert order.status == "completed"
    assert order.customer is not None
    assert (order.customer.id, order.customer.email, order.customer.first_name) == ("k1", "a@mail.example", "Ann")
    (item,) = order.items
    assert (item.sku, item.name, item.categories, item.subtotal) == ("s1", "Boots", ("Shoes", "Boots"), Decimal(90))
    assert (order.discount, order.shipping, order.tax, order.total) == (
        Decimal(5), Decimal("4.90"), Decimal(16), Decimal("105.90"),
    )  # fmt: skip
    assert order.coupons == ("A", "B")
    assert order.shipping_address is not None
    assert (order.shipping_address.country, order.shipping_address.city) == ("AT", "Graz")
    assert order.acquisition is not None
    assert order.acquisition.source == "google"


def test_line_totals_and_order_totals(tmp_path: Path):
    """Where there is no unit price the line's sum or the order's gives it, and the sums stay exact."""
    head = "order_id,date,quantity,{},currency\n1,2026-01-05,3,10.00,EUR\n"
    for column in ("line_total", "total"):
        order = only(read(tmp_path / "a.csv", head.format(column))[0])
        assert (order.subtotal, order.total) == (Decimal("10.00"), Decimal("10.00"))
        assert order.items[0].price == Decimal("3.3333")
        assert order.warnings() == ()


def test_times(tmp_path: Path):
    """Without an offset the time zone holds, daylight saving included; Shopify's way of writing it is understood."""
    cases = [
        ("2026-07-01", {"time_zone": "Europe/Vienna"}, "2026-06-30T22:00:00+00:00"),
        ("2026-01-01 08:00", {"time_zone": "Europe/Vienna"}, "2026-01-01T07:00:00+00:00"),
        ("2026-01-01 08:00:00 +0100", {}, "2026-01-01T07:00:00+00:00"),
        ("31.01.2026", {"date_format": "%d.%m.%Y"}, "2026-01-31T00:00:00+00:00"),
        ("19970101", {}, "1997-01-01T00:00:00+00:00"),
    ]
    for text, options, expected in cases:
        row = f"order_id,occurred_at,total,currency\n1,{text},5,EUR\n"
        order = only(read(tmp_path / "a.csv", row, reading=Reading(**options))[0])
        assert order.occurred_at.isoformat() == expected


@pytest.mark.parametrize(
    ("text", "comma", "expected"),
    [
        ("1234.50", False, "1234.50"),
        ("1,234.50", False, "1234.50"),
        ("€ 1 234.50", False, "1234.50"),
        ("1.234,50", True, "1234.50"),
        ("19.9000000", False, "19.90"),
        ("-5", False, "-5"),
    ],
)
def test_amounts(text: str, comma: bool, expected: str):
    """Thousands separators and currency signs are passed over."""
    assert Reading(decimal_comma=comma).amount(text) == Decimal(expected)


@pytest.mark.parametrize("text", ["12,50", "free", "1e5", "", "1.23456"])
def test_doubtful_amounts_are_refused(text: str):
    """What could mean two things, or would lose a cent, is an error and not a guess."""
    with pytest.raises(Exception, match=r"comma|amount|digits"):
        Reading().amount(text)


def test_problems_name_line_and_field(tmp_path: Path):
    """Each order that cannot be imported is named with its line; the others pass."""
    events, problems = read(
        tmp_path / "a.csv",
        "order_id,occurred_at,product_id,quantity,price,currency\n"
        "1,2026-01-05,p1,1,10.00,EUR\n"
        "2,soon,p1,1,10.00,EUR\n"
        "3,2026-01-05,p1,0,10.00,EUR\n"
        "4,2026-01-05,p1,1,ten,EUR\n"
        "5,2026-01-05,p1,1,10.00,\n"
        "6,2026-01-05,p1,1,-1.00,EUR\n"
        "7,2026-01-05,p1,1,10.00,XXY\n",
    )
    assert [event.order_id for event in events] == ["1"]
    assert [(one.line, one.field) for one in problems] == [
        (3, "occurred_at"), (4, "quantity"), (5, "price"), (6, "currency"), (7, "price"), (8, "currency"),
    ]  # fmt: skip


def test_ids_are_the_same_each_time(tmp_path: Path):
    """The same rows give the same ids; another system's name gives others; equal rows without an id stay apart."""
    text = "order_id,date,total,currency\n1,2026-01-05,5,EUR\n"
    first, again = only(read(tmp_path / "a.csv", text)[0]), only(read(tmp_path / "b.csv", text)[0])
    other = only(read(tmp_path / "a.csv", text, namespace="second shop")[0])
    assert first.event_id == again.event_id != other.event_id
    rows = "date,total,currency\n" + "2026-01-05,5,EUR\n" * 3
    events, _ = read(tmp_path / "c.csv", rows)
    assert len({event.event_id for event in events}) == len({event.order_id for event in events}) == 3
    assert [event.event_id for event in read(tmp_path / "d.csv", rows)[0]] == [event.event_id for event in events]


def test_later_export_brings_orders_up_to_date(tmp_path: Path):
    """With the time of the state an update follows the order; the order's own id does not change."""
    text = "order_id,date,updated_at,status,total,currency\n1,2026-01-05,{},{},5,EUR\n"
    placed = only(read(tmp_path / "a.csv", text.format("2026-01-05", "paid"))[0])
    order, update = read(tmp_path / "a.csv", text.format("2026-01-09", "cancelled"))[0]
    assert order.event_id == placed.event_id
    assert isinstance(update, OrderUpdate)
    assert (update.status, update.occurred_at.day) == ("cancelled", 9)
    again = read(tmp_path / "a.csv", text.format("2026-01-09", "cancelled"))[0]
    assert [event.event_id for event in again] == [order.event_id, update.event_id]


def test_json_lines(tmp_path: Path):
    """Flat or nested, with a list of lines, and numbers that keep their cents."""
    record = {
        "order_id": 1001,
        "created_at": "2026-01-05T10:00:00Z",
        "currency": "EUR",
        "customer": {"email": "a@mail.example"},
        "lines": [
            {"product_id": "p1", "quantity": 2, "price": 0.1},
            {"product_id": "p2", "quantity": 1, "price": "19.90"},
        ],
    }
    order = only(read(tmp_path / "a.jsonl", json.dumps(record) + "\n")[0])
    assert order.order_id == "1001"
    assert order.customer is not None
    assert order.customer.email == "a@mail.example"
    assert order.total == Decimal("20.10")


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_other_separators_and_byte_order_mark(tmp_path: Path, mark: str):
    """The separator is that of the heading; a byte order mark is passed over."""
    lines = ["order_id,date,total,currency", "1,2026-01-05,5,EUR"]
    text = "\ufeff" + "\n".join(lines).replace(",", mark) + "\n"
    assert only(read(tmp_path / "a.csv", text)[0]).total == 5


def test_files_that_cannot_be_read(tmp_path: Path):
    """Empty, without a time, of another encoding, not JSON, missing: each is told apart."""
    cases: Iterable[tuple[str, bytes, str]] = [
        ("empty.csv", b"", "empty"),
        ("a.csv", b"order_id,total\n1,5\n", "occurred_at=COLUMN"),
        ("b.csv", "order_id,date\nä,2026-01-05\n".encode("cp1252"), "--encoding"),
        ("c.jsonl", b"{not json}\n", "line 1"),
        ("d.jsonl", b"[1, 2]\n", "object"),
    ]
    for name, content, says in cases:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ConfigError, match=says):
            list(OrdersFile(tmp_path / name).events(lambda _: None))
    with pytest.raises(ConfigError, match="No such file"):
        OrdersFile(tmp_path / "none.csv").resolved()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(st.integers(1, 6), st.integers(1, 9), st.decimals(0, 9999, places=2)), min_size=1, max_size=30
    )
)
def test_nothing_is_lost_whatever_the_order_of_rows(tmp_path: Path, rows: list[tuple[int, int, Decimal]]):
    """The orders' totals add up to the rows', each order comes once, however the rows are mixed."""
    path = tmp_path / "mixed.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["order_id", "date", "product_id", "quantity", "price", "currency"])
        writer.writerows([order, "2026-01-05", "p", quantity, price, "EUR"] for order, quantity, price in rows)
    problems: list[Problem] = []
    events = list(OrdersFile(path).events(problems.append))
    assert problems == []
    assert sorted(event.order_id for event in events) == sorted({str(order) for order, _, _ in rows})
    assert sum(event.total or 0 for event in events) == sum(quantity * price for _, quantity, price in rows)
