"""Settings of a tracker, in one frozen object. The environment name stands beside each field that has one."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args
from urllib.parse import urlsplit

from ecomtrack_sdk._currencies import CURRENCIES
from ecomtrack_sdk._delivery.hooks import OnDelivered, OnDropped, OnRejected
from ecomtrack_sdk._delivery.outbox import OnFull
from ecomtrack_sdk._delivery.retry import RetryPolicy
from ecomtrack_sdk._delivery.transport import events_url
from ecomtrack_sdk._wire import LIMITS, encodings
from ecomtrack_sdk.errors import ConfigError

if TYPE_CHECKING:
    import httpx

__all__ = ["Config", "default_outbox"]

Durability = Literal["process", "disk", "memory"]

_TRUE = {"1", "true", "yes", "on"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """How a :class:`~ecomtrack_sdk.Tracker` delivers. Sizes are bytes of JSON, durations seconds."""

    url: str = ""
    """Address of the collector, such as ``https://collect.example.com``. Environment: ``ECOMTRACK_URL``."""
    key: str = field(default="", repr=False)
    """Server key of the collector. Environment: ``ECOMTRACK_KEY``."""
    outbox: Path | Literal["memory"] | None = None
    """Directory events wait in, shared by all processes of the project; ``"memory"`` keeps off the disk altogether;
    ``None`` is ``default_outbox``. Environment: ``ECOMTRACK_OUTBOX``."""
    project: str = "default"
    """Keeps apart the default outboxes of shops on one machine."""
    durability: Durability = "process"
    """When an event is safe. ``process``: when ``track()`` returns it survives ``kill -9`` of the process. ``disk``: it
    survives power loss as well; ``track()`` waits for a shared ``fdatasync`` (milliseconds). ``memory``: it is lost
    when the process is killed; what is left at a normal exit is written to ``outbox``."""
    max_bytes: int | None = None
    """Bound of events waiting; by default 1 GiB on disk and 128 MiB in memory."""
    max_events: int | None = None
    """Bound of events waiting in this process; by default none but ``max_bytes``."""
    on_full: OnFull = "drop_newest"
    """At the bound: ``block`` the caller for ``block_timeout`` and then drop the new event, ``drop_newest``,
    ``drop_oldest``, or ``raise`` ``OutboxFull``. Every drop is counted, logged and told to ``on_dropped``."""
    block_timeout: float = 1.0
    """Longest wait of ``track()`` under ``on_full="block"``."""
    batch_events: int = 500
    """Most events in a request."""
    batch_bytes: int = 1_000_000
    """Most bytes in a request before compression; one larger event travels alone."""
    flush_interval: float = 0.5
    """Longest time an event waits for company before it is sent."""
    timeout: float = 10.0
    """For connecting, for each piece sent, and for a whole answer."""
    exit_timeout: float = 2.0
    """Longest delay of the end of the process; what is not delivered by then stays in the outbox."""
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    """Waits between tries. Its bounds do not apply: an outbox does not give up."""
    encoding: str = "gzip"
    """Compression of requests: ``gzip``, ``zstd`` (extra ``zstd``) or ``identity``."""
    currency: str | None = None
    """Currency of events with amounts and no currency of their own, ISO 4217."""
    disabled: bool = False
    """Everything validates and nothing is kept or sent. Environment: ``ECOMTRACK_DISABLED=1``."""
    on_delivered: OnDelivered | None = None
    """Called with the number of events delivered. All hooks run on a thread of their own, and may raise or block."""
    on_rejected: OnRejected | None = None
    """Called with each dead letter: the event and why the collector will never take it."""
    on_dropped: OnDropped | None = None
    """Called with the reason and the number of events dropped."""
    http_client: httpx.Client | Callable[[], httpx.Client] | None = None
    """A client of your own, or, for processes that fork, a function that makes one."""

    def __post_init__(self) -> None:
        if not self.disabled:
            if not self.url:
                raise ConfigError("url: is needed, the address of a collector; or set ECOMTRACK_URL")
            if not self.key:
                raise ConfigError("key: is needed, a server key of the collector; or set ECOMTRACK_KEY")
        if self.url:
            events_url(self.url)
        self._check_outbox()
        self._check_numbers()

    def _check_outbox(self) -> None:
        if self.outbox is not None and self.outbox != "memory":
            object.__setattr__(self, "outbox", Path(self.outbox).expanduser())
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", self.project):
            raise ConfigError("project: must be 1 to 64 letters, digits, dots, dashes or underscores")
        if self.durability not in get_args(Durability):
            raise ConfigError(f"durability: must be one of {', '.join(get_args(Durability))}")
        if self.outbox == "memory" and self.durability == "disk":
            raise ConfigError("durability: 'disk' needs a directory, and outbox is 'memory'")
        if self.on_full not in get_args(OnFull):
            raise ConfigError(f"on_full: must be one of {', '.join(get_args(OnFull))}")

    def _check_numbers(self) -> None:
        if not 1 <= self.batch_events <= LIMITS.events:
            raise ConfigError(f"batch_events: must be 1 to {LIMITS.events:,}, the limit of the wire")
        if not 1 <= self.batch_bytes <= LIMITS.decompressed_bytes:
            raise ConfigError(f"batch_bytes: must be 1 to {LIMITS.decompressed_bytes:,}, the limit of the wire")
        for name in ("max_bytes", "max_events"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"{name}: must be 1 or more")
        for name in ("block_timeout", "flush_interval", "exit_timeout"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name}: must be 0 seconds or more")
        if not self.timeout > 0:
            raise ConfigError("timeout: must be above 0 seconds")
        if self.encoding not in encodings():
            raise ConfigError(f"encoding: must be one of {', '.join(encodings())}; zstd needs the extra of that name")
        if self.currency is not None and self.currency not in CURRENCIES:
            raise ConfigError("currency: must be an ISO 4217 code such as 'EUR'")

    @classmethod
    def from_env(cls, **settings: Any) -> Config:
        """Settings from the environment; what is given here and is not ``None`` goes before it.

        Raises:
            ConfigError: A setting is missing or wrong.
        """
        given = {name: value for name, value in settings.items() if value is not None}
        environment = {
            "url": os.environ.get("ECOMTRACK_URL"),
            "key": os.environ.get("ECOMTRACK_KEY"),
            "outbox": os.environ.get("ECOMTRACK_OUTBOX"),
            "disabled": os.environ.get("ECOMTRACK_DISABLED", "").strip().lower() in _TRUE or None,
        }
        for name, value in environment.items():
            if value:
                given.setdefault(name, value)
        try:
            return cls(**given)
        except TypeError as error:
            raise ConfigError(f"there is no such setting: {error}") from None

    @property
    def directory(self) -> Path | None:
        """The directory of the outbox, or ``None`` when it is memory alone."""
        if self.outbox == "memory":
            return None
        return self.outbox if self.outbox is not None else default_outbox(self.url, self.project)


def default_outbox(url: str, project: str = "default") -> Path:
    """Where events wait unless told otherwise: in the platform's place for the state of a user's programs.

    A collector has a directory of its own: what one process leaves is sent by the next, and must not go elsewhere.

    Args:
        url: Address of the collector.
        project: As in the configuration.
    """
    parts = urlsplit(url)
    place = re.sub(r"[^A-Za-z0-9.-]+", "_", parts.netloc.rpartition("@")[2] + parts.path.rstrip("/")) or "none"
    return _state_home() / "outbox" / project / place.lower()


def _state_home() -> Path:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Application Support")
    else:
        base = os.environ.get("XDG_STATE_HOME") or str(Path("~/.local/state").expanduser())
    return Path(base) / "ecomtrack"
