"""The tables of a run: on the terminal and as Markdown. Medians over the rounds, with the spread beside ratios."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import NamedTuple

Results = dict[str, dict[str, list[dict]]]


class Column(NamedTuple):
    title: str
    field: str
    form: Callable[[float], str]


class Section(NamedTuple):
    measure: str
    title: str
    columns: tuple[Column, ...]
    ratio: str = ""
    """Field that ratios to the first peer are given for."""


def number(digits: int) -> Callable[[float], str]:
    return lambda value: f"{value:,.{digits}f}"


CALLER = tuple(Column(f"{name}, µs", name, number(1)) for name in ("p50", "p99", "p99.9", "max"))
FLOW = (
    Column("events/s", "events_per_second", number(0)),
    Column("CPU µs/event", "cpu_us", number(1)),
    Column("bytes/event on the wire", "bytes_per_event", number(0)),
    Column("requests", "requests", number(0)),
    Column("arrived", "arrived", number(0)),
)
SECTIONS = (
    Section("caller order", "Caller cost of one order of 8 lines, in a burst", CALLER, "p50"),
    Section("caller view", "Caller cost of one product view, in a burst", CALLER, "p50"),
    Section("paced order", "Caller cost of one order at 400 calls a second", CALLER, "p50"),
    Section("paced view", "Caller cost of one product view at 400 calls a second", CALLER, "p50"),
    Section("end to end order", "Orders, from the first call until the sink has all", FLOW, "events_per_second"),
    Section("end to end view", "Product views, from the first call until the sink has all", FLOW, "events_per_second"),
    Section(
        "memory order",
        "Orders waiting while nobody listens",
        (
            Column("RSS added, MB", "rss_mb", number(0)),
            Column("RSS in all, MB", "total_mb", number(0)),
            Column("longest garbage collection, ms", "longest_gc_ms", number(1)),
        ),
        "rss_mb",
    ),
    Section(
        "import",
        "Import in a fresh process, beyond the bare interpreter",
        (Column("import, ms", "import_ms", number(0)), Column("to the first event, ms", "first_event_ms", number(0))),
        "first_event_ms",
    ),
    Section(
        "collector",
        "Collector: batches of 500 over loopback, validated, deduplicated, durable before the answer",
        (Column("events/s", "events_per_second", number(0)), Column("accepted", "accepted", number(0))),
    ),
)
REFERENCE = "segment"


def rows(section: Section, found: Results) -> tuple[list[str], list[list[str]]]:
    """Heads and cells of one table."""
    results = found[section.measure]
    with_ratio = bool(section.ratio) and REFERENCE in results
    heads = ["", *(column.title for column in section.columns)] + [f"ratio to {REFERENCE} (spread)"] * with_ratio
    lines = []
    for name, rounds in results.items():
        cells = [
            name,
            *(column.form(statistics.median(one[column.field] for one in rounds)) for column in section.columns),
        ]
        if with_ratio:
            ratios = [
                ours[section.ratio] / theirs[section.ratio]
                for ours, theirs in zip(rounds, results[REFERENCE], strict=False)
                if theirs[section.ratio]
            ]
            cells.append(spread(ratios))
        lines.append(cells)
    return heads, lines


def spread(ratios: list[float]) -> str:
    """Median of the rounds' ratios, with the least and the greatest."""
    if not ratios:
        return ""
    middle = f"{statistics.median(ratios):.2f}"
    return middle if len(ratios) == 1 else f"{middle} ({min(ratios):.2f} to {max(ratios):.2f})"


def table(found: Results, facts: dict[str, str]) -> None:
    """Print everything with rich."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for section in SECTIONS:
        if section.measure not in found:
            continue
        heads, lines = rows(section, found)
        shown = Table(title=section.title, title_justify="left")
        for position, head in enumerate(heads):
            shown.add_column(head, justify="right" if position else "left")
        for line in lines:
            shown.add_row(*line)
        console.print(shown)
    console.print(" · ".join(f"{name}: {value}" for name, value in facts.items()))


def markdown(found: Results, facts: dict[str, str], command: str) -> str:
    """docs/benchmarks.md, whole."""
    parts = [
        "# Benchmarks",
        "",
        f"Written by `{command}`; not edited by hand. Each number is the median of {facts['rounds']} rounds, ratios",
        "carry their spread; every measurement ran in a process of its own and the SDKs took turns within each round.",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in facts.items() if value),
        "",
        "**What is compared.** Every SDK is handed the same plain row. `ecomtrack` builds typed, validated models",
        "from it inside the timed call, keeps money exact, and has the event safe against `kill -9` before the call",
        "returns, which is its default; the peers take the dictionary as it is and keep it in memory.",
        "`ecomtrack, memory` is the same without the disk. `limit` is no SDK: models built, encoded and appended with",
        "one `write()`. Peers run with their defaults and a queue large enough for the run. The sink is one process of",
        "this repository for all of them; it unpacks, counts and answers. Before the clock starts, fifty events have",
        "gone through.",
    ]
    for section in SECTIONS:
        if section.measure not in found:
            continue
        heads, lines = rows(section, found)
        parts += ["", f"## {section.title}", "", f"| {' | '.join(heads)} |", "|---" + "|--:" * (len(heads) - 1) + "|"]
        parts += [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join(parts) + "\n"
