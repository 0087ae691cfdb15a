"""What did this person do, before and after the first purchase?

**Question.** The timeline of one person over all devices: visits, pages, carts, orders, refunds, mails.

**Grain.** One row per event, in the order they happened.

**Formula.** ``person`` may be a customer id, an e-mail address or a visitor id; whatever belongs to the same person
is shown, a visitor's past before the first login too. ``phase`` says where the event lies from the person's first
counted order. Refunds and changes of their orders are theirs.
``amount`` is what the event itself says: the total of an order, the sum of a refund, the line put into
the cart.

**Unit.** ``amount`` in ``currency``.

**Caveats.** At most ``limit`` events, the latest. A visitor id two people share shows the latest of them. Bots are
left out.

**Source.** Metrilo *customer profile*, Matomo *visitor profile*.
"""
# ruff: noqa: S608
# The text is made of expressions of our own; what users write is bound.

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ecomtrack_sdk.reports._base import Check, Report, Row
from ecomtrack_sdk.reports._conditions import ACT_FILTERS
from ecomtrack_sdk.reports._params import AtLeastOne, Params
from ecomtrack_sdk.reports._values import Money, Quantity, Seconds, Time
from ecomtrack_sdk.reports.models.order_people import ORDER_PEOPLE
from ecomtrack_sdk.reports.models.orders import ORDERS
from ecomtrack_sdk.reports.models.people import NAMES, VISITOR_PEOPLE
from ecomtrack_sdk.reports.models.session_events import SESSION_EVENTS
from ecomtrack_sdk.reports.models.sessions import SESSIONS

__all__ = ["ProfileParams", "ProfileRow", "report"]


class ProfileParams(Params):
    """Those of every report, and who."""

    person: Annotated[str, Field(min_length=1)]
    """Customer id, e-mail address or visitor id."""
    limit: AtLeastOne = 1000
    """Most events; the latest are shown."""


class ProfileRow(Row):
    """One event."""

    t: Time
    """When it happened."""
    type: str
    """Wire type; ``custom:NAME`` for custom events."""
    what: str | None
    """Product, article, query, order or page it is about."""
    phase: str
    """``before`` the first order, the ``first order`` itself, ``after`` it; ``no order`` while there is none."""
    quantity: Quantity | None
    """Units put into or taken out of the cart."""
    amount: Money | None
    """Total of the order, sum of the refund, value of the line."""
    currency: str | None
    """ISO 4217."""
    status: str | None
    """Status an order or an update gave."""
    channel: str | None
    """On the first event of a session: where it came from."""
    source_medium: str | None
    """The same, as ``source / medium``."""
    campaign: str | None
    """Campaign of the session or of the mail."""
    path: str | None
    """Page."""
    seconds: Seconds | None
    """Foreground time, on the event that reports it."""
    device: str | None
    """Kind of device."""
    session: str | None
    """Id of the session."""
    visitor: str | None
    """The browser's id."""
    order_id: str | None
    """The order."""
    person: str
    """Id of the person."""
    event_id: str
    """Id of the event."""


# Events are searched for the person only when the names do not tell: a join with no row costs next to nothing.
_PERSON = """
with named as (
  select n.person_id as person_id from names n where n.name = $person or n.name = lower($person)
),
unnamed as (
  select i.id as id
  from (
    select $person as id union all select lower($person) as id union all select concat('visitor:', $person) as id
  ) i
  cross join (select count(*) as n from named n having count(*) = 0) k
),
wanted as (
  select n.person_id as person_id, 1 as place from named n
  union all
  select s.person_id as person_id, 2 as place
  from session_events s
  where s.person_id in (select u.id from unnamed u)
  union all
  select v.person_id as person_id, 3 as place
  from visitor_people v
  where v.visitor_id = $person and v.to_t = 9000000000000000000
),
chosen as (
  select w.person_id as person_id from wanted w order by w.place, w.person_id limit 1
)"""
_THEIRS = "s.seq as seq, s.t as t, s.event_id as event_id, s.session_id as session_id, s.entry as entry"


def _sql(params: ProfileParams) -> str:
    # Only filters ask an event for more than its place in the timeline.
    events = "\n  join events e on e.seq = a.seq" if params.where else ""
    return f"""{_PERSON},
purchases as (
  select p.order_id as order_id, p.person_id as person_id
  from order_people p
  where p.person_id in (select c.person_id from chosen c)
),
theirs as (
  select {_THEIRS}, s.person_id as person_id
  from session_events s
  where s.person_id in (select c.person_id from chosen c)
  union all
  select {_THEIRS}, p.person_id as person_id
  from session_events s
  join purchases p on p.order_id = s.order_id
  where s.person_id is null
),
own as (
  select a.seq as seq, a.t as t, a.event_id as event_id, a.session_id as session_id, a.entry as entry,
    a.person_id as person_id, row_number() over (order by a.t desc, a.event_id desc) as back
  from theirs a{events}
  where a.t >= $from_t and a.t < $to_t @where()
),
firsts as (
  select min(o.ordered_t) as t, @first(o.order_id, (o.ordered_t, o.order_id)) as order_id
  from orders o
  join purchases p on p.order_id = o.order_id
  where @counted(o) = 1
),
lines as (
  select i.seq as seq, max(i.name) as name, max(i.quantity) as quantity, max(i.subtotal) as subtotal
  from event_items i
  where i.list = 'item' and i.seq in (select o.seq from own o)
  group by 1
)
select s.t as t, case when e.type = 'custom' then concat('custom:', e.name) else e.type end as type,
  coalesce(l.name, e.product_id, e.query, e.order_id, e.title, e.article_id, e.category_id, e.message_id, e.path)
    as what,
  case when f.t is null then 'no order' when e.type = 'order' and e.order_id = f.order_id and e.t = f.t
    then 'first order' when s.t < f.t then 'before' else 'after' end as phase,
  case when e.type in ('add_to_cart', 'remove_from_cart') then l.quantity end as quantity,
  @amount(coalesce(a.total, a.refund_amount, e.value,
    case when e.type in ('add_to_cart', 'remove_from_cart') then l.subtotal end), e.currency) as amount,
  @currency(e.currency) as currency, a.status as status,
  case when s.entry = 1 then coalesce(e.channel, 'Direct') end as channel,
  case when s.entry = 1 then concat(coalesce(e.source, '(direct)'), ' / ', coalesce(e.medium, '(none)')) end
    as source_medium,
  case when s.entry = 1 or e.type like 'email%' then e.campaign end as campaign,
  e.path as path, e.engaged_seconds as seconds, e.device as device, s.session_id as session, e.visitor_id as visitor,
  e.order_id as order_id, s.person_id as person, s.event_id as event_id
from own s
join events e on e.seq = s.seq
cross join firsts f
left join order_actions a on a.seq = s.seq
left join lines l on l.seq = s.seq
where s.back <= $limit
order by s.t, s.event_id
"""


_UNKNOWN = Check(
    "unknown_person",
    "nobody is known as {person}: write a customer id, an e-mail address or a visitor id",
    f"{_PERSON} select $person as person from (select count(*) as n from chosen) as k where k.n = 0",
)

report = Report(
    "profile",
    ProfileParams,
    ProfileRow,
    _sql,
    models=(SESSION_EVENTS, SESSIONS, NAMES, VISITOR_PEOPLE, ORDERS, ORDER_PEOPLE),
    filters=ACT_FILTERS,
    checks=(_UNKNOWN,),
    doc=__doc__ or "",
    comparable=False,
)
