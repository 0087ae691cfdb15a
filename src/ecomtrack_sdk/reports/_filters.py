"""Filters that mean the same in every report.

``ORDER_FILTERS`` restrict rows of the model ``orders``, named ``o``; ``EVENT_FILTERS`` rows of ``events``, named ``e``.
"""

from __future__ import annotations

__all__ = ["EVENT_FILTERS", "ORDER_FILTERS"]

_ORDER_WITH = "o.order_id in (select l.order_id from order_lines l where l.{column} = {{value}})"

ORDER_FILTERS: dict[str, str] = {
    "order": "o.order_id = {value}",
    "status": "o.status = {value}",
    "country": "o.country = upper({value})",
    "region": "o.region = {value}",
    "city": "o.city = {value}",
    "payment_method": "o.payment_method = {value}",
    "customer": "o.customer_id = {value} or o.customer_email = lower({value})",
    "coupon": "@contains(concat(', ', o.coupons, ', '), concat(', ', {value}, ', '))",
    **{
        name: _ORDER_WITH.format(column=column)
        for name, column in {
            "product": "product_id",
            "variant": "variant_id",
            "category": "category",
            "brand": "brand",
        }.items()
    },
}
EVENT_FILTERS: dict[str, str] = {
    "type": "e.type = {value}",
    "channel": "e.channel = {value}",
    "source": "e.source = {value}",
    "medium": "e.medium = {value}",
    "campaign": "e.campaign = {value}",
    "country": "e.country = upper({value})",
    "device": "e.device = {value}",
    "host": "e.host = {value}",
    "path": "e.path = {value}",
    "product": "e.product_id = {value}",
    "customer": "e.customer_id = {value} or e.customer_email = lower({value})",
    "visitor": "e.visitor_id = {value}",
}
