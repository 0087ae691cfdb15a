"""What commands print: results on stdout, everything said beside them on stderr."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

__all__ = ["FAILED", "REJECTED", "USAGE", "Json", "complain", "console", "print_json", "progress", "said"]

FAILED, USAGE, REJECTED = 1, 2, 3
"""Exit codes beside 0; they are a contract (docs: CLI)."""

ENDLESS = 1_000
"""Characters of a line in a file or a pipe: whoever reads it there wants whole rows."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def console(*, stderr: bool = False) -> Console:
    """A rich console; plain text, and lines of any length, where the output is no terminal."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or os.environ.get("COLUMNS") else ENDLESS
    return Console(stderr=stderr, highlight=False, soft_wrap=True, width=width)


def complain(message: object) -> None:
    """An error, for a person: what is wrong and what to do."""
    from rich.markup import escape

    console(stderr=True).print(f"[bold red]Error:[/] {escape(str(message))}")


def said(message: str) -> None:
    """A remark beside the result; rich markup."""
    console(stderr=True).print(message)


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=indent, default=str) + "\n")
    sys.stdout.flush()


def progress(*, quiet: bool = False) -> Progress:
    """A progress bar on stderr; nothing where stderr is no terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console(stderr=True),
        transient=True,
        disable=quiet or not sys.stderr.isatty(),
    )
