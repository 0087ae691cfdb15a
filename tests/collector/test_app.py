"""The collector's HTTP surface: verdicts, rights, inspection, one shape of error."""

from __future__ import annotations

import io
import json
import logging

import pytest

from ecomtrack_sdk import ViewPage
from ecomtrack_sdk._wire import LIMITS, encode_event
from ecomtrack_sdk.collector import KeyRing, create_app
from ecomtrack_sdk.collector._access_log import access_logger, log_to
from ecomtrack_sdk.errors import StoreBusy
from ecomtrack_sdk.store import SqliteStore

ORDER = {"type": "order", "order_id": "o1", "items": [], "currency": "EUR", "total": "5", "visitor_id": "v1"}


def page(**fields: object) -> dict[str, object]:
    return {**json.loads(encode_event(ViewPage())), **fields}


# --- events ----------------------------------------------------------------------------------------------------------


def test_a_batch_is_answered_with_verdicts(collector):
    """200 with counts; the second delivery names its duplicates; what is wrong is rejected by index."""
    good, order = page(), {**ORDER, "event_id": page()["event_id"]}
    first = collector.send(good, order, {"type": "nonsense"})
    assert first.status == 200
    assert first.headers["content-type"] == "application/json"
    assert (first.json["accepted"], first.json["duplicate"], first.json["retry"]) == (2, [], [])
    assert [one["index"] for one in first.json["rejected"]] == [2]
    again = collector.send(good, order)
    assert (again.json["accepted"], again.json["duplicate"]) == (0, [good["event_id"], order["event_id"]])
    assert collector.store.counts() == (2, 1)


def test_a_site_key_sends_browsing_events_only(collector):
    """An order under a site key is a rejected verdict; the page view beside it is stored."""
    answer = collector.send(page(), ORDER, key="site")
    assert answer.status == 200
    assert answer.json["accepted"] == 1
    assert answer.json["rejected"][0]["errors"][0]["type"] == "not_allowed"
    assert collector.store.read(0, 10)[0].key_kind == "site"


def test_a_beacon_carries_its_key_in_the_address(collector):
    """``sendBeacon`` sends text/plain with the site key in the query; no preflight, events stored."""
    body = json.dumps({"events": [page()]}).encode()
    answer = collector.call(
        "POST",
        f"/v1/events?key={collector.tokens['site']}",
        body,
        content_type="text/plain;charset=UTF-8",
        origin="https://shop.example",
    )
    assert (answer.status, answer.json["accepted"]) == (200, 1)
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"


@pytest.mark.parametrize("kind", ["server", "read"])
def test_only_site_keys_may_stand_in_an_address(collector, kind):
    """A secret key in an address would end up in logs: refused."""
    answer = collector.call("POST", f"/v1/events?key={collector.tokens[kind]}", b"", content_type="text/plain")
    assert (answer.status, answer.json["code"]) == (403, "key-in-address")


def test_a_preflight_is_answered(collector):
    """Browsers may send batches with headers of their own from other origins."""
    answer = collector.call(
        "OPTIONS", "/v1/events", origin="https://shop.example", access_control_request_method="POST"
    )
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert "authorization" in answer.headers["access-control-allow-headers"]
    assert answer.headers["access-control-allow-methods"] == "POST"


def test_origins_restrict_a_site_key(tmp_path, collector):
    """A site key with origins works from those pages only; its refusal is readable by the page."""
    with SqliteStore(tmp_path / "other.db") as store:
        app = create_app(store, KeyRing.of(collector.tokens, origins=["https://Shop.example/"]))
        collector.app = app
        assert collector.send(page(), key="site", origin="https://shop.example").status == 200
        for other in ({"origin": "https://evil.example"}, {"origin": "null"}, {}):
            answer = collector.send(page(), key="site", **other)
            assert (answer.status, answer.json["code"]) == (403, "origin-not-allowed")
        assert collector.send(page(), key="server").status == 200
        app.close()


