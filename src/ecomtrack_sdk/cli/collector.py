"""``ecomtrack collector``: the reference collector on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecomtrack_sdk.cli._output import Json, console, print_json
from ecomtrack_sdk.cli._places import DataOption, data_directory
from ecomtrack_sdk.errors import ConfigError

if TYPE_CHECKING:
    from ecomtrack_sdk.cli._collector_file import CollectorFile

app = typer.Typer(add_completion=False)


def _configured(context: typer.Context, value: Path | None) -> Path | None:
    """Make the settings of the file the defaults: options and the environment come before them."""
    if value is not None:
        from ecomtrack_sdk.cli._collector_file import read_file

        settings = read_file(value)
        context.default_map = {**(context.default_map or {}), **settings.defaults(value.absolute().parent)}
        context.obj = settings
    return value


@app.command()
def collector(
    context: typer.Context,
    *,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            envvar="ECOMTRACK_CONFIG",
            dir_okay=False,
            is_eager=True,
            callback=_configured,
            help="Settings in TOML; options and the environment come before them.",
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            envvar="ECOMTRACK_COLLECTOR_HOST", help="Address to listen on; any but this machine's own needs keys."
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, envvar="ECOMTRACK_COLLECTOR_PORT", help="Port; 0 picks a free one.")
    ] = 8400,
    data: DataOption = None,
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key",
            metavar="KIND=KEY",
            envvar="ECOMTRACK_COLLECTOR_KEYS",
            help="A key to honour: site=…, server=… or read=…. Repeatable; in the environment with spaces between.",
        ),
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            envvar="ECOMTRACK_COLLECTOR_ORIGINS",
            help="Page that may use the given site key, such as https://shop.example. Repeatable.",
        ),
    ] = None,
    test_mode: Annotated[
        bool | None,
        typer.Option(
            envvar="ECOMTRACK_COLLECTOR_TEST_MODE",
            help="Allow emptying the store over HTTP. Default: only on this machine's own address.",
        ),
    ] = None,
    site_rate: Annotated[
        str | None,
        typer.Option(
            metavar="RATE",
            envvar="ECOMTRACK_COLLECTOR_SITE_RATE",
            help="Requests of one address with a site key; 'off' for no limit.",
        ),
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
        bool,
        typer.Option(
            "--access-log",
            envvar="ECOMTRACK_COLLECTOR_ACCESS_LOG",
            help="One line of JSON for each request on stderr, without personal data.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Start a collector: it takes events, keeps them, and answers reports. Ctrl-C or SIGTERM ends it.

    Keys are made on the first start and kept in the data directory.
    """
    del config  # its settings are the defaults of the others by now
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
            webhooks=_webhooks(context.obj),
            on_ready=_print_ready_json if as_json else _print_ready,
        )
    except OSError as error:
        if error.filename is not None:
            raise
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error.strerror}. Try another --port, or --port 0"
        ) from None


def _webhooks(settings: CollectorFile | None) -> dict[str, str] | None:
    """Secrets of shop systems: those of the environment come before those of the file."""
    from ecomtrack_sdk.collector._server import webhook_secrets

    if settings is None or settings.webhooks is None:
        return None
    return {**{str(name): secret for name, secret in settings.webhooks.items()}, **webhook_secrets()}


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
    out.file.flush()  # into a log or a pipe it would otherwise be written when the collector ends
