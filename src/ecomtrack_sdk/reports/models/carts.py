"""Carts across visits and devices: what was put in, what was left, what became an order."""
# ruff: noqa: S608
# The text is made of numbers of our own.

from __future__ import annotations

from ecomtrack_sdk.reports.models.orders import ORDERS
from ecomtrack_sdk.reports.models.session_events import SESSION_EVENTS
from ecomtrack_sdk.store._projection import Model, Update
from ecomtrack_sdk.store._update import instead

__all__ = ["CARTS", "CART_CLOSINGS", "CART_EVENTS", "CART_SILENCE", "CART_TOUCHES"]

CART_SILENCE = 30 * 86_400_000_000
"""Microseconds of silence (30 days) after which a cart is over and another one begins."""

_WALK = "order by {0}.t, {0}.rank, {0}.id rows between unbounded preceding and"

_TOUCHES = """
    with contents as (
      select i.seq as seq,
        @sum(case when i.list = 'cart' then i.subtotal end) as snapshot,
        @sum(case when i.list = 'cart' then i.quantity end) as snapshot_units,
        @sum(case when i.list = 'item' then i.subtotal end) as item,
        @sum(case when i.list = 'item' then i.quantity end) as item_units
      from event_items i
      where i.list in ('cart', 'item')
      group by i.seq
    ),
    said as (
      select e.seq as seq, case when e.cart_id is not null then concat('c:', e.cart_id)
          when s.person_id is not null then concat('p:', s.person_id) end as cart,
        s.t as t, s.event_id as event_id, s.type as type, s.person_id as person_id, s.session_id as session_id,
        e.currency as currency, c.snapshot as snapshot, c.snapshot_units as snapshot_units,
        case when c.snapshot is not null then null when s.type = 'remove_from_cart' then -c.item
          else c.item end as delta,
        case when c.snapshot is not null then null when s.type = 'remove_from_cart' then -c.item_units
          else c.item_units end as delta_units
      from session_events s
      join events e on e.seq = s.seq
      left join contents c on c.seq = s.seq
      where s.type = 'start_checkout'
        or (s.type in ('add_to_cart', 'remove_from_cart', 'view_cart') and c.seq is not null)
    )
    select d.seq as seq, d.cart as cart, d.t as t, d.event_id as id, d.type as type, d.person_id as person_id,
      d.session_id as session_id, d.currency as currency, d.snapshot as snapshot, d.snapshot_units as snapshot_units,
      d.delta as delta, d.delta_units as delta_units
    from said d
    where d.cart is not null"""

CART_TOUCHES = Model(
    "cart_touches",
    """One row per event that says what is in a cart.

    seq, cart (key: by its ``cart_id``, else by the person), t, id (``event_id``), type, person_id, session_id,
    currency, snapshot and snapshot_units (the whole content where the event has it), delta and delta_units (what it put
    in or took out where it has not).
    """,
    _TOUCHES,
    needs=(SESSION_EVENTS,),
    update=Update(
        steps=(
            (
                "part_session_events",
                """
                select f.seq, f.event_id, f.t, f.type, f.person_id, f.session_id
                from fresh_session_events f
                where f.type in ('start_checkout', 'add_to_cart', 'remove_from_cart', 'view_cart')
                """,
            ),
            (
                "part_event_items",
                """
                select i.seq, i.list, i.subtotal, i.quantity
                from event_items i
                where i.seq in (select seq from part_session_events)
                """,
            ),
            # Who turned out to be somebody else keeps what was said, under the other's name.
            (
                "moved_touches",
                """
                select x.seq as seq,
                  case when x.cart like 'c:%' then x.cart else concat('p:', m.person_id) end as cart, x.t as t,
                  x.id as id, x.type as type, m.person_id as person_id, x.session_id as session_id,
                  x.currency as currency, x.snapshot as snapshot, x.snapshot_units as snapshot_units,
                  x.delta as delta, x.delta_units as delta_units
                from cart_touches x
                join moved_rows m on m.seq = x.seq
                """,
            ),
            (
                "touched_touches_of_carts",
                "select w.seq as seq from walked_seqs w union select m.seq as seq from moved_touches m",
            ),
        ),
        key="seq",
        gone="touched_touches_of_carts",
        sql=instead(_TOUCHES, {"session_events": "part_session_events", "event_items": "part_event_items"})
        + """
        union all
        select m.* from moved_touches m
        """,
        tells=("cart", "person_id"),
    ),
)

