"""Visits: when, by whom, where from, how long, how many pages."""
# ruff: noqa: S608
# The text is made of expressions of our own.

from __future__ import annotations

from ecomtrack_sdk.reports.models.people import VISITOR_PEOPLE
from ecomtrack_sdk.reports.models.session_events import ENGAGEMENT, SESSION_EVENTS, VIEWS
from ecomtrack_sdk.store._projection import Model, Update

__all__ = ["PAGES", "SESSIONS", "SESSION_ORDERS"]


def _sessions(events: str, others: str = "") -> str:
    """SQL: the sessions of the rows of *events*, numbered together with those of *others*."""
    return f"""
    with grouped as (
      select s.session_id as session_id, min(s.visitor_id) as visitor_id, min(s.t) as start_t, max(s.t) as end_t,
        max(case when s.entry = 1 then s.seq end) as entry_seq, count(*) as events,
        cast(sum(s.page_view) as bigint) as page_views,
        sum(case when s.type in {VIEWS} or s.type = 'identify' or s.name = '{ENGAGEMENT}' then 0 else 1 end) as actions
      from {events} s
      where s.session_id is not null
      group by 1
    ),
    visits as (
      select g.session_id as session_id, g.visitor_id as visitor_id, g.start_t as start_t, g.end_t as end_t,
        cast(g.end_t - g.start_t as double) / 1000000 as seconds, g.events as events, g.page_views as page_views,
        case when g.page_views = 1 and g.actions = 0 then 1 else 0 end as bounce,
        coalesce(e.source, '(direct)') as source, coalesce(e.medium, '(none)') as medium, e.campaign as campaign,
        coalesce(e.channel, 'Direct') as channel, e.path as landing_page, e.host as landing_host,
        e.referrer_host as referrer_host, e.country as country, e.device as device
      from grouped g
      join events e on e.seq = g.entry_seq
      {others}
    )
    select v.session_id as session_id, v.visitor_id as visitor_id,
      coalesce(p.person_id, concat('visitor:', v.visitor_id)) as person_id, v.start_t as start_t, v.end_t as end_t,
      v.seconds as seconds, v.events as events, v.page_views as page_views, v.bounce as bounce,
      row_number() over (partition by v.visitor_id order by v.start_t, v.session_id) as visit_no,
      v.source as source, v.medium as medium, v.campaign as campaign, v.channel as channel,
      v.landing_page as landing_page, v.landing_host as landing_host, v.referrer_host as referrer_host,
      v.country as country, v.device as device
    from visits v
    left join visitor_people p on p.visitor_id = v.visitor_id
    where p.visitor_id is null or (v.end_t >= p.from_t and v.end_t < p.to_t)
    """


SESSIONS = Model(
    "sessions",
    """One row per session.

    session_id, visitor_id, person_id (whose visitor it was at its end: who logs in during a visit was there from its
    start), start_t, end_t (microseconds), seconds, events, page_views, bounce (1: one page and nothing else done),
    visit_no (1 is the visitor's first), source, medium, campaign, channel (of the first event: ``(direct)``,
    ``(none)``, NULL, ``Direct`` when it does not say), landing_page (path), landing_host, referrer_host, country,
    device.
    """,
    _sessions("session_events"),
    needs=(SESSION_EVENTS, VISITOR_PEOPLE),
    # Sessions with a touched event are made anew; the others of the same visitors are numbered anew with them.
    update=Update(
        steps=(
            (
                "numbered_visitors",
                """
                select c.visitor_id as visitor_id from changed_session_events c where c.session_id is not null
                union
                select m.visitor_id as visitor_id from moved_rows m where m.session_id is not null
                """,
            ),
            (
                "touched_sessions",
                """
                select distinct c.session_id as session_id from changed_session_events c where c.session_id is not null
                """,
            ),
            (
                "other_sessions",
                """
                select s.*
                from sessions s
                where s.visitor_id in (select visitor_id from numbered_visitors)
                  and s.session_id not in (select session_id from touched_sessions)
                """,
            ),
        ),
        key="visitor_id",
        gone="numbered_visitors",
        sql=_sessions(
            "fresh_session_events",
            """
      union all
      select o.session_id, o.visitor_id, o.start_t, o.end_t, o.seconds, o.events, o.page_views, o.bounce, o.source,
        o.medium, o.campaign, o.channel, o.landing_page, o.landing_host, o.referrer_host, o.country, o.device
      from other_sessions o""",
        ),
        tells=("session_id", "person_id", "start_t"),
        exact=True,
    ),
)

SESSION_ORDERS = Model(
    "session_orders",
    """One row per order that was placed in a session.

    order_id, session_id (of the earliest ``order`` event of that id that lies in one).
    """,
    """
    select f.order_id as order_id, f.session_id as session_id
    from (
      select s.order_id as order_id, s.session_id as session_id,
        row_number() over (partition by s.order_id order by s.t, s.event_id) as place
      from session_events s
      where s.type = 'order' and s.session_id is not null
    ) as f
    where f.place = 1
    """,
    needs=(SESSION_EVENTS,),
    update=Update(
        steps=(
            (
                "touched_session_orders",
                """
                select distinct c.order_id as order_id
                from changed_session_events c
                where c.type = 'order' and c.order_id is not null
                """,
            ),
            (
                "part_session_orders",
                """
                select s.order_id, s.session_id, s.t, s.event_id, s.type
                from session_events s
                where s.type = 'order' and s.order_id in (select order_id from touched_session_orders)
                """,
            ),
        ),
        key="order_id",
        gone="touched_session_orders",
        sources={"session_events": "part_session_orders"},
    ),
)

