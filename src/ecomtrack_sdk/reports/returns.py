"""What comes back, from whom, and why?

**Question.** The share of goods, orders and money that comes back, by product, category, channel, campaign, payment
method, place or reason; the campaign whose buyers send things back stands out by its ``lift``.

**Grain.** One row per value of ``group`` and currency.

**Formula.** ``units``, ``orders``, ``gross``: what counted orders sold. ``returned``: units on refund lines;
``returned_orders``: orders with a refund; ``refunds``: money paid back. ``return_rate = returned ÷ units``,
``order_return_rate = returned_orders ÷ orders``, ``value_rate = refunds ÷ gross``. ``lift`` = ``value_rate`` ÷ that
of all rows: 2 means twice as much as usual. ``share``: of all refunds in the currency. For ``reason`` and ``place``,
which only a refund has, ``units``, ``orders`` and ``gross`` are those of all orders.

**Unit.** Amounts in ``currency``. By product, variant, category and brand they are those of lines (without shipping,
tax, order discounts, and refunds without lines); by anything else those of whole orders.

**Caveats.** ``basis=order`` (default) puts a return beside the sale it belongs to, so the rate of young periods still
grows; ``basis=action`` books it on its own date, and the rate compares this period's returns with this period's
sales. Channel and campaign are those of the last click that was not direct. With ``group=category`` a line counts in
each of its categories. A line that does not say its name, brand or categories is given those last seen. Filters choose
orders; by product, variant, category or brand those on one of these choose its lines in them. A status ``returned``
without a refund is no return here.

**Source.** Return rate in units (nostadamus) and in value (ecommercedb), shown beside each other.
"""
# ruff: noqa: S608
# The text is made of names of our own; what users write is bound as parameters.

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ecomtrack_sdk.reports._base import Report, Row
from ecomtrack_sdk.reports._checks import MONEY_CHECKS
from ecomtrack_sdk.reports._filters import ORDER_FILTERS, conditions, in_category
from ecomtrack_sdk.reports._params import Params
from ecomtrack_sdk.reports._values import Count, Money, Number, Quantity, Rate
from ecomtrack_sdk.reports.models import ORDER_LINES, ORDER_MONEY, ORDERS, REFUND_LINES
from ecomtrack_sdk.reports.models.catalog import CATALOG
from ecomtrack_sdk.reports.models.touches import ORDER_TOUCH

__all__ = ["ReturnsParams", "ReturnsRow", "report"]

Group = Literal[
    "product", "variant", "category", "top_category", "brand", "channel", "source", "medium", "campaign",
    "payment_method", "country", "place", "reason",
]  # fmt: skip


class ReturnsParams(Params):
    """Parameters of the returns report."""

    group: Group = "product"
    """What a row is."""
    sort: Literal["refunds", "returned", "return_rate", "order_return_rate", "value_rate", "units", "gross"] = "refunds"
    """Column to sort by, the greatest first."""
    limit: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    """Most rows."""


class ReturnsRow(Row):
    """A value of the group in one currency."""

    value: str
    """Of the group; ``(none)`` when not given."""
    name: str | None
    """Name of the product; the value itself for other groups."""
    currency: str
    """ISO 4217."""
    orders: Count
    """Counted orders."""
    returned_orders: Count
    """Orders with a refund."""
    order_return_rate: Rate | None
    """``returned_orders ÷ orders``."""
    units: Quantity
    """Units sold."""
    returned: Quantity
    """Units that came back."""
    return_rate: Rate | None
    """``returned ÷ units``."""
    gross: Money
    """What was sold."""
    refunds: Money
    """Paid back."""
    value_rate: Rate | None
    """``refunds ÷ gross``."""
    lift: Number | None
    """``value_rate`` ÷ that of all: above 1 more comes back than usual."""
    share: Rate | None
    """Of all refunds in the currency."""


_LEVELS = " union all ".join(f"select {n} as n" for n in range(1, 9))
_OF_LINE = {
    "product": "{0}.product_id",
    "variant": "concat({0}.product_id, case when {0}.variant_id is null then '' else concat('/', {0}.variant_id) end)",
    "category": "@part(coalesce({0}.categories, g.categories), n.n)",
    "top_category": "coalesce({0}.category, g.category)",
    "brand": "coalesce({0}.brand, g.brand)",
}
_OF_ORDER = {
    "channel": "w.channel", "source": "w.source", "medium": "w.medium", "campaign": "w.campaign",
    "payment_method": "o.payment_method", "country": "o.country",
}  # fmt: skip
_IN_RANGE = "{0} >= $from_t and {0} < $to_t @where()"


