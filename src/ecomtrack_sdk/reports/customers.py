"""Who are the customers, what did they buy, and when were they last here?

**Question.** A list of the people the shop knows by name or by an order, with what they brought.

**Grain.** One row per person and currency they bought in; a person without orders has one row.

**Formula.** A person is everything known of one customer, whatever the device (see *people* in the glossary). Figures
are over ``from`` … ``to``; people without any event in that time are left out. ``net = gross - refunds - cancelled``
of the orders placed in it, ``aov = net ÷ orders``. ``days_since_order`` counts from the last counted order to ``to``,
or to the last event there is. ``channel`` is that of the person's first visit ever.

**Unit.** Amounts in ``currency``; times are moments.

**Caveats.** A visitor who ordered as a guest is a person ``visitor:…`` until somebody names them. Names that were seen
together are one person: ``ecomtrack unlink`` takes that back.

**Source.** Metrilo *Customers*, Shopify *Customers over time*.
"""
# ruff: noqa: S608
# The text is made of expressions of our own; what users write is bound.

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ecomtrack_sdk.reports._base import Report, Row
from ecomtrack_sdk.reports._dimensions import PERSON_FILTERS
from ecomtrack_sdk.reports._params import AtLeastOne, Natural, Params
from ecomtrack_sdk.reports._values import Count, Money, Number, Time
from ecomtrack_sdk.reports.models.order_lines import ORDER_LINES
from ecomtrack_sdk.reports.models.order_people import ORDER_PEOPLE
from ecomtrack_sdk.reports.models.orders import ORDERS
from ecomtrack_sdk.reports.models.people import NAMES
from ecomtrack_sdk.reports.models.session_events import SESSION_EVENTS
from ecomtrack_sdk.reports.models.sessions import SESSIONS

__all__ = ["CustomersParams", "CustomersRow", "report"]

_SORTS = {
    "net": "b.net",
    "orders": "coalesce(b.orders, 0)",
    "aov": "@ratio(b.net, b.orders)",
    "last_order": "b.last_t",
    "first_order": "b.first_t",
    "last_seen": "b.seen_t",
    "sessions": "coalesce(w.sessions, 0)",
}
"""Column to sort by → SQL over a person's purchases ``b`` and visits ``w``."""
_OF_VISITS = frozenset({"sessions", "channel", "country"})
"""What only visits say: to sort or to filter by it, those of everybody are looked at."""


class CustomersParams(Params):
    """Those of every report, and which people are listed."""

    min_orders: Natural = 0
    """Only people with at least so many counted orders."""
    max_orders: Natural | None = None
    """Only people with at most so many."""
    silent_days: Annotated[int, Field(ge=0, le=36_500)] = 0
    """Only people whose last order is at least so many days ago."""
    sort: Literal["net", "orders", "aov", "last_order", "first_order", "last_seen", "sessions"] = "net"
    """Column the list is sorted by, greatest first."""
    limit: AtLeastOne = 100
    """Most rows."""
    offset: Natural = 0
    """Rows left out before the first."""


class CustomersRow(Row):
    """One person in one currency."""

    person: str
    """The person's id: the first customer id known, else the e-mail address, else ``visitor:…``."""
    emails: str | None
    """Every e-mail address known."""
    ids: str | None
    """Further customer ids that turned out to be the same person."""
    channel: str | None
    """Channel of the first visit."""
    country: str | None
    """Of the last order, else of the last visit."""
    first_seen: Time
    """First event."""
    last_seen: Time
    """Last event."""
    sessions: Count
    """Visits."""
    devices: Count
    """Different browsers."""
    first_order: Time | None
    """First counted order."""
    last_order: Time | None
    """Last counted order."""
    days_since_order: Number | None
    """Days since that."""
    orders: Count
    """Orders in a counted status."""
    currency: str | None
    """ISO 4217; empty without orders."""
    gross: Money | None
    """Items after discounts, shipping and tax."""
    refunds: Money | None
    """Paid back."""
    net: Money | None
    """``gross - refunds - cancelled``."""
    aov: Money | None
    """``net ÷ orders``."""


_NAMED = (
    "session_events s{0}\n  where s.person_id not like 'visitor:%' and s.t >= $from_t and s.t < $to_t\n  group by 1"
)
_PURCHASES = ("currency", "orders", "first_t", "last_t", "gross", "refunds", "net", "country")
_BOUGHT = ", ".join(f"b.{column} as {column}" for column in _PURCHASES)

_EVERYBODY = f"""
seen as (
  select s.person_id as person_id, max(s.t) as seen_t
  from {_NAMED.format("")}
  union all
  select s.person_id as person_id, max(s.t) as seen_t
  from session_events s
  where s.person_id in (select b.person_id from bought b where b.person_id like 'visitor:%')
    and s.t >= $from_t and s.t < $to_t
  group by 1
),
people as (
  select c.person_id as person_id, c.seen_t as seen_t, {_BOUGHT}
  from seen c
  left join bought b on b.person_id = c.person_id
)"""


def _buyers_first(params: CustomersParams) -> str:
    """CTE ``people`` where purchases decide: who bought goes first, others are looked for when that is too few."""
    # All buyers did something some time. Who is known by a later refund alone was not there when the order was placed.
    present = " and b.person_id in (select s.person_id from session_events s where s.t >= $from_t and s.t < $to_t)"
    seen = present if params.from_ is not None or params.to is not None else ""
    return f"""
lacking as (
  select count(*) as n
  from bought b
  cross join ends z
  where b.orders > 0 and b.net is not null and {_chosen(params)}{seen}
  having count(*) < {params.limit + params.offset}
),
people as (
  select b.person_id as person_id, {_BOUGHT}
  from bought b
  where 1 = 1{seen}
  union all
  select f.person_id as person_id, {", ".join(f"null as {column}" for column in _PURCHASES)}
  from (
    select s.person_id as person_id
    from {_NAMED.format(" cross join lacking k")}
  ) f
  where f.person_id not in (select b.person_id from bought b)
)"""


