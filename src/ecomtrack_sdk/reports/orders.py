"""What became of the orders: how many were shipped, cancelled, returned, and how much of what was shipped was kept?

One row per period. Orders count in the period they were placed in, by the status they have now; units shipped and kept
count in the period they were dispatched in, because only what was sent can come back.

- ``cancel_rate = (cancelled + failed) / orders``; ``returned_rate`` is the share of orders of which anything came back.
- ``buyout_rate = units_kept / units_shipped``: of the goods handed to the carrier, how many the customers kept. An
  order cancelled or returned after dispatch keeps nothing, a refund takes back the units on its lines; a refund of
  money alone takes nothing back.
- Dispatch is the first action with the status shipped, delivered, completed or returned.

Source: the buy-out rate is the figure shops with cash on delivery and pick-up points steer by; peers leave it out.
"""

from __future__ import annotations

from ecomtrack_sdk.reports._base import Report, Row
from ecomtrack_sdk.reports._checks import odd
from ecomtrack_sdk.reports._filters import ORDER_FILTERS
from ecomtrack_sdk.reports._params import Params
from ecomtrack_sdk.reports._values import Count, Period, Quantity, Rate
from ecomtrack_sdk.reports.models import ORDER_LINES, ORDER_STATES, ORDERS

__all__ = ["OrdersParams", "OrdersRow", "report"]


class OrdersParams(Params):
    """Those of every report."""


class OrdersRow(Row):
    """One period."""

    period: Period
    """First day of the period."""
    orders: Count
    """Orders placed, whatever became of them."""
    open: Count
    """Of these, now pending, paid, processing, or under a status of the shop's own."""
    shipped: Count
    """Of these, now on their way."""
    completed: Count
    """Of these, now delivered or completed."""
    cancelled: Count
    """Of these, now cancelled."""
    failed: Count
    """Of these, payment failed."""
    returned: Count
    """Of these, now returned or refunded as a whole."""
    partly_returned: Count
    """Of the others, those of which units came back."""
    cancel_rate: Rate | None
    """``(cancelled + failed) / orders``."""
    returned_rate: Rate | None
    """``(returned + partly_returned) / orders``."""
    units_shipped: Quantity
    """Units dispatched in the period, whenever they were ordered."""
    units_kept: Quantity
    """Of these, not cancelled, returned or refunded."""
    buyout_rate: Rate | None
    """``units_kept / units_shipped``."""


SQL = """
with lines as (
    select
        l.order_id,
        @sum(l.quantity) as units,
        @sum(case when l.refunded_units > l.quantity then l.quantity else l.refunded_units end) as back
    from order_lines l
    group by l.order_id
),
facts as (
    select
        o.order_id, o.ordered_t, o.shipped_t,
        case
            when o.status in ('cancelled', 'failed') then o.status
            when o.status in ('returned', 'refunded') or (l.units > @zero() and l.back >= l.units) then 'returned'
            when o.status in ('delivered', 'completed') then 'completed'
            when o.status = 'shipped' then 'shipped'
            else 'open'
        end as state,
        case when l.back > @zero() then 1 else 0 end as something_back,
        coalesce(l.units, @zero()) as units,
        coalesce(l.back, @zero()) as back
    from orders o
    left join lines l on l.order_id = o.order_id
    where ($currency is null or @currency(o.currency) = $currency) @where()
),
placed as (
    select
        @period(f.ordered_t) as period,
        count(*) as orders,
        sum(case when f.state = 'open' then 1 else 0 end) as open,
        sum(case when f.state = 'shipped' then 1 else 0 end) as shipped,
        sum(case when f.state = 'completed' then 1 else 0 end) as completed,
        sum(case when f.state = 'cancelled' then 1 else 0 end) as cancelled,
        sum(case when f.state = 'failed' then 1 else 0 end) as failed,
        sum(case when f.state = 'returned' then 1 else 0 end) as returned,
        sum(case when f.state not in ('returned', 'cancelled', 'failed') then f.something_back else 0 end)
            as partly_returned
    from facts f
    where f.ordered_t >= $from_t and f.ordered_t < $to_t
    group by 1
),
dispatched as (
    select
        @period(f.shipped_t) as period,
        @sum(f.units) as units_shipped,
        @sum(case when f.state in ('cancelled', 'failed', 'returned') then @zero() else f.units - f.back end)
            as units_kept
    from facts f
    where f.shipped_t >= $from_t and f.shipped_t < $to_t
    group by 1
),
cells as (
    select p.period from placed p
    union all
    select d.period from dispatched d
),
periods as (
    select c.period from cells c group by c.period
)
select
    s.period,
    coalesce(p.orders, 0) as orders,
    coalesce(p.open, 0) as open,
    coalesce(p.shipped, 0) as shipped,
    coalesce(p.completed, 0) as completed,
    coalesce(p.cancelled, 0) as cancelled,
    coalesce(p.failed, 0) as failed,
    coalesce(p.returned, 0) as returned,
    coalesce(p.partly_returned, 0) as partly_returned,
    @ratio(p.cancelled + p.failed, p.orders) as cancel_rate,
    @ratio(p.returned + p.partly_returned, p.orders) as returned_rate,
    coalesce(d.units_shipped, @zero()) as units_shipped,
    coalesce(d.units_kept, @zero()) as units_kept,
    @ratio(d.units_kept, d.units_shipped) as buyout_rate
from periods s
left join placed p on p.period = s.period
left join dispatched d on d.period = s.period
order by s.period
"""

report = Report(
    "orders",
    OrdersParams,
    OrdersRow,
    SQL,
    models=(ORDERS, ORDER_LINES, ORDER_STATES),
    filters=ORDER_FILTERS,
    checks=(odd("unknown_status", "update_without_order"),),
)
