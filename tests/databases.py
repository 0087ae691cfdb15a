"""A PostgreSQL server of the distribution's package, for as long as the tests run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


def _programs() -> Path | None:
    """Debian keeps PostgreSQL's programs off the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


def _absent(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must run the tests on PostgreSQL: {reason}")
    pytest.skip(reason)


def postgres_server(folder: Path) -> Iterator[str]:
    """A cluster of its own with a database ``postgres`` of user ``shop``; the folder of its socket file.

    Args:
        folder: For its data, unless the server has to run as a user who cannot reach it.
    """
    programs = _programs()
    if programs is None:
        _absent("the package postgresql is not installed")
    assert programs is not None
    pytest.importorskip("psycopg")
    as_user: list[str] = []
    if os.geteuid() == 0:
        if shutil.which("runuser") is None:
            _absent("PostgreSQL does not run as root, and runuser is missing")
        as_user = ["runuser", "-u", "postgres", "--"]
        # The server's user must reach its folder through pytest's own, which are closed to others.
        folder = Path(subprocess.check_output([*as_user, "mktemp", "-d"], text=True).strip())
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([*as_user, programs / "initdb", "-D", folder / "db", "-A", "trust", "-U", "shop"], **quiet)
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    control = [*as_user, programs / "pg_ctl", "-D", folder / "db", "-w"]
    subprocess.run([*control, "-o", options, "-l", folder / "log", "start"], **quiet)
    try:
        yield str(folder)
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **quiet)
        shutil.rmtree(folder, ignore_errors=True)
