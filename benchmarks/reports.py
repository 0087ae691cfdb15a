"""Measure the reports on synthetic events: ``python benchmarks/reports.py [--events 1_000_000] [--write]``.

Makes the events (kept in the data directory for the next time), builds the projection, keeps it current, asks every
report in a process of its own beside the same question in SQL written by hand, then pandas and, where an environment
has it (``--retentioneering PYTHON``), retentioneering. Every result is kept at once in ``results.json`` beside the
events; what is there is not measured again unless ``--again``. ``--write`` puts what there is, of all sizes, into
docs/benchmarks-reports.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from reports_page import markdown

from ecomtrack_sdk.reports import REPORTS

MORE = 101_000
"""Events beyond those of the projection, for keeping it current."""
BATCHES = (100_000, 1_000)


def run(command: list[str], timeout: float) -> dict:
    """The JSON a measuring process prints, or what went wrong."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return {"error": f"not done within {timeout:.0f} s"}
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        return {"error": (done.stderr.strip().splitlines() or ["no answer"])[-1][:300]}
    return json.loads(lines[-1])


class Results:
    """What was measured of one size, on the disk after each step."""

    def __init__(self, path: Path, again: bool) -> None:
        self.path = path
        self.found: dict = json.loads(path.read_text()) if path.exists() and not again else {}

    def measure(self, key: str, work: Callable[[], dict]) -> None:
        if key in self.found and "error" not in self.found[key]:
            return
        print(f"{self.path.parent.name}: {key} …", file=sys.stderr, flush=True)
        self.found[key] = work()
        self.path.write_text(json.dumps(self.found, indent=1))
        print(f"  {json.dumps(self.found[key])[:200]}", file=sys.stderr, flush=True)


def measure(directory: Path, events: int, options: argparse.Namespace) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    results = Results(directory / "results.json", options.again)
    one = [sys.executable, str(HERE / "reports_one.py")]
    place = [str(directory), str(events)]
    if not (directory / "made").exists():
        print(f"making {events + MORE:,} events …", file=sys.stderr, flush=True)
        made = [sys.executable, str(HERE / "generate_events.py"), str(events + MORE), "--log", str(directory)]
        subprocess.run(made, check=True)
        (directory / "made").touch()
    results.measure("about", about)
    results.measure("build", lambda: run([*one, "build", *place], 3_600))
    for name in REPORTS:
        results.measure(f"report {name}", lambda name=name: run([*one, "report", *place, name], 900))
    results.measure("pandas", lambda: run([*one, "pandas", *place], 1_800))
    if options.retentioneering:
        command = [options.retentioneering, str(HERE / "reports_peers.py"), "retentioneering", str(directory)]
        results.measure("retentioneering", lambda: run(command, 1_800))
    results.measure("ingest", lambda: run([*one, "ingest", *place, "30000"], 600))
    last = events
    for batch in BATCHES:
        step = [*one, "follow", str(directory), str(last), str(batch)]
        results.measure(f"follow {batch}", lambda step=step: run(step, 1_800))
        last += batch


def about() -> dict:
    """What a reader needs to judge the numbers."""
    import duckdb

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}",
        "python": platform.python_version(),
        "duckdb": duckdb.__version__,
        "load before the run": " ".join(f"{value:.1f}" for value in os.getloadavg()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", default="1_000_000", help="how many; several with commas")
    parser.add_argument("--data", type=Path, default=HERE / ".data", help="where events and results are kept")
    parser.add_argument("--retentioneering", metavar="PYTHON", help="interpreter of an environment that has it")
    parser.add_argument("--again", action="store_true", help="measure what was measured before too")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks-reports.md")
    options = parser.parse_args()
    sizes = [int(text.replace("_", "")) for text in options.events.split(",")]
    for events in sizes:
        measure(options.data / str(events), events, options)
    found = {
        int(path.parent.name): json.loads(path.read_text())
        for path in options.data.glob("*/results.json")
        if path.parent.name.isdigit()
    }
    page = markdown(dict(sorted(found.items())))
    if options.write:
        (HERE.parent / "docs" / "benchmarks-reports.md").write_text(page)
    else:
        print(page)


if __name__ == "__main__":
    main()
