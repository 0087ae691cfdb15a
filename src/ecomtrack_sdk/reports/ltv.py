"""What is a customer worth, and how long does it take?

**Question.** How much the customers won in a period have brought so far, period by period after their first order.

**Grain.** One row per cohort, period and currency (per value of ``breakdown`` too, when given).

**Formula.** ``cohort`` is the first day of the period of the first counted order; ``size`` its customers. ``orders``
and ``revenue`` are their counted orders and net revenue (gross - refunds - cancelled) of the *k*-th period after it,
0 being the cohort's own. ``cumulative_orders`` and ``cumulative`` add up periods 0 to *k*. ``ltv = cumulative ÷
size``: realised value, all customers of the cohort counted, those too who never came back.

**Unit.** Amounts in ``currency``; with several currencies a cohort has its size in each.

**Caveats.** Revenue, not margin, and nothing is predicted. ``basis=order`` lets a later refund lower the period of
its order, ``action`` its own. The last period is usually not over. Orders that name nobody are not here.

**Source.** Realised LTV as in RevenueCat's and Metrilo's cohort tables.
"""
# ruff: noqa: S608
# The text is made of names of our own; what users write is bound as parameters.

from __future__ import annotations

from ecomtrack_sdk.reports._acts import START_FILTERS, acts, first_time, last_moment
from ecomtrack_sdk.reports._base import Report, Row
from ecomtrack_sdk.reports._checks import MONEY_CHECKS
from ecomtrack_sdk.reports._conditions import Conditions
from ecomtrack_sdk.reports._params import By, Params
from ecomtrack_sdk.reports._steps import parse_step
from ecomtrack_sdk.reports._values import Count, Money, Period
from ecomtrack_sdk.reports.models import ORDER_MONEY, ORDERS
from ecomtrack_sdk.reports.models.order_people import ORDER_PEOPLE
from ecomtrack_sdk.reports.models.session_events import SESSION_EVENTS
from ecomtrack_sdk.reports.models.sessions import SESSIONS
from ecomtrack_sdk.reports.models.touches import ORDER_TOUCH
from ecomtrack_sdk.store._dialect import Value

__all__ = ["LtvParams", "LtvRow", "report"]


class LtvParams(Params):
    """Parameters of the lifetime value."""

    by: By = "month"
    """Length of a period."""
    breakdown: str | None = None
    """A field of the first order: ``channel``, ``campaign``, ``country``, ``product`` (its first product) …; several
    separated by commas."""


class LtvRow(Row):
    """A cohort, some periods later."""

    cohort: Period
    """First day of the period of the first order."""
    size: Count
    """Customers of the cohort."""
    period: Count
    """Periods since; 0 is the cohort's own."""
    orders: Count
    """Their counted orders in that period."""
    revenue: Money
    """Their net revenue of that period."""
    cumulative_orders: Count
    """Orders up to that period."""
    cumulative: Money
    """Net revenue up to that period."""
    ltv: Money | None
    """``cumulative ÷ size``."""
    currency: str
    """ISO 4217."""
    breakdown: str | None = None
    """Value of the breakdown's field at the first order."""


_ORDER = parse_step("order")


def _sql(params: LtvParams) -> str:
    b = "c.breakdown, " if params.breakdown is not None else ""
    shown = ", c.breakdown as breakdown" if b else ""
    same = " and {0}.breakdown = {1}.breakdown" if b else ""
    moved = "m.t" if params.basis == "action" else "m.ordered_t"
    signed = "case when m.kind = 'gross' then @amount(m.amount, m.currency) else -@amount(m.amount, m.currency) end"
    so_far = (
        f"over (partition by g.cohort, {'g.breakdown, ' if b else ''}g.currency order by g.period "
        "rows between unbounded preceding and current row)"
    )
    # Written as differences: an engine that sees ``>=`` may compare every order with every cohort before it looks at
    # whose they are.
    return f"""with {acts("starts", _ORDER, Conditions(), breakdown=params.breakdown, where=bool(params.where))},
{first_time("cohorts", "starts")},
{last_moment()},
placed as (
  select c.cohort, {b}@periods(c.cohort, @period(o.ordered_t)) as period, @currency(o.currency) as currency,
    count(*) as orders
  from cohorts c
  join order_people p on p.person_id = c.person
  join orders o on o.order_id = p.order_id and @counted(o) = 1
  where o.ordered_t - c.t >= 0 and o.ordered_t < $to_t
  group by c.cohort, {b}@periods(c.cohort, @period(o.ordered_t)), @currency(o.currency)
),
money as (
  select c.cohort, {b}@periods(c.cohort, @period({moved})) as period, @currency(m.currency) as currency,
    @sum({signed}) as revenue
  from cohorts c
  join order_people p on p.person_id = c.person
  join order_money m on m.order_id = p.order_id and m.kind <> 'discount'
  where m.ordered_t - c.t >= 0 and {moved} < $to_t
  group by c.cohort, {b}@periods(c.cohort, @period({moved})), @currency(m.currency)
),
currencies as (
  select m.currency from money m where $currency is null or m.currency = $currency group by m.currency
),
sizes as (
  select c.cohort, {b}c.size, @numbers(@periods(c.cohort, @period(e.last_t)), 9999) as period
  from (select c.cohort, {b}count(*) as size from cohorts c group by c.cohort{", c.breakdown" if b else ""}) c
  cross join ends e
),
grid as (
  select c.cohort, {b}c.size, c.period, k.currency, coalesce(p.orders, 0) as orders,
    coalesce(m.revenue, @zero()) as revenue
  from sizes c
  cross join currencies k
  left join placed p on p.cohort = c.cohort and p.period = c.period and p.currency = k.currency{same.format("p", "c")}
  left join money m on m.cohort = c.cohort and m.period = c.period and m.currency = k.currency{same.format("m", "c")}
),
summed as (
  select g.*, sum(g.orders) {so_far} as cumulative_orders,
    cast(sum(g.revenue) {so_far} as decimal(18, 4)) as cumulative
  from grid g
)
select c.cohort as cohort, c.size as size, c.period as period, c.orders as orders, c.revenue as revenue,
  c.cumulative_orders as cumulative_orders, c.cumulative as cumulative, @ratio(c.cumulative, c.size) as ltv,
  c.currency as currency{shown}
from summed c
order by c.cohort, {b}c.period, c.currency"""


def _values(params: LtvParams) -> dict[str, Value]:
    conditions = Conditions()
    acts("starts", _ORDER, conditions, breakdown=params.breakdown, where=bool(params.where))
    return dict(conditions.params)


report = Report(
    "ltv",
    LtvParams,
    LtvRow,
    _sql,
    models=(SESSION_EVENTS, SESSIONS, ORDERS, ORDER_MONEY, ORDER_PEOPLE, ORDER_TOUCH),
    filters=START_FILTERS,
    checks=MONEY_CHECKS,
    bind=_values,
    doc=__doc__ or "",
    keys=("cohort", "period", "currency", "breakdown"),
)
