"""Imports point downward, and the decision core touches nothing: checked, not promised."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "ecomtrack_sdk"
PURE = ["_delivery/flow.py", "_delivery/steps.py", "_delivery/retry.py", "_wire.py", "_compression.py", "_amounts.py",
        "errors.py", *(f"events/{path.name}" for path in sorted((PACKAGE / "events").glob("*.py")))]  # fmt: skip
OUTSIDE = {"socket", "ssl", "http", "urllib", "sqlite3", "threading", "asyncio", "time", "subprocess", "httpx", "anyio",
           "os", "io", "pathlib", "shutil", "tempfile", "random"}  # fmt: skip


def imports(path: Path) -> set[str]:
    """Top-level names of everything a file imports, inside functions as well."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").partition(".")[0])
    return found


def test_layers_and_halves() -> None:
    """The contracts of pyproject.toml hold: layers, and a server half that never sees the client half."""
    pytest.importorskip("importlinter")
    code = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", PURE)
def test_the_core_does_no_io_and_reads_no_clock(name: str) -> None:
    """Models, wire format and decisions import nothing that could."""
    assert not imports(PACKAGE / name) & OUTSIDE


@pytest.mark.parametrize("library", ["httpx", "tenacity"])
def test_one_module_knows_the_library(library: str) -> None:
    """httpx lives in the transport; tenacity in the policy and the core that steps it."""
    homes = {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if library in _run_time_imports(path)}
    allowed = {"httpx": {"_delivery/transport.py"}, "tenacity": {"_delivery/retry.py", "_delivery/flow.py"}}
    assert homes == allowed[library]


def _run_time_imports(path: Path) -> set[str]:
    """As ``imports``, without what only type checkers see."""
    tree = ast.parse(path.read_text())
    tree.body = [
        node for node in tree.body if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
    ]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").partition(".")[0])
    return found
