"""The file of ``ecomtrack collector --config``: the options of the command in TOML, each under its name."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ecomtrack_sdk.errors import ConfigError

__all__ = ["CollectorFile", "read_file"]


class CollectorFile(BaseModel):
    """What may stand in the file. What is absent is as without a file."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)

    host: str | None = None
    """Address to listen on."""
    port: int | None = Field(None, ge=0, le=65_535)
    """Port; 0 picks a free one."""
    data: str | None = Field(None, min_length=1)
    """Data directory; a relative one is beside the file."""
    test_mode: bool | None = None
    """Allow emptying the store over HTTP."""
    site_rate: str | None = None
    """Requests of one address with a site key, such as ``1200/minute``; ``off`` for no limit."""
    access_log: bool | None = None
    """One line of JSON for each request on stderr."""
    origins: list[str] | None = None
    """Pages that may use the site key given in ``keys``."""
    keys: dict[Literal["site", "server", "read"], str] | None = None
    """Keys to honour, by kind."""
    privacy: dict[Literal["ip", "user_agent", "email"], str] | None = None
    """What is taken out before events are kept."""
    webhooks: dict[Literal["shopify", "woocommerce"], str] | None = None
    """Shop system → secret of its webhooks."""

    def defaults(self, folder: Path) -> dict[str, Any]:
        """The settings as defaults of the command's options; relative places are below *folder*."""
        found: dict[str, Any] = self.model_dump(exclude_none=True, exclude={"keys", "origins", "privacy", "webhooks"})
        if self.data is not None:
            found["data"] = str(folder / self.data)
        if self.keys is not None:
            found["key"] = [f"{kind}={token}" for kind, token in self.keys.items()]
        if self.origins is not None:
            found["origin"] = self.origins
        if self.privacy is not None:
            found["privacy"] = ",".join(f"{name}={choice}" for name, choice in self.privacy.items())
        return found


def read_file(path: Path) -> CollectorFile:
    """The settings of a file.

    Raises:
        ConfigError: It cannot be read, is no TOML, or holds a setting there is not or of the wrong kind; keys in a file
            others may read.
    """
    try:
        with path.open("rb") as file:
            content = tomllib.load(file)
            readable_by_others = os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o077
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no TOML: {error}") from None
    try:
        settings = CollectorFile.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_told(error, content)}") from None
    if readable_by_others and (settings.keys or settings.webhooks):
        raise ConfigError(f"{path} holds secrets and others may read it: chmod 600 {path}")
    return settings


def _told(error: ValidationError, content: Mapping[str, Any]) -> str:
    """The first thing wrong, in words."""
    first = error.errors(include_url=False, include_input=False)[0]
    name = ".".join(str(step) for step in first["loc"] if step != "[key]")
    known = list(CollectorFile.model_fields)
    if first["type"] == "extra_forbidden":
        near = get_close_matches(name, known, 1)
        asked = f" Did you mean {near[0]}?" if near else ""
        return f"there is no setting {name!r}.{asked} There are {', '.join(known)}"
    kind = type(content.get(name)).__name__ if name in content else ""
    return f"{name}: {first['msg'][0].lower()}{first['msg'][1:]}" + (f", not {kind}" if kind else "")