def _chosen(params: CustomersParams) -> str:
    """Condition: the purchases ``b`` are as many and as long ago as asked for."""
    most = "" if params.max_orders is None else " and coalesce(b.orders, 0) <= $max_orders"
    silent = "" if params.silent_days == 0 else " and b.last_t <= z.t - $silent_t"
    return f"coalesce(b.orders, 0) >= $min_orders{most}{silent}"


def _visits(people: str) -> str:
    return f"""
visits as (
  select v.person_id as person_id, @first(v.channel, (v.start_t, v.session_id)) as channel,
    @last(v.country, (v.start_t, v.session_id)) as country,
    sum(case when v.start_t >= $from_t and v.start_t < $to_t then 1 else 0 end) as sessions
  from sessions v
  where v.person_id in (select x.person_id from {people} x)
  group by 1
)"""


def _page(params: CustomersParams, visits: str) -> str:
    """CTE ``page``: the rows to be shown. All that does not choose them is looked up afterwards, for these alone."""
    return f"""
page as (
  select b.person_id as person_id, {_BOUGHT}, {_SORTS[params.sort]} as rank
  from people b
  cross join ends z{visits}
  where {_chosen(params)} @where()
  order by rank desc nulls last, b.person_id, b.currency
  limit {params.limit} offset {params.offset}
)"""


def _sql(params: CustomersParams) -> str:
    visiting = bool(_OF_VISITS & {params.sort, *(name for name, *_ in params.filters())})
    buyers_first = params.sort not in {"last_seen", "sessions"} and not params.where
    join = "\n  left join visits w on w.person_id = b.person_id"
    parts = [_buyers_first(params) if buyers_first else _EVERYBODY]
    parts += [_visits("people"), _page(params, join)] if visiting else [_page(params, ""), _visits("page")]
    return f"""
with ends as (
  select case when $to_t < 4000000000000000000 then $to_t else max(e.t) end as t from events e
),
bought as (
  select p.person_id as person_id, @currency(o.currency) as currency, sum(@counted(o)) as orders,
    min(case when @counted(o) = 1 then o.ordered_t end) as first_t,
    max(case when @counted(o) = 1 then o.ordered_t end) as last_t,
    @sum(@amount(o.gross, o.currency)) as gross, @sum(@amount(o.refunded, o.currency)) as refunds,
    @sum(@amount(o.net, o.currency)) as net, @last(o.country, (o.ordered_t, o.order_id)) as country
  from orders o
  join order_people p on p.order_id = o.order_id
  where o.ordered_t >= $from_t and o.ordered_t < $to_t and ($currency is null or @currency(o.currency) = $currency)
  group by 1, 2
),{",".join(parts)},
stays as (
  select s.person_id as person_id, min(s.t) as first_t, max(s.t) as last_t, count(distinct s.visitor_id) as devices
  from session_events s
  where s.person_id in (select x.person_id from page x) and s.t >= $from_t and s.t < $to_t
  group by 1
),
-- Most people have one name of a kind: only the others are worth a sorted list.
named as (
  select n.person_id as person_id, case when n.name like '%@%' then 1 else 0 end as mail, count(*) as names,
    max(n.name) as name
  from names n
  where n.person_id in (select x.person_id from page x)
  group by 1, 2
),
lists as (
  select d.person_id as person_id, d.mail as mail, @join_text(n.name) as names
  from named d
  join names n on n.person_id = d.person_id and case when n.name like '%@%' then 1 else 0 end = d.mail
  where d.names > 1
  group by 1, 2
),
aliases as (
  select d.person_id as person_id, max(case when d.mail = 1 then coalesce(l.names, d.name) end) as emails,
    max(case when d.mail = 0 then coalesce(l.names, d.name) end) as ids
  from named d
  left join lists l on l.person_id = d.person_id and l.mail = d.mail
  group by 1
)
select b.person_id as person,
  coalesce(a.emails, case when b.person_id like '%@%' then b.person_id end) as emails, a.ids as ids,
  w.channel as channel, coalesce(b.country, w.country) as country, s.first_t as first_seen, s.last_t as last_seen,
  coalesce(w.sessions, 0) as sessions, s.devices as devices, b.first_t as first_order, b.last_t as last_order,
  cast(z.t - b.last_t as double) / 86400000000 as days_since_order, coalesce(b.orders, 0) as orders,
  b.currency as currency, b.gross as gross, b.refunds as refunds, b.net as net, @ratio(b.net, b.orders) as aov
from page b
join stays s on s.person_id = b.person_id
cross join ends z
left join aliases a on a.person_id = b.person_id
left join visits w on w.person_id = b.person_id
order by b.rank desc nulls last, b.person_id, b.currency
"""


report = Report(
    "customers",
    CustomersParams,
    CustomersRow,
    _sql,
    models=(SESSION_EVENTS, SESSIONS, ORDERS, ORDER_LINES, ORDER_PEOPLE, NAMES),
    filters=PERSON_FILTERS,
    bind=lambda params: {"silent_t": params.silent_days * 86_400_000_000},
    doc=__doc__ or "",
    keys=("person", "currency"),
)
