"""The rules of the repository itself: imports, sizes, words, what importing costs."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import ecomtrack_sdk

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "ecomtrack_sdk"
LONGEST = 420
"""Lines of a source file; most have less than 300."""
HEAVY = ("httpx", "requests", "starlette", "uvicorn", "duckdb", "rich", "typer", "sqlalchemy", "django", "flask")


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_import_is_light():
    """Importing the package loads no HTTP library, no server and no database."""
    loaded = python(f"import sys, ecomtrack_sdk; print(*[m for m in {HEAVY!r} if m in sys.modules])")
    assert loaded == ""


def test_a_tracked_event_loads_no_http_library_in_the_caller():
    """Making a tracker and an event loads no HTTP library either; the worker does, in its own thread."""
    code = (
        "import sys, ecomtrack_sdk as e\n"
        "t = e.Tracker('http://127.0.0.1:9', key='key-of-some-length', disabled=True)\n"
        "t.track(e.ViewPage(visitor_id='v'))\n"
        f"print(*[m for m in {HEAVY!r} if m in sys.modules])"
    )
    assert python(code) == ""


def test_every_public_name_can_be_had():
    """``__all__`` is sorted, complete, and each name leads somewhere."""
    assert list(ecomtrack_sdk.__all__) == sorted(ecomtrack_sdk.__all__)
    assert all(getattr(ecomtrack_sdk, name) is not None for name in ecomtrack_sdk.__all__)
    assert set(dir(ecomtrack_sdk)) >= set(ecomtrack_sdk.__all__)


def test_base_install_is_small():
    """The base install brings four packages and nothing else."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[<>=;\[ ]", line)[0] for line in project["dependencies"]}
    assert names == {"httpx", "pydantic", "tenacity", "typing-extensions"}


def test_httpx_is_imported_in_one_module():
    """The HTTP library is behind one door."""
    pattern = re.compile(r"^\s+import httpx|^import httpx|^from httpx|^\s+from httpx", re.MULTILINE)
    users = set()
    for path in SOURCE.rglob("*.py"):
        text = re.sub(r"if TYPE_CHECKING:\n(?:(?:    .*)?\n)+", "", path.read_text(encoding="utf-8"))
        if pattern.search(text):
            users.add(path.relative_to(SOURCE).as_posix())
    assert users == {"_delivery/transport.py"}


def test_files_stay_short():
    """A source file that grows beyond what is read in one sitting is two files."""
    long = {
        path.relative_to(SOURCE).as_posix(): lines
        for path in SOURCE.rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST
    }
    assert long == {}


def test_pinned_requirements():
    """Development requirements are names and exact versions, without an address or an option."""
    for line in (ROOT / "requirements-dev.txt").read_text().splitlines():
        assert line.startswith("#") or re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+]+(; .+)?", line), line


def test_version_is_in_one_place():
    """The version of the package is that of its metadata."""
    from importlib.metadata import version

    assert version("ecomtrack-sdk") == ecomtrack_sdk.__version__


def test_changelog_names_what_is_new():
    """The changelog has a place for what comes next."""
    assert "## Unreleased" in (ROOT / "CHANGELOG.md").read_text()
