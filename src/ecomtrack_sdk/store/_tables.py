"""The flat tables every report reads: what is nested on the wire is flattened once, when it is loaded.

Amounts are DECIMAL(18, 4), ids text, absent is NULL (never an empty string), times are microseconds since the epoch in
UTC as BIGINT (``t``): no report needs an engine's own idea of JSON, arrays or time zones. ``seq`` is the event's place
in the log: tables are joined by it, for it is a number, and nothing is ordered by it, for arrival must not matter.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["SCHEMA_VERSION", "TABLES", "Column", "Kind"]

SCHEMA_VERSION = 3
"""Changes when a column or what is loaded into it changes: a projection of another version is built anew."""

Kind = Literal["text", "bigint", "money", "boolean", "double"]


class Column(NamedTuple):
    """One column of a flat table."""

    name: str
    kind: Kind


def _columns(text: str) -> tuple[Column, ...]:
    """Columns from ``name`` or ``name:kind`` words; text unless told."""
    found = []
    for word in text.split():
        name, _, kind = word.partition(":")
        found.append(Column(name, kind or "text"))  # type: ignore[arg-type]
    return tuple(found)


TABLES: dict[str, tuple[Column, ...]] = {
    # One row per event. claimed: a site key sent it and it names a customer, which nobody has checked.
    "events": _columns(
        """
        seq:bigint event_id type t:bigint received_t:bigint visitor_id customer_id customer_email order_id cart_id
        product_id category_id article_id query results_count:bigint name value:money currency title page_type method
        step url path host referrer referrer_host utm_source utm_medium utm_campaign utm_term utm_content
        click_id click_id_type source medium campaign channel country device is_bot:boolean context_source properties
        claimed:boolean
        message_id variant link link_position:bigint reason engaged_seconds:double
        engaged_event_id
        """
    ),
    # One row per line of a cart event, of a viewed product, of an order's or an update's content.
    # list: 'item' is what was added or removed, 'cart' the whole content, 'seen' a product of a category page.
    "event_items": _columns(
        """
        seq:bigint event_id line:bigint list product_id variant_id sku name brand category categories product_type
        price:money quantity:money discount:money tax:money subtotal:money coupon
        """
    ),
    # One row per order, order_update or refund event.
    "order_actions": _columns(
        """
        seq:bigint event_id order_id kind kind_rank:bigint t:bigint action_id status currency subtotal:money
        discount:money shipping:money tax:money total:money line_discounts:money units:money has_items:boolean
        payment_method country region city cart_id coupons acq_source acq_medium acq_campaign acq_channel
        customer_id customer_email visitor_id reason place refund_id refund_amount:money refund_shipping:money
        """
    ),
    # One row per line of a refund event.
    "refund_items": _columns(
        "seq:bigint event_id line:bigint product_id variant_id quantity:money amount:money reason"
    ),
}
