"""What people and machines get to see of a result."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ecomtrack_sdk import reports
from ecomtrack_sdk.reports import _render
from ecomtrack_sdk.reports._base import Result
from ecomtrack_sdk.reports._format import shown, sparkline, title_of
from ecomtrack_sdk.reports._values import Unit, money_text

ORDERS = [
    {
        "type": "order",
        "occurred_at": f"2026-0{month}-05T12:00:00+00:00",
        "order_id": str(month),
        "currency": "EUR",
        "items": [{"product_id": "a", "price": f"{month * 1000}.5", "quantity": "1.5"}],
    }
    for month in (1, 2, 3)
]


@pytest.fixture
def result(duckdb_of: Callable[..., Any]) -> Result[Any]:
    return reports.run("revenue", {"from": "2026-01-01"}, duckdb_of(ORDERS))


def test_json_has_the_agreed_form(result: Result[Any]) -> None:
    """``{"report", "query", "rows", "warnings"}``, money as strings, dates as ISO 8601, the query resolved."""
    answer = json.loads(result.to_json())
    assert list(answer) == ["report", "query", "rows", "warnings"]
    assert answer["report"] == "revenue"
    assert answer["query"]["from"] == "2026-01-01"
    assert answer["query"]["to"] is None
    assert (answer["query"]["by"], answer["query"]["basis"], answer["query"]["time_zone"]) == ("month", "order", "UTC")
    assert answer["rows"][0] == {
        "period": "2026-01-01",
        "currency": "EUR",
        "orders": 1,
        "units": 1.5,
        "customers": 0,
        "gross": "1500.75",
        "discounts": "0.00",
        "shipping": "0.00",
        "tax": "0.00",
        "refunds": "0.00",
        "cancelled": "0.00",
        "net": "1500.75",
        "aov": "1500.75",
    }
    assert answer["warnings"] == []


def test_rows_are_typed(result: Result[Any]) -> None:
    """In Python a row has attributes of Python's own types."""
    first = next(iter(result))
    assert first.net == Decimal("1500.75")
    assert first.period == date(2026, 1, 1)
    assert len(result) == 3


def test_csv_has_the_same_values_as_json(result: Result[Any]) -> None:
    """A heading line, then a line a row, without any formatting."""
    lines = list(csv.DictReader(io.StringIO(_render.csv_text(result))))
    assert [line["net"] for line in lines] == ["1500.75", "3000.75", "4500.75"]
    assert list(lines[0]) == result.columns


def test_markdown_is_a_pipe_table(result: Result[Any]) -> None:
    """Figures are flush right and formatted."""
    text = _render.markdown(result)
    assert text.splitlines()[0].startswith("| Period | Currency | Orders |")
    assert "| 2026-02 | EUR | 1 | 1.5 | 0 | €3,000.75 |" in text


def test_terminal_table_has_a_trend(result: Result[Any]) -> None:
    """The table shows formatted figures and a sparkline of net revenue."""
    from rich.console import Console

    console = Console(width=160, file=io.StringIO(), color_system=None)
    console.print(_render.terminal(result))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "€4,500.75" in text
    assert "▃▆█" in text


def test_each_part_of_a_broken_table_says_what_its_rows_are(duckdb_of: Callable[..., Any]) -> None:
    """Also where that begins with a number, as the step of a funnel does."""
    from rich.console import Console

    console = Console(width=60, file=io.StringIO(), color_system=None)
    console.print(_render.terminal(reports.run("funnel", {}, duckdb_of(ORDERS)), width=60))
    heads = [line for line in console.file.getvalue().splitlines() if "Name" in line]  # type: ignore[attr-defined]
    assert len(heads) > 1
    assert all(line.split()[:2] == ["Step", "Name"] for line in heads)


def test_what_only_describes_a_row_is_not_said_with_every_part(duckdb_of: Callable[..., Any]) -> None:
    """A list of customers is led by the person; addresses and times stand once."""
    from rich.console import Console

    console = Console(width=80, file=io.StringIO(), color_system=None)
    named = [{**order, "customer": {"id": "c1", "email": "somebody@example.com"}} for order in ORDERS]
    console.print(_render.terminal(reports.run("customers", {}, duckdb_of(named)), width=80))
    heads = [line for line in console.file.getvalue().splitlines() if "Person" in line]  # type: ignore[attr-defined]
    assert len(heads) > 1
    assert sum("Last seen" in line for line in heads) == 1


def test_nothing_is_explained(duckdb_of: Callable[..., Any]) -> None:
    """An empty result says what was asked for."""
    empty = reports.run("revenue", {"from": "2030-01-01"}, duckdb_of(ORDERS))
    assert "nothing to show for from 2030-01-01" in _render.markdown(empty)
    assert "nothing to show" in empty._repr_html_()


def test_html_is_escaped(duckdb_of: Callable[..., Any]) -> None:
    """A status of the shop's own cannot break out of the page."""
    order = {**ORDERS[0], "status": "<script>alert(1)</script>"}
    html = reports.run("order_flow", {}, duckdb_of([order]))._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [("19.9000", "EUR", "19.90"), ("5", "JPY", "5"), ("0.0003", "EUR", "0.0003"), ("1.5", "KWD", "1.500"),
     ("-0.5", None, "-0.50"), ("1234567.1", "USD", "1234567.10")],
)  # fmt: skip
def test_money_text(value: str, currency: str | None, text: str) -> None:
    """Money for machines has the digits of its currency, more only where they say something."""
    assert money_text(Decimal(value), currency) == text


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [(Decimal("-1234.5"), "money", "-€1,234.50"), (0.1234, "rate", "12.3 %"), (90.0, "seconds", "2 min"),
     (5400.0, "seconds", "1.5 h"), (259200.0, "seconds", "3.0 d"), (1234, "count", "1,234"), (None, "money", "-"),
     (Decimal("1200.0000"), "quantity", "1,200"), (2.5, "number", "2.50")],
)  # fmt: skip
def test_values_for_people(value: Any, kind: str, text: str) -> None:
    """Figures read with currency sign and thousands separators, shares in per cent, times in a fitting unit."""
    assert shown(value, Unit(kind), {"currency": "EUR"}) == text


def test_sparkline_starts_at_zero() -> None:
    """Bars are relative to 0, and a gap stays a gap."""
    assert sparkline([0, None, 10, 5]) == "▁ █▅"
    assert sparkline([]) == ""


def test_titles() -> None:
    """Column names become headings."""
    assert title_of("buyout_rate") == "Buyout rate"
    assert title_of("aov") == "AOV"
