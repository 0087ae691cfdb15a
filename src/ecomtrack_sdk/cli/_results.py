"""A report as it came over the wire, back as a result that can be drawn."""

from __future__ import annotations

import sys
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ecomtrack_sdk.cli._output import ENDLESS, console
from ecomtrack_sdk.reports import get
from ecomtrack_sdk.reports._base import Result, Warning_

__all__ = ["print_result", "result_of"]


def result_of(payload: dict[str, Any]) -> Result[Any]:
    """The result behind ``{"report", "query", "rows", "warnings"}``."""
    report = get(payload["report"])
    rows: list[dict[str, Any]] = payload["rows"]
    columns = list(rows[0]) if rows else list(report.row.model_fields)
    empty: Result[Any] = Result(report, payload["query"], columns, [])
    kinds = {column: unit.kind for column in columns if (unit := empty.unit(column)) is not None}
    records = [{column: _value(value, kinds.get(column)) for column, value in row.items()} for row in rows]
    warnings = [Warning_(each["code"], each["message"]) for each in payload["warnings"]]
    return Result(report, payload["query"], columns, records, warnings)


def _value(value: Any, kind: str | None) -> Any:
    if value is None:
        return None
    if kind in ("money", "quantity"):
        return Decimal(str(value))
    if kind == "time":
        return datetime.fromisoformat(value)
    if kind == "period":
        return date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
    return value


def print_result(result: Result[Any], *, as_csv: bool = False, as_markdown: bool = False) -> None:
    """Draw a result on the terminal, or print it as text for programs."""
    from ecomtrack_sdk.reports import _render

    if as_csv:
        sys.stdout.write(_render.csv_text(result))
    elif as_markdown:
        sys.stdout.write(_render.markdown(result))
    else:
        out = console()
        out.print(_render.terminal(result, width=out.width if out.width < ENDLESS else None))
