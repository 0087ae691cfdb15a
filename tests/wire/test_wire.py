"""Bytes and limits: what a batch looks like, and what is refused before it can do harm."""

from __future__ import annotations

import contextlib
import gzip
import json
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomtrack_sdk import CustomEvent, Item, Order, ViewProduct
from ecomtrack_sdk._wire import (
    JSON_TYPE,
    LIMITS,
    NDJSON_TYPE,
    BatchVerdict,
    Invalid,
    Rejection,
    Valid,
    compress,
    decompress,
    encode_event,
    encodings,
    join_events,
    largest_field,
    read_batch,
    validate_event,
)
from ecomtrack_sdk.errors import Malformed, MissingCurrency, TooLarge, WireError

VIEW = ViewProduct(product={"product_id": "p1"})


def invalid(raw: bytes) -> Invalid:
    judged = validate_event(raw)
    assert isinstance(judged, Invalid), judged
    return judged


def test_absent_fields_are_absent_on_the_wire() -> None:
    """None is not written; amounts are strings; times are ISO 8601 in UTC."""
    order = Order(order_id="o", items=[Item(product_id="p", price=5)], currency="EUR")
    raw = json.loads(encode_event(order))
    assert None not in raw.values()
    assert (raw["total"], raw["items"][0]["price"], raw["type"]) == ("5", "5", "order")
    assert raw["occurred_at"].endswith("Z")
    assert "visitor_id" not in raw


def test_what_is_missing_is_filled_in() -> None:
    """The visitor's fields and the default currency stand where the event has none, and only there."""
    fill = {"visitor_id": b'"v1"', "customer": b'{"id":"c1"}'}
    priced = ViewProduct(product={"product_id": "p1", "price": "5"}, visitor_id="mine")
    raw = json.loads(encode_event(priced, default_currency="EUR", fill=fill))
    assert (raw["currency"], raw["visitor_id"], raw["customer"]) == ("EUR", "mine", {"id": "c1"})
    raw = json.loads(encode_event(VIEW, default_currency="EUR", fill=fill))
    assert "currency" not in raw
    assert raw["visitor_id"] == "v1"
    own = ViewProduct(product={"product_id": "p1", "price": "5"}, currency="CHF")
    assert json.loads(encode_event(own, default_currency="EUR"))["currency"] == "CHF"


def test_an_amount_without_currency_is_refused_on_both_sides() -> None:
    """The error names the field."""
    event = CustomEvent(name="gift", value="5")
    with pytest.raises(MissingCurrency, match="value is an amount"):
        encode_event(event)
    judged = invalid(event.model_dump_json(exclude_none=True).encode())
    assert judged.event_id == event.event_id
    assert [(error.loc, error.type) for error in judged.errors] == [("currency", "missing_currency")]


def test_an_event_over_the_limit_names_its_largest_field() -> None:
    """Here as an exception, there as a verdict."""
    event = CustomEvent(name="x", properties={"a": "x" * LIMITS.event_bytes})
    with pytest.raises(TooLarge, match="'properties'") as caught:
        encode_event(event)
    assert (caught.value.limit, caught.value.field) == (LIMITS.event_bytes, "properties")
    judged = invalid(event.model_dump_json(exclude_none=True).encode())
    assert (judged.errors[0].type, judged.errors[0].loc, judged.event_id) == ("too_large", "properties", event.event_id)
    assert invalid(b"x" * (LIMITS.event_bytes + 1)).errors[0].loc == ""


def test_an_event_of_exactly_the_limit_passes() -> None:
    """The limit itself is allowed."""
    room = LIMITS.event_bytes - len(encode_event(CustomEvent(name="x", properties={"a": ""})))
    event = CustomEvent(name="x", properties={"a": "x" * room})
    assert len(encode_event(event)) == LIMITS.event_bytes
    assert isinstance(validate_event(encode_event(event)), Valid)


@pytest.mark.parametrize(
    ("raw", "field"), [(b"[1]", None), (b"{}", None), (b"nonsense", None), (b'{"a": 1, "b": "longer"}', "b")]
)
def test_the_largest_field(raw: bytes, field: str | None) -> None:
    """The field that takes most bytes, or nothing where there is none."""
    assert largest_field(raw) == field


def test_errors_are_named_bounded_and_without_values() -> None:
    """At most twenty errors, each with its field; what was sent is not repeated, it may be personal."""
    raw = json.loads(encode_event(Order(order_id="o", items=[], currency="EUR")))
    raw["items"] = [{"product_id": "p", "price": "secret-7"}] * 50
    judged = invalid(json.dumps(raw).encode())
    assert len(judged.errors) == LIMITS.errors_per_event
    assert judged.errors[0].loc == "items.0.price"
    assert judged.event_id == raw["event_id"]
    assert "secret" not in str(judged.errors)


@pytest.mark.parametrize(
    "raw", [b"", b"null", b"[]", b'"text"', b"{", b"\xff\xfe", b'{"type": "unknown"}', b"[" * 10_000]
)
def test_what_is_no_event_has_no_id(raw: bytes) -> None:
    """Nothing is made up for what cannot be read."""
    assert invalid(raw).event_id is None


