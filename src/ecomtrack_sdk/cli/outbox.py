"""``ecomtrack outbox``: what waits on this machine, what the collector refused, and what to do about it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from ecomtrack_sdk.cli._output import FAILED, REJECTED, Json, console, print_json, progress
from ecomtrack_sdk.cli._places import DataOption, KeyOption, UrlOption, need_remote
from ecomtrack_sdk.errors import ConfigError

app = typer.Typer(add_completion=False, no_args_is_help=True)

Outbox = Annotated[
    Path | None,
    typer.Option(
        "--outbox",
        metavar="DIR",
        envvar="ECOMTRACK_OUTBOX",
        help="Directory of the outbox. Default: the one of --project and --url.",
    ),
]
Project = Annotated[str, typer.Option(metavar="NAME", help="Project whose default outbox is meant.")]
Collector = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", envvar="ECOMTRACK_URL", help="Collector whose default outbox is meant."),
]
Ids = Annotated[list[str] | None, typer.Argument(metavar="[EVENT_ID]…", help="Which; all when none is named.")]


@app.callback()
def outbox() -> None:
    """Look after the events waiting on this machine."""


@app.command("list")
def list_(
    *,
    outbox: Outbox = None,
    project: Project = "default",
    url: Collector = None,
    limit: Annotated[int, typer.Option(min=1, help="How many dead letters, newest first.")] = 20,
    as_json: Json = False,
) -> None:
    """List the dead letters: events the collector refused, with its reasons."""
    from ecomtrack_sdk._delivery import maintenance

    found = maintenance.letters(_directory(outbox, project, url))
    shown = found[::-1][:limit]
    if as_json:
        print_json({"dead_letters": len(found), "events": [_letter(one) for one in shown]})
        return
    out = console()
    if not found:
        out.print("No dead letters: the collector refused nothing.")
        return
    out.print(f"{len(found):,} dead letters" + (f", the newest {limit}" if len(found) > limit else ""))
    for one in shown:
        reasons = "; ".join(f"{error.loc} {error.msg}".strip() for error in one.errors) or one.reason
        out.print(f"{one.at[:19].replace('T', ' ')}  {one.event_id or '?'}  {reasons}", markup=False)
    out.print("\n[dim]ecomtrack outbox show EVENT_ID shows one; retry sends again, purge deletes.[/]")


@app.command()
def show(
    event_id: Annotated[str, typer.Argument(metavar="EVENT_ID", help="A dead letter, or an event that waits.")],
    *,
    outbox: Outbox = None,
    project: Project = "default",
    url: Collector = None,
    as_json: Json = False,
) -> None:
    """Show one event in full."""
    from ecomtrack_sdk._delivery import maintenance

    directory = _directory(outbox, project, url)
    found = maintenance.find(directory, event_id)
    if found is None:
        raise ConfigError(f"no event {event_id} waits or lies dead in {directory}; it may have been delivered")
    if isinstance(found, bytes):
        letter: dict[str, Any] = {"event_id": event_id, "state": "waiting", "event": json.loads(found)}
    else:
        letter = {"state": "dead", **_letter(found)}
    if as_json:
        print_json(letter)
        return
    out = console()
    out.print(f"{event_id}: {letter['state']}")
    for error in letter.get("errors", ()):
        out.print(f"  {error['loc']} {error['msg']}", markup=False)
    typer.echo(json.dumps(letter["event"], indent=2, ensure_ascii=False))


@app.command()
def retry(
    ids: Ids = None,
    *,
    outbox: Outbox = None,
    project: Project = "default",
    url: Collector = None,
    as_json: Json = False,
) -> None:
    """Put dead letters back in line; the next running process or `drain` sends them."""
    from ecomtrack_sdk._delivery import maintenance

    number = maintenance.retry(_directory(outbox, project, url), ids or None)
    if as_json:
        print_json({"retried": number})
    else:
        console().print(f"{number:,} events wait again. `ecomtrack outbox drain` sends them now.")


@app.command()
def purge(
    ids: Ids = None,
    *,
    outbox: Outbox = None,
    project: Project = "default",
    url: Collector = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Delete dead letters for good."""
    from ecomtrack_sdk._delivery import maintenance

    directory = _directory(outbox, project, url)
    if not ids and not yes:
        number = len(maintenance.letters(directory))
        if number and not typer.confirm(f"Delete all {number:,} dead letters of {directory}?"):
            raise typer.Exit(FAILED)
    number = maintenance.purge(directory, ids or None)
    if as_json:
        print_json({"purged": number})
    else:
        console().print(f"{number:,} dead letters deleted.")


