"""What came back, line by line, each with the money it moved."""

from __future__ import annotations

from ecomtrack_sdk.reports.models.order_actions import COUNTED_ACTIONS, of_orders
from ecomtrack_sdk.store._projection import Model

__all__ = ["REFUND_LINES"]

DOC = """One row per line of a counted refund; a refund without lines has none.

``amount`` is the money of the line: as given, else the order line's price after its discount for the units that came
back, less what earlier refunds without an amount took of the same line, so all units are worth exactly the line.
The order line is that of the last content before the refund that has the product, else the first one after it,
so a refund that arrives before its order is worth the same. A refund whose variant the content does not tell apart
is of all lines of the product. ``price_known`` is 0 when no such line was ever sent.
Columns: order_id, event_id, refund_id, line, t, currency, product_id, variant_id, quantity, amount, reason, place,
name, brand, category, categories, price_known.
"""

SQL = """
with refunds as (
    select a.seq, a.order_id, a.event_id, a.refund_id, a.t, a.rank, a.currency, a.reason, a.place
    from counted_actions a
    where a.kind = 'refund'
),
variants as (
    select
        a.order_id, a.rank, i.product_id, i.variant_id,
        @sum(i.subtotal) as subtotal, @sum(i.quantity) as quantity,
        max(i.name) as name, max(i.brand) as brand, max(i.category) as category, max(i.categories) as categories
    from counted_actions a
    join event_items i on i.seq = a.seq
    where a.kind <> 'refund' and i.list = 'order'
    group by a.order_id, a.rank, i.product_id, i.variant_id
),
content as (
    select
        v.order_id, v.rank, v.product_id, v.variant_id, 0 as whole, v.subtotal, v.quantity,
        v.name, v.brand, v.category, v.categories
    from variants v
    union all
    select
        v.order_id, v.rank, v.product_id, cast(null as varchar) as variant_id, 1 as whole,
        @sum(v.subtotal) as subtotal, @sum(v.quantity) as quantity,
        max(v.name) as name, max(v.brand) as brand, max(v.category) as category, max(v.categories) as categories
    from variants v
    group by v.order_id, v.rank, v.product_id
),
candidates as (
    select
        r.order_id, r.event_id, r.refund_id, r.t, r.rank, r.currency, r.reason as refund_reason, r.place,
        l.line, l.product_id, l.variant_id, l.quantity, l.amount, l.reason,
        c.subtotal as sold_subtotal, c.quantity as sold_quantity,
        c.whole as of_whole, coalesce(c.variant_id, '') as of_variant,
        c.name as name, c.brand as brand, c.category as category, c.categories as categories,
        row_number() over (
            partition by r.event_id, l.line
            order by
                case when c.rank is null then 2 when c.rank < r.rank then 0 else 1 end,
                case when c.rank < r.rank then -c.rank else c.rank end,
                case
                    when c.whole = 1 then 2
                    when c.variant_id = l.variant_id then 0
                    when c.variant_id is null then 1
                    else 3
                end,
                coalesce(c.variant_id, '')
        ) as choice
    from refunds r
    join refund_items l on l.seq = r.seq
    left join content c on c.order_id = r.order_id and c.product_id = l.product_id
),
chosen as (
    select
        d.*,
        cast(
            sum(case when d.amount is null then d.quantity else @zero() end) over (
                partition by d.order_id, d.product_id, d.of_whole, d.of_variant
                order by d.rank, d.line rows between unbounded preceding and current row
            ) as decimal(18, 4)
        ) as back_so_far
    from candidates d
    where d.choice = 1
)
select
    h.order_id, h.event_id, h.refund_id, h.line, h.t, h.currency, h.product_id, h.variant_id, h.quantity,
    case
        when h.amount is not null then h.amount
        when h.sold_quantity is null then @zero()
        else cast(
            @prorate(h.sold_subtotal, h.back_so_far, h.sold_quantity)
            - @prorate(h.sold_subtotal, (h.back_so_far - h.quantity), h.sold_quantity) as decimal(18, 4))
    end as amount,
    coalesce(h.reason, h.refund_reason) as reason, h.place, h.name, h.brand, h.category, h.categories,
    case when h.amount is null and h.sold_quantity is null then 0 else 1 end as price_known
from chosen h
"""

REFUND_LINES = Model(
    "refund_lines", DOC, SQL, needs=(COUNTED_ACTIONS,), reads=("order_actions",), update=of_orders("counted_actions")
)
