"""Which visit every event belongs to, and which page of it."""
# ruff: noqa: S608
# The text is made of expressions of our own.

from __future__ import annotations

from ecomtrack_sdk.reports.models.people import (
    NAMED_VISITS,
    NAMES,
    VISITOR_PEOPLE,
    is_own,
    name_of,
    person_of,
)
from ecomtrack_sdk.store._projection import Model, Update

__all__ = ["ENGAGEMENT", "SESSION_EVENTS", "SESSION_GAP", "VIEWS"]

SESSION_GAP = 1_800_000_000
"""Longest silence within a session, in microseconds (30 minutes; Matomo and GA4 have the same default)."""

VIEWS = "('view_page', 'view_article', 'view_category', 'view_product', 'view_cart')"
"""Events that show a page."""

ENGAGEMENT = "page_engagement"
"""Name of the custom event by which the browser reports foreground time."""

_STAY = "over (partition by m.walker, m.island order by m.n rows between unbounded preceding and current row)"
_WALK = "over (partition by {0}.walker order by {0}.n rows between unbounded preceding and"

# Neither of a machine nor a note of our own.
_HAPPENED = f"""not coalesce(e.is_bot, false) and not {is_own("e")}"""

# What the shop does by itself, and what happens off line, is no part of a visit.
_FLOWS = """e.visitor_id is not null and e.type not in ('order_update', 'refund') and e.type not like 'email%'
        and coalesce(e.context_source, 'web') <> 'offline'"""

_WALKS = f"""{_FLOWS}
        and {_HAPPENED}"""

# What a backend tells about a visitor without a page of its own joins a visit and never begins one.
_ACT = f"""case when e.type = 'order' then
          case when e.context_source in ('web', 'app') or (e.context_source is null and e.url is not null)
          then 1 else 0 end
        when e.type = 'custom' and e.name = '{ENGAGEMENT}' then 0
        when e.type in ('custom', 'identify', 'register', 'login') and e.context_source = 'server' and e.url is null
        then 0 else 1 end"""

_TAG = """case when e.utm_source is not null or e.utm_medium is not null or e.utm_campaign is not null
          or e.click_id is not null
        then @hash(lower(concat(coalesce(e.utm_source, ''), '|', coalesce(e.utm_medium, ''), '|',
          coalesce(e.utm_campaign, ''), '|', coalesce(e.click_id, '')))) end"""

# 0 when it shows no page; else which kind of page it is.
_KIND = """case e.type when 'view_page' then 1 when 'view_article' then 2 when 'view_category' then 3
        when 'view_product' then 4 when 'view_cart' then 5 else 0 end"""

# The view before, as one number that rises along the walk: its place, its kind, and 28 bits of its address.
_VIEW = """case when p.kind > 0 then p.n * 2147483648 + p.kind * 268435456 + p.address end"""

_SQL = f"""
    with steps as (
      select e.seq as seq, @hash(e.visitor_id) as walker, e.t as t, e.event_id as event_id,
        {_ACT} as act,
        {_KIND} as kind,
        {_TAG} as tag,
        case when e.url is not null then @hash(e.url) % 268435456 else -1 end as address
      from events e
      where {_WALKS}
    ),
    placed as (
      select s.seq as seq, s.walker as walker, s.t as t, s.act as act, s.kind as kind, s.tag as tag,
        s.address as address,
        row_number() over (partition by s.walker order by s.t, s.event_id) as n,
        lag(s.t) over (partition by s.walker order by s.t, s.event_id) as before_t,
        coalesce(sum(s.act) over (partition by s.walker order by s.t, s.event_id
          rows between unbounded preceding and 1 preceding), 0) as acts
      from steps s
    ),
    islands as (
      select p.seq as seq, p.walker as walker, p.t as t, p.act as act, p.kind as kind, p.tag as tag,
        p.address as address, p.n as n, p.acts as acts,
        max(case when p.t - p.before_t <= {SESSION_GAP} then null else p.n end)
          {_WALK.format("p")} current row) as island,
        max(case when p.t - p.before_t <= {SESSION_GAP} then null else p.acts end)
          {_WALK.format("p")} current row) as acts_outside,
        max({_VIEW}) {_WALK.format("p")} 1 preceding) as view,
        max(case when p.kind > 0 then p.t end) {_WALK.format("p")} 1 preceding) as view_t
      from placed p
    ),
    tagged as (
      select i.seq as seq, case when lag(i.tag) over (partition by i.walker order by i.n) = i.tag
        and lag(i.island) over (partition by i.walker order by i.n) = i.island then 0 else 1 end as fresh
      from islands i
      where i.act = 1 and i.tag is not null
    ),
    marked as (
      select i.seq as seq, i.walker as walker, i.n as n, i.island as island, i.kind as kind,
        case when i.act = 1 and (i.acts = i.acts_outside or g.fresh = 1) then 1 else 0 end as entry,
        -- One page: the same address in the same silence, another kind; an unspecific view right after counts too.
        case when i.view >= i.island * 2147483648 and i.view % 268435456 = i.address and i.address >= 0
          and (case when i.view % 2147483648 - i.view % 268435456 = 268435456 then i.kind > 1
            else i.kind = 1 and i.t - i.view_t <= 5000000 end)
          then 1 else 0 end as same_page
      from islands i
      left join tagged g on g.seq = i.seq
    ),
    walked as (
      select m.seq as seq, m.walker as walker, m.n as n, m.island as island, m.entry as entry,
        case when m.kind > 0 and (m.same_page = 0 or m.entry = 1) then 1 else 0 end as page_view,
        max(case when m.entry = 1 then m.n end) {_STAY} as began,
        cast(sum(case when m.kind > 0 and (m.same_page = 0 or m.entry = 1) then 1 else 0 end) {_STAY} as bigint)
          as page_no
      from marked m
    ),
    entries as (
      select w.walker as walker, w.n as n, e.event_id as event_id
      from walked w
      join events e on e.seq = w.seq
      where w.entry = 1
    )
    select e.seq as seq, e.event_id as event_id, e.t as t, e.type as type, e.name as name, e.visitor_id as visitor_id,
      e.order_id as order_id, {person_of("e", "n", "v")} as person_id, b.event_id as session_id,
      coalesce(w.entry, 0) as entry, coalesce(w.page_view, 0) as page_view, coalesce(w.page_no, 0) as page_no,
      w.walker as walker
    from events e
    left join walked w on w.seq = e.seq
    left join entries b on b.walker = w.walker and b.n = w.began
    left join names n on n.name = {name_of("e")}
    left join visitor_people v on v.visitor_id = e.visitor_id
    where {_HAPPENED}
      and (v.visitor_id is null or (e.t >= v.from_t and e.t < v.to_t))
"""

