"""The root command. A command's module is imported when the command is named, so that each starts fast."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from ecomtrack_sdk.cli._output import FAILED, USAGE, complain
from ecomtrack_sdk.errors import BadParameter, CollectorError, ConfigError, EcomtrackError, UnknownReport

__all__ = ["COMMANDS", "root", "run"]

COMMANDS = {
    "demo": "demo",
    "collector": "collector",
    "send": "send",
    "import": "imports",
    "report": "report",
    "inspect": "inspect",
    "outbox": "outbox",
    "schema": "schema",
    "keys": "keys",
    "customers": "customers",
    "links": "links",
    "unlink": "unlink",
    "store": "store",
    "snippet": "snippet",
}
"""Command → module of this package, in the order of the help."""

EPILOG = "Exit codes: 0 done · 1 failed · 2 wrong usage · 3 done, but some records were rejected."


class LazyGroup(TyperGroup):
    """A group that knows its commands by name and imports one when it is used."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """The command, or ``None`` when there is none of that name."""
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        command = typer.main.get_command(import_module(f"ecomtrack_sdk.cli.{module}").app)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=LazyGroup,
    name="ecomtrack",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _version(wanted: bool) -> None:
    if wanted:
        from ecomtrack_sdk import __version__

        typer.echo(f"ecomtrack {__version__}")
        raise typer.Exit


@app.callback()
def ecomtrack(
    *, version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version.")
) -> None:
    """E-commerce events: collect them, send them, import orders, ask for reports."""


def root() -> Any:
    """The whole command tree, for the documentation."""
    return typer.main.get_command(app)


def run(arguments: list[str]) -> int:
    """Run one command line.

    Returns:
        The exit code: 0 done, 1 failed, 2 wrong usage, 3 done with rejections.
    """
    try:
        root()(args=arguments, prog_name="ecomtrack")
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else FAILED if leave.code else 0
    except (BadParameter, ConfigError, UnknownReport) as error:
        complain(error)
        return USAGE
    except CollectorError as error:
        complain(error)
        return USAGE if error.status in (400, 404) else FAILED
    except EcomtrackError as error:
        complain(error)
        return FAILED
    except BrokenPipeError:
        # The reader (head, less) has gone; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}" if error.filename else error)
        return FAILED
    return 0
