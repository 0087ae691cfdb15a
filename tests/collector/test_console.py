"""The console without a browser: who may see it, what it shows, and that nothing an event contains can act."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from .conftest import InProcess

PAGES = (
    "/",
    "/console/live",
    "/console/reports",
    "/console/reports/revenue",
    "/console/people",
    "/console/orders",
    "/console/setup",
)
HOSTILE = "<script>alert(1)</script>\u202e😀'\"><img src=x onerror=alert(1)>"
ITEM = {"product_id": "p1", "name": HOSTILE, "price": "19.90", "quantity": "2"}
ORDER = {
    "type": "order",
    "event_id": "01890000-0000-7000-8000-000000000001",
    "occurred_at": "2026-01-05T10:00:00Z",
    "order_id": "o-1",
    "items": [ITEM],
    "currency": "EUR",
    "visitor_id": "javascript:alert(1)",
    "customer": {"id": HOSTILE, "email": "anna@example.com"},
}
REFUND = {
    "type": "refund",
    "event_id": "01890000-0000-7000-8000-000000000002",
    "occurred_at": "2026-01-09T10:00:00Z",
    "refund_id": "r-1",
    "order_id": "o-1",
    "currency": "EUR",
    "amount": "19.90",
    "reason": HOSTILE,
}


@pytest.mark.parametrize("page", PAGES)
def test_pages_open_at_the_machine_itself(local: InProcess, page: str) -> None:
    """At the machine itself every page opens without a key, with a policy that runs nothing inline."""
    answer = local.call("GET", page, host="127.0.0.1:8400")
    assert answer.status == 200, answer.body
    assert "unsafe-inline" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


def test_hostile_contents_are_inert(local: InProcess) -> None:
    """Markup in events is shown as text on every page that shows it, and no link runs script."""
    assert local.send(ORDER, REFUND).json["accepted"] == 2
    for page in (
        f"/console/events/{ORDER['event_id']}",
        "/console/orders?order_id=o-1",
        "/console/orders",
        "/console/people",
        "/console/people?person=anna@example.com",
        "/console/reports/revenue",
        "/console/people?person=%3Cscript%3Ealert(1)%3C/script%3E",
        "/?from=%3Cscript%3Ealert(1)%3C/script%3E",
    ):
        answer = local.call("GET", page, host="localhost")
        assert answer.status == 200, page
        text = answer.body.decode()
        assert "<script>alert" not in text, page
        assert "<img" not in text, page
        assert not re.search(r'href="\s*javascript:', text), page


def test_an_order_shows_its_history_and_state(local: InProcess) -> None:
    """The page of an order has its actions in their own order and the folded money."""
    local.send(REFUND, ORDER)
    text = local.call("GET", "/console/orders?order_id=o-1", host="localhost").body.decode()
    assert text.index("pending") < text.index("refund r-1: 19.90 EUR")
    assert re.search(r"<dt>net</dt><dd>19\.90 EUR</dd>", text)
    steps = re.findall(r'<td class="number">([\d.]+ EUR)</td>', text)
    assert steps == [
        "39.80 EUR",
        "0.00 EUR",
        "0.00 EUR",
        "39.80 EUR",
        "39.80 EUR",
        "19.90 EUR",
        "0.00 EUR",
        "19.90 EUR",
    ]


def test_a_bad_event_says_what_to_mend(local: InProcess) -> None:
    """The page of a refused event names the field that failed."""
    bad = {**ORDER, "currency": "XXX"}
    assert len(local.send(bad).json["rejected"]) == 1
    text = local.call("GET", f"/console/events/{ORDER['event_id']}", host="localhost").body.decode()
    assert "<code>currency</code>" in text
    assert "rejected" in text
    assert "Three capital letters of ISO 4217" in text


def test_a_test_event_arrives(local: InProcess) -> None:
    """The button of the set-up page sends an event that is then found by its id."""
    own = {"host": "localhost", "origin": "http://localhost"}
    answer = local.call("POST", "/console/test-event", **own)
    assert answer.status == 303
    event_id = parse_qs(urlsplit(answer.headers["location"]).query)["sent"][0]
    assert local.call("GET", f"/console/events/{event_id}", host="localhost").status == 200
    assert local.store.counts().good == 1
    page = local.call("GET", answer.headers["location"].partition("#")[0], host="localhost").body.decode()
    assert "It arrived" in page
    assert "It arrived" not in local.call("GET", "/console/setup?sent=nothing", host="localhost").body.decode()


def test_downloads(local: InProcess) -> None:
    """A report is downloaded as CSV and JSON; a text that a spreadsheet would run is made inert."""
    formula = {**ORDER, "items": [{**ITEM, "product_id": "=1+1"}]}
    local.send(formula)
    csv = local.call("GET", "/console/reports/revenue.csv?by=day", host="localhost")
    assert csv.status == 200
    assert csv.body.decode().splitlines()[1].startswith("2026-01-05,EUR,1,")
    assert local.call("GET", "/console/reports/revenue.json", host="localhost").json["rows"][0]["gross"] == "39.80"
    assert local.call("GET", "/console/reports/revenue.exe", host="localhost").status == 404
    assert local.call("GET", "/console/reports/nothing", host="localhost").status == 404
    assert b"by" in local.call("GET", "/console/reports/revenue?by=decade", host="localhost").body


def test_reset_empties_the_store_in_test_mode_only(local: InProcess) -> None:
    """Clearing works in test mode and is refused outside it."""
    own = {"host": "localhost", "origin": "http://localhost"}
    local.send(ORDER)
    local.app.test_mode = False
    assert local.call("POST", "/console/reset", **own).status == 403
    assert local.store.counts().good == 1
    local.app.test_mode = True
    assert local.call("POST", "/console/reset", **own).status == 303
    assert local.store.counts().good == 0
