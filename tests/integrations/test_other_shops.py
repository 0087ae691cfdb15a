"""Magento, Metrilo and MyTracker: records in, events out, to the cent; what cannot be mapped is named."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ecomtrack_sdk import _wire
from ecomtrack_sdk.errors import CollectorError, ConfigError
from ecomtrack_sdk.events import Identify, Order, OrderUpdate, Refund
from ecomtrack_sdk.integrations import magento, metrilo, mytracker
from ecomtrack_sdk.integrations._records import ProblemRecord, Unmappable


def on_wire(events):
    """The events after a journey over the wire."""
    read = []
    for event in events:
        verdict = _wire.validate_event(_wire.encode_event(event))
        assert isinstance(verdict, _wire.Valid), verdict
        read.append(verdict.event)
    return read


MAGENTO = {
    "entity_id": 17, "increment_id": "000000017", "state": "complete", "status": "delivered_by_bike",
    "order_currency_code": "EUR", "base_currency_code": "USD", "grand_total": 47.8, "base_grand_total": 52.1,
    "subtotal": 50, "discount_amount": -10, "shipping_amount": 5, "tax_amount": 2.8, "total_refunded": None,
    "coupon_code": "TEN", "customer_email": "ann@example.com", "customer_id": 5, "quote_id": 99,
    "remote_ip": "192.0.2.1",
    "created_at": "2026-01-02 03:04:05", "updated_at": "2026-01-05 00:00:00",
    "items": [
        {"item_id": 1, "product_id": 40, "sku": "TEE-M", "name": "Tee", "product_type": "configurable",
         "qty_ordered": 2, "price": 25, "row_total": 50, "discount_amount": 10, "tax_amount": 2.8},
        {"item_id": 2, "parent_item_id": 1, "product_id": 41, "sku": "TEE-M", "qty_ordered": 2, "price": 0},
    ],
    "billing_address": {"firstname": "Ann", "lastname": "Lee", "street": ["Way 1"], "city": "Graz", "country_id": "AT"},
    "payment": {"method": "checkmo"},
}  # fmt: skip


def test_magento_order():
    """The order's own currency is taken, a configurable product is one line, the sums fit Magento's total."""
    order, update = on_wire(magento.order(MAGENTO))
    assert isinstance(order, Order)
    assert (order.order_id, order.status, order.currency, order.total) == ("17", "completed", "EUR", Decimal("47.8"))
    assert order.occurred_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    (item,) = order.items
    assert (item.product_id, item.sku, item.quantity, item.price, item.discount) == ("40", "TEE-M", 2, 25, 10)
    assert order.subtotal - order.discount + order.shipping + order.tax == order.total
    assert order.warnings() == ()
    assert (order.customer.id, order.billing_address.country, order.coupons) == ("5", "AT", ("TEN",))
    assert isinstance(update, OrderUpdate)
    assert update.occurred_at == datetime(2026, 1, 5, tzinfo=UTC)


def test_magento_refunds():
    """The refunded sum of an order is one refund whose latest version counts; credit memos have lines and dates."""
    half = magento.order({**MAGENTO, "total_refunded": 10})[-1]
    whole = magento.order({**MAGENTO, "total_refunded": "47.8000", "state": "closed"})[-1]
    assert isinstance(half, Refund)
    assert isinstance(whole, Refund)
    assert half.refund_id == whole.refund_id
    assert half.event_id != whole.event_id
    assert whole.amount == Decimal("47.8")
    assert not any(
        isinstance(event, Refund) for event in magento.order({**MAGENTO, "total_refunded": 10}, credit_memos=True)
    )
    memo = {
        "entity_id": 3, "increment_id": "3", "order_id": 17, "order_currency_code": "EUR", "grand_total": 22.5,
        "created_at": "2026-02-01 00:00:00", "shipping_amount": 0,
        "items": [
            {"product_id": 40, "qty": 1, "row_total": 25, "discount_amount": 5, "tax_amount": 2.5},
            {"product_id": 41, "parent_item_id": 1, "qty": 1, "row_total": None},
        ],
    }  # fmt: skip
    (refund,) = on_wire([magento.credit_memo(memo)])
    assert (refund.order_id, refund.amount) == ("17", Decimal("22.5"))
    assert [(item.product_id, item.quantity, item.amount) for item in refund.items] == [("40", 1, Decimal("22.5"))]
    assert refund.warnings() == ()


def test_magento_file(tmp_path):
    """The answer of the REST API is read as it is; a broken order is named by place, field and id."""
    path = tmp_path / "orders.json"
    broken = {**MAGENTO, "entity_id": 18, "created_at": "yesterday"}
    path.write_text(json.dumps({"items": [MAGENTO, broken], "total_count": 2}))
    found = list(magento.read(path))
    assert [type(event) for event in found] == [Order, OrderUpdate, ProblemRecord]
    assert (found[2].line, found[2].field, found[2].record_id) == (2, "created_at", "18")


METRILO_ORDER = {
    "id": "1001", "createdAt": 1518004715732, "email": "ann@example.com", "amount": 48.5, "status": "completed",
    "coupons": ["TEN"], "products": [{"productId": "p1", "quantity": 2}, {"productId": "p2-red", "quantity": 1}],
    "billing": {"address": "Way 1", "city": "Graz", "countryCode": "AT", "phone": "123", "paymentMethod": "card"},
}  # fmt: skip


def test_metrilo_file(tmp_path):
    """Products give the orders after them their prices; customers and orders become events, catalogue records none."""
    path = tmp_path / "calls.jsonl"
    products = {
        "time": 1, "token": "t",
        "batch": [
            {"id": "p1", "name": "Tee", "price": 19.9, "categories": ["c1"]},
            {"id": "p2", "name": "Mug", "options": [{"id": "p2-red", "name": "red", "price": 8.7, "sku": "M-R"}]},
        ],
    }  # fmt: skip
    customer = {"time": 1, "params": {"email": "ann@example.com", "createdAt": 1518004715732, "firstName": "Ann"}}
    path.write_text("\n".join(map(json.dumps, [products, customer, {"time": 1518004800000, "params": METRILO_ORDER}])))
    found = list(metrilo.read(path, currency="EUR"))
    assert not any(isinstance(one, ProblemRecord) for one in found)
    identify, order, update = on_wire(found)
    assert isinstance(identify, Identify)
    assert [(item.product_id, item.variant_id, item.price) for item in order.items] == [
        ("p1", None, Decimal("19.9")),
        ("p2", "p2-red", Decimal("8.7")),
    ]
    assert (order.total, order.subtotal, order.currency) == (Decimal("48.5"), Decimal("48.5"), "EUR")
    assert order.warnings() == ()
    assert order.occurred_at == datetime(2018, 2, 7, 11, 58, 35, 732000, tzinfo=UTC)
    assert update.occurred_at == datetime(2018, 2, 7, 12, 0, tzinfo=UTC)


def test_metrilo_oddities(tmp_path):
    """Seconds for milliseconds are read as such and reported; text for numbers too; a made-up e-mail is a phone."""
    path = tmp_path / "calls.jsonl"
    odd = {**METRILO_ORDER, "createdAt": 1518004715, "email": "+43123@phone_email", "amount": "48.50"}
    path.write_text(json.dumps({"params": odd}) + "\n" + json.dumps({"params": {**odd, "createdAt": "1518004715732"}}))
    note, seconds, milliseconds = metrilo.read(path, currency="EUR")
    assert isinstance(note, ProblemRecord)
    assert (note.field, note.record_id) == ("createdAt", "1001")
    assert seconds.occurred_at.year == milliseconds.occurred_at.year == 2018
    assert (seconds.customer.phone, seconds.customer.email) == ("+43123", None)
    # No price is known: the amount is all there is to say, and nothing looks odd but the empty lines.
    assert seconds.subtotal == seconds.total == Decimal("48.50")
    with pytest.raises(ConfigError, match="currency"):
        next(metrilo.read(path, currency=""))


def test_metrilo_signature():
    """The digest is hexadecimal HMAC-SHA256 over the raw body, compared in constant time."""
    body = b'{"time":1518004715732}'
    digest = hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    assert metrilo.sign(body, "secret") == digest
    assert metrilo.verify(body, digest.upper(), "secret")
    for wrong in [(body + b" ", digest, "secret"), (body, digest, "other"), (body, "ü", "secret"), (body, digest, "")]:
        assert not metrilo.verify(*wrong)


def action(status, action_id, items=(), at=0, **more):
    return {
        "order_id": "o1", "status": status, "action_id": action_id, "eventTimestamp": 1_700_000_000 + at,
        "currency_code": "EUR", "customUserId": "c1", **more,
        "items": [{"item_id": name, "item_name": name, "price": price, "quantity": n} for name, price, n in items],
    }  # fmt: skip


def test_mytracker_life_of_an_order():
    """Added, added to, paid, a part refunded: content and money at each step are what MyTracker's scenarios say."""
    orders = mytracker.Orders()
    steps = [
        action("ADD", "1", [("a", "10.00", 2)]),
        action("ADD", "2", [("b", "5.00", 1)], 1),
        action("PAID", "3", at=2),
        action("REFUND", "4", [("a", "10.00", 1)], 3),
    ]
    first, more, paid, refund = on_wire([event for step in steps for event in orders.apply(step)])
    assert isinstance(first, Order)
    assert (first.status, first.total) == ("pending", 20)
    assert isinstance(more, OrderUpdate)
    assert [(item.product_id, item.quantity) for item in more.items] == [("a", 2), ("b", 1)]
    assert (paid.status, paid.items) == ("paid", None)
    assert isinstance(refund, Refund)
    assert (refund.amount, refund.items[0].quantity) == (10, 1)


