"""Export and erasure of a person: complete, durable, and without moving the shop's figures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ecomtrack_sdk import Customer, Identify, Item, Order, OrderUpdate, Refund, ViewPage
from ecomtrack_sdk._wire import encode_event
from ecomtrack_sdk.collector import KeyRing, create_app
from ecomtrack_sdk.events import Address, Context, RefundItem
from ecomtrack_sdk.reports.privacy import anonymous
from ecomtrack_sdk.store import SqliteStore
from ecomtrack_sdk.store._duckdb import PROJECTION_FILE, DuckDBWarehouse

JANE = Customer(id="c-jane", email="Jane@needle.example")
T = "2026-01-0{}T10:00:00+00:00"


@pytest.fixture
def shop(collector: Any, tmp_path: Path) -> Iterator[Any]:
    """A collector with reports and two people in it: Jane with two browsers, Bob with one."""

    def discard() -> None:
        (tmp_path / PROJECTION_FILE).unlink(missing_ok=True)

    app = create_app(
        collector.store,
        KeyRing.of(collector.tokens),
        open_warehouse=lambda: DuckDBWarehouse(collector.store, tmp_path),
        discard_warehouse=discard,
    )
    collector.app = app
    events = [
        ViewPage(visitor_id="v-phone", occurred_at=T.format(1), context=Context(ip="203.0.113.7")),
        Identify(visitor_id="v-phone", customer=JANE, occurred_at=T.format(2)),
        Identify(visitor_id="v-laptop", customer=Customer(email="jane@needle.example"), occurred_at=T.format(2)),
        ViewPage(visitor_id="v-laptop", occurred_at=T.format(3)),
        Order(
            order_id="o-jane",
            visitor_id="v-phone",
            customer=JANE,
            items=[Item(product_id="p1", price="50")],
            currency="EUR",
            occurred_at=T.format(4),
            shipping_address=Address(name="Jane Needle", line1="Needle Street 1", city="Graz", country="AT"),
        ),
        OrderUpdate(order_id="o-jane", status="shipped", occurred_at=T.format(5), reason="Jane Needle called"),
        Refund(
            refund_id="r1",
            order_id="o-jane",
            currency="EUR",
            amount="20",
            items=[RefundItem(product_id="p1", quantity=1)],
            occurred_at=T.format(6),
        ),
        Identify(visitor_id="v-bob", customer=Customer(id="c-bob"), occurred_at=T.format(2)),
        ViewPage(visitor_id="v-bob", occurred_at=T.format(3)),
        Order(order_id="o-bob", customer=Customer(id="c-bob"), items=[], currency="EUR", total="7",
              occurred_at=T.format(4)),
    ]  # fmt: skip
    collector.lines = [encode_event(event) for event in events]
    answer = collector.send(*collector.lines, b'{"type":"order","customer":{"email":"jane@needle.example"}}')
    assert answer.json["accepted"] == len(events)
    yield collector
    app.close()


def revenue(shop: Any) -> dict[str, Any]:
    (row,) = shop.call("GET", "/v1/reports/revenue?by=year", key="read").json["rows"]
    return row


@pytest.mark.parametrize("who", ["c-jane", "jane@needle.example", "JANE@needle.example", "v-phone", "v-laptop"])
def test_export_gives_everything_of_the_person_and_nothing_of_others(shop, who):
    """By any of her names: all devices, events before she was known, orders and what happened to them."""
    answer = shop.call("GET", f"/v1/customers/{who}", key="read")
    assert answer.status == 200
    assert answer.json["person"] == "c-jane"
    assert answer.json["names"] == ["c-jane", "jane@needle.example"]
    assert answer.json["visitors"] == ["v-laptop", "v-phone"]
    assert [event["type"] for event in answer.json["events"]] == [
        "view_page", "identify", "identify", "view_page", "order", "order_update", "refund",
    ]  # fmt: skip
    assert answer.json["events"][0] == json.loads(shop.lines[0])
    assert b"bob" not in answer.body


def test_erase_takes_the_person_and_leaves_the_figures(shop, tmp_path):
    """Afterwards no file holds a trace of her, revenue is what it was, and Bob is untouched."""
    before = revenue(shop)
    answer = shop.call("DELETE", "/v1/customers/jane@needle.example", key="server")
    assert (answer.status, answer.json) == (200, {"erased": 4, "anonymised": 3})
    assert {**revenue(shop), "customers": 2} == {**before, "customers": 2}
    assert shop.call("GET", "/v1/customers/c-jane", key="read").status == 404
    assert shop.call("GET", "/v1/customers/c-bob", key="read").json["visitors"] == ["v-bob"]
    assert shop.call("GET", "/v1/inspect/bad", key="read").json == []
    shop.app.close()
    for path in tmp_path.iterdir():
        content = path.read_bytes().lower()
        for trace in (b"needle", b"c-jane", b"v-phone", b"v-laptop", b"203.0.113.7"):
            assert trace not in content, (path, trace)


def test_erased_events_stay_erased_when_an_old_batch_comes_again(shop):
    """A redelivery is acknowledged as duplicates and brings nothing back."""
    shop.call("DELETE", "/v1/customers/c-jane", key="server")
    again = shop.send(*shop.lines)
    assert (again.json["accepted"], len(again.json["duplicate"])) == (0, len(shop.lines))
    assert shop.call("GET", "/v1/customers/c-jane", key="read").status == 404
    assert not any(b"needle" in row.raw.lower() for row in shop.store.read(0, 100))


def test_erased_refused_events_stay_erased_when_they_come_again(shop, tmp_path):
    """A dead letter of an erased person is refused again and not kept; mended under its id it is a duplicate."""
    dead = {
        "type": "order",
        "event_id": "0199aaaa-0000-7000-8000-00000000dead",
        "order_id": "o-dead",
        "customer": {"email": "jane@needle.example"},
    }
    stray = {**dead, "event_id": "0199aaaa-0000-7000-8000-00000000beef", "customer": {"email": "bob@x.example"}}
    assert len(shop.send(dead, stray).json["rejected"]) == 2
    shop.call("DELETE", "/v1/customers/c-jane", key="server")
    assert shop.store.counts().bad == 1
    assert len(shop.send(dead, {**dead, "event_id": dead["event_id"].upper()}, stray).json["rejected"]) == 3
    assert [row.times for row in shop.store.read_rejected(0, 100)] == [2]
    mended = {**dead, "items": [], "currency": "EUR", "total": "5", "occurred_at": T.format(4)}
    assert shop.send(mended).json["duplicate"] == [dead["event_id"]]
    assert not any(b"needle" in path.read_bytes().lower() for path in tmp_path.iterdir() if "events" in path.name)


def test_orders_go_too_when_asked(shop):
    """``orders=erase`` leaves only what belongs to others."""
    answer = shop.call("DELETE", "/v1/customers/c-jane?orders=erase", key="server")
    assert answer.json == {"erased": 7, "anonymised": 0}
    assert revenue(shop)["net"] == "7.00"


def test_a_returning_person_starts_anew(shop):
    """New events after the erasure are a new beginning, not a resurrection."""
    shop.call("DELETE", "/v1/customers/c-jane", key="server")
    shop.send(encode_event(Identify(visitor_id="v-new", customer=JANE)))
    found = shop.call("GET", "/v1/customers/c-jane", key="read").json
    assert [event["type"] for event in found["events"]] == ["identify"]


@pytest.mark.parametrize(
    ("method", "path", "key", "status", "code"),
    [
        ("GET", "/v1/customers/nobody", "read", 404, "unknown-person"),
        ("DELETE", "/v1/customers/nobody", "server", 404, "unknown-person"),
        ("DELETE", "/v1/customers/c-jane", "read", 403, "not-allowed"),
        ("DELETE", "/v1/customers/c-jane", "site", 403, "not-allowed"),
        ("DELETE", "/v1/customers/c-jane", None, 401, "no-key"),
        ("GET", "/v1/customers/c-jane", "site", 403, "not-allowed"),
        ("GET", "/v1/customers/c-jane", None, 401, "no-key"),
        ("DELETE", "/v1/customers/c-jane?orders=maybe", "server", 400, "bad-parameter"),
        ("POST", "/v1/customers/c-jane", "server", 405, "method-not-allowed"),
    ],
)
def test_rights_and_wrongs(shop, method, path, key, status, code):
    """Reading needs a read key, erasing a server key; who is unknown is a 404."""
    answer = shop.call(method, path, key=key)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert shop.store.counts().good == len(shop.lines)


def test_ids_with_slashes_and_percent_signs_are_found(shop):
    """A customer id may be any text, also one that looks like a path."""
    shop.send(encode_event(Identify(customer=Customer(id="a/b c%d"))))
    assert shop.call("GET", "/v1/customers/a/b c%d", key="read").json["person"] == "a/b c%d"


def test_anonymous_orders_keep_their_figures():
    """Amounts, lines and the region stay; names, street, device and free text go."""
    order = Order(
        order_id="o1",
        customer=JANE,
        visitor_id="v",
        items=[Item(product_id="p1", price="50", quantity=2)],
        currency="EUR",
        shipping_address=Address(name="Jane", line1="Street", postal_code="8010", city="Graz", country="AT"),
        context=Context(ip="203.0.113.7"),
    )
    left = json.loads(anonymous(encode_event(order)))
    assert not {"customer", "visitor_id", "context"} & left.keys()
    assert left["shipping_address"] == {"city": "Graz", "country": "AT"}
    assert (left["total"], left["items"][0]["product_id"], left["event_id"]) == ("100", "p1", order.event_id)


def test_without_a_warehouse_there_is_nobody(collector):
    """A collector that only collects cannot say who is who, and says so."""
    answer = collector.call("GET", "/v1/customers/x", key="read")
    assert (answer.status, answer.json["code"]) == (404, "no-reports")
    assert isinstance(collector.store, SqliteStore)
