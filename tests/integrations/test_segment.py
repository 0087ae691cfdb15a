"""The door for Segment's clients: the spec's 28 events, and recorded requests of real clients."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

from ecomtrack_sdk import _wire
from ecomtrack_sdk.collector import _segment
from ecomtrack_sdk.errors import CollectorError

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)

EXPECTED = {
    "Products Searched": "search",
    "Product List Viewed": "view_category",
    "Product Viewed": "view_product",
    "Product Added": "add_to_cart",
    "Product Removed": "remove_from_cart",
    "Cart Viewed": "view_cart",
    "Checkout Started": "start_checkout",
    "Checkout Step Viewed": "start_checkout",
    "Order Updated": "order_update",
    "Order Completed": "order",
    "Order Refunded": "refund",
    "Order Cancelled": "order_update",
    "Wishlist Product Added to Cart": "add_to_cart",
}


def event_of(message, path="/v1/batch"):
    """The event a message becomes, as the collector reads it."""
    body = {"batch": [message]} if path == "/v1/batch" else message
    (line,) = _segment.convert(path, json.dumps(body).encode(), NOW)
    verdict = _wire.validate_event(line)
    assert isinstance(verdict, _wire.Valid), verdict
    return verdict.event


def track(name, properties, **more):
    return {"type": "track", "event": name, "properties": properties, "userId": "u1", "messageId": f"m-{name}", **more}


@pytest.fixture(scope="module")
def spec(shared_data):
    """The example events of the spec by name."""
    found = json.loads((shared_data / "payloads" / "segment_ecommerce_spec_v2_events.json").read_bytes())
    return {message["event"]: message for message in found}


def test_all_events_of_the_spec(spec):
    """Each of the 28 events becomes its typed event, or a custom event of its name with all its properties."""
    assert len(spec) == 28
    for name, message in spec.items():
        event = event_of({**message, "userId": "u1", "messageId": f"m-{name}"})
        assert event.type == EXPECTED.get(name, "custom"), name
        assert event.warnings() == (), name
        assert event.customer.id == "u1"
        if event.type == "custom":
            assert event.name == name
            assert event.properties == message["properties"]


def test_money_of_the_spec(spec):
    """Sums of the spec's orders and refunds keep their cents."""
    order = event_of(track("Order Completed", spec["Order Completed"]["properties"]))
    assert (order.subtotal, order.discount, order.shipping, order.tax, order.total) == (
        Decimal(25),
        Decimal("2.5"),
        Decimal(3),
        Decimal(2),
        Decimal("27.5"),
    )
    assert [(item.price, item.quantity) for item in order.items] == [(Decimal(19), 1), (Decimal(3), 2)]
    assert order.coupons == ("hasbros",)
    refund = event_of(track("Order Refunded", spec["Order Refunded"]["properties"]))
    assert (refund.amount, refund.currency, len(refund.items)) == (Decimal(30), "USD", 2)
    whole = event_of(track("Order Refunded", {"order_id": "o1"}))
    assert (whole.type, whole.status, whole.reason) == ("order_update", "cancelled", "refunded in full")
    cancelled = event_of(track("Order Cancelled", spec["Order Cancelled"]["properties"]))
    assert (cancelled.status, cancelled.items, cancelled.total) == ("cancelled", None, None)


def test_prices_are_what_was_written():
    """A float becomes the decimal it reads as; a sum of floats is rounded to four places."""
    assert event_of(track("Product Added", {"product_id": "p", "price": 18.99})).item.price == Decimal("18.99")
    assert event_of(track("Product Added", {"product_id": "p", "price": 0.1 + 0.2})).item.price == Decimal("0.3")


@pytest.mark.parametrize(
    ("name", "properties"),
    [
        ("Product Added", {"name": "no id"}),
        ("Product Added", {"product_id": "p", "quantity": 0}),
        ("Product Added", {"product_id": "p", "price": "many"}),
        ("Order Completed", {"total": 5}),
        ("Order Completed", {"order_id": "o", "products": ["p"]}),
        ("Products Searched", {"query": "x" * 5000}),
        ("Signed In", {}),
    ],
)
def test_off_the_spec(name, properties):
    """An event of the spec that does not follow it is kept as a custom event with its properties."""
    event = event_of({**track(name, properties), "userId": None})
    assert (event.type, event.name) == ("custom", name)
    assert event.properties == (properties or None)


def test_hopeless_message_is_refused_not_lost():
    """A message that cannot even be a custom event reaches the collector as it is, which refuses and keeps it."""
    deep = {"a": 1}
    for _ in range(12):
        deep = {"a": deep}
    lines = _segment.convert("/v1/batch", json.dumps({"batch": [track("x", deep), 7, track("y", {})]}).encode(), NOW)
    verdicts = [type(_wire.validate_event(line)) for line in lines]
    assert verdicts == [_wire.Invalid, _wire.Invalid, _wire.Valid]


