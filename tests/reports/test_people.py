"""Who is who: names that belong together, visitors and their people, links taken back and restored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecomtrack_sdk._wire import encode_event
from ecomtrack_sdk.errors import ConfigError
from ecomtrack_sdk.reports.links import links, relink_event, unlink_event
from ecomtrack_sdk.reports.models.people import NAMES
from ecomtrack_sdk.reports.models.session_events import SESSION_EVENTS
from ecomtrack_sdk.store._projection import Warehouse

Make = Callable[[Sequence[dict[str, Any]]], Warehouse]


def at(minute: int, kind: str = "identify", **fields: Any) -> dict[str, Any]:
    """An event so many minutes into the year."""
    day, hour = divmod(minute, 1440)
    moment = f"2026-01-{1 + day:02d}T{hour // 60:02d}:{hour % 60:02d}:00Z"
    return {"type": kind, "event_id": f"{minute:04d}{kind}", "occurred_at": moment, **fields}


def who(customer_id: str | None = None, email: str | None = None) -> dict[str, str]:
    return {key: value for key, value in (("id", customer_id), ("email", email)) if value is not None}


def people(warehouse: Warehouse) -> list[str | None]:
    """The person of every event, in the order they happened."""
    warehouse.refresh()
    warehouse.ensure((SESSION_EVENTS,))
    return [row[0] for row in warehouse.query("select person_id from session_events order by t, event_id").rows]


def both(duckdb_of: Make, clickhouse_of: Make, events: list[dict[str, Any]]) -> list[str | None]:
    """The people of *events*, the same on both engines and in both orders of arrival."""
    found = people(duckdb_of(events))
    assert people(duckdb_of(events[::-1])) == found
    assert people(clickhouse_of(events)) == found
    return found


def test_a_past_joins_the_customer(duckdb_of: Make, clickhouse_of: Make) -> None:
    """What a visitor did weeks before the order is the customer's once the order names both."""
    items: list[Any] = []
    order = at(40_000, "order", visitor_id="v1", customer=who("c1"), order_id="o", items=items, currency="EUR")
    view = at(1, "view_page", visitor_id="v1")
    assert both(duckdb_of, clickhouse_of, [view, at(2, "view_page", visitor_id="v2")]) == ["visitor:v1", "visitor:v2"]
    assert both(duckdb_of, clickhouse_of, [view, order]) == ["c1", "c1"]


def test_a_shared_device(duckdb_of: Make, clickhouse_of: Make) -> None:
    """Before the first name the first customer, after a later one that later one; what names somebody is theirs."""
    events = [
        at(1, "view_page", visitor_id="tablet"),
        at(2, "login", visitor_id="tablet", customer=who("anna")),
        at(3, "view_page", visitor_id="tablet"),
        at(4, "login", visitor_id="tablet", customer=who("ben")),
        at(5, "view_page", visitor_id="tablet"),
        at(6, "custom", name="call", visitor_id="tablet", customer=who("anna")),
        at(7, "view_page", visitor_id="tablet"),
    ]
    assert both(duckdb_of, clickhouse_of, events) == ["anna", "anna", "anna", "ben", "ben", "anna", "anna"]


def test_names_are_merged_along_the_chain(duckdb_of: Make, clickhouse_of: Make) -> None:
    """Ids and addresses seen together are one person under the earliest id; case of addresses does not matter."""
    events = [
        at(1, customer=who(email="A@x.com")),
        at(2, customer=who("late", "b@x.com")),
        at(3, customer=who("early", "a@X.com")),
        at(4, customer=who("early", "B@x.com")),
        at(5, customer=who("late")),
        at(6, customer=who("other", "c@x.com")),
        at(7, customer=who("C@x.com")),
    ]
    assert both(duckdb_of, clickhouse_of, events) == ["late"] * 5 + ["other"] * 2


def test_a_long_chain_settles(duckdb_of: Make, clickhouse_of: Make) -> None:
    """A chain of a thousand names ends in one person, in few rounds."""
    events = [
        {**at(1 + n % 1440, customer=who(f"c{(n + 1) // 2}", f"m{n // 2}@x.com")), "event_id": f"e{n:04d}"}
        for n in range(1_000)
    ]
    assert set(both(duckdb_of, clickhouse_of, events)) == {"c0"}


