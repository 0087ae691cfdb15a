"""``ecomtrack schema``: what events look like, for programs."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ecomtrack_sdk.cli._output import print_json
from ecomtrack_sdk.errors import ConfigError

app = typer.Typer(add_completion=False)


@app.command()
def schema(
    event: Annotated[str | None, typer.Argument(metavar="[TYPE]", help="One event type, such as order.")] = None,
    *,
    names: Annotated[bool, typer.Option("--list", help="Only the names of the event types.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="On one line, for programs.")] = False,
) -> None:
    """Print the JSON Schema of all events, or of one type."""
    from pydantic import TypeAdapter

    from ecomtrack_sdk.events import EVENT_CLASSES, AnyEvent

    if names:
        if as_json:
            print_json(list(EVENT_CLASSES), indent=None)
        else:
            typer.echo("\n".join(EVENT_CLASSES))
        return
    if event is not None and event not in EVENT_CLASSES:
        raise ConfigError(f"{event!r} is not an event type; there are {', '.join(EVENT_CLASSES)}")
    kind: Any = AnyEvent if event is None else EVENT_CLASSES[event]
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    found = adapter.json_schema(mode="validation")
    print_json(
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": event or "event", **found},
        indent=None if as_json else 2,
    )
