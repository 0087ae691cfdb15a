"""The file that remembers how far a stream of events came."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ecomtrack_sdk.errors import ConfigError

__all__ = ["read_checkpoint", "write_checkpoint"]


def read_checkpoint(path: Path) -> tuple[int, str]:
    """Items done, and the fingerprint of the last of them; ``(0, "")`` when there is no file.

    Raises:
        ConfigError: The file is no checkpoint.
    """
    try:
        saved = json.loads(path.read_bytes())
        done, seal = saved["done"], saved["last"]
    except FileNotFoundError:
        return 0, ""
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"the checkpoint {path} cannot be read ({error}): delete it to begin anew") from None
    if not isinstance(done, int) or done < 0 or not isinstance(seal, str):
        raise ConfigError(f"the checkpoint {path} cannot be read: delete it to begin anew")
    return done, seal


def write_checkpoint(path: Path, done: int, seal: str) -> None:
    """All or nothing, also when the power fails: a torn checkpoint would send a million events again."""
    new = path.with_name(path.name + ".new")
    with new.open("w", encoding="ascii") as file:
        json.dump({"done": done, "last": seal}, file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
