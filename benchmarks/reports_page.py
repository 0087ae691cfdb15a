"""The page of the reports' benchmark, from the results of each size."""

from __future__ import annotations

from collections.abc import Iterator

BINDS = (
    "**What binds where a goal is missed.** Beside the query a run looks for new events, asks two questions for its",
    "warnings and types its rows: about ten milliseconds, which money reports of twenty feel. `rfm` types a row of",
    "fourteen columns for each customer, in Python. `returns` names a product as its last line did, the query by hand",
    "as the catalog does. Keeping the models current costs a fraction of building them anew, but more than ingest:",
    "making flat rows of an event alone costs what taking it in does, and then it is sorted into its visit, page, cart",
    "and person by some two hundred statements, of which the windows that walk along each visitor's path cost most;",
    "who is named for the first time takes a past along that lies anywhere in a table without an index.",
)
GOAL = 1.3
MINUTE = 60.0


def markdown(sizes: dict[int, dict]) -> str:
    """docs/benchmarks-reports.md, whole."""
    parts = [
        "# Benchmarks of the reports",
        "",
        "Written by `python benchmarks/reports.py --events 1_000_000,10_000_000 --write`; not edited by hand.",
        "Synthetic events of one year from `benchmarks/generate_events.py`. Every report ran in a process of its own",
        "on a warm projection: *cold* is its first run there, *warm* the median of three, in turns with the same",
        "question in DuckDB SQL written by hand (`benchmarks/reports_sql.py`) over the same tables; the rows were",
        "compared, a difference is named. *Warm* is all a user waits for: looking for new events, the query, the",
        "queries of the warnings, typed rows. *Query* is the report's own SQL alone. The query written by hand knows",
        "its parameters and warns of nothing.",
    ]
    parts += ["", *BINDS]
    for events, found in sizes.items():
        parts += ["", f"## {events:,} events", "", *_section(found)]
    return "\n".join(parts) + "\n"


def _section(found: dict) -> Iterator[str]:
    about = found.get("about", {})
    yield "; ".join(f"{name} {value}" for name, value in about.items())
    yield ""
    yield from _goals(found)
    yield from _current(found)
    yield from _reports(found)
    yield from _peers(found)


def _fine(found: dict, key: str) -> dict | None:
    result = found.get(key)
    return result if result and "error" not in result else None


def _all(found: dict) -> dict[str, dict]:
    names = [key for key in found if key.startswith("report ")]
    return {key.removeprefix("report "): found[key] for key in names if "error" not in found[key]}


def _goals(found: dict) -> Iterator[str]:
    reports = _all(found)
    yield "| goal | measured | met |"
    yield "|---|---|---|"
    if reports:
        whole = sum(one["warm_s"] for one in reports.values())
        yield f"| all reports within a minute | {len(reports)} reports, {whole:.1f} s | {_met(whole <= MINUTE)} |"
        for title, field in (("query", "query_s"), ("warm", "warm_s")):
            near = [name for name, one in reports.items() if one[field] <= GOAL * one["hand_s"]]
            yield (
                f"| each within {GOAL} of SQL by hand, {title} | {len(near)} of {len(reports)} "
                f"| {_met(len(near) == len(reports))} |"
            )
    ingest, follow = _fine(found, "ingest"), _fine(found, "follow 100000")
    if ingest and follow:
        cost = follow["load_cpu_us"] + follow["models_cpu_us"]
        yield (
            f"| keeping current costs less than ingest | {cost:.0f} against {ingest['cpu_us']:.0f} µs CPU an event "
            f"| {_met(cost < ingest['cpu_us'])} |"
        )
    yield ""


def _met(fine: bool) -> str:
    return "yes" if fine else "**no**"


def _current(found: dict) -> Iterator[str]:
    yield "| | events | seconds | CPU µs an event: flat tables | models | peak RSS, MB |"
    yield "|---|--:|--:|--:|--:|--:|"
    if one := _fine(found, "build"):
        yield (
            f"| first build | {one['events']:,} | {one['load_s'] + one['models_s']:.1f} | {one['load_cpu_us']:.1f} "
            f"| {one['models_cpu_us']:.1f} | {one['rss_mb']:.0f} |"
        )
    for key in (name for name in found if name.startswith("follow ")):
        if one := _fine(found, key):
            yield (
                f"| then {one['events']:,} more | {one['events']:,} | {one['seconds']:.1f} | {one['load_cpu_us']:.1f} "
                f"| {one['models_cpu_us']:.1f} | {one['rss_mb']:.0f} |"
            )
    yield ""


def _reports(found: dict) -> Iterator[str]:
    yield "| report | rows | cold, s | warm, s | query, s | by hand, s | query ÷ hand | warm ÷ hand | peak RSS, MB |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    for name, one in _all(found).items():
        note = "" if one["same"] == "same" else f" (rows differ: {one['same']})"
        yield (
            f"| {name}{note} | {one['rows']:,} | {one['cold_s']:.3f} | {one['warm_s']:.3f} | {one['query_s']:.3f} "
            f"| {one['hand_s']:.3f} | {one['query_s'] / one['hand_s']:.2f} | {one['warm_s'] / one['hand_s']:.2f} "
            f"| {one['rss_mb']:.0f} |"
        )
    for key, one in found.items():
        if isinstance(one, dict) and "error" in one:
            yield f"| {key}: {one['error']} | | | | | | | | |"
    yield ""


def _peers(found: dict) -> Iterator[str]:
    reports = _all(found)
    if one := _fine(found, "pandas"):
        yield (
            f"pandas {one['version']}, the tables in memory ({one['load_s']:.1f} s to load, peak RSS "
            f"{one['rss_mb']:,.0f} MB). It starts from the people, sessions and orders that our models have made, and "
            "answers the core of each question: no money by person, no times, no rates, no names:"
        )
        yield ""
        yield "| question | pandas, s | report, warm, s | pandas ÷ report |"
        yield "|---|--:|--:|--:|"
        for name, seconds in one["seconds"].items():
            if name in reports:
                warm = reports[name]["warm_s"]
                yield f"| {name} | {seconds:.2f} | {warm:.2f} | {seconds / warm:.1f} |"
        yield ""
    if one := _fine(found, "retentioneering"):
        yield (
            f"retentioneering {one['version']}, its network off: {one['load_s']:.1f} s to load the frame, "
            f"{one['stream_s']:.1f} s for the event stream, {one['funnel_s']:.2f} s for the funnel (no time window, no "
            f"times between steps); peak RSS {one['rss_mb']:,.0f} MB. Of the other questions it answers none."
        )
