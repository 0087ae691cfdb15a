"""``ecomtrack demo``: a collector, a believable shop, two reports. The whole way in one command."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from ecomtrack_sdk.cli._output import Json, console, print_json, progress
from ecomtrack_sdk.cli._places import Remote
from ecomtrack_sdk.errors import ConfigError, StoreError

app = typer.Typer(add_completion=False)

LATER = frozenset({"order_update", "refund"})
"""What the shop's CRM sends afterwards, by the other client."""
FLUSH_SECONDS = 120.0


@app.command()
def demo(
    *,
    days: Annotated[int, typer.Option(min=7, max=1000, help="Days of traffic, ending today.")] = 150,
    visits: Annotated[int, typer.Option(min=1, max=2000, help="Sessions a day.")] = 60,
    seed: Annotated[int, typer.Option(help="The same seed makes the same shop.")] = 1,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Day after the last. Default: today.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the collector; 0 picks a free one.")] = 0,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Keep the data here. Default: a folder that is deleted."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the collector running until Ctrl-C.")] = False,
    as_json: Json = False,
) -> None:
    """Start a collector, send it months of a made-up shop's traffic, print two reports.

    Everything goes the real way: typed events, the SDK's outbox, HTTP, the event log, SQL.
    """
    from ecomtrack_sdk.cli._shop import Shop

    end = _midnight(until)
    out = console(stderr=as_json)
    with _folder(data) as folder, _collector(folder / "collector", port) as ready:
        out.print(f"A collector runs on [bold]{ready['url']}[/].")
        shop = Shop(end, days=days, visits=visits, seed=seed)
        start = time.monotonic()
        counts = _send(ready, folder / "outbox", shop.events(), days * visits * 5, quiet=as_json)
        took = time.monotonic() - start
        out.print(
            f"A made-up shop sent [bold]{sum(counts.values()):,}[/] events of {days} days in {took:.1f} s: "
            f"{counts['tracked']:,} as they happened through Tracker, {counts['sent']:,} order updates and refunds "
            "through S2SClient.\n"
        )
        remote = Remote(ready["url"], ready["keys"]["read"])
        first = (end - timedelta(days=days)).date().replace(day=1)
        since = {"from": first.isoformat()}
        asked = {"revenue": {**since, "currency": "EUR"}, "orders": since}
        results = [remote.get(f"/v1/reports/{name}", params) for name, params in asked.items()]
        if keep:
            # Also where the shell has put it into the background and made it deaf to Ctrl-C.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.default_int_handler)
        with suppress(KeyboardInterrupt) if keep else nullcontext():
            if as_json:
                print_json({"url": ready["url"], "data": ready["data"], "events": counts, "reports": results})
            else:
                _print_reports(results)
                _print_next(ready, keep=keep)
            while keep:
                time.sleep(3600)


def _midnight(until: str | None) -> datetime:
    try:
        day = datetime.fromisoformat(until) if until else datetime.now(UTC)
    except ValueError:
        raise ConfigError(f"--until {until}: write a date such as 2026-01-31") from None
    return day.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    """The folder given, or one that is gone afterwards."""
    if given is not None:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="ecomtrack-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _collector(data: Path, port: int) -> Iterator[dict[str, Any]]:
    """A collector as a process of its own, as ``ecomtrack collector --json`` starts it.

    Raises:
        StoreError: It does not start; its own words stand above.
    """
    command = [sys.executable, "-m", "ecomtrack_sdk", "collector", "--port", str(port), "--data", str(data), "--json"]
    # Ctrl-C reaches the whole group: the collector must outlive it until its last answer.
    own_group = {"process_group": 0} if sys.platform != "win32" else {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, **own_group) as process:  # type: ignore[call-overload]  # noqa: S603
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise StoreError("the collector did not start")
            yield json.loads(line)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _send(ready: dict[str, Any], outbox: Path, events: Iterable[Any], expected: int, *, quiet: bool) -> dict[str, int]:
    """Send what happened as the shop would: by ``Tracker`` at once, updates and refunds by a job afterwards."""
    from ecomtrack_sdk._client import Tracker
    from ecomtrack_sdk._s2s import S2SClient

    later = []
    key = ready["keys"]["server"]
    with progress(quiet=quiet) as bar:
        task = bar.add_task("the shop is open", total=expected)
        with Tracker(ready["url"], key=key, outbox=outbox, on_full="block", block_timeout=FLUSH_SECONDS) as tracker:
            for event in events:
                if event.type in LATER:
                    later.append(event)
                else:
                    tracker.track(event)
                bar.advance(task)
            tracker.flush(FLUSH_SECONDS)
            stats = tracker.stats()
        if stats.pending or stats.rejected or stats.dropped:
            raise StoreError(f"not everything was delivered: {stats}")
        with S2SClient(ready["url"], key=key) as client:
            report = client.send(later)
    if report.rejected_count:
        raise StoreError(f"the collector refused {report.rejected_count} events, the first: {report.rejected[0]}")
    return {"tracked": stats.delivered, "sent": report.accepted + report.duplicate}


def _print_reports(results: list[dict[str, Any]]) -> None:
    from ecomtrack_sdk.cli._results import print_result, result_of
    from ecomtrack_sdk.reports import REPORTS

    for payload in results:
        only = f" --currency {payload['query']['currency']}" if payload["query"].get("currency") else ""
        console().print(f"[bold]ecomtrack report {payload['report']}{only}[/]")
        console().print(REPORTS[payload["report"]])
        print_result(result_of(payload))
        console().print()


def _print_next(ready: dict[str, Any], *, keep: bool) -> None:
    out = console()
    if not keep:
        out.print("[dim]The collector has gone. `ecomtrack demo --keep` leaves it running, with its console.[/]")
        return
    out.print(f"Console: [bold]{ready['url']}/[/]  read key [cyan]{ready['keys']['read']}[/]")
    out.print(f"Ask more: ecomtrack report revenue --by week --data {ready['data']}")
    out.print("Ctrl-C ends it.")
