"""How many carts are left behind, and how much is in them?

**Question.** Of the carts that were filled, how many became an order, how many were abandoned, where, and what lies
in them.

**Grain.** One row per period in which the carts were begun, and currency; with ``list`` one row per cart instead.

**Formula.** A cart begins with the first thing put into it and lives across visits and devices until an order or 30
days of silence; what is put in after that is another cart. ``abandoned``: carts without an order; ``open``: those of
them touched less than ``idle`` days before the end of the report, which may yet be ordered. ``abandonment_rate =
abandoned ÷ carts``. ``checkouts``: carts that reached the checkout; ``checkout_abandonment_rate``: those of them
without an order ÷ checkouts. ``value``: content when last touched, price x quantity - discounts of the lines;
``abandoned_value`` that of carts without an order. ``median_hours`` from the beginning to the order.

**Unit.** Amounts in ``currency``; a cart whose events say no price has no currency and no value.

**Caveats.** Carts are known by ``cart_id``, else by person. An order without ``cart_id`` closes the cart its buyer
touched last. Orders without any cart are not here. An order counts even when it is cancelled later. Snapshots of the
whole content make up for changes that were not seen. ``channel``, ``country`` and their like are those of the visit in
which a cart was begun; ``product``, ``category`` and ``brand`` mean anything ever put into it.

**Source.** Cart abandonment as in Nosto and Metrilo (1 - orders ÷ carts); Matomo and Snowplow do it per visit, which
counts a cart ordered tomorrow as abandoned.
"""
# ruff: noqa: S608
# The text is made of names of our own; what users write is bound as parameters.

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ecomtrack_sdk.reports._acts import last_moment
from ecomtrack_sdk.reports._base import Report, Row
from ecomtrack_sdk.reports._dimensions import SESSION_FILTERS
from ecomtrack_sdk.reports._filters import in_category
from ecomtrack_sdk.reports._params import Params
from ecomtrack_sdk.reports._values import Count, Money, Number, Period, Quantity, Rate, Time
from ecomtrack_sdk.reports.models.carts import CARTS

__all__ = ["CartsParams", "CartsRow", "report"]

_DAY = 86_400_000_000


class CartsParams(Params):
    """Parameters of the carts report."""

    idle: Annotated[int, Field(ge=1, le=30)] = 30
    """Days after which a cart without an order is no longer called open."""
    list: Literal["abandoned", "open", "ordered"] | None = None
    """List these carts instead of counting: open ones are those to remind people of."""


class CartsRow(Row):
    """Carts begun in a period, or (the last columns) one of them."""

    period: Period
    """First day of the period in which the carts were begun."""
    currency: str | None
    """ISO 4217; empty for carts without prices."""
    carts: Count
    """Carts that held something."""
    ordered: Count
    """Those that became an order."""
    abandoned: Count
    """Those that did not."""
    open: Count
    """Abandoned ones that may yet be ordered."""
    abandonment_rate: Rate | None
    """``abandoned ÷ carts``."""
    checkouts: Count
    """Carts that reached the checkout."""
    checkout_abandonment_rate: Rate | None
    """Checkouts without an order ÷ checkouts."""
    value: Money
    """Content of all of them when last touched."""
    abandoned_value: Money
    """Content of those without an order."""
    median_hours: Number | None
    """From the beginning of a cart to its order."""
    cart: str | None = None
    """In a list: ``cart_id`` or the person."""
    person: str | None = None
    """In a list: whose it is."""
    started_at: Time | None = None
    """In a list: first event."""
    last_at: Time | None = None
    """In a list: last event before the order."""
    units: Quantity | None = None
    """In a list: units in it."""
    sessions: Count | None = None
    """In a list: visits in which it was touched."""
    order_id: str | None = None
    """In a list: the order it became."""


_LISTED = {
    "abandoned": "f.order_id is null",
    "open": "f.order_id is null and f.open = 1",
    "ordered": "f.order_id is not null",
}


_UP_TO = """(
    select k.cart, k.no, k.person_id, k.session_id, k.started_t, k.last_t, k.sessions, k.checkout_t,
      case when k.ordered_t < $to_t then k.order_id end as order_id,
      case when k.ordered_t < $to_t then k.ordered_t end as ordered_t, k.currency, k.value, k.units
    from carts k
  )"""
"""Carts as they were when the time asked for was over: what was ordered later had not been."""


_BEGUN = "c.session_id in (select s.session_id from sessions s where {0})"
_HELD = (
    "concat(c.cart, '#', cast(c.no as varchar)) in (select concat(x.cart, '#', cast(x.no as varchar))"
    " from cart_events x join event_items i on i.event_id = x.id and i.list in ('item', 'cart')"
    " left join catalog g on g.product_id = i.product_id where {0})"
)
_FILTERS = {
    "person": "c.person_id = {value}",
    "customer": (
        "c.person_id = {value} or c.person_id in (select n.person_id from names n where n.name = lower({value}))"
    ),
    "cart": "c.cart = {value} or c.cart = concat('c:', {value})",
    "product": _HELD.format("i.product_id = {value}"),
    "variant": _HELD.format("i.variant_id = {value}"),
    "category": _HELD.format(in_category("i")),
    "brand": _HELD.format("coalesce(i.brand, g.brand) = {value}"),
    **{
        name: _BEGUN.format(SESSION_FILTERS[name])
        for name in ("channel", "source", "medium", "campaign", "landing_page", "country", "device")
    },
}
"""The visit in which a cart was begun, and what was ever put into it."""


def _sql(params: CartsParams) -> str:
    found = f"""with {last_moment()},
found as (
  select c.cart, c.person_id, c.started_t, c.last_t, c.sessions, c.checkout_t, c.order_id, c.ordered_t,
    @currency(c.currency) as currency, @amount(c.value, c.currency) as value, c.units,
    case when c.order_id is null and e.last_t - c.last_t < {params.idle * _DAY} then 1 else 0 end as open
  from {"carts" if params.to is None else _UP_TO} c
  cross join ends e
  where c.started_t >= $from_t and c.started_t < $to_t and ($currency is null or @currency(c.currency) = $currency)
    @where()
)
"""
    if params.list is not None:
        return f"""{found}select f.cart as cart, f.person_id as person, f.started_t as started_at, f.last_t as last_at,
  f.value as value, f.units as units, f.currency as currency, f.sessions as sessions, f.order_id as order_id
from found f
where {_LISTED[params.list]}
order by f.last_t desc, f.cart"""
    return f"""{found}select @period(f.started_t) as period, f.currency as currency, count(*) as carts,
  count(f.order_id) as ordered, count(*) - count(f.order_id) as abandoned, sum(f.open) as open,
  @ratio(count(*) - count(f.order_id), count(*)) as abandonment_rate, count(f.checkout_t) as checkouts,
  @ratio(sum(case when f.checkout_t is not null and f.order_id is null then 1 else 0 end), count(f.checkout_t))
    as checkout_abandonment_rate,
  @sum(f.value) as value, @sum(case when f.order_id is null then f.value else @zero() end) as abandoned_value,
  @median(f.ordered_t - f.started_t) / 3600000000 as median_hours
from found f
group by @period(f.started_t), f.currency
order by @period(f.started_t), f.currency"""


report = Report(
    "carts",
    CartsParams,
    CartsRow,
    _sql,
    models=(CARTS,),
    filters=_FILTERS,
    doc=__doc__ or "",
    keys=("period", "currency", "cart"),
)
