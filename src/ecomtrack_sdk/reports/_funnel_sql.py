"""The texts of the funnel's query: events to candidates, attempts to the best of each, and what is counted of them."""
# ruff: noqa: S608
# The text is made of numbers and of names of our own; what users write is bound as parameters.

from __future__ import annotations

from collections.abc import Sequence

from ecomtrack_sdk.reports._conditions import Conditions
from ecomtrack_sdk.reports._steps import Step

__all__ = ["best", "candidates", "order_matters", "people", "slots", "spread", "summary"]


def slots(steps: tuple[Step, ...]) -> list[tuple[int, int]]:
    """For each step the number of its group of equal steps, and which of that group it is (from 0)."""
    seen = [step.key() for step in steps]
    keys = list(dict.fromkeys(seen))
    return [(keys.index(key) + 1, seen[:at].count(key)) for at, key in enumerate(seen)]


def candidates(
    steps: tuple[Step, ...],
    excluded: Sequence[Step],
    conditions: Conditions,
    *,
    mode: str,
    per: str,
    breakdown: str | None,
    filtered: bool,
    listed: bool,
    ties: Sequence[str],
) -> str:
    """CTEs up to ``candidates``: the events that matter, each with the steps it is.

    Args:
        steps: In their order.
        excluded: What must not happen on the way.
        conditions: Takes the bound values.
        mode: ``ordered``, ``strict`` or ``any``.
        per: ``person`` or ``session``: who goes through the funnel.
        breakdown: Field of the first step.
        filtered: Whether the user gave filters.
        listed: Whether the answer says who; where it only counts them, a number stands for each.
        ties: See ``_attempts.TIES``; empty where the order of like events does not matter.
    """
    any_order = mode == "any"
    # The user's filters choose who enters; where any step may be the first they choose the events.
    entering, everywhere = ("", " @where()") if any_order else (" @where()", "")
    numbers = range(1, len(steps) + 1)
    flags = [
        f"case when {conditions.step(step)}{entering if number == 1 else ''} then 1 else 0 end as s{number}"
        for number, step in enumerate(steps, 1)
    ]
    flags += [f"case when {conditions.step(step)} then 1 else 0 end as x{i}" for i, step in enumerate(excluded, 1)]
    value, join = "'(all)'", ""
    if breakdown is not None:
        value, join = conditions.breakdown(breakdown, [step.type for step in (steps if any_order else steps[:1])])
    kept = conditions.personal() if mode == "strict" else conditions.types([*steps, *excluded])
    barred = "".join(f" when m.x{i} = 1 then 0" for i in range(1, len(excluded) + 1))
    if any_order:
        # The particular goes before the general: an event counts for one step only.
        by_detail = sorted(numbers, key=lambda number: (-len(steps[number - 1].filters), number))
        groups = slots(steps)
        low = " ".join(f"when m.s{number} = 1 then {groups[number - 1][0]}" for number in by_detail)
        high = "0"
    else:
        low = " ".join(f"when m.s{number} = 1 then {number}" for number in numbers)
        high = f"case {' '.join(f'when m.s{number} = 1 then {number}' for number in reversed(numbers))} else 0 end"
    marks = [f"m.s{number} = 1" for number in numbers] + [f"m.x{i} = 1" for i in range(1, len(excluded) + 1)]
    some = "" if mode == "strict" else f"\n  where {' or '.join(marks)}"
    # Types and names are in ``session_events`` too: a question that asks for no more does without ``events``.
    narrow = not filtered and breakdown is None and not any(step.filters for step in (*steps, *excluded))
    unit = f"{'e' if narrow else 'a'}.{per}_id"
    who = unit if listed else f"@hash({unit})"
    source = "session_events e" if narrow else f"events e\n  join session_events a on a.seq = e.seq{join}"
    identity = ", e.seq as id" if any_order else ""
    tie = ", e.event_id as tie" if "tie" in ties else ""
    order = f", {high} as high" if "high" in ties else ""
    return (
        f"matched as (\n  select {who} as unit, e.t as t, {value} as breakdown{identity}{tie},\n    "
        + ",\n    ".join(flags)
        + f"\n  from {source}\n"
        f"  where e.t >= $from_t and e.t < $to_t and {kept} and {unit} is not null{everywhere}\n),\n"
        f"candidates as (\n  select m.*, case{barred} {low} else 99 end as low{order}\n  from matched m{some}\n)"
    )


def best(steps: int, ties: Sequence[str], *, broken_down: bool, listed: bool) -> str:
    """CTE ``best``: one row per unit, its best attempts (those of the highest ``reach``) put together.

    m2 … mK: the median of their times from the step before, microseconds; b2 … bK and f2 … fK the means of their times
    from the step before and from the first. With *broken_down* the breakdown of the earliest of them, with *listed* its
    moments t1 … tK.
    """
    first = f"(a.t1{', a.tie' if 'tie' in ties else ''})" if "tie" in ties else "a.t1"
    later = range(2, steps + 1)
    columns = {f"m{step}": f"@median(a.t{step} - a.t{step - 1})" for step in later}
    columns.update({f"b{step}": f"avg(a.t{step} - a.t{step - 1})" for step in later})
    columns.update({f"f{step}": f"avg(a.t{step} - a.t1)" for step in later})
    if broken_down:
        columns["breakdown"] = f"@first(a.breakdown, {first})"
    if listed:
        columns.update({f"t{step}": f"@first(a.t{step}, {first})" for step in range(1, steps + 1)})
    tried = "".join(f", {value} as {name}" for name, value in columns.items())
    # What is there at one reach is there at every higher one: the last that is not NULL is that of the highest.
    kept = "".join(f", @last(r.{name}, r.reach) as {name}" for name in columns)
    # Grouped before the best is chosen: an engine that does not keep a CTE computes the attempts once all the same.
    return (
        f"tried as (\n  select a.unit, a.reach{tried}\n  from attempts a group by a.unit, a.reach\n),\n"
        f"best as (\n  select r.unit, max(r.reach) as reach{kept}\n  from tried r group by r.unit\n)"
    )


