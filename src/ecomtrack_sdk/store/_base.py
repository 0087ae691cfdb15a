"""The promise every event store makes: durable, idempotent on ``event_id``, readable in the order of arrival.

A store keeps two lists. The *log* holds accepted events as the bytes that were sent, one row per ``event_id``, numbered
by ``seq``. The *rejected* list holds what was refused, with the reasons. Everything else (projection, reports, console)
is derived from the log and can be rebuilt from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import NamedTuple, Protocol

__all__ = ["Counts", "EventStore", "Filter", "LogEntry", "LogRow", "RejectedEntry", "RejectedRow"]


class LogEntry(NamedTuple):
    """An accepted event on its way into the log. Times are microseconds since the epoch, UTC."""

    event_id: str
    type: str
    occurred_at: int
    received_at: int
    key_kind: str
    """Kind of the key that sent it: ``site`` or ``server``."""
    raw: bytes
    """The event as JSON, with ``event_id`` and ``occurred_at`` inside."""
    warnings: bytes | None = None
    """JSON list of ``{"code", "loc", "msg"}``, or ``None``."""


class RejectedEntry(NamedTuple):
    """A refused event on its way into the list of refused ones."""

    event_id: str | None
    received_at: int
    """Microseconds since the epoch, UTC."""
    key_kind: str
    raw: bytes
    """The bytes as they came; they need not be JSON, nor UTF-8."""
    errors: bytes
    """JSON list of ``{"loc", "type", "msg"}``."""
    digest: bytes = b""
    """What tells it from every other refused event; made of ``raw`` and ``errors`` where it is empty."""


class LogRow(NamedTuple):
    """An event of the log. Times are microseconds since the epoch, UTC."""

    seq: int
    event_id: str
    type: str
    occurred_at: int
    received_at: int
    raw: bytes
    key_kind: str
    warnings: bytes | None


class RejectedRow(NamedTuple):
    """A refused event, with a numbering of its own."""

    seq: int
    event_id: str | None
    received_at: int
    raw: bytes
    key_kind: str
    errors: bytes
    times: int = 1
    """How often the very same event was refused; its ``seq`` and ``received_at`` are of the last time."""


class Counts(NamedTuple):
    """How many events lie in the store."""

    good: int
    bad: int


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows ``recent`` returns; what is ``None`` does not restrict.

    Attributes:
        event_type: Wire type, or ``custom:NAME`` for one kind of custom event.
        event_id: One event.
        visitor_id: Events of one browser.
        order_id: Events of one order.
        customer: Events that name this customer id or e-mail address.
        before_seq: Only rows older than this one: the next page.
    """

    event_type: str | None = None
    event_id: str | None = None
    visitor_id: str | None = None
    order_id: str | None = None
    customer: str | None = None
    before_seq: int | None = None


class EventStore(Protocol):
    """Where events rest on the server. Safe to call from several threads."""

    def submit(self, entries: Sequence[LogEntry], rejected: Sequence[RejectedEntry] = ()) -> Future[list[bool]]:
        """Hand a batch to the writer.

        Returns:
            A future that is done once the batch is durable: for each entry, in order, ``True`` when it was stored and
            ``False`` when its id was there already (earlier in the same batch counts). It fails with
            ``StoreError`` when nothing of the batch was stored, with ``StoreBusy`` when another try may help.

        Raises:
            StoreBusy: Too much is waiting already.
        """
        ...

    def append(self, entries: Sequence[LogEntry], rejected: Sequence[RejectedEntry] = ()) -> list[bool]:
        """``submit`` and wait."""
        ...

    def read(self, after_seq: int, limit: int) -> list[LogRow]:
        """Up to *limit* events of the log with ``seq`` above *after_seq*, oldest first; erased events are left out."""
        ...

    def read_rejected(self, after_seq: int, limit: int) -> list[RejectedRow]:
        """Up to *limit* refused events above *after_seq*, oldest first."""
        ...

    def recent(self, limit: int, where: Filter = ...) -> list[LogRow]:
        """Up to *limit* events of the log that fit *where*, newest first."""
        ...

    def recent_rejected(self, limit: int, where: Filter = ...) -> list[RejectedRow]:
        """Up to *limit* refused events that fit *where*, newest first."""
        ...

    def find(self, event_id: str) -> LogRow | None:
        """The event of that id, or ``None``."""
        ...

    def high_watermark(self) -> int:
        """The highest ``seq`` of the log, 0 when it is empty."""
        ...

    def generation(self) -> str:
        """A mark that changes whenever rows already read have changed or gone: whatever was derived must be rebuilt."""
        ...

    def counts(self) -> Counts:
        """Events in the log and in the list of refused ones."""
        ...

    def erase(self, event_ids: Iterable[str]) -> int:
        """Forget the content of these events for good, refused ones included.

        The ids stay known, so that a redelivery is a duplicate and does not bring the content back; a refused event
        that is delivered again is refused again and not kept.

        Returns:
            Events of the log that were erased.
        """
        ...

    def redact(
        self, erase: Iterable[str], replace: Mapping[str, bytes] | None = None, mentions: Iterable[str] = ()
    ) -> int:
        """Erase some events and put other content into others, all or nothing.

        Args:
            erase: Ids of events to erase, as with ``erase``.
            replace: Event id → content without what must go; the first content of an id stands no longer.
            mentions: Refused events with one of these texts as a JSON string in them go too.

        Returns:
            Events of the log that were changed.
        """
        ...

    def reset(self) -> None:
        """Empty the store: log, refused events and erased ids. For test mode."""
        ...

    def close(self) -> None:
        """Write what is waiting, then let go of the files."""
        ...