def test_links_can_be_taken_back_and_restored(duckdb_of: Make, clickhouse_of: Make) -> None:
    """A visitor is taken from a customer and given back; the last word counts whatever the order of arrival."""
    events = [
        at(1, "view_page", visitor_id="v1"),
        at(2, "login", visitor_id="v1", customer=who("c1", "one@x.com")),
        at(3, "view_page", visitor_id="v1"),
    ]
    note = {**_raw(unlink_event(visitor_id="v1", email="ONE@x.com")), "occurred_at": "2026-02-01T00:00:00Z"}
    back = {**_raw(relink_event(visitor_id="v1", customer_id="c1")), "occurred_at": "2026-02-02T00:00:00Z"}
    assert both(duckdb_of, clickhouse_of, events) == ["c1", "c1", "c1"]
    assert both(duckdb_of, clickhouse_of, [*events, note]) == ["visitor:v1", "c1", "visitor:v1"]
    assert both(duckdb_of, clickhouse_of, [*events, note, back]) == ["c1", "c1", "c1"]


def test_an_id_and_an_address_can_be_taken_apart(duckdb_of: Make, clickhouse_of: Make) -> None:
    """An address many customers share (that of the call centre) stops holding them together."""
    events = [
        at(1, customer=who("c1", "desk@x.com")),
        at(2, customer=who("c2", "desk@x.com")),
        at(3, customer=who("c2")),
    ]
    note = {**_raw(unlink_event(customer_id="c2", email="desk@x.com")), "occurred_at": "2026-02-01T00:00:00Z"}
    assert both(duckdb_of, clickhouse_of, events) == ["c1", "c1", "c1"]
    assert both(duckdb_of, clickhouse_of, [*events, note]) == ["c1", "c2", "c2"]


def test_the_links_are_listed(duckdb_of: Make) -> None:
    """What holds a person together can be read before taking it apart."""
    events = [
        at(2, "login", visitor_id="v1", customer=who("c1", "one@x.com")),
        at(3, "login", visitor_id="v2", customer=who("c2")),
    ]
    warehouse = duckdb_of(events)
    found = [(link.kind, link.name, link.person, link.since.minute) for link in links(warehouse)]
    assert found == [("customer", "c1", "one@x.com", 2), ("visitor", "v1", "c1", 2), ("visitor", "v2", "c2", 3)]
    assert [link.name for link in links(warehouse, "ONE@x.com")] == ["c1"]
    assert [link.name for link in links(warehouse, "c2")] == ["v2"]


def test_a_link_has_two_ends() -> None:
    """Unlinking asks for two names."""
    with pytest.raises(ConfigError, match="two ends"):
        unlink_event(visitor_id="v1")


def _raw(event: Any) -> dict[str, Any]:
    import json

    raw: dict[str, Any] = json.loads(encode_event(event))
    return raw


NAMES_ = st.tuples(st.sampled_from(["a", "b", "c", "d", None]), st.sampled_from(["p@x", "q@x", "r@x", None])).filter(
    any
)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(pairs=st.lists(NAMES_, min_size=1, max_size=8))
def test_people_are_the_connected_components(duckdb_of: Make, pairs: list[tuple[str | None, str | None]]) -> None:
    """The SQL finds what a plain walk over the graph of names finds, under the earliest id."""
    warehouse = duckdb_of([at(n + 1, customer=who(*pair)) for n, pair in enumerate(pairs)])
    warehouse.refresh()
    warehouse.ensure((NAMES,))
    got = dict(warehouse.query("select name, person_id from names").rows)
    groups: list[set[str]] = []
    for pair in pairs:
        joined = {name for name in pair if name is not None}
        rest = []
        for group in groups:
            if group & joined:
                joined |= group
            else:
                rest.append(group)
        groups = [*rest, joined]
    # Only a pair makes an id a known neighbour of anything; the first pair it stands in counts.
    order = [name for pair in pairs if None not in pair for name in pair if name and "@" not in name]
    for group in groups:
        ids = [name for name in order if name in group]
        person = ids[0] if ids else next(iter(group))
        assert {got.get(name, name) for name in group} == {person}
