"""Development tasks. Needs nothing but Python 3.11 or later: it makes its own virtual environment.

python3 dev.py demo              start a collector, send it a believable shop, print two reports
python3 dev.py test              every check: lint, types, architecture, docs, tests
python3 dev.py test tests/wire   the tests given, with pytest's own options, and nothing else
python3 dev.py test --python 3.12 --python 3.13
                                 the tests on other interpreters (`--python all`: 3.11, 3.12 and 3.13)
python3 dev.py check             lint, types and architecture only
python3 dev.py docs              the documentation, into docs/_build/html
python3 dev.py setup             the environment only
python3 dev.py audit             the pinned packages against the known vulnerabilities; needs pypi.org
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent
EXTRAS = "collector,cli,fast,zstd,clickhouse,charts,prometheus,opentelemetry,testing"
OLDEST = (3, 11)
SERIAL = ("tests/faults",)
"""Tests that kill processes and fill disks: a neighbour on the other core would make them slow, not wrong."""
SECOND_PYTHON = "3.13"
SECOND_TESTS = ("tests/store", "tests/reports")
"""What also runs on ``SECOND_PYTHON`` where it is installed: from 3.12 on DuckDB is another major version."""
PROGRAMS = {
    "chromium": (
        lambda: any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")),
        ("chromium", "fonts-liberation"),
    ),
    "postgresql": (lambda: any(Path("/usr/lib/postgresql").glob("*/bin/initdb")), ("postgresql",)),
}
"""Name → whether it is there, and Debian's packages of it. PostgreSQL keeps its programs off the path."""
AUDITOR = "pip-audit==2.10.1"
IN_CI = os.environ.get("CI", "").lower() == "true"


class Failed(Exception):
    """A step did not end well; the message is for the person at the terminal."""


# --- interpreters and environments -----------------------------------------------------------------------------------


