"""Filters that mean the same in every report.

``ORDER_FILTERS`` restrict rows of the model ``orders``, named ``o``; ``EVENT_FILTERS`` rows of ``events``, named ``e``.
An order's channel, source, medium and campaign are those of the last non-direct click before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecomtrack_sdk.store._projection import Model

__all__ = ["EVENT_FILTERS", "ORDER_FILTERS", "models_of"]

_ORDER_WITH = "o.order_id in (select l.order_id from order_lines l where l.{column} = {{value}})"
_ORDER_BY = "o.order_id in (select w.order_id from order_touch w where w.{column} = {value})"

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
    "channel": _ORDER_BY.format(column="channel", value="{value}"),
    "source": _ORDER_BY.format(column="source", value="lower({value})"),
    "medium": _ORDER_BY.format(column="medium", value="lower({value})"),
    "campaign": _ORDER_BY.format(column="campaign", value="{value}"),
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


def models_of(conditions: Iterable[str]) -> list[Model]:
    """The models that filters read beside those of the report: built only when such a filter is used."""
    text = " ".join(conditions)
    found: list[Model] = []
    if " order_lines " in text:
        from ecomtrack_sdk.reports.models.order_lines import ORDER_LINES

        found.append(ORDER_LINES)
    if " order_touch " in text:
        from ecomtrack_sdk.reports.models.touches import ORDER_TOUCH

        found.append(ORDER_TOUCH)
    return found
