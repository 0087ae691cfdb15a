"""How an orders file is read, kept as a file of its own: worked out once, used for each export after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ecomtrack_sdk.errors import ConfigError

__all__ = ["SavedMapping"]


class SavedMapping(BaseModel):
    """The options of ``ecomtrack import orders`` that belong to a system, not to one export of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    columns: dict[str, str] = {}
    constants: dict[str, str] = {}
    statuses: dict[str, str] = {}
    time_zone: str = "UTC"
    date_format: str | None = None
    decimal_comma: bool = False
    source: str = "orders-file"
    encoding: str = "utf-8-sig"

    @classmethod
    def load(cls, path: Path) -> SavedMapping:
        """The mapping of a file.

        Raises:
            ConfigError: It cannot be read, or is no mapping.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise ConfigError(f"--mapping {path}: {error.strerror}") from None
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise ConfigError(f"--mapping {path}: {where}: {first['msg']}") from None

    def with_options(self, options: SavedMapping) -> SavedMapping:
        """This mapping where *options* say nothing else; an option left at its default says nothing."""
        changed: dict[str, Any] = {}
        for name in type(self).model_fields:
            kept, said = getattr(self, name), getattr(options, name)
            if isinstance(kept, dict):
                changed[name] = {**kept, **said}
            elif said != type(self).model_fields[name].default:
                changed[name] = said
        return self.model_copy(update=changed)

    def save(self, path: Path) -> None:
        """Write the mapping, without what is at its default."""
        path.write_text(self.model_dump_json(indent=2, exclude_defaults=True) + "\n", encoding="utf-8")
