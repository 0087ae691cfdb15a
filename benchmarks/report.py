"""Tables of the results, for the terminal and as Markdown. Medians over the rounds, with the spread beside ratios."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import NamedTuple

from goals import goals
from losses import loss_table
from numbers_of import REFERENCE, Results, number, spread, value_of

QUIET_LOAD = 1.0
"""Load average up to which a machine counts as quiet."""


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
    text: str = ""
    """What a reader has to know before the table."""


class Table(NamedTuple):
    title: str
    text: str
    heads: list[str]
    lines: list[list[str]]


def caller(field: str) -> tuple[Column, ...]:
    return tuple(Column(f"{name}, µs", field + name, number(1)) for name in ("p50", "p99", "p99.9", "max"))


FLOW = (
    Column("events/s", "flow.events_per_second", number(0)),
    Column("CPU µs/event", "flow.cpu_us", number(1)),
    Column("bytes/event on the wire", "flow.bytes_per_event", number(0)),
    Column("requests", "flow.requests", number(0)),
    Column("arrived", "flow.arrived", number(0)),
)
LIMITS = (
    Column("build and serialise, µs", "build_us", number(1)),
    Column("one `write()`, µs", "write_us", number(1)),
    Column("gzip 1, µs", "gzip_us", number(1)),
    Column("POST by httpx, µs", "post_us", number(1)),
    Column("sum, µs", "sum_us", number(1)),
    Column("events/s", "events_per_second", number(0)),
    Column("a POST alone, µs", "lone_post_us", number(0)),
)
SECTIONS = (
    Section("speed order", "Caller cost of one order of 8 lines, in a burst", caller("caller."), "caller.p50"),
    Section("speed view", "Caller cost of one product view, in a burst", caller("caller."), "caller.p50"),
    Section("paced order", "Caller cost of one order at 400 calls a second", caller(""), "p50"),
    Section("paced view", "Caller cost of one product view at 400 calls a second", caller(""), "p50"),
    Section("speed order", "Orders, from the first call until the sink has all", FLOW, "flow.events_per_second"),
    Section("speed view", "Product views, from the first call until the sink has all", FLOW, "flow.events_per_second"),
    Section(
        "limits order",
        "Limit of one core, per order",
        LIMITS,
        text="Plain pydantic models of the same fields and nothing else, then each step that cannot be left out, "
        "on its own. Batches of 500.",
    ),
    Section("limits view", "Limit of one core, per product view", LIMITS),
    Section(
        "memory",
        "100,000 orders tracked while nobody listens",
        (
            Column("tracked", "waiting", number(0)),
            Column("RSS added, MB", "rss_mb", number(0)),
            Column("RSS in all, MB", "total_mb", number(0)),
            Column("kB an order", "kb_per_event", number(2)),
            Column("longest garbage collection, ms", "longest_gc_ms", number(1)),
            Column("slowest call, ms", "slowest_call_ms", number(1)),
        ),
        "kb_per_event",
        text="Queues large enough for all. Fewer than 100,000 are tracked where 25 s were not enough for more.",
    ),
    Section(
        "import",
        "Import in a fresh process, beyond the bare interpreter",
        (Column("import, ms", "import_ms", number(0)), Column("to the first event, ms", "first_event_ms", number(0))),
        "first_event_ms",
    ),
    Section(
        "stall",
        "Standstill of an asyncio loop: 100 orders a second, sink up, down, and back",
        tuple(
            Column(f"{when}: {title}", f"{when}_{field}", number(digits))
            for when in ("up", "down", "back")
            for title, field, digits in (("p99, ms", "p99_ms", 1), ("worst, ms", "worst_ms", 1))
        ),
        text="How late a task wakes that sleeps 5 ms, over and over, in the same loop; the call is made in the loop. "
        "`bare loop` makes the rows and tracks nothing.",
    ),
    Section(
        "million",
        "A long job: a million order updates, killed once and interrupted once",
        (
            Column("events", "events", number(0)),
            Column("seconds, starts included", "seconds", number(0)),
            Column("stored", "stored", number(0)),
            Column("missing", "missing", number(0)),
            Column("twice", "doubled", number(0)),
            Column("refused, in the file", "refused", number(0)),
            Column("RSS at a tenth, MB", "rss_tenth_mb", number(0)),
            Column("at half", "rss_half_mb", number(0)),
            Column("at the end", "rss_end_mb", number(0)),
            Column("most", "rss_most_mb", number(0)),
        ),
        text="`S2SClient.send` against the real collector, with a checkpoint and a file of rejections: SIGKILL after "
        "three tenths, Ctrl-C after six, started again with the same files. One update in 10,000 names no order.",
    ),
    Section(
        "collector",
        "Collector: batches of 500 over loopback, validated, deduplicated, durable before the answer",
        (Column("events/s", "events_per_second", number(0)), Column("accepted", "accepted", number(0))),
    ),
)


def table_of(section: Section, found: Results) -> Table:
    """Heads and cells of one table."""
    first = section.columns[0].field
    results = {
        name: fine
        for name, rounds in found[section.measure].items()
        if (fine := [one for one in rounds if value_of(one, first) is not None])
    }
    with_ratio = bool(section.ratio) and REFERENCE in results
    heads = ["", *(column.title for column in section.columns)] + [f"ratio to {REFERENCE} (spread)"] * with_ratio
    lines = []
    for name, rounds in results.items():
        cells = [
            name,
            *(
                column.form(statistics.median(value_of(one, column.field) or 0.0 for one in rounds))
                for column in section.columns
            ),
        ]
        if with_ratio:
            cells.append(spread(rounds, results[REFERENCE], section.ratio))
        lines.append(cells)
    return Table(section.title, section.text, heads, lines)


def tables(found: Results) -> list[Table]:
    parts = [
        Table("Goals", "Ours with the default durability against the goals of the project.", *goals(found)),
        *(table_of(section, found) for section in SECTIONS if section.measure in found),
    ]
    lost = loss_table(found)
    return [*parts, Table(*lost)] if lost else parts


def table(found: Results, facts: dict[str, str]) -> None:
    """Print everything with rich."""
    from rich.console import Console
    from rich.table import Table as Shown

    console = Console(width=max(140, Console().width))
    for one in tables(found):
        shown = Shown(title=one.title, title_justify="left")
        for position, head in enumerate(one.heads):
            shown.add_column(head, justify="right" if position else "left")
        for line in one.lines:
            shown.add_row(*line)
        console.print(shown)
    console.print(" · ".join(f"{name}: {value}" for name, value in facts.items()))


BINDS = (
    "**What binds where a goal is missed.** *The call*: nine tenths of it are pydantic's, building thirteen validated",
    "models and writing them as JSON (measured apart: 91 of 107 µs for an order, 17 of 24 µs for a view; the rest is",
    "the `write()` and the lock). An item whose fields are all `Any` takes 3.5 µs, ours with every rule 4.6 µs; the",
    "models of `limit` are quicker mostly because they have only the fields that are used. Keeping the GIL during",
    "`write()` was tried and gained nothing. *The import*: of 285 ms to the first event 145 are pydantic's base class,",
    "40 to 65 its search for plugins among all installed packages, 45 its first model, and 35 are ours. *End to end*:",
    "caller and worker share one GIL, so the time of an event is the sum of both, not the greater of them.",
)


def markdown(found: Results, facts: dict[str, str], command: str) -> str:
    """docs/benchmarks.md, whole."""
    parts = [
        "# Benchmarks",
        "",
        f"Written by `{command}`; not edited by hand. Each number is the median of the rounds ({facts['rounds']};",
        "two for what is paced, the loop and the collector, one for memory and loss). A ratio is the median of the",
        "rounds' ratios, with the least and the greatest. Every measurement ran in a process of its own, and the SDKs",
        "took turns within each round.",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in facts.items() if value),
        "",
        "**What is compared.** Every SDK is handed the same plain row. `ecomtrack` builds typed, validated models",
        "from it inside the timed call, keeps money exact, and has the event safe against `kill -9` before the call",
        "returns, which is its default; the peers take the dictionary as it is and keep it in memory.",
        "`ecomtrack, memory` is the same without the disk. `limit` is no SDK: plain pydantic models of the same",
        "fields, serialised, and appended with one `write()`. Peers run with their defaults and, where speed and",
        "memory are measured, a queue large enough for the run. The sink is one process of this repository for all of",
        "them; it unpacks, counts and answers. Before the clock starts, two hundred events have gone through.",
    ]
    parts += ["", *BINDS]
    load = facts["load before the run"].split()
    if load and float(load[0]) > QUIET_LOAD:
        parts += [
            "",
            f"**The machine was not quiet**: other programs kept it busy (load {load[0]} before the run). Times are",
            "longer than they would be, tails and standstill most of all; a ratio means what its spread says, no more.",
        ]
    for one in tables(found):
        parts += ["", f"## {one.title}", ""]
        parts += [one.text, ""] if one.text else []
        parts += [f"| {' | '.join(one.heads)} |", "|---" + "|--:" * (len(one.heads) - 1) + "|"]
        parts += [f"| {' | '.join(line)} |" for line in one.lines]
    return "\n".join(parts) + "\n"
