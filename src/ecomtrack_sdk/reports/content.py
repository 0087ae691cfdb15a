"""What do the articles of the blog do: who reads them, how long, and do readers buy?

**Question.** Views, readers and reading time of each article, and the orders that follow.

**Grain.** One row per article, or per period with ``dimension=period``.

**Formula.** ``views`` are pages that showed the article, ``readers`` the people, ``seconds`` the mean time on the page:
foreground time where the browser reported it, else the time to the next event of the session. ``orders`` are the
counted orders that readers placed within ``window`` days after first reading it; ``reader_orders_rate`` = readers
with such an order ÷ readers. ``revenue`` is the net revenue of those orders.

**Unit.** Seconds; ``revenue`` in ``currency``, empty when the orders are in several currencies, unless one is asked
for.

**Caveats.** Reading comes before ordering, it need not be why. An order after two articles counts for both: rows do not
add up. Views without ``visitor_id`` are not seen, bots are left out.

**Source.** GA4 *Pages and screens* (time), HubSpot *blog attribution*.
"""
# ruff: noqa: S608
# The text is made of expressions of our own; what users write is bound.

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ecomtrack_sdk.reports._base import Report, Row
from ecomtrack_sdk.reports._checks import MIXED_CURRENCIES
from ecomtrack_sdk.reports._params import Params
from ecomtrack_sdk.reports._values import Count, Money, Period, Rate, Seconds
from ecomtrack_sdk.reports.models.order_people import ORDER_PEOPLE
from ecomtrack_sdk.reports.models.orders import ORDERS
from ecomtrack_sdk.reports.models.sessions import PAGES, SESSIONS

__all__ = ["ContentParams", "ContentRow", "report"]

_DAY = 86_400_000_000


class ContentParams(Params):
    """Those of every report, and how long after reading an order counts."""

    dimension: Literal["article", "period", "total"] = "article"
    """What a row stands for."""
    window: Annotated[int, Field(ge=1, le=366)] = 7
    """Days after first reading in which an order counts."""


class ContentRow(Row):
    """One article, or all of a period."""

    article: str | None = None
    """Id of the article."""
    title: str | None = None
    """Its latest title."""
    period: Period | None = None
    """First day of the period."""
    views: Count
    """Times it was shown."""
    readers: Count
    """People who saw it."""
    seconds: Seconds | None
    """Mean time on its page."""
    bounce_rate: Rate | None
    """Sessions that began with it and saw nothing else ÷ sessions that began with it."""
    orders: Count
    """Orders of its readers within the window."""
    reader_orders_rate: Rate | None
    """Readers with such an order ÷ readers."""
    currency: str | None
    """Of the revenue."""
    revenue: Money | None
    """Net revenue of those orders."""


def _sql(params: ContentParams) -> str:
    key = {"article": "p.article_id", "period": "@period(p.t)", "total": "'all'"}[params.dimension]
    shown = {"article": "c.word as article, c.title as title, ", "period": "c.word as period, ", "total": ""}
    order = "c.word" if params.dimension == "period" else "c.views desc, c.word"
    return f"""
with read as (
  select {key} as word, p.session_id as session_id, p.page_no as page_no, p.person_id as person_id, p.t as t,
    p.title as title, p.seconds as seconds, case when p.landing = 1 then s.bounce end as bounce
  from pages p
  join sessions s on s.session_id = p.session_id
  where p.type = 'view_article' and p.article_id is not null and p.t >= $from_t and p.t < $to_t @where()
),
readers as (
  select r.word as word, r.person_id as person_id, min(r.t) as t from read r group by 1, 2
),
bought as (
  select r.word as word, r.person_id as person_id, o.order_id as order_id, @currency(o.currency) as currency,
    @amount(o.net, o.currency) as net
  from readers r
  join order_people b on b.person_id = r.person_id
  join orders o on o.order_id = b.order_id
  where @counted(o) = 1 and o.ordered_t >= r.t and o.ordered_t - r.t <= $window_t
    and ($currency is null or @currency(o.currency) = $currency)
),
currencies as (
  select count(distinct b.currency) as n, max(b.currency) as currency from bought b
),
earned as (
  select b.word as word, count(*) as orders, count(distinct b.person_id) as buyers, @sum(b.net) as net
  from bought b
  group by 1
),
counted as (
  select r.word as word, @last(r.title, (r.t, r.session_id, r.page_no)) as title, count(*) as views,
    count(distinct r.person_id) as readers, avg(r.seconds) as seconds, sum(r.bounce) as bounces,
    count(r.bounce) as entries
  from read r
  group by 1
)
select {shown[params.dimension]}c.views as views, c.readers as readers, c.seconds as seconds,
  @ratio(c.bounces, c.entries) as bounce_rate, coalesce(m.orders, 0) as orders,
  @ratio(coalesce(m.buyers, 0), c.readers) as reader_orders_rate,
  case when k.n = 1 then k.currency end as currency,
  case when k.n = 1 then coalesce(m.net, @zero()) end as revenue
from counted c
left join earned m on m.word = c.word
cross join currencies k
order by {order}
"""


report = Report(
    "content",
    ContentParams,
    ContentRow,
    _sql,
    models=(PAGES, SESSIONS, ORDERS, ORDER_PEOPLE),
    filters={
        name: f"s.{name} = {{value}}" for name in ("channel", "source", "medium", "campaign", "landing_page", "device")
    }
    | {"country": "s.country = upper({value})", "article": "p.article_id = {value}", "path": "p.path = {value}"},
    bind=lambda params: {"window_t": params.window * _DAY},
    checks=(MIXED_CURRENCIES,),
    doc=__doc__ or "",
    keys=("article", "period"),
)
