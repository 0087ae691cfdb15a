"""How do orders move from status to status, and how long do they wait?

One row per step from one status to the next. ``orders`` are those that took the step (once each), ``steps`` counts
repetitions too; the time is from the moment the order got the first status to the moment it got the second. A row
without ``from_status`` is the beginning; one without ``to_status`` counts the orders that stand there now, and its time
is empty. Only changes count: an action that repeats the status, or says nothing of it, is no step.

Periods do not matter here: ``from`` and ``to`` pick orders by the day they were placed.
"""

from __future__ import annotations

from ecomtrack_sdk.reports._base import Report, Row
from ecomtrack_sdk.reports._checks import odd
from ecomtrack_sdk.reports._filters import ORDER_FILTERS
from ecomtrack_sdk.reports._params import Params
from ecomtrack_sdk.reports._values import Count, Rate, Seconds
from ecomtrack_sdk.reports.models import ORDER_LINES, ORDER_STATES, ORDERS

__all__ = ["OrderFlowParams", "OrderFlowRow", "report"]


class OrderFlowParams(Params):
    """Those of every report."""


class OrderFlowRow(Row):
    """One step between two statuses."""

    from_status: str | None
    """Status before; empty for the first."""
    to_status: str | None
    """Status after; empty for orders that stand at ``from_status``."""
    orders: Count
    """Orders that took this step."""
    steps: Count
    """How often it was taken."""
    share: Rate | None
    """Of all the steps out of ``from_status``, those that were this one."""
    median_seconds: Seconds | None
    """Half took the step within this time."""
    p90_seconds: Seconds | None
    """Nine of ten took the step within this time."""


SQL = """
with said as (
    select
        s.order_id, s.rank, s.t, s.status,
        lag(s.status) over (partition by s.order_id order by s.rank) as before
    from order_states s{orders}
    where s.known = 1 and s.status is not null and s.ordered_t >= $from_t and s.ordered_t < $to_t
      and ($currency is null or @currency(s.currency) = $currency) @where()
),
changes as (
    select c.order_id, c.rank, c.t, c.status, c.before from said c where c.before is null or c.before <> c.status
),
steps as (
    select
        c.order_id, c.before as from_status, c.status as to_status,
        c.t - lag(c.t) over (partition by c.order_id order by c.rank) as waited
    from changes c
    union all
    select o.order_id, o.status as from_status, cast(null as varchar) as to_status, cast(null as bigint) as waited
    from orders o
    where o.status is not null and o.ordered_t >= $from_t and o.ordered_t < $to_t
      and ($currency is null or @currency(o.currency) = $currency) @where()
),
counted as (
    select
        s.from_status, s.to_status,
        count(distinct s.order_id) as orders, count(*) as steps,
        @median(s.waited / 1000000) as median_seconds, @quantile(s.waited / 1000000, 0.9) as p90_seconds
    from steps s
    group by s.from_status, s.to_status
)
select
    c.from_status, c.to_status, c.orders, c.steps,
    @ratio(c.steps, sum(c.steps) over (partition by c.from_status)) as share,
    c.median_seconds, c.p90_seconds
from counted c
order by
    case when c.from_status is null then 0 else 1 end,
    c.steps desc, coalesce(c.from_status, ''), coalesce(c.to_status, '')
"""


def _sql(params: OrderFlowParams) -> str:
    # What filters ask of an order; its moment and its currency are in each of its states.
    return SQL.replace("{orders}", "\n    join orders o on o.order_id = s.order_id" if params.where else "")


report = Report(
    "order_flow",
    OrderFlowParams,
    OrderFlowRow,
    _sql,
    models=(ORDERS, ORDER_LINES, ORDER_STATES),
    filters=ORDER_FILTERS,
    checks=(odd("unknown_status", "update_without_order"),),
)
