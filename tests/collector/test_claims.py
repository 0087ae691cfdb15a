"""What a browser says of a person is a claim: it merges no customers, opens nobody's data, and can be taken back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ecomtrack_sdk import Customer, Identify, Item, Order, ViewPage
from ecomtrack_sdk._wire import encode_event
from ecomtrack_sdk.collector import KeyRing, create_app
from ecomtrack_sdk.reports.links import links, unlink_event
from ecomtrack_sdk.store._duckdb import DuckDBWarehouse

T = "2026-01-0{}T10:00:00+00:00"
VICTIM = Customer(id="c-victim", email="victim@shop.example")


@pytest.fixture
def shop(collector: Any, tmp_path: Path) -> Iterator[Any]:
    """A shop with two customers known by their orders, and a browser that claims to be both of them."""
    app = create_app(
        collector.store,
        KeyRing.of(collector.tokens),
        open_warehouse=lambda: DuckDBWarehouse(collector.store, tmp_path),
    )
    collector.app = app
    goods = [Item(product_id="p1", price="50")]
    collector.send(
        encode_event(Order(order_id="o-v", customer=VICTIM, items=goods, currency="EUR", occurred_at=T.format(1))),
        encode_event(
            Order(
                order_id="o-a",
                customer=Customer(id="c-attacker", email="attacker@shop.example"),
                items=goods,
                currency="EUR",
                occurred_at=T.format(1),
            )
        ),
    )
    mixed = Customer(id="c-attacker", email="victim@shop.example")
    answer = collector.send(
        encode_event(ViewPage(visitor_id="v-attacker", occurred_at=T.format(2))),
        encode_event(Identify(visitor_id="v-attacker", customer=mixed, occurred_at=T.format(3))),
        encode_event(Identify(visitor_id="v-attacker", customer=VICTIM, occurred_at=T.format(4))),
        encode_event(ViewPage(visitor_id="v-attacker", customer=VICTIM, occurred_at=T.format(5))),
        key="site",
    )
    assert answer.json["accepted"] == 4
    yield collector
    app.close()


def people(shop: Any) -> list[str]:
    return [row["person"] for row in shop.call("GET", "/v1/reports/customers?sort=net", key="read").json["rows"]]


def orders_in(export: dict[str, Any]) -> list[str]:
    return [event["order_id"] for event in export["events"] if event["type"] == "order"]


def test_a_claim_merges_no_customers(shop):
    """An id and an address named together by a browser stay two people; named together by a server they are one."""
    assert sorted(people(shop)) == ["c-attacker", "c-victim"]
    shop.send(encode_event(Identify(customer=Customer(id="c-attacker", email="victim@shop.example"))))
    assert len(people(shop)) == 1


@pytest.mark.parametrize("who", ["c-attacker", "attacker@shop.example", "v-attacker"])
def test_a_claim_opens_nobodys_data(shop, who):
    """Asked for by their own names and their own browser, the claimant's export holds nothing of the victim."""
    found = shop.call("GET", f"/v1/customers/{who}", key="read").json
    assert "c-victim" not in found["names"]
    assert "o-v" not in orders_in(found)
    if who == "v-attacker":
        assert (found["person"], len(found["events"])) == ("visitor:v-attacker", 4)


def test_erasing_the_claiming_browser_leaves_the_victim(shop):
    """What a browser claimed goes with the browser; the customer it named stays."""
    assert shop.call("DELETE", "/v1/customers/v-attacker", key="server").json == {"erased": 4, "anonymised": 0}
    assert orders_in(shop.call("GET", "/v1/customers/c-victim", key="read").json) == ["o-v"]


def test_a_server_confirms_a_claim(shop):
    """Once the backend names browser and customer together, the browser's id leads to the customer."""
    shop.send(encode_event(Identify(visitor_id="v-attacker", customer=VICTIM, occurred_at=T.format(6))))
    found = shop.call("GET", "/v1/customers/v-attacker", key="read").json
    assert (found["person"], orders_in(found)) == ("c-victim", ["o-v"])


def test_claims_are_listed_as_such_and_can_be_taken_back(shop, tmp_path):
    """The list of links tells claims from what the backend said; taking one back ends it; a site key cannot."""

    def found() -> list[tuple[str, str, bool]]:
        with DuckDBWarehouse(shop.store) as warehouse:
            return [(link.name, link.person, link.verified) for link in links(warehouse) if link.kind == "visitor"]

    assert found() == [("v-attacker", "c-attacker", False), ("v-attacker", "c-victim", False)]
    note = encode_event(unlink_event(visitor_id="v-attacker", customer_id="c-victim"))
    assert len(shop.send(note, key="site").json["rejected"]) == 1
    assert shop.send(note).json["accepted"] == 1
    assert found() == [("v-attacker", "c-attacker", False)]


def test_a_site_key_sends_no_orders_refunds_or_log_ins(shop):
    """Whatever names money or a proven identity is refused under a site key, its neighbours are taken."""
    order = Order(order_id="o-x", items=[], currency="EUR", total="1")
    lines = [
        encode_event(order),
        b'{"type":"refund","refund_id":"r","order_id":"o-v","currency":"EUR","amount":"50"}',
        b'{"type":"order_update","order_id":"o-v","status":"cancelled"}',
        b'{"type":"login","customer":{"id":"c-victim"}}',
        b'{"type":"register","customer":{"id":"c-victim"}}',
        encode_event(ViewPage(visitor_id="v")),
    ]
    answer = shop.send(*lines, key="site").json
    assert (answer["accepted"], [one["index"] for one in answer["rejected"]]) == (1, [0, 1, 2, 3, 4])
    assert {one["errors"][0]["type"] for one in answer["rejected"]} == {"not_allowed"}
