"""The orders as they stand now."""

from __future__ import annotations

from ecomtrack_sdk.reports.models.order_actions import COUNTED_ACTIONS, of_orders
from ecomtrack_sdk.reports.models.order_states import ORDER_STATES
from ecomtrack_sdk.store._projection import Model

__all__ = ["ORDERS"]

DOC = """One row per order id that an ``order`` event named: the fold of its actions.

``ordered_t`` is the moment of its earliest ``order`` event. ``counted`` is 1 unless the status is cancelled or failed.
``buyer`` is the customer id, else the e-mail, else the visitor: who is behind several of them is the model ``people``.
``net = gross - refunded - cancelled``. ``shipped_t`` is the first moment it was shipped or beyond, ``cancelled_t``
the first it was cancelled or failed.
Columns: order_id, ordered_t, last_t, status, counted, currency, gross, discounts, refunded, cancelled, net, subtotal,
shipping, tax, units, payment_method, country, region, city, cart_id, coupons, acq_source, acq_medium, acq_campaign,
acq_channel, customer_id, customer_email, visitor_id, buyer, shipped_t, cancelled_t, actions, refunds.
"""

SQL = """
with facts as (
    select
        a.order_id,
        max(a.t) as last_t,
        count(*) as actions,
        cast(sum(case when a.kind = 'refund' then 1 else 0 end) as bigint) as refunds,
        @last(a.subtotal, a.rank) as subtotal,
        @last(a.shipping, a.rank) as shipping,
        @last(a.tax, a.rank) as tax,
        @last(a.units, a.rank) as units,
        @last(a.payment_method, a.rank) as payment_method,
        @last(a.country, a.rank) as country,
        @last(a.region, a.rank) as region,
        @last(a.city, a.rank) as city,
        @last(a.cart_id, a.rank) as cart_id,
        @last(a.coupons, a.rank) as coupons,
        @last(a.acq_source, a.rank) as acq_source,
        @last(a.acq_medium, a.rank) as acq_medium,
        @last(a.acq_campaign, a.rank) as acq_campaign,
        @last(a.acq_channel, a.rank) as acq_channel,
        @last(a.customer_id, a.rank) as customer_id,
        @last(a.customer_email, a.rank) as customer_email,
        @last(a.visitor_id, a.rank) as visitor_id,
        min(case when a.status in ('shipped', 'delivered', 'completed', 'returned') then a.t end) as shipped_t,
        min(case when a.status in ('cancelled', 'failed') then a.t end) as cancelled_t
    from counted_actions a
    group by a.order_id
),
ends as (
    select
        s.order_id,
        max(s.ordered_t) as ordered_t,
        max(s.currency) as currency,
        @last(s.status, s.rank) as status,
        @last(s.total, s.rank) as gross,
        @last(s.discounts, s.rank) as discounts,
        @last(s.refunded, s.rank) as refunded,
        @last(s.cancelled, s.rank) as cancelled
    from order_states s
    where s.known = 1
    group by s.order_id
)
select
    e.order_id, e.ordered_t, f.last_t, e.status,
    case when e.status in ('cancelled', 'failed') then 0 else 1 end as counted,
    e.currency, e.gross, e.discounts, e.refunded, e.cancelled,
    cast(e.gross - e.refunded - e.cancelled as decimal(18, 4)) as net,
    f.subtotal, f.shipping, f.tax, coalesce(f.units, @zero()) as units,
    f.payment_method, f.country, f.region, f.city, f.cart_id, f.coupons, f.acq_source, f.acq_medium, f.acq_campaign,
    f.acq_channel,
    f.customer_id, f.customer_email, f.visitor_id,
    case
        when f.customer_id is not null then concat('c:', f.customer_id)
        when f.customer_email is not null then concat('e:', f.customer_email)
        when f.visitor_id is not null then concat('v:', f.visitor_id)
    end as buyer,
    f.shipped_t, f.cancelled_t, f.actions, f.refunds
from ends e
join facts f on f.order_id = e.order_id
"""

ORDERS = Model(
    "orders",
    DOC,
    SQL,
    needs=(COUNTED_ACTIONS, ORDER_STATES),
    reads=("order_actions",),
    update=of_orders("counted_actions", "order_states", tells=("order_id",)),
)
