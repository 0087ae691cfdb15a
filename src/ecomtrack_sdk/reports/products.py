"""Which products are looked at, bought, kept, and worth it?

**Question.** What each product (variant, category, brand) brings, from the view to the money that stays.

**Grain.** One row per value of ``group`` and currency.

**Formula.** ``views``, ``adds``: views of the product, times it was put into a cart. ``orders``: counted orders that
hold it; ``units``: what they hold of it. ``gross`` = price x quantity - the line's discount, of all orders;
``discounts``: what was taken off the lines. ``refunds``: paid back for its refund lines. ``cancelled``: what
cancelled and failed orders held and had not been refunded. ``net = gross - refunds - cancelled``. ``view_to_cart =
adds ÷ views``, ``cart_to_order = orders ÷ adds``, ``view_to_order = orders ÷ views`` (may exceed 1: a product can be
bought unseen). ``return_rate = returned ÷ units``, both in units.

**Unit.** Amounts in ``currency``. Views and adds have none: they stand in each row of the product.

**Caveats.** An event that does not say the name, brand or categories of a product is given those last seen. Shipping,
tax, discounts on an order as a whole, and refunds without lines are no product's: ``revenue`` has them. With
``group=category`` a product counts in each of its categories, so rows add up to more than the shop sold;
``top_category`` takes the first of them. ``basis=order`` books refunds and cancellations on the order's date,
``action`` on their own. ``channel``, ``country`` and their like choose views and adds by their visit, orders as in
``revenue``; ``status`` and what else only orders have leaves no views and adds.

**Source.** Shopify *Sales by product*, Matomo *Product conversion*, Metrilo *Products*.
"""
# ruff: noqa: S608
# The text is made of names of our own; what users write is bound as parameters.

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ecomtrack_sdk.reports._base import Report, Row
from ecomtrack_sdk.reports._checks import MONEY_CHECKS
from ecomtrack_sdk.reports._dimensions import SESSION_FILTERS
from ecomtrack_sdk.reports._filters import ORDER_FILTERS
from ecomtrack_sdk.reports._params import Params
from ecomtrack_sdk.reports._values import Count, Money, Quantity, Rate
from ecomtrack_sdk.reports.models import ORDER_LINES, ORDER_MONEY, ORDERS, REFUND_LINES
from ecomtrack_sdk.reports.models.catalog import CATALOG
from ecomtrack_sdk.reports.models.session_events import SESSION_EVENTS

__all__ = ["ProductsParams", "ProductsRow", "report"]

Group = Literal["product", "variant", "category", "top_category", "brand"]
Sort = Literal[
    "views", "adds", "orders", "units", "gross", "discounts", "refunds", "cancelled", "net", "returned", "view_to_cart",
    "cart_to_order", "view_to_order", "return_rate",
]  # fmt: skip


class ProductsParams(Params):
    """Parameters of the products report."""

    group: Group = "product"
    """What a row is."""
    sort: Sort = "net"
    """Column to sort by, the greatest first."""
    limit: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    """Most rows."""


class ProductsRow(Row):
    """A product, variant, category or brand in one currency."""

    product: str
    """Id of the product (or ``product/variant``), or the name of the category or brand; ``(none)`` when not given."""
    name: str | None
    """Name last seen."""
    currency: str | None
    """ISO 4217; empty when it was never sold."""
    views: Count
    """Times it was looked at."""
    adds: Count
    """Times it was put into a cart."""
    orders: Count
    """Counted orders that hold it."""
    units: Quantity
    """Units in them, returned ones included."""
    gross: Money
    """Price x quantity - line discounts, of all orders."""
    discounts: Money
    """Taken off its lines; already out of ``gross``."""
    refunds: Money
    """Paid back for it."""
    cancelled: Money
    """In cancelled and failed orders, not refunded."""
    net: Money
    """``gross - refunds - cancelled``."""
    returned: Quantity
    """Units that came back."""
    view_to_cart: Rate | None
    """``adds ÷ views``."""
    cart_to_order: Rate | None
    """``orders ÷ adds``."""
    view_to_order: Rate | None
    """``orders ÷ views``."""
    return_rate: Rate | None
    """``returned ÷ units``."""


