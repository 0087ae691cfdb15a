"""How often do people reach the goals on the way to an order, and do these goals lead to one?

**Question.** For each goal the shop names (a promo code entered, an account opened, a size guide read): in how many
visits is it reached, by how many people, what is it worth, and how often does an order follow.

**Grain.** One row per goal and currency of its values.

**Formula.** A goal is a step (event type with filters, as in ``funnel``), maybe with a name and a value:
``newsletter=register@2.50EUR``. ``hits``: such events; ``sessions``, ``people``: those with at least one;
``session_rate``, ``person_rate``: ÷ all sessions, ÷ all people who did anything. ``value``: the fixed value x hits,
else the sum of the events' own ``value``. ``buyers``: people with a counted order at most ``window`` after a hit;
``buyer_rate = buyers ÷ people``; ``other_buyer_rate``: buyers among the people without the goal ÷ these. ``orders``:
counted orders with a hit of their buyer at most ``window`` before; ``order_share = orders ÷ all counted orders``.

**Unit.** People, visits; amounts in ``currency``.

**Caveats.** That an order follows does not mean the goal brought it: ``other_buyer_rate`` stands beside it for that.
Filters choose the hits. Orders that name nobody are not preceded by anything.

**Source.** Goals of Matomo and Plausible; how often a goal precedes an order is ours.
"""
# ruff: noqa: S608
# The text is made of names of our own; what users write is bound as parameters.

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from pydantic import field_validator

from ecomtrack_sdk._currencies import CURRENCIES
from ecomtrack_sdk.errors import BadParameter
from ecomtrack_sdk.reports._base import Report, Row
from ecomtrack_sdk.reports._conditions import ACT_FILTERS, Conditions
from ecomtrack_sdk.reports._params import Params
from ecomtrack_sdk.reports._steps import Step, number, parse_duration, parse_step, split_steps
from ecomtrack_sdk.reports._values import Count, Money, Rate
from ecomtrack_sdk.reports.models import ORDERS
from ecomtrack_sdk.reports.models.order_people import ORDER_PEOPLE
from ecomtrack_sdk.reports.models.session_events import SESSION_EVENTS
from ecomtrack_sdk.reports.models.sessions import SESSIONS
from ecomtrack_sdk.store._dialect import Value

__all__ = ["MicroConversionsParams", "MicroConversionsRow", "report"]

MOST_GOALS = 30
"""Goals of one report; each is a pass over its events."""
_NAMED = re.compile(r"^\s*([^\[\]=:@,]+?)\s*=\s*(.+)$", re.DOTALL)
_WORTH = re.compile(r"^(.*)@\s*(\d+(?:\.\d+)?)\s*([A-Za-z]{3})\s*$", re.DOTALL)


class MicroConversionsParams(Params):
    """Parameters of the goals report."""

    goals: str = "search,add_to_cart,start_checkout,register"
    """``NAME=STEP@VALUE``, commas between, name and value optional: ``promo=custom:promo_code,register@2.50EUR``."""
    window: str = "30d"
    """How long after a goal an order still follows it: ``12h``, ``7d``, ``30d``."""

    @field_validator("goals", mode="before")
    @classmethod
    def _joined(cls, value: object) -> object:
        return ",".join(str(each) for each in value) if isinstance(value, list | tuple) else value


class MicroConversionsRow(Row):
    """A goal."""

    goal: str
    """Its name; the step where it has none."""
    hits: Count
    """Events that reached it."""
    sessions: Count
    """Visits with at least one."""
    session_rate: Rate | None
    """``sessions ÷`` all visits."""
    people: Count
    """People with at least one."""
    person_rate: Rate | None
    """``people ÷`` all people who did anything."""
    buyers: Count
    """Of these people: who ordered within the window after it."""
    buyer_rate: Rate | None
    """``buyers ÷ people``."""
    other_buyer_rate: Rate | None
    """Buyers among the people without the goal ÷ these."""
    orders: Count
    """Orders the goal came before."""
    order_share: Rate | None
    """``orders ÷`` all orders."""
    value: Money | None
    """What the hits are worth; empty when nobody said."""
    currency: str | None
    """ISO 4217 of the value."""


class _Goal(NamedTuple):
    name: str
    step: Step
    worth: Decimal | None
    currency: str | None


def _goals(text: str) -> list[_Goal]:
    found = []
    for part in split_steps(text, "goals"):
        named = _NAMED.match(part)
        body = named[2] if named else part
        worth = _WORTH.match(body)
        if worth and worth[3].upper() not in CURRENCIES:
            raise BadParameter("goals", f"{part!r}: {worth[3]} is not an ISO 4217 code")
        step = parse_step(worth[1] if worth else body, "goals")
        found.append(
            _Goal(
                named[1] if named else step.text, step, number(worth[2], part, "goals") if worth else None,
                worth[3].upper() if worth else None,
            )
        )  # fmt: skip
    if not 1 <= len(found) <= MOST_GOALS:
        raise BadParameter("goals", f"needs 1 to {MOST_GOALS} goals")
    if len({goal.name for goal in found}) < len(found):
        raise BadParameter("goals", "two goals have the same name")
    return found


def _apart(steps: list[Step]) -> bool:
    """Whether no event can be two of *steps*."""
    whole = {step.type for step in steps if step.name is None}
    named = {step.type for step in steps if step.name is not None}
    return len({(step.type, step.name) for step in steps}) == len(steps) and not whole & {"*", *named}


