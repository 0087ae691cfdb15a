"""Which visits earned the money?

**Question.** How much net revenue does each channel (source, campaign …) deserve, when an order is credited to the
visits of its buyer before it.

**Grain.** One row per value of ``dimension`` and currency: by default per channel.

**Formula.** The touches of an order are the sessions of its person that began at most ``lookback`` days before it, on
whatever device (the latest 128 of them). Each amount of the order is split over them:

- ``last_non_direct`` (default): all to the last touch that says where it came from; to the last one when none does.
- ``last``, ``first``: all to that touch, direct or not. ``linear``: the same to each.
- ``position``: 40 % to the first, 40 % to the last, 20 % spread over those between; half and half for two.
- ``time_decay``: half the weight for every ``half_life`` days before the order.

Where no touch says where it came from, the ``acquisition`` that the shop gave for the order counts as one more touch,
before all others. An order without any touch is ``Unassigned``. ``net = gross - refunds - cancelled``; ``aov = net ÷
orders``.

**Unit.** Amounts in ``currency``, split to a hundredth of a cent so that the parts add up to the whole exactly.
``orders`` are parts of orders too.

**Caveats.** The totals are those of the report ``revenue`` for the same parameters: with ``basis=action`` a later
refund is taken from the touches of its order, on its own date. Filters choose orders; ``channel=`` those whose last
non-direct click was that channel.

**Source.** Google Ads' attribution models (40/20/40, half-life of a week), Matomo (last non-direct), GA4 (90 days).
"""
# ruff: noqa: S608
# The text is made of expressions of our own; what users write is bound.

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, field_validator

from ecomtrack_sdk.reports._base import Report
from ecomtrack_sdk.reports._checks import MONEY_CHECKS
from ecomtrack_sdk.reports._dimensions import SESSION_DIMENSIONS, Dimension, OfVisit, grouped, words
from ecomtrack_sdk.reports._filters import ORDER_FILTERS
from ecomtrack_sdk.reports._params import Params
from ecomtrack_sdk.reports._values import Money, Quantity, Rate
from ecomtrack_sdk.reports.models.order_money import ORDER_MONEY
from ecomtrack_sdk.reports.models.orders import ORDERS
from ecomtrack_sdk.reports.models.touches import LOOKBACK_DAYS, MOST_LOOKBACK_DAYS, TOUCHES

__all__ = ["AttributionParams", "AttributionRow", "report"]

_DAY = 86_400_000_000


