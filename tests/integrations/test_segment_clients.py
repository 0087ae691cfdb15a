"""The real clients that speak Segment's protocol, pointed at a running collector: all they send arrives, once."""

from __future__ import annotations

import pytest

TRACKED = [
    ("Product Viewed", {"product_id": "tee", "price": 19.9, "currency": "EUR"}),
    (
        "Order Completed",
        {
            "order_id": "o1",
            "total": 44.7,
            "shipping": 4.9,
            "currency": "EUR",
            "products": [{"product_id": "tee", "price": 19.9, "quantity": 2}],
        },
    ),
    (
        "Order Refunded",
        {"order_id": "o1", "total": 19.9, "currency": "EUR", "products": [{"product_id": "tee", "quantity": 1}]},
    ),
    ("Coupon Applied", {"coupon_id": "spring"}),
]
"""What every client tracks, the programs in JavaScript too."""


@pytest.fixture
def collector(collector_process):
    """A collector that has seen nothing yet."""
    collector_process.reset()
    return collector_process


def arrived(collector) -> None:
    """All seven calls are there, as the typed events they mean, with the client's sums, and none was refused."""
    events = collector.wait_for(7)
    found = {event["type"]: event for event in events if event.get("method") != "alias"}
    assert set(found) == {"identify", "view_page", "view_product", "order", "refund", "custom"}
    assert found["identify"]["customer"]["email"] == "ann@example.com"
    assert found["view_page"]["context"]["url"] == "https://shop.example/"
    order = found["order"]
    assert (order["order_id"], order["total"], order["currency"]) == ("o1", "44.7", "EUR")
    assert [(item["product_id"], item["price"], item["quantity"]) for item in order["items"]] == [("tee", "19.9", "2")]
    assert (found["refund"]["amount"], found["refund"]["items"][0]["quantity"]) == ("19.9", "1")
    assert (found["custom"]["name"], found["custom"]["properties"]) == ("Coupon Applied", {"coupon_id": "spring"})
    assert {event["customer"]["id"] for event in events} == {"u7"}
    (alias,) = [event for event in events if event.get("method") == "alias"]
    assert alias["visitor_id"] == "visitor-7"
    assert collector.get("/v1/inspect/all") == {"total": 7, "good": 7, "bad": 0}
    (row,) = collector.get("/v1/reports/revenue", by="year")["rows"]
    assert (row["gross"], row["refunds"], row["net"]) == ("44.70", "19.90", "24.80")


def use(client) -> None:
    """One of each call, by the interface that Segment's and RudderStack's Python clients share."""
    client.identify("u7", {"email": "ann@example.com", "firstName": "Ann"})
    client.page("u7", "Retail", "Home", {"url": "https://shop.example/"})
    for name, properties in TRACKED:
        client.track("u7", name, properties)
    client.alias("visitor-7", "u7")
    client.flush()
    client.join()


@pytest.mark.parametrize("gzip", [False, True])
def test_segment_python(collector, gzip):
    """segment-analytics-python, plain and gzipped."""
    client_class = pytest.importorskip("segment.analytics.client").Client
    failed = []
    key, host = collector.keys["server"], collector.url
    use(client_class(key, host=host, gzip=gzip, on_error=lambda error, _: failed.append(error)))
    assert failed == []
    arrived(collector)


@pytest.mark.parametrize("gzip", [False, True])
def test_rudder_python(collector, gzip):
    """rudder-sdk-python, plain and gzipped."""
    client_class = pytest.importorskip("rudderstack.analytics.client").Client
    failed = []
    key, host = collector.keys["server"], collector.url
    use(client_class(key, host=host, gzip=gzip, on_error=lambda error, _: failed.append(error)))
    assert failed == []
    arrived(collector)


def test_segment_node(collector, node_clients):
    """@segment/analytics-node."""
    node_clients.run("segment_node.js", collector.url, collector.keys["server"])
    arrived(collector)
