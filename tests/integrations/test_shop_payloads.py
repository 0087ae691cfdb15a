"""Shopify and WooCommerce: real payloads in, events out; signatures; records that cannot be mapped."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ecomtrack_sdk import _wire
from ecomtrack_sdk.errors import CollectorError
from ecomtrack_sdk.events import Identify, Order, OrderUpdate, Refund
from ecomtrack_sdk.integrations import shopify, woocommerce
from ecomtrack_sdk.integrations._records import ProblemRecord, split_price


def load(folder, name):
    """One payload as the adapters see it."""
    return json.loads((folder / "payloads" / name).read_bytes(), parse_float=Decimal)


def on_wire(events):
    """The events after a journey over the wire: what the collector will read."""
    read = []
    for event in events:
        verdict = _wire.validate_event(_wire.encode_event(event))
        assert isinstance(verdict, _wire.Valid), verdict
        read.append(verdict.event)
    return read


@pytest.fixture
def shopify_order(shared_data):
    return load(shared_data, "shopify_order.json")["order"]


@pytest.fixture
def woo_order(shared_data):
    return load(shared_data, "woocommerce_order.json")


def test_shopify_order(shopify_order):
    """Shopify's example order is one order with Shopify's own sums, lines, customer, address and campaign."""
    (order,) = on_wire(shopify.order(shopify_order))
    assert isinstance(order, Order)
    assert (order.order_id, order.status, order.currency) == ("450789469", "pending", "USD")
    assert order.occurred_at == datetime(2008, 1, 10, 16, 0, tzinfo=UTC)
    assert (order.subtotal, order.tax, order.total) == (Decimal(398), Decimal("11.94"), Decimal("409.94"))
    assert [(item.product_id, item.variant_id, item.price, item.quantity) for item in order.items] == [
        ("632910392", "39072856", Decimal(199), Decimal(1)),
        ("632910392", "49148385", Decimal(199), Decimal(1)),
        ("632910392", "457924702", Decimal(199), Decimal(1)),
    ]
    assert order.customer.id == "207119551"
    assert order.customer.email == "bob.norman@hostmail.com"
    assert order.customer.subscribed is False
    assert order.shipping_address.country == "US"
    assert order.coupons == ("TENOFF",)
    assert (order.acquisition.source, order.acquisition.medium) == ("otherexample.com", "referral")
    # The example itself does not add up: three lines of 199 under a sum of 398. No discount is made of that.
    assert order.discount == 0
    assert [warning.loc for warning in order.warnings()] == ["subtotal"]


def test_shopify_refund(shared_data):
    """Shopify's example refund is what the gateway paid back, with the lines that came back."""
    (refund,) = on_wire(shopify.convert("refunds/create", load(shared_data, "shopify_refund.json")))
    assert isinstance(refund, Refund)
    assert (refund.refund_id, refund.order_id, refund.amount, refund.currency) == (
        "509562969",
        "450789469",
        Decimal("209.00"),
        "USD",
    )
    assert [(item.product_id, item.quantity) for item in refund.items] == [("632910392", 1), ("632910392", 1)]
    assert refund.reason == "it broke during shipping"
    assert refund.occurred_at == datetime(2016, 6, 20, 17, 35, 6, tzinfo=UTC)


def test_shopify_life_of_an_order(shopify_order, shared_data):
    """A later snapshot tells dispatch, refund and cancellation at their own times; the order keeps its id and time."""
    later = {
        **shopify_order,
        "updated_at": "2008-01-20T10:00:00-05:00",
        "cancelled_at": "2008-01-20T09:00:00-05:00",
        "cancel_reason": "customer",
        "financial_status": "refunded",
        "fulfillment_status": "fulfilled",
        "fulfillments": [{"status": "success", "created_at": "2008-01-12T09:00:00-05:00"}],
        "note_attributes": [{"name": "cbuid", "value": "visitor-1"}],
        "refunds": [load(shared_data, "shopify_refund.json")["refund"]],
    }
    first, shipped, cancelled, now, refund = on_wire(shopify.order(later))
    assert first.event_id == shopify.order(shopify_order)[0].event_id
    assert first.status == "paid"
    assert [(event.status, event.occurred_at.day) for event in (shipped, cancelled, now)] == [
        ("shipped", 12),
        ("cancelled", 20),
        ("cancelled", 20),
    ]
    assert cancelled.reason == "customer"
    assert now.total == Decimal("409.94")
    assert refund.amount == 209
    assert first.visitor_id == now.visitor_id == "visitor-1"
    assert [event.event_id for event in shopify.order(later)] == [event.event_id for event in shopify.order(later)]


