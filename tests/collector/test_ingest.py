"""From bytes to entries and verdicts, without a server and without a store."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ecomtrack_sdk import AddToCart, CustomEvent, Item, Order, ViewPage
from ecomtrack_sdk._wire import JSON_TYPE, LIMITS, NDJSON_TYPE, compress, encode_event
from ecomtrack_sdk.collector._ingest import MAX_REJECTED_RAW, Request, examine, microseconds
from ecomtrack_sdk.collector._keys import Key
from ecomtrack_sdk.errors import CollectorError

NOW = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
SERVER = Key("k1", "server", "0" * 64)
SITE = Key("k2", "site", "1" * 64)


def request(body: bytes, kind: str = NDJSON_TYPE, encoding: str = "", batch: str | None = None) -> Request:
    return Request(body, kind, encoding, batch, NOW)


def lines(*events: object) -> bytes:
    return b"\n".join(encode_event(one) if hasattr(one, "event_id") else json.dumps(one).encode() for one in events)


def test_good_events_keep_their_bytes():
    """An accepted event goes to the log exactly as it was sent, with id, type and times beside it."""
    order = Order(order_id="o1", items=[Item(product_id="p", price="2")], currency="EUR", occurred_at=NOW)
    examined = examine(request(lines(order)), SERVER)
    (entry,) = examined.entries
    assert entry.raw == encode_event(order)
    assert entry[:5] == (order.event_id, "order", microseconds(NOW), microseconds(NOW), "server")
    assert examined.rejections == examined.rejected == examined.warnings == []


def test_one_bad_event_does_not_touch_its_neighbours():
    """Every event is judged alone, and a rejection names its place in the batch."""
    body = lines(ViewPage(), {"type": "view_page", "nonsense": 1}, ViewPage()) + b"\n{broken\n" + lines(ViewPage())
    examined = examine(request(body), SERVER)
    assert len(examined.entries) == 3
    assert [rejection.index for rejection in examined.rejections] == [1, 3]
    assert examined.rejections[0].errors[0].loc == "nonsense"
    assert [entry.raw for entry in examined.rejected] == [b'{"type": "view_page", "nonsense": 1}', b"{broken"]


def test_a_site_key_may_not_undo_links():
    """A custom event that the reports act on is for server keys; the shop's own names pass."""
    undo = CustomEvent(name="ecomtrack_unlink", properties={"visitor_id": "v"})
    own = CustomEvent(name="promo_code")
    examined = examine(request(lines(undo, own)), SITE)
    assert [entry.event_id for entry in examined.entries] == [own.event_id]
    assert [error.loc for error in examined.rejections[0].errors] == ["name"]
    assert len(examine(request(lines(undo, own)), SERVER).entries) == 2


def test_a_site_key_may_not_send_orders():
    """An event outside the rights of the key is rejected by name; what it may send passes."""
    order = Order(order_id="o1", items=[], currency="EUR", total="5")
    cart = AddToCart(item=Item(product_id="p", price="2"), currency="EUR")
    examined = examine(request(lines(order, cart)), SITE)
    assert [entry.type for entry in examined.entries] == ["add_to_cart"]
    (rejection,) = examined.rejections
    assert (rejection.index, rejection.event_id) == (0, order.event_id)
    assert (rejection.errors[0].loc, rejection.errors[0].type) == ("type", "not_allowed")


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "identity", "GZIP", ""])
def test_every_encoding_gives_the_same_events(encoding):
    """Compressed or not, the same events come out."""
    body = lines(ViewPage(title="é"))
    packed = compress(body, encoding.lower() or "identity")
    assert examine(request(packed, encoding=encoding), SERVER).entries[0].raw == body


@pytest.mark.parametrize("kind", [JSON_TYPE, "application/json; charset=utf-8", "text/plain;charset=UTF-8", ""])
def test_a_json_batch_is_accepted(kind):
    """The object form carries the same events, as JSON or as a beacon's text."""
    event = json.loads(encode_event(ViewPage(occurred_at=NOW)))
    body = json.dumps({"sent_at": NOW.isoformat(), "events": [event]}).encode()
    (entry,) = examine(request(body, kind), SITE).entries
    assert json.loads(entry.raw) == event


def test_a_beacon_may_be_one_bare_event():
    """``sendBeacon`` with one event as plain text is enough."""
    assert len(examine(request(lines(ViewPage()), "text/plain"), SITE).entries) == 1


