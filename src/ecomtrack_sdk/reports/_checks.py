"""What a reader of money figures has to know, told the same way by every report that shows money."""

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
_KNOWN_STATUSES = ", ".join(f"'{status}'" for status in STATUSES)

SEVERAL_CURRENCIES = Check(
    "several_currencies",
    "amounts are in {n} currencies ({names}): there is a row for each, and no sum over them. "
    "Ask for one with currency, or give convert and rates",
    f"""
    select count(distinct @currency(m.currency)) as n, @join_text(@currency(m.currency)) as names
    from order_money m
    where {_MOVED} and $currency is null
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
    where o.ordered_t >= $from_t and o.ordered_t < $to_t and $currency is null
    having count(distinct @currency(o.currency)) > 1
    """,
)
"""For reports whose rows have one place for money and no currency of their own."""

REFUND_WITHOUT_ORDER = Check(
    "refund_without_order",
    "{n} refunds belong to orders that are not known ({example} for one): they count on the date of the refund",
    f"""
    select count(*) as n, min(m.order_id) as example
    from order_money m
    where m.known = 0 and m.kind = 'refund' and {_MOVED}
    having count(*) > 0
    """,  # noqa: S608
)

REFUND_OVER_TOTAL = Check(
    "refund_over_total",
    "{n} orders were refunded more than they cost ({example} for one): kept as sent",
    """
    select count(*) as n, min(o.order_id) as example
    from orders o
    where o.refunded > o.gross and o.ordered_t >= $from_t and o.ordered_t < $to_t
    having count(*) > 0
    """,
)

REFUND_IN_OTHER_CURRENCY = Check(
    "refund_in_other_currency",
    "{n} refunds are in another currency than their order ({example} for one): counted in their own",
    """
    select count(*) as n, min(s.order_id) as example
    from order_states s
    where s.kind = 'refund' and s.known = 1 and s.refund_currency <> s.currency
      and s.ordered_t >= $from_t and s.ordered_t < $to_t
    having count(*) > 0
    """,
)

REFUND_WITHOUT_PRICE = Check(
    "refund_without_price",
    "{n} refund lines name a product their order never had and no amount ({example} for one): worth nothing",
    """
    select count(*) as n, min(r.order_id) as example
    from refund_lines r
    join orders o on o.order_id = r.order_id
    where r.price_known = 0 and o.ordered_t >= $from_t and o.ordered_t < $to_t
    having count(*) > 0
    """,
)

STATUS_WITHOUT_REFUND = Check(
    "status_without_refund",
    "{n} orders have the status refunded or returned and no refund ({example} for one): a status moves no money",
    """
    select count(*) as n, min(o.order_id) as example
    from orders o
    where o.status in ('refunded', 'returned') and o.refunds = 0
      and o.ordered_t >= $from_t and o.ordered_t < $to_t
    having count(*) > 0
    """,
)

UNKNOWN_STATUS = Check(
    "unknown_status",
    "{n} orders have a status that is not one of ours ({names}): they count as open",
    f"""
    select count(*) as n, @join_text(o.status) as names
    from orders o
    where o.status not in ({_KNOWN_STATUSES}) and o.ordered_t >= $from_t and o.ordered_t < $to_t
    having count(*) > 0
    """,  # noqa: S608
)

UPDATE_WITHOUT_ORDER = Check(
    "update_without_order",
    "{n} orders were updated but never sent as an order ({example} for one): they are not counted",
    """
    select count(distinct s.order_id) as n, min(s.order_id) as example
    from order_states s
    where s.known = 0 and s.kind = 'update' and s.t >= $from_t and s.t < $to_t
    having count(distinct s.order_id) > 0
    """,
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
