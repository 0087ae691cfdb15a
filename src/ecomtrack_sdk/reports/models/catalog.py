"""What was last said of each product: for lines that do not say it."""

from __future__ import annotations

from ecomtrack_sdk.store._projection import Model

__all__ = ["CATALOG"]

CATALOG = Model(
    "catalog",
    """One row per product that any event named, with what was last said of it.

    product_id, name, brand, category (the first), categories (joined by `` > ``); each NULL when nobody said.
    """,
    """
    select i.product_id as product_id, @last(i.name, (e.t, i.event_id, i.line)) as name,
      @last(i.brand, (e.t, i.event_id, i.line)) as brand,
      @last(i.category, (e.t, i.event_id, i.line)) as category,
      @last(i.categories, (e.t, i.event_id, i.line)) as categories
    from event_items i
    join events e on e.event_id = i.event_id
    group by i.product_id
    """,
    reads=("event_items",),
)
