"""Do people come back, how many of them, how late, and with how much money?

**Question.** Of those who began in a period (their first order, unless told otherwise), how many did something again
(an order, unless told otherwise) in the periods after it.

**Grain.** One row per cohort, period and currency (per value of ``breakdown`` too, when given). Cohorts without
anybody have no row.

**Formula.** ``cohort`` is the first day of the period of the beginning. ``mode=first_time``: people belong to the
period of the first beginning ever, also when that lies before ``from``. ``mode=recurring``: to every period in which
they began. ``period`` 0 is the cohort's own: its ``count`` is ``size``. ``count`` of period *k* are those of the
cohort who came back in the *k*-th period after it; with ``cumulative`` those who came back in any of the periods 1 …
*k*, with ``or_later`` those who came back in it or in any later one. ``rate = count ÷ size``.

**Unit.** People; ``revenue`` is net revenue (after refunds and cancellations) of the cohort's orders placed in that
period (with ``cumulative`` up to it), in ``currency``. With several currencies the counts stand in each of their
rows.

**Caveats.** The last period is usually not over: its count still grows. A person's orders count while in a counted
status (neither cancelled nor failed). Filters and the breakdown look at the beginning.

**Source.** PostHog's retention (first time and recurring, per period; its "rolling" or unbounded retention is
``or_later``); cumulative repeat rate as in shop systems' cohort reports.
"""
# ruff: noqa: S608
# The text is made of names of our own; what users write is bound as parameters.

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from ecomtrack_sdk.reports._acts import START_FILTERS, acts, last_moment
from ecomtrack_sdk.reports._base import Report, Row
from ecomtrack_sdk.reports._checks import MONEY_CHECKS
from ecomtrack_sdk.reports._conditions import Conditions
from ecomtrack_sdk.reports._params import By, Params
from ecomtrack_sdk.reports._steps import parse_step
from ecomtrack_sdk.reports._values import Count, Money, Period, Rate
from ecomtrack_sdk.reports.models import ORDER_MONEY, ORDERS
from ecomtrack_sdk.reports.models.order_people import ORDER_PEOPLE
from ecomtrack_sdk.reports.models.session_events import SESSION_EVENTS
from ecomtrack_sdk.reports.models.sessions import SESSIONS
from ecomtrack_sdk.reports.models.touches import ORDER_TOUCH
from ecomtrack_sdk.store._dialect import Value

__all__ = ["RetentionParams", "RetentionRow", "report"]


class RetentionParams(Params):
    """Parameters of retention."""

    by: By = "month"
    """Length of a period."""
    start: str = "order"
    """What begins: an event type with filters, ``custom:NAME``, or ``*`` for anything."""
    return_: str = Field("order", alias="return")
    """What counts as coming back, written the same way."""
    mode: Literal["first_time", "recurring"] = "first_time"
    """Whether somebody belongs to the cohort of the first time only, or to each in which they began."""
    cumulative: bool = False
    """Count who came back up to a period, not in it."""
    or_later: bool = False
    """Count who came back in a period or in any later one: who was not lost before it."""
    breakdown: str | None = None
    """A field of the beginning, such as ``channel``, or ``product`` for the first product of the order; several
    separated by commas."""

    @model_validator(mode="after")
    def _one_way_to_count(self) -> RetentionParams:
        if self.cumulative and self.or_later:
            raise ValueError("cumulative counts up to a period, or_later from it on: give one of them")
        return self


class RetentionRow(Row):
    """A cohort, some periods later."""

    cohort: Period
    """First day of the period the cohort began in."""
    size: Count
    """People in the cohort."""
    period: Count
    """Periods since; 0 is the cohort's own."""
    count: Count
    """Those of them who came back."""
    rate: Rate | None
    """``count ÷ size``."""
    revenue: Money
    """Net revenue of their orders placed in that period."""
    currency: str | None
    """ISO 4217; empty when nobody ordered."""
    breakdown: str | None = None
    """Value of the breakdown's field at the beginning."""


def _conditions(params: RetentionParams) -> tuple[Conditions, str, str]:
    conditions = Conditions()
    start, coming = parse_step(params.start, "start"), parse_step(params.return_, "return")
    begun = acts(
        "starts", start, conditions, breakdown=params.breakdown, where=bool(params.where),
        since=params.mode == "recurring",
    )  # fmt: skip
    if start.key() == coming.key() and not params.where:
        returned = "comings as (\n  select s.person, s.t from starts s where s.t >= $from_t\n)"
    else:
        returned = acts("comings", coming, conditions, since=True)
    return conditions, begun, returned


