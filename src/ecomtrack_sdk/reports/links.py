"""The links between visitors, customers and addresses: listing them, taking one back, restoring it.

A link is nothing stored: it follows from events that name two things at once. Taking it back is an event too, so it
lies in the log, survives any rebuild, and can itself be taken back. The last word on a link counts, whatever the order
of arrival, and it counts for all time: figures of the past change with it.

What an event says of itself stays: an order that names a customer is that customer's, linked or not.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from ecomtrack_sdk.errors import ConfigError
from ecomtrack_sdk.events import Context, Customer, CustomEvent
from ecomtrack_sdk.reports.models.people import NAMES, RELINK, UNLINK, VISITOR_PEOPLE, is_own, name_of
from ecomtrack_sdk.store._projection import Warehouse

__all__ = ["VERIFIED", "Link", "links", "relink_event", "unlink_event"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
VERIFIED = f"""
verified as (
  select distinct e.visitor_id as visitor_id, coalesce(n.person_id, {name_of("e")}) as person_id
  from events e
  left join names n on n.name = {name_of("e")}
  where e.visitor_id is not null and e.claimed is null and not {is_own("e")}
    and (e.customer_id is not null or e.customer_email is not null)
)"""  # noqa: S608  # made of expressions of our own
"""CTE: visitors and people whom not only the visitor's browser holds to be one."""


class Link(NamedTuple):
    """Two names that are held to be one person."""

    kind: str
    """``visitor`` (a browser and a person) or ``customer`` (an id and an address)."""
    name: str
    """The visitor id, or the customer id."""
    person: str
    """The person's id, or the e-mail address."""
    since: datetime
    """When it was first seen."""
    verified: bool = True
    """Whether the shop's backend has said it too; a link only a browser claims is ``False``."""


def unlink_event(
    *, visitor_id: str | None = None, customer_id: str | None = None, email: str | None = None
) -> CustomEvent:
    """The event that takes a link back; send it or append it like any other.

    Args:
        visitor_id: With *customer_id* or *email*: this browser is not that customer's.
        customer_id: With *email* and no *visitor_id*: this id and this address are two people.
        email: As above; case is ignored.

    Raises:
        ConfigError: Fewer than two names are given.
    """
    return _note(UNLINK, visitor_id, customer_id, email)


def relink_event(
    *, visitor_id: str | None = None, customer_id: str | None = None, email: str | None = None
) -> CustomEvent:
    """The event that restores a link taken back; arguments as for :func:`unlink_event`."""
    return _note(RELINK, visitor_id, customer_id, email)


def _note(name: str, visitor_id: str | None, customer_id: str | None, email: str | None) -> CustomEvent:
    if sum(value is not None for value in (visitor_id, customer_id, email)) < 2:
        raise ConfigError("a link has two ends: give a visitor and a customer id or an e-mail address, or these two")
    return CustomEvent(
        name=name,
        visitor_id=visitor_id,
        customer=Customer(id=customer_id, email=email),
        context=Context(source="server"),
    )


def links(warehouse: Warehouse, name: str | None = None) -> list[Link]:
    """The links that hold now, the oldest first.

    Args:
        warehouse: Brought up to date first.
        name: Only links with this visitor id, customer id, address or person.
    """
    warehouse.refresh()
    warehouse.ensure((NAMES, VISITOR_PEOPLE))
    where = "" if name is None else "where k.name = $name or k.person = $name or k.person = lower($name)"
    answer = warehouse.query(
        f"""
        with {VERIFIED}
        select k.kind, k.name, k.person, k.t, k.verified from (
          select 'visitor' as kind, v.visitor_id as name, v.person_id as person, v.linked_t as t,
            case when c.visitor_id is null then 0 else 1 end as verified
          from visitor_people v
          left join verified c on c.visitor_id = v.visitor_id and c.person_id = v.person_id
          union all
          select 'customer' as kind, p.id_name as name, p.email_name as person, p.first_t as t, 1 as verified
          from customer_pairs p
        ) as k
        {where}
        order by k.t, k.kind, k.name, k.person
        """,  # noqa: S608  # made of the text above
        {} if name is None else {"name": name},
    )
    return [
        Link(str(kind), str(end), str(person), _EPOCH + timedelta(microseconds=int(t)), bool(verified))
        for kind, end, person, t, verified in answer.rows
    ]
