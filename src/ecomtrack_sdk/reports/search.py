"""What do people search for, what do they not find, and does searching lead to orders?

**Question.** Which words are searched, how often nothing is found, how often a product is looked at afterwards, and how
often an order follows.

**Grain.** One row per query, case and outer blanks ignored; with ``dimension=period`` one row per period.

**Formula.** ``searches`` counts search events, ``searchers`` the people. ``zero_rate`` = searches that showed no
result ÷ searches whose number of results is known. ``view_rate`` = searches followed, in the same session and before
the next search, by a look at a product ÷ searches. ``conversion_rate`` = sessions with the search and an order after
it ÷ sessions with the search. ``revenue`` is the net revenue of those orders.

**Unit.** ``revenue`` in ``currency``; empty when the orders are in several currencies, unless one is asked for.

**Caveats.** Searches outside of a session (no ``visitor_id``) count as searches only. An order after two searches
counts for both: rows do not add up. Bots are left out.

**Source.** GA4 and Matomo *Site search*, Shopify *Top online store searches with no results*.
"""
# ruff: noqa: S608
# The text is made of expressions of our own; what users write is bound.

from __future__ import annotations

from typing import Literal

from ecomtrack_sdk.reports._base import Report, Row
from ecomtrack_sdk.reports._checks import MIXED_CURRENCIES
from ecomtrack_sdk.reports._filters import EVENT_FILTERS
from ecomtrack_sdk.reports._params import AtLeastOne, Params
from ecomtrack_sdk.reports._values import Count, Money, Number, Period, Rate
from ecomtrack_sdk.reports.models.orders import ORDERS
from ecomtrack_sdk.reports.models.session_events import SESSION_EVENTS
from ecomtrack_sdk.reports.models.sessions import SESSION_ORDERS, SESSIONS

__all__ = ["SearchParams", "SearchRow", "report"]


class SearchParams(Params):
    """Those of every report, and which searches are shown."""

    dimension: Literal["query", "period", "total"] = "query"
    """What a row stands for."""
    zero: bool = False
    """Only searches that found nothing."""
    limit: AtLeastOne = 100
    """Most rows."""


class SearchRow(Row):
    """One query, or all of a period."""

    query: str | None = None
    """What was typed, in lower case."""
    period: Period | None = None
    """First day of the period."""
    searches: Count
    """Times it was searched."""
    searchers: Count
    """People who searched it."""
    sessions: Count
    """Sessions with the search."""
    average_results: Number | None
    """Mean number of results, where known."""
    zero_results: Count
    """Searches that showed nothing."""
    zero_rate: Rate | None
    """Those ÷ searches whose results are known."""
    view_rate: Rate | None
    """Searches followed by a look at a product ÷ searches."""
    orders: Count
    """Orders placed later in those sessions."""
    conversion_rate: Rate | None
    """Sessions with such an order ÷ sessions."""
    currency: str | None
    """Of the revenue."""
    revenue: Money | None
    """Net revenue of those orders."""


def _sql(params: SearchParams) -> str:
    key = {"query": "lower(trim(e.query))", "period": "@period(e.t)", "total": "'all'"}[params.dimension]
    shown = "" if params.dimension == "total" else f"c.word as {params.dimension}, "
    order = "c.word" if params.dimension == "period" else "c.searches desc, c.word"
    return f"""
with walk as (
  select s.session_id as session_id, s.seq as seq, s.t as t, s.event_id as event_id, s.person_id as person_id,
    s.type as type,
    lead(s.type) over (partition by s.session_id order by s.t, s.event_id) as following
  from session_events s
  where s.type in ('search', 'view_product')
),
found as (
  select {key} as word, w.session_id as session_id, w.t as t, w.event_id as event_id, w.person_id as person_id,
    e.results_count as results,
    case when w.session_id is not null and w.following = 'view_product' then 1 else 0 end as viewed
  from events e
  join walk w on w.seq = e.seq
  where e.type = 'search' and e.t >= $from_t and e.t < $to_t and ($zero = false or e.results_count = 0) @where()
),
firsts as (
  select f.word as word, f.session_id as session_id, min(f.t) as t
  from found f
  where f.session_id is not null
  group by 1, 2
),
bought as (
  select f.word as word, f.session_id as session_id, o.order_id as order_id, @counted(o) as counted,
    @currency(o.currency) as currency, @amount(o.net, o.currency) as net
  from firsts f
  join session_orders x on x.session_id = f.session_id
  join orders o on o.order_id = x.order_id
  where o.ordered_t >= f.t and ($currency is null or @currency(o.currency) = $currency)
),
currencies as (
  select count(distinct b.currency) as n, max(b.currency) as currency from bought b
),
earned as (
  select b.word as word, sum(b.counted) as orders, @sum(b.net) as net,
    count(distinct case when b.counted = 1 then b.session_id end) as converted
  from bought b
  group by 1
),
counted as (
  select f.word as word, count(*) as searches, count(distinct f.person_id) as searchers,
    count(distinct f.session_id) as sessions, avg(cast(f.results as double)) as average_results,
    coalesce(sum(case when f.results = 0 then 1 else 0 end), 0) as zero_results, count(f.results) as known,
    sum(f.viewed) as viewed
  from found f
  group by 1
)
select {shown}c.searches as searches, c.searchers as searchers, c.sessions as sessions,
  c.average_results as average_results, c.zero_results as zero_results,
  @ratio(c.zero_results, c.known) as zero_rate, @ratio(c.viewed, c.searches) as view_rate,
  coalesce(m.orders, 0) as orders, @ratio(coalesce(m.converted, 0), c.sessions) as conversion_rate,
  case when k.n = 1 then k.currency end as currency,
  case when k.n = 1 then coalesce(m.net, @zero()) end as revenue
from counted c
left join earned m on m.word = c.word
cross join currencies k
order by {order}
limit {params.limit}
"""


report = Report(
    "search",
    SearchParams,
    SearchRow,
    _sql,
    models=(SESSION_EVENTS, SESSIONS, SESSION_ORDERS, ORDERS),
    filters={
        name: f"w.session_id in (select s.session_id from sessions s where s.{name} = {{value}})"
        for name in ("channel", "source", "medium", "campaign", "landing_page")
    }
    | {name: EVENT_FILTERS[name] for name in ("country", "device", "host", "path", "visitor", "customer")}
    | {"query": "lower(trim(e.query)) = lower({value})"},
    checks=(MIXED_CURRENCIES,),
    doc=__doc__ or "",
    keys=("query", "period"),
)
