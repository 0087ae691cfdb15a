"""The funnel, rule by rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from ecomtrack_sdk import reports
from ecomtrack_sdk.errors import BadParameter
from tests.reports.journeys import START, Did, Make, events, funnel, steps


def counts(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    return [row["count"] for row in rows]


def test_columns_are_the_contract(duckdb_of: Make) -> None:
    """Scripts rely on these names in this order."""
    rows = funnel(duckdb_of(events([Did("p", 0, "a")])), "ab")
    assert list(rows[0]) == [
        "step",
        "name",
        "count",
        "rate_from_first",
        "rate_from_previous",
        "median_seconds",
        "p90_seconds",
        "mean_seconds",
        "mean_seconds_from_first",
    ]
    assert list(funnel(duckdb_of([]), "ab", breakdown="plan")) == []
    assert counts(funnel(duckdb_of([]), "ab")) == [0, 0]


def test_the_best_attempt_counts_not_the_first(duckdb_of: Make) -> None:
    """A first try that led nowhere does not hide a later one that did."""
    done = [Did("p", 0, "a"), Did("p", 100, "a"), Did("p", 110, "b"), Did("p", 120, "c")]
    assert counts(funnel(duckdb_of(events(done)), "abc")) == [1, 1, 1]


def test_the_end_of_the_window_belongs_to_it(duckdb_of: Make) -> None:
    """Exactly the window later is in, a microsecond more is out."""
    done = events([Did("p", 0, "a"), Did("p", 60, "b"), Did("q", 0, "a"), Did("q", 60, "b")])
    done[3]["occurred_at"] = (START + timedelta(minutes=60, microseconds=1)).isoformat()
    assert counts(funnel(duckdb_of(done), "ab")) == [2, 1]


def test_the_window_counts_from_the_first_step(duckdb_of: Make) -> None:
    """Not from the step before."""
    done = [Did("p", 0, "a"), Did("p", 40, "b"), Did("p", 80, "c")]
    assert counts(funnel(duckdb_of(events(done)), "abc")) == [1, 1, 0]


def test_equal_moments_count_in_the_order_of_the_steps(duckdb_of: Make) -> None:
    """Whatever order they arrived in."""
    done = [Did("p", 0, "c"), Did("p", 0, "b"), Did("p", 0, "a")]
    assert counts(funnel(duckdb_of(events(done)), "abc")) == [1, 1, 1]
    assert counts(funnel(duckdb_of(events(done)), "abc", mode="strict")) == [1, 1, 1]


def test_a_repeated_step_needs_a_second_event(duckdb_of: Make) -> None:
    """One event is never two steps."""
    once, twice = [Did("p", 0, "a")], [Did("p", 0, "a"), Did("p", 0, "a")]
    for mode in ("ordered", "strict", "any"):
        assert counts(funnel(duckdb_of(events(once)), "aa", mode=mode)) == [1, 0]
        assert counts(funnel(duckdb_of(events(twice)), "aa", mode=mode)) == [1, 1]


def test_an_exclusion_between_two_steps_only(duckdb_of: Make) -> None:
    """``STEP@2-3`` does not look before the second step."""
    done = [Did("p", 0, "a"), Did("p", 1, "x"), Did("p", 2, "b"), Did("p", 4, "c")]
    done += [Did("q", 0, "a"), Did("q", 2, "b"), Did("q", 3, "x"), Did("q", 4, "c")]
    warehouse = duckdb_of(events(done))
    assert counts(funnel(warehouse, "abc", exclude="custom:x@2-3")) == [1, 1, 1]
    assert counts(funnel(warehouse, "abc", exclude="custom:x@1-2")) == [1, 1, 1]
    assert counts(funnel(warehouse, "abc", exclude="custom:x")) == [0, 0, 0]
    strict = reports.run("funnel", {"steps": steps("ab"), "mode": "strict", "exclude": "custom:x"}, warehouse)
    assert [warning.code for warning in strict.warnings] == ["exclude_ignored"]


def test_who_dropped_out_and_who_got_there(duckdb_of: Make) -> None:
    """Lists of people instead of counts, with the moments of their best attempt."""
    done = [Did("p", 0, "a"), Did("p", 5, "b"), Did("q", 1, "a"), Did("r", 2, "b")]
    warehouse = duckdb_of(events(done))
    (dropped,) = funnel(warehouse, "ab", dropped=2)
    assert (dropped["person"], dropped["step"], dropped["name"]) == ("visitor:q", 1, "custom:a")
    (converted,) = funnel(warehouse, "ab", converted=2)
    assert converted["person"] == "visitor:p"
    assert converted["started_at"] == "2026-03-01T12:00:00Z"
    assert converted["reached_at"] == "2026-03-01T12:05:00Z"


def test_per_session_a_new_visit_begins_anew(duckdb_of: Make) -> None:
    """Half an hour of silence ends a visit; the person goes on."""
    warehouse = duckdb_of(events([Did("p", 0, "a"), Did("p", 50, "b")]))
    assert counts(funnel(warehouse, "ab")) == [1, 1]
    assert counts(funnel(warehouse, "ab", per="session")) == [1, 0]


def test_a_breakdown_by_channel_asks_the_visit(duckdb_of: Make) -> None:
    """An event says where it came from only when it is the first of its visit; a property of that name goes first."""
    came = {
        "url": "https://shop.example/?utm_source=news&utm_medium=email",
        "utm_source": "news",
        "utm_medium": "email",
    }
    page = {"type": "view_page", "visitor_id": "p", "occurred_at": START.isoformat(), "context": came}
    warehouse = duckdb_of([page, *events([Did("p", 1, "a"), Did("q", 1, "a")])])
    rows = funnel(warehouse, "a", breakdown="channel")
    assert [(row["breakdown"], row["count"]) for row in rows] == [("Direct", 1), ("Email", 1)]
    rows = funnel(duckdb_of(events([Did("q", 1, "a")], channel="leaflet")), "a", breakdown="channel")
    assert [row["breakdown"] for row in rows] == ["leaflet"]


def test_events_outside_the_range_are_not_seen(duckdb_of: Make) -> None:
    """Neither beginnings nor later steps."""
    warehouse = duckdb_of(events([Did("p", 0, "a"), Did("p", 5, "b"), Did("q", 6, "a"), Did("q", 7, "b")]))
    found = funnel(warehouse, "ab", **{"from": "2026-03-01T12:01:00", "to": "2026-03-01T12:07:00"})
    assert counts(found) == [1, 0]


def test_filters_on_lines_visits_and_properties(duckdb_of: Make) -> None:
    """A step may ask for a product, a channel, a property; all filters of a step hold on one line."""
    url = {"url": "https://shop.example/?utm_source=news&utm_medium=email", "utm_source": "news", "utm_medium": "email"}
    done = [
        {"type": "view_page", "visitor_id": "p", "occurred_at": "2026-03-01T12:00:00Z", "context": url},
        {
            "type": "add_to_cart",
            "visitor_id": "p",
            "occurred_at": "2026-03-01T12:01:00Z",
            "item": {"product_id": "p1", "brand": "Acme", "price": "12.50"},
            "cart": [{"product_id": "p1", "price": "12.50"}, {"product_id": "p2", "price": "1"}],
            "currency": "EUR",
        },
        {
            "type": "custom",
            "name": "promo",
            "visitor_id": "p",
            "occurred_at": "2026-03-01T12:02:00Z",
            "properties": {"code": "SPRING", "off": 5, "channel": "leaflet"},
        },
    ]
    warehouse = duckdb_of(done)

    def reached(step: str) -> int:
        return int(counts(reports.run("funnel", {"steps": step}, warehouse).to_dict()["rows"])[0])

    yes = [
        "add_to_cart[product_id=p1]",
        "add_to_cart[product_id=p1,price>=12.5]",
        "add_to_cart[price=12.50]",
        "add_to_cart[brand~acm]",
        "add_to_cart[channel=Email]",
        "add_to_cart[sku=(none)]",
        "custom:promo[code=SPRING|SUMMER][off>4]",
        "custom:promo[channel=leaflet]",
        "custom:promo[missing=(none)]",
        "custom:promo[code!=SUMMER]",
    ]
    no = [
        "add_to_cart[product_id=p2]",
        "add_to_cart[product_id=p1,price<12]",
        "add_to_cart[brand!=Acme]",
        "add_to_cart[channel!=Email]",
        "custom:promo[off>5]",
        "custom:promo[code=(none)]",
        "custom:promo[code!=(none)|SPRING]",
    ]
    assert {step: reached(step) for step in yes} == dict.fromkeys(yes, 1)
    assert {step: reached(step) for step in no} == dict.fromkeys(no, 0)


@pytest.mark.parametrize(
    "params",
    [
        {"exclude": "custom:a"},
        {"exclude": "custom:x@2-1"},
        {"exclude": "custom:x@1-9"},
        {"exclude": "custom:x@1-2", "mode": "any"},
        {"dropped": 4},
        {"dropped": 2, "converted": 2},
        {"mode": "loose"},
        {"steps": ",".join(["order"] * 13)},
        {"colour": "red"},
        {"breakdown": " , "},
        {"bins": 5, "breakdown": "plan"},
        {"bins": 5, "dropped": 2},
        {"bins": 5, "converted": 1},
    ],
)
def test_impossible_questions_are_refused(duckdb_of: Make, params: dict[str, Any]) -> None:
    """The error says which parameter is wrong."""
    with pytest.raises(BadParameter):
        reports.run("funnel", {"steps": steps("abc"), **params}, duckdb_of([]))


def test_users_words_never_become_sql(duckdb_of: Make) -> None:
    """Names, properties and values are bound."""
    nasty = "a') or 1=1 --"
    warehouse = duckdb_of(events([Did("p", 0, nasty)]))
    assert counts(funnel(warehouse, [nasty])) == [1]
    assert counts(funnel(warehouse, ["a') or ('x'='x"])) == [0]
    assert funnel(warehouse, [nasty], breakdown="plan' or 'x")[0]["breakdown"] == "(none)"


@pytest.mark.parametrize(
    ("asked", "parameter"),
    [
        ({"steps": "view_product[foo=1]"}, "steps"),
        ({"steps": "view_product,order[foo~x]"}, "steps"),
        ({"steps": "view_product", "breakdown": "nonsense"}, "breakdown"),
        ({"steps": "view_product", "breakdown": "device,nonsense"}, "breakdown"),
    ],
)
def test_a_field_no_event_has_is_refused(duckdb_of: Make, asked: dict[str, str], parameter: str) -> None:
    """The error names those there are; a custom event's properties, a search's filters and ``*`` stay free."""
    with pytest.raises(BadParameter, match=rf"^{parameter}: .*product_id"):
        reports.run("funnel", asked, duckdb_of([]))


@pytest.mark.parametrize("step", ["custom:a", "custom", "search", "*"])
def test_fields_of_their_own_are_free(duckdb_of: Make, step: str) -> None:
    """Nobody knows beforehand which properties there are."""
    asked = {"steps": f"{step}[foo=1]", "breakdown": "nonsense"}
    assert list(reports.run("funnel", asked, duckdb_of([]))) == []