CART_CLOSINGS = Model(
    "cart_closings",
    """One row per order: order_id, t, person_id, cart (which it closes; NULL: none).

    An order closes the cart whose id it carries; without one (or with one never seen) the cart its buyer touched last.
    """,
    f"""
    with placed as (
      select o.order_id as id, o.ordered_t as t, min(s.person_id) as person_id,
        max(case when o.cart_id is not null then concat('c:', o.cart_id) end) as cart
      from orders o
      left join session_events s on s.order_id = o.order_id and s.type = 'order'
      group by o.order_id, o.ordered_t
    ),
    ids as (
      select x.cart as cart from cart_touches x group by x.cart
    ),
    walked as (
      select x.person_id as person_id, x.t as t, 0 as rank, x.id as id, x.cart as cart
      from cart_touches x where x.person_id is not null
      union all
      select p.person_id as person_id, p.t as t, 1 as rank, p.id as id, cast(null as varchar) as cart
      from placed p where p.person_id is not null
    ),
    counted as (
      select w.*, count(w.cart) over (partition by w.person_id {_WALK.format("w")} current row) as touch from walked w
    ),
    latest as (
      select c.id as id, c.rank as rank,
        max(c.cart) over (partition by c.person_id, c.touch) as cart
      from counted c
    )
    select p.id as order_id, p.t as t, p.person_id as person_id, coalesce(k.cart, l.cart) as cart
    from placed p
    left join ids k on k.cart = p.cart
    left join latest l on l.id = p.id and l.rank = 1
    """,
    needs=(CART_TOUCHES, ORDERS, SESSION_EVENTS),
    # Orders that changed, or whose buyer did; those that carry the id of a touched cart; and those of people who
    # touched one, for it may be the last before the order now.
    update=Update(
        steps=(
            (
                "touched_closings",
                """
                select c.order_id as order_id from changed_orders c
                union
                select c.order_id as order_id
                from changed_session_events c
                where c.type = 'order' and c.order_id is not null
                union
                select m.order_id as order_id from moved_rows m where m.type = 'order' and m.order_id is not null
                union
                select o.order_id as order_id
                from orders o
                where o.cart_id is not null and concat('c:', o.cart_id) in (select cart from changed_cart_touches)
                union
                select k.order_id as order_id
                from cart_closings k
                where k.person_id in (
                  select c.person_id from changed_cart_touches c where c.person_id is not null
                )
                """,
            ),
            (
                "part_orders",
                """
                select o.order_id, o.ordered_t, o.cart_id
                from orders o
                where o.order_id in (select order_id from touched_closings)
                """,
            ),
            (
                "part_session_events",
                """
                select s.order_id, s.person_id, s.type
                from session_events s
                where s.type = 'order' and s.order_id in (select order_id from touched_closings)
                """,
            ),
            (
                "part_cart_touches",
                """
                select x.person_id, x.t, x.id, x.cart
                from cart_touches x
                where x.person_id in (select s.person_id from part_session_events s where s.person_id is not null)
                  or x.cart in (select concat('c:', o.cart_id) from part_orders o where o.cart_id is not null)
                """,
            ),
        ),
        key="order_id",
        gone="touched_closings",
        sources={
            "orders": "part_orders",
            "session_events": "part_session_events",
            "cart_touches": "part_cart_touches",
        },
        tells=("order_id", "t", "person_id", "cart"),
        exact=True,
    ),
)

