"""Attempts at a funnel, found by windows over rows: exact, in one pass per step, without joining events to events.

Every row that may begin the funnel is an *attempt*; from there the earliest following event of each next step counts.
That the earliest is always best makes it exact: whatever a later event could reach within the window, the earlier one
reaches too. Written backwards ("the next step from here, and the chain behind it, carried upwards") a step costs one
sort instead of a join. Source: engines measured in portable SQL; the rules are PostHog's (funnel, strict, unordered).

Input is a CTE ``candidates`` (unit, t, breakdown, s1 … sK, x1 … xM, low, high, tie), one row per event: ``sJ`` is 1
when the event is step J, ``xI`` when it is exclusion I. Rows of a unit are taken by ``(t, low, high, tie)``: events
of the same microsecond count in the order of the steps, exclusions before them; ``high`` and ``tie`` may be left out
where two events of one microsecond and one ``low`` are the same to the question. Output is a CTE ``attempts`` (unit,
breakdown, reach, t1 … tK, tie), one row per attempt: ``tJ`` is the microsecond step J was reached, NULL beyond
``reach``.
"""
# ruff: noqa: S608
# The text is made of numbers and of column names of our own; what users write is bound as parameters.

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["TIES", "Exclusion", "any_order", "ordered", "strict"]

TIES = ("high", "tie")
"""Columns that settle the order of events of one microsecond and one ``low``."""