@pytest.mark.parametrize(
    ("key", "status", "code"), [(None, 401, "no-key"), ("wrong-key", 401, "unknown-key"), ("read", 403, "not-allowed")]
)
def test_without_the_right_key_nothing_is_taken(collector, key, status, code):
    """No key, an unknown key and a read key are told apart, and nothing is stored."""
    answer = collector.send(page(), key=key)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert collector.store.counts() == (0, 0)


def test_a_body_over_the_limit_is_refused_by_its_header_and_by_its_bytes(collector):
    """413 at once when the header says so, and when chunks go on for ever."""
    by_header = collector.send(page(), content_length=str(LIMITS.body_bytes + 1))
    assert (by_header.status, by_header.json["code"]) == (413, "too-large")
    endless = collector.call(
        "POST", "/v1/events", [b"x" * 1_000_000] * 6, key="server", content_type="application/x-ndjson"
    )
    assert (endless.status, endless.json["code"]) == (413, "too-large")


def test_a_large_batch_is_examined_away_from_the_loop(collector):
    """A body over the inline size ends in the same verdicts."""
    events = [page(title="x" * 4_000) for _ in range(100)]
    assert collector.send(*events).json["accepted"] == 100


def test_a_broken_connection_stores_nothing(collector):
    """A body that ends before its last part is not taken for a batch."""
    body = encode_event(ViewPage()) + b"\n"
    answer = collector.call(
        "POST", "/v1/events", body, key="server", broken_off=True, content_type="application/x-ndjson"
    )
    assert (answer.status, answer.json["code"]) == (400, "broken-off")
    assert collector.store.counts() == (0, 0)


def test_a_store_that_cannot_write_asks_to_come_back(collector, monkeypatch):
    """A full disk is 503 with Retry-After: the client keeps its events and tries again."""

    def full(*_: object) -> None:
        raise StoreBusy("the event log cannot be written now: database or disk is full")

    monkeypatch.setattr(collector.store, "submit", full)
    answer = collector.send(page())
    assert (answer.status, answer.json["code"]) == (503, "busy")
    assert int(answer.headers["retry-after"]) >= 1


# --- everything else -------------------------------------------------------------------------------------------------


def test_health_and_ready(collector):
    """Both answer without a key: the one while the process lives, the other while the log can be read."""
    assert collector.call("GET", "/health").json["status"] == "ok"
    assert collector.call("GET", "/ready").json == {"status": "ready"}
    collector.store.close()
    assert collector.call("GET", "/health").status == 200
    answer = collector.call("GET", "/ready")
    assert (answer.status, answer.json["code"]) == (503, "not-ready")
    assert "retry-after" in answer.headers


def test_metrics_count_verdicts(collector):
    """Prometheus text with the events by verdict and the refused batches by reason."""
    good = page()
    collector.send(good, b"{bad")
    collector.send(good)
    collector.send(good, key="wrong-key-altogether")
    text = collector.call("GET", "/metrics").body.decode()
    assert 'ecomtrack_events_total{verdict="accepted"} 1' in text
    assert 'ecomtrack_events_total{verdict="duplicate"} 1' in text
    assert 'ecomtrack_events_total{verdict="rejected"} 1' in text
    assert 'ecomtrack_refused_total{code="unknown-key"} 1' in text


