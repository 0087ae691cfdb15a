"""Filters that mean the same in every report.

``ORDER_FILTERS`` restrict rows of the model ``orders``, named ``o``; ``EVENT_FILTERS`` rows of ``events``, named ``e``.
An order's channel, source, medium and campaign are those of the last non-direct click before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecomtrack_sdk.reports._params import Params
    from ecomtrack_sdk.store._projection import Model

__all__ = ["EVENT_FILTERS", "ORDER_FILTERS", "conditions", "in_category", "models_of"]

_ORDER_WITH = "o.order_id in (select l.order_id from order_lines l where {of_line})"
_OF_PRODUCT = (
    "o.order_id in (select l.order_id from order_lines l left join catalog g on g.product_id = l.product_id"
    " where {of_line})"
)
_ORDER_BY = "o.order_id in (select w.order_id from order_touch w where w.{column} = {value})"


def in_category(line: str) -> str:
    """Condition: *line* is in the category, the first or a further one; the catalog ``g`` says what it leaves out."""
    return (
        f"@contains(concat(' > ', coalesce({line}.categories, g.categories), ' > '), concat(' > ', {{value}}, ' > '))"
    )


ORDER_FILTERS: dict[str, str] = {
    "order": "o.order_id = {value}",
    "status": "o.status = {value}",
    "country": "o.country = upper({value})",
    "region": "o.region = {value}",
    "city": "o.city = {value}",
    "payment_method": "o.payment_method = {value}",
    "customer": "o.customer_id = {value} or o.customer_email = lower({value})",
    "coupon": "@contains(lower(concat(', ', o.coupons, ', ')), lower(concat(', ', {value}, ', ')))",
    "product": _ORDER_WITH.replace("{of_line}", "l.product_id = {value}"),
    "variant": _ORDER_WITH.replace("{of_line}", "l.variant_id = {value}"),
    "category": _OF_PRODUCT.replace("{of_line}", in_category("l")),
    "brand": _OF_PRODUCT.replace("{of_line}", "coalesce(l.brand, g.brand) = {value}"),
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


def conditions(params: Params, filters: Mapping[str, str]) -> list[str]:
    """A condition for each field of ``where`` that *filters* knows; its values are bound as ``$where_0`` and so on.

    The same field given twice means either value; what is left out is left out whatever else is asked for, and a row
    that does not say stays.
    """
    by_field: dict[str, list[str]] = {}
    without: list[str] = []
    for index, (name, _, unequal) in enumerate(params.filters()):
        if name in filters:
            condition = filters[name].replace("{value}", f"$where_{index}")
            if unequal:
                without.append(f"case when {condition} then 0 else 1 end = 1")
            else:
                by_field.setdefault(name, []).append(condition)
    return [*(" or ".join(parts) for parts in by_field.values()), *without]


def models_of(conditions: Iterable[str]) -> list[Model]:
    """The models that filters read beside those of the report: built only when such a filter is used."""
    text = " ".join(conditions)
    found: list[Model] = []
    if " order_lines " in text:
        from ecomtrack_sdk.reports.models.order_lines import ORDER_LINES

        found.append(ORDER_LINES)
    if " catalog " in text:
        from ecomtrack_sdk.reports.models.catalog import CATALOG

        found.append(CATALOG)
    if " order_touch " in text:
        from ecomtrack_sdk.reports.models.touches import ORDER_TOUCH

        found.append(ORDER_TOUCH)
    if " sessions " in text:
        from ecomtrack_sdk.reports.models.sessions import SESSIONS

        found.append(SESSIONS)
    if " session_orders " in text:
        from ecomtrack_sdk.reports.models.sessions import SESSION_ORDERS

        found.append(SESSION_ORDERS)
    return found