@pytest.mark.parametrize("spelling", ["CANCEL", "CANCELED"])
def test_mytracker_cancel(spelling):
    """A part cancelled leaves the rest; all cancelled, in parts or at once, is a cancelled order."""
    orders = mytracker.Orders()
    orders.apply(action("ADD", "1", [("a", "10.00", 2), ("b", "5.00", 1)]))
    (part,) = orders.apply(action(spelling, "2", [("a", "10.00", 1)], 1))
    assert (part.status, [(item.product_id, item.quantity) for item in part.items]) == ("pending", [("a", 1), ("b", 1)])
    (rest,) = orders.apply(action(spelling, "3", at=2))
    assert (rest.status, rest.items) == ("cancelled", None)


def test_mytracker_paid_at_once():
    """PAY without an ADD before is the order itself; PAY is also what a missing status means."""
    (order,) = mytracker.Orders("EUR").apply(
        {**action("PAY", "1", [("a", "10.00", 1)]), "currency_code": None, "status": None}
    )
    assert isinstance(order, Order)
    assert (order.status, order.currency, order.customer.id) == ("paid", "EUR", "c1")


def test_mytracker_repeated(tmp_path):
    """The same action again has the same event id; problems are named."""
    path = tmp_path / "actions.jsonl"
    lines = [
        action("PAY", "1", [("a", "10.00", 1)]),
        action("WAIT", "2"),
        {**action("PAY", "3"), "eventTimestamp": "soon"},
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    first, status, time = mytracker.read(path)
    assert (status.field, time.field) == ("status", "eventTimestamp")
    assert next(mytracker.read(path)).event_id == first.event_id


def test_mytracker_way_out():
    """Our orders, cancellations and refunds become its actions; what it has no action for is named."""
    record = action("PAY", "1", [("a", "10.00", 1)])
    (order,) = mytracker.Orders().apply(record)
    told = mytracker.to_action(order)
    assert (told["order_id"], told["status"], told["currency_code"], told["customUserId"]) == ("o1", "PAY", "EUR", "c1")
    assert told["items"][0]["price"] == "10.00"
    refund = Refund(refund_id="r1", order_id="o1", currency="EUR", amount="5", visitor_id="lvid-1")
    assert mytracker.to_action(refund)["status"] == "REFUND"
    with pytest.raises(Unmappable, match="status"):
        mytracker.to_action(OrderUpdate(order_id="o1", status="shipped", visitor_id="v1"))
    with pytest.raises(Unmappable, match="customer"):
        mytracker.to_action(OrderUpdate(order_id="o1", status="paid"))


def test_metrilo_calls():
    """Calls are verified over their raw bytes; products seen in one give the prices of orders in the next."""
    catalogue = metrilo.Catalogue()

    def call(**content):
        body = json.dumps({"time": 1518004715732, "token": "t", **content}).encode()
        headers = {"X-Digest": metrilo.sign(body, "m3trilo-secr3t")}
        return metrilo.receive(headers, body, "m3trilo-secr3t", currency="EUR", catalogue=catalogue)

    assert call(batch=[{"id": "tee", "name": "Plain tee", "price": 19.9, "categories": []}]).events == ()
    order = {"id": "o1", "createdAt": 1518004714, "amount": 39.8, "status": "completed",
             "products": [{"productId": "tee", "quantity": 2}], "email": "359883@phone_email"}  # fmt: skip
    delivery = call(params=order)
    placed, _ = delivery.events
    assert (placed.items[0].price, placed.total, placed.customer.phone) == (Decimal("19.9"), Decimal("39.8"), "359883")
    # Seconds where milliseconds should be: read as what they are, and told.
    assert placed.occurred_at == datetime(2018, 2, 7, 11, 58, 34, tzinfo=UTC)
    assert [problem.field for problem in delivery.problems] == ["createdAt"]
    for headers, body, status in [({}, b"{}", 401), ({"x-digest": metrilo.sign(b"[]", "s")}, b"[]", 400)]:
        with pytest.raises(CollectorError) as caught:
            metrilo.receive(headers, body, "s", currency="EUR")
        assert caught.value.status == status
