"""The lines of the orders as they stand now, with what came back of each."""

from __future__ import annotations

from ecomtrack_sdk.reports.models.order_actions import COUNTED_ACTIONS, of_orders
from ecomtrack_sdk.reports.models.orders import ORDERS
from ecomtrack_sdk.reports.models.refund_lines import REFUND_LINES
from ecomtrack_sdk.store._projection import Model

__all__ = ["ORDER_LINES"]

DOC = """One row per order, product and variant of the order's last whole content (equal lines are one).

``subtotal`` is price x quantity - the line's discount. ``refunded_units`` and ``refunded`` are what came back of it:
refund lines that name no variant of the content fill what is left of the product's variants, one after the other. What
was refunded but is not in the last content is in ``refund_lines`` only.
Columns: order_id, ordered_t, status, counted, currency, product_id, variant_id, sku, name, brand, category, categories,
price, quantity, discount, tax, subtotal, coupon, refunded_units, refunded.
"""

SQL = """
with contents as (
    select a.order_id, a.seq, row_number() over (partition by a.order_id order by a.rank desc) as newest
    from counted_actions a
    where a.has_items
),
lines as (
    select
        c.order_id, i.product_id, i.variant_id,
        max(i.sku) as sku, max(i.name) as name, max(i.brand) as brand,
        max(i.category) as category, max(i.categories) as categories, max(i.price) as price,
        @sum(i.quantity) as quantity,
        @sum(i.discount) as discount,
        @sum(i.tax) as tax,
        @sum(i.subtotal) as subtotal,
        max(i.coupon) as coupon
    from contents c
    join event_items i on i.seq = c.seq and i.list = 'order'
    where c.newest = 1
    group by c.order_id, i.product_id, i.variant_id
),
numbered as (
    select
        l.*,
        row_number() over (partition by l.order_id, l.product_id order by coalesce(l.variant_id, '')) as place
    from lines l
),
variants as (
    select n.order_id, n.product_id, coalesce(n.variant_id, '') as variant_id from numbered n
),
back as (
    select
        r.order_id, r.product_id,
        case when v.order_id is null then null else coalesce(r.variant_id, '') end as variant_id,
        @sum(r.quantity) as units, @sum(r.amount) as amount
    from refund_lines r
    left join variants v
        on v.order_id = r.order_id and v.product_id = r.product_id and v.variant_id = coalesce(r.variant_id, '')
    group by r.order_id, r.product_id, case when v.order_id is null then null else coalesce(r.variant_id, '') end
),
told as (
    select
        n.*, coalesce(b.units, @zero()) as own_units, coalesce(b.amount, @zero()) as own_amount,
        case when n.quantity > coalesce(b.units, @zero()) then n.quantity - coalesce(b.units, @zero())
            else @zero() end as left_units
    from numbered n
    left join back b
        on b.order_id = n.order_id and b.product_id = n.product_id and b.variant_id = coalesce(n.variant_id, '')
),
filled as (
    select
        t.*,
        cast(sum(t.left_units) over (
            partition by t.order_id, t.product_id order by t.place
            rows between unbounded preceding and current row
        ) as decimal(18, 4)) as room,
        max(t.place) over (partition by t.order_id, t.product_id) as places
    from told t
),
shared as (
    select
        f.*, w.units as untold_units, w.amount as untold_amount,
        -- What is told of no variant fills what is left of each in turn; the last takes what is too much for all.
        case
            when w.units is null or w.units <= f.room - f.left_units then coalesce(w.units, @zero())
            else f.room - f.left_units
        end as from_units,
        case when w.units is null or f.place = f.places or w.units <= f.room then coalesce(w.units, @zero())
            else f.room end as to_units
    from filled f
    left join back w
        on w.order_id = f.order_id and w.product_id = f.product_id and w.variant_id is null
)
select
    n.order_id, o.ordered_t, o.status, o.counted, o.currency,
    n.product_id, n.variant_id, n.sku, n.name, n.brand, n.category, n.categories,
    n.price, n.quantity, n.discount, n.tax, n.subtotal, n.coupon,
    cast(n.own_units + n.to_units - n.from_units as decimal(18, 4)) as refunded_units,
    cast(n.own_amount + case when n.untold_units > @zero()
        then @prorate(n.untold_amount, n.to_units, n.untold_units)
            - @prorate(n.untold_amount, n.from_units, n.untold_units)
        when n.place = 1 then coalesce(n.untold_amount, @zero())
        else @zero() end as decimal(18, 4)) as refunded
from shared n
join orders o on o.order_id = n.order_id
"""

ORDER_LINES = Model(
    "order_lines",
    DOC,
    SQL,
    needs=(ORDERS, COUNTED_ACTIONS, REFUND_LINES),
    reads=("order_actions",),
    update=of_orders("orders", "counted_actions", "refund_lines"),
)
