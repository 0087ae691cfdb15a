"""How much was earned, and how much of it stayed after returns and cancellations?

One row per period and currency that has an order or a movement of money. Amounts are in the row's currency; currencies
are never added up unless ``convert`` and ``rates`` say how.

- ``gross`` = items after discounts + shipping + tax = what the customers owe; ``net = gross - refunds - cancelled``.
- ``basis=order`` books everything on the date of the order, so a later return lowers the month of the sale;
  ``basis=action`` books a refund, a cancellation or a correction on its own date. Over all time both agree.
- ``orders`` counts orders in a counted status (all but cancelled and failed, or those of ``counted``) and ``aov = net ÷
  orders``, by order date.
- ``units`` are those sold in counted orders, returned ones included; ``customers`` the people who placed them.
- ``shipping`` and ``tax`` are what counted orders were charged, before refunds.

Peers differ: WooCommerce's net leaves out shipping and tax (``net - shipping - tax`` where no refund gave these back),
Shopify's "total sales" equals ours.
Source: Shopify *Total sales over time*, WooCommerce Admin *Revenue*.
"""

from __future__ import annotations

from ecomtrack_sdk.reports._base import Report, Row
from ecomtrack_sdk.reports._checks import MONEY_CHECKS
from ecomtrack_sdk.reports._filters import ORDER_FILTERS
from ecomtrack_sdk.reports._params import Params
from ecomtrack_sdk.reports._values import Count, Money, Period, Quantity
from ecomtrack_sdk.reports.models import ORDER_LINES, ORDER_MONEY, ORDERS

__all__ = ["RevenueParams", "RevenueRow", "report"]


class RevenueParams(Params):
    """Those of every report."""


class RevenueRow(Row):
    """One period in one currency."""

    period: Period
    """First day of the period."""
    currency: str
    """ISO 4217."""
    orders: Count
    """Orders in a counted status, by order date."""
    units: Quantity
    """Units in those orders, returned ones included."""
    customers: Count
    """People who placed those orders; orders that name nobody are not counted here."""
    gross: Money
    """Items after discounts, shipping and tax, of all orders."""
    discounts: Money
    """Taken off lines and orders; already out of ``gross``."""
    shipping: Money
    """Charged for delivery in counted orders, by order date; part of ``gross``."""
    tax: Money
    """Tax of counted orders, by order date, on top of the prices or within them; part of ``gross``."""
    refunds: Money
    """Paid back."""
    cancelled: Money
    """What cancelled and failed orders owed and had not been refunded."""
    net: Money
    """``gross - refunds - cancelled``."""
    aov: Money | None
    """Average order value: ``net ÷ orders``; empty without orders."""


_MOVES = "select m.* from order_money m"
_MOVES_WITH_ORDERS = """select
        m.order_id, m.t, m.ordered_t, m.kind, m.amount, m.currency,
        s.status, s.country, s.region, s.city, s.payment_method, s.customer_id, s.customer_email, s.coupons
    from order_money m
    left join orders s on s.order_id = m.order_id"""
"""With the columns that filters ask of an order."""

SQL = """
with moves as (
    {moves}
),
money as (
    select
        @period(case when $basis = 'action' then o.t else o.ordered_t end) as period,
        @currency(o.currency) as currency,
        @sum(case when o.kind = 'gross' then @amount(o.amount, o.currency) else @zero() end) as gross,
        @sum(case when o.kind = 'discount' then @amount(o.amount, o.currency) else @zero() end) as discounts,
        @sum(case when o.kind = 'refund' then @amount(o.amount, o.currency) else @zero() end) as refunds,
        @sum(case when o.kind = 'cancel' then @amount(o.amount, o.currency) else @zero() end) as cancelled
    from moves o
    where (case when $basis = 'action' then o.t else o.ordered_t end) >= $from_t
      and (case when $basis = 'action' then o.t else o.ordered_t end) < $to_t
      @where()
    group by 1, 2
),
placed as (
    select
        @period(o.ordered_t) as period,
        @currency(o.currency) as currency,
        sum(@counted(o)) as orders,
        @sum(case when @counted(o) = 1 then o.units else @zero() end) as units,
        @sum(case when @counted(o) = 1 then @amount(coalesce(o.shipping, @zero()), o.currency) else @zero() end)
            as shipping,
        @sum(case when @counted(o) = 1 then @amount(coalesce(o.tax, @zero()), o.currency) else @zero() end) as tax,
        count(distinct case when @counted(o) = 1 then o.buyer end) as customers
    from orders o
    where o.ordered_t >= $from_t and o.ordered_t < $to_t @where()
    group by 1, 2
),
cells as (
    select m.period, m.currency from money m
    union all
    select p.period, p.currency from placed p
),
periods as (
    select c.period, c.currency from cells c group by c.period, c.currency
)
select
    s.period as period,
    s.currency as currency,
    coalesce(p.orders, 0) as orders,
    coalesce(p.units, @zero()) as units,
    coalesce(p.customers, 0) as customers,
    coalesce(m.gross, @zero()) as gross,
    coalesce(m.discounts, @zero()) as discounts,
    coalesce(p.shipping, @zero()) as shipping,
    coalesce(p.tax, @zero()) as tax,
    coalesce(m.refunds, @zero()) as refunds,
    coalesce(m.cancelled, @zero()) as cancelled,
    coalesce(m.gross, @zero()) - coalesce(m.refunds, @zero())
        - coalesce(m.cancelled, @zero()) as net,
    @ratio(
        coalesce(m.gross, @zero()) - coalesce(m.refunds, @zero())
            - coalesce(m.cancelled, @zero()),
        p.orders) as aov
from periods s
left join money m on m.period = s.period and m.currency = s.currency
left join placed p on p.period = s.period and p.currency = s.currency
where $currency is null or s.currency = $currency
order by s.period, s.currency
"""


def _sql(params: RevenueParams) -> str:
    return SQL.replace("{moves}", _MOVES_WITH_ORDERS if params.where else _MOVES)


report = Report(
    "revenue",
    RevenueParams,
    RevenueRow,
    _sql,
    models=(ORDERS, ORDER_LINES, ORDER_MONEY),
    filters=ORDER_FILTERS,
    checks=MONEY_CHECKS,
)
