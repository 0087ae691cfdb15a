"""Inspection over HTTP: what arrived and what became of it, in the form users of Snowplow Micro know."""

from __future__ import annotations

import json

import pytest

from ecomtrack_sdk import ViewPage
from ecomtrack_sdk._wire import encode_event

ORDER = {"type": "order", "order_id": "o1", "items": [], "currency": "EUR", "total": "5", "visitor_id": "v1"}


def page(**fields: object) -> dict[str, object]:
    return {**json.loads(encode_event(ViewPage())), **fields}


def test_inspect_counts_lists_and_resets(collector):
    """all, good, bad and reset answer as in Snowplow Micro, by GET and by POST."""
    collector.send(page(), ORDER, b"{bad")
    for method in ("GET", "POST"):
        assert collector.call(method, "/v1/inspect/all", key="read").json == {"total": 3, "good": 2, "bad": 1}
        good = collector.call(method, "/v1/inspect/good", key="read").json
        assert [one["event_type"] for one in good] == ["order", "view_page"]
        (bad,) = collector.call(method, "/v1/inspect/bad", key="read").json
        assert bad["event"] == "{bad"
        assert bad["errors"][0]["type"] == "json_invalid"
    assert collector.call("POST", "/v1/inspect/reset", key="server").json == {"total": 0, "good": 0, "bad": 0}
    assert collector.store.counts() == (0, 0)


def test_inspect_filters(collector):
    """Type, visitor, order and limit restrict the list; in the address or as a JSON body."""
    collector.send(page(visitor_id="v2"), page(visitor_id="v1"), ORDER, {**ORDER, "total": 1.5})

    def types(query: str) -> list[str]:
        return [one["event_type"] for one in collector.call("GET", f"/v1/inspect/good?{query}", key="read").json]

    assert types("event_type=order") == ["order"]
    assert types("visitor_id=v1") == ["order", "view_page"]
    assert types("order_id=o1") == ["order"]
    assert types("limit=1") == ["order"]
    posted = collector.call("POST", "/v1/inspect/good", b'{"event_type": "view_page", "limit": 1}', key="read")
    assert [one["event_type"] for one in posted.json] == ["view_page"]
    (bad,) = collector.call("GET", "/v1/inspect/bad?order_id=o1", key="read").json
    assert bad["errors"][0]["loc"] == "total"


def test_an_event_is_found_by_id_with_its_own_verdict(collector):
    """Accepted and refused events are found by id, each with what the collector said of it."""
    good, odd = page(), {**page(), "nonsense": 1}
    collector.send(good, odd)
    found = collector.call("GET", f"/v1/inspect/events/{good['event_id']}", key="read").json
    assert (found["verdict"], found["event"], found["errors"]) == ("accepted", good, [])
    refused = collector.call("GET", f"/v1/inspect/events/{odd['event_id']}", key="read").json
    assert (refused["verdict"], refused["errors"][0]["loc"]) == ("rejected", "nonsense")
    unknown = collector.call("GET", "/v1/inspect/events/00000000-0000-7000-8000-000000000000", key="read")
    assert (unknown.status, unknown.json["code"]) == (404, "unknown-event")


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=99999999", "before=-1", "nonsense=1", "limit=²"])
def test_a_wrong_filter_is_named(collector, query):
    """A filter that is not understood is an error, not an empty answer."""
    answer = collector.call("GET", f"/v1/inspect/good?{query}".replace("²", "%C2%B2"), key="read")
    assert (answer.status, answer.json["code"]) == (400, "bad-parameter")
    assert query.split("=")[0] in answer.json["detail"]


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b'{"event_type": 5}', b'{"limit": "many"}', b"[" * 60_000])
def test_a_wrong_question_is_named(collector, body):
    """A POST body that is no object of filters is a 400."""
    assert collector.call("POST", "/v1/inspect/good", body, key="read").status == 400


def test_reset_needs_a_server_key_and_test_mode(tmp_path, collector):
    """Reading rights do not empty a store, and outside test mode nothing does."""
    collector.send(page())
    for key, code in (("read", "not-allowed"), ("site", "not-allowed")):
        answer = collector.call("POST", "/v1/inspect/reset", key=key)
        assert (answer.status, answer.json["code"]) == (403, code)
    collector.app.test_mode = False
    answer = collector.call("POST", "/v1/inspect/reset", key="server")
    assert (answer.status, answer.json["code"]) == (403, "no-test-mode")
    assert collector.store.counts().good == 1


def test_hostile_contents_are_listed(collector):
    """Bytes that are no text and JSON that is too deep to read come back as text, in valid JSON."""
    collector.send(b"\xff\xfe\x00{", b"[" * 5_000, b'{"type":"view_page","title":NaN}')
    listed = collector.call("GET", "/v1/inspect/bad", key="read").json
    assert len(listed) == 3
