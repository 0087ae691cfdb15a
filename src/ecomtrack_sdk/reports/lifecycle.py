"""Who is new, who comes back, who wakes up, and who falls asleep?

**Question.** How the people who do something (order, unless told otherwise) change from one period to the next.

**Grain.** One row per period from the first to the last with somebody in it; to the period before ``to`` when that is
given.

**Formula.** ``new``: did it for the first time ever. ``returning``: also did it in the period before.
``resurrecting``: did it before, but not in the period before. ``dormant``: did it in the period before and not in
this one. ``active = new + returning + resurrecting``; the next period's ``returning + dormant`` is this one's
``active``. ``growth`` = (new + resurrecting) ÷ dormant: above 1 the number of active people grows.

**Unit.** People.

**Caveats.** Unlike in PostHog ``dormant`` is a positive number, and ``new`` goes by the first event that is asked
for, not by when the person was first seen. The last period is usually not over: its ``dormant`` still shrinks.
Filters apply to the events.

**Source.** PostHog's lifecycle; "quick ratio" of subscription businesses.
"""
# ruff: noqa: S608
# The text is made of names of our own; what users write is bound as parameters.

from __future__ import annotations

from ecomtrack_sdk.reports._acts import START_FILTERS, acts, last_moment
from ecomtrack_sdk.reports._base import Report, Row
from ecomtrack_sdk.reports._conditions import Conditions
from ecomtrack_sdk.reports._params import By, Params
from ecomtrack_sdk.reports._steps import parse_step
from ecomtrack_sdk.reports._values import Count, Number, Period
from ecomtrack_sdk.reports.models import ORDERS
from ecomtrack_sdk.reports.models.session_events import SESSION_EVENTS
from ecomtrack_sdk.reports.models.sessions import SESSIONS
from ecomtrack_sdk.reports.models.touches import ORDER_TOUCH
from ecomtrack_sdk.store._dialect import Value

__all__ = ["LifecycleParams", "LifecycleRow", "report"]


_HOUR = 3_600_000_000
_STEP = {"hour": _HOUR // 2, "day": 12 * _HOUR, "week": 72 * _HOUR, "month": 336 * _HOUR, "quarter": 1_080 * _HOUR,
         "year": 4_320 * _HOUR}  # fmt: skip
"""Half a period at most, in microseconds: steps of this length miss no period, whatever the clock is put to."""


class LifecycleParams(Params):
    """Parameters of the lifecycle."""

    by: By = "month"
    """Length of a period."""
    event: str = "order"
    """What people have to do: an event type with filters, ``custom:NAME``, or ``*`` for anything."""


class LifecycleRow(Row):
    """One period."""

    period: Period
    """First day of the period."""
    active: Count
    """People who did it in this period."""
    new: Count
    """For the first time ever."""
    returning: Count
    """In the period before, too."""
    resurrecting: Count
    """Before, but not in the period before."""
    dormant: Count
    """In the period before, but not in this one."""
    growth: Number | None
    """``(new + resurrecting) ÷ dormant``."""


def _sql(params: LifecycleParams) -> str:
    done = acts("acts", parse_step(params.event, "event"), Conditions(), where=bool(params.where))
    step = _STEP[params.by]
    moment = f"n.first_t + (n.n - 4) * {step}"
    moment = f"@period(case when {moment} > n.last_t then n.last_t else {moment} end)"
    return f"""with {done},
{last_moment()},
active as (
  select a.person, @period(a.t) as at, min(a.t) as t from acts a group by a.person, @period(a.t)
),
placed as (
  select x.person, x.at, x.t,
    lag(x.at) over (partition by x.person order by x.at) as before,
    lead(x.at) over (partition by x.person order by x.at) as after
  from active x
),
begun as (
  select case when $from_t > -4000000000000000000 then $from_t else min(x.t) end as first_t from active x
),
numbers as (
  select b.first_t, e.last_t, @numbers(cast(floor((e.last_t - b.first_t) / {step}) as bigint) + 5, 99999) as n
  from begun b cross join ends e
),
calendar as (
  select c.at, lag(c.at) over (order by c.at) as before
  from (
    select {moment} as at
    from numbers n
    group by {moment}
  ) c
),
kinds as (
  select p.at as at, case when p.before is null then 1 else 0 end as new,
    case when @periods(p.before, p.at) = 1 then 1 else 0 end as returning,
    case when @periods(p.before, p.at) > 1 then 1 else 0 end as resurrecting, 0 as dormant
  from placed p
  union all
  select c.at as at, 0 as new, 0 as returning, 0 as resurrecting, 1 as dormant
  from placed p
  join calendar c on c.before = p.at
  where p.after is null or @periods(p.at, p.after) > 1
),
sums as (
  select k.at, sum(k.new) as new, sum(k.returning) as returning, sum(k.resurrecting) as resurrecting,
    sum(k.dormant) as dormant
  from kinds k group by k.at
)
select c.at as period, coalesce(s.new + s.returning + s.resurrecting, 0) as active, coalesce(s.new, 0) as new,
  coalesce(s.returning, 0) as returning, coalesce(s.resurrecting, 0) as resurrecting,
  coalesce(s.dormant, 0) as dormant, @ratio(s.new + s.resurrecting, s.dormant) as growth
from calendar c
cross join begun b
left join sums s on s.at = c.at
where c.at >= @period(b.first_t)
order by c.at"""


def _values(params: LifecycleParams) -> dict[str, Value]:
    conditions = Conditions()
    acts("acts", parse_step(params.event, "event"), conditions, where=bool(params.where))
    return dict(conditions.params)


report = Report(
    "lifecycle",
    LifecycleParams,
    LifecycleRow,
    _sql,
    models=(SESSION_EVENTS, SESSIONS, ORDERS, ORDER_TOUCH),
    filters=START_FILTERS,
    bind=_values,
    doc=__doc__ or "",
)
