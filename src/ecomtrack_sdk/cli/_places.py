"""Which collector a command talks to: the one named, the one of the environment, or the one running beside it."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ecomtrack_sdk.errors import CollectorError, ConfigError, TransportError

if TYPE_CHECKING:
    from ecomtrack_sdk._s2s import S2SClient

__all__ = [
    "DataOption",
    "KeyOption",
    "Remote",
    "UrlOption",
    "client_of",
    "data_directory",
    "find_remote",
    "need_remote",
    "running",
]

PATIENCE = 20.0
"""Seconds of waiting for a collector that does not answer: it may be restarting, and somebody looks at the terminal."""
RUNNING_FILE = "collector.json"
"""Written by the collector into its data directory while it runs."""

UrlOption = Annotated[
    str | None, typer.Option("--url", metavar="URL", envvar="ECOMTRACK_URL", help="Address of the collector.")
]
KeyOption = Annotated[str | None, typer.Option("--key", metavar="KEY", envvar="ECOMTRACK_KEY", help="Key for it.")]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        envvar="ECOMTRACK_DATA",
        help="Data directory of a collector on this machine. Default: one per user.",
        file_okay=False,
    ),
]


def data_directory(given: Path | None) -> Path:
    """The data directory given, or the user's own."""
    if given is not None:
        return given
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "ecomtrack"


@dataclass(frozen=True, slots=True)
class Remote:
    """A collector's address and a key for it."""

    url: str
    key: str

    def get(self, path: str, params: Any = None, *, method: str = "GET", timeout: float = 600.0) -> Any:
        """The JSON answer to one request.

        Args:
            path: From the root of the collector.
            params: Query parameters: a mapping, or pairs.
            method: HTTP method.
            timeout: Seconds to wait for an answer; a first report loads all events.

        Raises:
            TransportError: No answer.
            CollectorError: The collector refuses, in its words.
        """
        from ecomtrack_sdk._delivery.transport import http_client, http_errors

        with http_client(timeout=timeout) as client:
            try:
                answer = client.request(
                    method, self.url.rstrip("/") + path, params=params, headers={"Authorization": f"Bearer {self.key}"}
                )
            except http_errors() as error:
                raise TransportError(
                    f"no collector answers at {self.url} ({error or type(error).__name__}). Is it running? "
                    "Start one with: ecomtrack collector"
                ) from None
        if answer.status_code >= 400:
            raise _refusal(self, answer)
        return answer.json()


def _refusal(remote: Remote, answer: Any) -> CollectorError:
    try:
        problem = answer.json()
        detail, code = str(problem.get("detail") or problem.get("title")), str(problem.get("code") or "")
    except (ValueError, AttributeError):
        detail, code = f"HTTP {answer.status_code} without an explanation; is this a collector?", ""
    if answer.status_code in (401, 403):
        detail += " (reports and inspection need a read or a server key: --key)"
    return CollectorError(answer.status_code, code, f"{remote.url} says: {detail}")


def running(data: Path) -> dict[str, Any] | None:
    """What the collector running on *data* left for commands beside it; ``None`` when none runs."""
    try:
        found = json.loads((data / RUNNING_FILE).read_bytes())
        pid = int(found["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if _alive(pid) else None


def _alive(pid: int) -> bool:
    if sys.platform == "win32":  # signal 0 would end the process there
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def find_remote(url: str | None, key: str | None, data: Path | None, kind: Literal["server", "read"]) -> Remote | None:
    """The collector to ask, or ``None`` when none is named and none runs beside us.

    An explicit ``--data`` comes before an address from the environment.

    Raises:
        ConfigError: An address without a key.
    """
    found = running(data_directory(data))
    token = (found or {}).get("keys", {}).get(kind)
    if found is not None and token and (data is not None or not url):
        return Remote(str(found["url"]), str(token))
    if data is not None or not url:
        return None
    if not key:
        if found is not None and token and str(found["url"]).rstrip("/") == url.rstrip("/"):
            return Remote(url, str(token))
        raise ConfigError(f"{url} needs a {kind} key: give --key, or set ECOMTRACK_KEY")
    return Remote(url, key)


def need_remote(url: str | None, key: str | None, data: Path | None, kind: Literal["server", "read"]) -> Remote:
    """As :func:`find_remote`, where there must be one.

    Raises:
        ConfigError: There is none; it says how to get one.
    """
    remote = find_remote(url, key, data, kind)
    if remote is None:
        raise ConfigError(
            f"no collector is running on {data_directory(data)}. Start one with: ecomtrack collector"
            + (f" --data {data}" if data is not None else "")
            + ", or name one with --url and --key (or ECOMTRACK_URL and ECOMTRACK_KEY)"
        )
    return remote


def client_of(remote: Remote) -> S2SClient:
    """A client of *remote* that gives up while somebody still waits for it."""
    from ecomtrack_sdk._delivery.retry import RetryPolicy
    from ecomtrack_sdk._s2s import S2SClient

    return S2SClient(remote.url, key=remote.key, retry=RetryPolicy(ceiling=8.0, give_up_after=PATIENCE))
