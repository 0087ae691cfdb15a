"""The state of an order after each of its actions: the one place where the rules of money are written."""

from __future__ import annotations

from ecomtrack_sdk.reports.models.order_actions import COUNTED_ACTIONS, of_orders
from ecomtrack_sdk.reports.models.refund_lines import REFUND_LINES
from ecomtrack_sdk.store._projection import Model

__all__ = ["ORDER_STATES"]

DOC = """One row per counted order action, with the order's state after it.

Each field is the last value given so far. Money:

- ``components = subtotal - discount + shipping + tax``. A given total stands. When a later action changes a component
  and gives no total, ``total = components now + (last given total - components at that action)``. Where the last given
  total fits the parts without the tax (to 0.05), prices include it, and tax stays out of the components.
- ``refunded`` is the sum of the refunds so far in the order's currency; ``refund`` is this action's own.
  A refund that gives no amount is worth its lines (see ``refund_lines``) plus its shipping.
- ``cancelled`` is ``total - refunded``, not below 0, while the status is cancelled or failed; else 0.
- ``known`` is 1 once an ``order`` event has been folded in at any place: until then nothing but refunds is money.

Columns: order_id, event_id, rank, kind, t, currency, status, total, discounts, refund, refund_currency, refunded,
cancelled, known, first_t, ordered_t.
"""

SQL = """
with line_amounts as (
    select r.event_id, @sum(r.amount) as amount from refund_lines r group by r.event_id
),
order_facts as (
    select
        a.order_id,
        coalesce(
            @last(case when a.kind <> 'refund' then a.currency end, a.rank), @last(a.currency, a.rank)
        ) as currency,
        min(a.t) as first_t,
        min(case when a.kind = 'order' then a.t end) as ordered_t
    from counted_actions a
    group by a.order_id
),
given as (
    select
        a.order_id, a.event_id, a.rank, a.kind, a.t, f.currency, f.first_t, f.ordered_t,
        case when f.ordered_t is null then 0 else 1 end as known,
        a.currency as action_currency,
        a.status, a.subtotal, a.discount, a.shipping, a.tax, a.total, a.line_discounts,
        case
            when a.kind <> 'refund' then null
            when a.refund_amount is not null then a.refund_amount
            else cast(coalesce(l.amount, @zero()) + coalesce(a.refund_shipping, @zero())
                as decimal(18, 4))
        end as refund
    from counted_actions a
    join order_facts f on f.order_id = a.order_id
    left join line_amounts l on l.event_id = a.event_id
),
grouped as (
    select
        g.*,
        count(g.status) over so_far as g_status,
        count(g.subtotal) over so_far as g_subtotal,
        count(g.discount) over so_far as g_discount,
        count(g.shipping) over so_far as g_shipping,
        count(g.tax) over so_far as g_tax,
        count(g.total) over so_far as g_total,
        count(g.line_discounts) over so_far as g_lines,
        cast(
            sum(case when g.action_currency = g.currency then g.refund end) over so_far as decimal(18, 4)
        ) as refunded_sum
    from given g
    window so_far as (partition by g.order_id order by g.rank rows between unbounded preceding and current row)
),
carried as (
    select
        c.order_id, c.event_id, c.rank, c.kind, c.t, c.currency, c.first_t, c.ordered_t, c.known, c.action_currency,
        c.refund, c.total as given_total, c.g_total,
        max(c.status) over (partition by c.order_id, c.g_status) as status,
        coalesce(max(c.subtotal) over (partition by c.order_id, c.g_subtotal), @zero())
            - coalesce(max(c.discount) over (partition by c.order_id, c.g_discount), @zero())
            + coalesce(max(c.shipping) over (partition by c.order_id, c.g_shipping), @zero())
            as without_tax,
        coalesce(max(c.tax) over (partition by c.order_id, c.g_tax), @zero()) as tax,
        coalesce(max(c.discount) over (partition by c.order_id, c.g_discount), @zero())
            + coalesce(max(c.line_discounts) over (partition by c.order_id, c.g_lines), @zero())
            as discounts,
        coalesce(c.refunded_sum, @zero()) as refunded
    from grouped c
),
anchored as (
    select
        k.*,
        case when abs(k.given_total - k.without_tax) <= cast('0.05' as decimal(18, 4)) then 1 else 0 end as fits_untaxed
    from carried k
),
offsets as (
    select
        b.*,
        max(case when b.given_total is not null and b.fits_untaxed = 1 then 1 else 0 end)
            over (partition by b.order_id, b.g_total) as tax_included,
        max(
            case when b.given_total is not null
                then b.given_total - b.without_tax - case when b.fits_untaxed = 1 then @zero() else b.tax end
            end
        ) over (partition by b.order_id, b.g_total) as remainder
    from anchored b
),
totals as (
    select
        s.order_id, s.event_id, s.rank, s.kind, s.t, s.currency, s.status, s.first_t, s.ordered_t, s.known,
        s.refund, s.action_currency, s.refunded, s.discounts,
        case
            when s.known = 0 then @zero()
            else cast(
                s.without_tax
                + case when s.tax_included = 1 then @zero() else s.tax end
                + coalesce(s.remainder, @zero()) as decimal(18, 4))
        end as total
    from offsets s
)
select
    z.order_id, z.event_id, z.rank, z.kind, z.t, z.currency, z.status, z.first_t, z.ordered_t, z.known,
    z.total,
    cast(case when z.known = 0 then @zero() else z.discounts end as decimal(18, 4)) as discounts,
    z.refund,
    case when z.kind = 'refund' then z.action_currency end as refund_currency,
    cast(z.refunded as decimal(18, 4)) as refunded,
    cast(
        case when z.status in ('cancelled', 'failed') and z.total > z.refunded then z.total - z.refunded
        else @zero() end as decimal(18, 4)) as cancelled
from totals z
"""

ORDER_STATES = Model(
    "order_states",
    DOC,
    SQL,
    needs=(COUNTED_ACTIONS, REFUND_LINES),
    reads=("order_actions",),
    update=of_orders("counted_actions", "refund_lines"),
)
