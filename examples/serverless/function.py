"""A function that is frozen between two calls (AWS Lambda and its kin): nothing runs in the background there.

So each call ends with a flush, bounded by the time the call has left. What cannot be delivered in time waits in the
outbox and goes with a later call of this instance. Set ``ECOMTRACK_OUTBOX=/tmp/ecomtrack``, the place that may be
written there.
"""

from __future__ import annotations

from typing import Any

from ecomtrack_sdk import Item, Order, Tracker

tracker = Tracker.from_env()  # once for the instance, outside the handler: connections stay open between calls

SAFETY = 0.3
"""Seconds kept back for the answer itself."""
PATIENCE = 2.0
"""Longest wait for the collector in one call, in seconds."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take an order and tell the collector before the platform freezes this process."""
    tracker.track(
        Order(
            order_id=event["order_id"],
            items=[Item(product_id=event["product_id"], price=event["price"], quantity=1)],
            currency="EUR",
        )
    )
    left = context.get_remaining_time_in_millis() / 1000 - SAFETY
    delivered = tracker.flush(timeout=max(0.0, min(PATIENCE, left)))
    return {"statusCode": 200, "delivered": delivered.complete}
