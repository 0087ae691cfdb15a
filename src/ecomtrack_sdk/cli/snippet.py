"""``ecomtrack snippet``: the tags of the browser script, its hash, or the script itself."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ecomtrack_sdk.cli._output import Json, print_json
from ecomtrack_sdk.cli._places import DataOption, data_directory, running
from ecomtrack_sdk.errors import ConfigError
from ecomtrack_sdk.integrations import browser

app = typer.Typer(add_completion=False)


@app.command()
def snippet(
    *,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="Address of the collector as browsers reach it.")
    ] = None,
    key: Annotated[str | None, typer.Option(metavar="KEY", help="A site key.")] = None,
    data: DataOption = None,
    src: Annotated[
        str | None, typer.Option(metavar="URL", help="Address of the script, where the shop serves it itself.")
    ] = None,
    consent: Annotated[
        Literal["granted", "ask"], typer.Option(help="ask: nothing is sent or stored before the visitor's yes.")
    ] = "granted",
    nonce: Annotated[str | None, typer.Option(metavar="TEXT", help="Nonce of the Content-Security-Policy.")] = None,
    no_inline: Annotated[bool, typer.Option("--no-inline", help="Without the inline queue.")] = False,
    no_integrity: Annotated[
        bool, typer.Option("--no-integrity", help="Without the hash, where the collector is upgraded on its own.")
    ] = False,
    integrity: Annotated[bool, typer.Option("--integrity", help="Print the hash (SRI) only.")] = False,
    script: Annotated[bool, typer.Option("--script", help="Print the script, to serve it first-party.")] = False,
    as_json: Json = False,
) -> None:
    """Print the tags for the <head> of every page, for the collector running beside or the one given."""
    if integrity:
        typer.echo(browser.integrity())
        return
    if script:
        typer.echo(browser.script(), nl=False)
        return
    found = running(data_directory(data)) or {}
    url = url or found.get("url")
    key = key or found.get("keys", {}).get("site")
    if not url or not key:
        raise ConfigError("no collector is running here: give --url and --key, a site key")
    tags = browser.snippet(
        url, key, src=src, nonce=nonce, stub=not no_inline, consent=consent, with_integrity=not no_integrity
    )
    if as_json:
        print_json({"html": tags, "integrity": browser.integrity(), "url": url, "key": key})
    else:
        typer.echo(tags)
