"""What people did, as one CTE: the events a step asks for, with who did them. Orders count once, when placed."""
# ruff: noqa: S608
# The text is made of column names of our own; what users write is bound.

from __future__ import annotations

from ecomtrack_sdk.reports._conditions import ACT_FILTERS, Conditions
from ecomtrack_sdk.reports._steps import Step

__all__ = ["START_FILTERS", "acts", "first_time", "last_moment"]

START_FILTERS = {
    **ACT_FILTERS,
    **{
        name: f"{ACT_FILTERS[name]} or e.order_id in (select w.order_id from order_touch w where w.{name} = {{value}})"
        for name in ("channel", "source", "medium", "campaign")
    },
}
"""Filters of reports that begin with an order: the click that won it counts as where it came from."""


def acts(
    name: str,
    step: Step,
    conditions: Conditions,
    *,
    breakdown: str | None = None,
    where: bool = False,
    since: bool = False,
) -> str:
    """A CTE *name* (person, t, id, breakdown) of the acts before ``to``.

    An order is an act when it is in a counted status, at the moment it was placed: sent again it is not another one.

    Args:
        name: Of the CTE.
        step: Which events.
        conditions: Takes the bound values.
        breakdown: Fields whose text becomes ``breakdown``.
        where: Whether there are filters of the user that apply.
        since: Whether acts before ``from`` are left out.
    """
    # Who and when is all in one table; what else an event says is looked up only where it is asked for.
    person, source = "e", "session_events e"
    if where or step.filters or breakdown is not None:
        person, source = "a", "events e\n  join session_events a on a.seq = e.seq"
    value, join = "''", ""
    if breakdown is not None:
        value, join = conditions.breakdown(breakdown, [step.type], of_order=step.type == "order")
    orders = ""
    if step.type == "order":
        orders = "\n  join orders o on o.order_id = e.order_id and o.ordered_t = e.t and @counted(o) = 1"
    return (
        f"{name} as (\n  select {person}.person_id as person, e.t as t, e.event_id as id, {value} as breakdown\n"
        f"  from {source}{orders}{join}\n"
        f"  where e.t < $to_t{' and e.t >= $from_t' if since else ''} and {conditions.step(step)}\n"
        f"    and {person}.person_id is not null{' @where()' if where else ''}\n)"
    )


def first_time(name: str, starts: str) -> str:
    """A CTE *name* (person, cohort, breakdown, t, id) of the first act of each in CTE *starts*, from ``from`` on."""
    return (
        f"{name}_numbered as (\n  select s.person, s.t, s.id, @period(s.t) as cohort, s.breakdown,\n"
        f"    row_number() over (partition by s.person order by s.t, s.id) as nth\n  from {starts} s\n),\n"
        f"{name} as (\n  select n.person, n.cohort, n.breakdown, n.t, n.id from {name}_numbered n\n"
        f"  where n.nth = 1 and n.t >= $from_t\n)"
    )


def last_moment() -> str:
    """CTE ``ends`` (last_t): the last moment of the table, ``to`` when given, else that of the last event."""
    return (
        "ends as (\n  select case when $to_t < 4000000000000000000 then $to_t - 1 else max(e.t) end as last_t\n"
        "  from events e\n)"
    )
