"""Funnels, retention and lifecycle as PostHog's tests ask for them: ``cases/*.jsonl``, played on both engines.

All cases share one warehouse: names of people and events carry the number of their case, so none sees another's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ecomtrack_sdk import reports
from ecomtrack_sdk.store._projection import Warehouse

CASES = Path(__file__).parent / "cases"
_ACT = re.compile(r"(?P<what>[\w*]+)(?: (?P<at>(?:\d{4}-)?\d\d-\d\dT[\d:.]+))?(?P<has>\{[^}]*\})?")
_NAME = re.compile(r"(?<![\w=])([a-z]\w*)(?=\[|,|@|$)")


def read(name: str) -> list[dict[str, Any]]:
    lines = (CASES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        {**json.loads(line), "key": f"{name}{place}"}
        for place, line in enumerate(line for line in lines if line and not line.startswith("//"))
    ]


FUNNELS, RETENTIONS, LIFECYCLES = read("funnel"), read("retention"), read("lifecycle")


def moment(text: str, year: int) -> datetime:
    """A time of UTC; without a year of its own, that of the case."""
    return datetime.fromisoformat(f"{text if text[4] == '-' else f'{year}-{text}'}+00:00")


def journeys(case: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The events of a case; of one without a time, a minute after the one before."""
    for person, path in case["people"].items():
        at = datetime.fromisoformat(f"{case['year']}-05-01T00:00:00+00:00")
        for act in _ACT.finditer(path):
            at = moment(act["at"], case["year"]) if act["at"] else at + timedelta(minutes=1)
            pairs = (pair.partition("=") for pair in (act["has"] or "{}")[1:-1].split(",") if pair)
            yield {
                "type": "custom",
                "name": f"{case['key']}_{act['what']}",
                "customer": {"id": f"{case['key']}_{person}"},
                "occurred_at": at.isoformat(),
                "properties": {name: int(value) if value.isdigit() else value for name, _, value in pairs},
            }


def asked(case: Mapping[str, Any]) -> dict[str, Any]:
    """The question of a case, its names of events made those of its own."""
    found = dict(case["ask"])
    for name in ("steps", "exclude", "start", "return", "event"):
        if name in found:
            found[name] = _NAME.sub(rf"custom:{case['key']}_\1", found[name])
    if "where" in found:
        texts = [found["where"]] if isinstance(found["where"], str) else found["where"]
        found["where"] = [text.replace("customer=", f"customer={case['key']}_") for text in texts]
    return found


def own(case: Mapping[str, Any], person: str) -> str:
    return person.removeprefix(f"{case['key']}_")


@pytest.fixture(scope="module")
def warehouses(on_engines: Any) -> Any:
    """All cases on an engine."""
    return on_engines([event for case in (*FUNNELS, *RETENTIONS, *LIFECYCLES) for event in journeys(case)])


def each_of(cases: Sequence[dict[str, Any]]) -> pytest.MarkDecorator:
    """Every case on DuckDB, those marked ``both`` on ClickHouse too."""
    return pytest.mark.parametrize(
        ("engine", "case"),
        [
            pytest.param(engine, case, id=f"{engine}: {case['case']}")
            for engine in ("duckdb", "clickhouse")
            for case in cases
            if engine == "duckdb" or case.get("both")
        ],
    )


@each_of(FUNNELS)
def test_funnel(engine: str, case: dict[str, Any], warehouses: Callable[[str], Warehouse]) -> None:
    """Counts, times, classes of times, parts and lists are those of the case."""
    rows = reports.run("funnel", asked(case), warehouses(engine)).to_dict()["rows"]
    if "listed" in case:
        assert [own(case, row["person"]) for row in rows] == case["listed"]
        return
    if "parts" in case:
        parts: dict[str, list[int]] = {}
        for row in rows:
            parts.setdefault(row["breakdown"], []).append(row["count"])
        assert parts == case["parts"]
        return
    if "bins" in case:
        assert [[row["from_seconds"], row["count"]] for row in rows] == case["bins"]
        return
    columns = {"count": "count", "median": "median_seconds", "p90": "p90_seconds", "mean": "mean_seconds",
               "total": "mean_seconds_from_first"}  # fmt: skip
    for name, column in columns.items():
        if name in case:
            assert [row[column] for row in rows] == case[name], column


def following(first: str, by: str, count: int) -> list[str]:
    """The first moments of *count* periods of the calendar, hours by the clock of the wall."""
    if by == "hour":
        start = datetime.fromisoformat(first)
        return [(start + timedelta(hours=n)).isoformat() for n in range(count)]
    day = date.fromisoformat(first)
    if by in {"month", "quarter"}:
        step = 3 if by == "quarter" else 1
        months = [day.year * 12 + day.month - 1 + step * n for n in range(count)]
        return [date(month // 12, month % 12 + 1, 1).isoformat() for month in months]
    return [(day + timedelta(days=n * (7 if by == "week" else 1))).isoformat() for n in range(count)]


@each_of(RETENTIONS)
def test_retention(engine: str, case: dict[str, Any], warehouses: Callable[[str], Warehouse]) -> None:
    """Every cell of the matrix, and no period beyond it."""
    rows = reports.run("retention", asked(case), warehouses(engine)).to_dict()["rows"]
    got = {(row["cohort"], row["period"]): row["count"] for row in rows}
    cohorts = case.get("cohorts") or following(case["first"], case["ask"]["by"], len(case["matrix"]))
    want = {
        (cohort, period): count
        for cohort, line in zip(cohorts, case["matrix"], strict=True)
        for period, count in enumerate(line)
        if line[0]
    }
    assert got == want


@each_of(LIFECYCLES)
def test_lifecycle(engine: str, case: dict[str, Any], warehouses: Callable[[str], Warehouse]) -> None:
    """Every period of the table."""
    question = asked({**case, "ask": {"event": "v", **case["ask"]}})
    rows = reports.run("lifecycle", question, warehouses(engine)).to_dict()["rows"]
    periods = case.get("periods") or following(case["first"], case["ask"]["by"], len(case["rows"]))
    got = [(row["period"], [row[name] for name in ("new", "returning", "resurrecting", "dormant")]) for row in rows]
    assert got == list(zip(periods, case["rows"], strict=True))
    for row in rows:
        assert row["active"] == row["new"] + row["returning"] + row["resurrecting"]
