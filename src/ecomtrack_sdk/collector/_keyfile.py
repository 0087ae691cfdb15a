"""Where keys rest: ``keys.json`` in the data directory (digests and rights), mode 0600.

The three keys of the first start also lie in clear text in ``first-keys.json`` (0600), so that the next start can print
them again; whoever has copied them may delete that file, and the collector goes on honouring the digests.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ecomtrack_sdk._types import utc_now
from ecomtrack_sdk.collector._keys import KINDS, Key, KeyRing, Kind, kind_of, make_key, new_token
from ecomtrack_sdk.errors import ConfigError, StoreError

__all__ = [
    "FIRST_KEYS_FILE",
    "KEYS_FILE",
    "first_keys",
    "known_tokens",
    "private_secret",
    "read_keys",
    "write_keys",
    "write_private",
]

KEYS_FILE = "keys.json"
FIRST_KEYS_FILE = "first-keys.json"
SECRET_FILE = "secret.json"  # noqa: S105  a name, not a secret


def first_keys(data: Path) -> tuple[KeyRing, dict[str, str]]:
    """The keys of a data directory, made if there are none yet.

    Returns:
        All keys, and the tokens of the first three by kind as far as they are still known in clear text.
    """
    if not (data / KEYS_FILE).exists():
        tokens: dict[Kind, str] = {kind: new_token(kind) for kind in KINDS}
        write_private(data / FIRST_KEYS_FILE, tokens)
        now = utc_now().isoformat(timespec="seconds")
        keys = [make_key(f"{kind}-1", kind, token, label="made at the first start") for kind, token in tokens.items()]
        write_keys(data, [replace(key, created_at=now) for key in keys])
    ring = KeyRing(read_keys(data))
    known: dict[str, str] = {}
    for kind, token in known_tokens(data / FIRST_KEYS_FILE).items():
        key = ring.find(token)
        if key is not None and key.kind == kind:
            known[kind] = token
    return ring, known


def read_keys(data: Path) -> list[Key]:
    """The keys kept in a data directory, none when there is no file.

    Raises:
        StoreError: The file is not a list of keys.
    """
    path = data / KEYS_FILE
    try:
        content = json.loads(path.read_bytes())
        return [
            Key(
                one["id"],
                kind_of(one["kind"]),
                one["sha256"],
                one.get("label", ""),
                tuple(one.get("origins", ())),
                one.get("created_at", ""),
                one.get("expires_at"),
            )
            for one in content["keys"]
        ]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} cannot be read as a list of keys: {error}") from None


def write_keys(data: Path, keys: Iterable[Key]) -> None:
    """Replace the keys kept in a data directory, in one step."""
    listed = []
    for key in keys:
        one: dict[str, Any] = {"id": key.id, "kind": key.kind, "sha256": key.digest, "label": key.label}
        one |= {"origins": list(key.origins), "created_at": key.created_at}
        if key.expires_at is not None:
            one["expires_at"] = key.expires_at
        listed.append(one)
    write_private(data / KEYS_FILE, {"keys": listed})


def private_secret(data: Path) -> bytes:
    """The secret of a data directory for keyed digests, made when first needed. Without it digests never match again.

    Raises:
        StoreError: The file cannot be read.
    """
    path = data / SECRET_FILE
    try:
        if not path.exists():
            write_private(path, secrets.token_hex(32))
        return bytes.fromhex(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(f"{path} cannot be read: {error}") from None


def write_private(path: Path, content: Any) -> None:
    """*content* as JSON in a file only its owner can read; readers see the old file or the new one, never half."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def known_tokens(path: Path) -> Mapping[str, str]:
    """Tokens by kind as far as *path* holds them in clear text."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"{path} is not an object of keys: delete it")
    return {kind: token for kind, token in content.items() if kind in KINDS and isinstance(token, str)}