_COLUMNS = ", ".join(
    f"e.{name}"
    for name in (
        "seq", "event_id", "type", "t", "visitor_id", "customer_id", "customer_email", "order_id", "name", "url",
        "utm_source", "utm_medium", "utm_campaign", "click_id", "is_bot", "context_source",
    )
)  # fmt: skip

# Two things move rows: new events, which may lengthen or join the stretches without a silence around them, so these
# are walked again whole; and people who turn out to be others, whose rows keep their place in the walk.
_UPDATE = Update(
    steps=(
        (
            "new_steps",
            f"""
            select e.seq as seq, @hash(e.visitor_id) as walker, e.t as t
            from events e
            where e.seq > $since and {_WALKS}
            """,
        ),
        (
            "walked_seqs",
            f"""
            with paths as (
              select n.seq as seq, n.walker as walker, n.t as t, 1 as is_new from new_steps n
              union all
              select s.seq as seq, s.walker as walker, s.t as t, 0 as is_new
              from session_events s
              where s.walker in (select walker from new_steps)
            ),
            cut as (
              select p.seq as seq, p.walker as walker, p.is_new as is_new, p.t as t,
                case when p.t - lag(p.t) over (partition by p.walker order by p.t, p.seq) <= {SESSION_GAP} then 0
                  else 1 end as begins
              from paths p
            ),
            stays as (
              select c.seq as seq, c.walker as walker, c.is_new as is_new,
                sum(c.begins) over (partition by c.walker order by c.t, c.seq
                  rows between unbounded preceding and current row) as stay
              from cut c
            ),
            hit as (
              select h.walker as walker, h.stay as stay from stays h where h.is_new = 1 group by 1, 2
            )
            select s.seq as seq
            from stays s
            join hit h on h.walker = s.walker and h.stay = s.stay
            """,
        ),
        (
            "moved_visitors",
            """
            select c.visitor_id as visitor_id from changed_visitor_people c
            union
            select v.visitor_id as visitor_id from named_visits v where v.name in (select name from changed_names)
            """,
        ),
        (
            "moved_seqs",
            f"""
            select s.seq as seq
            from session_events s
            where s.visitor_id in (select visitor_id from moved_visitors) and s.seq not in (select seq from walked_seqs)
            union
            select e.seq as seq
            from events e
            where {name_of("e")} in (select name from changed_names) and e.visitor_id is null and e.seq <= $since
            """,
        ),
        (
            "part_events",
            f"""
            select {_COLUMNS} from events e where e.seq > $since
            union all
            select {_COLUMNS} from events e where e.seq <= $since and e.seq in (select seq from walked_seqs)
            """,
        ),
        (
            "moved_rows",
            f"""
            select w.*
            from (
              select s.seq as seq, s.type as type, s.visitor_id as visitor_id, s.order_id as order_id,
                s.session_id as session_id, s.page_view as page_view, s.page_no as page_no,
                s.person_id as person_before, {person_of("e", "n", "v")} as person_id
              from session_events s
              join moved_seqs m on m.seq = s.seq
              join events e on e.seq = s.seq
              left join names n on n.name = {name_of("e")}
              left join visitor_people v on v.visitor_id = s.visitor_id
              where v.visitor_id is null or (s.t >= v.from_t and s.t < v.to_t)
            ) as w
            where coalesce(w.person_before, '') <> coalesce(w.person_id, '')
            """,
        ),
    ),
    key="seq",
    gone="walked_seqs",
    sources={"events": "part_events"},
    tells=("type", "visitor_id", "order_id", "session_id"),
    patches=("update session_events set person_id = m.person_id from moved_rows m where m.seq = session_events.seq",),
)

SESSION_EVENTS = Model(
    "session_events",
    """One row per event, bots and this package's own notes left out.

    seq, event_id, t, type, name, visitor_id, order_id; person_id (see ``people``; NULL when neither visitor nor
    customer is known); session_id (the ``event_id`` of the session's first event, NULL outside of sessions); entry (1
    on that first event); page_view (1 when the event shows a page that the event before it did not: ``view_page`` and
    ``view_product`` of the same address are one page); page_no (number of the page, rising within a
    session); walker (a number for the visitor of an event that may be part of a session; for no report).

    A session is one visitor's events with no silence over 30 minutes; midnight does not end it, a new campaign (other
    utm tags or click id than the tagged event before it) begins a new one. Orders sent by the server, foreground time,
    and whatever a backend tells without a page join the visitor's current session; alone they make none.
    """,
    # Sorting is what costs, so the walk along each visitor's path carries numbers only: one pass puts the events in
    # order, one finds the silences, one the sessions. Names, people and ids join at the end.
    _SQL,
    needs=(NAMES, NAMED_VISITS, VISITOR_PEOPLE),
    update=_UPDATE,
)
