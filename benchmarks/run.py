"""Measure ecomtrack-sdk beside its peers, in one run on one machine: ``python benchmarks/run.py [--quick] [--write]``.

Installs nothing: peers that are not there are left out (``pip install -r benchmarks/requirements.txt``). Every number
comes from a process of its own; the SDKs take turns within each repetition, so that a busy minute hits all of them.
``--write`` puts the tables into docs/benchmarks.md, ``--json`` prints everything that was measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from adapters import installed
from report import markdown, table

QUIET = "http://127.0.0.1:9"
"""An address where nobody listens."""


class Size(NamedTuple):
    """How much is measured."""

    rounds: int
    calls: int
    paced: int
    events: dict[str, int]
    waiting: int
    imports: int
    batches: int


FULL = Size(
    rounds=5, calls=5_000, paced=2_000, events={"order": 20_000, "view": 40_000}, waiting=100_000, imports=9, batches=60
)
QUICK = Size(
    rounds=1, calls=1_000, paced=0, events={"order": 2_000, "view": 4_000}, waiting=5_000, imports=3, batches=10
)


def run(*command: str, timeout: float = 900) -> dict:
    """The JSON a measuring process prints; its log is shown only when it fails."""
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, timeout=timeout, env=ENVIRONMENT, check=False
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return json.loads(lines[-1])


@contextmanager
def sink() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, str(HERE / "sink.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        assert process.stdin is not None
        process.stdin.close()


IMPORTS = {
    "ecomtrack": ("import ecomtrack_sdk", "ecomtrack_sdk.ViewProduct(product=ecomtrack_sdk.Product(product_id='p'))"),
    "segment": ("import segment.analytics", ""),
    "posthog": ("import posthog", ""),
    "rudder": ("import rudderstack.analytics", ""),
}


def import_time(name: str) -> dict[str, float]:
    """Milliseconds of wall time for the import, and until the first event can be made."""
    first, then = IMPORTS[name]
    code = (
        "import time; start = time.perf_counter()\n"
        f"{first}\nmiddle = time.perf_counter()\n{then}\nend = time.perf_counter()\n"
        "import json; print(json.dumps({'import_ms': (middle - start) * 1e3, 'first_event_ms': (end - start) * 1e3}))"
    )
    return run("-c", code)


Results = dict[str, dict[str, list[dict]]]
"""Measure → SDK → one result a round."""


def measure(size: Size, say: Callable[[str], None]) -> Results:
    names = list(installed())
    found: Results = defaultdict(lambda: defaultdict(list))
    for name in names:
        if name in IMPORTS:
            import_time(name)  # once for the byte code
    for round_ in range(1, size.rounds + 1):
        for kind in ("order", "view"):
            for name in names:
                say(f"round {round_}/{size.rounds}: {kind}s through {name}")
                with sink() as url:
                    found[f"caller {kind}"][name].append(one("caller", name, kind, size.calls, url))
                if size.paced and round_ <= 2:
                    with sink() as url:
                        found[f"paced {kind}"][name].append(one("paced", name, kind, size.paced, url))
                if name != "limit":
                    with sink() as url:
                        found[f"end to end {kind}"][name].append(one("end_to_end", name, kind, size.events[kind], url))
        for connections in (1, 2):
            for kind in ("order", "view"):
                say(f"round {round_}/{size.rounds}: collector, {kind}s, {connections} connections")
                result = run(str(HERE / "ingest.py"), kind, str(size.batches), str(connections))
                found["collector"][f"{kind}s, {connections} connection{'s' * (connections > 1)}"].append(result)
    for name in names:
        if name != "limit":
            say(f"{size.waiting:,} orders waiting in {name}")
            found["memory order"][name].append(one("memory", name, "order", size.waiting, QUIET))
    for _ in range(size.imports):
        for name in names:
            if name in IMPORTS:
                found["import"][name].append(import_time(name))
    return found


def one(what: str, name: str, kind: str, count: int, url: str) -> dict:
    if url != QUIET:
        urlopen(f"{url}/reset", timeout=30).read()
    return run(str(HERE / "one.py"), what, name, kind, str(count), url)


def about(size: Size) -> dict[str, str]:
    """What a reader needs to judge the numbers."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30 if hasattr(os, "sysconf") else 0
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": ", ".join(f"{name} {version}" for name, version in installed().items()),
        "rounds": str(size.rounds),
        "load before the run": " ".join(f"{value:.1f}" for value in os.getloadavg())
        if hasattr(os, "getloadavg")
        else "",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one small round, some minutes")
    parser.add_argument("--json", action="store_true", help="print all results as JSON")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    parser.add_argument("--rounds", type=int, help="repetitions; 5 without --quick, 1 with it")
    options = parser.parse_args()
    size = QUICK if options.quick else FULL
    size = size._replace(rounds=options.rounds or size.rounds)
    facts = about(size)
    found = measure(size, lambda text: print(text, file=sys.stderr, flush=True))
    if options.json:
        print(json.dumps({"about": facts, "results": found}, indent=2))
    else:
        table(found, facts)
    if options.write:
        path = HERE.parent / "docs" / "benchmarks.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(markdown(found, facts, " ".join(["python benchmarks/run.py", *sys.argv[1:]])))
        print(f"written: {path}", file=sys.stderr)


ENVIRONMENT = dict(os.environ)
# Where byte code may not be written beside the sources, imports would be measured with compiling.
if ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None):
    ENVIRONMENT.setdefault("PYTHONPYCACHEPREFIX", tempfile.mkdtemp(prefix="benchmark-bytecode-"))

if __name__ == "__main__":
    main()
