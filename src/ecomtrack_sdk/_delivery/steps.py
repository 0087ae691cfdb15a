"""What the decision core and its drivers say to each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from ecomtrack_sdk._wire import Rejection, VerdictWarning
from ecomtrack_sdk.errors import TransportError

__all__ = ["Answer", "Batch", "Outcome", "Reply", "Send", "Step", "Stop", "Wait"]


class Batch(NamedTuple):
    """What is delivered together."""

    body: bytes
    """NDJSON: each line an event, each ended by ``\\n``, none of them blank."""
    key: str
    """``Idempotency-Key``: the same for the same batch, over retries and, where possible, restarts."""


class Send(NamedTuple):
    """Make one request. The reply is an :class:`Answer` or a ``TransportError``."""

    body: bytes
    key: str


class Wait(NamedTuple):
    """Let time pass. The reply is ``None``."""

    seconds: float
    reason: str
    """What went wrong, for the log."""
    attempt: int
    """Requests made so far for this body."""
    blocked: bool
    """Whether a person has to act: a key or an address is wrong."""
    partial: bool = False
    """Whether the way is fine and the collector only asks for some of the lines again."""


class Answer(NamedTuple):
    """An HTTP answer, read to its end."""

    status: int
    body: bytes = b""
    retry_after: float | None = None
    """Seconds, from the header of that name."""


class Stop(NamedTuple):
    """Reply to any step: no more, return what is known; what has no fate yet is ``unsent``."""

    reason: str = "stopped"


Step = Send | Wait
Reply = Answer | TransportError | Stop | None


@dataclass(slots=True)
class Outcome:
    """The fate of each line of a batch. When all is well it is three numbers and empty lists.

    ``accepted + duplicate + len(rejected) + len(unsent)`` is the number of lines, always.
    """

    accepted: int = 0
    """Lines newly stored."""
    duplicate: int = 0
    """Lines that were stored before: delivered as well."""
    rejected: list[Rejection] = field(default_factory=list)
    """Lines the collector will never take; ``index`` is the line in the batch as it was handed in."""
    unsent: list[int] = field(default_factory=list)
    """Lines without a verdict: given up, stopped or barred. They may have been stored; sending them again is safe."""
    reason: str = ""
    """Why lines are unsent."""
    status: int | None = None
    """HTTP status behind ``reason``, where there was one."""
    attempts: int = 0
    """Requests made."""
    warnings: list[VerdictWarning] = field(default_factory=list)

    @property
    def delivered(self) -> int:
        """Lines the collector has."""
        return self.accepted + self.duplicate
