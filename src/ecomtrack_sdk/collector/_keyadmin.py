"""Making, listing, rotating and revoking keys of a data directory, also while its collector runs.

A running collector looks at the file about once a second, so a revoked key ends within a second or two.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ecomtrack_sdk._types import utc_now
from ecomtrack_sdk.collector._keyfile import (
    FIRST_KEYS_FILE,
    KEYS_FILE,
    known_tokens,
    read_keys,
    write_keys,
    write_private,
)
from ecomtrack_sdk.collector._keys import Key, KeyRing, Kind, kind_of, make_key, new_token
from ecomtrack_sdk.errors import ConfigError, StoreError

__all__ = ["OVERLAP_SECONDS", "FileKeyRing", "create_key", "list_keys", "revoke_key", "rotate_key"]

OVERLAP_SECONDS = 24 * 60 * 60.0
"""How long a rotated key goes on working unless told: a day to bring the new one everywhere."""
LOOK_SECONDS = 1.0
"""How often a running collector looks whether the file has changed."""


def list_keys(data: Path) -> list[Key]:
    """All keys of a data directory, void ones left out, in the order they were made."""
    now = time.time()
    return [key for key in read_keys(data) if key.expires_at is None or now < key.expires_at]


def create_key(data: Path, kind: Kind, *, label: str = "", origins: Iterable[str] = ()) -> tuple[Key, str]:
    """A new key and, this once, its token.

    Raises:
        ConfigError: Unknown kind, or origins for a key that is no site key or that are no origins.
    """
    kind_of(kind)
    origins = tuple(origins)
    if origins and kind != "site":
        raise ConfigError("origins restrict site keys only")
    for origin in origins:
        if not origin.lower().startswith(("https://", "http://")) or origin.rstrip("/").count("/") != 2:
            raise ConfigError(f"an origin is scheme and host, such as https://shop.example, not {origin!r}")
    keys = list_keys(data)
    token = new_token(kind)
    key = make_key(_free_id(kind, keys), kind, token, label=label, origins=origins)
    key = replace(key, created_at=utc_now().isoformat(timespec="seconds"))
    write_keys(data, [*keys, key])
    return key, token


def rotate_key(data: Path, key_id: str, *, overlap: float = OVERLAP_SECONDS) -> tuple[Key, str]:
    """A new key with the rights of an old one, and its token; the old one works for *overlap* more seconds.

    Raises:
        ConfigError: No key of that id.
    """
    old = _named(data, key_id)
    keys = list_keys(data)
    token = new_token(old.kind)
    key = make_key(_free_id(old.kind, keys), old.kind, token, label=old.label, origins=old.origins)
    key = replace(key, created_at=utc_now().isoformat(timespec="seconds"))
    ends = time.time() + overlap
    kept = [replace(one, expires_at=ends) if one.id == key_id else one for one in keys]
    write_keys(data, [*kept, key])
    first = dict(known_tokens(data / FIRST_KEYS_FILE))
    if old.kind in first and KeyRing([old]).find(first[old.kind]) is not None:
        write_private(data / FIRST_KEYS_FILE, {**first, old.kind: token})  # what the next start prints
    return key, token


def revoke_key(data: Path, key_id: str) -> Key:
    """End a key at once; returns what it was.

    Raises:
        ConfigError: No key of that id.
    """
    key = _named(data, key_id)
    write_keys(data, [one for one in list_keys(data) if one.id != key_id])
    return key


def _named(data: Path, key_id: str) -> Key:
    keys = list_keys(data)
    for key in keys:
        if key.id == key_id:
            return key
    known = ", ".join(key.id for key in keys) or "none"
    raise ConfigError(f"there is no key {key_id!r} in {data}; there are: {known}")


def _free_id(kind: Kind, keys: list[Key]) -> str:
    numbers = [int(key.id.rpartition("-")[2]) for key in keys if key.kind == kind and key.id[-1:].isdigit()]
    return f"{kind}-{max(numbers, default=0) + 1}"


class FileKeyRing(KeyRing):
    """The keys of a data directory as they are now, and *more* that are not kept there."""

    def __init__(self, data: Path, more: Iterable[Key] = ()) -> None:
        self._path = data / KEYS_FILE
        self._more = tuple(more)
        self._stamp = self._look()
        self._next_look = time.monotonic() + LOOK_SECONDS
        super().__init__((*read_keys(data), *self._more))

    def find(self, token: str) -> Key | None:
        """The key of that token, or ``None``; a file changed since the last look is read first."""
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + LOOK_SECONDS
            stamp = self._look()
            if stamp != self._stamp:
                self._reload(stamp)
        return super().find(token)

    def _look(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _reload(self, stamp: tuple[int, int, int] | None) -> None:
        try:
            keys = read_keys(self._path.parent)
        except StoreError:
            return  # unreadable: the keys known so far stay, and the next look tries again
        self._by_digest = {key.digest: key for key in (*keys, *self._more)}
        self._stamp = stamp
