"""What people did, as one CTE: the events a step asks for, with who did them. Orders count once, when placed."""
# ruff: noqa: S608
# The text is made of column names of our own; what users write is bound.

from __future__ import annotations

from ecomtrack_sdk.reports._conditions import Conditions
from ecomtrack_sdk.reports._steps import Step

__all__ = ["NUMBERS", "acts", "last_moment"]

_TENS = " union all ".join(f"select {n} as d" for n in range(10))
NUMBERS = (
    f"digits as (select z.d from ({_TENS}) z),\n"
    "numbers as (\n  select cast(a.d + 10 * b.d + 100 * c.d + 1000 * x.d as bigint) as n\n"
    "  from digits a cross join digits b cross join digits c cross join digits x\n)"
)
"""CTE ``numbers``: n from 0 to 9,999; engines have no common way to count."""


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
        breakdown: Field whose text becomes ``breakdown``.
        where: Whether the user's filters apply.
        since: Whether acts before ``from`` are left out.
    """
    value, join = ("''", "") if breakdown is None else conditions.breakdown(breakdown, [step.type])
    orders = ""
    if step.type == "order":
        orders = "\n  join orders o on o.order_id = e.order_id and o.ordered_t = e.t and o.counted = 1"
    return (
        f"{name} as (\n  select a.person_id as person, e.t as t, e.event_id as id, {value} as breakdown\n"
        f"  from events e\n  join session_events a on a.seq = e.seq{orders}{join}\n"
        f"  where e.t < $to_t{' and e.t >= $from_t' if since else ''} and {conditions.step(step)}\n"
        f"    and a.person_id is not null{' @where()' if where else ''}\n)"
    )


def last_moment() -> str:
    """CTE ``ends`` (last_t): the last moment of the table, ``to`` when given, else that of the last event."""
    return (
        "ends as (\n  select case when $to_t < 4000000000000000000 then $to_t - 1 else max(e.t) end as last_t\n"
        "  from events e\n)"
    )