def _reached(marks: Mapping[int, str], columns: str, source: str, *, apart: bool) -> str:
    """SELECT of the events that reach the goals of *marks* (place → condition); one pass where they are *apart*."""
    if not apart:
        passes = [_reached({place: mark}, columns, source, apart=True) for place, mark in marks.items()]
        return "\n  union all\n  ".join(passes)
    place = " ".join(f"when {mark} then {place}" for place, mark in marks.items())
    return (
        f"select case {place} end as place, {columns}\n  from {source}\n"
        f"  where e.t >= $from_t and e.t < $to_t and ({' or '.join(marks.values())}) @where()"
    )


class _Plan(NamedTuple):
    sql: str
    values: dict[str, Value]


def _plan(params: MicroConversionsParams) -> _Plan:
    goals = _goals(params.goals)
    steps = [goal.step for goal in goals]
    conditions = Conditions()
    window = parse_duration(params.window) * 1_000_000
    marks = {place: conditions.step(step) for place, step in enumerate(steps)}
    apart = _apart(steps)
    # Types and names are in ``session_events`` too: goals that ask for no more do without ``events``.
    whole = "events e join session_events a on a.seq = e.seq"
    narrow = not params.where and not any(step.filters for step in steps)
    who = "e" if narrow else "a"
    # Numbers instead of ids: they are compared and counted only.
    columns = (
        f"case when {who}.person_id is not null then @hash({who}.person_id) end as person,\n"
        f"    case when {who}.session_id is not null then @hash({who}.session_id) end as session, e.t as t"
    )
    hits = _reached(marks, columns, "session_events e" if narrow else whole, apart=apart)
    worth = [
        f"select {place} as place, {conditions.bind(goal.worth)} as value,"
        f" {conditions.bind(goal.currency or '')} as currency\n  from hits h where h.place = {place}"
        for place, goal in enumerate(goals)
        if goal.worth is not None
    ]
    own = {place: f"{marks[place]} and e.value is not null" for place, goal in enumerate(goals) if goal.worth is None}
    if own:
        worth.append(_reached(own, "e.value as value, e.currency as currency", whole, apart=apart))
    valued = "\n  union all\n  ".join(worth)
    places = " union all ".join(f"select {place} as place, $goal{place} as goal" for place in range(len(goals)))
    sql = f"""with hits as (
  {hits}
),
goals as ({places}),
placed as (
  select case when p.person_id is not null then @hash(p.person_id) end as person, o.order_id, o.ordered_t as t
  from orders o left join order_people p on p.order_id = o.order_id
  where @counted(o) = 1 and o.ordered_t >= $from_t and o.ordered_t < $to_t
),
visits as (
  select count(*) as n from sessions s where s.start_t >= $from_t and s.start_t < $to_t
),
people as (
  select count(distinct @hash(a.person_id)) as n
  from session_events a
  where a.t >= $from_t and a.t < $to_t and a.person_id is not null
),
buying as (select count(distinct p.person) as n from placed p),
ordering as (select count(*) as n from placed p),
counted as (
  select h.place, count(*) as hits, count(distinct h.session) as sessions, count(distinct h.person) as people
  from hits h group by h.place
),
followed as (
  select f.place, count(distinct f.person) as buyers, count(distinct f.order_id) as orders
  from (
    select h.place, h.person, o.order_id
    from hits h join placed o on o.person = h.person
    where o.t - h.t between 0 and {window}
  ) f
  group by f.place
),
bought as (select p.person from placed p where p.person is not null group by p.person),
also as (
  select h.place, count(distinct h.person) as n from hits h join bought b on b.person = h.person group by h.place
),
valued as (
  {valued}
),
worth as (
  select v.place, @currency(v.currency) as currency, @sum(@amount(v.value, v.currency)) as value
  from valued v group by v.place, @currency(v.currency)
)
select g.goal as goal, coalesce(c.hits, 0) as hits, coalesce(c.sessions, 0) as sessions,
  @ratio(coalesce(c.sessions, 0), v.n) as session_rate, coalesce(c.people, 0) as people,
  @ratio(coalesce(c.people, 0), p.n) as person_rate, coalesce(f.buyers, 0) as buyers,
  @ratio(coalesce(f.buyers, 0), c.people) as buyer_rate,
  @ratio(b.n - coalesce(x.n, 0), p.n - coalesce(c.people, 0)) as other_buyer_rate,
  coalesce(f.orders, 0) as orders, @ratio(coalesce(f.orders, 0), o.n) as order_share,
  w.value as value, w.currency as currency
from goals g
cross join visits v
cross join people p
cross join buying b
cross join ordering o
left join counted c on c.place = g.place
left join followed f on f.place = g.place
left join also x on x.place = g.place
left join worth w on w.place = g.place and ($currency is null or w.currency = $currency)
order by g.place, w.currency"""
    return _Plan(sql, {**conditions.params, **{f"goal{place}": goal.name for place, goal in enumerate(goals)}})


report = Report(
    "micro_conversions",
    MicroConversionsParams,
    MicroConversionsRow,
    lambda params: _plan(params).sql,
    models=(SESSION_EVENTS, SESSIONS, ORDERS, ORDER_PEOPLE),
    filters=ACT_FILTERS,
    bind=lambda params: _plan(params).values,
    doc=__doc__ or "",
)