@app.command()
def drain(
    *,
    outbox: Outbox = None,
    project: Project = "default",
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long to wait for a troubled collector.")
    ] = 60.0,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
    as_json: Json = False,
) -> None:
    """Deliver now what processes that are gone have left."""
    from ecomtrack_sdk._delivery import maintenance
    from ecomtrack_sdk._delivery.transport import HttpTransport

    remote = need_remote(url, key, data, "server")
    directory = _directory(outbox, project, remote.url)
    total = maintenance.report(directory).events
    with progress(quiet=as_json) as bar:
        task = bar.add_task("delivering", total=total)
        done = maintenance.drain(
            directory,
            HttpTransport(remote.url, remote.key),
            timeout=timeout,
            progress=lambda stats: bar.update(task, completed=stats.delivered + stats.rejected),
        )
    if as_json:
        names = ("adopted", "delivered", "rejected", "pending", "dropped", "reason")
        print_json({name: getattr(done, name) for name in names})
    else:
        out = console()
        out.print(f"[green]{done.delivered:,}[/] delivered, {done.rejected:,} refused, {done.pending:,} still waiting")
        if done.pending:
            out.print(f"  held up: {done.reason}", markup=False)
    if done.pending:
        raise typer.Exit(FAILED)
    if done.rejected:
        raise typer.Exit(REJECTED)


@app.command()
def stats(
    *,
    outbox: Outbox = None,
    project: Project = "default",
    url: Collector = None,
    watch: Annotated[bool, typer.Option("--watch", help="Look again every second, until Ctrl-C.")] = False,
    as_json: Json = False,
) -> None:
    """Count what waits, by process, and the dead letters."""
    directory = _directory(outbox, project, url)
    while True:
        _print_stats(directory, as_json=as_json, one_line=watch)
        if not watch:
            return
        time.sleep(1)


def _print_stats(directory: Path, *, as_json: bool, one_line: bool) -> None:
    from ecomtrack_sdk._delivery import maintenance

    found = maintenance.report(directory)
    if as_json:
        owners = [
            {"pid": one.pid, "alive": one.alive, "events": one.events, "bytes": one.bytes} for one in found.owners
        ]
        body = {"outbox": str(directory), "events": found.events, "bytes": found.bytes}
        body |= {"dead_letters": found.dead_letters, "oldest_seconds": found.oldest_seconds, "processes": owners}
        print_json(body, indent=None if one_line else 2)
        return
    out = console()
    out.print(
        f"{found.events:,} events wait ({found.bytes:,} bytes), {found.dead_letters:,} dead letters"
        + (f", oldest file {found.oldest_seconds:,.0f} s" if found.oldest_seconds is not None else "")
        + ("" if one_line else f"  [dim]{directory}[/]")
    )
    for one in () if one_line else found.owners:
        if one.events or one.alive:
            state = "running" if one.alive else "[yellow]gone: `ecomtrack outbox drain` delivers its events[/]"
            out.print(f"  process {one.pid}: {one.events:,} events, {state}")


def _directory(given: Path | None, project: str, url: str | None) -> Path:
    """The outbox meant; without an address the only one the project has.

    Raises:
        ConfigError: There is none at that place, or several.
    """
    from ecomtrack_sdk._config import default_outbox

    if given == Path("memory"):
        raise ConfigError(
            "ECOMTRACK_OUTBOX is 'memory': this project's events do not rest on the disk; name --outbox DIR"
        )
    if given is None and url is None:
        home = default_outbox("http://any", project).parent
        found = sorted(place for place in home.glob("*") if place.is_dir())
        if len(found) > 1:
            names = ", ".join(place.name for place in found)
            raise ConfigError(f"{home} has outboxes for several collectors ({names}): name one with --url or --outbox")
        directory = found[0] if found else home
    else:
        directory = given or default_outbox(url or "", project)
    if not directory.is_dir():
        raise ConfigError(f"there is no outbox at {directory}: no event has waited there, or it is another --outbox")
    return directory


def _letter(one: Any) -> dict[str, Any]:
    try:
        event: Any = json.loads(one.event)
    except ValueError:
        event = one.event.decode("utf-8", "replace")
    errors = [error.model_dump() for error in one.errors]
    return {"event_id": one.event_id, "reason": one.reason, "at": one.at, "errors": errors, "event": event}
