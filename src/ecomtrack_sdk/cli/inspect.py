"""``ecomtrack inspect``: what arrived at the collector and what became of it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from ecomtrack_sdk.cli._output import Json, console, print_json
from ecomtrack_sdk.cli._places import DataOption, KeyOption, Remote, UrlOption, data_directory, find_remote
from ecomtrack_sdk.errors import CollectorError, ConfigError

app = typer.Typer(add_completion=False)

WATCH_SECONDS = 1.0
"""Pause between two looks with --watch."""


@app.command()
def inspect(
    event_id: Annotated[str | None, typer.Argument(metavar="[EVENT_ID]", help="Show this event in full.")] = None,
    *,
    bad: Annotated[bool, typer.Option("--bad", help="Only refused events, with their errors.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many events, newest first.")] = 20,
    event_type: Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Only this event type.")] = None,
    visitor: Annotated[str | None, typer.Option(metavar="ID", help="Only this visitor.")] = None,
    order: Annotated[str | None, typer.Option(metavar="ID", help="Only this order.")] = None,
    customer: Annotated[str | None, typer.Option(metavar="ID", help="Only this customer: id or e-mail.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on showing what arrives, until Ctrl-C.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Empty the store of a collector in test mode.")] = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
    as_json: Json = False,
) -> None:
    """Show the events a collector has, newest first, with the verdict on each."""
    asked = {"event_type": event_type, "visitor_id": visitor, "order_id": order, "customer": customer}
    query = {name: value for name, value in asked.items() if value is not None}
    source = _Source(find_remote(url, key, data, "server" if reset else "read"), data_directory(data))
    if reset:
        print_json(source.reset()) if as_json else console().print(f"Emptied. {source.reset()}")
    elif event_id is not None:
        _print_event(source.event(event_id), as_json=as_json)
    elif watch:
        _watch(source, query, bad=bad, limit=limit, as_json=as_json)
    else:
        counts, events = source.counts(), source.events(query, bad=bad, limit=limit)
        if as_json:
            print_json({"counts": counts, "events": events})
        else:
            _print_events(counts, events)


class _Source:
    """The running collector, or the log of one that does not run."""

    def __init__(self, remote: Remote | None, data: Path) -> None:
        self.remote = remote
        self.data = data

    def _ask(self, what: str, query: dict[str, Any]) -> Any:
        if self.remote is not None:
            return self.remote.get(f"/v1/inspect/{what}", query, method="POST" if what == "reset" else "GET")
        from ecomtrack_sdk.collector import _inspect
        from ecomtrack_sdk.store import SqliteStore

        path = self.data / "events.db"
        if not path.exists():
            raise ConfigError(f"there is no event log in {self.data}. Start a collector with: ecomtrack collector")
        with SqliteStore(path) as store:
            if what == "all":
                return _inspect.counts_of(store.counts())
            if what in ("good", "bad"):
                return (_inspect.bad if what == "bad" else _inspect.good)(store, query)
            return _inspect.event(store, what.removeprefix("events/"))

    def counts(self) -> dict[str, int]:
        """Events in all, accepted, refused."""
        found: dict[str, int] = self._ask("all", {})
        return found

    def events(self, query: dict[str, Any], *, bad: bool, limit: int) -> list[dict[str, Any]]:
        """Newest first; without *bad* both kinds, by the time they arrived."""
        query = {**query, "limit": str(limit)}
        found: list[dict[str, Any]] = self._ask("bad", query)
        if not bad:
            found += self._ask("good", query)
        found.sort(key=lambda event: str(event["received_at"]), reverse=True)
        return found[:limit]

    def event(self, event_id: str) -> dict[str, Any]:
        """One event with its verdict."""
        try:
            found: dict[str, Any] = self._ask(f"events/{event_id}", {})
        except CollectorError as error:
            raise CollectorError(error.status, error.code, f"{event_id}: {error.detail}") from None
        return found

    def reset(self) -> Any:
        """Empty the store of the running collector.

        Raises:
            ConfigError: None runs: its files are then just files.
        """
        if self.remote is None:
            raise ConfigError(f"no collector is running on {self.data}: to empty it, delete that folder")
        return self._ask("reset", {})


def _watch(source: _Source, query: dict[str, Any], *, bad: bool, limit: int, as_json: bool) -> None:
    seen: set[tuple[str, int]] = set()
    first = True
    while True:
        fresh = [one for one in source.events(query, bad=bad, limit=limit) if _mark(one) not in seen]
        seen.update(_mark(one) for one in fresh)
        for one in reversed(fresh):
            if as_json:
                print_json(one, indent=None)
            else:
                console().print(_line(one))
        if first and not fresh and not as_json:
            console(stderr=True).print("[dim]waiting for events …[/]")
        first = False
        time.sleep(WATCH_SECONDS)


def _mark(event: dict[str, Any]) -> tuple[str, int]:
    return str(event["verdict"]), int(event["seq"])


def _print_events(counts: dict[str, int], events: list[dict[str, Any]]) -> None:
    out = console()
    out.print(f"{counts['total']:,} events: [green]{counts['good']:,}[/] accepted, [red]{counts['bad']:,}[/] rejected")
    for event in events:
        out.print(_line(event))


def _line(event: dict[str, Any]) -> str:
    from rich.markup import escape

    body = event["event"] if isinstance(event["event"], dict) else {}
    customer = body.get("customer") or {}
    hints = [body.get("order_id"), body.get("visitor_id"), customer.get("id") or customer.get("email")]
    about = " ".join(str(hint) for hint in hints if hint)
    colour = "green" if event["verdict"] == "accepted" else "red"
    notes = [f"{one.get('loc', '')} {one.get('msg', '')}".strip() for one in (*event["errors"], *event["warnings"])]
    line = f"[dim]{event['received_at'][:19].replace('T', ' ')}[/] [{colour}]{event['verdict']:<8}[/] "
    line += f"{event['event_type'] or '?':<16} {event['event_id'] or '?'} {escape(about)}"
    return line + "".join(f"\n    [{'red' if event['errors'] else 'yellow'}]{escape(note)}[/]" for note in notes)


def _print_event(event: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(event)
        return
    console().print(_line(event))
    typer.echo(json.dumps(event["event"], indent=2, ensure_ascii=False))