CART_EVENTS = Model(
    "cart_events",
    f"""One row per event that says what is in a cart, and per order that closes one, with the cart it belongs to.

    cart (key), no (number of the cart under that key: an order or {CART_SILENCE // 86_400_000_000} days of silence end
    one), t, rank (0 event, 1 order), id (event or order), type, person_id, session_id, currency, snapshot,
    snapshot_units, delta and delta_units (see ``cart_touches`` and ``cart_closings``).
    """,
    f"""
    with rows_of as (
      select x.cart as cart, x.t as t, 0 as rank, x.id as id, x.type as type, x.person_id as person_id,
        x.session_id as session_id, x.currency as currency, x.snapshot as snapshot, x.snapshot_units as snapshot_units,
        x.delta as delta, x.delta_units as delta_units
      from cart_touches x
      union all
      select q.cart as cart, q.t as t, 1 as rank, q.order_id as id, 'order' as type, q.person_id as person_id,
        cast(null as varchar) as session_id, cast(null as varchar) as currency,
        cast(null as decimal(18, 4)) as snapshot, cast(null as decimal(18, 4)) as snapshot_units,
        cast(null as decimal(18, 4)) as delta, cast(null as decimal(18, 4)) as delta_units
      from cart_closings q where q.cart is not null
    ),
    cut as (
      select r.*,
        case when lag(r.rank) over (partition by r.cart order by r.t, r.rank, r.id) = 1 then 1
          when r.t - lag(r.t) over (partition by r.cart order by r.t, r.rank, r.id) > {CART_SILENCE} then 1
          else 0 end as fresh
      from rows_of r
    )
    select c.cart as cart,
      cast(sum(c.fresh) over (partition by c.cart {_WALK.format("c")} current row) as bigint) as no,
      c.t as t, c.rank as rank, c.id as id, c.type as type, c.person_id as person_id, c.session_id as session_id,
      c.currency as currency, c.snapshot as snapshot, c.snapshot_units as snapshot_units, c.delta as delta,
      c.delta_units as delta_units
    from cut c
    """,
    needs=(CART_TOUCHES, CART_CLOSINGS),
    update=Update(
        steps=(
            (
                "touched_carts",
                """
                select c.cart as cart from changed_cart_touches c
                union
                select c.cart as cart from changed_cart_closings c where c.cart is not null
                """,
            ),
            ("part_cart_touches", "select x.* from cart_touches x where x.cart in (select cart from touched_carts)"),
            ("part_cart_closings", "select x.* from cart_closings x where x.cart in (select cart from touched_carts)"),
        ),
        key="cart",
        gone="touched_carts",
        sources={"cart_touches": "part_cart_touches", "cart_closings": "part_cart_closings"},
    ),
)

CARTS = Model(
    "carts",
    """One row per cart that ever held something.

    cart, no (see ``cart_events``), person_id, session_id (in which it was begun), started_t, last_t (microseconds of
    the first and the last event before the order), sessions, adds, checkout_t (NULL: never got there), order_id and
    ordered_t (NULL: not ordered), currency, value and units (content when last touched: the last snapshot plus what
    went in and out after it, not below 0).
    """,
    f"""
    with grouped as (
      select x.*, count(x.snapshot) over (partition by x.cart, x.no {_WALK.format("x")} current row) as shot
      from cart_events x
    ),
    parts as (
      select g.cart as cart, g.no as no, g.shot as shot,
        max(g.shot) over (partition by g.cart, g.no) as last_shot,
        g.t as t, g.rank as rank, g.id as id, g.type as type, g.person_id as person_id, g.session_id as session_id,
        g.currency as currency, g.snapshot as snapshot, g.snapshot_units as snapshot_units, g.delta as delta,
        g.delta_units as delta_units
      from grouped g
    ),
    summed as (
      select p.cart as cart, p.no as no, @last(p.person_id, (p.rank, p.t, p.id)) as person_id,
        @first(p.session_id, (p.t, p.rank, p.id)) as session_id,
        min(p.t) as started_t, max(case when p.rank = 0 then p.t end) as last_t,
        count(distinct p.session_id) as sessions, count(case when p.type = 'add_to_cart' then 1 end) as adds,
        min(case when p.type = 'start_checkout' then p.t end) as checkout_t,
        max(case when p.rank = 1 then p.id end) as order_id, max(case when p.rank = 1 then p.t end) as ordered_t,
        @last(p.currency, (p.t, p.id)) as currency,
        @sum(case when p.shot = p.last_shot then coalesce(p.snapshot, p.delta) end) as value,
        @sum(case when p.shot = p.last_shot then coalesce(p.snapshot_units, p.delta_units) end) as units,
        max(case when p.snapshot_units > 0 or p.delta_units > 0 then 1 else 0 end) as held
      from parts p
      group by p.cart, p.no
    )
    select s.cart as cart, s.no as no, s.person_id as person_id, s.session_id as session_id,
      s.started_t as started_t, s.last_t as last_t,
      s.sessions as sessions, s.adds as adds, s.checkout_t as checkout_t, s.order_id as order_id,
      s.ordered_t as ordered_t, s.currency as currency,
      cast(case when s.value > 0 then s.value else @zero() end as decimal(18, 4)) as value,
      cast(case when s.units > 0 then s.units else @zero() end as decimal(18, 4)) as units
    from summed s
    where s.held = 1
    """,
    needs=(CART_EVENTS,),
    update=Update(key="cart", gone="touched_carts", sources={"cart_events": "fresh_cart_events"}),
)