_OF_THESE = {
    "product": "{0}.product_id = {value}",
    "variant": "{0}.variant_id = {value}",
    "category": in_category("{0}"),
    "brand": "coalesce({0}.brand, g.brand) = {value}",
}
"""Filters on lines ``{0}`` with their product's row ``g`` of the catalog."""


_NAMED = frozenset({"product", "variant"})
"""Groups whose rows are of one product and have its name; a row of another is called by its value."""


def _by_line(params: ReturnsParams, back: str) -> str:
    """CTEs ``totals`` and ``grouped`` of what lines are: what was sold and what came back, each summed by itself."""
    group = params.group
    named = group in _NAMED
    each = f" cross join ({_LEVELS}) n" if group == "category" else ""
    some = " and ({0} is not null or n.n = 1)" if each else ""
    # Of the orders that have such a product only its own lines: what else was bought with it is not what was asked.
    these = "".join(f" and ({each})" for each in conditions(params, _OF_THESE))
    catalog = "" if named and not these else "\n  left join catalog g on g.product_id = {0}.product_id"
    order = "\n  join orders o on o.order_id = l.order_id" if params.where else ""

    def sums(alias: str, moment: str, figures: str, source: str, kept: str) -> str:
        value = _OF_LINE[group].format(alias)
        said = (
            f", max({alias}.product_id) as product_id, @last({alias}.name, ({moment}, {alias}.name)) as name,\n"
            f"    max(case when {alias}.name is not null then {moment} end) as t,\n"
            f"    max(case when {alias}.name is null then {moment} end) as unnamed_t"
        )
        return f"""
  select coalesce({value}, '(none)') as value, @currency({alias}.currency) as currency{said if named else ""},
    {figures}
  from {source}{catalog.format(alias)}{each}
  where {kept}{_IN_RANGE.format(moment)}{some.format(value)}{these.replace("{0}", alias)}
  group by coalesce({value}, '(none)'), @currency({alias}.currency)"""

    sold = sums(
        "l", "l.ordered_t",
        "count(distinct l.order_id) as orders, 0 as returned_orders, @sum(l.quantity) as units, @zero() as returned,\n"
        "    @sum(@amount(l.subtotal, l.currency)) as gross, @zero() as refunds",
        f"order_lines l{order}", "@counted(l) = 1 and ",
    )  # fmt: skip
    came = sums(
        "r", back.format("r"),
        "0 as orders, count(distinct r.order_id) as returned_orders, @zero() as units, @sum(r.quantity) as returned,\n"
        "    @zero() as gross, @sum(@amount(r.amount, r.currency)) as refunds",
        "refund_lines r join orders o on o.order_id = r.order_id", "",
    )  # fmt: skip
    # A line that does not say its product's name has that of the catalog.
    unnamed = """
  union all
  select m.value, m.currency, g.name, m.unnamed_t as t, 0 as orders, 0 as returned_orders, @zero() as units,
    @zero() as returned, @zero() as gross, @zero() as refunds
  from moves m join catalog g on g.product_id = m.product_id
  where m.unnamed_t is not null"""
    return f"""with moves as ({sold}
  union all{came}
),
kept as (
  select m.value, m.currency, {"m.name, m.t" if named else "m.value as name"}, m.orders, m.returned_orders, m.units,
    m.returned, m.gross, m.refunds
  from moves m{unnamed if named else ""}
),
grouped as (
  select k.value, k.currency, {"@last(k.name, (k.t, k.name))" if named else "k.value"} as name, sum(k.orders) as orders,
    sum(k.returned_orders) as returned_orders, @sum(k.units) as units, @sum(k.returned) as returned,
    @sum(k.gross) as gross, @sum(k.refunds) as refunds
  from kept k
  where $currency is null or k.currency = $currency
  group by k.value, k.currency
),
totals as (
  select g.currency, @sum(g.gross) as gross, @sum(g.refunds) as refunds from grouped g group by g.currency
),"""