def find_python(version: str) -> str | None:
    """The command of an interpreter of *version* (such as ``3.13``), or ``None``."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" == version:
        return sys.executable
    kept = Path(os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv"))) / "versions"
    candidates = [shutil.which(f"python{version}"), *map(str, sorted(kept.glob(f"{version}.*/bin/python")))]
    for candidate in candidates:
        # pyenv leaves commands on the path that refuse to run: only an answer counts.
        if candidate and _answers(candidate, version):
            return candidate
    return None


def _answers(command: str, version: str) -> bool:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([command, "-c", code], capture_output=True, text=True, check=False)
    return done.returncode == 0 and done.stdout.strip() == version


def environment(python: str, folder: str, *, requirements: bool = True) -> Path:
    """A virtual environment in *folder*, made or renewed when what it is made from has changed.

    Returns:
        Its folder of commands.
    """
    venv = ROOT / folder
    commands = venv / ("Scripts" if os.name == "nt" else "bin")
    stamp = venv / "stamp"
    sources = [ROOT / "pyproject.toml", ROOT / "requirements-dev.txt"]
    wanted = hashlib.sha256(
        b"".join(path.read_bytes() for path in sources) + f"{python}{requirements}".encode()
    ).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return commands
    say(f"environment {folder}: installing (the first time takes a minute or two)")
    run([python, "-m", "venv", "--clear", str(venv)])
    python_of = str(commands / "python")
    quiet = ["--quiet", "--disable-pip-version-check"]
    # uv resolves and installs in a tenth of pip's time; it is itself installed by pip, and pinned like all else.
    run([python_of, "-m", "pip", "install", *quiet, "-c", "requirements-dev.txt", "uv"])
    install = [python_of, "-m", "uv", "pip", "install", "--quiet", "--python", python_of, "-c", "requirements-dev.txt"]
    install += ["-e", f".[{EXTRAS}]" if requirements else ".[collector]"]
    run([*install, "-r", "requirements-dev.txt"] if requirements else install)
    stamp.write_text(wanted)
    return commands


def install_programs() -> None:
    """What tests drive and no Python package brings, from the distribution, where it is missing and may be installed.

    Raises:
        Failed: In CI, where a skipped test would look like a passed one.
    """
    missing = {name: packages for name, (there, packages) in PROGRAMS.items() if not there()}
    if not missing:
        return
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"installing {' and '.join(missing)} for the tests")
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        packages = [name for several in missing.values() for name in several]
        for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            subprocess.run(["apt-get", "-qq", *command], env=quiet, stdout=subprocess.DEVNULL, check=False)
    absent = [name for name, (there, _) in PROGRAMS.items() if not there()]
    if absent and IN_CI:
        raise Failed(f"{' and '.join(absent)} could not be installed, and CI must not skip the tests that need them")
    for name in absent:
        say(f"no {name}: the tests that need it will be skipped (install it to run them)")


# --- running ---------------------------------------------------------------------------------------------------------


def say(message: str) -> None:
    """A line about what happens, at once."""
    print(f"── {message}", flush=True)


def run(command: list[str]) -> None:
    """Run a command in the root folder, its output passed through.

    Raises:
        Failed: It ended with another code than 0.
    """
    done = subprocess.run(command, cwd=ROOT, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(command[:4])} … ended with code {done.returncode}")


def checks(commands: Path, *, docs: bool) -> list[str]:
    """Lint, types, architecture and docs, two at a time; the output of those that fail is printed.

    Returns:
        The names of those that failed.
    """
    python = str(commands / "python")
    steps = {
        "mypy": [python, "-m", "mypy"],
        "pyright": [python, "-m", "pyright", "--pythonpath", python],
        "ruff check": [python, "-m", "ruff", "check", "."],
        "ruff format": [python, "-m", "ruff", "format", "--check", "."],
        "import-linter": [str(commands / "lint-imports"), "--no-cache"],
    }
    if docs:
        steps["docs"] = docs_command(commands, renew=False)  # a test compares the committed pages with the code
    with ThreadPoolExecutor(2) as pool:
        return [name for name, fine in zip(steps, pool.map(check, steps, steps.values()), strict=True) if not fine]


def check(name: str, command: list[str]) -> bool:
    """One check; whether it passed."""
    start = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    fine = done.returncode == 0
    say(f"{name}: {'passed' if fine else 'FAILED'} ({time.monotonic() - start:.0f} s)")
    if not fine:
        print(done.stdout + done.stderr, flush=True)
    return fine


def docs_command(commands: Path, *, renew: bool) -> list[str]:
    """Sphinx, with every warning an error; *renew* writes the generated pages anew first."""
    options = ["-q", "-n", "-W", "--keep-going", *([] if renew else ["-t", "as-committed"])]
    return [str(commands / "python"), "-m", "sphinx", *options, "docs", "docs/_build/html"]


def pytest(commands: Path, *arguments: str) -> tuple[int, dict[str, int]]:
    """One run of pytest, its output passed through.

    Returns:
        Its exit code, and the counts of its closing line by outcome.
    """
    command = [str(commands / "python"), "-m", "pytest", *arguments]
    counts: dict[str, int] = {}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            if re.search(r"\b(passed|failed|skipped|errors?|no tests ran)\b.* in [\d.]+s", line):
                counts = {word: int(count) for count, word in re.findall(r"(\d+) (passed|failed|skipped|error)", line)}
    return process.returncode, counts


# --- tasks -----------------------------------------------------------------------------------------------------------


def task_test(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Every check, or the tests given in *rest*, on this interpreter or on those asked for."""
    versions = [v for asked in arguments.python for v in (("3.11", "3.12", "3.13") if asked == "all" else (asked,))]
    if versions:
        return max(_pytest_on(version, rest or ["tests", "examples"]) for version in versions)
    commands = environment(sys.executable, ".venv")
    if rest:
        return pytest(commands, *rest)[0]
    install_programs()
    failed = checks(commands, docs=True)
    total = {"passed": 0, "failed": 0, "skipped": 0, "error": 0}
    serial = [folder for folder in SERIAL if (ROOT / folder).is_dir()]
    runs: list[tuple[Path, list[str]]] = []
    second = find_python(SECOND_PYTHON)
    if second and second != sys.executable:
        folders = [folder for folder in SECOND_TESTS if (ROOT / folder).is_dir()]
        runs.append((environment(second, f".venv-{SECOND_PYTHON}"), ["-n", "2", *folders]))
    else:
        say(f"no Python {SECOND_PYTHON} here: the store and report tests run on this one only")
    if serial:
        runs.append((commands, serial))
    runs.append((commands, ["-n", "2", *(f"--ignore={folder}" for folder in serial)]))
    for place, options in runs:
        say(f"pytest {' '.join(options)} ({place.parent.name})")
        code, counts = pytest(place, *options)
        if code:
            failed.append(f"pytest ({place.parent.name})")
        for word, count in counts.items():
            total[word] += count
    if failed:
        say(f"failed: {', '.join(failed)}")
    # All runs together, in the plain form that tools read: a failed check is a failure too.
    failures = max(total["failed"] + total["error"], 1 if failed else 0)
    print(f"{total['passed']} passed, {failures} failed, {total['skipped']} skipped", flush=True)
    return 1 if failed else 0


