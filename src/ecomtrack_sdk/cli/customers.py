"""``ecomtrack customers``: what is known of a person, and how it is forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from ecomtrack_sdk.cli._output import Json, console, print_json
from ecomtrack_sdk.cli._places import DataOption, KeyOption, UrlOption, need_remote

app = typer.Typer(add_completion=False, no_args_is_help=True)

Who = Annotated[str, typer.Argument(metavar="ID", help="Customer id, e-mail address or visitor id.")]


@app.callback()
def customers() -> None:
    """Export and erase a person (GDPR Articles 15, 17 and 20); asks the running collector."""


@app.command()
def export(
    who: Who,
    *,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write there.", dir_okay=False)
    ] = None,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
    as_json: Json = False,
) -> None:
    """Print everything known of a person, always as JSON: names, browsers, events as they were sent."""
    found: dict[str, Any] = need_remote(url, key, data, "read").get(_path(who))
    if output is None:
        print_json(found)
        return
    import json

    output.touch(0o600)
    output.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    told = {"file": str(output), "events": len(found["events"])}
    print_json(told) if as_json else console().print(f"{output}: {told['events']} events.")


@app.command()
def erase(
    who: Who,
    *,
    orders: Annotated[
        bool, typer.Option("--orders", help="Erase orders too, instead of keeping them nameless.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
    as_json: Json = False,
) -> None:
    """Forget a person for good. Orders stay without the person unless told, so that revenue does not move."""
    remote = need_remote(url, key, data, "server")
    if not yes:
        typer.confirm(f"Erase everything known of {who}? It cannot be undone", abort=True, err=True)
    done = remote.get(_path(who), {"orders": "erase" if orders else "keep"}, method="DELETE")
    if as_json:
        print_json(done)
    else:
        console().print(f"{done['erased']} events erased, {done['anonymised']} kept without the person.")


def _path(who: str) -> str:
    return f"/v1/customers/{quote(who, safe='')}"