_ENGAGED = f"""
    select coalesce(e.engaged_event_id, e.event_id) as view_id, e.engaged_seconds as seconds
    from events e
    where e.type = 'custom' and e.name = '{ENGAGEMENT}' and e.engaged_seconds is not null
      and not coalesce(e.is_bot, false)"""

ENGAGEMENTS = Model(
    "engagements",
    """One row per report of foreground time: view_id (``event_id`` of the view it belongs to), seconds.""",
    _ENGAGED,
    update=Update(sql=f"{_ENGAGED} and e.seq > $since"),
)

PAGES = Model(
    "pages",
    """One row per page shown in a session.

    session_id, page_no (rising), landing (1 on the first of the session), person_id, t (microseconds), type (the most
    telling of its view events: ``view_product`` before ``view_page``), product_id, article_id, category_id, title,
    path, seconds (foreground time the browser reported; where it did not, the time to the next page or the end of the
    session; NULL for a last page without either), measured (1: foreground).
    """,
    f"""
    with engaged as (
      select v.session_id as session_id, v.page_no as page_no, sum(g.seconds) as seconds
      from engagements g
      join session_events v on v.event_id = g.view_id
      where v.session_id is not null
      group by 1, 2
    ),
    shown as (
      select s.seq as seq, s.session_id as session_id, s.page_no as page_no, s.person_id as person_id, s.t as t,
        lead(s.t) over (partition by @hash(s.session_id) order by s.page_no) as next_t,
        row_number() over (partition by @hash(s.session_id) order by s.page_no) as place
      from session_events s
      where s.page_view = 1 and s.session_id is not null
    ),
    further as (
      select s.session_id as session_id, s.page_no as page_no,
        @last(e.type, (case when e.type = 'view_page' then 0 else 1 end, e.t, e.event_id)) as type,
        max(e.product_id) as product_id, max(e.article_id) as article_id, max(e.category_id) as category_id,
        max(e.title) as title
      from session_events s
      join events e on e.seq = s.seq
      where s.page_view = 0 and s.session_id is not null and s.type in {VIEWS}
      group by 1, 2
    )
    select p.session_id as session_id, p.page_no as page_no, case when p.place = 1 then 1 else 0 end as landing,
      p.person_id as person_id, p.t as t,
      case when e.type = 'view_page' then coalesce(f.type, e.type) else e.type end as type,
      coalesce(e.product_id, f.product_id) as product_id, coalesce(e.article_id, f.article_id) as article_id,
      coalesce(e.category_id, f.category_id) as category_id, coalesce(f.title, e.title) as title, e.path as path,
      coalesce(g.seconds, cast(nullif(coalesce(p.next_t, s.end_t) - p.t, 0) as double) / 1000000) as seconds,
      case when g.seconds is not null then 1 else 0 end as measured
    from shown p
    join events e on e.seq = p.seq
    join sessions s on s.session_id = p.session_id
    left join further f on f.session_id = p.session_id and f.page_no = p.page_no
    left join engaged g on g.session_id = p.session_id and g.page_no = p.page_no
    """,
    needs=(SESSION_EVENTS, SESSIONS, ENGAGEMENTS),
    # Foreground time may arrive long after the visit it belongs to: such visits are looked up and made anew too.
    update=Update(
        steps=(
            (
                "engaged_sessions",
                """
                select distinct s.session_id as session_id
                from fresh_engagements g
                join session_events s on s.event_id = g.view_id
                where s.session_id is not null
                """,
            ),
            (
                "touched_pages",
                """
                select c.session_id as session_id from changed_session_events c where c.session_id is not null
                union
                select g.session_id as session_id from engaged_sessions g
                """,
            ),
            (
                "further_sessions",
                """
                select g.session_id as session_id
                from engaged_sessions g
                where g.session_id not in (
                  select c.session_id from changed_session_events c where c.session_id is not null
                )
                """,
            ),
            (
                "part_session_events",
                """
                select f.* from fresh_session_events f where f.session_id is not null
                union all
                select s.* from session_events s where s.session_id in (select session_id from further_sessions)
                """,
            ),
            (
                "part_engagements",
                "select g.* from engagements g where g.view_id in (select event_id from part_session_events)",
            ),
        ),
        key="session_id",
        gone="touched_pages",
        sources={"session_events": "part_session_events", "engagements": "part_engagements"},
        patches=(
            """
            update pages set person_id = m.person_id
            from moved_rows m
            where m.page_view = 1 and m.session_id = pages.session_id and m.page_no = pages.page_no
            """,
        ),
    ),
)
