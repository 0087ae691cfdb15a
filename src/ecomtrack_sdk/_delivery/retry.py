"""When to try again: the policy, its arithmetic, and ``Retry-After``. No I/O and no clock of its own.

tenacity drives the waiting: the policy is composed of its ``wait`` and ``stop`` strategies, and :mod:`.flow` steps
its state machine. It is imported when the first batch leaves, not with the package (it loads asyncio: 37 ms).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from ecomtrack_sdk.errors import ConfigError

if TYPE_CHECKING:
    from tenacity import RetryCallState, Retrying

__all__ = ["RetryPolicy", "parse_retry_after"]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to wait after a failed request, and when to give up.

    The wait doubles from ``initial`` up to ``ceiling``; half of it is fixed and half is random ("equal jitter"), so
    that many senders spread out and no wait is near zero. ``Retry-After`` is a minimum under the same ceiling, so that
    no header can park a sender for a day.

    Attributes:
        initial: Seconds before the second try, at most; at least half of it.
        ceiling: Longest wait in seconds, whatever the tries and whatever ``Retry-After`` says.
        multiplier: Growth from one wait to the next.
        attempts: Requests for one body, the first included; ``None`` for no bound.
        give_up_after: Seconds of waiting for one body after which no further try is made; ``None`` for no bound.
    """

    initial: float = 0.5
    ceiling: float = 60.0
    multiplier: float = 2.0
    attempts: int | None = None
    give_up_after: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.initial <= self.ceiling < math.inf:
            raise ConfigError("retry: 0 < initial <= ceiling is needed, both in seconds")
        if not 1 <= self.multiplier < math.inf:
            raise ConfigError("retry: multiplier must be 1 or more")
        if self.attempts is not None and self.attempts < 1:
            raise ConfigError("retry: attempts must be 1 or more, or None for no bound")
        if self.give_up_after is not None and self.give_up_after < 0:
            raise ConfigError("retry: give_up_after must be 0 seconds or more, or None for no bound")

    def retrying(self, again: Callable[[object], bool], blocked: Callable[[object], bool]) -> Retrying:
        """The state machine of tenacity for one body.

        Args:
            again: Whether a reply is worth another try.
            blocked: Whether trying soon is pointless (a wrong key): such a reply is waited out near the ceiling.

        Returns:
            A machine whose ``iter()`` asks for tries and waits, and for neither at the end; it never raises.
        """
        from tenacity import (
            Retrying,
            retry_if_result,
            wait_exponential,
            wait_random,
            wait_random_exponential,
        )

        half, limit, base = self.initial / 2, self.ceiling / 2, self.multiplier
        grow = wait_exponential(half, limit, base) + wait_random_exponential(half, limit, base)
        slow = wait_random(limit, self.ceiling)

        def wait(state: RetryCallState) -> float:
            reply = _last_reply(state)
            if blocked(reply):
                return slow(state)
            asked = getattr(reply, "retry_after", None) or 0.0
            return max(grow(state), min(asked, self.ceiling))

        def stop(state: RetryCallState) -> bool:
            if self.attempts is not None and state.attempt_number >= self.attempts:
                return True
            return self.give_up_after is not None and state.idle_for >= self.give_up_after

        return Retrying(stop=stop, wait=wait, retry=retry_if_result(again), retry_error_callback=_last_reply)


def _last_reply(state: RetryCallState) -> object:
    assert state.outcome is not None, "tenacity asks after a try only"
    reply: object = state.outcome.result()
    return reply


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Seconds to wait that a ``Retry-After`` header asks for, 0 or more.

    Args:
        value: The header: seconds, or an HTTP date.
        now: Seconds since the epoch by the clock of whoever wrote the header, best its ``Date`` header.

    Returns:
        ``None`` when there is no header or it cannot be read.

    Source: RFC 9110 §10.2.3.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])  # more digits are longer than any ceiling and would overflow a float
    moment = http_date(text)
    return None if moment is None else max(0.0, moment - now)


def http_date(text: str) -> float | None:
    """Seconds since the epoch of an HTTP date, or ``None`` when it is none. Source: RFC 9110 §5.6.7."""
    from email.utils import parsedate_to_datetime  # loads socket and more: only where such a header came

    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
