"""Less than was sent: what a shop does not want to keep of its visitors is taken out before the event is stored.

Off unless told. The log then holds the reduced event, and nobody can have back what was never written.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic_core import from_json, to_json

from ecomtrack_sdk.errors import ConfigError

__all__ = ["Privacy"]

_VERSION = re.compile(r"(\d+)(?:\.\d+)+")
_ANDROID_DEVICE = re.compile(r"\(Linux; Android [^)]*\)")
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "ip": ("keep", "truncate", "drop"),
    "user_agent": ("keep", "reduce", "drop"),
    "email": ("keep", "hash"),
}


@dataclass(frozen=True, slots=True)
class Privacy:
    """What is taken out.

    Attributes:
        ip: ``truncate`` keeps the network (IPv4: 24 bits, IPv6: 48), ``drop`` nothing.
        user_agent: ``reduce`` keeps browser, major version and system, as Chrome's own reduction does.
        email: ``hash`` stores a keyed digest under the same field: the same person is still one person, the address
            cannot be read. Reports, export and erasure then know the digest only.
        secret: Key of the digest. Without it anybody could hash a list of addresses and compare.
    """

    ip: Literal["keep", "truncate", "drop"] = "keep"
    user_agent: Literal["keep", "reduce", "drop"] = "keep"
    email: Literal["keep", "hash"] = "keep"
    secret: bytes = b""

    @classmethod
    def parse(cls, text: str, secret: bytes = b"") -> Privacy:
        """From ``ip=truncate,user_agent=reduce,email=hash``; what is not named is kept.

        Raises:
            ConfigError: An unknown field or choice.
        """
        chosen: dict[str, str] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, value = part.partition("=")
            if value not in _CHOICES.get(name, ()):
                known = ", ".join(f"{field}={'|'.join(choices)}" for field, choices in _CHOICES.items())
                raise ConfigError(f"privacy: {part!r} is none of {known}")
            chosen[name] = value
        return cls(**chosen, secret=secret)  # type: ignore[arg-type]  # checked above

    @property
    def active(self) -> bool:
        """Whether anything is taken out at all."""
        return (self.ip, self.user_agent, self.email) != ("keep", "keep", "keep")

    def reduce(self, raw: bytes) -> bytes:
        """A valid event without what is to be taken out; the same bytes where there is nothing."""
        if b'"context"' not in raw and b'"customer"' not in raw:
            return raw
        event = from_json(raw)
        changed = self._context(event.get("context")) | self._customer(event.get("customer"))
        return to_json(event) if changed else raw

    def _context(self, context: dict[str, str] | None) -> bool:
        changed = False
        if not context:
            return changed
        if self.ip != "keep" and "ip" in context:
            address = context.pop("ip")
            network = _network(address) if self.ip == "truncate" else None
            if network is not None:
                context["ip"] = network
            changed = True
        if self.user_agent != "keep" and "user_agent" in context:
            agent = context.pop("user_agent")
            if self.user_agent == "reduce" and agent is not None:
                context["user_agent"] = _reduced(agent)
            changed = True
        return changed

    def _customer(self, customer: dict[str, str] | None) -> bool:
        if self.email != "hash" or not customer or customer.get("email") is None:
            return False
        customer["email"] = self.digest(customer["email"])
        return True

    def mark(self, line: bytes) -> bytes:
        """What tells a refused event from others where its content is not kept."""
        return hmac.new(self.secret, line, hashlib.sha256).digest()

    def digest(self, email: str) -> str:
        """What is stored instead of an address; case and space around it do not matter."""
        if email.startswith("hmac-sha256:"):
            return email
        return "hmac-sha256:" + hmac.new(self.secret, email.strip().lower().encode(), hashlib.sha256).hexdigest()


def _network(address: str | None) -> str | None:
    try:
        parsed = ipaddress.ip_address((address or "").strip())
    except ValueError:
        return None  # no address: nothing that could be shortened safely
    bits = 24 if parsed.version == 4 else 48
    return str(ipaddress.ip_network((parsed, bits), strict=False).network_address)


def _reduced(agent: str) -> str:
    return _VERSION.sub(r"\1.0.0.0", _ANDROID_DEVICE.sub("(Linux; Android 10; K)", agent))
