"""Who may do what: site keys (public, in the page), server keys (everything), read keys (reports and inspection).

A key is a random token of 192 bits. Only its SHA-256 is kept (a slow hash protects guessable passwords; these cannot be
guessed), and digests are compared in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from ecomtrack_sdk.errors import ConfigError
from ecomtrack_sdk.events import BROWSER_TYPES

__all__ = ["KINDS", "Key", "KeyRing", "Kind", "digest_of", "kind_of", "make_key", "new_token"]

Kind = Literal["site", "server", "read"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Key:
    """A key's rights, without the key.

    Attributes:
        id: Short public name, for lists and logs.
        kind: What it may do.
        digest: SHA-256 of the token, hexadecimal.
        label: The owner's note.
        origins: For site keys: pages that may use it (``https://shop.example``); empty means any page.
        created_at: ISO 8601, UTC; empty for keys that are not kept in a file.
        expires_at: Seconds since the epoch from which the key is void; set when it was replaced by a new one.
    """

    id: str
    kind: Kind
    digest: str
    label: str = ""
    origins: tuple[str, ...] = ()
    created_at: str = ""
    expires_at: float | None = None

    def may_send(self, event_type: str) -> bool:
        """Whether events of this wire type are taken from the key."""
        return self.kind == "server" or (self.kind == "site" and event_type in BROWSER_TYPES)

    @property
    def sends(self) -> bool:
        """Whether the key may send anything at all."""
        return self.kind in ("server", "site")

    @property
    def reads(self) -> bool:
        """Whether the key opens reports, inspection and the console."""
        return self.kind in ("server", "read")

    def allows_origin(self, origin: str | None) -> bool:
        """Whether a page of *origin* (the request's ``Origin`` header) may use the key."""
        return not self.origins or (origin is not None and origin.lower().rstrip("/") in self.origins)


def kind_of(text: str) -> Kind:
    """*text* as a kind of key.

    Raises:
        ConfigError: It is none.
    """
    for kind in KINDS:
        if text == kind:
            return kind
    raise ConfigError(f"a key is one of {', '.join(KINDS)}, not {text!r}")


def new_token(kind: Kind) -> str:
    """A fresh key. The prefix tells people and secret scanners what they have found."""
    return f"ecomtrack_{kind}_{secrets.token_urlsafe(24)}"


def digest_of(token: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


class KeyRing:
    """The keys a collector honours."""

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        self._by_digest = {key.digest: key for key in keys}

    @classmethod
    def of(cls, tokens: Mapping[Kind, str | Iterable[str]], origins: Iterable[str] = ()) -> KeyRing:
        """A ring of plain tokens by kind; *origins* restrict the site keys.

        Raises:
            ConfigError: Unknown kind, or a token too short to be safe.
        """
        keys = []
        for kind, given in tokens.items():
            kind_of(kind)
            for number, token in enumerate([given] if isinstance(given, str) else given):
                keys.append(make_key(f"{kind}-{number + 1}", kind, token, origins=origins if kind == "site" else ()))
        return cls(keys)

    def find(self, token: str) -> Key | None:
        """The key of that token, or ``None``."""
        digest = digest_of(token)
        key = self._by_digest.get(digest)
        # The look-up is by a hash the caller cannot steer; the comparison leaves nothing to measure either.
        if key is None or not hmac.compare_digest(key.digest, digest):
            return None
        return key if key.expires_at is None or time.time() < key.expires_at else None

    def keys(self) -> tuple[Key, ...]:
        """All keys, in the order they were added."""
        return tuple(self._by_digest.values())

    def with_keys(self, more: Iterable[Key]) -> KeyRing:
        """This ring and *more* keys, as a new ring."""
        return KeyRing((*self.keys(), *more))


MIN_TOKEN_CHARS = 16
"""Shortest token taken from a person: below it guessing over the network becomes thinkable."""


def make_key(key_id: str, kind: Kind, token: str, *, label: str = "", origins: Iterable[str] = ()) -> Key:
    """The rights of *token*.

    Raises:
        ConfigError: Too short, or not plain ASCII without spaces.
    """
    if len(token) < MIN_TOKEN_CHARS or not token.isascii() or any(sign.isspace() for sign in token):
        raise ConfigError(f"a {kind} key needs at least {MIN_TOKEN_CHARS} ASCII characters without spaces")
    return Key(key_id, kind, digest_of(token), label, tuple(origin.lower().rstrip("/") for origin in origins))