def _pytest_on(version: str, options: list[str]) -> int:
    python = find_python(version)
    if python is None:
        raise Failed(f"no Python {version} found on the path or in pyenv; install it and try again")
    say(f"pytest {' '.join(options)} on Python {version}")
    return pytest(environment(python, f".venv-{version}"), *options)[0]


def task_check(_arguments: argparse.Namespace, _rest: list[str]) -> int:
    """Lint, types and architecture."""
    return 1 if checks(environment(sys.executable, ".venv"), docs=False) else 0


def task_docs(_arguments: argparse.Namespace, _rest: list[str]) -> int:
    """The documentation."""
    run(docs_command(environment(sys.executable, ".venv"), renew=True))
    say("docs/_build/html/index.html")
    return 0


def task_demo(_arguments: argparse.Namespace, rest: list[str]) -> int:
    """`ecomtrack demo` with its set-up; options are passed on."""
    made = (ROOT / ".venv" / "stamp").exists()
    commands = environment(sys.executable, ".venv" if made else ".venv-demo", requirements=made)
    return subprocess.run([str(commands / "ecomtrack"), "demo", *rest], cwd=ROOT, check=False).returncode


def task_setup(_arguments: argparse.Namespace, _rest: list[str]) -> int:
    """The environment of all other tasks."""
    say(f"ready: {environment(sys.executable, '.venv')}")
    return 0


def task_audit(_arguments: argparse.Namespace, rest: list[str]) -> int:
    """Every pinned package against the advisories of PyPI and OSV; one that could not be looked up is a failure too."""
    venv = ROOT / ".venv-audit"
    python = str(venv / ("Scripts" if os.name == "nt" else "bin") / "python")
    run([sys.executable, "-m", "venv", "--clear", str(venv)])
    run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", AUDITOR])
    options = ["--strict", "--no-deps", "--disable-pip", "-r", "requirements-dev.txt", *rest]
    return subprocess.run([python, "-m", "pip_audit", *options], cwd=ROOT, check=False).returncode


TASKS = {
    "demo": task_demo,
    "test": task_test,
    "check": task_check,
    "docs": task_docs,
    "setup": task_setup,
    "audit": task_audit,
}


def main() -> int:
    """Run the task named on the command line; its exit code."""
    if sys.version_info < OLDEST:
        print(f"Python {OLDEST[0]}.{OLDEST[1]} or later is needed; this is {sys.version.split()[0]}")
        return 2
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=TASKS, metavar="task", help=", ".join(TASKS))
    parser.add_argument("--python", action="append", default=[], help="for test: an interpreter version, or all")
    arguments, rest = parser.parse_known_args()
    try:
        return TASKS[arguments.task](arguments, rest)
    except Failed as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
