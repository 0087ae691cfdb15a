"""What a reader of money figures has to know, told the same way by every report that shows money.

A check looks at what its report looks at: ``@orders_where()`` are the user's filters on a row ``o`` of ``orders``,
``@of_orders()`` the same on the order of a row ``m``. Both are empty in reports whose filters are about something else
than orders (people, visits): there the checks look at all orders of the time asked for.
"""

from __future__ import annotations

from ecomtrack_sdk.events import STATUSES
from ecomtrack_sdk.reports._base import Check

__all__ = [
    "MIXED_CURRENCIES",
    "MONEY_CHECKS",
    "REFUND_IN_OTHER_CURRENCY",
    "REFUND_OVER_TOTAL",
    "REFUND_WITHOUT_ORDER",
    "REFUND_WITHOUT_PRICE",
    "SEVERAL_CURRENCIES",
    "STATUS_WITHOUT_REFUND",
    "UNKNOWN_STATUS",
    "UPDATE_WITHOUT_ORDER",
]

_IN_RANGE = "(case when $basis = 'action' then {0}.t else {0}.ordered_t end)"
_MOVED = f"{_IN_RANGE.format('m')} >= $from_t and {_IN_RANGE.format('m')} < $to_t"
_ASKED = "($currency is null or @currency({0}.currency) = $currency)"
_ORDERED = f"o.ordered_t >= $from_t and o.ordered_t < $to_t and {_ASKED.format('o')} @orders_where()"
_UNKNOWN_ORDER = ", ".join(
    f"cast(null as varchar) as {column}"
    for column in (
        "status", "country", "region", "city", "payment_method", "customer_id", "customer_email", "coupons",
    )
)  # fmt: skip
"""The columns filters ask an order for, of one that is not known."""
_KNOWN_STATUSES = ", ".join(f"'{status}'" for status in STATUSES)

SEVERAL_CURRENCIES = Check(
    "several_currencies",
    "amounts are in {n} currencies ({names}): there is a row for each, and no sum over them. "
    "Ask for one with currency, or give convert and rates",
    f"""
    select count(distinct @currency(m.currency)) as n, @join_text(@currency(m.currency)) as names
    from order_money m
    where {_MOVED} and $currency is null @of_orders()
    having count(distinct @currency(m.currency)) > 1
    """,  # noqa: S608  # made of the text above
)

MIXED_CURRENCIES = Check(
    "several_currencies",
    "orders are in {n} currencies ({names}): revenue is empty where they meet. "
    "Ask for one with currency, or give convert and rates",
    """
    select count(distinct @currency(o.currency)) as n, @join_text(@currency(o.currency)) as names
    from orders o
    where o.ordered_t >= $from_t and o.ordered_t < $to_t and $currency is null @orders_where()
    having count(distinct @currency(o.currency)) > 1
    """,
)
"""For reports whose rows have one place for money and no currency of their own."""

REFUND_WITHOUT_ORDER = Check(
    "refund_without_order",
    "{n} refunds belong to orders that are not known ({example} for one): they count on the date of the refund",
    f"""
    select count(*) as n, min(o.order_id) as example
    from (
        select m.order_id as order_id, m.currency as currency, {_UNKNOWN_ORDER}
        from order_money m
        where m.known = 0 and m.kind = 'refund' and {_MOVED}
    ) o
    where {_ASKED.format("o")} @orders_where()
    having count(*) > 0
    """,  # noqa: S608
)

REFUND_OVER_TOTAL = Check(
    "refund_over_total",
    "{n} orders were refunded more than they cost ({example} for one): kept as sent",
    f"""
    select count(*) as n, min(o.order_id) as example
    from orders o
    where o.refunded > o.gross and {_ORDERED}
    having count(*) > 0
    """,  # noqa: S608
)

REFUND_IN_OTHER_CURRENCY = Check(
    "refund_in_other_currency",
    "{n} refunds are in another currency than their order ({example} for one): counted in their own",
    """
    select count(*) as n, min(s.order_id) as example
    from order_states s
    join orders o on o.order_id = s.order_id
    where s.kind = 'refund' and s.refund_currency <> s.currency and o.ordered_t >= $from_t and o.ordered_t < $to_t
      and ($currency is null or @currency(s.currency) = $currency or @currency(s.refund_currency) = $currency)
      @orders_where()
    having count(*) > 0
    """,
)

REFUND_WITHOUT_PRICE = Check(
    "refund_without_price",
    "{n} refund lines name a product their order never had and no amount ({example} for one): worth nothing",
    f"""
    select count(*) as n, min(r.order_id) as example
    from refund_lines r
    join orders o on o.order_id = r.order_id
    where r.price_known = 0 and {_ORDERED}
    having count(*) > 0
    """,  # noqa: S608
)

STATUS_WITHOUT_REFUND = Check(
    "status_without_refund",
    "{n} orders have the status refunded or returned and no refund ({example} for one): a status moves no money",
    f"""
    select count(*) as n, min(o.order_id) as example
    from orders o
    where o.status in ('refunded', 'returned') and o.refunds = 0 and {_ORDERED}
    having count(*) > 0
    """,  # noqa: S608
)

UNKNOWN_STATUS = Check(
    "unknown_status",
    "{n} orders have a status that is not one of ours ({names}): they count as open",
    f"""
    select count(*) as n, @join_text(o.status) as names
    from orders o
    where o.status not in ({_KNOWN_STATUSES}) and {_ORDERED}
    having count(*) > 0
    """,  # noqa: S608
)

UPDATE_WITHOUT_ORDER = Check(
    "update_without_order",
    "{n} orders were updated but never sent as an order ({example} for one): they are not counted",
    f"""
    select count(distinct o.order_id) as n, min(o.order_id) as example
    from (
        select s.order_id as order_id, s.currency as currency, {_UNKNOWN_ORDER}
        from order_states s
        where s.known = 0 and s.kind = 'update' and s.t >= $from_t and s.t < $to_t
    ) o
    where ($currency is null or o.currency is null or @currency(o.currency) = $currency) @orders_where()
    having count(distinct o.order_id) > 0
    """,  # noqa: S608
)

MONEY_CHECKS = (
    SEVERAL_CURRENCIES,
    REFUND_WITHOUT_ORDER,
    REFUND_OVER_TOTAL,
    REFUND_IN_OTHER_CURRENCY,
    REFUND_WITHOUT_PRICE,
    STATUS_WITHOUT_REFUND,
    UNKNOWN_STATUS,
    UPDATE_WITHOUT_ORDER,
)