def _by_order(group: str, back: str) -> str:
    of_refund = group in {"place", "reason"}
    value = "cast(null as varchar)" if of_refund else _OF_ORDER[group]
    touch = "\n  left join order_touch w on w.order_id = o.order_id" if value.startswith("w.") else ""
    money = f"coalesce(a.{group}, '(none)')" if of_refund else f"coalesce({value}, '(none)')"
    lines = f"coalesce(r.{group}, '(none)')" if of_refund else money
    sold = value if of_refund else f"coalesce({value}, '(none)')"
    # A refund's lines have reasons of their own; what is left of its amount (shipping, goodwill) has the refund's.
    moved = "m.amount - coalesce(x.amount, @zero())" if of_refund else "m.amount"
    line_amount = "@amount(r.amount, r.currency)" if of_refund else "@zero()"
    rest = ""
    if of_refund:
        rest = (
            "\n  join counted_actions a on a.event_id = m.event_id"
            "\n  left join (select r.event_id, @sum(r.amount) as amount from refund_lines r group by r.event_id) x"
            " on x.event_id = m.event_id"
        )
    return f"""with moves as (
  select {sold} as value, @currency(o.currency) as currency, o.order_id as sold_id,
    cast(null as varchar) as back_id, o.units as units, @zero() as returned, @amount(o.gross, o.currency) as gross,
    @zero() as refunds
  from orders o{touch}
  where @counted(o) = 1 and {_IN_RANGE.format("o.ordered_t")}
  union all
  select {money} as value, @currency(m.currency) as currency,
    cast(null as varchar) as sold_id, m.order_id as back_id, @zero() as units, @zero() as returned, @zero() as gross,
    @amount({moved}, m.currency) as refunds
  from order_money m join orders o on o.order_id = m.order_id{touch}{rest}
  where m.kind = 'refund' and {moved} <> @zero() and {_IN_RANGE.format(back.format("m"))}
  union all
  select {lines} as value, @currency(r.currency) as currency,
    cast(null as varchar) as sold_id, r.order_id as back_id, @zero() as units, r.quantity as returned,
    @zero() as gross, {line_amount} as refunds
  from refund_lines r join orders o on o.order_id = r.order_id{touch}
  where {_IN_RANGE.format(back.format("r"))}
),
kept as (
  select v.* from moves v where $currency is null or v.currency = $currency
),
totals as (
  select k.currency, count(distinct k.sold_id) as orders, @sum(k.units) as units, @sum(k.gross) as gross,
    @sum(k.refunds) as refunds
  from kept k group by k.currency
),
grouped as (
  select k.value, k.currency, k.value as name, count(distinct k.sold_id) as orders,
    count(distinct k.back_id) as returned_orders, @sum(k.units) as units, @sum(k.returned) as returned,
    @sum(k.gross) as gross, @sum(k.refunds) as refunds
  from kept k where k.value is not null group by k.value, k.currency
),"""


def _sql(params: ReturnsParams) -> str:
    back = "{0}.t" if params.basis == "action" else "o.ordered_t"
    with_grouped = _by_line(params, back) if params.group in _OF_LINE else _by_order(params.group, back)
    # A place or a reason is that of refunds: what was sold is the same for each.
    sold = "t" if params.group in {"place", "reason"} else "g"
    return f"""{with_grouped}
rated as (
  select g.value as value, g.name as name, g.currency as currency, {sold}.orders as orders,
    g.returned_orders as returned_orders, @ratio(g.returned_orders, {sold}.orders) as order_return_rate,
    {sold}.units as units, g.returned as returned, @ratio(g.returned, {sold}.units) as return_rate,
    {sold}.gross as gross, g.refunds as refunds, @ratio(g.refunds, {sold}.gross) as value_rate,
    @ratio(@ratio(g.refunds, {sold}.gross), @ratio(t.refunds, t.gross)) as lift,
    @ratio(g.refunds, t.refunds) as share
  from grouped g
  join totals t on t.currency = g.currency
)
select * from rated r
order by case when r.{params.sort} is null then 1 else 0 end, r.{params.sort} desc, r.value, r.currency
limit {params.limit}"""


report = Report(
    "returns",
    ReturnsParams,
    ReturnsRow,
    _sql,
    models=(ORDERS, ORDER_LINES, ORDER_MONEY, REFUND_LINES, ORDER_TOUCH, CATALOG),
    filters=ORDER_FILTERS,
    checks=MONEY_CHECKS,
    doc=__doc__ or "",
    keys=("value", "currency"),
)
