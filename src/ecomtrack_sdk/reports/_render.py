"""A result as text: terminal table, CSV, Markdown, HTML table; JSON is ``Result.to_json``."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from html import escape
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from ecomtrack_sdk.errors import MissingExtraError
from ecomtrack_sdk.reports._format import is_number, shown, sparkline, title_of
from ecomtrack_sdk.reports._values import Unit, to_wire

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ecomtrack_sdk.reports._base import Result

__all__ = ["csv_text", "html_table", "markdown", "terminal"]

MAX_TERMINAL_ROWS = 500
"""Rows a terminal is given; the rest is counted. CSV and JSON have them all."""
_TREND_KINDS = ("money", "count", "quantity", "rate")


def _by(result: Result[Any]) -> str | None:
    by = result.query.get("by")
    return by if isinstance(by, str) else None


def trends(result: Result[Any]) -> list[tuple[str, str, str]]:
    """(group, column, sparkline) of what moves over the periods: net, else the first measure, for each currency."""
    periods = [name for name in result.columns if (unit := result.unit(name)) and unit.kind == "period"]
    measures = [
        name
        for name in result.columns
        if (unit := result.unit(name)) and unit.kind in _TREND_KINDS and not name.endswith("_previous")
    ]
    if not periods or not measures or "period" not in result.columns:
        return []
    measure = "net" if "net" in measures else measures[0]
    groups: dict[str, list[Any]] = {}
    for record in result.records:
        groups.setdefault(str(record.get("currency") or ""), []).append(record[measure])
    return [(group, measure, sparkline(values)) for group, values in groups.items() if len(values) > 2]


def terminal(result: Result[Any], *, width: int | None = None) -> RenderableType:
    """A table for ``rich.print``: figures flush right, a trend line below, warnings last.

    Args:
        result: What to draw.
        width: Characters of a line; columns that do not fit follow in a table below. Any number when absent.

    Raises:
        MissingExtraError: rich is not installed.
    """
    try:
        from rich.console import Group
        from rich.markup import escape as plain
    except ImportError:
        raise MissingExtraError("rich", "cli") from None
    parts: list[RenderableType] = []
    if result.records:
        parts += [_table(result, columns) for columns in _blocks(result, width)]
        if len(result.records) > MAX_TERMINAL_ROWS:
            parts.append(f"[dim]… and {len(result.records) - MAX_TERMINAL_ROWS:,} rows more (--csv has them all)[/dim]")
        parts += [f"[dim]{title_of(column)} {group}[/dim] {line}" for group, column, line in trends(result)]
    else:
        parts.append(f"[dim]{plain(nothing(result))}[/dim]")
    parts += [f"[yellow]![/yellow] {plain(warning.message)} [dim]({warning.code})[/dim]" for warning in result.warnings]
    return Group(*parts)


def _table(result: Result[Any], columns: Sequence[str]) -> RenderableType:
    """Some columns as a rich table; a figure is never broken over two lines."""
    from rich import box
    from rich.markup import escape as plain
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    units = {name: result.unit(name) for name in columns}
    by = _by(result)
    for name in columns:
        number = is_number(units[name])
        table.add_column(title_of(name), justify="right" if number else "left", no_wrap=number, overflow="fold")
    for record in result.records[:MAX_TERMINAL_ROWS]:
        table.add_row(*[plain(shown(record[name], units[name], record, by)) for name in columns])
    return table


def _blocks(result: Result[Any], width: int | None) -> list[list[str]]:
    """Columns in groups that fit into *width*, each led by those that say what the row is about."""
    if width is None:
        return [result.columns]
    units = {name: result.unit(name) for name in result.columns}
    keys, by, gap = result.report.keys, _by(result), 3
    sizes = {
        name: gap + max(len(title_of(name)), *(len(shown(one[name], units[name], one, by)) for one in result.records))
        for name in result.columns
    }
    # The step of a funnel is a number too; and what only describes a row need not be said again with every part.
    names = list(takewhile(lambda name: name in keys or not is_number(units[name]), result.columns))
    while keys and names and names[-1] not in keys and sum(sizes[name] for name in names) > width // 2:
        names.pop()
    lead = min(sum(sizes[name] for name in names), width // 2)  # long names wrap, figures do not
    blocks: list[list[str]] = [[]]
    room = width - lead
    for name in result.columns[len(names) :]:
        if sizes[name] > room and blocks[-1]:
            blocks.append([])
            room = width - lead
        blocks[-1].append(name)
        room -= sizes[name]
    return [[*names, *block] for block in blocks]


def nothing(result: Result[Any]) -> str:
    """Why a table may be empty, in words."""
    query = result.query
    asked = [f"{name} {query[name]}" for name in ("from", "to", "currency") if query.get(name)]
    asked += [f"where {text}" for text in query.get("where") or ()]
    return f"{title_of(result.report.name)}: nothing to show" + (f" for {', '.join(asked)}" if asked else " yet")


def csv_text(result: Result[Any]) -> str:
    """RFC 4180 with a heading line; values as in the JSON, absent ones empty."""
    units = {name: result.unit(name) for name in result.columns}
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(result.columns)
    for record in result.records:
        values = [to_wire(record[name], units[name], record) for name in result.columns]
        writer.writerow(["" if value is None else value for value in values])
    return out.getvalue()


def markdown(result: Result[Any]) -> str:
    """A pipe table, warnings as a list below."""
    if not result.records:
        return f"*{nothing(result)}*\n"
    units = {name: result.unit(name) for name in result.columns}
    by = _by(result)
    lines = [
        _pipe([title_of(name) for name in result.columns]),
        _pipe(["---:" if is_number(units[name]) else "---" for name in result.columns]),
    ]
    lines += [
        _pipe([shown(record[name], units[name], record, by) for name in result.columns]) for record in result.records
    ]
    if result.warnings:
        lines += ["", *[f"- **{warning.code}**: {warning.message}" for warning in result.warnings]]
    return "\n".join(lines) + "\n"


def _pipe(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _css_class(unit: Unit | None) -> str:
    if is_number(unit):
        return ' class="number"'
    return ' class="nowrap"' if unit is not None else ""


def html_table(result: Result[Any], *, limit: int = 1_000) -> str:
    """A table element, escaped; warnings as a list before it."""
    if not result.records:
        return f'<p class="empty">{escape(nothing(result))}</p>'
    units = {name: result.unit(name) for name in result.columns}
    by = _by(result)
    numbers = {name: _css_class(units[name]) for name in result.columns}
    head = "".join(f"<th{numbers[name]}>{escape(title_of(name))}</th>" for name in result.columns)
    rows = "\n".join(
        "<tr>"
        + "".join(
            f"<td{numbers[name]}>{escape(shown(record[name], units[name], record, by))}</td>" for name in result.columns
        )
        + "</tr>"
        for record in result.records[:limit]
    )
    more = len(result.records) - limit
    note = f'<p class="more">… and {more:,} rows more</p>' if more > 0 else ""
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>{note}"
