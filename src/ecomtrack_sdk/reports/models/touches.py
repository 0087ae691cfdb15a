"""From visits to orders: which visits of the buyer came before each order, and which of them won it."""
# ruff: noqa: S608
# The text is made of expressions of our own.

from __future__ import annotations

from ecomtrack_sdk.reports.models.order_people import ORDER_PEOPLE
from ecomtrack_sdk.reports.models.orders import ORDERS
from ecomtrack_sdk.reports.models.sessions import SESSIONS
from ecomtrack_sdk.store._projection import Model, Update

__all__ = ["LOOKBACK_DAYS", "MOST_LOOKBACK_DAYS", "MOST_TOUCHES", "ORDER_TOUCH", "TOUCHES"]

LOOKBACK_DAYS = 90
"""Days before an order in which a visit counts, unless told otherwise. Source: GA4's longest choice."""
MOST_LOOKBACK_DAYS = 366
"""Longest look-back a report may ask for: what ``touches`` holds."""
MOST_TOUCHES = 128
"""Most visits an order is split over: what keeps one busy person from taking the whole machine."""
_DAY = 86_400_000_000

TOUCHES = Model(
    "touches",
    f"""One row per order and session of the same person that began at most {MOST_LOOKBACK_DAYS} days before it.

    order_id, person_id, session_id, start_t, age (microseconds from the session's start to the order), direct (1:
    nothing says where from), source, medium, campaign, channel, landing_page, country, device. Sessions count
    whatever the browser or device, as long as the person is the same; of more than {MOST_TOUCHES} the latest.
    """,
    # A "customer" behind whom a shop files all its guests has thousands of orders and sessions: sessions are numbered,
    # and an order meets only the blocks of numbers right before it, never all of them.
    f"""
    with visits as (
      select s.session_id as session_id, s.person_id as person_id, s.start_t as start_t,
        row_number() over (partition by s.person_id order by s.start_t, s.session_id) as k
      from sessions s
      where s.person_id in (select p.person_id from order_people p)
    ),
    merged as (
      select v.person_id as person_id, v.start_t as t, 0 as is_order, v.session_id as id, v.k as k
      from visits v
      union all
      select p.person_id as person_id, o.ordered_t as t, 1 as is_order, o.order_id as id, 0 as k
      from order_people p
      join orders o on o.order_id = p.order_id
    ),
    placed as (
      select m.person_id as person_id, m.t as t, m.is_order as is_order, m.id as id,
        max(m.k) over (partition by m.person_id order by m.t, m.is_order, m.id
          rows between unbounded preceding and current row) as k
      from merged m
    ),
    blocks as (
      select p.id as order_id, p.person_id as person_id, p.t as t, p.k as k, p.k - p.k % {MOST_TOUCHES} as block
      from placed p
      where p.is_order = 1
      union all
      select p.id as order_id, p.person_id as person_id, p.t as t, p.k as k,
        p.k - p.k % {MOST_TOUCHES} - {MOST_TOUCHES} as block
      from placed p
      where p.is_order = 1
    ),
    numbered as (
      select v.session_id as session_id, v.person_id as person_id, v.k as k, v.k - v.k % {MOST_TOUCHES} as block
      from visits v
    )
    select b.order_id as order_id, b.person_id as person_id, s.session_id as session_id, s.start_t as start_t,
      b.t - s.start_t as age, case when s.channel = 'Direct' then 1 else 0 end as direct,
      s.source as source, s.medium as medium, s.campaign as campaign, s.channel as channel,
      s.landing_page as landing_page, s.country as country, s.device as device
    from blocks b
    join numbered n on n.person_id = b.person_id and n.block = b.block
    join sessions s on s.session_id = n.session_id
    where n.k <= b.k and n.k > b.k - {MOST_TOUCHES} and b.t - s.start_t <= {MOST_LOOKBACK_DAYS * _DAY}
    """,
    needs=(ORDERS, ORDER_PEOPLE, SESSIONS),
    # The orders of every person with another session or order than before.
    update=Update(
        steps=(
            (
                "touched_buyers",
                """
                select c.person_id as person_id from changed_sessions c
                union
                select m.person_id as person_id from moved_sessions m where m.person_before <> m.person_id
                union
                select m.person_before as person_id from moved_sessions m where m.person_before <> m.person_id
                union
                select c.person_id as person_id from changed_order_people c
                """,
            ),
            (
                "touched_touches",
                """
                select p.order_id as order_id
                from order_people p
                where p.person_id in (select person_id from touched_buyers)
                union
                select c.order_id as order_id from changed_order_people c
                union
                select c.order_id as order_id from changed_orders c
                """,
            ),
            (
                "part_order_people",
                "select p.* from order_people p where p.order_id in (select order_id from touched_touches)",
            ),
        ),
        key="order_id",
        gone="touched_touches",
        sources={"order_people": "part_order_people"},
    ),
)

ORDER_TOUCH = Model(
    "order_touch",
    f"""One row per order: the last non-direct click within {LOOKBACK_DAYS} days.

    order_id, source, medium, campaign, channel. Without such a click what the shop gave as ``acquisition``; without
    that the last direct visit; without any visit source ``(not set)`` and channel ``Unassigned``.
    """,
    f"""
    with ranked as (
      select t.order_id as order_id, t.source as source, t.medium as medium, t.campaign as campaign,
        t.channel as channel, t.direct as direct,
        row_number() over (partition by t.order_id order by t.direct, t.start_t desc, t.session_id desc) as place
      from touches t
      where t.age <= {LOOKBACK_DAYS * _DAY}
    )
    select o.order_id as order_id,
      case when r.direct = 0 then r.source when o.acq_channel is not null then coalesce(o.acq_source, '(not set)')
        else coalesce(r.source, '(not set)') end as source,
      case when r.direct = 0 then r.medium when o.acq_channel is not null then coalesce(o.acq_medium, '(not set)')
        else coalesce(r.medium, '(not set)') end as medium,
      case when r.direct = 0 then r.campaign when o.acq_channel is not null then o.acq_campaign
        else r.campaign end as campaign,
      case when r.direct = 0 then r.channel when o.acq_channel is not null then o.acq_channel
        else coalesce(r.channel, 'Unassigned') end as channel
    from orders o
    left join ranked r on r.order_id = o.order_id and r.place = 1
    """,
    needs=(ORDERS, TOUCHES),
    update=Update(
        steps=(
            (
                "part_orders",
                """
                select o.order_id, o.acq_channel, o.acq_source, o.acq_medium, o.acq_campaign
                from orders o
                where o.order_id in (select order_id from touched_touches)
                """,
            ),
        ),
        key="order_id",
        gone="touched_touches",
        sources={"orders": "part_orders", "touches": "fresh_touches"},
    ),
)
