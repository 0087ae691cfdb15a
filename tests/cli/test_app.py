"""The command as a whole: help, versions, exit codes, and what it costs to start."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ecomtrack_sdk import __version__
from ecomtrack_sdk.cli._app import COMMANDS, root
from tests.cli.conftest import Command


def leaves(command: object, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], object]]:
    """Every command without sub-commands, with the words that name it."""
    names = command.list_commands(None) if hasattr(command, "list_commands") else []
    if not names:
        return [(path, command)]
    return [leaf for name in names for leaf in leaves(command.get_command(None, name), (*path, name))]


def test_help_lists_every_command(ecomtrack: Command):
    """The help names all commands and the exit codes."""
    text = ecomtrack("--help").out
    assert all(name in text for name in COMMANDS)
    assert "3 done, but some records were rejected" in " ".join(text.split())


def test_every_command_documents_itself():
    """Each command has a help text, each option too, and each can print JSON."""
    found = leaves(root())
    assert len(found) > 10
    for path, command in found:
        assert command.help, path
        options = {option: parameter for parameter in command.params for option in parameter.opts}
        assert "--json" in options, path
        assert all(parameter.help for parameter in options.values() if hasattr(parameter, "help")), path


def test_version(ecomtrack: Command):
    """--version prints the version of the package."""
    assert ecomtrack("--version").out.strip() == f"ecomtrack {__version__}"


@pytest.mark.parametrize("words", [("nonsense",), ("send",), ("report", "revenue", "--nonsense"), ("outbox", "shout")])
def test_wrong_usage_is_2(ecomtrack: Command, words: tuple[str, ...]):
    """Unknown commands and options and missing arguments end with 2."""
    assert ecomtrack(*words).code == 2


def test_module_is_the_command():
    """``python -m ecomtrack_sdk`` is the same program, and a command loads only what it needs."""
    code = (
        "import sys; from ecomtrack_sdk.cli import main\n"
        "try: main(['schema', '--list'])\n"
        "except SystemExit as leave: code = leave.code\n"
        "print(*[m for m in ('httpx', 'duckdb', 'starlette', 'uvicorn') if m in sys.modules], code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].strip() == "0"
    version = subprocess.run([sys.executable, "-m", "ecomtrack_sdk", "--version"], capture_output=True, text=True)
    assert version.stdout.strip() == f"ecomtrack {__version__}"


def test_missing_extra_names_the_command():
    """Without the extra the command says how to install it."""
    code = "import sys; sys.modules['typer'] = None; from ecomtrack_sdk.cli import main; main([])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install 'ecomtrack-sdk[cli]'" in done.stderr