@pytest.mark.parametrize(
    ("body", "kind", "encoding", "status", "code"),
    [
        (b"{}", "text/html", "", 415, "unsupported-type"),
        (b"{}", NDJSON_TYPE, "br", 415, "unsupported-encoding"),
        (b"not gzip", NDJSON_TYPE, "gzip", 400, "unreadable"),
        (gzip.compress(b"{}", mtime=0)[:-4], NDJSON_TYPE, "gzip", 400, "unreadable"),
        (gzip.compress(b"{}", mtime=0) + b"tail", NDJSON_TYPE, "gzip", 400, "unreadable"),
        (b"[1, 2]", JSON_TYPE, "", 400, "unreadable"),
        (b"", JSON_TYPE, "", 400, "unreadable"),
        (b'{"events": 5}', JSON_TYPE, "", 400, "unreadable"),
        (b"\xff\xfe", JSON_TYPE, "", 400, "unreadable"),
        (b"[" * 200_000, JSON_TYPE, "", 400, "unreadable"),
        (b"[" * 1_000_000, JSON_TYPE, "", 413, "too-large"),
        (b"{}\n" * (LIMITS.events + 1), NDJSON_TYPE, "", 413, "too-large"),
        (gzip.compress(b" " * (LIMITS.decompressed_bytes + 1), mtime=0), NDJSON_TYPE, "gzip", 413, "too-large"),
        (compress(b" " * (LIMITS.decompressed_bytes + 1), "zstd"), NDJSON_TYPE, "zstd", 413, "too-large"),
    ],
)
def test_an_unreadable_body_is_refused_as_a_whole(body, kind, encoding, status, code):
    """What cannot be split into events has no verdicts, only one problem."""
    with pytest.raises(CollectorError) as caught:
        examine(request(body, kind, encoding), SERVER)
    assert (caught.value.status, caught.value.code) == (status, code)


def test_an_empty_batch_is_fine():
    """No events, no complaints."""
    assert examine(request(b"\n\n"), SERVER).verdict([]).accepted == 0


@pytest.mark.parametrize(
    "line",
    [
        b"{" + b'"a":{' * 100_000,
        b"[" * 1_000_000,
        b"\xff\xfe\x00",
        b'{"type":"view_page","title":"\xc3("}',
        b'{"type":"view_page","title":"\\ud800"}',
        b'{"type":"view_page","visitor_id":"a\\u0000b"}',
        b'{"type":"custom","name":"x","value":1e999,"currency":"EUR"}',
        b'{"type":"custom","name":"x","properties":{"a":1e999}}',
        b'{"type":"custom","name":"x","properties":{"a":NaN}}',
        b'{"type":"custom","name":"x","value":' + b"9" * 5_000 + b',"currency":"EUR"}',
        b'{"type":"view_page","occurred_at":"' + b"9" * 100 + b'"}',
        b'{"type":"view_page","occurred_at":"0000-00-00"}',
        b'{"type":"view_page","event_id":"nonsense"}',
        b'{"type":["view_page"]}',
        b'{"type":null}',
        b'"view_page"',
        b"null",
        b"0",
        b"[]",
        b"{}",
        b'{"type":"view_page","title":"' + b"x" * LIMITS.event_bytes + b'"}',
    ],
)
def test_hostile_events_are_rejected_one_by_one(line):
    """Whatever a line holds, it is a rejection with a reason, and its neighbour is accepted."""
    examined = examine(request(line + b"\n" + lines(ViewPage())), SERVER)
    assert len(examined.entries) == 1
    (rejection,) = examined.rejections
    assert rejection.index == 0
    assert rejection.errors
    json.loads(examined.verdict([True]).to_json())
    assert len(examined.rejected[0].raw) <= MAX_REJECTED_RAW
    json.loads(examined.rejected[0].errors)


def test_rejections_never_repeat_the_value():
    """An error says what is wrong without the content, which may be personal."""
    body = lines({"type": "identify", "customer": {"email": 7, "id": "secret-value"}, "secret-key": "secret-value"})
    verdict = examine(request(body), SERVER).verdict([]).to_json()
    assert b"secret-value" not in verdict


