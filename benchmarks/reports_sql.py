"""Every report as somebody who knows DuckDB would write it by hand, for its default parameters, over the same tables.

No parameters, filters, time zones or currencies to choose, no warnings, every idiom the engine has. The rows are those
of the report; the benchmark compares them.
"""

from __future__ import annotations

from reports_sql_money import SQL as MONEY

PERSON = "somebody@example.com"
"""Whose profile is asked for: the measuring process puts a buyer there."""

_MONTH = "date_trunc('month', make_timestamp({}))::date"

SQL: dict[str, str] = dict(MONEY)

SQL["funnel"] = """
with acts as (
  select hash(person_id) as unit, t,
    case type when 'view_product' then 1 when 'add_to_cart' then 2 when 'start_checkout' then 3 else 4 end as s
  from session_events
  where type in ('view_product', 'add_to_cart', 'start_checkout', 'order') and person_id is not null
),
l3 as (
  select *, min(t) filter (s = 4) over later as t4 from acts
  window later as (partition by unit order by t desc, s desc rows between unbounded preceding and 1 preceding)
  qualify s < 4
),
l2 as (
  select unit, t, s, min(t) filter (s = 3) over later as t3, min(t4) filter (s = 3) over later as t4 from l3
  window later as (partition by unit order by t desc, s desc rows between unbounded preceding and 1 preceding)
  qualify s < 3
),
l1 as (
  select unit, t, min(t) filter (s = 2) over later as t2, min(t3) filter (s = 2) over later as t3,
    min(t4) filter (s = 2) over later as t4, s
  from l2
  window later as (partition by unit order by t desc, s desc rows between unbounded preceding and 1 preceding)
  qualify s = 1
),
tries as (
  select unit, t, t2, t3, t4, case when t4 <= t + 604800000000 then 4 when t3 <= t + 604800000000 then 3
    when t2 <= t + 604800000000 then 2 else 1 end as reach
  from l1
),
best as (
  select unit, max(reach) as reach from tries group by all
),
people as (
  select b.unit, any_value(b.reach) as reach, median(t2 - t) filter (b.reach >= 2) as m2,
    median(t3 - t2) filter (b.reach >= 3) as m3, median(t4 - t3) filter (b.reach >= 4) as m4,
    avg(t2 - t) filter (b.reach >= 2) as a2, avg(t3 - t2) filter (b.reach >= 3) as a3,
    avg(t4 - t3) filter (b.reach >= 4) as a4, avg(t3 - t) filter (b.reach >= 3) as f3,
    avg(t4 - t) filter (b.reach >= 4) as f4
  from best b join tries x on x.unit = b.unit and x.reach = b.reach
  group by b.unit
),
totals as (
  select count(*) as c1, count(*) filter (reach >= 2) as c2, count(*) filter (reach >= 3) as c3,
    count(*) filter (reach >= 4) as c4, quantile_cont(m2, [0.5, 0.9]) as q2, quantile_cont(m3, [0.5, 0.9]) as q3,
    quantile_cont(m4, [0.5, 0.9]) as q4, avg(a2) as a2, avg(a3) as a3, avg(a4) as a4, avg(f3) as f3, avg(f4) as f4
  from people
)
select 1, 'view_product', c1, if(c1 > 0, 1, null), null, null, null, null, null from totals
union all
select 2, 'add_to_cart', c2, c2 / c1, c2 / c1, q2[1] / 1e6, q2[2] / 1e6, a2 / 1e6, a2 / 1e6 from totals
union all
select 3, 'start_checkout', c3, c3 / c1, c3 / c2, q3[1] / 1e6, q3[2] / 1e6, a3 / 1e6, f3 / 1e6 from totals
union all
select 4, 'order', c4, c4 / c1, c4 / c3, q4[1] / 1e6, q4[2] / 1e6, a4 / 1e6, f4 / 1e6 from totals
order by 1
"""

