"""Money and goods, as somebody who knows DuckDB would ask by hand; see reports_sql.py."""

from __future__ import annotations

_MONTH = "date_trunc('month', make_timestamp({}))::date"
_ORDERED = _MONTH.format("ordered_t")

_STARTS = (
    """
starts as (
  select a.person_id as person, a.t, a.event_id, """
    + _MONTH.format("a.t")
    + """ as cohort
  from session_events a
  join orders o on o.order_id = a.order_id and o.ordered_t = a.t and o.counted = 1
  where a.type = 'order' and a.person_id is not null
),
cohorts as (select * from starts qualify row_number() over (partition by person order by t, event_id) = 1),
ends as (select """
    + _MONTH.format("max(t)")
    + """ as last from events)"""
)

SQL: dict[str, str] = {}

SQL["revenue"] = f"""
with money as (
  select {_ORDERED} as period, currency, sum(amount) filter (kind = 'gross') as gross,
    sum(amount) filter (kind = 'discount') as discounts, sum(amount) filter (kind = 'refund') as refunds,
    sum(amount) filter (kind = 'cancel') as cancelled
  from order_money group by all
),
placed as (
  select {_ORDERED} as period, currency, sum(counted) as orders, sum(units) filter (counted = 1) as units,
    count(distinct buyer) filter (counted = 1) as customers, sum(shipping) filter (counted = 1) as shipping,
    sum(tax) filter (counted = 1) as tax
  from orders group by all
)
select period, currency, coalesce(orders, 0), coalesce(units, 0), coalesce(customers, 0), coalesce(gross, 0) as g,
  coalesce(discounts, 0), coalesce(shipping, 0), coalesce(tax, 0), coalesce(refunds, 0) as r,
  coalesce(cancelled, 0) as c, g - r - c as net, net / orders
from money full join placed using (period, currency)
order by period, currency
"""

SQL["orders"] = f"""
with lines as (
  select order_id, sum(quantity) as units, sum(least(refunded_units, quantity)) as back from order_lines group by all
),
facts as (
  select o.ordered_t, o.shipped_t, case when status in ('cancelled', 'failed') then status
      when status in ('returned', 'refunded') or (l.units > 0 and l.back >= l.units) then 'returned'
      when status in ('delivered', 'completed') then 'completed' when status = 'shipped' then 'shipped' else 'open'
    end as state, coalesce(l.back, 0) > 0 as something, coalesce(l.units, 0) as units, coalesce(l.back, 0) as back
  from orders o left join lines l using (order_id)
),
placed as (
  select {_ORDERED} as period, count(*) as orders, count(*) filter (state = 'open') as open,
    count(*) filter (state = 'shipped') as shipped, count(*) filter (state = 'completed') as completed,
    count(*) filter (state = 'cancelled') as cancelled, count(*) filter (state = 'failed') as failed,
    count(*) filter (state = 'returned') as returned,
    count(*) filter (something and state not in ('returned', 'cancelled', 'failed')) as partly
  from facts group by all
),
sent as (
  select {_MONTH.format("shipped_t")} as period, sum(units) as shipped_units,
    sum(if(state in ('cancelled', 'failed', 'returned'), 0, units - back)) as kept
  from facts where shipped_t is not null group by all
)
select period, coalesce(orders, 0), coalesce(open, 0), coalesce(shipped, 0), coalesce(completed, 0),
  coalesce(cancelled, 0), coalesce(failed, 0), coalesce(returned, 0), coalesce(partly, 0),
  (cancelled + failed) / orders, (returned + partly) / orders, coalesce(shipped_units, 0), coalesce(kept, 0),
  kept / shipped_units
from placed full join sent using (period) order by period
"""

SQL["order_flow"] = """
with said as (
  select order_id, rank, t, status, lag(status) over (partition by order_id order by rank) as before
  from order_states where known = 1 and status is not null
),
steps as (
  select order_id, before as from_status, status as to_status,
    t - lag(t) over (partition by order_id order by rank) as waited
  from said where before is distinct from status
  union all
  select order_id, status, null, null from orders where status is not null
)
select from_status, to_status, count(distinct order_id), count(*) as n,
  count(*) / sum(count(*)) over (partition by from_status), median(waited / 1e6), quantile_cont(waited / 1e6, 0.9)
from steps group by from_status, to_status
order by from_status is not null, n desc, coalesce(from_status, ''), coalesce(to_status, '')
"""

