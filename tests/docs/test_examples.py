"""Code in README and docs runs as it stands, against a real collector."""

from __future__ import annotations

import shlex
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from pytest_examples import CodeExample, EvalExample, find_examples

from ecomtrack_sdk import Tracker
from ecomtrack_sdk.cli._app import root, run

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


MAGENTO = """{"items": [{"entity_id": 7, "increment_id": "7", "created_at": "2026-01-02 03:04:05", "state": "new",
"order_currency_code": "EUR", "grand_total": 5,
"items": [{"item_id": 1, "product_id": 1, "qty_ordered": 1, "price": 5}]}]}
"""
FILES = {
    "export.csv": "Number,occurred_at,Amount\n1001,2026-01-02T10:00:00Z,19.90\n1002,2026-01-03T10:00:00Z,5.00\n",
    "orders.json": MAGENTO,
    "calls.jsonl": '{"time": 1767348245000, "params": {"email": "ann@example.com", "createdAt": 1767348245000}}\n',
    "actions.jsonl": '{"order_id": "1", "action_id": "1", "status": "ADD", "eventTimestamp": 1767348245, '
    '"customUserId": "c1", "items": [{"item_id": "tee", "item_name": "Tee", "price": "5", "quantity": 1}]}\n',
}
"""What the pages take for granted in the folder where a block runs."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the code of a page runs: a folder with the files it speaks of."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def python_examples() -> list[list[CodeExample]]:
    """The Python blocks of each page, in their order."""
    found = [
        example
        for example in find_examples(*(str(page) for page in PAGES))
        # Blocks that name a file are parts of a project: test_projects.py puts them there.
        if example.prefix.split()[:1] == ["python"] and "file=" not in example.prefix
    ]
    return [list(group) for _, group in groupby(found, key=lambda example: example.path)]


@pytest.mark.parametrize("examples", python_examples(), ids=lambda examples: str(examples[0].path.relative_to(ROOT)))
def test_python_runs(
    examples: list[CodeExample],
    eval_example: EvalExample,
    collector_process: Any,
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
):
    """The blocks of a page run one after the other, and print what they say they print."""
    monkeypatch.setenv("ECOMTRACK_URL", collector_process.url)
    monkeypatch.setenv("ECOMTRACK_KEY", collector_process.keys["server"])
    monkeypatch.setenv("ECOMTRACK_OUTBOX", str(folder / "outbox"))
    eval_example.set_config(line_length=120)
    state: dict[str, Any] = {}
    try:
        for example in examples:
            state = eval_example.run_print_check(example, module_globals=state)
    finally:
        for value in state.values():
            if isinstance(value, Tracker):
                value.close()


def commands() -> list[tuple[str, str]]:
    """Every line of the pages that begins with ``$ ecomtrack``."""
    lines = [
        (page.relative_to(ROOT).as_posix(), line.strip().removeprefix("$ "))
        for page in PAGES
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.strip().startswith("$ ecomtrack ")
    ]
    return list(dict.fromkeys(lines))


@pytest.mark.parametrize(("page", "line"), commands(), ids=lambda text: text)
def test_commands_exist(page: str, line: str):
    """A command shown in the docs has that name and those options."""
    words = shlex.split(line.partition(" #")[0])[1:]
    command = root()
    while words and not words[0].startswith("-") and hasattr(command, "list_commands"):
        assert words[0] in command.list_commands(None), f"{page}: {line}"
        command = command.get_command(None, words.pop(0))
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    used = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert used <= known | {"--help"}, f"{page}: {line}"


GUIDES = sorted({page for page, _ in commands() if page.startswith("docs/guides/")} - {"docs/guides/operations.md"})


@pytest.mark.parametrize("page", GUIDES)
def test_commands_of_a_guide_run(
    page: str,
    collector_process: Any,
    folder: Path,
    shared_data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
):
    """The commands of an integration's guide, one after the other, do their work on files like those it names."""
    collector_process.reset()
    monkeypatch.setenv("ECOMTRACK_URL", collector_process.url)
    monkeypatch.setenv("ECOMTRACK_KEY", collector_process.keys["server"])
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "home"))
    (folder / "pages").mkdir()
    for payload in (shared_data / "payloads").glob(f"{Path(page).stem}_order.json"):
        (folder / "pages" / "orders-1.json").write_bytes(payload.read_bytes())
    for line in (line for where, line in commands() if where == page):
        words = shlex.split(line.partition(" > ")[0])[1:]
        if words == ["snippet"]:  # of a collector running beside it
            words += ["--url", collector_process.url, "--key", collector_process.keys["site"]]
        assert run(words) == 0, (line, capfd.readouterr())