SQL["traffic"] = f"""
with bought as (
  select x.session_id, sum(o.counted) as orders, sum(o.net) as net, any_value(o.currency) as currency
  from session_orders x join orders o using (order_id) group by all
),
times as (
  select session_id, sum(seconds) as seconds, count(seconds) as pages,
    sum(seconds) filter (type = 'view_product') as product_seconds,
    count(seconds) filter (type = 'view_product') as product_pages
  from pages group by all
)
select {_MONTH.format("start_t")} as period, channel, count(*) as sessions, count(distinct visitor_id) as visitors,
  count(distinct visitor_id) filter (visit_no = 1) as fresh, visitors - fresh, sum(page_views),
  sum(page_views) / sessions, sum(bounce) / sessions, sum(s.seconds) / sessions, sum(t.seconds) / sum(t.pages),
  sum(t.product_seconds) / sum(t.product_pages), coalesce(sum(b.orders), 0) as placed,
  count(*) filter (b.orders > 0) / sessions, placed / sessions, (select max(currency) from orders),
  coalesce(sum(b.net), 0) as earned, earned / sessions
from sessions s left join times t using (session_id) left join bought b using (session_id)
group by 1, 2 order by period, sessions desc, channel
"""

SQL["attribution"] = """
with money as (
  select order_id, currency, 0 as orders, if(kind = 'gross', amount, 0) as gross,
    if(kind = 'refund', amount, 0) as refunds, if(kind = 'cancel', amount, 0) as cancelled
  from order_money where kind <> 'discount'
  union all select order_id, currency, counted, 0, 0, 0 from orders
),
winner as (
  select order_id, arg_max(channel, (1 - direct, start_t, session_id)) as channel, min(direct) as direct
  from touches where age <= 7776000000000 group by all
),
given as (
  select order_id, acq_channel from orders where acq_channel is not null
),
credited as (
  select case when w.direct = 0 then w.channel else coalesce(g.acq_channel, w.channel, 'Unassigned') end as channel, m.*
  from money m left join winner w using (order_id) left join given g using (order_id)
)
select channel, currency, sum(orders) as n, sum(gross) as g, sum(refunds) as r, sum(cancelled) as c, g - r - c as net,
  net / sum(net) over (partition by currency), net / n
from credited group by channel, currency order by currency, net desc, channel
"""

SQL["customers"] = """
with bought as (
  select p.person_id, o.currency, sum(o.counted) as orders, min(o.ordered_t) filter (o.counted = 1) as first_t,
    max(o.ordered_t) filter (o.counted = 1) as last_t, sum(o.gross) as gross, sum(o.refunded) as refunds,
    sum(o.net) as net, arg_max(o.country, (o.ordered_t, o.order_id)) as country
  from orders o join order_people p using (order_id) group by all
),
people as (
  select b.* from (select * from bought order by net desc nulls last, person_id, currency limit 100) b
),
seen as (
  select person_id, min(t) as first_t, max(t) as last_t, count(distinct visitor_id) as devices
  from session_events where person_id in (select person_id from people) group by all
),
aliases as (
  select person_id, string_agg(name, ', ' order by name) filter (name like '%@%') as emails,
    string_agg(name, ', ' order by name) filter (name not like '%@%') as ids
  from names where person_id in (select person_id from people) group by all
),
visits as (
  select person_id, arg_min(channel, (start_t, session_id)) as channel,
    arg_max(country, (start_t, session_id)) as country, count(*) as sessions
  from sessions where person_id in (select person_id from people) group by all
)
select b.person_id, coalesce(a.emails, if(b.person_id like '%@%', b.person_id, null)), a.ids, w.channel,
  coalesce(b.country, w.country), s.first_t, s.last_t, coalesce(w.sessions, 0), s.devices, b.first_t, b.last_t,
  ((select max(t) from events) - b.last_t) / 86400e6, b.orders, b.currency, b.gross, b.refunds, b.net, b.net / b.orders
from people b join seen s using (person_id) left join aliases a using (person_id) left join visits w using (person_id)
order by b.net desc nulls last, b.person_id, b.currency
"""

