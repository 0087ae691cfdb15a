"""Where a session begins and ends, whose it is, and that the order of arrival changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecomtrack_sdk import reports
from ecomtrack_sdk.reports.models.sessions import SESSION_ORDERS, SESSIONS
from ecomtrack_sdk.store._projection import Warehouse

Make = Callable[[Sequence[dict[str, Any]]], Warehouse]
START = datetime(2026, 1, 1, tzinfo=UTC)
SHOP = "https://shop.example.com"


def at(seconds: float, kind: str = "view_page", *, url: str | None = SHOP, **fields: Any) -> dict[str, Any]:
    """An event of visitor v1 on a page, so many seconds into the year."""
    event: dict[str, Any] = {
        "type": kind,
        "occurred_at": (START + timedelta(seconds=seconds)).isoformat(),
        "visitor_id": "v1",
    }
    context = {**({"url": url} if url else {}), **fields.pop("context", {})}
    if context:
        event["context"] = context
    return {**event, **fields}


def order(seconds: float, order_id: str = "o1", **fields: Any) -> dict[str, Any]:
    return at(seconds, "order", url=None, order_id=order_id, items=[], total="10.00", currency="EUR", **fields)


def sessions(warehouse: Warehouse) -> list[tuple[int, int, str]]:
    """Start and end in seconds, and channel, of each session."""
    warehouse.refresh()
    warehouse.ensure((SESSIONS, SESSION_ORDERS))
    rows = warehouse.query("select start_t, end_t, channel from sessions order by start_t, session_id").rows
    zero = int(START.timestamp()) * 1_000_000
    return [((start - zero) // 1_000_000, (end - zero) // 1_000_000, channel) for start, end, channel in rows]


def test_thirty_minutes_of_silence(duckdb_of: Make) -> None:
    """Exactly thirty minutes are still the same visit, a microsecond more is another."""
    assert sessions(duckdb_of([at(0), at(1800)])) == [(0, 1800, "Direct")]
    assert len(sessions(duckdb_of([at(0), at(1800.000001)]))) == 2


def test_a_server_sent_order_joins_and_makes_none(duckdb_of: Make) -> None:
    """The order belongs to the visit that is going on; alone it is no visit, and it keeps a visit open."""
    warehouse = duckdb_of([order(-10, "early"), at(0), order(1500), at(3000), order(9000, "late")])
    assert sessions(warehouse) == [(0, 3000, "Direct")]
    assert warehouse.query("select order_id from session_orders order by 1").rows == [("o1",)]


def test_an_order_of_the_page_makes_a_visit(duckdb_of: Make) -> None:
    """An order the browser sent is something the visitor did on a page."""
    assert sessions(duckdb_of([order(0, context={"source": "web"})])) == [(0, 0, "Direct")]


def test_campaigns_begin_visits(duckdb_of: Make) -> None:
    """Another campaign or click begins a visit, the same one again or an untagged page does not."""
    tagged = at(60, url=f"{SHOP}/?utm_source=a&utm_medium=email")
    assert [channel for *_, channel in sessions(duckdb_of([at(0), tagged]))] == ["Direct", "Email"]
    again = at(180, url=f"{SHOP}/?utm_source=A&utm_medium=EMAIL")
    assert sessions(duckdb_of([tagged, at(120), again])) == [(60, 180, "Email")]
    clicks = [at(0, url=f"{SHOP}/?gclid=1"), at(60, url=f"{SHOP}/?gclid=1"), at(120, url=f"{SHOP}/?gclid=2")]
    assert sessions(duckdb_of(clicks)) == [(0, 60, "Paid Search"), (120, 120, "Paid Search")]


def test_a_return_from_the_bank_is_no_visit(duckdb_of: Make) -> None:
    """A payment page as referrer neither begins a visit nor is one's source."""
    bank = {"referrer": "https://www.paypal.com/"}
    assert sessions(duckdb_of([at(0, context={"referrer": "https://www.bing.com/"}), at(600, context=bank)])) == [
        (0, 600, "Organic Search")
    ]
    assert sessions(duckdb_of([at(0, context=bank)])) == [(0, 0, "Direct")]


def test_foreground_time_and_mail_make_no_visit(duckdb_of: Make) -> None:
    """Reports of the browser on leaving, mails sent and events off line do not begin a visit."""
    lone = [
        at(0, "custom", name="page_engagement", properties={"seconds": 5}),
        at(0, "email_opened", url=None, message_id="m1"),
        at(0, "custom", name="call", context={"source": "offline"}),
        at(0, "login", url=None, customer={"id": "c1"}, context={"source": "server"}),
    ]
    assert sessions(duckdb_of(lone)) == []


# --- properties ------------------------------------------------------------------------------------------------------

