"""The door for Matomo's tracking API: what a request becomes, a real client, keys, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import urlencode

import httpx
import pytest

from ecomtrack_sdk import _wire
from ecomtrack_sdk.collector._matomo import GIF, convert

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def events_of(**told):
    """The events of a request, as the collector reads them."""
    verdicts = [_wire.validate_event(line) for line in convert({"idsite": "1", **told}, "EUR", NOW)]
    assert all(isinstance(verdict, _wire.Valid) for verdict in verdicts), verdicts
    return [verdict.event for verdict in verdicts]


@pytest.fixture
def door(collector_process):
    """The address of the door, at a collector that has seen nothing yet."""
    collector_process.reset()
    return f"{collector_process.url}/v1/matomo/EUR/matomo.php"


def test_order():
    """An order has Matomo's sums and lines in the currency of the address; sent again it is the same event."""
    items = json.dumps([["tee", "Plain tee", ["Shirts", "Cotton"], 19.9, 2], ["mug"]])
    told = {"idgoal": "0", "ec_id": "o1", "ec_items": items, "revenue": "43.7", "ec_sh": "4.9", "ec_dt": "1"}
    (order,) = events_of(**told)
    assert (order.order_id, order.currency, order.total) == ("o1", "EUR", Decimal("43.7"))
    assert (order.shipping, order.discount) == (Decimal("4.9"), Decimal(1))
    assert [(item.product_id, item.price, item.quantity, item.categories) for item in order.items] == [
        ("tee", Decimal("19.9"), 2, ("Shirts", "Cotton")),
        ("mug", 0, 1, ()),
    ]
    assert events_of(**told)[0].event_id == order.event_id


def test_views():
    """A product's page is a page view and a product view, a category's a category view; campaign and time are read."""
    url = "https://shop.example/p?mtm_campaign=spring&pk_source=news"
    page, product = events_of(
        url=url, action_name="Tee", _pks="tee", _pkn="Plain tee", _pkc='["A","B"]', _pkp="5", cdt="1700000000"
    )
    assert (page.type, page.title, page.context.utm_campaign, page.context.utm_source) == (
        "view_page", "Tee", "spring", "news",
    )  # fmt: skip
    assert (product.product.product_id, product.product.price, product.product.categories) == ("tee", 5, ("A", "B"))
    assert page.occurred_at == product.occurred_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert page.event_id != product.event_id
    _, category = events_of(url=url, _pkc="Shirts")
    assert (category.type, category.category_id) == ("view_category", "Shirts")


@pytest.mark.parametrize(
    ("told", "name", "properties"),
    [
        ({"e_c": "Coupon", "e_a": "Applied", "e_v": "5"}, "Applied", {"e_c": "Coupon", "e_v": "5"}),
        ({"download": "https://shop.example/a.pdf"}, "download", {"download": "https://shop.example/a.pdf"}),
        ({"link": "https://other.example/"}, "link", {"link": "https://other.example/"}),
        ({"idgoal": "3", "revenue": "5"}, "goal 3", None),
    ],
)
def test_custom(told, name, properties):
    """Events, downloads, outlinks and goals are custom events."""
    (event,) = events_of(**told)
    assert (event.name, event.properties) == (name, properties)


def test_once_or_each_time():
    """A request with a random number is the same event when it is sent again; one without is told each time."""
    same = [events_of(url="https://shop.example/", rand="7")[0].event_id for _ in range(2)]
    each = [events_of(url="https://shop.example/")[0].event_id for _ in range(2)]
    assert (len(set(same)), len(set(each))) == (1, 2)
    assert events_of(url="https://shop.example/", ping="1") == []


@pytest.mark.parametrize(
    "told", [{"idgoal": "0", "ec_items": "["}, {"idgoal": "0", "ec_id": "o", "revenue": "x"}, {"cdt": "soon"}]
)
def test_hopeless(told):
    """What cannot be an event reaches the collector as it is, without the key, which refuses and keeps it."""
    (line,) = convert({**told, "token_auth": "secret"}, "EUR", NOW)
    assert isinstance(_wire.validate_event(line), _wire.Invalid)
    assert b"secret" not in line


def test_real_client(door, collector_process, node_clients):
    """The npm client matomo-tracker tells a visit and its order: typed events of one person, revenue in the report."""
    out = node_clients.run("matomo.js", door, collector_process.keys["site"], collector_process.keys["server"])
    assert json.loads(out) == {"status": "success", "tracked": 5, "invalid": 0}
    events = collector_process.wait_for(7)
    types = sorted(event["type"] for event in events)
    assert types == ["custom", "order", "search", "view_cart", "view_page", "view_page", "view_product"]
    assert {(event["visitor_id"], event["customer"]["id"]) for event in events} == {("0123456789abcdef", "u7")}
    (row,) = collector_process.get("/v1/reports/revenue", by="year")["rows"]
    assert (row["gross"], row["currency"], row["units"]) == ("44.70", "EUR", 2)
    assert collector_process.get("/v1/inspect/bad") == []


def test_keys(door, collector_process):
    """A site key may stand in the address and browse; its order is refused and kept; other keys go into bodies."""
    keys = collector_process.keys
    page = {"idsite": keys["site"], "rec": "1", "url": "https://shop.example/"}
    with httpx.Client() as client:
        answer = client.get(f"{door}?{urlencode(page)}")
        assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, GIF, "image/gif")
        assert client.get(f"{door}?{urlencode({**page, 'send_image': '0'})}").status_code == 204
        bulk = {"requests": [f"?{urlencode({**page, 'idgoal': '0', 'ec_id': 'o', 'revenue': '5'})}"]}
        answer = client.post(door, json=bulk)
        assert answer.json() == {"status": "success", "tracked": 0, "invalid": 1}
        posted = {"token_auth": keys["server"], "url": "https://shop.example/", "cip": "198.51.100.7"}
        assert client.post(door, data=posted).status_code == 200
        assert client.get(f"{door}?token_auth={keys['server']}").status_code == 403
        assert client.get(door).status_code == 401
        assert client.post(door, content=b'{"requests": []}').status_code == 400
        assert client.get(door.replace("EUR", "XYZ")).status_code == 404
        preflight = client.options(door, headers={"Origin": "https://shop.example"})
        assert preflight.headers["access-control-allow-origin"] == "https://shop.example"
    events = collector_process.wait_for(3)
    assert {event["type"] for event in events} == {"view_page"}
    assert [event["context"].get("ip") for event in events] == [None, None, "198.51.100.7"]
    (refused,) = collector_process.get("/v1/inspect/bad")
    assert refused["errors"][0]["type"] == "not_allowed"
