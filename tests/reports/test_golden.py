"""Events in, rows out: every case of ``golden/`` on DuckDB, and on ClickHouse in the opposite order of arrival.

A case is a folder with ``events.jsonl`` and ``expected.json`` (see ``reports/_base.py``), named after its report.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ecomtrack_sdk import reports, source_id
from ecomtrack_sdk._wire import Valid, validate_event
from ecomtrack_sdk.store._projection import Warehouse

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.parent for path in GOLDEN.glob("*/*/expected.json"))
IDS = [f"{case.parent.name}/{case.name}" for case in CASES]


def events_of(case: Path) -> list[dict[str, Any]]:
    lines = (case / "events.jsonl").read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines if line.strip() and not line.startswith("//")]
    # Ids by place, given before any reordering: a reversed arrival is of the same events.
    return [{"event_id": source_id("golden", f"{place:06d}"), **event} for place, event in enumerate(events)]


def check(case: Path, warehouse: Warehouse) -> None:
    """Every entry of the case's ``expected.json`` holds."""
    for entry in json.loads((case / "expected.json").read_text(encoding="utf-8")):
        name = entry.get("report", case.parent.name)
        answer = reports.run(name, entry.get("params", {}), warehouse).to_dict()
        want = entry["rows"]
        got = [
            {column: row[column] for column in (want[place] if place < len(want) else row)}
            for place, row in enumerate(answer["rows"])
        ]
        assert got == want, f"{name} {entry.get('params', {})}"
        if "warnings" in entry:
            assert sorted(warning["code"] for warning in answer["warnings"]) == sorted(entry["warnings"])


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_case_is_made_of_events_the_collector_takes(case: Path) -> None:
    """A golden case tests reports, so its events must be ones that can reach a report."""
    for event in events_of(case):
        verdict = validate_event(json.dumps(event).encode())
        assert isinstance(verdict, Valid), verdict


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_rows_on_duckdb(case: Path, duckdb_of: Any) -> None:
    """The rows are those of the case."""
    check(case, duckdb_of(events_of(case)))


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_rows_on_clickhouse_whatever_the_order_of_arrival(case: Path, clickhouse_of: Any) -> None:
    """The same text on the other engine, fed the same events in the opposite order, gives the same rows."""
    check(case, clickhouse_of(events_of(case)[::-1]))
