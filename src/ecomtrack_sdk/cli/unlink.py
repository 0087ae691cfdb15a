"""``ecomtrack unlink``: a browser and a customer that are not one person after all."""

from __future__ import annotations

from typing import Annotated

import typer

from ecomtrack_sdk.cli._output import Json, console, print_json
from ecomtrack_sdk.cli._places import DataOption, KeyOption, UrlOption, client_of, need_remote

app = typer.Typer(add_completion=False)


@app.command()
def unlink(
    *,
    visitor: Annotated[str | None, typer.Option(metavar="ID", help="The browser.")] = None,
    customer: Annotated[str | None, typer.Option(metavar="ID", help="The customer's id.")] = None,
    email: Annotated[str | None, typer.Option(metavar="ADDRESS", help="The customer's e-mail address.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Restore a link taken back before.")] = False,
    url: UrlOption = None,
    key: KeyOption = None,
    data: DataOption = None,
    as_json: Json = False,
) -> None:
    """Take back the link between two of: a browser, a customer's id, an e-mail address.

    It is an event like any other: it stays in the log, holds for all time, and can be undone.
    """
    from ecomtrack_sdk.reports.links import relink_event, unlink_event

    event = (relink_event if undo else unlink_event)(visitor_id=visitor, customer_id=customer, email=email)
    remote = need_remote(url, key, data, "server")
    with client_of(remote) as client:
        client.send_one(event)
    if as_json:
        print_json({"event_id": event.event_id, "linked": undo})
    else:
        console().print("Linked again." if undo else "Unlinked. Figures follow with the next report.")
