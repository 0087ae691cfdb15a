"""``ecomtrack collector``: the reference collector on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ecomtrack_sdk.cli._output import Json, console, print_json
from ecomtrack_sdk.cli._places import DataOption, data_directory
from ecomtrack_sdk.errors import ConfigError

app = typer.Typer(add_completion=False)


@app.command()
def collector(
    *,
    host: Annotated[
        str, typer.Option(help="Address to listen on; any but this machine's own needs keys.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 picks a free one.")] = 8400,
    data: DataOption = None,
    key: Annotated[
        list[str] | None,
        typer.Option("--key", metavar="KIND=KEY", help="A key to honour: site=…, server=… or read=…. Repeatable."),
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="Page that may use the given site key, such as https://shop.example."),
    ] = None,
    test_mode: Annotated[
        bool | None,
        typer.Option(help="Allow emptying the store over HTTP. Default: only on this machine's own address."),
    ] = None,
    site_rate: Annotated[
        str | None,
        typer.Option(metavar="RATE", help="Requests of one address with a site key; 'off' for no limit."),
    ] = None,
    privacy: Annotated[
        str | None,
        typer.Option(
            metavar="WHAT",
            envvar="ECOMTRACK_PRIVACY",
            help="Take out before events are kept: ip=truncate|drop,user_agent=reduce|drop,email=hash.",
        ),
    ] = None,
    access_log: Annotated[
        bool, typer.Option("--access-log", help="One line of JSON for each request on stderr, without personal data.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Start a collector: it takes events, keeps them, and answers reports. Ctrl-C or SIGTERM ends it.

    Keys are made on the first start and kept in the data directory.
    """
    from ecomtrack_sdk.collector import serve
    from ecomtrack_sdk.collector._access_log import log_to
    from ecomtrack_sdk.collector._keys import KINDS, Kind
    from ecomtrack_sdk.collector._rates import SITE_RATE

    keys: dict[Kind, str] = {}
    for text in key or ():
        word, _, token = text.partition("=")
        kind: Kind | None = next((one for one in KINDS if one == word), None)
        if kind is None or not token:
            raise ConfigError(f"--key {word}: write --key KIND=KEY with a kind of {', '.join(KINDS)}")
        keys[kind] = token
    place = data_directory(data)
    if access_log:
        log_to()
    try:
        serve(
            host,
            port,
            place,
            keys=keys or None,
            origins=tuple(origin or ()),
            test_mode=test_mode,
            site_rate=None if site_rate == "off" else site_rate or SITE_RATE,
            privacy=privacy,
            on_ready=_print_ready_json if as_json else _print_ready,
        )
    except OSError as error:
        if error.filename is not None:
            raise
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error.strerror}. Try another --port, or --port 0"
        ) from None


def _print_ready_json(ready: dict[str, Any]) -> None:
    # The first line is a contract, and may end in a log: the link, which opens the console, is not in it.
    print_json({name: ready[name] for name in ("url", "data", "keys")}, indent=None)


def _print_ready(ready: dict[str, Any]) -> None:
    keys: dict[str, str] = ready["keys"]
    out = console()
    out.print(f"Collector on [bold]{ready['url']}[/], data in {Path(ready['data']).absolute()}")
    meaning = {
        "site": "in the shop's pages, browsing events only",
        "server": "in the shop's backend, keep it secret",
        "read": "for reports and the console",
    }
    for kind, token in keys.items():
        out.print(f"  {kind:<7} [cyan]{token}[/]  [dim]{meaning.get(kind, '')}[/]")
    if "server" in keys:
        out.print("\nFor the SDK:")
        out.print(f"  export ECOMTRACK_URL={ready['url']} ECOMTRACK_KEY={keys['server']}")
    out.print(f"\nConsole, once and within the hour: {ready['console']}", soft_wrap=True)
    out.print("\nCtrl-C ends it.")
