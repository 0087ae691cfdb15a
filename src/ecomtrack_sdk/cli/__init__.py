"""The command ``ecomtrack``: thin commands over the library. Needs the extra ``cli`` (part of ``collector``)."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> None:
    """Run a command line and leave with its exit code.

    Args:
        arguments: Without the program's name; those of the process when absent.
    """
    try:
        import rich  # noqa: F401
        import typer  # noqa: F401
    except ImportError as error:
        sys.exit(f"ecomtrack: {error.name} is not installed. Run: pip install 'ecomtrack-sdk[cli]'")
    from ecomtrack_sdk.cli._app import run

    sys.exit(run(sys.argv[1:] if arguments is None else arguments))
