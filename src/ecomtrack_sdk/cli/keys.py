"""``ecomtrack keys``: who may send and read at the collector of this machine."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecomtrack_sdk.cli._output import Json, console, print_json
from ecomtrack_sdk.cli._places import DataOption, data_directory

if TYPE_CHECKING:
    from ecomtrack_sdk.collector._keys import Key

app = typer.Typer(add_completion=False, no_args_is_help=True)

KeyId = Annotated[str, typer.Argument(metavar="ID", help="Id of the key, as ``ecomtrack keys list`` shows it.")]


@app.callback()
def keys() -> None:
    """Make, list, rotate and revoke keys. A running collector follows within seconds."""


@app.command("list")
def list_(*, data: DataOption = None, as_json: Json = False) -> None:
    """List the keys, without the keys themselves: only their digests are kept."""
    from ecomtrack_sdk.collector._keyadmin import list_keys

    found = list_keys(data_directory(data))
    if as_json:
        print_json({"keys": [_told(key) for key in found]})
        return
    out = console()
    if not found:
        out.print("No keys yet: they are made at the first start of the collector, or with: ecomtrack keys create")
        return
    from rich.table import Table

    table = Table("id", "kind", "label", "origins", "made", "ends")
    for key in found:
        told = _told(key)
        table.add_row(key.id, key.kind, key.label, " ".join(key.origins) or "any", key.created_at, told["ends"] or "")
    out.print(table)


@app.command()
def create(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="site, server or read.")],
    *,
    label: Annotated[str, typer.Option(metavar="TEXT", help="A note on what it is for.")] = "",
    origin: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="Page that may use a site key: https://shop.example. Repeatable."),
    ] = None,
    data: DataOption = None,
    as_json: Json = False,
) -> None:
    """Make a key and show it, this once."""
    from ecomtrack_sdk.collector._keyadmin import create_key
    from ecomtrack_sdk.collector._keys import kind_of

    _show(*create_key(data_directory(data), kind_of(kind), label=label, origins=origin or ()), as_json=as_json)


@app.command()
def rotate(
    key_id: KeyId,
    *,
    overlap: Annotated[float, typer.Option(min=0, metavar="HOURS", help="How long the old key goes on working.")] = 24,
    data: DataOption = None,
    as_json: Json = False,
) -> None:
    """Make a key that takes the place of another one, and show it, this once."""
    from ecomtrack_sdk.collector._keyadmin import rotate_key

    _show(*rotate_key(data_directory(data), key_id, overlap=overlap * 3600), as_json=as_json)


@app.command()
def revoke(key_id: KeyId, *, data: DataOption = None, as_json: Json = False) -> None:
    """End a key at once."""
    from ecomtrack_sdk.collector._keyadmin import revoke_key

    key = revoke_key(data_directory(data), key_id)
    print_json({"revoked": key.id}) if as_json else console().print(f"Revoked {key.id}.")


def _show(key: Key, token: str, *, as_json: bool) -> None:
    if as_json:
        print_json({**_told(key), "key": token})
        return
    out = console()
    out.print(f"[bold]{key.id}[/] ({key.kind}): {token}")
    out.print("Keep it now: only its digest is stored, it cannot be shown again.")


def _told(key: Key) -> dict[str, Any]:
    ends = None if key.expires_at is None else datetime.fromtimestamp(key.expires_at, UTC).isoformat(timespec="seconds")
    made = key.created_at or None
    return {
        "id": key.id,
        "kind": key.kind,
        "label": key.label,
        "origins": list(key.origins),
        "created_at": made,
        "ends": ends,
    }
