"""What is known of a person, and how it is forgotten: export and erasure across log, refused events and projection.

Who a person is, the models say that every report uses: all names and browsers that belong together. Erasing takes the
content of the person's events out of the log for good; their ids stay known, so an old batch delivered again brings
nothing back. Orders and what happened to them afterwards stay as figures, without the person: a shop has to keep its
books (GDPR Article 17 (3) b), and revenue of the past must not move. ``orders="erase"`` takes them too.

A browser may claim to be anybody's: whoever asks by the id of a browser that only claims to be a customer's gets that
browser's events, and nothing of the customer.

What still waits in the outbox of a shop's own machine is out of reach from here: ``ecomtrack outbox purge``.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from pydantic_core import from_json, to_json

from ecomtrack_sdk.errors import StoreError
from ecomtrack_sdk.reports.links import VERIFIED
from ecomtrack_sdk.reports.models.order_people import ORDER_PEOPLE
from ecomtrack_sdk.reports.models.people import NAMES, VISITOR_PEOPLE, name_of, person_of
from ecomtrack_sdk.store import EventStore
from ecomtrack_sdk.store._projection import Warehouse

__all__ = ["Erasure", "Person", "anonymous", "erase_person", "export_person", "find_person"]

ORDER_TYPES = frozenset({"order", "order_update", "refund"})
MAX_ROUNDS = 5
"""Looks for events that arrived while others were erased; a person sends a few a minute, not thousands a second."""

_PERSONAL = ("customer", "visitor_id", "context", "reason")
_ADDRESSES = ("shipping_address", "billing_address")
_KEPT_OF_ADDRESS = ("country", "region", "city")


class Person(NamedTuple):
    """Everything that belongs to one person."""

    person: str
    """Id of the person, as in the reports."""
    names: tuple[str, ...]
    """Customer ids and e-mail addresses."""
    visitors: tuple[str, ...]
    """Browsers."""
    events: tuple[tuple[str, str], ...]
    """Event id and wire type, in the order they happened."""


class Erasure(NamedTuple):
    """What was done."""

    erased: int
    """Events whose content is gone."""
    anonymised: int
    """Orders, updates and refunds that stay without the person."""


# Whose an event is. The same expressions as in every report; bots and the package's own notes are included here.
_OWNER = f"""
owners as (
  select e.seq as seq, e.event_id as event_id, e.type as type, e.t as t, e.order_id as order_id,
    e.visitor_id as visitor_id, e.customer_id as customer_id, e.customer_email as customer_email,
    {person_of("e", "n", "p")} as person_id
  from events e
  left join names n on n.name = {name_of("e")}
  left join visitor_people p on p.visitor_id = e.visitor_id and e.t >= p.from_t and e.t < p.to_t
)"""  # noqa: S608

_CHOSEN = f"""
with {_OWNER},
{VERIFIED},
wanted as (
  select n.person_id as person_id, 1 as place from names n where n.name = $who or n.name = lower($who)
  union all
  select o.person_id as person_id, 2 as place
  from owners o
  where o.person_id = $who or o.person_id = lower($who) or o.person_id = concat('visitor:', $who)
  union all
  select v.person_id as person_id, 3 as place
  from visitor_people v
  join verified c on c.visitor_id = v.visitor_id and c.person_id = v.person_id
  where v.visitor_id = $who and v.to_t = 9000000000000000000
)
select w.person_id as person_id from wanted w order by w.place, w.person_id limit 1
"""  # noqa: S608

_THEIRS = f"""
with {_OWNER}
select o.event_id as event_id, o.type as type, o.visitor_id as visitor_id, o.customer_id as customer_id,
  o.customer_email as customer_email
from owners o
left join order_people b on b.order_id = o.order_id and o.type in ('order', 'order_update', 'refund')
where o.person_id = $person or (o.person_id is null and b.person_id = $person)
order by o.t, o.event_id
"""  # noqa: S608

_OF_BROWSER = """
select e.event_id as event_id, e.type as type
from events e
where e.visitor_id = $who and (e.claimed is not null or (e.customer_id is null and e.customer_email is null))
order by e.t, e.event_id
"""


def find_person(warehouse: Warehouse, who: str) -> Person | None:
    """Everything that belongs to the person of that customer id, e-mail address or visitor id, ``None`` if nobody is.

    A browser that changed hands means its last owner.
    """
    warehouse.refresh()
    warehouse.ensure((NAMES, VISITOR_PEOPLE, ORDER_PEOPLE))
    found = warehouse.query(_CHOSEN, {"who": who}).rows
    if not found:
        own = warehouse.query(_OF_BROWSER, {"who": who}).rows
        return Person(f"visitor:{who}", (), (who,), tuple((row[0], row[1]) for row in own)) if own else None
    person: str = found[0][0]
    rows = warehouse.query(_THEIRS, {"person": person}).rows
    others = warehouse.query("select n.name as name from names n where n.person_id = $person", {"person": person}).rows
    names = {value for row in rows for value in row[3:5] if value is not None} | {row[0] for row in others}
    if not person.startswith("visitor:"):
        names.add(person)
    return Person(
        person,
        tuple(sorted(names)),
        tuple(sorted({row[2] for row in rows if row[2] is not None})),
        tuple((row[0], row[1]) for row in rows),
    )


def export_person(warehouse: Warehouse, store: EventStore, who: str) -> dict[str, Any] | None:
    """All events of a person as they were sent, ready for JSON; ``None`` if nobody is known by that name."""
    person = find_person(warehouse, who)
    if person is None:
        return None
    events = []
    for event_id, _ in person.events:
        row = store.find(event_id)
        if row is not None:
            events.append(from_json(row.raw))
    return {"person": person.person, "names": person.names, "visitors": person.visitors, "events": events}


def erase_person(
    warehouse: Warehouse, store: EventStore, who: str, *, orders: Literal["keep", "erase"] = "keep"
) -> Erasure | None:
    """Forget a person; ``None`` if nobody is known by that name.

    Args:
        warehouse: Over *store*; it is rebuilt when it is next asked.
        store: The log.
        who: Customer id, e-mail address or visitor id.
        orders: Whether orders stay without the person or go with the rest.

    Raises:
        StoreError: Events of the person kept arriving faster than they could be erased.
    """
    erased = anonymised = 0
    for place in range(MAX_ROUNDS):
        person = find_person(warehouse, who)
        if person is None or not person.events:
            return Erasure(erased, anonymised) if place else None
        gone, kept = [], {}
        for event_id, event_type in person.events:
            row = store.find(event_id) if orders == "keep" and event_type in ORDER_TYPES else None
            if row is None:
                gone.append(event_id)
            else:
                kept[event_id] = anonymous(row.raw)
        store.redact(gone, kept, (*person.names, *person.visitors))
        erased += len(gone)
        anonymised += len(kept)
    raise StoreError("events of this person keep arriving: stop their source, then erase again")


def anonymous(raw: bytes) -> bytes:
    """An order event without the person: who, where from, free text and the street are gone; the figures stay."""
    event = {name: value for name, value in from_json(raw).items() if name not in _PERSONAL}
    for name in _ADDRESSES:
        address = event.get(name)
        if isinstance(address, dict):
            event[name] = {part: address[part] for part in _KEPT_OF_ADDRESS if part in address}
    return to_json(event)