SQL["visitors"] = """
with browsers as (
  select visitor_id, arg_max(person_id, (start_t, session_id)) as person, min(start_t) as first_t,
    max(end_t) as last_t, count(*) as sessions, sum(page_views) as page_views, sum(seconds) as seconds
  from sessions group by all order by last_t desc, visitor_id limit 100
),
theirs as (select * from sessions where visitor_id in (select visitor_id from browsers)),
looked as (
  select visitor_id, count(distinct product_id) as products
  from pages join theirs using (session_id) where type = 'view_product' group by all
),
adds as (
  select v.visitor_id, count(*) as adds
  from session_events e join theirs v using (session_id) where e.type = 'add_to_cart' group by all
),
bought as (
  select v.visitor_id, sum(o.counted) as orders, count(distinct o.currency) as currencies,
    max(o.currency) as currency, sum(o.net) as net
  from theirs v join session_orders using (session_id) join orders o using (order_id) group by all
),
firsts as (select * from theirs qualify row_number() over (partition by visitor_id order by start_t, session_id) = 1)
select r.visitor_id, r.person, r.first_t, r.last_t, r.sessions, r.page_views, coalesce(products, 0),
  coalesce(adds, 0), r.seconds, coalesce(orders, 0), if(currencies = 1, currency, null),
  if(currencies = 1, net, null), channel, source, campaign, landing_page, country, device
from browsers r join firsts using (visitor_id) left join looked using (visitor_id) left join adds using (visitor_id)
left join bought using (visitor_id)
order by r.last_t desc, r.visitor_id
"""

SQL["profile"] = f"""
with who as (select coalesce((select person_id from names where name = '{PERSON}'), '{PERSON}') as id),
own as (
  from (
    select * from session_events where person_id = (select id from who)
    union all
    select * from session_events where person_id is null
      and order_id in (select order_id from order_people where person_id = (select id from who))
  )
  order by t desc, event_id desc limit 1000
),
firsts as (
  select min(ordered_t) as t, arg_min(order_id, (ordered_t, order_id)) as order_id
  from orders join order_people using (order_id) where counted = 1 and person_id = (select id from who)
),
lines as (
  select seq, max(name) as name, max(quantity) as quantity, max(subtotal) as subtotal
  from event_items where list = 'item' and seq in (select seq from own) group by all
)
select s.t, if(e.type = 'custom', 'custom:' || e.name, e.type),
  coalesce(l.name, e.product_id, e.query, e.order_id, e.title, e.article_id, e.category_id, e.message_id, e.path),
  case when f.t is null then 'no order' when e.type = 'order' and e.order_id = f.order_id and e.t = f.t
    then 'first order' when s.t < f.t then 'before' else 'after' end,
  if(e.type in ('add_to_cart', 'remove_from_cart'), l.quantity, null),
  coalesce(a.total, a.refund_amount, e.value, if(e.type in ('add_to_cart', 'remove_from_cart'), l.subtotal, null)),
  e.currency, a.status, if(s.entry = 1, coalesce(e.channel, 'Direct'), null),
  if(s.entry = 1, coalesce(e.source, '(direct)') || ' / ' || coalesce(e.medium, '(none)'), null),
  if(s.entry = 1, e.campaign, null), e.path, e.engaged_seconds, e.device, s.session_id, s.visitor_id, s.order_id,
  coalesce(s.person_id, (select id from who)), s.event_id
from own s join events e using (seq) cross join firsts f left join order_actions a using (seq)
left join lines l using (seq)
order by s.t, s.event_id
"""