def test_duplicate_keys_read_as_everywhere_else():
    """Of a repeated JSON key the last one counts, in the entry as in the log's bytes."""
    raw = b'{"type":"view_page","occurred_at":"2026-01-01T00:00:00Z","title":"a","title":"b","event_id":"%s"}'
    line = raw % ViewPage().event_id.encode()
    (entry,) = examine(request(line), SERVER).entries
    assert json.loads(entry.raw)["title"] == "b"


def test_missing_id_and_time_are_written_into_the_log():
    """An event without id and time gets both, and its bytes say the same whenever they are read."""
    examined = examine(request(b' {"type":"view_page"} '), SERVER)
    (entry,) = examined.entries
    stored = json.loads(entry.raw)
    assert stored["event_id"] == entry.event_id
    assert datetime.fromisoformat(stored["occurred_at"]) == NOW
    assert entry.occurred_at == microseconds(NOW)
    assert [warning.code for warning in examined.warnings] == ["no_event_id"]
    assert json.loads(entry.warnings)[0]["code"] == "no_event_id"


def test_with_a_batch_id_missing_ids_are_the_same_on_every_delivery():
    """The Idempotency-Key makes redelivery safe for events that carry no id of their own."""
    body = b'{"type":"view_page"}\n{"type":"view_page"}'
    first = examine(request(body, batch="b-1"), SERVER)
    again = examine(request(body, batch="b-1"), SERVER)
    other = examine(request(body, batch="b-2"), SERVER)
    ids = [entry.event_id for entry in first.entries]
    assert ids == [entry.event_id for entry in again.entries]
    assert len({*ids, *(entry.event_id for entry in other.entries)}) == 4
    assert first.warnings == []


def test_an_event_of_the_future_is_kept_with_a_warning():
    """Clocks of shops go wrong; the event is kept and named."""
    event = ViewPage(occurred_at=datetime(2030, 1, 1, tzinfo=UTC))
    examined = examine(request(lines(event)), SERVER)
    assert [(one.event_id, one.code) for one in examined.warnings] == [(event.event_id, "in_the_future")]


def test_an_odd_order_is_accepted_with_its_warning():
    """Sums that disagree are a warning in the verdict and in the log."""
    order = Order(order_id="o1", items=[Item(product_id="p", price="2")], currency="EUR", total="9", occurred_at=NOW)
    examined = examine(request(lines(order)), SERVER)
    assert [one.code for one in examined.warnings] == ["sum_mismatch"]
    assert examined.verdict([True]).accepted == 1


def test_the_verdict_names_duplicates():
    """What the store knew already is delivered, and said to be a duplicate."""
    one, two = ViewPage(), ViewPage()
    verdict = examine(request(lines(one, two)), SERVER).verdict([False, True])
    assert (verdict.accepted, verdict.duplicate) == (1, (one.event_id,))


@given(st.datetimes(timezones=st.just(UTC)))
@example(datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC))
def test_microseconds_are_exact(moment):
    """No microsecond is lost on the way to an integer, before 1970 too."""
    whole = microseconds(moment)
    assert (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() == pytest.approx(whole / 1e6)
    assert whole % 1_000_000 == moment.microsecond


@given(st.binary(max_size=300), st.sampled_from([NDJSON_TYPE, JSON_TYPE, "text/plain"]))
@settings(max_examples=200, deadline=None)
def test_any_bytes_end_in_a_verdict_or_a_problem(body, kind):
    """Arbitrary bytes never raise anything but ``CollectorError``, and each line has exactly one fate."""
    try:
        examined = examine(request(body, kind), SERVER)
    except CollectorError as error:
        refused = error.status
    else:
        refused = None
    if refused is not None:
        assert refused in (400, 413, 415)
        return
    assert len(examined.rejections) == len(examined.rejected)
    examined.verdict([True] * len(examined.entries)).to_json()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)


@given(
    st.sampled_from(["view_page", "order", "refund", "custom", "identify", "add_to_cart"]),
    st.dictionaries(
        st.sampled_from(["order_id", "items", "currency", "total", "name", "properties", "customer", "visitor_id",
                         "occurred_at", "event_id", "context", "item", "amount", "refund_id"]),
        _JSON,
    ),
)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_any_values_in_known_fields_end_in_one_fate(kind, fields):
    """Random JSON in the fields of real events is either accepted or rejected, never an exception."""
    line = json.dumps({**fields, "type": kind}).encode()
    examined = examine(request(line), SERVER)
    assert len(examined.entries) + len(examined.rejections) == 1
