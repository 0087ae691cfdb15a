"""Where do visits come from, what do people do, and what do they bring?

**Question.** How many visits and visitors came from each channel (or campaign, landing page, country, device …), how
long they stayed, and how many of them ordered.

**Grain.** One row per value of ``dimension``: by default per period and channel. ``dimension=total`` gives one row.

**Formula.** ``bounce_rate`` = sessions with one page and nothing else done ÷ sessions. ``conversion_rate`` = sessions
with an order ÷ sessions; ``orders_per_session`` = orders ÷ sessions, which is higher when a visit has two orders.
``new_visitors`` are those whose first session ever lies in the row, ``returning_visitors`` the others.
``session_seconds`` is the mean time from the first to the last event of a session. ``page_seconds`` is the mean time
on a page, ``product_page_seconds`` on a product's page: foreground time where the browser reported it, else the time
to the next event of the session; last pages without either are left out.

**Unit.** Seconds; ``revenue`` in ``currency``, net of refunds and cancellations, of the orders placed in the sessions.

**Caveats.** A visitor is a browser (the ``cbuid`` cookie), a session belongs to the day it began. Bots are left out. An
order counts where it was placed; ``attribution`` tells which visits led to it. Orders that no visitor is known of
are in no session. Revenue is empty when the orders are in several currencies, unless one is asked for. Visitors of
several rows do not add up: one visitor may come by two channels.

**Source.** GA4 (channels, sessions), Matomo (bounce, 30 minutes), Shopify (conversion rate).
"""
# ruff: noqa: S608
# The text is made of expressions of our own; what users write is bound.

from __future__ import annotations

from pydantic import field_validator

from ecomtrack_sdk.reports._base import Check, Report
from ecomtrack_sdk.reports._dimensions import SESSION_DIMENSIONS, SESSION_FILTERS, Dimension, OfVisit, grouped, words
from ecomtrack_sdk.reports._params import Params
from ecomtrack_sdk.reports._values import Count, Money, Number, Rate, Seconds
from ecomtrack_sdk.reports.models.orders import ORDERS
from ecomtrack_sdk.reports.models.people import NAMES
from ecomtrack_sdk.reports.models.sessions import PAGES, SESSION_ORDERS, SESSIONS

__all__ = ["TrafficParams", "TrafficRow", "report"]


