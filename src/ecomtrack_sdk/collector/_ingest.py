"""What happens to a batch between its bytes and the log, without I/O and without a clock.

``examine`` turns a body into entries for the store and the half of the verdict that is known already; the store says
which entries were new; ``Examined.verdict`` puts both together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from pydantic_core import to_json

from ecomtrack_sdk._types import new_event_id, source_id
from ecomtrack_sdk._wire import (
    JSON_TYPE,
    NDJSON_TYPE,
    BatchVerdict,
    FieldError,
    Invalid,
    Rejection,
    Valid,
    VerdictWarning,
    decompress,
    read_batch,
    validate_event,
)
from ecomtrack_sdk.collector._keys import Key
from ecomtrack_sdk.collector._privacy import Privacy
from ecomtrack_sdk.errors import CollectorError, Malformed, TooLarge
from ecomtrack_sdk.events.base import Event, EventWarning
from ecomtrack_sdk.events.custom import CustomEvent
from ecomtrack_sdk.store import LogEntry, RejectedEntry

__all__ = ["COMPRESSED", "Examined", "Request", "examine", "microseconds"]

BEACON_TYPES = frozenset({"text/plain", ""})
"""What ``navigator.sendBeacon`` sends without asking the server first; the body is a batch or events all the same."""
MAX_REJECTED_RAW = 16 * 1024
"""Bytes of a refused event that are kept: enough to see what is wrong with it."""
MAX_AHEAD = timedelta(minutes=10)
"""How far an event may lie in the future before it is odd: clocks of shops are a little off, not more."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OWN_NAMES = "ecomtrack_"
"""How the names begin of custom events that mean something to the reports, such as undoing a link between people."""
COMPRESSED = frozenset({"gzip", "x-gzip", "zstd"})
_ENCODINGS = COMPRESSED | {"", "identity"}
_MEDIA_TYPES = BEACON_TYPES | {NDJSON_TYPE, JSON_TYPE}


class Request(NamedTuple):
    """What the HTTP layer knows of a batch.

    Attributes:
        body: As it arrived, compressed or not.
        content_type: Header, or ``""``.
        content_encoding: Header, or ``""``.
        batch_id: ``Idempotency-Key``; gives events without an id the same id on every delivery.
        received_at: Aware, UTC.
    """

    body: bytes
    content_type: str
    content_encoding: str
    batch_id: str | None
    received_at: datetime


@dataclass(slots=True)
class Examined:
    """A batch, checked: what goes to the store, and the verdict as far as it is known."""

    entries: list[LogEntry] = field(default_factory=list)
    rejected: list[RejectedEntry] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    warnings: list[VerdictWarning] = field(default_factory=list)

    def verdict(self, stored: Sequence[bool]) -> BatchVerdict:
        """The answer, once the store has said of each entry whether it was new."""
        duplicate = tuple(entry.event_id for entry, new in zip(self.entries, stored, strict=True) if not new)
        return BatchVerdict(
            accepted=len(self.entries) - len(duplicate),
            duplicate=duplicate,
            rejected=tuple(self.rejections),
            warnings=tuple(self.warnings),
        )


