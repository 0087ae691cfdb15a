"""The decision core has no line and no branch that its own tests leave out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORE = ("flow", "retry", "drivers", "steps")
TESTS = ("tests/delivery/test_flow.py", "tests/delivery/test_retry.py")


def test_every_branch_of_the_decision_core_is_taken(tmp_path) -> None:
    """100 % of lines and branches, by the tests of the core alone."""
    environment = {**os.environ, "COVERAGE_FILE": str(tmp_path / "coverage"), "PYTEST_ADDOPTS": ""}
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_CURRENT_TEST", "COVERAGE_PROCESS_START"):
        environment.pop(name, None)
    settings = tmp_path / "settings"
    files = "\n".join(f"  {ROOT}/src/ecomtrack_sdk/_delivery/{name}.py" for name in CORE)
    settings.write_text(f"[run]\nbranch = True\ninclude =\n{files}\n")

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )

    pytest = ("pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *TESTS)
    done = run("coverage", "run", f"--rcfile={settings}", "-m", *pytest)
    assert done.returncode == 0, done.stdout + done.stderr
    report = run("coverage", "report", f"--rcfile={settings}", "--show-missing", "--fail-under=100", "--precision=2")
    assert report.returncode == 0, report.stdout + report.stderr
    assert all(f"{name}.py" in report.stdout for name in CORE), report.stdout
