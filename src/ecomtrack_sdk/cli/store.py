"""``ecomtrack store``: backup, proof and tidying of the event log on this machine."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from ecomtrack_sdk.cli._output import FAILED, Json, console, print_json, progress
from ecomtrack_sdk.cli._places import DataOption, data_directory, running
from ecomtrack_sdk.errors import ConfigError

app = typer.Typer(add_completion=False, no_args_is_help=True)

LOG_FILE = "events.db"


@app.callback()
def store() -> None:
    """Look after the event log of a data directory; a collector may go on running on it."""


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="The copy; nothing is written over.")],
    *,
    data: DataOption = None,
    as_json: Json = False,
) -> None:
    """Copy the log, also while events arrive."""
    from ecomtrack_sdk.store._upkeep import backup as copy

    size = copy(_log(data), target)
    print_json({"file": str(target), "bytes": size}) if as_json else console().print(f"{target}: {size:,} bytes.")


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A backup.", dir_okay=False)],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: DataOption = None,
    as_json: Json = False,
) -> None:
    """Put a backup in the place of the log, once it is proved sound. The collector must not be running.

    The log that was there stays beside it as events.db.before. Keys are not part of a log and stay as they are.
    """
    from ecomtrack_sdk.collector._server import discard_warehouse, only_one
    from ecomtrack_sdk.store import _upkeep as upkeep

    directory = data_directory(data)
    target = directory / LOG_FILE
    if not yes and target.exists():
        typer.confirm(f"Put {source} in the place of {target}?", abort=True, err=True)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with only_one(directory):
        events = upkeep.restore(source, target)
        discard_warehouse(directory)
    print_json({"file": str(target), "events": events}) if as_json else console().print(f"{target}: {events:,} events.")


@app.command()
def verify(
    *,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="A log elsewhere, such as a backup.", dir_okay=False)
    ] = None,
    data: DataOption = None,
    as_json: Json = False,
) -> None:
    """Read every event again and compare it with its row, and the projection with the log."""
    from ecomtrack_sdk.store import SqliteStore
    from ecomtrack_sdk.store import _upkeep as upkeep
    from ecomtrack_sdk.store._duckdb import DuckDBWarehouse

    directory = data_directory(data)
    path = file or _log(data)
    # A running collector owns the projection; a backup has none of its own: then it is computed in memory.
    own = file is None and running(directory) is None
    with SqliteStore(path, must_exist=True) as log, progress(quiet=as_json) as bar:
        task = bar.add_task("Verifying", total=None)
        with DuckDBWarehouse(log, directory if own else None) as warehouse:
            found = upkeep.verify(log, warehouse, lambda done, total: bar.update(task, completed=done, total=total))
    if as_json:
        print_json({"file": str(path), "events": found.events, "findings": list(found.findings)})
    else:
        out = console()
        for finding in found.findings:
            out.print(f"[red]{finding}[/]", markup=True)
        out.print(f"{found.events:,} events, {len(found.findings)} findings.")
    if found.findings:
        raise typer.Exit(FAILED)


@app.command()
def purge(
    *,
    before: Annotated[str, typer.Option(metavar="DATE", help="Events that happened before this day (UTC) go.")],
    orders: Annotated[bool, typer.Option("--orders", help="Orders, their updates and refunds go too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: DataOption = None,
    as_json: Json = False,
) -> None:
    """Erase the content of old events for good. Orders stay unless told."""
    from ecomtrack_sdk.store import SqliteStore
    from ecomtrack_sdk.store import _upkeep as upkeep

    try:
        day = date.fromisoformat(before)
    except ValueError:
        raise ConfigError("--before: must be a date such as 2024-01-31") from None
    if not yes:
        typer.confirm(f"Erase what happened before {day}? It cannot be undone", abort=True, err=True)
    border = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000
    with SqliteStore(_log(data), must_exist=True) as log:
        erased = upkeep.purge(log, border, keep=() if orders else upkeep.ORDER_TYPES)
    print_json({"erased": erased}) if as_json else console().print(f"{erased:,} events erased.")


def _log(data: Path | None) -> Path:
    path = data_directory(data) / LOG_FILE
    if not path.is_file():
        raise ConfigError(f"there is no event log in {path.parent}. Start a collector with: ecomtrack collector")
    return path
