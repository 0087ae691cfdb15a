"""What a reader of money figures has to know, told the same way by every report that shows money.

A check looks at what its report looks at: ``@orders_where()`` are the user's filters on a row ``o`` of ``orders``,
``@of_orders()`` the same on the order of a row ``m``. Both are empty in reports whose filters are about something else
than orders (people, visits): there the checks look at all orders of the time asked for.
"""

from __future__ import annotations

from ecomtrack_sdk.reports._base import Tally
from ecomtrack_sdk.reports.models.oddities import ODDITIES

__all__ = ["MIXED_CURRENCIES", "MONEY_CHECKS", "SEVERAL_CURRENCIES", "odd"]

_IN_TIME = "o.ordered_t >= $from_t and o.ordered_t < $to_t"
_IN_RANGE = "(case when $basis = 'action' then {0}.t else {0}.ordered_t end)"
_MOVED = f"{_IN_RANGE.format('m')} >= $from_t and {_IN_RANGE.format('m')} < $to_t"


def _currencies(text: str, row: str, within: str) -> Tally:
    """The warning that there are several of them among the rows *row* (table and alias) *within* a condition."""
    column = f"@currency({row.split()[1]}.currency)"
    return Tally(
        {"several_currencies": text},
        f"""
    select 'several_currencies' as code, 1 as n, cast(null as varchar) as example, {column} as name
    from {row}
    where {within} and $currency is null
    group by {column}
    """,  # noqa: S608  # made of the names above
        least=2,
    )


SEVERAL_CURRENCIES = _currencies(
    "amounts are in {n} currencies ({names}): there is a row for each, and no sum over them. "
    "Ask for one with currency, or give convert and rates",
    "order_money m",
    f"{_MOVED} @of_orders()",
)
MIXED_CURRENCIES = _currencies(
    "orders are in {n} currencies ({names}): revenue is empty where they meet. "
    "Ask for one with currency, or give convert and rates",
    "orders o",
    f"{_IN_TIME} @orders_where()",
)
"""For reports whose rows have one place for money and no currency of their own."""

_ODD = {
    "refund_without_order": (
        "{n} refunds belong to orders that are not known ({example} for one): they count on the date of the refund"
    ),
    "refund_over_total": "{n} orders were refunded more than they cost ({example} for one): kept as sent",
    "refund_in_other_currency": (
        "{n} refunds are in another currency than their order ({example} for one): counted in their own"
    ),
    "refund_without_price": (
        "{n} refund lines name a product their order never had and no amount ({example} for one): worth nothing"
    ),
    "status_without_refund": (
        "{n} orders have the status refunded or returned and no refund ({example} for one): a status moves no money"
    ),
    "unknown_status": "{n} orders have a status that is not one of ours ({names}): they count as open",
    "update_without_order": (
        "{n} orders were updated but never sent as an order ({example} for one): they are not counted"
    ),
}
"""Code in ``oddities`` → warning."""


def odd(*codes: str) -> Tally:
    """The warnings about orders that are odd in one of these ways: one look at a small table answers all of them."""
    asked = ", ".join(f"'{code}'" for code in codes)
    return Tally(
        {code: _ODD[code] for code in codes},
        f"""
    select o.code, case when o.code = 'update_without_order' then count(distinct o.order_id) else count(*) end as n,
        min(o.order_id) as example, o.status as name
    from oddities o
    where o.code in ({asked}) and {_IN_TIME}
      and ($currency is null or o.currency is null or @currency(o.currency) = $currency
        or @currency(o.other_currency) = $currency)
      @orders_where()
    group by o.code, o.status
    """,  # noqa: S608  # made of the names above
        models=(ODDITIES,),
    )


MONEY_CHECKS = (SEVERAL_CURRENCIES, odd(*_ODD))
