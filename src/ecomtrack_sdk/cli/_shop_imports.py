"""``ecomtrack import shopify|woocommerce|magento|metrilo|mytracker FILE``: exports of shop systems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from ecomtrack_sdk.cli._output import Json, progress
from ecomtrack_sdk.cli._places import DataOption, KeyOption, UrlOption, client_of, need_remote
from ecomtrack_sdk.events import Event, Order
from ecomtrack_sdk.integrations import magento, metrilo, mytracker, shopify, woocommerce
from ecomtrack_sdk.integrations._records import ProblemRecord
from ecomtrack_sdk.integrations.orders_file import Problem

__all__ = ["SYSTEMS", "add_commands"]

Outcome = Iterator[Event | ProblemRecord]
SYSTEMS: dict[str, tuple[Callable[[Path, str | None], Outcome], str]] = {
    "shopify": (lambda file, _: shopify.read(file), "Orders, refunds and customers of Shopify's Admin API (JSON)."),
    "woocommerce": (
        lambda file, currency: woocommerce.read(file, currency=currency),
        "Orders, refunds and customers of WooCommerce's REST API (JSON); refunds without their orders need --currency.",
    ),
    "magento": (lambda file, _: magento.read(file), "Orders of Magento 2's REST API (JSON)."),
    "metrilo": (
        lambda file, currency: metrilo.read(file, currency=currency or ""),
        "Recorded calls of Metrilo's protocol v2 (JSON Lines); needs --currency.",
    ),
    "mytracker": (
        lambda file, currency: mytracker.read(file, currency=currency),
        "MyTracker's order actions (JSON), in the order of their times.",
    ),
}
"""Name of the command → its reader (file and currency) and its help."""


def add_commands(app: typer.Typer, checkpoint: Callable[..., Path], finish: Callable[..., None]) -> None:
    """One command a system; where a run is continued and how its outcome is told is the caller's."""
    for name, (read, told) in SYSTEMS.items():
        app.command(name, help=f"{told} A second run changes nothing; an interrupted one is continued.")(
            _command(name, read, checkpoint, finish)
        )


def _command(
    name: str, read: Callable[[Path, str | None], Outcome], checkpoint: Callable[..., Path], finish: Callable[..., None]
) -> Callable[..., None]:
    def command(
        file: Annotated[
            Path,
            typer.Argument(
                metavar="PATH",
                help="The export: an array, saved pages of the REST API, one record a line, or a folder of such files.",
            ),
        ],
        *,
        currency: Annotated[
            str | None, typer.Option(metavar="CODE", help="Currency of records that name none.")
        ] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check everything, send nothing.")] = False,
        restart: Annotated[
            bool, typer.Option("--restart", help="Begin anew where an earlier run was interrupted.")
        ] = False,
        url: UrlOption = None,
        key: KeyOption = None,
        data: DataOption = None,
        as_json: Json = False,
    ) -> None:
        problems: list[Problem] = []
        if dry_run:
            checked = Counter(type(event) for event in _events(read(file, currency), problems))
            counts = {"orders": checked[Order] + len(problems), "events": checked.total(), "dry_run": True}
            finish(problems, counts, as_json=as_json)
            return
        remote = need_remote(url, key, data, "server")
        place = checkpoint(file, (remote.url, name, currency))
        if restart:
            place.unlink(missing_ok=True)
        report = _send(remote, partial(read, file, currency), problems, place, quiet=as_json)
        place.unlink(missing_ok=True)
        counts = {"accepted": report.accepted, "duplicate": report.duplicate, "skipped": report.skipped}
        finish(problems, counts, report, as_json=as_json)

    return command


def _events(found: Outcome, problems: list[Problem]) -> Iterator[Event]:
    for one in found:
        if isinstance(one, ProblemRecord):
            problems.append(Problem(one.line, one.record_id, one.field, one.message, one.file))
        else:
            yield one


def _send(remote: Any, read: Callable[[], Outcome], problems: list[Problem], checkpoint: Path, *, quiet: bool) -> Any:
    checkpoint.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with client_of(remote) as client, progress(quiet=quiet) as bar:
        task = bar.add_task("importing", total=None)
        return client.send(
            _events(read(), problems),
            checkpoint=checkpoint,
            progress=lambda so_far: bar.update(task, completed=so_far.done),
        )