SQL["search"] = """
with walk as (
  select seq, session_id, t, person_id, type,
    lead(type) over (partition by session_id order by t, event_id) as following
  from session_events where type in ('search', 'view_product') and (session_id is not null or type = 'search')
),
found as (
  select lower(trim(e.query)) as word, w.*, e.results_count as results,
    if(w.session_id is not null and following = 'view_product', 1, 0) as viewed
  from walk w join events e using (seq) where w.type = 'search'
),
firsts as (select word, session_id, min(t) as t from found where session_id is not null group by all),
earned as (
  select word, sum(counted) as orders, sum(net) as net, count(distinct session_id) filter (counted = 1) as converted
  from firsts f join session_orders using (session_id) join orders o using (order_id) where o.ordered_t - f.t >= 0
  group by all
)
select word, count(*) as searches, count(distinct person_id), count(distinct session_id) as sessions, avg(results),
  count(*) filter (results = 0), count(*) filter (results = 0) / count(results), sum(viewed) / searches,
  coalesce(any_value(orders), 0), coalesce(any_value(converted), 0) / sessions,
  (select max(currency) from orders), coalesce(any_value(net), 0)
from found left join earned using (word)
group by word order by searches desc, word limit 100
"""

SQL["content"] = """
with read as (
  select p.article_id as word, p.session_id, p.page_no, p.person_id, p.t, p.title, p.seconds,
    if(p.landing = 1, s.bounce, null) as bounce
  from pages p join sessions s using (session_id) where p.type = 'view_article' and p.article_id is not null
),
earned as (
  select word, count(*) as orders, count(distinct person_id) as buyers, sum(net) as net
  from (select word, person_id, min(t) as t from read group by all) r
  join order_people using (person_id) join orders o using (order_id)
  where o.counted = 1 and o.ordered_t - r.t between 0 and 604800000000 group by all
)
select word, arg_max(title, (t, session_id, page_no)), count(*) as views, count(distinct person_id) as readers,
  avg(seconds), sum(bounce) / count(bounce), coalesce(any_value(orders), 0),
  coalesce(any_value(buyers), 0) / readers, (select max(currency) from orders), coalesce(any_value(net), 0)
from read left join earned using (word)
group by word order by views desc, word
"""

SQL["micro_conversions"] = """
with hits as (
  select case type when 'search' then 0 when 'add_to_cart' then 1 when 'start_checkout' then 2 else 3 end as place,
    if(person_id is not null, hash(person_id), null) as person,
    if(session_id is not null, hash(session_id), null) as session, t
  from session_events where type in ('search', 'add_to_cart', 'start_checkout', 'register')
),
placed as (
  select if(person_id is not null, hash(person_id), null) as person, order_id, ordered_t as t
  from orders left join order_people using (order_id) where counted = 1
),
bought as (select distinct person from placed where person is not null),
counted as (
  select place, count(*) as hits, count(distinct session) as sessions, count(distinct person) as people
  from hits group by all
),
followed as (
  select h.place, count(distinct h.person) as buyers, count(distinct o.order_id) as orders
  from hits h join placed o using (person) where o.t - h.t between 0 and 2592000000000 group by all
),
also as (
  select place, count(distinct person) as n from hits join bought using (person) group by all
),
n as (
  select (select count(*) from sessions) as sessions,
    (select count(distinct hash(person_id)) from session_events where person_id is not null) as people,
    (select count(*) from bought) as buyers,
    (select count(*) from placed) as orders
)
select goal, coalesce(hits, 0), coalesce(c.sessions, 0) as s, s / n.sessions, coalesce(c.people, 0) as p, p / n.people,
  coalesce(f.buyers, 0) as b, b / nullif(p, 0), (n.buyers - coalesce(a.n, 0)) / nullif(n.people - p, 0),
  coalesce(f.orders, 0) as o, o / n.orders, null, null
from (values (0, 'search'), (1, 'add_to_cart'), (2, 'start_checkout'), (3, 'register')) g(place, goal) cross join n
left join counted c using (place) left join followed f using (place) left join also a using (place)
order by place
"""
