"""Who came by, where from, and did they become customers?

**Question.** A list of the browsers that visited, newest first, named or not.

**Grain.** One row per visitor (the ``cbuid`` cookie).

**Formula.** Figures are over the sessions that began in ``from`` … ``to``. ``person`` is who it turned out to be: a
visit of two months ago belongs to the customer who ordered today. ``orders`` are counted orders placed in those
sessions, ``revenue`` their net revenue. Channel, landing page, country and device are those of the first of the
sessions.

**Unit.** ``revenue`` in ``currency``; empty when the visitor bought in several currencies, unless one is asked for.

**Caveats.** One person has a visitor id per browser. Bots, and visitors only a server told of, are left out.

**Source.** Metrilo *Visitors*, Matomo *Visits log*.
"""
# ruff: noqa: S608
# The text is made of expressions of our own; what users write is bound.

from __future__ import annotations

from typing import Literal

from ecomtrack_sdk.reports._base import Report, Row
from ecomtrack_sdk.reports._checks import MIXED_CURRENCIES
from ecomtrack_sdk.reports._dimensions import SESSION_FILTERS
from ecomtrack_sdk.reports._params import AtLeastOne, Natural, Params
from ecomtrack_sdk.reports._values import Count, Money, Seconds, Time
from ecomtrack_sdk.reports.models.orders import ORDERS
from ecomtrack_sdk.reports.models.people import NAMES
from ecomtrack_sdk.reports.models.session_events import SESSION_EVENTS
from ecomtrack_sdk.reports.models.sessions import PAGES, SESSION_ORDERS, SESSIONS

__all__ = ["VisitorsParams", "VisitorsRow", "report"]


class VisitorsParams(Params):
    """Those of every report, and which visitors are listed."""

    known: Literal["all", "named", "unnamed"] = "all"
    """Whether somebody is known to be behind them."""
    bought: Literal["all", "yes", "no"] = "all"
    """Whether they ordered."""
    sort: Literal["last_seen", "first_seen", "sessions", "page_views", "seconds", "revenue"] = "last_seen"
    """Column the list is sorted by, greatest first."""
    limit: AtLeastOne = 100
    """Most rows."""
    offset: Natural = 0
    """Rows left out before the first."""


class VisitorsRow(Row):
    """One browser."""

    visitor: str
    """Its id."""
    person: str
    """Who is behind it; ``visitor:…`` while nobody is known."""
    first_seen: Time
    """Beginning of the first session."""
    last_seen: Time
    """End of the last one."""
    sessions: Count
    """Visits."""
    page_views: Count
    """Pages shown."""
    products: Count
    """Different products looked at."""
    cart_adds: Count
    """Times something was put into the cart."""
    seconds: Seconds
    """Time of all sessions."""
    orders: Count
    """Counted orders."""
    currency: str | None
    """Of the revenue."""
    revenue: Money | None
    """Net revenue of those orders."""
    channel: str
    """Channel of the first session."""
    source: str
    """Its source."""
    campaign: str | None
    """Its campaign."""
    landing_page: str | None
    """Its first page."""
    country: str | None
    """Its country."""
    device: str | None
    """Its kind of device."""


_SORTS = {
    "last_seen": "r.last_t",
    "first_seen": "r.first_t",
    "sessions": "r.sessions",
    "page_views": "r.page_views",
    "seconds": "r.seconds",
    "revenue": "case when b.currencies = 1 then b.net end",
}
"""Column to sort by → SQL over a browser ``r`` and its purchases ``b``."""


def _bought(visits: str) -> str:
    return f"""
bought as (
  select v.visitor_id as visitor_id, sum(@counted(o)) as orders, count(distinct @currency(o.currency)) as currencies,
    max(@currency(o.currency)) as currency, @sum(@amount(o.net, o.currency)) as net
  from {visits} v
  join session_orders x on x.session_id = v.session_id
  join orders o on o.order_id = x.order_id
  where $currency is null or @currency(o.currency) = $currency
  group by 1
)"""


def _sql(params: VisitorsParams) -> str:
    known = {"all": "", "named": " and {} not like 'visitor:%'", "unnamed": " and {} like 'visitor:%'"}[params.known]
    bought = {"all": "", "yes": " and coalesce(b.orders, 0) > 0", "no": " and coalesce(b.orders, 0) = 0"}[params.bought]
    # What chooses the rows is looked at for every browser, the rest for those on the page only.
    buying = params.sort == "revenue" or bool(bought)
    join = "\n  left join bought b on b.visitor_id = r.visitor_id" if buying else ""
    return f"""
with visits as (
  select s.session_id, s.visitor_id, s.person_id, s.start_t, s.end_t, s.page_views, s.seconds
  from sessions s
  where s.start_t >= $from_t and s.start_t < $to_t @where()
),
browsers as (
  select v.visitor_id as visitor_id, @last(v.person_id, (v.start_t, v.session_id)) as person_id,
    min(v.start_t) as first_t, max(v.end_t) as last_t, count(*) as sessions, sum(v.page_views) as page_views,
    sum(v.seconds) as seconds
  from visits v
  group by 1
),{_bought("visits") + "," if buying else ""}
page as (
  select r.*, {_SORTS[params.sort]} as rank
  from browsers r{join}
  where 1 = 1{known.format("r.person_id")}{bought}
  order by rank desc nulls last, r.visitor_id
  limit {params.limit} offset {params.offset}
),
theirs as (
  select s.session_id, s.visitor_id, s.channel, s.source, s.campaign, s.landing_page, s.country, s.device,
    row_number() over (partition by s.visitor_id order by s.start_t, s.session_id) as place
  from sessions s
  where s.visitor_id in (select x.visitor_id from page x) and s.start_t >= $from_t and s.start_t < $to_t @where()
),
products as (
  select v.visitor_id as visitor_id, count(distinct p.product_id) as products
  from theirs v
  join pages p on p.session_id = v.session_id
  where p.type = 'view_product'
  group by 1
),
adds as (
  select v.visitor_id as visitor_id, count(*) as adds
  from theirs v
  join session_events e on e.session_id = v.session_id
  where e.type = 'add_to_cart'
  group by 1
){"" if buying else "," + _bought("theirs")}
select r.visitor_id as visitor, r.person_id as person, r.first_t as first_seen, r.last_t as last_seen,
  r.sessions as sessions, r.page_views as page_views, coalesce(p.products, 0) as products,
  coalesce(a.adds, 0) as cart_adds, r.seconds as seconds, coalesce(b.orders, 0) as orders,
  case when b.currencies = 1 then b.currency end as currency,
  case when b.currencies = 1 then b.net end as revenue,
  f.channel as channel, f.source as source, f.campaign as campaign, f.landing_page as landing_page,
  f.country as country, f.device as device
from page r
join theirs f on f.visitor_id = r.visitor_id and f.place = 1
left join products p on p.visitor_id = r.visitor_id
left join adds a on a.visitor_id = r.visitor_id
left join bought b on b.visitor_id = r.visitor_id
order by r.rank desc nulls last, r.visitor_id
"""


report = Report(
    "visitors",
    VisitorsParams,
    VisitorsRow,
    _sql,
    models=(SESSIONS, SESSION_EVENTS, SESSION_ORDERS, PAGES, ORDERS, NAMES),
    filters=SESSION_FILTERS,
    checks=(MIXED_CURRENCIES,),
    doc=__doc__ or "",
    keys=("visitor",),
)
