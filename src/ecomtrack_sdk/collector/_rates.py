"""How often one address may use a public key.

Site keys stand in every page, so anybody can take one and pour. Server keys are secret and not limited here. Counted is
by the sliding window of the ``limits`` library, in memory: a collector is one process.
"""

from __future__ import annotations

import ipaddress
import time
from functools import lru_cache

from ecomtrack_sdk.collector._http import Scope
from ecomtrack_sdk.collector._keys import Key
from ecomtrack_sdk.errors import CollectorError, ConfigError, MissingExtraError

try:
    from limits import RateLimitItem, parse
    from limits.storage import MemoryStorage
    from limits.strategies import SlidingWindowCounterRateLimiter
except ImportError as error:  # pragma: no cover
    raise MissingExtraError("limits", "collector") from error

__all__ = ["KEY_RATE", "SITE_RATE", "RateLimits", "source_of"]

SITE_RATE = "1200/minute"
"""Requests of one address with one site key: an office of a hundred people behind one address stays below it."""


KEY_RATE = "60000/minute"
"""Requests with one site key from everywhere: a thousand a second is more than any shop's visitors send."""
_KEY_ITEM = parse(KEY_RATE)


class RateLimits:
    """Counts requests of site keys by address, and by key.

    Args:
        site: Such as ``1200/minute``; ``None`` counts nothing.

    Raises:
        ConfigError: Not a rate.
    """

    def __init__(self, site: str | None = SITE_RATE) -> None:
        self._item: RateLimitItem | None = None
        if site is not None:
            try:
                self._item = parse(site)
            except ValueError:
                raise ConfigError(f"a rate is a number and a unit, such as 1200/minute, not {site!r}") from None
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def check(self, key: Key, scope: Scope) -> None:
        """Count a request.

        Raises:
            CollectorError: 429 too many, with the seconds to wait.
        """
        if self._item is None or key.kind != "site":
            return
        source = source_of(scope)
        if source is None:
            return
        self._hit(self._item, key.id, source, "too many requests from this address with this key")
        self._hit(_KEY_ITEM, key.id, "", "too many requests with this key")

    def _hit(self, item: RateLimitItem, key_id: str, source: str, detail: str) -> None:
        if self._limiter.hit(item, key_id, source):
            return
        reset = self._limiter.get_window_stats(item, key_id, source).reset_time
        raise CollectorError(429, "too-many", detail, retry_after=reset - time.time())


def source_of(scope: Scope) -> str | None:
    """What counts as the address of a request; ``None`` for this machine."""
    return _source(scope["client"][0] if scope.get("client") else "")


@lru_cache(4_096)
def _source(address: str) -> str | None:
    """What counts as one address: an IPv4 address or an IPv6 network of 64 bits (one customer has 2⁶⁴ addresses).

    This machine itself is not counted. Behind a proxy the server puts the visitor's address here, from
    ``X-Forwarded-For``, if the proxy is one it trusts.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address or "unknown"
    if parsed.is_loopback:
        return None
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.IPv6Network((parsed, 64), strict=False).network_address)
    return address
