"""Who placed each order."""

from __future__ import annotations

from ecomtrack_sdk.reports.models.session_events import SESSION_EVENTS
from ecomtrack_sdk.store._projection import Model, Update

__all__ = ["ORDER_PEOPLE"]

ORDER_PEOPLE = Model(
    "order_people",
    """One row per order whose person is known.

    order_id, person_id (see ``people``): the customer of its earliest ``order`` event, else of the earliest
    action that names one, else the visitor.
    """,
    """
    select s.order_id as order_id,
      @first(s.person_id, (
        case when s.person_id like 'visitor:%' then 1 else 0 end, case when s.type = 'order' then 0 else 1 end,
        s.t, s.event_id)) as person_id
    from session_events s
    where s.order_id is not null and s.person_id is not null and s.type in ('order', 'order_update', 'refund')
    group by s.order_id
    """,
    needs=(SESSION_EVENTS,),
    update=Update(
        steps=(
            (
                "touched_order_people",
                """
                select c.order_id as order_id
                from changed_session_events c
                where c.order_id is not null and c.type in ('order', 'order_update', 'refund')
                union
                select m.order_id as order_id
                from moved_rows m
                where m.order_id is not null and m.type in ('order', 'order_update', 'refund')
                """,
            ),
            (
                "part_order_people",
                """
                select s.order_id, s.person_id, s.t, s.event_id, s.type
                from session_events s
                where s.type in ('order', 'order_update', 'refund')
                  and s.order_id in (select order_id from touched_order_people)
                """,
            ),
        ),
        key="order_id",
        gone="touched_order_people",
        sources={"session_events": "part_order_people"},
        tells=("order_id", "person_id"),
        exact=True,
    ),
)