class AttributionParams(Params):
    """Those of every report, the model, and what the rows stand for."""

    model: Literal["last_non_direct", "last", "first", "linear", "position", "time_decay"] = "last_non_direct"
    """How an order is split over the visits before it."""
    lookback: Annotated[int, Field(ge=0, le=MOST_LOOKBACK_DAYS)] = LOOKBACK_DAYS
    """Days before the order in which a visit counts."""
    half_life: Annotated[float, Field(gt=0)] = 7.0
    """Days in which a touch loses half its weight, for ``time_decay``."""
    dimension: tuple[Dimension, ...] = ("channel",)
    """Fields the rows are broken down by, separated by commas; ``total`` for one row per currency."""

    @field_validator("dimension", mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        return words(value)


class AttributionRow(OfVisit):
    """What one kind of visit earned; only the columns of ``dimension`` are there."""

    currency: str
    """ISO 4217."""
    orders: Quantity
    """Orders in a counted status, in parts where they are split, by order date."""
    gross: Money
    """What they owed."""
    refunds: Money
    """Paid back."""
    cancelled: Money
    """Of cancelled and failed orders."""
    net: Money
    """``gross - refunds - cancelled``."""
    share: Rate | None
    """``net ÷`` all net revenue of the currency (and period)."""
    aov: Money | None
    """``net ÷ orders``."""


_WEIGHTS = {
    "linear": "1",
    # 40 : 20 : 40 in whole numbers: each end weighs 2 (n - 2), each of the n - 2 between them 1.
    "position": "case when p.places <= 2 then 1 when p.place in (1, p.places) then 2 * (p.places - 2) else 1 end",
    # Whole billionths, so that engines whose powers differ in the last bit agree.
    "time_decay": "greatest(1, cast(floor(power(2.0, 0 - cast(p.age as double) / 86400000000 / $half_life) * 1000000000"
    " + 0.5) as bigint))",
}
"""Models that split an order → the weight of a touch ``p``."""
_WINNERS = {
    "last_non_direct": "@last({0}, (1 - t.direct, t.start_t, t.session_id))",
    "last": "@last({0}, (t.start_t, t.session_id))",
    "first": "@first({0}, (t.start_t, t.session_id))",
}
"""Models that give it to one touch → what that touch says."""
_OF_ORDER = {
    "channel": "o.acq_channel",
    "source": "coalesce(o.acq_source, '(not set)')",
    "medium": "coalesce(o.acq_medium, '(not set)')",
    "source_medium": "concat(coalesce(o.acq_source, '(not set)'), ' / ', coalesce(o.acq_medium, '(not set)'))",
    "campaign": "o.acq_campaign",
}
_NULL = "cast(null as varchar)"
_NOWHERE = {
    "channel": "'Unassigned'",
    "source": "'(not set)'",
    "medium": "'(not set)'",
    "source_medium": "'(not set) / (not set)'",
}


def _part(amount: str) -> str:
    """What a touch gets of an amount: what is due up to it less what is due before it, so nothing is left over."""
    return (
        f"case when s.order_id is null then {amount} else"
        f" @prorate({amount}, s.so_far, s.total) - @prorate({amount}, s.so_far - s.weight, s.total) end"
    )


def _won(params: AttributionParams, fields: Sequence[str]) -> str:
    """CTEs up to ``credits`` where one touch gets it all: an aggregate finds it, nothing is sorted."""
    winner = _WINNERS[params.model]
    # Aggregates pass over what is not there, and that may be what the winner says; no text is ever empty.
    said = [(name, f"coalesce({sql}, '')") for name, sql in grouped(fields, "t", "", SESSION_DIMENSIONS)]
    touched = "".join(f", nullif({winner.format(sql)}, '') as {name}" for name, sql in said)
    clicked = "w.order_id is not null" if params.model == "last" else "w.direct = 0"
    columns = [
        f"case when {clicked} then w.{name} when g.order_id is not null then g.{name}"
        f" when w.order_id is not null then w.{name} else {_NOWHERE.get(name, _NULL)} end as {name}, "
        for name in fields
    ]
    return f"""
winners as (
  select t.order_id as order_id, min(t.direct) as direct{touched}
  from touches t
  where t.age <= $lookback_t
  group by 1
),
given as (
  select o.order_id as order_id{_given(fields)}
  from orders o
  where o.acq_channel is not null
),
credits as (
  select {"".join(columns)}m.currency as currency, m.orders as orders, m.gross as gross, m.refunds as refunds,
    m.cancelled as cancelled{_period(params)}
  from money m
  left join winners w on w.order_id = m.order_id
  left join given g on g.order_id = m.order_id
)"""


def _split(params: AttributionParams, fields: Sequence[str]) -> str:
    """CTEs up to ``credits`` where touches share an order by their weights."""
    touched = "".join(f", {sql} as {name}" for name, sql in grouped(fields, "t", "", SESSION_DIMENSIONS))
    carried = "".join(f", p.{name} as {name}" for name in fields)
    columns = [
        f"case when s.order_id is null then {_NOWHERE.get(name, _NULL)} else s.{name} end as {name}, "
        for name in fields
    ]
    return f"""
visits as (
  select t.order_id as order_id, t.session_id as session_id, t.start_t as start_t, t.age as age{touched}
  from touches t
  where t.age <= $lookback_t
  union all
  select o.order_id as order_id, '' as session_id, o.ordered_t - $lookback_t - 1 as start_t,
    $lookback_t as age{_given(fields)}
  from orders o
  where o.acq_channel is not null
    and o.order_id not in (select t.order_id from touches t where t.direct = 0 and t.age <= $lookback_t)
),
placed as (
  select p.order_id as order_id, p.age as age,
    row_number() over (partition by p.order_id order by p.start_t, p.session_id) as place,
    count(*) over (partition by p.order_id) as places{carried}
  from visits p
),
weighted as (
  select p.*, {_WEIGHTS[params.model]} as weight
  from placed p
),
summed as (
  select p.order_id as order_id, p.weight as weight,
    sum(p.weight) over (partition by p.order_id order by p.place rows between unbounded preceding and current row)
      as so_far,
    sum(p.weight) over (partition by p.order_id) as total{carried}
  from weighted p
),
credits as (
  select {"".join(columns)}m.currency as currency, {_part("m.orders")} as orders,
    {_part("m.gross")} as gross, {_part("m.refunds")} as refunds,
    {_part("m.cancelled")} as cancelled{_period(params)}
  from money m
  left join summed s on s.order_id = m.order_id and s.weight > 0
)"""


def _given(fields: Sequence[str]) -> str:
    return "".join(f", {_OF_ORDER.get(name, _NULL)} as {name}" for name in fields)


def _period(params: AttributionParams) -> str:
    return ", m.period as period" if "period" in params.dimension else ""


def _sql(params: AttributionParams) -> str:
    asked = [name for name in params.dimension if name != "total"]
    fields = [name for name in asked if name != "period"]
    period = ", @period({0}) as period" if "period" in asked else ""
    moment = "m.t" if params.basis == "action" else "m.ordered_t"
    # Only filters ask about the order behind a movement.
    orders = "\n  left join orders o on o.order_id = m.order_id" if params.where else ""
    credited = _won(params, fields) if params.model in _WINNERS else _split(params, fields)
    shown = "".join(f"c.{name} as {name}, " for name in asked)
    group = "".join(f"c.{name}, " for name in asked)
    whole = "partition by c.period, c.currency" if "period" in asked else "partition by c.currency"
    first = "c.period, " if "period" in asked else ""
    return f"""
with money as (
  select m.order_id as order_id, @currency(m.currency) as currency, @zero() as orders,
    case when m.kind = 'gross' then @amount(m.amount, m.currency) else @zero() end as gross,
    case when m.kind = 'refund' then @amount(m.amount, m.currency) else @zero() end as refunds,
    case when m.kind = 'cancel' then @amount(m.amount, m.currency) else @zero() end as cancelled{period.format(moment)}
  from order_money m{orders}
  where {moment} >= $from_t and {moment} < $to_t and m.kind <> 'discount' @where()
  union all
  select o.order_id as order_id, @currency(o.currency) as currency, cast(@counted(o) as decimal(18, 4)) as orders,
    @zero() as gross, @zero() as refunds, @zero() as cancelled{period.format("o.ordered_t")}
  from orders o
  where o.ordered_t >= $from_t and o.ordered_t < $to_t @where()
),{credited},
totals as (
  select {shown}c.currency as currency, @sum(c.orders) as orders, @sum(c.gross) as gross, @sum(c.refunds) as refunds,
    @sum(c.cancelled) as cancelled, @sum(c.gross) - @sum(c.refunds) - @sum(c.cancelled) as net
  from credits c
  where $currency is null or c.currency = $currency
  group by {group}c.currency
)
select {shown}c.currency as currency, c.orders as orders, c.gross as gross, c.refunds as refunds,
  c.cancelled as cancelled, c.net as net, @ratio(c.net, sum(c.net) over ({whole})) as share,
  @ratio(c.net, c.orders) as aov
from totals c
order by {first}c.currency, net desc, {group}orders desc
"""


report = Report(
    "attribution",
    AttributionParams,
    AttributionRow,
    _sql,
    models=(ORDERS, ORDER_MONEY, TOUCHES),
    filters=ORDER_FILTERS,
    checks=MONEY_CHECKS,
    bind=lambda params: {"lookback_t": params.lookback * _DAY},
    doc=__doc__ or "",
)
