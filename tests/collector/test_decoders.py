"""Everything that reads what strangers send: any bytes, and near misses of the real thing, end in events or a refusal.

A short round runs here; ``ECOMTRACK_FUZZ_ROUNDS=2000 pytest tests/collector/test_decoders.py`` is a long one.
"""
# ruff: noqa: PT017  an input may be either read or refused

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomtrack_sdk._wire import Invalid, Valid, validate_event
from ecomtrack_sdk.collector import _segment
from ecomtrack_sdk.collector._ingest import Request, examine
from ecomtrack_sdk.collector._keys import make_key
from ecomtrack_sdk.collector._privacy import Privacy
from ecomtrack_sdk.collector.console._mend import mend
from ecomtrack_sdk.errors import CollectorError
from ecomtrack_sdk.integrations import shopify, woocommerce

ROUNDS = int(os.environ.get("ECOMTRACK_FUZZ_ROUNDS", "60"))
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SECRET = "a secret for tests"
KEYS = [make_key(kind, kind, f"a-{kind}-key-for-tests") for kind in ("site", "server")]
rounds = settings(max_examples=ROUNDS)

ODD = [
    "",
    "0",
    "-1",
    "1e999",
    "NaN",
    "é\u202e\U0001f600",
    "\x00",
    "19.90",
    "2026-01-01T00:00:00Z",
    "EUR",
    "order",
    "paid",
]
FIELDS = [
    "type",
    "event_id",
    "occurred_at",
    "visitor_id",
    "customer",
    "context",
    "items",
    "product_id",
    "price",
    "id",
    "quantity",
    "currency",
    "total",
    "email",
    "properties",
    "name",
    "value",
    "refund_id",
    "order_id",
    "url",
]


def names(inner: st.SearchStrategy[Any], *known: str) -> st.SearchStrategy[dict[str, Any]]:
    """Objects whose fields are mostly ones the decoder looks at."""
    return st.dictionaries(st.sampled_from([*(known or FIELDS), "nonsense"]), inner, max_size=8)


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(ODD) | st.text(max_size=20)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | names(inner), max_leaves=12)


TYPES = ["order", "refund", "order_update", "view_product", "custom", "identify", "email_clicked", "search"]


def text_of(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


@rounds
@given(st.lists(st.tuples(st.sampled_from(TYPES), names(values)) | st.binary(max_size=60), max_size=5), st.booleans())
def test_the_wire_decoder_gives_each_line_a_verdict(lines, private):
    """Whatever the lines are, each is accepted or refused with errors that can be shown, and nothing else happens."""
    raw = [line if isinstance(line, bytes) else text_of({"type": line[0], **line[1]}) for line in lines]
    body = b"\n".join(raw)
    for key in KEYS:
        request = Request(body, "application/x-ndjson", "", "batch", NOW)
        found = examine(request, key, Privacy("truncate", "reduce", "hash", b"s") if private else None)
        sent = [line for line in body.split(b"\n") if line.strip()]
        assert len(found.entries) + len(found.rejections) == len(sent)
        for entry in found.entries:
            assert isinstance(validate_event(entry.raw), Valid)
        for rejection in found.rejections:
            assert rejection.errors
            assert all(isinstance(mend(error.model_dump(), {}), str) for error in rejection.errors)


@rounds
@given(
    st.binary(max_size=200) | values.map(text_of),
    st.sampled_from(["gzip", "zstd", "identity", "", "br"]),
    st.sampled_from(["application/json", "application/x-ndjson", "text/plain", "", "image/png"]),
)
def test_any_body_is_read_or_refused(body, encoding, kind):
    """Bytes in any encoding and of any type are read as a batch or refused as a whole, with a status of 4xx."""
    try:
        examine(Request(body, kind, encoding, None, NOW), KEYS[1])
    except CollectorError as error:
        assert 400 <= error.status < 500


SEGMENT = [
    "type",
    "event",
    "userId",
    "anonymousId",
    "messageId",
    "timestamp",
    "properties",
    "traits",
    "context",
    "products",
    "price",
    "quantity",
    "order_id",
    "currency",
    "total",
    "product_id",
    "email",
    "page",
    "campaign",
]
EVENTS = [
    "Order Completed",
    "Product Added",
    "Products Searched",
    "Order Refunded",
    "Checkout Started",
    "Product Viewed",
]


@rounds
@given(
    names(values, *SEGMENT), st.sampled_from(EVENTS), st.sampled_from(sorted(["batch", "track", "page", "identify"]))
)
def test_segments_messages_become_lines_or_a_refusal(message, event, call):
    """A message of any shape becomes one line for the collector to judge, or a 400."""
    message = {"type": "track", "event": event, **message}
    body = {"batch": [message]} if call == "batch" else message
    try:
        lines = _segment.convert(f"/v1/{call}", text_of(body), NOW)
    except CollectorError as error:
        assert error.status == 400
        return
    assert len(lines) == 1
    assert isinstance(validate_event(lines[0]), Valid | Invalid)


@rounds
@given(st.binary(max_size=200))
def test_segments_door_survives_noise(body):
    """Bytes that are no message are a 400."""
    for call in ("batch", "track"):
        try:
            _segment.convert(f"/v1/{call}", body, NOW)
        except CollectorError as error:
            assert error.status == 400


SHOP = [
    "id",
    "order_id",
    "number",
    "line_items",
    "customer",
    "email",
    "currency",
    "total",
    "total_price",
    "created_at",
    "date_created_gmt",
    "price",
    "quantity",
    "refunds",
    "transactions",
    "billing",
    "status",
    "financial_status",
]
TOPICS = {
    "shopify": ["orders/create", "orders/updated", "refunds/create", "customers/create", "x"],
    "woocommerce": ["order.created", "order.updated", "order.refunded", "customer.created", "x"],
}


@pytest.mark.parametrize("system", TOPICS)
@rounds
@given(st.data())
def test_signed_webhooks_of_any_shape_are_taken(system, data):
    """A webhook with the right signature and any content becomes events and problems, never an error of ours."""
    module = shopify if system == "shopify" else woocommerce
    body = data.draw(names(values, *SHOP).map(text_of) | st.binary(max_size=60))
    signature = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
    topic = data.draw(st.sampled_from(TOPICS[system]))
    headers = dict(zip(module.HEADERS, (signature, topic, "delivery-1"), strict=True))
    try:
        delivery = module.receive(headers, body, SECRET)
    except CollectorError as error:
        assert error.status == 400
        return
    assert all(problem.message for problem in delivery.problems)