def order_matters(steps: Sequence[Step], excluded: Sequence[Step], breakdown: str | None) -> bool:
    """Whether two events of one microsecond that are the same step may differ to the question."""
    asked = (*steps, *excluded)
    kinds = {(step.type, step.name) for step in asked}
    unnamed = [step.type for step in asked if step.name is None]
    disjoint = len(kinds) == len(asked) and "*" not in unnamed and ("custom" not in unnamed or len(kinds) == 1)
    return breakdown is not None or not disjoint


def summary(steps: int, *, broken_down: bool) -> str:
    """The last CTEs and the SELECT of a row per step."""
    numbers, later = range(1, steps + 1), range(2, steps + 1)
    column, group = ("p.breakdown as breakdown, ", " group by p.breakdown") if broken_down else ("", "")
    # Steps stand side by side here and below each other in the answer.
    wide = [f"coalesce(sum(case when p.reach >= {step} then 1 else 0 end), 0) as c{step}" for step in numbers]
    wide += [f"@median(case when p.reach >= {step} then p.m{step} end) as m{step}" for step in later]
    wide += [f"@quantile(case when p.reach >= {step} then p.m{step} end, 0.9) as q{step}" for step in later]
    wide += [
        f"avg(case when p.reach >= {step} then p.{letter}{step} end) as {letter}{step}"
        for letter in "bf"
        for step in later
    ]
    name = " ".join(f"when {step} then $name{step}" for step in numbers)
    count = f"case n.step {' '.join(f'when {step} then t.c{step}' for step in numbers)} end"
    before = median = p90 = mean = whole = "null"
    if steps > 1:
        before = f"case n.step {' '.join(f'when {step} then t.c{step - 1}' for step in later)} end"
        median, p90, mean, whole = (
            f"case n.step {' '.join(f'when {step} then t.{letter}{step}' for step in later)} end / 1000000"
            for letter in "mqbf"
        )
    return (
        f"steps as ({' union all '.join(f'select {step} as step' for step in numbers)}),\n"
        f"totals as (\n  select {column}" + ",\n    ".join(wide) + f"\n  from best p{group}\n)\n"
        f"select n.step as step, case n.step {name} end as name, {count} as count,\n"
        f"  @ratio({count}, t.c1) as rate_from_first,\n  @ratio({count}, {before}) as rate_from_previous,\n"
        f"  {median} as median_seconds,\n  {p90} as p90_seconds,\n  {mean} as mean_seconds,\n"
        f"  {whole} as mean_seconds_from_first{', t.breakdown as breakdown' if broken_down else ''}\n"
        f"from totals t cross join steps n\n"
        f"order by {'t.c1 desc, t.breakdown, ' if broken_down else ''}n.step"
    )


def people(steps: int, *, unit: str, dropped: int | None, converted: int | None, broken_down: bool) -> str:
    """The SELECT of a row per person or session, named *unit*, that dropped out at a step or reached one."""
    wanted = f"p.reach = {dropped - 1}" if dropped is not None else f"p.reach >= {converted}"
    name = " ".join(f"when {step} then $name{step}" for step in range(1, steps + 1))
    reached = " ".join(f"when {step} then p.t{step}" for step in range(1, steps + 1))
    return (
        f"listed as (\n  select p.unit as {unit}, p.reach as step, case p.reach {name} end as name,\n"
        f"    p.t1 as started_at, case p.reach {reached} end as reached_at"
        f"{', p.breakdown as breakdown' if broken_down else ''}\n  from best p where {wanted}\n)\n"
        f"select l.* from listed l order by l.started_at, l.{unit}"
    )


def spread(step: int, bins: int) -> str:
    """The SELECT of a row per class of the time from the first step to *step*: *bins* classes of whole seconds.

    They begin with the shortest time and are equally wide; where the longest is the end of the last one, it has one
    of its own.
    """
    return (
        f"took as (\n  select cast(floor(p.f{step} / 1000000) as bigint) as s from best p where p.reach >= {step}\n),\n"
        "ends as (select min(t.s) as low, max(t.s) as high from took t),\n"
        "width as (\n  select e.low, e.high, case when e.high > e.low\n"
        f"    then cast(ceil(cast(e.high - e.low as double) / {bins}) as bigint) else 60 end as width\n"
        "  from ends e\n),\n"
        "classes as (\n  select cast(floor(cast(t.s - w.low as double) / w.width) as bigint) as n, count(*) as people\n"
        "  from took t cross join width w\n  group by 1\n),\n"
        "spaced as (\n  select w.low, w.width,\n"
        "    @numbers(cast(floor(cast(w.high - w.low as double) / w.width) as bigint), 999) as n\n"
        "  from width w\n)\n"
        f"select {step} as step, $name{step} as name, coalesce(c.people, 0) as count,\n"
        "  p.low + p.n * p.width as from_seconds, p.low + (p.n + 1) * p.width as to_seconds\n"
        "from spaced p\nleft join classes c on c.n = p.n\norder by p.n"
    )
