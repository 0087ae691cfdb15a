"""Every movement of money, with its moment: what revenue is summed from."""

from __future__ import annotations

from ecomtrack_sdk.reports.models.order_actions import of_orders
from ecomtrack_sdk.reports.models.order_states import ORDER_STATES
from ecomtrack_sdk.store._projection import Model

__all__ = ["ORDER_MONEY"]

DOC = """One row per order and movement of money; movements of nothing are left out.

``kind`` is ``gross`` (what the customer owes), ``discount`` (what was taken off, information only), ``refund`` or
``cancel``; net = gross - refund - cancel. ``t`` is when it moved: the order's moment for what the order itself brought,
the action's for what changed later. ``ordered_t`` is the order's moment; a refund whose order is not known has its own
there. ``amount`` may be negative (a corrected total, a cancellation undone). Summed over all time both moments give the
same. ``known`` is 0 where the order is not known.
Columns: order_id, event_id, t, ordered_t, kind, amount, currency, known.
"""

_MOVED = """
with moved as (
    select
        s.order_id, s.event_id, s.kind as action, s.known, s.currency,
        case when s.known = 1 and s.t < s.ordered_t then s.ordered_t else s.t end as t,
        case when s.known = 1 then s.ordered_t else s.t end as ordered_t,
        s.refund, s.refund_currency,
        s.total - coalesce(lag(s.total) over actions, @zero()) as gross,
        s.discounts - coalesce(lag(s.discounts) over actions, @zero()) as discount,
        s.cancelled - coalesce(lag(s.cancelled) over actions, @zero()) as cancel
    from order_states s
    window actions as (partition by s.order_id order by s.rank)
)
"""
_KINDS = {"gross": "m.currency", "discount": "m.currency", "cancel": "m.currency", "refund": "m.refund_currency"}
"""Movement → the currency it is in."""

SQL = _MOVED + "union all\n".join(
    f"""
select
    m.order_id, m.event_id, m.t, m.ordered_t, '{kind}' as kind,
    cast(m.{kind} as decimal(18, 4)) as amount, {currency} as currency, m.known
from moved m
where m.{kind} <> 0
"""  # noqa: S608  # made of the names above
    for kind, currency in _KINDS.items()
)

ORDER_MONEY = Model(
    "order_money", DOC, SQL, needs=(ORDER_STATES,), reads=("order_actions",), update=of_orders("order_states")
)