class TrafficParams(Params):
    """Those of every report, and what the rows stand for."""

    dimension: tuple[Dimension, ...] = ("period", "channel")
    """Fields the rows are broken down by, separated by commas; ``total`` for one row."""

    @field_validator("dimension", mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        return words(value)


class TrafficRow(OfVisit):
    """Visits of one kind; only the columns of ``dimension`` are there."""

    sessions: Count
    """Visits."""
    visitors: Count
    """Different browsers."""
    new_visitors: Count
    """Those whose first visit ever is in the row."""
    returning_visitors: Count
    """The others."""
    page_views: Count
    """Pages shown."""
    pages_per_session: Number | None
    """``page_views ÷ sessions``."""
    bounce_rate: Rate | None
    """Sessions with one page and nothing else done ÷ sessions."""
    session_seconds: Seconds | None
    """Mean time from the first to the last event."""
    page_seconds: Seconds | None
    """Mean time on a page."""
    product_page_seconds: Seconds | None
    """Mean time on a product's page."""
    orders: Count
    """Orders in a counted status, placed in these sessions."""
    conversion_rate: Rate | None
    """Sessions with an order ÷ sessions."""
    orders_per_session: Number | None
    """``orders ÷ sessions``."""
    currency: str | None
    """Of the revenue; empty without orders, or with several currencies."""
    revenue: Money | None
    """Net revenue of those orders."""
    revenue_per_session: Money | None
    """``revenue ÷ sessions``."""


def _sql(params: TrafficParams) -> str:
    columns = grouped([name for name in params.dimension if name != "total"], "s", "s.start_t", SESSION_DIMENSIONS)
    made = "".join(f", {sql} as {name}" for name, sql in columns)
    names = [name for name, _ in columns]
    shown = "".join(f"v.{name} as {name}, " for name in names)
    group = f"group by {', '.join(f'v.{name}' for name in names)}" if names else ""
    first = ["v.period"] if "period" in names else []
    order = ", ".join([*first, "sessions desc", *(f"v.{name}" for name in names)])
    return f"""
with visits as (
  select s.session_id, s.visitor_id, s.visit_no, s.page_views, s.bounce, s.seconds{made}
  from sessions s
  where s.start_t >= $from_t and s.start_t < $to_t @where()
),
bought as (
  select x.session_id as session_id, @counted(o) as counted, @currency(o.currency) as currency,
    @amount(o.net, o.currency) as net
  from session_orders x
  join orders o on o.order_id = x.order_id
),
placed as (
  select b.session_id as session_id, sum(b.counted) as orders from bought b group by b.session_id
),
currencies as (
  select count(distinct b.currency) as n, max(b.currency) as currency
  from bought b
  join visits v on v.session_id = b.session_id
  where $currency is null or b.currency = $currency
),
money as (
  select b.session_id as session_id, @sum(b.net) as net
  from bought b
  join currencies c on c.currency = b.currency
  where c.n = 1
  group by b.session_id
),
times as (
  select p.session_id as session_id, sum(p.seconds) as seconds, count(p.seconds) as pages,
    sum(case when p.type = 'view_product' then p.seconds end) as product_seconds,
    count(case when p.type = 'view_product' then p.seconds end) as product_pages
  from pages p
  group by p.session_id
),
counted as (
  select {shown}count(*) as sessions, count(distinct v.visitor_id) as visitors,
    count(distinct case when v.visit_no = 1 then v.visitor_id end) as new_visitors,
    coalesce(sum(v.page_views), 0) as page_views, coalesce(sum(v.bounce), 0) as bounces, sum(v.seconds) as seconds,
    sum(t.seconds) as page_seconds, sum(t.pages) as pages, sum(t.product_seconds) as product_seconds,
    sum(t.product_pages) as product_pages, coalesce(sum(p.orders), 0) as orders,
    coalesce(sum(case when p.orders > 0 then 1 else 0 end), 0) as converted, @sum(coalesce(m.net, @zero())) as net
  from visits v
  left join placed p on p.session_id = v.session_id
  left join money m on m.session_id = v.session_id
  left join times t on t.session_id = v.session_id
  {group}
)
select {shown}v.sessions as sessions, v.visitors as visitors, v.new_visitors as new_visitors,
  v.visitors - v.new_visitors as returning_visitors, v.page_views as page_views,
  @ratio(v.page_views, v.sessions) as pages_per_session, @ratio(v.bounces, v.sessions) as bounce_rate,
  @ratio(v.seconds, v.sessions) as session_seconds, @ratio(v.page_seconds, v.pages) as page_seconds,
  @ratio(v.product_seconds, v.product_pages) as product_page_seconds, v.orders as orders,
  @ratio(v.converted, v.sessions) as conversion_rate, @ratio(v.orders, v.sessions) as orders_per_session,
  case when c.n = 1 then c.currency end as currency, case when c.n = 1 then v.net end as revenue,
  case when c.n = 1 then @ratio(v.net, v.sessions) end as revenue_per_session
from counted v
cross join currencies c
order by {order}
"""


_CHECK = Check(
    "several_currencies",
    "revenue is empty: orders are in {n} currencies ({names}). Ask for one with currency, or give convert and rates",
    """
    select count(distinct @currency(o.currency)) as n, @join_text(@currency(o.currency)) as names
    from sessions s
    join session_orders x on x.session_id = s.session_id
    join orders o on o.order_id = x.order_id
    where s.start_t >= $from_t and s.start_t < $to_t and $currency is null @where()
    having count(distinct @currency(o.currency)) > 1
    """,
)

report = Report(
    "traffic",
    TrafficParams,
    TrafficRow,
    _sql,
    models=(SESSIONS, SESSION_ORDERS, PAGES, ORDERS, NAMES),
    filters=SESSION_FILTERS,
    checks=(_CHECK,),
    doc=__doc__ or "",
    keys=("period", *SESSION_DIMENSIONS),
)
