"""The funnel against an evaluator that walks through every person's events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reports.journeys import Did, Make, events, funnel

# The evaluator: no SQL, no windows over rows, one attempt after the other --------------------------------------------


def median(values: Sequence[float]) -> float:
    return quantile(values, 0.5)


def quantile(values: Sequence[float], q: float) -> float:
    ordered = sorted(values)
    place = (len(ordered) - 1) * q
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def attempts_of(
    done: list[Did], names: Sequence[str], window: int, mode: str, exclude: Sequence[str]
) -> list[list[int]]:
    """For every attempt of one person the minutes at which its steps were reached."""
    order = {name: place for place, name in reversed(list(enumerate(names)))}
    done = sorted(done, key=lambda each: (each.minute, -1 if each.what in exclude else order.get(each.what, 99)))
    found = []
    for begin, first in enumerate(done):
        if first.what not in names if mode == "any" else first.what != names[0]:
            continue
        limit = first.minute + window
        if mode == "any":
            reached: list[int] = []
            for name in dict.fromkeys(names):
                times = [each.minute for each in done[begin:] if each.what == name]
                reached += times[: names.count(name)]
            end = max(reached) if len(reached) == len(names) else limit
            attempt = sorted(minute for minute in reached if minute <= limit)
        elif mode == "strict":
            attempt, end = [first.minute], first.minute
            for each, name in zip(done[begin + 1 :], names[1:], strict=False):
                if each.what != name or each.minute > limit:
                    break
                attempt.append(each.minute)
        else:
            reached, at = [first.minute], begin
            for name in names[1:]:
                later = [place for place in range(at + 1, len(done)) if done[place].what == name]
                if not later:
                    break
                at = later[0]
                reached.append(done[at].minute)
            end = reached[-1] if len(reached) == len(names) else limit
            attempt = [minute for minute in reached if minute <= limit]
        if mode != "strict" and any(
            each.what in exclude and first.minute < each.minute < end for each in done
        ):  # strict lets nothing lie between anyway
            continue
        found.append(attempt)
    return found


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def evaluate(
    done: Sequence[Did], names: Sequence[str], window: int, mode: str, exclude: Sequence[str]
) -> list[tuple[int, list[float | None]]]:
    """For each step the count, and of the seconds since the step before median, 90 % quantile and mean; the mean of
    those since the first step."""
    counts = [0] * len(names)
    took: list[list[float]] = [[] for _ in names]
    means: list[list[float]] = [[] for _ in names]
    whole: list[list[float]] = [[] for _ in names]
    for person in {each.person for each in done}:
        attempts = attempts_of([each for each in done if each.person == person], names, window, mode, exclude)
        if not attempts:
            continue
        best = max(len(attempt) for attempt in attempts)
        for step in range(best):
            counts[step] += 1
            if step:
                times = [60.0 * (a[step] - a[step - 1]) for a in attempts if len(a) == best]
                took[step].append(median(times))
                means[step].append(mean(times))
                whole[step].append(mean([60.0 * (a[step] - a[0]) for a in attempts if len(a) == best]))
    return [
        (
            count,
            [median(took[step]), quantile(took[step], 0.9), mean(means[step]), mean(whole[step])]
            if took[step]
            else [None] * 4,
        )
        for step, count in enumerate(counts)
    ]


WHAT = st.sampled_from("abcx")
JOURNEYS = st.lists(st.builds(Did, st.sampled_from("opqrstuv"), st.integers(0, 12), WHAT), max_size=60)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    done=JOURNEYS,
    names=st.lists(st.sampled_from("abc"), min_size=1, max_size=4),
    window=st.integers(1, 9),
    mode=st.sampled_from(["ordered", "strict", "any"]),
    exclude=st.booleans(),
)
def test_agrees_with_walking_through_the_events(
    duckdb_of: Make, done: list[Did], names: list[str], window: int, mode: str, exclude: bool
) -> None:
    """Any journeys, any steps, any window, every mode, with and without an exclusion."""
    params: dict[str, Any] = {"window": f"{window}m", "mode": mode}
    if exclude:
        params["exclude"] = "custom:x"
    rows = funnel(duckdb_of(events(done)), names, **params)
    want = evaluate(done, names, window, mode, ["x"] if exclude and len(names) > 1 else [])
    assert [row["count"] for row in rows] == [count for count, _ in want]
    for row, (_, times) in zip(rows, want, strict=True):
        got = [row[name] for name in ("median_seconds", "p90_seconds", "mean_seconds", "mean_seconds_from_first")]
        assert got == [None if time is None else pytest.approx(time, abs=0.001) for time in times]


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(done=JOURNEYS, mode=st.sampled_from(["ordered", "strict", "any"]))
def test_steps_never_grow_and_breakdowns_add_up(duckdb_of: Make, done: list[Did], mode: str) -> None:
    """Nobody reaches a step without the ones before it; the parts of a breakdown are the whole."""
    warehouse = duckdb_of(events(done))
    whole = [row["count"] for row in funnel(warehouse, "abc", mode=mode)]
    assert whole == sorted(whole, reverse=True)
    parts = funnel(warehouse, "abc", mode=mode, breakdown="plan")
    assert [sum(row["count"] for row in parts if row["step"] == step) for step in (1, 2, 3)] == whole
