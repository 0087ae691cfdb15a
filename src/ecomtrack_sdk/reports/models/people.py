"""Who it was: the person behind each visitor.

An event that names a customer links its visitor to that person; what the visitor did before the first such event
belongs to the same person, what comes after a later one to the later person (a shared device). An unnamed visitor is
the person ``visitor:`` + visitor id. Which names are one person: :mod:`ecomtrack_sdk.reports.models.names`.

Links are reversible: see :mod:`ecomtrack_sdk.reports.links`.
"""
# ruff: noqa: S608
# The text is made of expressions of our own.

from __future__ import annotations

from ecomtrack_sdk.reports.models.names import LINK_NOTES, NAMES, RELINK, UNLINK, is_own, name_of
from ecomtrack_sdk.store._projection import Model, Update

__all__ = ["NAMED_VISITS", "NAMES", "RELINK", "UNLINK", "VISITOR_PEOPLE", "is_own", "name_of", "person_of"]


def person_of(alias: str, names: str, people: str) -> str:
    """SQL: the person of an event, from the joined rows of ``names`` and ``visitor_people``."""
    visitor = f"case when {alias}.visitor_id is not null then concat('visitor:', {alias}.visitor_id) end"
    return f"coalesce({names}.person_id, {name_of(alias)}, {people}.person_id, {visitor})"


_NAMED = f"""
    select e.visitor_id as visitor_id, e.t as t, e.event_id as event_id, {name_of("e")} as name
    from events e
    where e.visitor_id is not null and (e.customer_id is not null or e.customer_email is not null)
      and not {is_own("e")}"""

NAMED_VISITS = Model(
    "named_visits",
    """One row per event that names a visitor's customer: visitor_id, t, event_id, name.""",
    _NAMED,
    update=Update(sql=f"{_NAMED} and e.seq > $since"),
)

VISITOR_PEOPLE = Model(
    "visitor_people",
    """One row per visitor and stretch of time that belongs to one customer.

    visitor_id, person_id, from_t, to_t (microseconds, to_t exclusive: the stretches of a visitor cover all time, the
    first one reaches back to before the visitor was named), linked_t and event_id (the event that named the visitor).
    Visitors nobody has named have no row.
    """,
    f"""
    with verdicts as (
      select v.visitor_id as visitor_id, v.person_id as person_id
      from (
        select k.visitor_id as visitor_id, coalesce(n.person_id, k.id_name, k.email_name) as person_id,
          @last(k.note, (k.t, k.event_id)) as verdict
        from link_notes k
        left join names n on n.name = coalesce(k.id_name, k.email_name)
        where k.visitor_id is not null
        group by 1, 2
      ) as v
      where v.verdict = '{UNLINK}'
    ),
    named as (
      select v.visitor_id as visitor_id, v.t as t, v.event_id as event_id, coalesce(n.person_id, v.name) as person_id
      from named_visits v
      left join names n on n.name = v.name
    ),
    marked as (
      select k.visitor_id as visitor_id, k.t as t, k.event_id as event_id, k.person_id as person_id,
        lag(k.person_id) over (partition by k.visitor_id order by k.t, k.event_id) as before
      from named k
      left join verdicts u on u.visitor_id = k.visitor_id and u.person_id = k.person_id
      where u.visitor_id is null
    )
    select m.visitor_id as visitor_id, m.person_id as person_id,
      case when m.before is null then -9000000000000000000 else m.t end as from_t,
      coalesce(lead(m.t) over (partition by m.visitor_id order by m.t, m.event_id), 9000000000000000000) as to_t,
      m.t as linked_t, m.event_id as event_id
    from marked m
    where m.before is null or m.before <> m.person_id
    """,
    needs=(NAMES, LINK_NOTES, NAMED_VISITS),
    update=Update(
        steps=(
            (
                "touched_visitors",
                """
                select v.visitor_id as visitor_id from fresh_named_visits v
                union
                select v.visitor_id as visitor_id from named_visits v where v.name in (select name from changed_names)
                union
                select k.visitor_id as visitor_id
                from link_notes k
                where k.visitor_id is not null
                  and coalesce(k.id_name, k.email_name) in (select name from changed_names)
                """,
            ),
            (
                "part_named_visits",
                "select v.* from named_visits v where v.visitor_id in (select visitor_id from touched_visitors)",
            ),
        ),
        key="visitor_id",
        gone="touched_visitors",
        sources={"named_visits": "part_named_visits"},
        tells=("visitor_id", "person_id", "from_t", "to_t"),
        exact=True,
    ),
)
