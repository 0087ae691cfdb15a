"""What people did, in a few words, and the funnel over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from ecomtrack_sdk import reports
from ecomtrack_sdk.store._projection import Warehouse

Make = Callable[[Sequence[Mapping[str, Any]]], Warehouse]
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Did(NamedTuple):
    """Somebody did something, some minutes after the start."""

    person: str
    minute: int
    what: str


def events(done: Sequence[Did], **properties: Any) -> list[dict[str, Any]]:
    return [
        {
            "type": "custom",
            "name": each.what,
            "visitor_id": each.person,
            "occurred_at": (START + timedelta(minutes=each.minute)).isoformat(),
            "properties": {"plan": each.person, **properties},
        }
        for each in done
    ]


def steps(names: Sequence[str]) -> str:
    return ",".join(f"custom:{name}" for name in names)


def funnel(warehouse: Warehouse, names: Sequence[str], **params: Any) -> list[dict[str, Any]]:
    rows = reports.run("funnel", {"steps": steps(names), "window": "60m", **params}, warehouse).to_dict()["rows"]
    return list(rows)