def test_the_browser_script_is_served_and_cached(collector):
    """``/ecomtrack.js`` is JavaScript any page may load, with a validator for the next visit."""
    first = collector.call("GET", "/ecomtrack.js")
    assert first.status == 200
    assert first.headers["content-type"].startswith("text/javascript")
    assert first.headers["access-control-allow-origin"] == "*"
    again = collector.call("GET", "/ecomtrack.js", if_none_match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")


READ_ROUTES = [
    "/v1/inspect/all",
    "/v1/inspect/good",
    "/v1/inspect/bad",
    "/v1/inspect/reset",
    "/v1/inspect/events/x",
    "/v1/reports",
    "/v1/reports/revenue",
]


@pytest.mark.parametrize("path", READ_ROUTES)
def test_reading_needs_a_key(collector, path):
    """Without a key 401, with a site key 403, on every route that reads."""
    assert collector.call("GET", path).status == 401
    assert collector.call("GET", path, key="an-unknown-key").status == 401
    assert collector.call("GET", path, key="site").status == 403


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/v1/events/", 404),
        ("GET", "/health/", 404),
        ("POST", "/health", 405),
        ("DELETE", "/v1/inspect/all", 405),
        ("GET", "/v1/events", 405),
        ("PUT", "/v1/events", 405),
        ("POST", "/v1/events", 401),
        ("GET", "/v1/reports/revenue", 401),
        ("GET", "/v1/inspect/good", 401),
        ("BREW", "/ecomtrack.js", 405),
    ],
)
def test_every_error_has_one_shape(collector, method, path, status):
    """``application/problem+json`` with type, title, status, detail and code; 405 says what is allowed."""
    answer = collector.call(method, path)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json) == {"type", "title", "status", "detail", "code"}
    assert answer.json["status"] == status
    assert answer.json["type"] == f"urn:ecomtrack:problem:{answer.json['code']}"
    assert ("allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize("path", ["/v1/events", "/v1/inspect/all"])
def test_a_bug_is_a_problem_too(collector, monkeypatch, caplog, path):
    """An exception nobody expected is a 500 of the same shape without its details, and the log has them."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError("internal secret")

    monkeypatch.setattr(collector.store, "counts", fail)
    monkeypatch.setattr(collector.store, "submit", fail)
    answer = collector.send(page()) if path == "/v1/events" else collector.call("GET", path, key="read")
    assert (answer.status, answer.json["code"]) == (500, "internal")
    assert b"secret" not in answer.body
    assert "ZeroDivisionError" in caplog.text


def test_the_log_never_holds_contents(collector, caplog):
    """Neither keys nor event contents reach the log, whatever happens to the batch."""
    caplog.set_level(0)
    collector.send(page(visitor_id="needle-visitor"), {"type": "order", "customer": {"email": "needle@x.example"}})
    collector.send(b"needle{", key="needle-key-unknown")
    collector.call("GET", "/v1/inspect/good?customer=needle", key="read")
    own = [record for record in caplog.records if record.name.startswith("ecomtrack_sdk")]
    assert not any("needle" in record.getMessage() + str(record.__dict__) for record in own)


def test_the_access_log_names_requests_and_nobody(collector):
    """One JSON object a request with method, path, status and time; ids and queries are left out."""
    stream = io.StringIO()
    handler = log_to(stream)
    try:
        collector.send(page(visitor_id="needle"))
        collector.call("GET", "/v1/customers/needle@x.example", key="read")
        collector.call("GET", "/v1/inspect/good?customer=needle", key="read")
        collector.call("GET", "/nowhere?needle")
    finally:
        access_logger.removeHandler(handler)
        access_logger.setLevel(logging.NOTSET)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [
        ("POST", "/v1/events", 200),
        ("GET", "/v1/customers/…", 404),
        ("GET", "/v1/inspect/good", 200),
        ("GET", "/nowhere", 404),
    ]
    assert all(line["milliseconds"] >= 0 and line["time"] for line in lines)
    assert "needle" not in stream.getvalue()


def test_lifespan_is_answered(collector):
    """Servers that speak the lifespan protocol get their confirmations."""
    import asyncio

    incoming = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[str] = []

    async def receive() -> dict[str, str]:
        return incoming.pop(0)

    async def send(message: dict[str, str]) -> None:
        sent.append(message["type"])

    asyncio.run(collector.app({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_without_a_warehouse_there_are_no_reports(collector):
    """A collector that only collects says so."""
    answer = collector.call("GET", "/v1/reports/revenue", key="read")
    assert (answer.status, answer.json["code"]) == (404, "no-reports")
