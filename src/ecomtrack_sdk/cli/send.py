"""``ecomtrack send``: events in wire form to a collector, with a verdict for each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from ecomtrack_sdk.cli._output import REJECTED, Json, console, print_json, progress
from ecomtrack_sdk.cli._places import DataOption, KeyOption, UrlOption, client_of, need_remote
from ecomtrack_sdk.errors import ConfigError

app = typer.Typer(add_completion=False)

SHOWN = 20
"""Rejections printed for a person; --json and --rejections have them all."""


@app.command()
def send(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Events in wire form, one a line; - reads stdin.")],
    *,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="File that remembers how far it came: run again, it goes on from there.")
    ] = None,
    rejections: Annotated[
        Path | None, typer.Option(help="File for refused events with their reasons; repaired, it can be sent again.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Send events from a file and wait for the verdict on each.

    Sending a file again is safe: an event counts once.
    """
    if file != Path("-") and not file.is_file():
        raise ConfigError(f"there is no file {file}")
    remote = need_remote(url, key, data, "server")
    total = None if file == Path("-") else file.stat().st_size
    with client_of(remote) as client, progress(quiet=as_json) as bar:
        task = bar.add_task("sending", total=None)
        report = client.send(
            _lines(file),
            checkpoint=checkpoint,
            rejections=rejections,
            progress=lambda so_far: bar.update(task, completed=so_far.done),
        )
    if as_json:
        rejected = [rejection.model_dump(mode="json") for rejection in report.rejected]
        print_json({"accepted": report.accepted, "duplicate": report.duplicate, "rejected": rejected})
    else:
        print_report(report, empty=total == 0)
    if report.rejected_count:
        raise typer.Exit(REJECTED)


def print_report(report: Any, *, empty: bool = False) -> None:
    """What became of the events, for a person."""
    out = console()
    if empty:
        out.print("The file is empty.")
        return
    out.print(
        f"[green]{report.accepted:,}[/] accepted, {report.duplicate:,} already known, "
        f"[{'red' if report.rejected_count else 'default'}]{report.rejected_count:,}[/] rejected"
        + (f", {report.skipped:,} done by an earlier run" if report.skipped else "")
    )
    for rejection in report.rejected[:SHOWN]:
        reasons = "; ".join(f"{error.loc} {error.msg}".strip() for error in rejection.errors)
        out.print(f"  event {rejection.index + 1}: {reasons}", markup=False)
    if report.rejected_count > SHOWN:
        out.print(f"  … and {report.rejected_count - SHOWN:,} more (--json or --rejections FILE show all)")
    for warning in report.warnings[:5]:
        out.print(f"  [yellow]warning[/] {warning}")
    if report.warning_count > 5:
        out.print(f"  … {report.warning_count:,} warnings in all")


def _lines(file: Path) -> Iterator[bytes]:
    if file == Path("-"):
        yield from sys.stdin.buffer
        return
    with file.open("rb") as lines:
        yield from lines