VISITORS = st.sampled_from(["v1", "v2"])
URLS = st.sampled_from(
    [
        SHOP,
        f"{SHOP}/a",
        f"{SHOP}/?utm_source=n&utm_medium=email",
        f"{SHOP}/?gclid=1",
        f"{SHOP}/?utm_source=fb&utm_medium=cpc",
    ]
)
REFERRERS = st.sampled_from([None, "https://www.google.com/", "https://t.co/x", "https://chatgpt.com/"])


@st.composite
def shop_days(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Some visits, logins, orders, refunds and cancellations."""
    events: list[dict[str, Any]] = []
    for place in range(draw(st.integers(1, 14))):
        seconds = draw(st.integers(0, 60)) * 613
        kind = draw(st.sampled_from(["view_page", "view_page", "login", "order", "refund", "cancel"]))
        name = {"visitor_id": draw(VISITORS)}
        order_id = draw(st.sampled_from(["o1", "o2", "o3"]))
        if kind == "view_page":
            event = at(seconds, url=draw(URLS), context={"referrer": draw(REFERRERS)})
            if event["context"]["referrer"] is None:
                del event["context"]["referrer"]
        elif kind == "login":
            event = at(seconds, "login", customer={"id": draw(st.sampled_from(["anna", "ben"]))})
        elif kind == "order":
            event = order(seconds, order_id)
            event["total"] = f"{draw(st.integers(0, 9999))}.{draw(st.integers(0, 99)):02d}"
        elif kind == "refund":
            money = {"currency": "EUR", "amount": f"{draw(st.integers(0, 50))}.00"}
            event = {**at(seconds), "type": "refund", "refund_id": f"r{place}", "order_id": order_id, **money}
            name = {}
        else:
            event = {**at(seconds), "type": "order_update", "order_id": order_id, "status": "cancelled"}
            name = {}
        if not name:
            del event["visitor_id"]
        events.append({**event, **name, "event_id": f"{place:04d}"})
    return events


REPORTS: list[tuple[str, dict[str, Any]]] = [
    ("traffic", {"dimension": "channel,device"}),
    ("attribution", {"model": "position", "dimension": "source_medium"}),
    ("attribution", {"model": "time_decay", "basis": "action", "dimension": "period,channel", "by": "day"}),
    ("customers", {}),
    ("visitors", {}),
]


def answers(warehouse: Warehouse) -> str:
    return json.dumps([reports.run(name, params, warehouse).to_dict() for name, params in REPORTS], sort_keys=True)


MODELS = st.sampled_from(["last_non_direct", "last", "first", "linear", "position", "time_decay"])
FEW = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))


@FEW
@given(events=shop_days(), random=st.randoms(use_true_random=False))
def test_order_of_arrival_changes_nothing(duckdb_of: Make, events: list[dict[str, Any]], random: Any) -> None:
    """Late and back-dated events give the figures they would have given in their place."""
    shuffled = events[:]
    random.shuffle(shuffled)
    assert answers(duckdb_of(shuffled)) == answers(duckdb_of(events))


@FEW
@given(events=shop_days(), basis=st.sampled_from(["order", "action"]), models=st.sets(MODELS, min_size=2, max_size=2))
def test_attribution_adds_up_to_revenue(
    duckdb_of: Make, events: list[dict[str, Any]], basis: str, models: set[str]
) -> None:
    """Whatever the model and the basis, the parts are the whole that the revenue report tells; traffic adds up too."""
    warehouse = duckdb_of(events)
    whole = reports.run("revenue", {"by": "year", "basis": basis}, warehouse).records
    for model in sorted(models):
        parts = reports.run("attribution", {"basis": basis, "model": model}, warehouse).records
        for column in ("orders", "gross", "refunds", "cancelled", "net"):
            assert sum(Decimal(row[column]) for row in parts) == sum(Decimal(row[column]) for row in whole), model
    total = reports.run("traffic", {"dimension": "total"}, warehouse).records[0]
    parts = reports.run("traffic", {"dimension": "channel"}, warehouse).records
    for column in ("sessions", "page_views", "orders"):
        assert sum(row[column] for row in parts) == total[column]


def test_a_person_of_thousands_of_orders(duckdb_of: Make) -> None:
    """Guests filed under one customer neither blow up the touches nor lose an order: the latest visits count."""
    guest = {"id": "guest"}
    events = [
        {**at(n * 4000, context={"referrer": "https://www.bing.com/"}), "visitor_id": f"v{n}"} for n in range(300)
    ]
    events += [{**order(n * 4000 + 60, f"o{n}", customer=guest), "visitor_id": f"v{n}"} for n in range(300)]
    warehouse = duckdb_of(events)
    rows = reports.run("attribution", {"model": "linear"}, warehouse).records
    assert [(row["channel"], row["orders"], row["net"]) for row in rows] == [("Organic Search", 300, 3000)]
    touches = warehouse.query("select order_id, count(*) from touches group by 1 order by 2, 1").rows
    assert (len(touches), touches[0], touches[-1][1]) == (300, ("o0", 1), 128)
