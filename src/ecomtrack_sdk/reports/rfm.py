"""Who are the best customers, who is slipping away, and who came once?

**Question.** Recency, frequency and money of every customer, as marks from 1 to 5, and the same as the inputs of
lifetime models.

**Grain.** One row per customer and currency, the best first.

**Formula.** Over counted orders up to ``as_of`` (that day included): ``recency_score`` by the last order,
``frequency_score`` by the number of orders, ``money_score`` by their net revenue. Marks are quintiles, 5 best:
customers are ranked, equal values share the lower rank, and the mark is ``1 + floor(5 x (rank - 1) ÷ customers)``.
``score`` is the three digits side by side.

For models (Pareto/NBD, BG/NBD, Gamma-Gamma) orders of a customer within one period (``by``, a day by default) count
as one: ``frequency`` = periods with an order - 1, ``recency`` = periods from the first to the last of them, ``age`` =
periods from the first to ``as_of``, ``mean_repeat_value`` = mean value of the periods after the first, 0 without any.

**Unit.** Amounts in ``currency``, ranked within it; ``value=gross`` takes them before refunds and cancellations.

**Caveats.** Orders that name nobody are not here. A customer with one order has a frequency of 0, as in the
literature.

**Source.** RFM quintiles as in database marketing; ``summary_data_from_transaction_data`` of Python's lifetimes.
"""
# ruff: noqa: S608
# The text is made of names of our own; what users write is bound as parameters.

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from ecomtrack_sdk.reports._acts import last_moment
from ecomtrack_sdk.reports._base import Report, Row
from ecomtrack_sdk.reports._checks import MONEY_CHECKS
from ecomtrack_sdk.reports._filters import ORDER_FILTERS
from ecomtrack_sdk.reports._params import By, Params, bounds, in_calendar
from ecomtrack_sdk.reports._values import Count, Money, Time
from ecomtrack_sdk.reports.models import ORDER_LINES, ORDER_MONEY, ORDERS
from ecomtrack_sdk.reports.models.order_people import ORDER_PEOPLE

__all__ = ["RfmParams", "RfmRow", "report"]


class RfmParams(Params):
    """Parameters of RFM."""

    by: By = "day"
    """Length of a period for ``frequency``, ``recency`` and ``age``."""
    as_of: date | None = None
    """Last day that counts; the day before ``to``, or that of the last event, when absent."""
    value: Literal["net", "gross"] = "net"
    """Which money."""
    limit: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000
    """Most rows."""

    @field_validator("as_of")
    @classmethod
    def _day(cls, value: date | None) -> date | None:
        in_calendar(value)
        return value

    @model_validator(mode="after")
    def _until(self) -> RfmParams:
        if self.as_of is not None:
            vars(self)["to"] = self.as_of + timedelta(days=1)  # frozen: before anybody has seen it
            if self.from_ is not None and bounds(self)[0] >= bounds(self)[1]:
                raise ValueError("as_of must not be before from")
        return self


class RfmRow(Row):
    """A customer in one currency."""

    person: str
    """Who: customer id, e-mail address, or ``visitor:`` with the visitor's id."""
    currency: str
    """ISO 4217."""
    score: str
    """Marks for recency, frequency and money, such as ``555``."""
    recency_score: Count
    """5: ordered lately."""
    frequency_score: Count
    """5: ordered often."""
    money_score: Count
    """5: spent most."""
    orders: Count
    """Counted orders."""
    revenue: Money
    """What they brought."""
    first_order: Time
    """Moment of the first one."""
    last_order: Time
    """Moment of the last one."""
    frequency: Count
    """Periods with an order, the first left out."""
    recency: Count
    """Periods from the first order to the last."""
    age: Count
    """Periods from the first order to ``as_of``."""
    mean_repeat_value: Money
    """Mean value of the periods with an order, the first left out; 0 without any."""


def _sql(params: RfmParams) -> str:
    money = "o.net" if params.value == "net" else "o.gross"
    rank = "rank() over (partition by c.currency order by {0})"
    mark = "cast(1 + floor(5 * ({0} - 1) / count(*) over (partition by c.currency)) as bigint)"
    marks = ", ".join(
        f"{mark.format(rank.format(column))} as {name}"
        for name, column in {
            "recency_score": "c.last_order", "frequency_score": "c.orders", "money_score": "c.revenue",
        }.items()
    )  # fmt: skip
    return f"""with {last_moment()},
placed as (
  select p.person_id as person, @currency(o.currency) as currency, @period(o.ordered_t) as at, o.ordered_t as t,
    @amount({money}, o.currency) as value
  from orders o
  join order_people p on p.order_id = o.order_id
  where @counted(o) = 1 and o.ordered_t >= $from_t and o.ordered_t < $to_t @where()
),
periods as (
  select x.person, x.currency, x.at, count(*) as orders, @sum(x.value) as value, min(x.t) as first_t,
    max(x.t) as last_t,
    row_number() over (partition by x.person, x.currency order by x.at) as nth
  from placed x
  where $currency is null or x.currency = $currency
  group by x.person, x.currency, x.at
),
customers as (
  select y.person, y.currency, sum(y.orders) as orders, @sum(y.value) as revenue, min(y.first_t) as first_order,
    max(y.last_t) as last_order, count(*) - 1 as frequency, @periods(min(y.at), max(y.at)) as recency,
    min(y.at) as first_at, @sum(case when y.nth > 1 then y.value else @zero() end) as repeated
  from periods y
  group by y.person, y.currency
),
marked as (
  select c.*, {marks} from customers c
)
select m.person as person, m.currency as currency,
  concat(cast(m.recency_score as varchar), cast(m.frequency_score as varchar), cast(m.money_score as varchar)) as score,
  m.recency_score as recency_score, m.frequency_score as frequency_score, m.money_score as money_score,
  m.orders as orders, m.revenue as revenue, m.first_order as first_order, m.last_order as last_order,
  m.frequency as frequency, m.recency as recency, @periods(m.first_at, @period(e.last_t)) as age,
  coalesce(@ratio(m.repeated, m.frequency), 0) as mean_repeat_value
from marked m
cross join ends e
order by m.recency_score + m.frequency_score + m.money_score desc, m.revenue desc, m.person, m.currency
limit {params.limit}"""


report = Report(
    "rfm",
    RfmParams,
    RfmRow,
    _sql,
    models=(ORDERS, ORDER_LINES, ORDER_MONEY, ORDER_PEOPLE),
    filters=ORDER_FILTERS,
    checks=MONEY_CHECKS,
    doc=__doc__ or "",
    keys=("person", "currency"),
)
