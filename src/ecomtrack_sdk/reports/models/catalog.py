"""What was last said of each product: for lines that do not say it."""
# ruff: noqa: S608
# The text is made of expressions of our own.

from __future__ import annotations

from ecomtrack_sdk.store._projection import Model, Update

__all__ = ["CATALOG"]

_SAID = """
    select s.product_id as product_id, s.name as name, s.brand as brand, s.category as category,
      s.categories as categories, max(s.t) as t, @last(s.event_id, (s.t, s.event_id, s.line)) as event_id,
      @last(s.line, (s.t, s.event_id, s.line)) as line
    from (
      select i.product_id as product_id, i.name as name, i.brand as brand, i.category as category,
        i.categories as categories, e.t as t, i.event_id as event_id, i.line as line
      from event_items i
      join events e on e.seq = i.seq
"""

CATALOG_WORDS = Model(
    "catalog_words",
    """One row per product and way it was described: product_id, name, brand, category, categories.

    And when that was last said: t (microseconds), event_id, line.
    """,
    f"""{_SAID}
    ) as s
    group by 1, 2, 3, 4, 5
    """,
    reads=("event_items",),
    update=Update(
        steps=(
            (
                "new_items",
                """
                select i.seq, i.event_id, i.line, i.product_id, i.name, i.brand, i.category, i.categories
                from event_items i
                where i.seq > $since
                """,
            ),
            ("new_events", "select e.seq, e.t from events e where e.seq > $since"),
            ("touched_products", "select distinct i.product_id as product_id from new_items i"),
        ),
        key="product_id",
        gone="touched_products",
        sql=f"""{_SAID.replace("from event_items", "from new_items").replace("join events", "join new_events")}
      union all
      select w.product_id, w.name, w.brand, w.category, w.categories, w.t, w.event_id, w.line
      from catalog_words w
      where w.product_id in (select product_id from touched_products)
    ) as s
    group by 1, 2, 3, 4, 5
    """,
    ),
)

CATALOG = Model(
    "catalog",
    """One row per product that any event named, with what was last said of it.

    product_id, name, brand, category (the first), categories (joined by `` > ``); each NULL when nobody said.
    """,
    """
    select w.product_id as product_id, @last(w.name, (w.t, w.event_id, w.line)) as name,
      @last(w.brand, (w.t, w.event_id, w.line)) as brand,
      @last(w.category, (w.t, w.event_id, w.line)) as category,
      @last(w.categories, (w.t, w.event_id, w.line)) as categories
    from catalog_words w
    group by w.product_id
    """,
    needs=(CATALOG_WORDS,),
    reads=("event_items",),
    update=Update(key="product_id", gone="touched_products", sources={"catalog_words": "fresh_catalog_words"}),
)