def test_shopify_discounts(shopify_order):
    """Discounts allocated to lines are taken off the lines, and the sums still fit Shopify's subtotal and total."""
    shopify_order["line_items"][0]["discount_allocations"] = [{"amount": "10.00"}, {"amount": "2.50"}]
    shopify_order["line_items"].pop()
    shopify_order |= {"subtotal_price": "380.00", "total_price": "391.94", "total_discounts": "18.00"}
    (order,) = shopify.order(shopify_order)
    assert order.items[0].discount == Decimal("12.50")
    assert (order.subtotal, order.discount, order.total) == (Decimal("385.50"), Decimal("5.50"), Decimal("391.94"))
    assert order.warnings() == ()


def test_shopify_problems(shopify_order, tmp_path):
    """What cannot be mapped is reported with file, line, field and id, and its neighbours are read."""
    broken = {**shopify_order, "id": 2, "line_items": [{**shopify_order["line_items"][0], "price": "many"}]}
    test = {**shopify_order, "id": 3, "test": True}
    path = tmp_path / "orders.jsonl"
    lines = [json.dumps(record, default=str) for record in (shopify_order, broken, test)]
    path.write_text("\n".join([*lines, "not json"]))
    found = list(shopify.read(path))
    assert isinstance(found[0], Order)
    problems = [(problem.line, problem.field, problem.record_id) for problem in found[1:]]
    assert problems == [(2, "line_items.0.price", "2"), (3, "test", "3"), (4, "", None)]
    assert all(isinstance(problem, ProblemRecord) and problem.file == str(path) for problem in found[1:])


@pytest.mark.parametrize("form", ["object", "array", "single", "lines"])
def test_forms_of_an_export(shopify_order, tmp_path, form):
    """An export may be Shopify's page object, an array, one record or one record a line."""
    record = json.dumps(shopify_order, default=str)
    content = {
        "object": f'{{"orders": [{record}, {record}]}}',
        "array": f"[\n{record},\n{record}\n]",
        "single": f'{{"order": {record}}}',
        "lines": f"{record}\n\n{record}\n",
    }[form]
    (tmp_path / "orders").write_text(content)
    found = list(shopify.read(tmp_path / "orders"))
    assert {type(event) for event in found} == {Order}
    assert len(found) == (1 if form == "single" else 2)


def test_woo_order(woo_order):
    """WooCommerce's example order keeps its total, its lines by parent product, and its guest."""
    order, update = on_wire(woocommerce.order(woo_order))
    assert isinstance(order, Order)
    assert (order.order_id, order.status, order.currency, order.total) == ("727", "processing", "USD", Decimal("29.35"))
    assert order.occurred_at == datetime(2017, 3, 22, 19, 28, 2, tzinfo=UTC)
    assert [(item.product_id, item.variant_id, item.price, item.quantity, item.name) for item in order.items] == [
        ("93", None, Decimal(3), Decimal(2), "Woo Single #1"),
        ("22", "23", Decimal(12), Decimal(1), "Ship Your Idea \u2013 Color: Black, Size: M Test"),
    ]
    assert (order.subtotal, order.shipping, order.tax) == (Decimal(18), Decimal(10), Decimal("1.35"))
    assert order.customer.id is None
    assert order.customer.email == "john.doe@example.com"
    assert order.warnings() == ()
    assert isinstance(update, OrderUpdate)
    assert (update.status, update.total) == ("processing", Decimal("29.35"))
    assert update.occurred_at == datetime(2017, 3, 22, 19, 28, 8, tzinfo=UTC)


def test_woo_refund(shared_data):
    """WooCommerce's example refund finds its order by the link and needs the currency told."""
    record = load(shared_data, "woocommerce_refund.json")
    (refund,) = on_wire([woocommerce.refund(record, currency="USD")])
    assert (refund.refund_id, refund.order_id, refund.amount) == ("726", "723", Decimal("10.00"))
    assert refund.occurred_at == datetime(2017, 3, 21, 20, 7, 11, tzinfo=UTC)


