"""The actions that count, in the order they are folded."""

from __future__ import annotations

from ecomtrack_sdk.store._projection import Model, Update

__all__ = ["COUNTED_ACTIONS", "of_orders"]

DOC = """One row per order action that counts: of an action or refund sent twice under other event ids, one.

Folded by time, then order before update before refund, then event id; ``rank`` is that place within the order,
from 1. Of updates with the same ``action_id`` the first counts, of refunds with the same ``refund_id`` the last.
"""

SQL = """
with numbered as (
    select
        a.*,
        row_number() over (
            partition by a.order_id, a.kind, coalesce(a.action_id, a.event_id), coalesce(a.refund_id, '')
            order by a.t, a.event_id
        ) as repeat_from_first,
        row_number() over (
            partition by a.order_id, a.kind, coalesce(a.refund_id, a.event_id)
            order by a.t desc, a.event_id desc
        ) as repeat_from_last
    from order_actions a
)
select
    n.seq, n.event_id, n.order_id, n.kind, n.kind_rank, n.t, n.action_id, n.status, n.currency, n.subtotal, n.discount,
    n.shipping, n.tax, n.total, n.line_discounts, n.units, n.has_items, n.payment_method, n.country, n.region, n.city,
    n.cart_id, n.coupons, n.acq_source, n.acq_medium, n.acq_campaign, n.acq_channel,
    n.customer_id, n.customer_email, n.visitor_id,
    n.reason, n.place, n.refund_id, n.refund_amount, n.refund_shipping,
    cast(row_number() over (
        partition by n.order_id order by n.t, n.kind_rank, n.event_id
    ) as bigint) as rank
from numbered n
where (n.kind = 'order')
   or (n.kind = 'update' and n.repeat_from_first = 1)
   or (n.kind = 'refund' and n.repeat_from_last = 1)
"""

COUNTED_ACTIONS = Model(
    "counted_actions",
    DOC,
    SQL,
    reads=("order_actions",),
    update=Update(
        steps=(
            ("touched_orders", "select distinct a.order_id as order_id from order_actions a where a.seq > $since"),
            (
                "part_order_actions",
                "select a.* from order_actions a where a.order_id in (select order_id from touched_orders)",
            ),
        ),
        key="order_id",
        gone="touched_orders",
        sources={"order_actions": "part_order_actions"},
    ),
)


def of_orders(*needs: str, tells: tuple[str, ...] = ()) -> Update:
    """How a model follows whose rows are made of one order's rows of *needs*: orders with new actions are made anew."""
    return Update(key="order_id", gone="touched_orders", sources={name: f"fresh_{name}" for name in needs}, tells=tells)
