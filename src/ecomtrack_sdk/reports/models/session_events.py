"""Which visit every event belongs to, and which page of it."""
# ruff: noqa: S608
# The text is made of expressions of our own.

from __future__ import annotations

from ecomtrack_sdk.reports.models.people import NAMES, VISITOR_PEOPLE, is_own, name_of, person_of
from ecomtrack_sdk.store._projection import Model

__all__ = ["ENGAGEMENT", "SESSION_EVENTS", "SESSION_GAP", "VIEWS"]

SESSION_GAP = 1_800_000_000
"""Longest silence within a session, in microseconds (30 minutes; Matomo and GA4 have the same default)."""

VIEWS = "('view_page', 'view_article', 'view_category', 'view_product', 'view_cart')"
"""Events that show a page."""

ENGAGEMENT = "page_engagement"
"""Name of the custom event by which the browser reports foreground time."""

_WALK = "order by {a}.t, {a}.event_id rows between unbounded preceding and"

# What the shop does by itself, and what happens off line, is no part of a visit.
_FLOWS = """case when e.visitor_id is not null and e.type not in ('order_update', 'refund') and e.type not like 'email%'
        and coalesce(e.context_source, 'web') <> 'offline' then 1 else 0 end"""

# What a backend tells about a visitor without a page of its own joins a visit and never begins one.
_ACT = f"""case when e.type = 'order' then
          case when e.context_source in ('web', 'app') or (e.context_source is null and e.url is not null)
          then 1 else 0 end
        when e.type = 'custom' and e.name = '{ENGAGEMENT}' then 0
        when e.type in ('custom', 'identify', 'register', 'login') and e.context_source = 'server' and e.url is null
        then 0 else 1 end"""

_TAG = """case when e.utm_source is not null or e.utm_medium is not null or e.utm_campaign is not null
          or e.click_id is not null
        then lower(concat(coalesce(e.utm_source, ''), '|', coalesce(e.utm_medium, ''), '|', coalesce(e.utm_campaign,
        ''),
          '|', coalesce(e.click_id, ''))) end"""

SESSION_EVENTS = Model(
    "session_events",
    """One row per event, bots and this package's own notes left out.

    seq, event_id, t, type, name, visitor_id, order_id; person_id (see ``people``; NULL when neither visitor nor
    customer is known); session_id (the ``event_id`` of the session's first event, NULL outside of sessions); entry (1
    on that first event); page_no (which page of the session, from 1; 0 before the first); page_view (1 when the event
    shows a page that the event before it did not: ``view_page`` and ``view_product`` of the same address are one page).

    A session is one visitor's events with no silence over 30 minutes; midnight does not end it, a new campaign (other
    utm tags or click id than the tagged event before it) begins a new one. Orders sent by the server, foreground time,
    and whatever a backend tells without a page join the visitor's current session; alone they make none.
    """,
    f"""
    with base as (
      select e.seq as seq, e.event_id as event_id, e.t as t, e.type as type, e.name as name, e.visitor_id as visitor_id,
        e.order_id as order_id, e.url as url,
        {person_of("e", "n", "v")} as person_id,
        {_FLOWS} as flows,
        {_ACT} as act,
        case when e.type in {VIEWS} then 1 else 0 end as is_view,
        {_TAG} as tag
      from events e
      left join names n on n.name = {name_of("e")}
      left join visitor_people v on v.visitor_id = e.visitor_id
      where not coalesce(e.is_bot, false) and not {is_own("e")}
        and (v.visitor_id is null or (e.t >= v.from_t and e.t < v.to_t))
    ),
    gaps as (
      select b.*, case when b.t - lag(b.t) over (partition by b.visitor_id order by b.t, b.event_id) <= {SESSION_GAP}
        then 0 else 1 end as gap
      from base b
      where b.flows = 1
    ),
    islands as (
      select g.*, sum(g.gap) over (partition by g.visitor_id {_WALK.format(a="g")} current row) as island
      from gaps g
    ),
    tagged as (
      select i.seq as seq,
        case when lag(i.tag) over (partition by i.visitor_id, i.island order by i.t, i.event_id) = i.tag
        then 0 else 1 end as fresh
      from islands i
      where i.act = 1 and i.tag is not null
    ),
    begun as (
      select i.*, coalesce(x.fresh, 0) as fresh,
        coalesce(max(i.act) over (partition by i.visitor_id, i.island {_WALK.format(a="i")} 1 preceding), 0) as begun,
        lag(i.url) over (partition by i.visitor_id, i.island, i.is_view order by i.t, i.event_id) as url_before,
        lag(i.type) over (partition by i.visitor_id, i.island, i.is_view order by i.t, i.event_id) as type_before,
        lag(i.t) over (partition by i.visitor_id, i.island, i.is_view order by i.t, i.event_id) as t_before
      from islands i
      left join tagged x on x.seq = i.seq
    ),
    entries as (
      select b.*,
        case when b.act = 1 and (b.begun = 0 or b.fresh = 1) then 1 else 0 end as entry,
        case when b.is_view = 0 then 0
          when b.url = b.url_before and b.type <> b.type_before
            and (b.type_before = 'view_page' or (b.type = 'view_page' and b.t - b.t_before <= 5000000)) then 0
          else 1 end as page_view
      from begun b
    ),
    counted as (
      select c.*,
        sum(c.entry) over (partition by c.visitor_id, c.island {_WALK.format(a="c")} current row) as session_no
      from entries c
    )
    select c.seq as seq, c.event_id as event_id, c.t as t, c.type as type, c.name as name, c.visitor_id as visitor_id,
      c.order_id as order_id, c.person_id as person_id,
      case when c.session_no > 0 then
        max(case when c.entry = 1 then c.event_id end) over (partition by c.visitor_id, c.island, c.session_no)
      end as session_id,
      c.entry as entry,
      sum(case when c.entry = 1 and c.is_view = 1 then 1 else c.page_view end) over (
        partition by c.visitor_id, c.island, c.session_no {_WALK.format(a="c")} current row) as page_no,
      case when c.entry = 1 and c.is_view = 1 then 1 else c.page_view end as page_view
    from counted c
    union all
    select b.seq as seq, b.event_id as event_id, b.t as t, b.type as type, b.name as name, b.visitor_id as visitor_id,
      b.order_id as order_id, b.person_id as person_id, cast(null as varchar) as session_id, 0 as entry, 0 as page_no,
      0 as page_view
    from base b
    where b.flows = 0
    """,
    needs=(NAMES, VISITOR_PEOPLE),
)
