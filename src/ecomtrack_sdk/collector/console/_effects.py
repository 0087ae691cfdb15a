"""What an event changed: the order, the person, the visit. Asked of the models every report reads."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import quote

from ecomtrack_sdk.collector.console._view import show
from ecomtrack_sdk.reports._values import Unit, dictionaries

__all__ = ["Effect", "effects_of", "order_steps"]

MONEY = Unit("money")
SHOWN = ("status", "total", "discounts", "refunded", "cancelled", "net")

_STEPS = """
select s.event_id as event_id, s.t as t, s.kind as kind, s.currency as currency, s.status as status, s.total as total,
  s.discounts as discounts, s.refunded as refunded, s.cancelled as cancelled,
  cast(s.total - s.refunded - s.cancelled as decimal(18, 4)) as net
from order_states s
where s.order_id = $order_id
order by s.rank, s.event_id
"""
_VISIT = """
select s.session_id as session_id, s.person_id as person_id, s.entry as entry, s.page_no as page_no,
  s.visitor_id as visitor_id, s.order_id as order_id
from session_events s
where s.event_id = $event_id
"""
_NAMED = (
    "select v.visitor_id as visitor_id, v.person_id as person_id from visitor_people v where v.event_id = $event_id"
)


class Effect(NamedTuple):
    """One thing an event changed."""

    text: str
    href: str


def order_steps(warehouse: Any, order_id: str) -> list[dict[str, Any]]:
    """The state of an order after each of its actions, oldest first; *warehouse* is brought up to date first."""
    from ecomtrack_sdk.reports.models.order_states import ORDER_STATES

    warehouse.refresh()
    warehouse.ensure((ORDER_STATES,))
    answer = warehouse.query(_STEPS, {"order_id": order_id})
    return dictionaries(answer.columns, answer.rows)


def effects_of(warehouse: Any, event_id: str) -> list[Effect]:
    """What the event changed, as the reports see it now."""
    from ecomtrack_sdk.reports.models.people import VISITOR_PEOPLE
    from ecomtrack_sdk.reports.models.session_events import SESSION_EVENTS

    warehouse.refresh()
    warehouse.ensure((SESSION_EVENTS, VISITOR_PEOPLE))
    effects = []
    for session_id, person, entry, page_no, visitor, order_id in warehouse.query(_VISIT, {"event_id": event_id}).rows:
        if order_id is not None:
            effects += _on_order(warehouse, event_id, order_id)
        if session_id is not None:
            began = (
                "began a visit"
                if entry
                else f"belongs to a visit, on its page {page_no}"
                if page_no
                else "belongs to a visit"
            )
            effects.append(Effect(f"Session: {began} of {visitor}", _person(visitor)))
        if person is not None:
            effects.append(Effect(f"Person: counts for {person}", _person(person)))
    for visitor, person in warehouse.query(_NAMED, {"event_id": event_id}).rows:
        effects.append(Effect(f"Link: from here on {visitor} is {person}", _person(person)))
    return effects


def _on_order(warehouse: Any, event_id: str, order_id: str) -> list[Effect]:
    href = "/console/orders?order_id=" + quote(order_id, safe="")
    before: dict[str, Any] = {}
    for step in order_steps(warehouse, order_id):
        if step["event_id"] != event_id:
            before = step
            continue
        changes = []
        for name in SHOWN:
            old, new = before.get(name), step[name]
            if old != new and (before or new):
                told = show(new, MONEY, step)
                changes.append(f"{name} {show(old, MONEY, step)} → {told}" if before else f"{name} {told}")
        what = "; ".join(changes) or "nothing that counts"
        return [Effect(f"Order {order_id}: {what}", href)]
    return [Effect(f"Order {order_id}: not counted, an action of the same id came before", href)]


def _person(who: str) -> str:
    return "/console/people?person=" + quote(who.removeprefix("visitor:"), safe="")
