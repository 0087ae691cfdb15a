"""Which ways to pay are used, and which of them end in money that stays?

**Question.** Orders, failures, refunds and net revenue by payment method.

**Grain.** One row per payment method and currency, by net revenue.

**Formula.** ``placed``: orders by order date, whatever became of them; ``failed``, ``cancelled``: those in that
status now; ``orders``: those in a counted status. ``success_rate = orders ÷ placed``. ``gross``, ``refunds``,
``cancelled_value`` and ``net`` as in ``revenue``: on the order's date, or on their own with ``basis=action``; their
totals are those of ``revenue``. ``refund_rate = refunds ÷ gross of counted orders``. ``aov = net ÷ orders``.
``share``: of the net revenue in that currency.

**Unit.** Amounts in ``currency``.

**Caveats.** The method is the one the order has now: an order paid another way after a failed attempt is the last
way's. ``(none)``: the shop did not say, or the order is not known.

**Source.** WooCommerce and Shopify *Payments by method*.
"""

from __future__ import annotations

from ecomtrack_sdk.reports._base import Report, Row
from ecomtrack_sdk.reports._checks import MONEY_CHECKS
from ecomtrack_sdk.reports._filters import ORDER_FILTERS
from ecomtrack_sdk.reports._params import Params
from ecomtrack_sdk.reports._values import Count, Money, Rate
from ecomtrack_sdk.reports.models import ORDER_LINES, ORDER_MONEY, ORDERS

__all__ = ["PaymentsParams", "PaymentsRow", "report"]


class PaymentsParams(Params):
    """Those of every report."""


class PaymentsRow(Row):
    """A payment method in one currency."""

    payment_method: str
    """As the shop calls it."""
    currency: str
    """ISO 4217."""
    placed: Count
    """All orders."""
    orders: Count
    """Orders in a counted status."""
    failed: Count
    """Orders whose payment failed."""
    cancelled: Count
    """Cancelled orders."""
    success_rate: Rate | None
    """``orders ÷ placed``."""
    gross: Money
    """What all orders owed."""
    refunds: Money
    """Paid back."""
    cancelled_value: Money
    """Owed by cancelled and failed orders, not refunded."""
    net: Money
    """``gross - refunds - cancelled_value``."""
    refund_rate: Rate | None
    """Refunds of counted orders ÷ what these owed."""
    aov: Money | None
    """``net ÷ orders``."""
    share: Rate | None
    """Of the net revenue in this currency."""


SQL = """
with moves as (
  select coalesce(o.payment_method, '(none)') as payment_method, @currency(o.currency) as currency, 1 as placed,
    @counted(o) as orders, case when o.status = 'failed' then 1 else 0 end as failed,
    case when o.status = 'cancelled' then 1 else 0 end as cancelled, '' as kind, 0 as kept, @zero() as amount
  from orders o
  where o.ordered_t >= $from_t and o.ordered_t < $to_t @where()
  union all
  select coalesce(o.payment_method, '(none)') as payment_method, @currency(m.currency) as currency, 0 as placed,
    0 as orders, 0 as failed, 0 as cancelled, m.kind as kind, coalesce(@counted(o), 0) as kept,
    @amount(m.amount, m.currency) as amount
  from order_money m
  left join orders o on o.order_id = m.order_id
  where (case when $basis = 'action' then m.t else m.ordered_t end) >= $from_t
    and (case when $basis = 'action' then m.t else m.ordered_t end) < $to_t and m.kind <> 'discount' @where()
),
sums as (
  select v.payment_method, v.currency, sum(v.placed) as placed, sum(v.orders) as orders, sum(v.failed) as failed,
    sum(v.cancelled) as cancelled,
    @sum(case when v.kind = 'gross' then v.amount else @zero() end) as gross,
    @sum(case when v.kind = 'refund' then v.amount else @zero() end) as refunds,
    @sum(case when v.kind = 'cancel' then v.amount else @zero() end) as cancelled_value,
    @sum(case when v.kind = 'gross' and v.kept = 1 then v.amount else @zero() end) as kept_gross,
    @sum(case when v.kind = 'refund' and v.kept = 1 then v.amount else @zero() end) as kept_refunds
  from moves v
  group by v.payment_method, v.currency
),
grouped as (
  select s.*, s.gross - s.refunds - s.cancelled_value as net from sums s
)
select g.payment_method as payment_method, g.currency as currency, g.placed as placed, g.orders as orders,
  g.failed as failed, g.cancelled as cancelled, @ratio(g.orders, g.placed) as success_rate, g.gross as gross,
  g.refunds as refunds, g.cancelled_value as cancelled_value, g.net as net,
  @ratio(g.kept_refunds, g.kept_gross) as refund_rate, @ratio(g.net, g.orders) as aov,
  @ratio(g.net, sum(g.net) over (partition by g.currency)) as share
from grouped g
where $currency is null or g.currency = $currency
order by g.currency, g.net desc, g.payment_method
"""

report = Report(
    "payments",
    PaymentsParams,
    PaymentsRow,
    SQL,
    models=(ORDERS, ORDER_LINES, ORDER_MONEY),
    filters=ORDER_FILTERS,
    checks=MONEY_CHECKS,
    doc=__doc__ or "",
)