_KEY = {
    "product": "x.product_id",
    "variant": "case when x.variant_id is null then x.product_id else concat(x.product_id, '/', x.variant_id) end",
    "category": "@part(x.categories, n.n)",
    "top_category": "x.category",
    "brand": "x.brand",
}
_LEVELS = " union all ".join(f"select {n} as n" for n in range(1, 9))
_ASKED = {
    "product": ("name",), "variant": ("name", "variant_id"), "category": ("categories",), "top_category": ("category",),
    "brand": ("brand",),
}  # fmt: skip
"""Group → what is asked of an item beside its product; filters ask for more."""
_FILTERED = {"variant": "variant_id", "category": "categories", "brand": "brand"}
_NOBODY = "cast(null as varchar)"
_OF_VISIT = "x.visit in (select s.session_id from sessions s where {0})"
_OF_SALE = "x.sale in (select o.order_id from orders o where {0})"
_IN_VISIT = (
    "x.sale in (select b.order_id from session_orders b join sessions s on s.session_id = b.session_id where {0})"
)
_TIED = {
    **{
        name: f"{_OF_VISIT.format(SESSION_FILTERS[name])} or {_OF_SALE.format(ORDER_FILTERS[name])}"
        for name in ("channel", "source", "medium", "campaign", "country", "customer")
    },
    **{
        name: f"{_OF_VISIT.format(SESSION_FILTERS[name])} or {_IN_VISIT.format(SESSION_FILTERS[name])}"
        for name in ("device", "landing_page")
    },
    **{
        name: _OF_SALE.format(ORDER_FILTERS[name])
        for name in ("order", "status", "payment_method", "coupon", "region", "city")
    },
}
"""Filters on the visit of a look and on the order of a line."""


_ZEROS = {
    "views": "0", "adds": "0", "order_id": "cast(null as varchar)", "units": "@zero()", "gross": "@zero()",
    "discounts": "@zero()", "refunds": "@zero()", "cancelled": "@zero()", "returned": "@zero()",
}  # fmt: skip


def _moves(source: str, t: str, currency: str, fields: str, **measures: str) -> str:
    columns = ", ".join(f"{measures.get(name, zero)} as {name}" for name, zero in _ZEROS.items())
    return f"select {t} as t, {currency} as currency, {fields}, {columns}\n  from {source}"


