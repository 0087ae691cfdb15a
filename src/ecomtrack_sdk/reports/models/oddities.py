"""What is odd about orders: the few rows the warnings of money figures are counted from."""
# ruff: noqa: S608
# The text is made of names of our own.

from __future__ import annotations

from ecomtrack_sdk.events import STATUSES
from ecomtrack_sdk.reports.models.order_actions import of_orders
from ecomtrack_sdk.reports.models.order_states import ORDER_STATES
from ecomtrack_sdk.reports.models.orders import ORDERS
from ecomtrack_sdk.reports.models.refund_lines import REFUND_LINES
from ecomtrack_sdk.store._projection import Model

__all__ = ["ODDITIES"]

_KNOWN_STATUSES = ", ".join(f"'{status}'" for status in STATUSES)

_ODD = {
    "refund_without_order": """
      s.order_id, s.t as ordered_t, s.refund_currency as currency, cast(null as varchar) as other_currency
      from order_states s where s.known = 0 and s.kind = 'refund' and s.refund <> 0""",
    "refund_over_total": """
      o.order_id, o.ordered_t, o.currency, cast(null as varchar) as other_currency
      from orders o where o.refunded > o.gross""",
    "refund_in_other_currency": """
      s.order_id, s.ordered_t, s.currency, s.refund_currency as other_currency
      from order_states s where s.known = 1 and s.kind = 'refund' and s.refund_currency <> s.currency""",
    "refund_without_price": """
      r.order_id, o.ordered_t, o.currency, cast(null as varchar) as other_currency
      from refund_lines r join orders o on o.order_id = r.order_id where r.price_known = 0""",
    "status_without_refund": """
      o.order_id, o.ordered_t, o.currency, cast(null as varchar) as other_currency
      from orders o where o.status in ('refunded', 'returned') and o.refunds = 0""",
    "unknown_status": f"""
      o.order_id, o.ordered_t, o.currency, cast(null as varchar) as other_currency
      from orders o where o.status not in ({_KNOWN_STATUSES})""",
    "update_without_order": """
      s.order_id, s.t as ordered_t, s.currency, cast(null as varchar) as other_currency
      from order_states s where s.known = 0 and s.kind = 'update'""",
}
"""Code → the rows that are odd in this way."""

SQL = f"""
with found as (
    {" union all ".join(f"select '{code}' as code, {rows}" for code, rows in _ODD.items())}
)
select
    f.code, f.order_id, f.ordered_t, f.currency, f.other_currency,
    o.status, o.country, o.region, o.city, o.payment_method, o.customer_id, o.customer_email, o.coupons
from found f
left join orders o on o.order_id = f.order_id
"""

ODDITIES = Model(
    "oddities",
    """One row per order, refund, refund line or update that a reader of money figures has to know of, and why.

    ``code`` is the warning's: an order in it once for ``refund_over_total``, ``status_without_refund`` and
    ``unknown_status``, with each refund for ``refund_without_order`` and ``refund_in_other_currency``, each refund line
    for ``refund_without_price``, each update for ``update_without_order``. ``ordered_t`` is the order's moment, the
    action's where the order is not known; ``other_currency`` that of a refund which is not in the order's. The rest are
    columns of the order, so that filters on orders hold here too; NULL where it is not known.
    Columns: code, order_id, ordered_t, currency, other_currency, status, country, region, city, payment_method,
    customer_id, customer_email, coupons.
    """,
    SQL,
    needs=(ORDERS, ORDER_STATES, REFUND_LINES),
    reads=("order_actions",),
    update=of_orders("orders", "order_states", "refund_lines"),
)