SQL["retention"] = f"""
with {_STARTS},
sizes as (select cohort, count(*) as size from cohorts group by all),
hits as (
  select c.cohort, date_diff('month', c.cohort, s.cohort) as period, count(distinct s.person) as people
  from cohorts c join starts s using (person) where s.cohort > c.cohort group by all
),
money as (
  select c.cohort, date_diff('month', c.cohort, {_MONTH.format("o.ordered_t")}) as period, o.currency,
    sum(o.net) as revenue
  from cohorts c join order_people p on p.person_id = c.person join orders o using (order_id)
  where date_diff('month', c.cohort, {_MONTH.format("o.ordered_t")}) >= 0 group by all
)
select s.cohort, s.size, s.period, if(s.period = 0, s.size, coalesce(h.people, 0)) as came, came / s.size,
  coalesce(m.revenue, 0), k.currency
from (select *, unnest(range(date_diff('month', cohort, (select last from ends)) + 1)) as period from sizes) s
cross join (select distinct currency from money) k
left join hits h on h.cohort = s.cohort and h.period = s.period
left join money m on m.cohort = s.cohort and m.period = s.period and m.currency = k.currency
order by 1, 3, 7
"""

SQL["ltv"] = f"""
with {_STARTS},
mine as materialized (select c.*, p.order_id from cohorts c join order_people p on p.person_id = c.person),
sizes as (select cohort, count(*) as size from cohorts group by all),
placed as (
  select c.cohort, date_diff('month', c.cohort, {_MONTH.format("o.ordered_t")}) as period, o.currency,
    count(*) as orders
  from mine c join orders o using (order_id)
  where o.counted = 1 and o.ordered_t - c.t >= 0 group by all
),
money as (
  select c.cohort, date_diff('month', c.cohort, {_MONTH.format("m.ordered_t")}) as period, m.currency,
    sum(if(m.kind = 'gross', m.amount, -m.amount)) as revenue
  from mine c join order_money m using (order_id)
  where m.kind <> 'discount' and m.ordered_t - c.t >= 0 group by all
)
select s.cohort, s.size, s.period, coalesce(p.orders, 0), coalesce(m.revenue, 0),
  sum(coalesce(p.orders, 0)) over run, sum(coalesce(m.revenue, 0)) over run as total, total / s.size, k.currency
from (select *, unnest(range(date_diff('month', cohort, (select last from ends)) + 1)) as period from sizes) s
cross join (select distinct currency from money) k
left join placed p on p.cohort = s.cohort and p.period = s.period and p.currency = k.currency
left join money m on m.cohort = s.cohort and m.period = s.period and m.currency = k.currency
window run as (partition by s.cohort, k.currency order by s.period)
order by 1, 3, 9
"""

SQL["lifecycle"] = f"""
with {_STARTS},
active as (
  select distinct person, cohort as month from starts
),
placed as (
  select *, lag(month) over (partition by person order by month) as earlier,
    lead(month) over (partition by person order by month) as later
  from active
),
months as (
  select unnest(range((select min(month) from active), (select last from ends) + interval 1 day,
    interval 1 month))::date as month
),
kinds as (
  select month, earlier is null as fresh, earlier = month - interval 1 month as again,
    earlier < month - interval 1 month as woken, false as dormant from placed
  union all
  select (month + interval 1 month)::date, false, false, false, true from placed
  where later is distinct from (month + interval 1 month)::date and month < (select last from ends)
)
select month, count(*) filter (not dormant and (fresh or again or woken)), count(*) filter (fresh),
  count(*) filter (again), count(*) filter (woken), count(*) filter (dormant) as asleep,
  (count(*) filter (fresh) + count(*) filter (woken)) / nullif(asleep, 0)
from months left join kinds using (month) group by month order by month
"""

SQL["products"] = """
with looks as (
  select product_id, count(*) filter (s.type = 'view_product') as views,
    count(*) filter (s.type = 'add_to_cart') as adds
  from event_items i join session_events s using (seq)
  where i.list = 'item' and s.type in ('view_product', 'add_to_cart') group by all
),
sold as (
  select product_id, currency, count(distinct order_id) filter (counted = 1) as orders,
    sum(quantity) filter (counted = 1) as units, sum(subtotal) as gross, sum(discount) as discounts,
    sum(greatest(subtotal - refunded, 0)) filter (counted = 0) as cancelled
  from order_lines group by all
),
back as (
  select r.product_id, coalesce(o.currency, r.currency) as currency, sum(r.amount) as refunds,
    sum(r.quantity) as returned
  from refund_lines r left join orders o using (order_id) group by all
),
money as (
  select product_id, currency, coalesce(orders, 0) as orders, coalesce(units, 0) as units, coalesce(gross, 0) as gross,
    coalesce(discounts, 0) as discounts, coalesce(refunds, 0) as refunds, coalesce(cancelled, 0) as cancelled,
    coalesce(returned, 0) as returned
  from sold full join back using (product_id, currency)
)
select product_id, c.name, currency, coalesce(views, 0) as v, coalesce(adds, 0) as a, coalesce(orders, 0) as o,
  coalesce(units, 0) as u, coalesce(gross, 0) as g, coalesce(discounts, 0), coalesce(refunds, 0) as r,
  coalesce(cancelled, 0) as x, g - r - x as net, coalesce(returned, 0) as b, a / nullif(v, 0), o / nullif(a, 0),
  o / nullif(v, 0), b / nullif(u, 0)
from looks full join money using (product_id) left join catalog c using (product_id)
order by net desc, product_id, currency limit 1000
"""