def microseconds(moment: datetime) -> int:
    """*moment* (aware) as microseconds since the epoch, exactly."""
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def examine(request: Request, key: Key, privacy: Privacy | None = None) -> Examined:
    """Unpack, split, validate and weigh a batch against the rights of *key*; what *privacy* takes out is not kept.

    Raises:
        CollectorError: 400 unreadable, 413 too large, 415 a type or encoding the collector does not speak.
    """
    examined = Examined()
    received_at = microseconds(request.received_at)
    limit = request.received_at + MAX_AHEAD
    for index, line in enumerate(_lines(request)):
        outcome = validate_event(line)
        if isinstance(outcome, Valid):
            outcome = _within_rights(outcome, key)
        if isinstance(outcome, Invalid):
            examined.rejections.append(Rejection(index=index, event_id=outcome.event_id, errors=outcome.errors))
            packed = to_json([error.model_dump() for error in outcome.errors])
            # What could not be read cannot be reduced either: then only its errors are kept.
            kept, mark = (line[:MAX_REJECTED_RAW], b"") if privacy is None else (b"", privacy.mark(line))
            examined.rejected.append(RejectedEntry(outcome.event_id, received_at, key.kind, kept, packed, mark))
            continue
        event = outcome.event
        raw, event_id = line.strip(), event.event_id
        warnings: tuple[EventWarning, ...] = event.warnings()
        given = event.model_fields_set
        if "event_id" not in given or "occurred_at" not in given:
            raw, event_id, missing = _complete(raw, event, index, request)
            warnings = (*warnings, *missing)
        if privacy is not None:
            raw = privacy.reduce(raw)
        occurred_at = event.occurred_at if "occurred_at" in given else request.received_at
        if occurred_at > limit:
            warnings = (*warnings, EventWarning("in_the_future", "occurred_at", "lies in the future"))
        packed_warnings = None
        if warnings:
            packed_warnings = to_json([{"code": one.code, "loc": one.loc, "msg": one.msg} for one in warnings])
            examined.warnings.extend(VerdictWarning.of(event_id, one) for one in warnings)
        examined.entries.append(
            LogEntry(event_id, _type_of(event), microseconds(occurred_at), received_at, key.kind, raw, packed_warnings)
        )
    return examined


def _type_of(event: Event) -> str:
    wire_type: str = event.type  # type: ignore[attr-defined]  # every class of the union has it
    return wire_type


def _within_rights(outcome: Valid, key: Key) -> Valid | Invalid:
    event = outcome.event
    if not key.may_send(_type_of(event)):
        loc, what = "type", _type_of(event)
    elif key.kind == "site" and isinstance(event, CustomEvent) and event.name.startswith(OWN_NAMES):
        loc, what = "name", f"custom events named {OWN_NAMES}…"
    else:
        return outcome
    error = FieldError(loc=loc, type="not_allowed", msg=f"a {key.kind} key may not send {what}; use a server key")
    return Invalid(outcome.raw, event.event_id if "event_id" in event.model_fields_set else None, (error,))


def _lines(request: Request) -> list[bytes]:
    encoding = request.content_encoding.strip().lower()
    media_type = request.content_type.partition(";")[0].strip().lower()
    if encoding not in _ENCODINGS:
        raise CollectorError(415, "unsupported-encoding", "Content-Encoding must be gzip, zstd or identity")
    if media_type not in _MEDIA_TYPES:
        raise CollectorError(415, "unsupported-type", f"send {NDJSON_TYPE} or {JSON_TYPE}")
    try:
        body = decompress(request.body, encoding)
        if media_type in BEACON_TYPES:
            try:
                return read_batch(body, JSON_TYPE)
            except Malformed:
                return read_batch(body, NDJSON_TYPE)
        return read_batch(body, media_type)
    except TooLarge as error:
        raise CollectorError(413, "too-large", str(error)) from None
    except Malformed as error:
        raise CollectorError(400, "unreadable", str(error)) from None


def _complete(raw: bytes, event: Event, index: int, request: Request) -> tuple[bytes, str, list[EventWarning]]:
    """The event with the id or time it lacks written into it, so that the log says the same whenever it is read."""
    extra: dict[str, str] = {}
    warnings = []
    given = event.model_fields_set
    if "event_id" in given:
        event_id = event.event_id
    elif request.batch_id:
        event_id = extra["event_id"] = source_id("batch", request.batch_id, str(index))
    else:
        event_id = extra["event_id"] = new_event_id()
        warnings.append(EventWarning("no_event_id", "event_id", "is missing: sent again, the event would count twice"))
    if "occurred_at" not in given:
        extra["occurred_at"] = request.received_at.isoformat()
    head = to_json(extra)[:-1]
    return b"%b,%b" % (head, raw[1:]), event_id, warnings