def _sql(params: RetentionParams) -> str:
    _, begun, returned = _conditions(params)
    per_period = "" if params.mode == "first_time" else ", @period(s.t)"
    b = "c.breakdown, " if params.breakdown is not None else ""
    group = f"c.cohort, {b}"
    same = " and {0}.breakdown = {1}.breakdown" if params.breakdown is not None else ""
    shown = ", c.breakdown as breakdown" if params.breakdown is not None else ""
    if params.cumulative or params.or_later:
        # Each counts once: from the first time they came back on, or until the last.
        once = "min" if params.cumulative else "max"
        returns = f"""select f.cohort, {"f.breakdown, " if b else ""}f.period, count(*) as people from (
    select c.person, {group}{once}(@periods(c.cohort, r.at)) as period
    from cohorts c join returns r on r.person = c.person where @periods(c.cohort, r.at) > 0
    group by c.person, {group.rstrip(", ")}
  ) f group by f.cohort, {"f.breakdown, " if b else ""}f.period"""
        partition = "g.cohort, g.breakdown" if b else "g.cohort"
        so_far = (
            f"over (partition by {partition}, g.currency order by g.period{'' if params.cumulative else ' desc'} "
            "rows between unbounded preceding and current row)"
        )
        shown_count = f"sum(g.people) {so_far}"
        shown_revenue = f"sum(g.revenue) {so_far}" if params.cumulative else "g.revenue"
    else:
        returns = f"""select {group}@periods(c.cohort, r.at) as period, count(*) as people
  from cohorts c join returns r on r.person = c.person where @periods(c.cohort, r.at) > 0
  group by {group}@periods(c.cohort, r.at)"""
        shown_count, shown_revenue = "g.people", "g.revenue"
    return f"""with {begun},
{returned},
{last_moment()},
numbered as (
  select s.person, s.t, @period(s.t) as cohort, s.breakdown,
    row_number() over (partition by s.person{per_period} order by s.t, s.id) as nth
  from starts s
),
cohorts as (
  select n.person, n.cohort, n.breakdown from numbered n where n.nth = 1 and n.t >= $from_t
),
returns as (
  select r.person, @period(r.t) as at from comings r group by r.person, @period(r.t)
),
hits as (
  {returns}
),
money as (
  select {group}@periods(c.cohort, @period(o.ordered_t)) as period, @currency(o.currency) as currency,
    @sum(@amount(o.net, o.currency)) as revenue
  from cohorts c
  join order_people p on p.person_id = c.person
  join orders o on o.order_id = p.order_id
  where o.ordered_t < $to_t and @periods(c.cohort, @period(o.ordered_t)) >= 0
  group by {group}@periods(c.cohort, @period(o.ordered_t)), @currency(o.currency)
),
known as (
  select m.currency from money m where $currency is null or m.currency = $currency group by m.currency
),
currencies as (
  select k.currency from known k
  union all
  select cast(null as varchar) as currency from (select count(*) as n from known) z where z.n = 0
),
sizes as (
  select {group}c.size, @numbers(@periods(c.cohort, @period(e.last_t)), 9999) as period
  from (select {group}count(*) as size from cohorts c group by {group.rstrip(", ")}) c
  cross join ends e
),
grid as (
  select {group}c.size, c.period, k.currency,
    case when c.period = 0 then 0 else coalesce(h.people, 0) end as people, coalesce(m.revenue, @zero()) as revenue
  from sizes c
  cross join currencies k
  left join hits h on h.cohort = c.cohort and h.period = c.period{same.format("h", "c")}
  left join money m on m.cohort = c.cohort and m.period = c.period and m.currency = k.currency{same.format("m", "c")}
),
counted as (
  select g.*, case when g.period = 0 then g.size else {shown_count} end as came, {shown_revenue} as earned from grid g
)
select c.cohort as cohort, c.size as size, c.period as period, c.came as count, @ratio(c.came, c.size) as rate,
  cast(c.earned as decimal(18, 4)) as revenue, c.currency as currency{shown}
from counted c
order by c.cohort, {b}c.period, c.currency"""


def _values(params: RetentionParams) -> dict[str, Value]:
    return dict(_conditions(params)[0].params)


report = Report(
    "retention",
    RetentionParams,
    RetentionRow,
    _sql,
    models=(SESSION_EVENTS, SESSIONS, ORDERS, ORDER_MONEY, ORDER_PEOPLE, ORDER_TOUCH),
    filters=START_FILTERS,
    checks=MONEY_CHECKS,
    bind=_values,
    doc=__doc__ or "",
    keys=("cohort", "period", "currency", "breakdown"),
)
