"""Webhooks of shop systems at a running collector: verified, mapped, durable, and harmless when repeated."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import httpx
import pytest

SECRET = "a secret shared with the shop system"


def post(collector, system, topic, body, *, secret=SECRET, delivery="d-1"):
    """One delivery as the shop system would send it."""
    signature = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    names = {
        "shopify": ("X-Shopify-Hmac-Sha256", "X-Shopify-Topic", "X-Shopify-Webhook-Id"),
        "woocommerce": ("X-WC-Webhook-Signature", "X-WC-Webhook-Topic", "X-WC-Webhook-Delivery-ID"),
    }[system]
    headers = dict(zip(names, (signature, topic, delivery), strict=True))
    with httpx.Client() as client:
        return client.post(f"{collector.url}/v1/webhooks/{system}", content=body, headers=headers)


@pytest.mark.parametrize(
    ("system", "topic", "types"),
    [("shopify", "orders/create", ["order"]), ("woocommerce", "order.created", ["order", "order_update"])],
)
def test_delivery(collector_process, shared_data, system, topic, types):
    """A real payload is stored once, however often it is delivered."""
    collector_process.reset()
    body = (shared_data / "payloads" / f"{system}_order.json").read_bytes()
    answer = post(collector_process, system, topic, body)
    assert (answer.status_code, answer.json()) == (200, {"accepted": len(types), "duplicate": 0, "problems": []})
    again = post(collector_process, system, topic, body, delivery="d-2")
    assert again.json() == {"accepted": 0, "duplicate": len(types), "problems": []}
    assert [event["type"] for event in collector_process.events()] == types


def test_forged(collector_process, shared_data):
    """A wrong signature is refused with 401 and nothing is stored."""
    collector_process.reset()
    body = (shared_data / "payloads" / "shopify_order.json").read_bytes()
    answer = post(collector_process, "shopify", "orders/create", body, secret="guessed")
    assert (answer.status_code, answer.json()["code"]) == (401, "bad-signature")
    assert collector_process.get("/v1/inspect/all")["total"] == 0


def test_unmappable_is_kept(collector_process):
    """What has no event of ours is answered with its problem and kept among the refused events."""
    collector_process.reset()
    answer = post(collector_process, "shopify", "themes/create", b'{"id": 5}')
    assert answer.status_code == 200
    assert answer.json()["problems"][0]["field"] == "topic"
    (refused,) = collector_process.get("/v1/inspect/bad")
    assert json.loads(refused["event"]["body"]) == {"id": 5}


def test_too_large(collector_process, shared_data):
    """An order over the limit of an event is answered with its problem, so that the shop does not send it for ever."""
    collector_process.reset()
    order = json.loads((shared_data / "payloads" / "shopify_order.json").read_bytes())["order"]
    order["line_items"] *= 1000
    answer = post(collector_process, "shopify", "orders/create", json.dumps(order).encode())
    assert answer.status_code == 200
    assert answer.json()["problems"][0]["field"] == "items"
    assert collector_process.get("/v1/inspect/all") == {"total": 1, "good": 0, "bad": 1}


def test_unknown_system(collector_process):
    """A system without a secret has no door."""
    with httpx.Client() as client:
        assert client.post(f"{collector_process.url}/v1/webhooks/magento", content=b"{}").status_code == 404
