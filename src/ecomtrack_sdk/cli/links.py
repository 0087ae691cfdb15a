"""``ecomtrack links``: which browsers, ids and addresses are held to be one person."""

from __future__ import annotations

from typing import Annotated

import typer

from ecomtrack_sdk.cli._output import Json, console, print_json
from ecomtrack_sdk.cli._places import DataOption, KeyOption, UrlOption, need_remote

app = typer.Typer(add_completion=False)


@app.command()
def links(
    name: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Only links of this customer id, e-mail address or browser.")
    ] = None,
    *,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
    as_json: Json = False,
) -> None:
    """List the links between browsers, customer ids and e-mail addresses; ``ecomtrack unlink`` takes one back.

    A link only a browser claims, under a public site key, is listed as such: it merges no customers.
    """
    found = need_remote(url, key, data, "read").get("/v1/links", {"name": name} if name else None)
    if as_json:
        print_json(found)
        return
    out = console()
    if not found["links"]:
        out.print("No links: nobody has been named yet." if name is None else "No links with that name.")
        return
    from rich.table import Table
    from rich.text import Text

    table = Table("what", "name", "is held to be", "since", "said by")
    for link in found["links"]:
        said = "the shop" if link["verified"] else "the browser only"
        what = "browser" if link["kind"] == "visitor" else "customer"
        table.add_row(what, Text(link["name"]), Text(link["person"]), link["since"][:19], said)
    out.print(table)
