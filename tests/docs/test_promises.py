"""What docs/security.md promises is shown by tests that exist, and what the guides tell to run can be run."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ecomtrack_sdk.cli._app import root
from ecomtrack_sdk.cli._collector_file import CollectorFile

ROOT = Path(__file__).parents[2]
SECURITY = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs" / "guides" / "operations.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_every_promise_names_a_test_that_exists():
    """Each test the page names is there, and every row of the table of attacks names one."""
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", SECURITY))
    assert len(named) > 30
    assert [name for name in sorted(named) if f"def {name}(" not in tests] == []
    for path in re.findall(r"`(tests/[\w/.]+)`", SECURITY):
        assert (ROOT / path).exists(), path
    table = SECURITY.partition("| attack |")[2].partition("\n\n")[0].splitlines()[2:]
    assert len(table) > 12
    for row in table:
        assert "`test_" in row, row


def command_of(words: list[str]) -> Any:
    """Follow the words of a command line down the tree of commands; unknown words and options fail."""
    command, rest = root(), list(words)
    while hasattr(command, "get_command"):
        name = rest.pop(0)
        command = command.get_command(None, name)
        assert command is not None, name
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    for word in rest:
        if word.startswith("--"):
            assert word.partition("=")[0] in known, f"{' '.join(words)}: {word}"
    return command


def ecomtrack_lines() -> list[list[str]]:
    """Every call of the command in the guide: console blocks, the unit and the container file."""
    lines = [line.removeprefix("$ ") for block in blocks(OPERATIONS, "console") for line in block.splitlines()]
    lines += re.findall(r"^ExecStart=(.*)$", OPERATIONS, re.MULTILINE)
    lines += [
        " ".join(re.findall(r'"([^"]+)"', line)) for line in re.findall(r"^ENTRYPOINT .*$", OPERATIONS, re.MULTILINE)
    ]
    found = []
    for line in lines:
        words = shlex.split(re.sub(r'"?\$\([^)]*\)"?', "X", line.partition(" #")[0]))
        if words and Path(words[0]).name == "ecomtrack":
            found.append(words[1:])
    return found


@pytest.mark.parametrize("words", ecomtrack_lines(), ids=" ".join)
def test_commands_of_the_guide_exist(words):
    """Commands and options the guide tells to run are those of the command."""
    command_of(words)


def test_the_guide_shows_all_that_runs_a_collector():
    """Unit, container, backup, restore, verification and purge are among the commands checked here."""
    called = {" ".join(words[:2]) if words[0] == "store" else words[0] for words in ecomtrack_lines()}
    assert called >= {"collector", "store backup", "store verify", "store restore", "store purge"}


def test_the_settings_of_the_guide_are_those_of_the_file():
    """The file shown is accepted and shows every setting there is; environment names are those of the options."""
    (text,) = blocks(OPERATIONS, "toml")
    shown = tomllib.loads(text)
    CollectorFile.model_validate(shown)
    assert set(shown) == set(CollectorFile.model_fields)
    known = {parameter.envvar for parameter in command_of(["collector"]).params if getattr(parameter, "envvar", None)}
    named = set(re.findall(r"ECOMTRACK_\w+", text)) - {"ECOMTRACK_SHOPIFY_SECRET", "ECOMTRACK_WOOCOMMERCE_SECRET"}
    assert named <= known
    assert known - named == {"ECOMTRACK_CONFIG"}


def test_the_container_file_is_sound():
    """Known instructions only, extras that exist, no root, a health check of a route that exists, private data."""
    (text,) = blocks(OPERATIONS, "dockerfile")
    lines = re.sub(r"\\\n", " ", text).splitlines()
    instructions = [line.split(" ", 1)[0] for line in lines]
    assert instructions[0] == "FROM"
    assert instructions[-1] == "ENTRYPOINT"
    assert set(instructions) <= {"FROM", "RUN", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT"}
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    asked = re.findall(r"ecomtrack-sdk\[([\w,]+)\]", text)
    assert {extra for group in asked for extra in group.split(",")} <= set(extras)
    assert instructions.index("USER") < instructions.index("ENTRYPOINT")
    (check,) = (line for line in lines if line.startswith("HEALTHCHECK"))
    compile(re.findall(r'"([^"]+)"', check)[2], "healthcheck", "exec")
    assert "/ready" in check
    for line in lines:
        if line.startswith("RUN"):
            programs = {part.split()[0] for part in re.split(r"&&", line.removeprefix("RUN"))}
            assert programs <= {"pip", "useradd", "install"}


def test_the_unit_is_sound():
    """The unit has its three sections, and every line in them is a setting."""
    (text,) = blocks(OPERATIONS, "ini")
    assert re.findall(r"^\[(\w+)\]$", text, re.MULTILINE) == ["Unit", "Service", "Install"]
    for line in text.splitlines():
        assert not line or line.startswith(("#", "[")) or re.fullmatch(r"[A-Z]\w+=\S.*", line), line