def _backwards(ties: Sequence[str]) -> str:
    keys = ", ".join(f"{column} desc" for column in ("t", "low", *ties))
    return f"partition by unit order by {keys} rows between unbounded preceding and"


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Between which two steps (1-based) the exclusion must not happen."""

    first: int
    last: int


def ordered(steps: int, window: int, exclusions: Sequence[Exclusion], ties: Sequence[str] = TIES) -> str:
    """CTEs for steps in the given order, other events in between allowed; *window* in microseconds."""
    # Without ties and exclusions an event is one step only, and ``low`` says which: less to carry through the sorts.
    narrow = not ties and not exclusions
    marks = [f"s{step}" for step in range(1, steps + 1)] + [f"x{i}" for i in range(1, len(exclusions) + 1)]
    kept = ", ".join(["unit", "t", "low"] if narrow else ["unit", "t", "breakdown", *marks, "low", *ties])
    parts, source, backwards = [], "candidates", _backwards(ties)

    def reached(step: int) -> str:
        return f"low = {step}" if narrow else f"s{step} = 1"

    def earliest(condition: str, value: str, name: str) -> str:
        return f"min(case when {condition} then {value} end) over ({backwards} 1 preceding) as {name}"

    for level in range(steps, 0, -1):
        # Exclusions that begin at this step: the next one after each row, carried upwards like the steps are.
        columns = [earliest(f"x{i} = 1", "t", f"n{i}") for i, each in enumerate(exclusions, 1) if each.first == level]
        following = level + 1
        if following <= steps:
            columns.append(earliest(reached(following), "t", f"t{following}"))
            behind = [f"t{later}" for later in range(following + 1, steps + 1)]
            behind += [f"n{i}" for i, each in enumerate(exclusions, 1) if each.first > level]
            columns += [earliest(reached(following), name, name) for name in behind]
        if not columns:
            continue
        # Rows no earlier step asks for are dropped on the way: a funnel is narrow at its end.
        wanted = [reached(step) for step in range(1, level + 1)]
        wanted += [f"x{i} = 1" for i, each in enumerate(exclusions, 1) if each.first < level]
        parts.append(
            f"level{level} as (select * from (select {kept},\n  "
            + ",\n  ".join(columns)
            + f"\n  from {source}) as l where {' or '.join(wanted)})"
        )
        source = f"level{level}"
    reach = "".join(f" when t{step} <= t + {window} then {step}" for step in range(steps, 1, -1))
    reach = f"case{reach} else 1 end" if reach else "1"
    times = "".join(f", case when t{step} <= t + {window} then t{step} end as t{step}" for step in range(2, steps + 1))
    parts.append(
        f"attempts as (select unit, {'' if narrow else 'breakdown, '}{reach} as reach, t as t1{times}{_kept(ties)}\n"
        f"  from {source} where {reached(1)}{_not_excluded(exclusions, window)})"
    )
    return ",\n".join(parts)


def _kept(ties: Sequence[str]) -> str:
    return ", tie" if "tie" in ties else ""


def _not_excluded(exclusions: Sequence[Exclusion], window: int) -> str:
    conditions = []
    for i, each in enumerate(exclusions, 1):
        begin = "t" if each.first == 1 else f"t{each.first}"
        conditions.append(
            f"case when n{i} > {begin} and n{i} < coalesce(t{each.last}, {begin} + {window}) then 1 else 0 end = 0"
        )
    return "".join(f"\n    and {condition}" for condition in conditions)


def strict(steps: int, window: int, ties: Sequence[str] = TIES) -> str:
    """CTEs for steps that follow one another immediately; ``candidates`` holds every event of a unit, steps or not."""
    columns, reach, times = [], "1", ""
    forwards = f"partition by unit order by {', '.join(('t', 'low', *ties))} rows between"
    for step in range(2, steps + 1):
        away = f"{step - 1} following and {step - 1} following"
        columns.append(f"max(case when s{step} = 1 then t end) over ({forwards} {away}) as t{step}")
    for step in range(steps, 1, -1):
        chain = " and ".join(f"t{each} <= t + {window}" for each in range(2, step + 1))
        times = f", case when {chain} then t{step} end as t{step}" + times
    for step in range(2, steps + 1):
        chain = " and ".join(f"t{each} <= t + {window}" for each in range(2, step + 1))
        reach = f"case when {chain} then {step} else {reach} end"
    inner = "".join(f",\n  {column}" for column in columns)
    return (
        f"placed as (select unit, t, breakdown, s1{_kept(ties)}{inner}\n  from candidates),\n"
        f"attempts as (select unit, breakdown, {reach} as reach, t as t1{times}{_kept(ties)} from placed where s1 = 1)"
    )


def any_order(slots: Sequence[tuple[int, int]], window: int, exclusions: int, ties: Sequence[str] = TIES) -> str:
    """CTEs for steps in whatever order: an attempt begins with any of them and collects the others.

    Args:
        slots: For each step the number of its group and its number within the group from 0. Steps that ask for the
            same events are one group, and the second of them needs a second event; ``low`` of a row is its group.
        window: Microseconds.
        exclusions: How many there are; each spans the whole funnel.
        ties: See :data:`TIES`. ``candidates`` has a unique number ``id`` besides.
    """
    deepest = max(nth for _, nth in slots)
    backwards, tie = _backwards(ties), _kept(ties)
    own = f"partition by unit, low order by {', '.join(('t', *ties))} rows between"
    repeats = ["t as u0"] + [
        f"min(t) over ({own} {nth} following and {nth} following) as u{nth}" for nth in range(1, deepest + 1)
    ]
    found = [
        f"min(case when low = {group} then u{nth} end) over ({backwards} current row) as f{number}"
        for number, (group, nth) in enumerate(slots, 1)
    ]
    found += [
        f"min(case when x{i} = 1 then t end) over ({backwards} 1 preceding) as n{i}" for i in range(1, exclusions + 1)
    ]
    marks = "".join(f", x{i}" for i in range(1, exclusions + 1))
    numbers = range(1, len(slots) + 1)
    reach = " + ".join(f"case when f{number} <= t + {window} then 1 else 0 end" for number in numbers)
    complete = " and ".join(f"f{number} is not null" for number in numbers)
    last = f"greatest({', '.join(f'f{number}' for number in numbers)})" if len(slots) > 1 else "f1"
    end = f"case when {complete} then {last} else t + {window} end"
    barred = "".join(
        f"\n    and case when n{i} > t and n{i} < {end} then 1 else 0 end = 0" for i in range(1, exclusions + 1)
    )
    unpivot = "\n  union all ".join(
        f"select unit, id, breakdown, reach{tie}, {number} as slot, f{number} as f from started\n"
        f"    where f{number} <= t + {window}"
        for number in numbers
    )
    times = "".join(f", min(case when place = {number} then f end) as t{number}" for number in numbers)
    rest = "".join(f", {column}" for column in ties)
    return (
        f"grouped as (select unit, id, t, breakdown, low{rest}{marks}, {', '.join(repeats)} from candidates),\n"
        f"seen as (select unit, id, t, breakdown, low{tie}{marks},\n  " + ",\n  ".join(found) + "\n  from grouped),\n"
        f"started as (select *, {reach} as reach from seen where low between 1 and {len(slots)}{barred}),\n"
        f"collected as ({unpivot}),\n"
        f"placed as (select unit, id, breakdown, reach, f{tie},\n"
        "  row_number() over (partition by unit, id order by f, slot) as place from collected),\n"
        f"attempts as (select unit, breakdown, reach{times}{tie} from placed\n"
        f"  group by unit, id, breakdown, reach{tie})"
    )
