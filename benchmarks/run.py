"""Measure ecomtrack-sdk beside its peers, in one run on one machine: ``python benchmarks/run.py [--quick] [--write]``.

Needs nothing but Python 3.11: it makes its own environment in ``.venv-bench`` with the peers at the versions of
``benchmarks/requirements.txt``. Every number comes from a process of its own; the SDKs take turns within each round, so
that a busy minute hits all of them. What is measured is written to ``benchmarks/results.json`` at once: a run that was
stopped has what it has, and ``--resume`` goes on with it.

``--write`` puts the tables into docs/benchmarks.md; with ``--resume --only none`` it does that and measures nothing.
``--resume --only million`` adds the long job, which is in no run unless it is asked for.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
VENV = ROOT / ".venv-bench"
RESULTS = HERE / "results.json"


def environment() -> None:
    """Go on in the environment of the benchmarks, made or renewed when what it is made from has changed."""
    python = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wanted = hashlib.sha256((HERE / "requirements.txt").read_bytes() + sys.version.encode()).hexdigest()
    stamp = VENV / "stamp"
    if not stamp.exists() or stamp.read_text() != wanted:
        print("making .venv-bench with the peers (a minute)", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "-r", str(HERE / "requirements.txt"), "-e", f"{ROOT}[collector]"], check=True)
        stamp.write_text(wanted)
    # Where byte code may not be written beside the sources, imports would be measured with compiling.
    variables = dict(os.environ)
    if variables.pop("PYTHONDONTWRITEBYTECODE", None):
        variables.setdefault("PYTHONPYCACHEPREFIX", str(Path(tempfile.gettempdir()) / "benchmark-bytecode"))
    done = subprocess.run([str(python), __file__, *sys.argv[1:]], env={**variables, "BENCHMARK_ENV": "1"}, check=False)
    sys.exit(done.returncode)


if __name__ == "__main__" and not os.environ.get("BENCHMARK_ENV"):
    try:
        environment()
    except KeyboardInterrupt:
        sys.exit(130)

sys.path.insert(0, str(HERE))

from adapters import LIMIT, installed
from loss import FAULTS
from plan import MILLION, PARTS, Task, tasks
from report import Results, markdown, table

QUIET = "http://127.0.0.1:9"
"""An address where nobody listens."""
TOGETHER = 10
"""Loss runs at a time: they wait more than they work, and no time is taken of them."""


def run(*command: str, timeout: float = 1200) -> dict:
    """The JSON a measuring process prints; its log is shown only when it fails."""
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=timeout, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
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


def measure(task: Task, url: str) -> dict:
    """One result; ``failed`` in it says that there is none."""
    place = {"sink": url, "nobody": QUIET}
    command = [place.get(word, word) for word in task.command]
    program = [str(HERE / command[0])] if command[0].endswith(".py") else [command[0]]
    for trial in (1, 2):
        try:
            return run(*program, *command[1:])
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            print(f"{task.label}: {error}", file=sys.stderr, flush=True)
            if trial == 2:
                return {"failed": 1}
    raise AssertionError


class Book:
    """Results, on disk after each of them: task key → result, and what a reader needs to judge them."""

    def __init__(self, path: Path, *, resume: bool) -> None:
        self.path = path
        self.lock = Lock()
        kept = json.loads(path.read_text()) if resume and path.exists() else {}
        self.about: dict[str, str] = kept.get("about", {})
        results: dict[str, dict] = kept.get("results", {})
        self.results = {key: result for key, result in results.items() if "failed" not in result}

    def enter(self, key: str, result: dict) -> None:
        with self.lock:
            self.results[key] = result
            self.save()

    def save(self) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps({"about": self.about, "results": self.results}, indent=1))
        new.replace(self.path)


def perform(book: Book, wanted: list[Task], say: Callable[[str], None]) -> None:
    """Measure what is not in the book yet: alone what is timed, the loss runs together."""
    left = [task for task in wanted if task.key not in book.results]
    alone = [task for task in left if task.part != "loss"]
    start = time.monotonic()

    def one(task: Task, url: str) -> None:
        say(f"{time.monotonic() - start:4.0f} s  {task.label}")
        book.enter(task.key, measure(task, url))

    with sink() as url:
        for task in alone:
            one(task, url)
    with ThreadPoolExecutor(TOGETHER) as pool:
        for future in [pool.submit(one, task, "") for task in left if task.part == "loss"]:
            future.result()


def about(rounds: int) -> dict[str, str]:
    """What a reader needs to judge the numbers."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30 if hasattr(os, "sysconf") else 0
    load = " ".join(f"{value:.1f}" for value in os.getloadavg()) if hasattr(os, "getloadavg") else ""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": ", ".join(f"{name} {version}" for name, version in installed().items()),
        "rounds": str(rounds),
        "load before the run": load,
    }


def grouped(results: dict[str, dict]) -> Results:
    """Part and measure → SDK → one result a round, without those that failed."""
    found: Results = {}
    for key, result in results.items():
        section, name, _ = key.split("|")
        if "failed" not in result:
            found.setdefault(section, {}).setdefault(name, []).append(result)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one small round, some minutes, without the loss table")
    parser.add_argument("--json", action="store_true", help="print all results as JSON")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    parser.add_argument("--resume", action="store_true", help="keep what results.json has, measure what it lacks")
    parser.add_argument("--rounds", type=int, help="repetitions; 5 without --quick, 1 with it")
    parser.add_argument("--only", nargs="+", choices=(*PARTS, "none"), default=[], help="these parts and no others")
    parser.add_argument("--sdk", nargs="+", default=[], help="these SDKs and no others")
    options = parser.parse_args()
    rounds = options.rounds or (1 if options.quick else 5)
    names = [name for name in installed() if not options.sdk or name in options.sdk]
    wanted = tasks(names, rounds, list(FAULTS), quick=options.quick, limit=LIMIT)
    if "million" in options.only:
        wanted += [MILLION]
    if options.only:
        wanted = [task for task in wanted if task.part in options.only]
    book = Book(RESULTS, resume=options.resume)
    if not book.about or wanted:
        book.about = about(rounds)
    try:
        perform(book, wanted, lambda text: print(text, file=sys.stderr, flush=True))
    except KeyboardInterrupt:
        print("stopped; what was measured is kept (--resume goes on)", file=sys.stderr)
    found = grouped(book.results)
    if options.json:
        print(json.dumps({"about": book.about, "results": found}, indent=2))
    else:
        table(found, book.about)
    if options.write:
        path = ROOT / "docs" / "benchmarks.md"
        path.write_text(markdown(found, book.about, "python3 benchmarks/run.py --write"))
        print(f"written: {path}", file=sys.stderr)


if __name__ == "__main__":
    main()
