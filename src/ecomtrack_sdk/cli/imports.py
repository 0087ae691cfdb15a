"""``ecomtrack import``: what other systems exported, as events."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from ecomtrack_sdk.cli._mapping import SavedMapping
from ecomtrack_sdk.cli._output import REJECTED, Json, console, print_json, progress
from ecomtrack_sdk.cli._places import DataOption, KeyOption, UrlOption, client_of, data_directory, need_remote
from ecomtrack_sdk.cli._shop_imports import add_commands
from ecomtrack_sdk.errors import ConfigError
from ecomtrack_sdk.events import Order, OrderUpdate
from ecomtrack_sdk.integrations._record_files import files_of
from ecomtrack_sdk.integrations.orders_file import FIELDS, OrdersFile, Problem, Reading

app = typer.Typer(add_completion=False, no_args_is_help=True)

SHOWN = 10
"""Problems printed for a person; --json has them all."""


@app.callback()
def imports() -> None:
    """Import what another system exported."""


@app.command(epilog=f"Fields: {', '.join(FIELDS)}.")
def orders(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV or JSON Lines (.jsonl); lines of one order share its id.")
    ],
    *,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="FIELD=COLUMN", help="Which column is a field. Columns with a field's name need none."
        ),
    ] = None,
    constants: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="A value for rows that have none, such as status=completed."),
    ] = None,
    currency: Annotated[str | None, typer.Option(metavar="CODE", help="Currency of rows that name none.")] = None,
    time_zone: Annotated[str, typer.Option(metavar="NAME", help="Where times without an offset are.")] = "UTC",
    date_format: Annotated[
        str | None, typer.Option(metavar="FORMAT", help="How times are written, such as '%d.%m.%Y'. Default: ISO 8601.")
    ] = None,
    decimal_comma: Annotated[bool, typer.Option("--decimal-comma", help="Amounts are written 1.234,50.")] = False,
    statuses: Annotated[
        list[str] | None,
        typer.Option("--status", metavar="WORD=STATUS", help="The shop's word for a status, such as 'bezahlt=paid'."),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="The file is the state at this time: orders imported before are brought to it."
        ),
    ] = None,
    source: Annotated[
        str, typer.Option(metavar="NAME", help="The system the orders come from, part of every event's id.")
    ] = "orders-file",
    encoding: Annotated[str, typer.Option(help="Of the file.")] = "utf-8-sig",
    mapping: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Take the options above from this file; those given here win.")
    ] = None,
    save_mapping: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the options above to this file, for --mapping.")
    ] = None,
    preview: Annotated[int, typer.Option(min=0, help="Orders to show before sending.")] = 3,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check everything, send nothing.")] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew where an earlier run was interrupted.")
    ] = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
    as_json: Json = False,
) -> None:
    """Import orders from a file. A second run changes nothing; an interrupted one is continued.

    Without a column for order_id every row is an order.
    """
    options = SavedMapping(
        columns=_pairs(columns, "--map"),
        constants={**_pairs(constants, "--set"), **({"currency": currency} if currency else {})},
        statuses=_pairs(statuses, "--status"),
        time_zone=time_zone,
        date_format=date_format,
        decimal_comma=decimal_comma,
        source=source,
        encoding=encoding,
    )
    used = SavedMapping.load(mapping).with_options(options) if mapping else options
    given = {**used.constants, **({"updated_at": as_of} if as_of else {})}
    reading = Reading(used.time_zone, used.date_format, used.decimal_comma, used.statuses)
    orders_file = OrdersFile(file, used.columns, given, reading, used.source, used.encoding)
    resolved, total = orders_file.resolved(), orders_file.count()
    if save_mapping:
        used.save(save_mapping)
    if not as_json:
        _show_columns(file, total, resolved, given)
        _show_orders(list(islice(_orders_only(orders_file.events(_ignore)), preview)))
    problems: list[Problem] = []
    events = orders_file.events(problems.append)
    if dry_run:
        checked = sum(1 for _ in events)
        _finish(problems, {"orders": total, "events": checked, "dry_run": True}, as_json=as_json)
        return
    remote = need_remote(url, key, data, "server")
    checkpoint = _checkpoint(file, (remote.url, resolved.of, given, reading, used.source))
    if restart:
        checkpoint.unlink(missing_ok=True)
    report = _send(remote, events, checkpoint, total, quiet=as_json)
    checkpoint.unlink(missing_ok=True)
    counts = {"orders": total, "accepted": report.accepted, "duplicate": report.duplicate, "skipped": report.skipped}
    _finish(problems, counts, report, as_json=as_json)


def _send(remote: Any, events: Iterable[Order | OrderUpdate], checkpoint: Path, total: int, *, quiet: bool) -> Any:
    checkpoint.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with client_of(remote) as client, progress(quiet=quiet) as bar:
        task = bar.add_task("importing", total=total)
        return client.send(
            events,
            checkpoint=checkpoint,
            progress=lambda so_far: bar.update(task, completed=min(so_far.done, total)),
        )


def _pairs(texts: list[str] | None, option: str) -> dict[str, str]:
    pairs = {}
    for text in texts or ():
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise ConfigError(f"{option} {text}: write {option} NAME=VALUE")
        pairs[name.strip()] = value.strip()
    return pairs


def _checkpoint(file: Path, settings: object) -> Path:
    """Where this import of this file remembers how far it came; another file or mapping is another import."""
    states = [(one.resolve(), one.stat().st_size, one.stat().st_mtime_ns) for one in files_of(file)]
    digest = hashlib.sha256(repr((states, settings)).encode()).hexdigest()
    return data_directory(None) / "imports" / f"{digest[:24]}.json"


def _ignore(_: Problem) -> None:
    """The preview passes over problems; the import tells them."""


def _orders_only(events: Iterator[Order | OrderUpdate]) -> Iterator[Order]:
    return (event for event in events if isinstance(event, Order))


def _show_columns(file: Path, total: int, resolved: Any, constants: dict[str, str]) -> None:
    out = console()
    out.print(f"[bold]{file.name}[/]: {total:,} orders")
    found = (name if name == column else f"{name} ← [cyan]{column}[/]" for name, column in resolved.of.items())
    out.print("  " + ", ".join(found))
    if constants:
        out.print("  " + ", ".join(f"{name} = [cyan]{value}[/]" for name, value in constants.items()))
    if resolved.unused:
        out.print(f"  [dim]not used: {', '.join(resolved.unused)}[/]")


def _show_orders(found: list[Order]) -> None:
    from rich.table import Table

    from ecomtrack_sdk.reports._values import money_text

    if not found:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("order", overflow="ellipsis", no_wrap=True)
    for name in ("occurred at (UTC)", "status", "customer"):
        table.add_column(name, no_wrap=True)
    for name in ("lines", "units", "total"):
        table.add_column(name, justify="right")
    for order in found:
        customer = order.customer
        table.add_row(
            order.order_id,
            f"{order.occurred_at:%Y-%m-%d %H:%M}",
            order.status,
            (customer.id or customer.email or "") if customer else "",
            str(len(order.items)),
            f"{sum(item.quantity for item in order.items):f}",
            f"{money_text(order.total, order.currency)} {order.currency}",
        )
    console().print(table)


def _finish(problems: list[Problem], counts: dict[str, Any], report: Any = None, *, as_json: bool) -> None:
    """Print what became of the orders; exit code 3 when some were left out."""
    refused = report.rejected if report is not None else []
    if as_json:
        rejected: list[dict[str, Any]] = [
            {
                **({"file": one.file} if one.file else {}),
                "line": one.line,
                "order_id": one.order_id,
                "field": one.field,
                "message": one.message,
            }
            for one in problems
        ]
        rejected += [rejection.model_dump(mode="json") for rejection in refused]
        print_json({**counts, "rejected": rejected})
    else:
        _print_outcome(problems, counts, refused)
    if problems or refused:
        raise typer.Exit(REJECTED)


def _print_outcome(problems: list[Problem], counts: dict[str, Any], refused: list[Any]) -> None:
    from rich.markup import escape

    out = console()
    left_out = len(problems) + len(refused)
    if counts.get("dry_run"):
        out.print(
            f"Nothing was sent. [green]{counts['orders'] - len(problems):,}[/] orders are fine, {left_out:,} are not."
        )
    else:
        out.print(
            f"[green]{counts['accepted']:,}[/] events accepted, {counts['duplicate']:,} already known, "
            f"[{'red' if left_out else 'default'}]{left_out:,}[/] rejected"
            + (f", {counts['skipped']:,} done by an interrupted run" if counts["skipped"] else "")
        )
    for one in problems[:SHOWN]:
        place = f"{Path(one.file).name} " if one.file else ""
        out.print(escape(f"  {place}line {one.line}, order {one.order_id}: {one.field} {one.message}"))
    for rejection in refused[:SHOWN]:
        reasons = "; ".join(f"{error.loc} {error.msg}" for error in rejection.errors)
        out.print(escape(f"  event {rejection.index + 1}: {reasons}"))
    if left_out > SHOWN:
        out.print("  … --json shows all")


add_commands(app, _checkpoint, _finish)
