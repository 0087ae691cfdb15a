"""Retention and lifecycle against plain loops over the calendar, and rule by rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecomtrack_sdk import reports
from ecomtrack_sdk.errors import BadParameter
from ecomtrack_sdk.store._projection import Warehouse

Make = Callable[[Sequence[Mapping[str, Any]]], Warehouse]
ZONE = "America/New_York"


class Did(NamedTuple):
    """Somebody did something, some hours after the start."""

    person: str
    hour: int
    what: str


def moment(each: Did) -> datetime:
    # The clocks of New York go forward on 2026-03-08: days of 23 hours are among them.
    return datetime(2026, 3, 1, 3, 30, tzinfo=ZoneInfo("UTC")) + timedelta(hours=each.hour)


def events(done: Sequence[Did]) -> list[dict[str, Any]]:
    return [
        {"type": "custom", "name": each.what, "visitor_id": each.person, "occurred_at": moment(each).isoformat()}
        for each in done
    ]


def order(person: str, day: str, **fields: Any) -> dict[str, Any]:
    return {
        "type": "order",
        "order_id": f"{person}/{day}",
        "customer": {"id": person},
        "occurred_at": f"{day}T12:00:00Z",
        "items": [{"product_id": "p1", "name": "Lamp", "price": "10"}],
        "currency": "EUR",
        "status": "paid",
        **fields,
    }


# The evaluator -------------------------------------------------------------------------------------------------------


def period_of(each: Did, by: str, week_start: str = "monday") -> date:
    day = moment(each).astimezone(ZoneInfo(ZONE)).date()
    if by == "week":
        return day - timedelta(days=(day.weekday() + (week_start == "sunday")) % 7)
    return day.replace(day=1) if by == "month" else day


def after(period: date, by: str) -> date:
    if by == "month":
        return (period + timedelta(days=32)).replace(day=1)
    return period + timedelta(days=7 if by == "week" else 1)


def cohorts_of(done: Sequence[Did], by: str, mode: str, week_start: str) -> set[tuple[str, date]]:
    begun: dict[str, set[date]] = {}
    for each in done:
        if each.what == "a":
            begun.setdefault(each.person, set()).add(period_of(each, by, week_start))
    if mode == "first_time":
        return {(person, min(periods)) for person, periods in begun.items()}
    return {(person, period) for person, periods in begun.items() for period in periods}


def retained(
    done: Sequence[Did], by: str, mode: str, week_start: str, cumulative: bool
) -> dict[tuple[str, int], tuple[int, int]]:
    """(cohort, period) → (size, count)."""
    cohorts = cohorts_of(done, by, mode, week_start)
    came = {(each.person, period_of(each, by, week_start)) for each in done if each.what == "b"}
    last = max((period_of(each, by, week_start) for each in done), default=None)
    found = {}
    for cohort in {period for _, period in cohorts}:
        members = {person for person, period in cohorts if period == cohort}
        seen: set[str] = set()
        at, number = cohort, 0
        while last is not None and at <= last:
            now = {person for person in members if (person, at) in came} if number else members
            if cumulative and number:
                seen |= now
                now = seen
            found[cohort.isoformat(), number] = len(members), len(now)
            at, number = after(at, by), number + 1
    return found


DONE = st.lists(
    st.builds(Did, st.sampled_from("opqrstuv"), st.integers(0, 24 * 40), st.sampled_from("ab")), max_size=50
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    done=DONE,
    by=st.sampled_from(["day", "week", "month"]),
    mode=st.sampled_from(["first_time", "recurring"]),
    week_start=st.sampled_from(["monday", "sunday"]),
    cumulative=st.booleans(),
)
def test_retention_agrees_with_going_through_the_calendar(
    duckdb_of: Make, done: list[Did], by: str, mode: str, week_start: str, cumulative: bool
) -> None:
    """Any acts, every period, both modes, both first days of a week, a zone with a change of clocks."""
    params = {
        "start": "custom:a", "return": "custom:b", "by": by, "mode": mode, "week_start": week_start,
        "cumulative": cumulative, "time_zone": ZONE,
    }  # fmt: skip
    rows = reports.run("retention", params, duckdb_of(events(done))).to_dict()["rows"]
    got = {(row["cohort"], row["period"]): (row["size"], row["count"]) for row in rows}
    assert got == retained(done, by, mode, week_start, cumulative)
    for row in rows:
        assert row["rate"] == pytest.approx(row["count"] / row["size"], abs=1e-6)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(done=DONE, by=st.sampled_from(["day", "week", "month"]))
def test_lifecycle_agrees_with_going_through_the_calendar(duckdb_of: Make, done: list[Did], by: str) -> None:
    """Everybody active is new, returning or resurrecting; who was active and is not any more is dormant."""
    rows = reports.run("lifecycle", {"event": "*", "by": by, "time_zone": ZONE}, duckdb_of(events(done))).to_dict()[
        "rows"
    ]
    active: dict[str, set[date]] = {}
    for each in done:
        active.setdefault(each.person, set()).add(period_of(each, by))
    everywhere = {period for periods in active.values() for period in periods}
    want = []
    at, before = min(everywhere, default=date.max), None
    while everywhere and at <= max(everywhere):
        now = {person for person, periods in active.items() if at in periods}
        new = {person for person in now if min(active[person]) == at}
        was = {person for person, periods in active.items() if before in periods}
        want.append((at.isoformat(), len(now), len(new), len(now & was), len(now - new - was), len(was - now)))
        before, at = at, after(at, by)
    got = [
        tuple(row[name] for name in ("period", "active", "new", "returning", "resurrecting", "dormant")) for row in rows
    ]
    assert got == want


# Rule by rule --------------------------------------------------------------------------------------------------------


def cells(rows: Sequence[Mapping[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


def test_columns_are_the_contract(duckdb_of: Make) -> None:
    """Scripts rely on these names in this order; revenue is net and by period."""
    back = {
        "type": "refund", "refund_id": "r", "order_id": "c1/2026-02-05", "amount": "4", "currency": "EUR",
        "occurred_at": "2026-03-01T00:00:00Z",
    }  # fmt: skip
    done = [order("c1", "2026-01-05"), order("c1", "2026-02-05"), order("c2", "2026-01-09"), back]
    rows = reports.run("retention", {}, duckdb_of(done)).to_dict()["rows"]
    assert list(rows[0]) == ["cohort", "size", "period", "count", "rate", "revenue", "currency"]
    assert [tuple(row.values()) for row in rows] == [
        ("2026-01-01", 2, 0, 2, 1.0, "20.00", "EUR"),
        ("2026-01-01", 2, 1, 1, 0.5, "6.00", "EUR"),
        ("2026-01-01", 2, 2, 0, 0.0, "0.00", "EUR"),
    ]


def test_cancelled_orders_begin_nothing_and_bring_nobody_back(duckdb_of: Make) -> None:
    """A cohort begins with the first order in a counted status; an order sent again is the same order."""
    done = [
        order("c1", "2026-01-05", status="cancelled"),
        order("c1", "2026-02-05"),
        order("c1", "2026-02-05", occurred_at="2026-03-05T12:00:00Z"),
        order("c1", "2026-04-05", status="failed"),
    ]
    rows = reports.run("retention", {}, duckdb_of(done)).to_dict()["rows"]
    assert cells(rows, "cohort", "period", "count") == [
        ("2026-02-01", 0, 1),
        ("2026-02-01", 1, 0),
        ("2026-02-01", 2, 0),
    ]


def test_first_time_looks_back_before_the_table(duckdb_of: Make) -> None:
    """Who began before ``from`` is in no cohort; recurring asks again every period."""
    done = [order("c1", "2026-01-05"), order("c1", "2026-02-05"), order("c2", "2026-02-07"), order("c1", "2026-03-05")]
    warehouse = duckdb_of(done)
    first = reports.run("retention", {"from": "2026-02-01"}, warehouse).to_dict()["rows"]
    assert cells(first, "cohort", "size", "period", "count") == [("2026-02-01", 1, 0, 1), ("2026-02-01", 1, 1, 0)]
    again = reports.run("retention", {"from": "2026-02-01", "mode": "recurring"}, warehouse).to_dict()["rows"]
    assert cells(again, "cohort", "size", "period", "count") == [
        ("2026-02-01", 2, 0, 2),
        ("2026-02-01", 2, 1, 1),
        ("2026-03-01", 1, 0, 1),
    ]


def test_breakdowns_by_first_product_and_channel(duckdb_of: Make) -> None:
    """Each person is in the part of the beginning, and the parts are the whole."""
    came = {"source": "news", "medium": "email", "campaign": "spring"}
    desk = [{"product_id": "p2", "name": "Desk", "price": "90"}]
    done = [
        order("c1", "2026-01-05", acquisition=came),
        order("c1", "2026-02-05", items=desk),
        order("c2", "2026-01-06", items=desk),
    ]
    warehouse = duckdb_of(done)
    rows = reports.run("retention", {"breakdown": "product"}, warehouse).to_dict()["rows"]
    assert cells(rows, "breakdown", "size", "period", "count") == [
        ("p1", 1, 0, 1),
        ("p1", 1, 1, 1),
        ("p2", 1, 0, 1),
        ("p2", 1, 1, 0),
    ]
    rows = reports.run("retention", {"breakdown": "channel", "to": "2026-02-01"}, warehouse).to_dict()["rows"]
    assert cells(rows, "breakdown", "size") == [("Email", 1), ("Unassigned", 1)]
    both = {"breakdown": "channel, product,brand", "to": "2026-02-01"}
    for name in ("retention", "ltv"):
        rows = reports.run(name, both, warehouse).to_dict()["rows"]
        assert cells(rows, "breakdown", "size") == [("Email, p1, (none)", 1), ("Unassigned, p2, (none)", 1)]
    only = reports.run("retention", {"where": "channel=Email", "to": "2026-02-01"}, warehouse).to_dict()["rows"]
    assert cells(only, "size", "revenue") == [(1, "10.00")]


def test_by_hour_and_with_two_currencies(duckdb_of: Make) -> None:
    """An hour is a period like any other; amounts of two currencies stand in two rows with the same counts."""
    done = [order("c1", "2026-01-05"), order("c1", "2026-01-06", currency="USD", occurred_at="2026-01-05T13:30:00Z")]
    result = reports.run("retention", {"by": "hour"}, duckdb_of(done))
    assert cells(result.to_dict()["rows"], "cohort", "period", "count", "revenue", "currency") == [
        ("2026-01-05T12:00:00", 0, 1, "10.00", "EUR"),
        ("2026-01-05T12:00:00", 0, 1, "0.00", "USD"),
        ("2026-01-05T12:00:00", 1, 1, "0.00", "EUR"),
        ("2026-01-05T12:00:00", 1, 1, "10.00", "USD"),
    ]
    assert [warning.code for warning in result.warnings] == ["several_currencies"]


def test_revenue_of_all_cohorts_is_the_revenue(duckdb_of: Make) -> None:
    """Everybody's cohorts together bring what the revenue report says, when every order names somebody."""
    days = ["2026-01-05", "2026-01-20", "2026-02-05", "2026-03-31"]
    done = [order(person, day) for person in ("c1", "c2", "c3") for day in days[: 1 + int(person[1])]]
    done.append(order("c4", "2026-02-02", status="cancelled"))
    warehouse = duckdb_of(done)
    whole = sum(row["net"] for row in reports.run("revenue", {}, warehouse).records)
    for name, column in (("retention", "revenue"), ("ltv", "revenue"), ("rfm", "revenue")):
        records = reports.run(name, {"by": "month"}, warehouse).records
        assert sum((record[column] for record in records), Decimal(0)) == whole, name


@pytest.mark.parametrize(
    "params",
    [{"start": "bought"}, {"return": "order["}, {"by": "decade"}, {"mode": "sometimes"}, {"by": "day", "x": "1"}],
)
def test_impossible_questions_are_refused(duckdb_of: Make, params: dict[str, str]) -> None:
    """The error says which parameter is wrong."""
    with pytest.raises(BadParameter):
        reports.run("retention", params, duckdb_of([]))