def _sql(params: ProductsParams) -> str:
    acting = params.basis == "action"
    filtered = {name for name, *_ in params.filters()}
    asked = {*_ASKED[params.group], *(_FILTERED[name] for name in filtered if name in _FILTERED)}
    # Where somebody came from and what was ordered is looked up only where a filter asks for it.
    tied = bool(filtered - {"product", *_FILTERED})

    def fields(alias: str, visit: str = _NOBODY, sale: str = _NOBODY) -> str:
        named = ", ".join(f"{alias}.{name} as {name}" for name in ("product_id", *sorted(asked)))
        return f"{named}, {visit} as visit, {sale} as sale" if tied else named

    line, back = "l.ordered_t", "coalesce(o.ordered_t, r.t)"
    remaining = "case when l.counted = 0 and l.subtotal > l.refunded then l.subtotal - l.refunded else @zero() end"
    moves = "\n  union all\n  ".join([
        _moves("looks k", "k.t", _NOBODY, fields("k", visit="k.visit"), views="k.views", adds="k.adds"),
        _moves(
            "order_lines l", line, "l.currency", fields("l", sale="l.order_id"), gross="l.subtotal",
            discounts="l.discount", order_id="case when @counted(l) = 1 then l.order_id end",
            units="case when @counted(l) = 1 then l.quantity else @zero() end",
        ),
        _moves(
            "order_lines l join orders o on o.order_id = l.order_id where l.counted = 0",
            "o.cancelled_t" if acting else line, "l.currency", fields("l", sale="l.order_id"), cancelled=remaining,
        ),
        _moves(
            "refund_lines r left join orders o on o.order_id = r.order_id", "r.t" if acting else back,
            "coalesce(o.currency, r.currency)", fields("r", sale="r.order_id"), refunds="r.amount",
            returned="r.quantity",
        ),
    ])  # fmt: skip
    said, name = (" x.name,", "@last(k.name, (k.t, k.name))") if "name" in asked else ("", "k.product")
    known = "".join(f" coalesce(m.{name}, g.{name}) as {name}," for name in sorted(asked - {"variant_id"}))
    variant = (" m.variant_id," if "variant_id" in asked else "") + (" m.visit, m.sale," if tied else "")
    each = f" cross join ({_LEVELS}) n" if params.group == "category" else ""
    key = _KEY[params.group]
    some = f" and ({key} is not null or n.n = 1)" if each else ""
    # What an event that happened says of its product; most say the same, so that little is left to look at.
    return f"""with looks as (
  select {fields("i", visit="e.session_id")}, max(e.t) as t, sum(e.viewed) as views, sum(1 - e.viewed) as adds
  from (
    select s.seq as seq, s.t as t, s.session_id as session_id,
      case when s.type = 'view_product' then 1 else 0 end as viewed
    from session_events s
    where s.type in ('view_product', 'add_to_cart') and s.t >= $from_t and s.t < $to_t
  ) e
  join event_items i on i.seq = e.seq and i.list = 'item'
  group by {", ".join(str(place) for place in range(1, len(asked) + (4 if tied else 2)))}
),
moves as (
  {moves}
),
known as (
  select m.t, m.currency, m.product_id,{variant}{known} m.views, m.adds, m.order_id, m.units, m.gross,
    m.discounts, m.refunds, m.cancelled, m.returned
  from moves m
  left join catalog g on g.product_id = m.product_id
),
kept as (
  select coalesce({key}, '(none)') as product,{said} x.t, x.currency, x.views, x.adds, x.order_id, x.units, x.gross,
    x.discounts, x.refunds, x.cancelled, x.returned
  from known x{each}
  where x.t >= $from_t and x.t < $to_t{some} @where()
),
seen as (
  select k.product, sum(k.views) as views, sum(k.adds) as adds, {name} as name
  from kept k group by k.product
),
money as (
  select k.product, @currency(k.currency) as currency, count(distinct k.order_id) as orders, @sum(k.units) as units,
    @sum(@amount(k.gross, k.currency)) as gross, @sum(@amount(k.discounts, k.currency)) as discounts,
    @sum(@amount(k.refunds, k.currency)) as refunds, @sum(@amount(k.cancelled, k.currency)) as cancelled,
    @sum(k.returned) as returned
  from kept k where k.currency is not null group by k.product, @currency(k.currency)
),
totals as (
  select s.product, s.name, m.currency, s.views, s.adds, coalesce(m.orders, 0) as orders,
    coalesce(m.units, @zero()) as units, coalesce(m.gross, @zero()) as gross,
    coalesce(m.discounts, @zero()) as discounts, coalesce(m.refunds, @zero()) as refunds,
    coalesce(m.cancelled, @zero()) as cancelled,
    coalesce(m.gross, @zero()) - coalesce(m.refunds, @zero()) - coalesce(m.cancelled, @zero()) as net,
    coalesce(m.returned, @zero()) as returned
  from seen s
  left join money m on m.product = s.product
),
rated as (
  select t.product, t.name, t.currency, t.views, t.adds, t.orders, t.units, t.gross, t.discounts, t.refunds,
    t.cancelled, t.net, t.returned,
    @ratio(t.adds, t.views) as view_to_cart, @ratio(t.orders, t.adds) as cart_to_order,
    @ratio(t.orders, t.views) as view_to_order, @ratio(t.returned, t.units) as return_rate
  from totals t
  where $currency is null or t.currency is null or t.currency = $currency
)
select * from rated r
order by case when r.{params.sort} is null then 1 else 0 end, r.{params.sort} desc, r.product, r.currency
limit {params.limit}"""


report = Report(
    "products",
    ProductsParams,
    ProductsRow,
    _sql,
    models=(SESSION_EVENTS, ORDERS, ORDER_LINES, ORDER_MONEY, REFUND_LINES, CATALOG),
    filters={
        "product": "x.product_id = {value}",
        "variant": "x.variant_id = {value}",
        "category": "@contains(concat(' > ', x.categories, ' > '), concat(' > ', {value}, ' > '))",
        "brand": "x.brand = {value}",
        **_TIED,
    },
    order_filters=ORDER_FILTERS,
    checks=MONEY_CHECKS,
    doc=__doc__ or "",
    keys=("product", "currency"),
)
