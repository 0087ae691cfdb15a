"""Who is who, for the pages of people: search, and all that is known of one person, from the models of the reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ecomtrack_sdk.reports._values import Unit, convert, dictionaries
from ecomtrack_sdk.reports.links import Link, links
from ecomtrack_sdk.reports.models.order_people import ORDER_PEOPLE
from ecomtrack_sdk.reports.models.orders import ORDERS
from ecomtrack_sdk.reports.models.people import NAMES, VISITOR_PEOPLE, is_own, name_of, person_of
from ecomtrack_sdk.reports.privacy import Person, find_person

__all__ = ["Dossier", "dossier_of", "search"]

TIMELINE = "500"
"""Events of a timeline, the latest; the export has all of them."""

_SEARCH = f"""
with owned as (
  select e.t as t, e.visitor_id as visitor_id, e.customer_id as customer_id, e.customer_email as customer_email,
    {person_of("e", "n", "p")} as person_id
  from events e
  left join names n on n.name = {name_of("e")}
  left join visitor_people p on p.visitor_id = e.visitor_id and e.t >= p.from_t and e.t < p.to_t
  where not {is_own("e")}
)
select o.person_id as person, max(o.customer_email) as email, count(*) as events, max(o.t) as last_t
from owned o
where o.person_id is not null and (
  @contains(lower(o.person_id), $q) or @contains(lower(coalesce(o.customer_id, '')), $q)
  or @contains(lower(coalesce(o.customer_email, '')), $q) or @contains(lower(coalesce(o.visitor_id, '')), $q))
group by 1
order by 4 desc, 1
limit 50
"""  # noqa: S608  # made of expressions of our own; what users write is bound

_ORDERS = """
select o.order_id as order_id, o.ordered_t as ordered_t, o.status as status, o.currency as currency,
  o.gross as gross, o.refunded as refunded, o.net as net
from orders o
join order_people p on p.order_id = o.order_id
where p.person_id = $person
order by o.ordered_t desc, o.order_id
"""


@dataclass
class Dossier:
    """Everything a page about one person shows."""

    person: Person
    profile: Any
    """Result of the report ``profile``."""
    orders: list[dict[str, Any]] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)

    @property
    def phases(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """The timeline in its parts: before the first purchase, the purchase itself, after it."""
        names = {
            "before": "Before the first purchase",
            "first order": "The first purchase",
            "after": "After the first purchase",
            "no order": "No purchase yet",
        }
        parts: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        for record in self.profile.records:
            parts.setdefault(record["phase"], []).append(record)
        return [(names.get(name, name), records) for name, records in parts.items() if records]

    @property
    def browsers(self) -> list[dict[str, Any]]:
        """Every browser with its kind of device, the time it was seen and how many events it has in the timeline."""
        found: dict[str, dict[str, Any]] = {}
        for record in self.profile.records:
            if record["visitor"] is None:
                continue
            one = found.setdefault(
                record["visitor"], {"visitor": record["visitor"], "device": None, "first": record["t"], "events": 0}
            )
            one["device"] = one["device"] or record["device"]
            one["events"] += 1
            one["last"] = record["t"]
        return list(found.values())


def search(warehouse: Any, text: str) -> list[dict[str, Any]]:
    """People one of whose names contains *text*, case ignored, the last seen first; at most 50."""
    warehouse.refresh()
    warehouse.ensure((NAMES, VISITOR_PEOPLE))
    answer = warehouse.query(_SEARCH, {"q": text.lower()})
    rows = dictionaries(answer.columns, answer.rows)
    last = convert([row["last_t"] for row in rows], Unit("time"))
    return [{**row, "last": moment} for row, moment in zip(rows, last, strict=True)]


def dossier_of(warehouse: Any, who: str) -> Dossier | None:
    """All that is known of the person of that name, ``None`` if nobody is known by it."""
    from ecomtrack_sdk import reports

    person = find_person(warehouse, who)
    if person is None:
        return None
    dossier = Dossier(person, reports.run("profile", {"person": who, "limit": TIMELINE}, warehouse))
    warehouse.ensure((ORDERS, ORDER_PEOPLE))
    answer = warehouse.query(_ORDERS, {"person": person.person})
    orders = dictionaries(answer.columns, answer.rows)
    ordered = convert([order["ordered_t"] for order in orders], Unit("time"))
    dossier.orders += [{**order, "ordered": moment} for order, moment in zip(orders, ordered, strict=True)]
    seen: dict[tuple[str, str, str], Link] = {}
    for name in (person.person, *person.names, *person.visitors):
        for link in links(warehouse, name):
            seen.setdefault(link[:3], link)
    dossier.links = sorted(seen.values(), key=lambda link: link.since)
    return dossier