def test_ids_of_refused_events_are_bounded() -> None:
    """An id that is told back is not longer than an id may be."""
    assert invalid(json.dumps({"event_id": "x" * 5000}).encode()).event_id == "x" * 255
    assert invalid(b'{"event_id": 5}').event_id is None


DEEP = b'{"a":' * 300 + b"1" + b"}" * 300


def test_deep_nesting_is_refused() -> None:
    """Depth is bounded before recursion can hurt."""
    judged = invalid(b'{"type":"custom","name":"x","properties":' + DEEP + b"}")
    assert judged.errors


def test_a_batch_of_lines() -> None:
    """One event a line; blank lines and line ends of Windows are passed over; the rest is left as it is."""
    assert read_batch(b'{"a":1}\r\n\n  \n[2]\nnot json', "Application/X-NDJSON; charset=utf-8") == [
        b'{"a":1}\r',
        b"[2]",
        b"not json",
    ]
    assert read_batch(b"", NDJSON_TYPE) == []


def test_a_batch_of_json() -> None:
    """The events of the object, in order, each on its own again."""
    body = b'{"sent_at": "2026-01-31T00:00:00Z", "events": [{"a": "\\n"}, 5, null]}'
    assert read_batch(body, JSON_TYPE) == [b'{"a":"\\n"}', b"5", b"null"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"{}", b'{"events": {}}', b'{"events": [NaN]}', b"\xff", b'{"events":' * 5000],
)
def test_json_that_is_no_batch_is_malformed(body: bytes) -> None:
    """The error says what was expected."""
    with pytest.raises(Malformed):
        read_batch(body, JSON_TYPE)


@pytest.mark.parametrize("kind", ["", "text/html", "application/xml"])
def test_other_media_types_are_malformed(kind: str) -> None:
    """The two types are named."""
    with pytest.raises(Malformed, match="application/x-ndjson or application/json"):
        read_batch(b"{}", kind)


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"{}\n" * (LIMITS.events + 1), NDJSON_TYPE), (b'{"events":[%b0]}' % (b"0," * LIMITS.events), JSON_TYPE)],
)
def test_too_many_events_are_too_large(body: bytes, kind: str) -> None:
    """A batch of more than the limit is refused as a whole; the client splits it."""
    with pytest.raises(TooLarge, match="over 1,000 events"):
        read_batch(body, kind)


@pytest.mark.parametrize("encoding", encodings())
@given(st.binary(max_size=5000))
@settings(max_examples=30)
def test_compression_round_trip(encoding: str, data: bytes) -> None:
    """What comes out is what went in, up to the very limit."""
    packed = compress(data, encoding)
    assert decompress(packed, encoding) == data
    assert decompress(packed, encoding, len(data)) == data
    if data:
        with pytest.raises(TooLarge):
            decompress(packed, encoding, len(data) - 1)


@pytest.mark.parametrize("encoding", [name for name in encodings() if name != "identity"])
def test_a_bomb_stops_at_the_limit(encoding: str) -> None:
    """A hundred megabytes in a few kilobytes are refused without being unpacked."""
    bomb = compress(bytes(100_000_000), encoding)
    assert len(bomb) < 500_000
    with pytest.raises(TooLarge, match="after decompression"):
        decompress(bomb, encoding)


@pytest.mark.parametrize("encoding", [name for name in encodings() if name != "identity"])
def test_damaged_compression_is_malformed(encoding: str) -> None:
    """Cut, altered, followed by something, or not compressed at all."""
    packed = compress(b"x" * 5000, encoding)
    for wrong in (packed[:-3], packed[:1], b"", packed + b"more", packed + packed, b"plain text", b"\0" * 40):
        with pytest.raises(Malformed):
            decompress(wrong, encoding)


@given(st.binary(max_size=300), st.sampled_from(["gzip", "zstd", "identity", "", "br", "x-gzip"]))
@settings(max_examples=200)
def test_any_bytes_unpack_or_are_refused(data: bytes, encoding: str) -> None:
    """Nothing but our own errors comes out."""
    with contextlib.suppress(WireError):
        decompress(data, encoding, 1000)


def test_gzip_is_what_every_other_language_reads() -> None:
    """One plain gzip member."""
    assert gzip.decompress(compress(b"abc", "gzip")) == b"abc"
    assert decompress(gzip.compress(b"abc"), "x-gzip") == b"abc"
    assert zlib.decompress(compress(b"abc", "gzip"), 31) == b"abc"


def test_unknown_encodings_are_malformed() -> None:
    """Both ways."""
    for use in (compress, decompress):
        with pytest.raises(Malformed, match="'br'"):
            use(b"", "br")


def test_a_verdict_round_trip() -> None:
    """The answer reads back as it was written; fields of a newer collector are passed over."""
    verdict = BatchVerdict(accepted=1, duplicate=("a",), rejected=(Rejection(index=2, event_id="b"),), retry=("c",))
    assert BatchVerdict.model_validate_json(verdict.to_json()) == verdict
    assert BatchVerdict.model_validate_json(b'{"accepted": 3, "new_field": {}}') == BatchVerdict(accepted=3)


def test_lines_joined_are_a_body() -> None:
    """Each event ends its line."""
    assert join_events([b"1", b"2"]) == b"1\n2\n"
    assert join_events([]) == b""
