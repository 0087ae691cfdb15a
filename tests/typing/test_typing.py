"""Type checkers show a user the right errors and no others, without a plugin."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CODE = Path(__file__).with_name("user_code.py")
ROOT = Path(__file__).parents[2]
EXPECTED = {number for number, line in enumerate(CODE.read_text().splitlines(), 1) if line.endswith("# E")}
ENVIRONMENT = {**os.environ, "MYPYPATH": str(ROOT / "src"), "NO_COLOR": "1"}


def _run(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=280
    )
    assert done.stdout, done.stderr
    return done.stdout


def test_mypy_strict_sees_what_a_user_does_wrong(tmp_path: Path) -> None:
    """Under --strict each marked line is an error and no other line is."""
    pytest.importorskip("mypy")
    out = _run("mypy", "--strict", "--output", "json", "--cache-dir", str(tmp_path), "--config-file", "", str(CODE))
    errors = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    ours = [error for error in errors if error["severity"] == "error"]
    assert {Path(error["file"]).name for error in ours} == {CODE.name}, ours
    found = {error["line"] for error in ours}
    assert found == EXPECTED, _difference(found)


def test_pyright_sees_what_a_user_does_wrong(tmp_path: Path) -> None:
    """In its standard mode each marked line is an error and no other line is."""
    pytest.importorskip("pyright")
    settings = {
        "extraPaths": [str(ROOT / "src")],
        "pythonVersion": "3.11",
        "typeCheckingMode": "standard",
    }
    shutil.copy(CODE, tmp_path)
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    out = _run("pyright", "--outputjson", "--pythonpath", sys.executable, "-p", str(tmp_path))
    try:
        answer = json.loads(out)
    except ValueError:
        pytest.skip(f"pyright cannot run here: {out[:200]}")
    found = {
        entry["range"]["start"]["line"] + 1 for entry in answer["generalDiagnostics"] if entry["severity"] == "error"
    }
    assert found == EXPECTED, _difference(found)


def _difference(found: set[int]) -> str:
    return f"not reported: {sorted(EXPECTED - found)}; reported for no reason: {sorted(found - EXPECTED)}"
