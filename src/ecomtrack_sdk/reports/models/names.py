"""Names that belong together: which customer ids and e-mail addresses are one person.

A customer is known by names: the shop's id and the e-mail address (case ignored; an id that looks like an address
counts as one). Names seen together in one event belong to one person, and so on along the chain: that is a connected
component of the graph of names, found by spreading the smallest label over the edges until nothing changes. It costs
rounds of two joins over the *names*, never over the events, and needs no more rounds than the logarithm of the
longest chain.

The id of a person is the first id ever seen of its names (the earliest ``t``, ties by text), else the address.
Everything is a function of the events alone, whatever order they came in.

A browser with a public site key may say that it is somebody's: that is a claim. It links the browser to that name and
never two names to each other, so no claim makes two customers one.
"""
# ruff: noqa: S608
# The text is made of expressions of our own.

from __future__ import annotations

from ecomtrack_sdk.store._projection import Model, Update

__all__ = ["LINK_NOTES", "NAMES", "RELINK", "UNLINK", "is_own", "name_of"]

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


LINK_NOTES = Model(
    "link_notes",
    """One row per note of this package's own that takes a link back or restores it.

    visitor_id (NULL: the link is between the two names), id_name, email_name, note (its name), t, event_id.
    """,
    f"""
    select e.visitor_id as visitor_id, {_id_of("e")} as id_name, e.customer_email as email_name, e.name as note,
      e.t as t, e.event_id as event_id
    from events e
    where {is_own("e")}
    """,
    # Seldom, and it may part what was one person: everything is made anew then.
    update=Update(fresh=False),
    upset=f"select count(*) as n from events e where e.seq > $since and {is_own('e')}",
)

_SEEN = f"""
      select {_id_of("e")} as id_name, e.customer_email as email_name, min(e.t) as first_t
      from events e
      where e.customer_id is not null and e.customer_email is not null and e.claimed is null and not {is_own("e")}"""

_PARTED = f"""
      select k.id_name as id_name, k.email_name as email_name, @last(k.note, (k.t, k.event_id)) as verdict
      from link_notes k
      where k.visitor_id is null and k.id_name is not null and k.email_name is not null
      group by 1, 2
      having @last(k.note, (k.t, k.event_id)) = '{UNLINK}'"""

CUSTOMER_PAIRS = Model(
    "customer_pairs",
    """One row per customer id and e-mail address seen together and not unlinked; what a browser claims does not count.

    id_name, email_name, first_t (microseconds of the first event with both).
    """,
    f"""
    with verdicts as ({_PARTED}
    ),
    seen as ({_SEEN}
      group by 1, 2
    )
    select s.id_name as id_name, s.email_name as email_name, s.first_t as first_t
    from seen s
    left join verdicts v on v.id_name = s.id_name and v.email_name = s.email_name
    where v.id_name is null and s.id_name <> s.email_name
    """,
    needs=(LINK_NOTES,),
    update=Update(
        steps=(
            (
                "moved_pairs",
                f"""
                with verdicts as ({_PARTED}
                ),
                seen as ({_SEEN} and e.seq > $since
                  group by 1, 2
                )
                select s.id_name as id_name, s.email_name as email_name, s.first_t as first_t
                from seen s
                left join customer_pairs p on p.id_name = s.id_name and p.email_name = s.email_name
                left join verdicts v on v.id_name = s.id_name and v.email_name = s.email_name
                where v.id_name is null and s.id_name <> s.email_name and (p.id_name is null or s.first_t < p.first_t)
                """,
            ),
        ),
        key="id_name",
        gone="moved_pairs",
        sql="""
        select p.id_name as id_name, p.email_name as email_name, min(p.first_t) as first_t
        from (
          select m.id_name, m.email_name, m.first_t from moved_pairs m
          union all
          select c.id_name, c.email_name, c.first_t
          from customer_pairs c
          where c.id_name in (select id_name from moved_pairs)
        ) as p
        group by 1, 2
        """,
        tells=("id_name", "email_name", "first_t"),
        exact=True,
    ),
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
)

CUSTOMER_LABELS = Model(
    "customer_labels",
    """One row per node with the smallest node it is connected to: node, label.""",
    "select node, node as label from customer_nodes",
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
    needs=(CUSTOMER_PAIRS,),
    parts=(CUSTOMER_NODES, CUSTOMER_EDGES, CUSTOMER_LABELS),
    # Only the components that new pairs touch are looked at again; they are taken whole, so no other can change.
    update=Update(
        steps=(
            (
                "touched_names",
                """
                select c.id_name as name from changed_customer_pairs c
                union
                select c.email_name as name from changed_customer_pairs c
                """,
            ),
            (
                "touched_people",
                """
                select distinct coalesce(n.person_id, t.name) as person_id
                from touched_names t
                left join names n on n.name = t.name
                """,
            ),
            (
                "linked_names",
                """
                select n.name as name from names n where n.person_id in (select person_id from touched_people)
                union
                select p.person_id as name from touched_people p
                union
                select t.name as name from touched_names t
                """,
            ),
            (
                "part_customer_pairs",
                "select p.* from customer_pairs p where p.id_name in (select name from linked_names)",
            ),
        ),
        key="name",
        gone="linked_names",
        sources={"customer_pairs": "part_customer_pairs"},
        tells=("name", "person_id"),
        exact=True,
    ),
)