def test_message_id_is_the_event_id():
    """A UUID stays as it is, any other id gives the same event id each time."""
    known = "4EE93030-9863-40A5-BF61-FD67B3855D92"
    assert event_of(track("x", {}) | {"messageId": known}).event_id == known.lower()
    first, second = (event_of(track("x", {}) | {"messageId": "ajs-next-1"}) for _ in range(2))
    assert first.event_id == second.event_id


def test_who_and_where():
    """Ids, traits, page, campaign, time and library become visitor, customer, context and time."""
    context = {
        "page": {"url": "https://shop.example/", "referrer": "https://www.google.com/", "title": "Shop"},
        "campaign": {"source": "newsletter", "medium": "email", "name": "spring"},
        "userAgent": "Mozilla/5.0",
        "ip": "192.0.2.1",
        "locale": "de-AT",
    }
    traits = {"email": "Ann@example.com", "firstName": "Ann", "plan": "gold"}
    message = {
        "userId": "u1",
        "anonymousId": "a1",
        "traits": traits,
        "context": context,
        "timestamp": "2026-01-02T03:04:05Z",
    }
    event = event_of(message, "/v1/i")
    assert (event.type, event.visitor_id) == ("identify", "a1")
    assert event.customer.model_dump(exclude_defaults=True) == {
        "id": "u1",
        "email": "Ann@example.com",
        "first_name": "Ann",
        "custom": {"plan": "gold"},
    }
    assert event.occurred_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (event.context.url, event.context.utm_campaign) == ("https://shop.example/", "spring")
    assert event.context.source == "web"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"batch": 7}', b"\xff"])
def test_unreadable(body):
    """A body that is not a batch is refused with 400."""
    with pytest.raises(CollectorError) as caught:
        _segment.convert("/v1/batch", body, NOW)
    assert caught.value.status == 400


def test_write_key():
    """The key is the user of the Basic authorization, else writeKey of the body; nonsense is no key."""
    basic = "Basic " + base64.b64encode(b"wk_test:").decode()
    assert _segment.write_key(basic, b"{}") == "wk_test"
    assert _segment.write_key("", b'{"writeKey": "wk_body"}') == "wk_body"
    for authorization in ("", "Bearer x", "Basic ***", "Basic /w==", "Basic " + base64.b64encode(b":").decode()):
        assert _segment.write_key(authorization, b"[") is None


def test_recorded_requests(collector_process, shared_data):
    """Requests recorded from real clients are answered with exactly {"success": true}; repeated they change nothing."""
    collector_process.reset()
    captures = (shared_data / "clients" / "segment_family_captures.jsonl").read_text().splitlines()
    count = 0
    with httpx.Client() as client:
        for again in (False, True):
            for capture in map(json.loads, captures):
                body = json.dumps(capture["body_json"]).encode()
                headers = {"content-type": capture["headers"]["content-type"]}
                if capture["headers"].get("content-encoding") == "gzip":
                    headers["content-encoding"] = "gzip"
                    body = _wire.compress(body, "gzip")
                answer = client.post(
                    collector_process.url + capture["path"],
                    content=body,
                    headers=headers,
                    auth=(collector_process.keys["server"], ""),
                )
                assert (answer.status_code, answer.content) == (200, b'{"success": true}')
                count += 0 if again else len(capture["body_json"].get("batch", [0]))
    counts = collector_process.get("/v1/inspect/all")
    assert counts == {"total": count, "good": count, "bad": 0}
    named = [event["customer"].get("email") for event in collector_process.events(event_type="identify")]
    assert named.count("ann@example.com") == 3  # one client writes an alias as well


def test_keys_and_methods(collector_process):
    """No key, a wrong key, a reading key and a GET are refused; a page's preflight is answered."""
    url = collector_process.url + "/v1/t"
    with httpx.Client() as client:
        assert client.post(url, json={}).status_code == 401
        assert client.post(url, json={"writeKey": "nope"}).status_code == 401
        assert client.post(url, json={"writeKey": collector_process.keys["read"]}).status_code == 403
        assert client.get(url).status_code == 405
        preflight = client.options(url, headers={"Origin": "https://shop.example"})
        assert preflight.headers["access-control-allow-origin"] == "https://shop.example"


def test_site_key_sends_browsing_only(collector_process):
    """With a site key an order is refused and kept with the reason, a product view passes; the answer is the same."""
    collector_process.reset()
    batch = {"batch": [track("Product Viewed", {"product_id": "p"}), track("Order Completed", {"order_id": "o"})]}
    with httpx.Client(auth=(collector_process.keys["site"], "")) as client:
        answer = client.post(collector_process.url + "/v1/batch", json=batch)
    assert answer.json() == {"success": True}
    assert [event["type"] for event in collector_process.events()] == ["view_product"]
    (refused,) = collector_process.get("/v1/inspect/bad")
    assert refused["errors"][0]["type"] == "not_allowed"
