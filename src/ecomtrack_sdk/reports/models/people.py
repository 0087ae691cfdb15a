"""Who it was: names that belong together, and the person behind each visitor.

A customer is known by names: the shop's id and the e-mail address (case ignored; an id that looks like an address
counts as one). Names seen together in one event belong to one person, and so on along the chain: that is a connected
component of the graph of names, found by spreading the smallest label over the edges until nothing changes. It costs
rounds of two joins over the *names*, never over the events, and needs no more rounds than the logarithm of the
longest chain.

The id of a person is the first id ever seen of its names (the earliest ``t``, ties by text), else the address. An
unnamed visitor is the person ``visitor:`` + visitor id. Everything is a function of the events alone, whatever order
they came in.

A browser with a public site key may say that it is somebody's: that is a claim. It links the browser to that name and
never two names to each other, so no claim makes two customers one.

Links are reversible: see :mod:`ecomtrack_sdk.reports.links`.
"""
# ruff: noqa: S608
# The text is made of expressions of our own.

from __future__ import annotations

from ecomtrack_sdk.store._projection import Model

__all__ = ["NAMES", "RELINK", "UNLINK", "VISITOR_PEOPLE", "is_own", "name_of", "person_of"]

UNLINK = "ecomtrack_unlink"
"""Name of the custom event that takes a link back."""
RELINK = "ecomtrack_relink"
"""Name of the custom event that restores a link taken back."""


def name_of(alias: str) -> str:
    """SQL: the name an event carries, its customer id before its e-mail address."""
    return f"coalesce({_id_of(alias)}, {alias}.customer_email)"


def _id_of(alias: str) -> str:
    column = f"{alias}.customer_id"
    return f"case when {column} like '%@%' then lower({column}) else {column} end"


def is_own(alias: str) -> str:
    """SQL: whether an event is this package's own note, which no report counts as something that happened."""
    return f"({alias}.type = 'custom' and {alias}.name in ('{UNLINK}', '{RELINK}'))"


def person_of(alias: str, names: str, people: str) -> str:
    """SQL: the person of an event, from the joined rows of ``names`` and ``visitor_people``."""
    visitor = f"case when {alias}.visitor_id is not null then concat('visitor:', {alias}.visitor_id) end"
    return f"coalesce({names}.person_id, {name_of(alias)}, {people}.person_id, {visitor})"


CUSTOMER_PAIRS = Model(
    "customer_pairs",
    """One row per customer id and e-mail address seen together and not unlinked; what a browser claims does not count.

    id_name, email_name, first_t (microseconds of the first event with both).
    """,
    f"""
    with verdicts as (
      select {_id_of("e")} as id_name, e.customer_email as email_name, @last(e.name, (e.t, e.event_id)) as verdict
      from events e
      where {is_own("e")} and e.visitor_id is null and e.customer_id is not null and e.customer_email is not null
      group by 1, 2
    ),
    seen as (
      select {_id_of("e")} as id_name, e.customer_email as email_name, min(e.t) as first_t
      from events e
      where e.customer_id is not null and e.customer_email is not null and e.claimed is null and not {is_own("e")}
      group by 1, 2
    )
    select s.id_name as id_name, s.email_name as email_name, s.first_t as first_t
    from seen s
    left join verdicts v on v.id_name = s.id_name and v.email_name = s.email_name and v.verdict = '{UNLINK}'
    where v.id_name is null and s.id_name <> s.email_name
    """,
)

CUSTOMER_NODES = Model(
    "customer_nodes",
    """One row per name that was seen together with another one.

    name, node (its rank: ids before addresses, then the earliest first).
    """,
    """
    select n.name as name, row_number() over (order by n.is_email, n.first_t, n.name) as node
    from (
      select p.name as name, min(p.first_t) as first_t, max(case when p.name like '%@%' then 1 else 0 end) as is_email
      from (
        select id_name as name, first_t from customer_pairs
        union all
        select email_name as name, first_t from customer_pairs
      ) as p
      group by 1
    ) as n
    """,
    needs=(CUSTOMER_PAIRS,),
)

CUSTOMER_EDGES = Model(
    "customer_edges",
    """One row per pair of names and direction: a, b (nodes).""",
    """
    select i.node as a, m.node as b
    from customer_pairs p
    join customer_nodes i on i.name = p.id_name
    join customer_nodes m on m.name = p.email_name
    union all
    select m.node as a, i.node as b
    from customer_pairs p
    join customer_nodes i on i.name = p.id_name
    join customer_nodes m on m.name = p.email_name
    """,
    needs=(CUSTOMER_PAIRS, CUSTOMER_NODES),
)

CUSTOMER_LABELS = Model(
    "customer_labels",
    """One row per node with the smallest node it is connected to: node, label.""",
    "select node, node as label from customer_nodes",
    needs=(CUSTOMER_NODES, CUSTOMER_EDGES),
    # Take the smallest label of the neighbours, then the label of the label: the second halves the way each round.
    repeat="""
    with low as (
      select e.a as node, min(l.label) as label
      from customer_edges e
      join customer_labels l on l.node = e.b
      group by 1
    ),
    near as (
      select l.node as node, case when w.label < l.label then w.label else l.label end as label
      from customer_labels l
      join low w on w.node = l.node
    )
    select n.node as node, case when j.label < n.label then j.label else n.label end as label
    from near n
    join near j on j.node = n.label
    """,
    measure="select sum(label) from customer_labels",
)

NAMES = Model(
    "names",
    """One row per customer name (id or e-mail address) that is not itself the id of its person.

    name, person_id.
    """,
    """
    select n.name as name, p.name as person_id
    from customer_nodes n
    join customer_labels l on l.node = n.node
    join customer_nodes p on p.node = l.label
    where n.name <> p.name
    """,
    needs=(CUSTOMER_NODES, CUSTOMER_LABELS),
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
        select e.visitor_id as visitor_id, coalesce(n.person_id, {name_of("e")}) as person_id,
          @last(e.name, (e.t, e.event_id)) as verdict
        from events e
        left join names n on n.name = {name_of("e")}
        where {is_own("e")} and e.visitor_id is not null
        group by 1, 2
      ) as v
      where v.verdict = '{UNLINK}'
    ),
    named as (
      select e.visitor_id as visitor_id, e.t as t, e.event_id as event_id,
        coalesce(n.person_id, {name_of("e")}) as person_id
      from events e
      left join names n on n.name = {name_of("e")}
      where e.visitor_id is not null and (e.customer_id is not null or e.customer_email is not null)
        and not {is_own("e")}
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
    needs=(NAMES,),
)