SQL["rfm"] = """
with placed as (
  select p.person_id as person, o.currency, make_timestamp(o.ordered_t)::date as day, count(*) as orders,
    sum(o.net) as value, min(o.ordered_t) as first_t, max(o.ordered_t) as last_t
  from orders o join order_people p using (order_id) where o.counted = 1 group by all
),
customers as (
  select person, currency, sum(orders) as orders, sum(value) as revenue, min(first_t) as first_t,
    max(last_t) as last_t, count(*) - 1 as frequency, date_diff('day', min(day), max(day)) as recency,
    min(day) as first_day, sum(value) - arg_min(value, day) as repeated
  from placed group by all
),
marked as (
  select *, (1 + floor(5 * (rank() over (partition by currency order by last_t) - 1) / n))::bigint as r,
    (1 + floor(5 * (rank() over (partition by currency order by orders) - 1) / n))::bigint as f,
    (1 + floor(5 * (rank() over (partition by currency order by revenue) - 1) / n))::bigint as m
  from (select *, count(*) over (partition by currency) as n from customers)
)
select person, currency, r || '' || f || '' || m, r, f, m, orders, revenue, first_t, last_t, frequency, recency,
  date_diff('day', first_day, (select make_timestamp(max(t))::date from events)),
  coalesce(repeated / nullif(frequency, 0), 0)
from marked order by r + f + m desc, revenue desc, person, currency limit 100000
"""

SQL["returns"] = """
with sold as (
  select product_id, currency, count(*) as orders, sum(quantity) as units, sum(subtotal) as gross
  from (select product_id, currency, order_id, sum(quantity) as quantity, sum(subtotal) as subtotal
    from order_lines where counted = 1 group by all) group by all
),
back as (
  select r.product_id, r.currency, count(distinct r.order_id) as orders, sum(r.quantity) as units,
    sum(r.amount) as refunds
  from refund_lines r join orders using (order_id) group by all
),
paired as (
  select product_id, currency, coalesce(s.orders, 0) as orders, coalesce(b.orders, 0) as back_orders,
    coalesce(s.units, 0) as units, coalesce(b.units, 0) as back, coalesce(gross, 0) as gross,
    coalesce(refunds, 0) as refunds
  from sold s full join back b using (product_id, currency)
)
select product_id, c.name, currency, orders, back_orders, back_orders / nullif(orders, 0), units, back,
  back / nullif(units, 0), gross, refunds, refunds / nullif(gross, 0),
  (refunds / nullif(gross, 0)) / (sum(refunds) over w / sum(gross) over w), refunds / sum(refunds) over w
from paired left join catalog c using (product_id)
window w as (partition by currency)
order by refunds desc, product_id, currency limit 1000
"""

SQL["carts"] = f"""
select {_MONTH.format("started_t")} as period, currency, count(*) as n, count(order_id),
  count(*) filter (order_id is null) as abandoned,
  count(*) filter (order_id is null and (select max(t) from events) - last_t < 2592000000000), abandoned / n,
  count(checkout_t) as checkouts, count(checkout_t) filter (order_id is null) / nullif(checkouts, 0), sum(value),
  coalesce(sum(value) filter (order_id is null), 0), median(ordered_t - started_t) / 3600e6
from carts group by all order by period, currency
"""

SQL["payments"] = """
with placed as (
  select coalesce(payment_method, '(none)') as method, currency, count(*) as placed, sum(counted) as orders,
    count(*) filter (status = 'failed') as failed, count(*) filter (status = 'cancelled') as cancelled
  from orders group by all
),
moved as (
  select coalesce(o.payment_method, '(none)') as method, m.currency, sum(amount) filter (kind = 'gross') as gross,
    coalesce(sum(amount) filter (kind = 'refund'), 0) as refunds,
    coalesce(sum(amount) filter (kind = 'cancel'), 0) as cancelled_value,
    sum(amount) filter (kind = 'gross' and counted = 1) as kept_gross,
    coalesce(sum(amount) filter (kind = 'refund' and counted = 1), 0) as kept_refunds
  from order_money m left join orders o using (order_id) where kind <> 'discount' group by all
)
select method, currency, placed, orders, failed, cancelled, orders / placed, gross, refunds, cancelled_value,
  gross - refunds - cancelled_value as net, kept_refunds / kept_gross, net / orders,
  net / sum(net) over (partition by currency)
from placed join moved using (method, currency) order by currency, net desc, method
"""
