"""Revenue, products, RFM, channels and visits as their peers' tests ask for them: ``cases/shop.jsonl`` on both engines.

All cases share one warehouse, each in a year of its own; ids carry the number of their case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from ecomtrack_sdk import reports
from ecomtrack_sdk._wire import Valid, validate_event
from ecomtrack_sdk.store._projection import Warehouse

_LINES = (Path(__file__).parent / "cases" / "shop.jsonl").read_text(encoding="utf-8").splitlines()
CASES = [json.loads(line) for line in _LINES if line and not line.startswith("//")]
_SOLD = re.compile(r"(?P<id>\w+)(?:/(?P<variant>\w+))? (?P<price>[\d.]+)x(?P<quantity>[\d.]+)(?: -(?P<off>[\d.]+))?$")
_BACK = re.compile(r"(?P<id>\w+)(?:/(?P<variant>\w+))? x(?P<quantity>[\d.]+)(?: =(?P<amount>[\d.]+))?$")
_NAMES = {"id": "product_id", "variant": "variant_id", "off": "discount"}


def line(text: str, form: re.Pattern[str]) -> dict[str, str]:
    found = form.match(text.strip())
    assert found is not None, text
    return {_NAMES.get(name, name): value for name, value in found.groupdict().items() if value is not None}


def event_of(short: Mapping[str, Any], year: int) -> dict[str, Any]:
    """An event in wire form from its short one."""
    given = dict(short)
    event: dict[str, Any] = {"occurred_at": f"{year}-{given.pop('at')}+00:00"}
    order, refund, action, visitor, customer, items = (
        given.pop(key, None) for key in ("o", "r", "u", "v", "c", "items")
    )
    if visitor is not None:
        event["visitor_id"] = f"{year}{visitor}"
    if customer is not None:
        event["customer"] = {"id": f"{year}{customer}"}
    if order is None:
        return {**event, "type": "view_page", "context": given}
    event["order_id"] = f"{year}/{order}"
    event["currency"] = given.pop("currency", "EUR")
    if refund is not None:
        event |= {"type": "refund", "refund_id": f"{year}/{refund}"}
        lines = [line(text, _BACK) for text in items.split(",")] if items else []
    elif action is not None:
        event |= {"type": "order_update", "action_id": f"{year}/{action}"}
        lines = [line(text, _SOLD) for text in items.split(",")] if items else []
    else:
        event |= {"type": "order", "status": given.pop("status", "paid"), "items": []}
        lines = items if isinstance(items, list) else [line(text, _SOLD) for text in items.split(",")] if items else []
    return {**event, **given, **({"items": lines} if lines else {})}


def events_of(case: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    year = case["year"]
    for short in case.get("events", ()):
        yield event_of(short, year)
    for place, (source, medium, campaign, _) in enumerate(case.get("touches", ())):
        tags = {"utm_source": source, "utm_medium": medium, "utm_campaign": campaign}
        query = urlencode({name: value for name, value in tags.items() if value})
        url = f"https://shop.example/{place:02d}?{query}"
        yield event_of({"v": f"t{place}", "at": "03-01T12:00", "url": url}, year)
    for place, (referrer, _) in enumerate(case.get("referrers", ())):
        context = {"url": f"https://shop.example/{place:02d}", **({"referrer": referrer} if referrer else {})}
        yield event_of({"v": f"r{place}", "at": "03-01T12:00", **context}, year)


def answer(name: str, params: Mapping[str, Any], year: int, warehouse: Warehouse) -> list[dict[str, Any]]:
    asked = {"from": f"{year}-01-01", "to": f"{year + 1}-01-01", **params}
    rows: list[dict[str, Any]] = reports.run(name, asked, warehouse).to_dict()["rows"]
    return [{**row, **({"person": row["person"].removeprefix(str(year))} if "person" in row else {})} for row in rows]


@pytest.fixture(scope="module")
def warehouses(on_engines: Any) -> Any:
    """All cases on an engine."""
    return on_engines([event for case in CASES for event in events_of(case)])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_case_is_made_of_events_the_collector_takes(case: dict[str, Any]) -> None:
    """What the short forms stand for can reach a report."""
    for event in events_of(case):
        verdict = validate_event(json.dumps({"event_id": "01900000-0000-7000-8000-000000000000", **event}).encode())
        assert isinstance(verdict, Valid), verdict


@pytest.mark.parametrize("engine", ["duckdb", "clickhouse"])
@pytest.mark.parametrize("case", [case for case in CASES if "ask" in case], ids=lambda case: case["case"])
def test_figures(engine: str, case: dict[str, Any], warehouses: Callable[[str], Warehouse]) -> None:
    """Every question of the case has the rows it names."""
    for name, params, want in case["ask"]:
        rows = answer(name, params, case["year"], warehouses(engine))
        if "sort" in case:
            rows = sorted(rows, key=lambda row: row[case["sort"]])
        got = [
            {column: row.get(column, "?") for column in (want[place] if place < len(want) else row)}
            for place, row in enumerate(rows)
        ]
        assert got == want, f"{name} {params}"


@pytest.mark.parametrize("engine", ["duckdb", "clickhouse"])
@pytest.mark.parametrize("kind", ["touches", "referrers"])
def test_channels(engine: str, kind: str, warehouses: Callable[[str], Warehouse]) -> None:
    """Each landing page has the channel of what led to it."""
    (case,) = (case for case in CASES if kind in case)
    rows = answer("traffic", {"dimension": "landing_page,channel"}, case["year"], warehouses(engine))
    got = {row["landing_page"]: row["channel"] for row in rows}
    assert got == {f"/{place:02d}": touch[-1] for place, touch in enumerate(case[kind])}