def test_woo_refund_inside_an_order(woo_order):
    """A refund listed in an order is the same event as the refund read on its own."""
    woo_order |= {"status": "refunded", "refunds": [{"id": 726, "reason": "late", "total": "-29.35"}]}
    *_, refund = on_wire(woocommerce.order(woo_order))
    assert (refund.amount, refund.order_id, refund.currency, refund.reason) == (Decimal("29.35"), "727", "USD", "late")
    alone = {"id": 726, "parent_id": 727, "date_created_gmt": "2017-03-23T00:00:00", "amount": "29.35"}
    assert woocommerce.refund(alone, currency="USD").event_id == refund.event_id


def test_woo_discount_and_fees(woo_order):
    """Line discounts, uneven unit prices and fees end in WooCommerce's own total, to the cent."""
    woo_order["line_items"][0] |= {"quantity": 3, "subtotal": "10.00", "total": "9.00"}
    woo_order |= {"fee_lines": [{"total": "2.00"}, {"total": "-1.00"}], "total": "33.35"}
    order = woocommerce.order(woo_order)[0]
    assert order.items[0].subtotal == Decimal("9.0000")
    assert (order.shipping, order.discount) == (Decimal(12), Decimal(1))
    assert order.subtotal - order.discount + order.shipping + order.tax == order.total == Decimal("33.35")


def test_split_price_is_exact():
    """Price * quantity - discount is the sum after the discount, whatever the quantity."""
    for cents in (1, 99, 1000, 33333):
        for quantity in (1, 3, 7, 11):
            after = Decimal(cents) / 100
            price, discount = split_price(after, after, Decimal(quantity))
            assert price * quantity - discount == after
            assert discount >= 0


def test_woo_customer_and_deletion():
    """A customer is an identify with its own time; a deleted order is cancelled, once for each delivery."""
    record = {"id": 25, "date_created_gmt": "2017-03-21T16:09:28", "email": "john@example.com", "first_name": "John"}
    (identify,) = on_wire(woocommerce.convert("customer.created", record))
    assert isinstance(identify, Identify)
    assert (identify.customer.id, identify.customer.first_name) == ("25", "John")
    (gone,) = on_wire(woocommerce.convert("order.deleted", {"id": 7}, delivery_id="d1", site="de"))
    assert (gone.order_id, gone.status) == ("de:7", "cancelled")
    assert gone.event_id == woocommerce.convert("order.deleted", {"id": 7}, delivery_id="d1", site="de")[0].event_id


@pytest.mark.parametrize(
    ("shop", "signature", "topic", "delivery", "name"),
    [
        (shopify, "X-Shopify-Hmac-Sha256", "X-Shopify-Topic", "X-Shopify-Webhook-Id", "orders/create"),
        (woocommerce, "X-WC-Webhook-Signature", "X-WC-Webhook-Topic", "X-WC-Webhook-Delivery-ID", "order.created"),
    ],
)
def test_webhook(shop, signature, topic, delivery, name, shared_data):
    """A webhook with the right signature is mapped; one changed byte, another secret or none is refused with 401."""
    body = (shared_data / "payloads" / f"{shop.__name__.rpartition('.')[2]}_order.json").read_bytes()
    good = base64.b64encode(hmac.new(b"s3cret", body, hashlib.sha256).digest()).decode()
    headers = {signature: good, topic: name, delivery: "d-1"}
    received = shop.receive(headers, body, "s3cret")
    assert (received.topic, received.delivery_id, received.problems) == (name, "d-1", ())
    assert isinstance(received.events[0], Order)
    for headers_, body_, secret in [
        (headers, body + b" ", "s3cret"),
        (headers, body, "other"),
        (headers, body, ""),
        ({**headers, signature: ""}, body, "s3cret"),
        ({**headers, signature: "ä"}, body, "s3cret"),
        ({}, body, "s3cret"),
    ]:
        with pytest.raises(CollectorError) as caught:
            shop.receive(headers_, body_, secret)
        assert caught.value.status == 401


def test_webhook_of_an_unknown_topic(shared_data):
    """A topic we have no event for is a problem that names it, not an error and not silence."""
    body = b'{"id": 1}'
    good = base64.b64encode(hmac.new(b"s", body, hashlib.sha256).digest()).decode()
    received = shopify.receive({"x-shopify-hmac-sha256": good, "x-shopify-topic": "themes/create"}, body, "s")
    assert received.events == ()
    assert received.problems[0].field == "topic"
