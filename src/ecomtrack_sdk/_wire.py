"""HOW it looks: events to bytes and back, limits, verdicts. Shared by client and collector, without I/O or clock.

A batch travels as NDJSON (one event a line: a slice of the outbox is a request body as it lies) or as one JSON object
``{"sent_at": …, "events": […]}``. Both end in the same list of raw events, each validated on its own, so that one bad
event never takes down its neighbours and the log keeps the bytes that were sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from ecomtrack_sdk._compression import MAX_DECOMPRESSED_BYTES, compress, decompress, encodings
from ecomtrack_sdk.errors import Malformed, MissingCurrency, TooLarge
from ecomtrack_sdk.events.base import Event, EventWarning

__all__ = [
    "JSON_TYPE",
    "LIMITS",
    "NDJSON_TYPE",
    "BatchVerdict",
    "FieldError",
    "Invalid",
    "Limits",
    "Rejection",
    "Valid",
    "VerdictWarning",
    "compress",
    "decompress",
    "encode_event",
    "encodings",
    "join_events",
    "largest_field",
    "read_batch",
    "validate_event",
]

NDJSON_TYPE = "application/x-ndjson"
JSON_TYPE = "application/json"


class Limits(NamedTuple):
    """Every limit of the wire, in one place, each with its reason."""

    events: int = 1_000
    """Events in one batch: twice what the SDK sends, so that a verdict list stays short."""
    body_bytes: int = 4 * 1024 * 1024
    """Request body as it arrives: four full batches of 1 MB, before decompression."""
    decompressed_bytes: int = MAX_DECOMPRESSED_BYTES
    """Body after decompression; a bomb stops here, not after it. Real batches compress 10 to 25 times, and are 1 MB."""
    event_bytes: int = 256 * 1024
    """One event as JSON: an order of a thousand full lines."""
    answer_bytes: int = 4 * 1024 * 1024
    """Answer the client will read: a rejection for each of 1,000 events fits with room."""
    errors_per_event: int = 20
    """Field errors told of one event; more would only repeat the first."""


LIMITS = Limits()
MAX_PARTS = 250_000
"""Objects and lists in a batch of JSON: empty ones take three bytes on the wire and sixty in memory."""
_LINE = re.compile(rb"\S[^\n]*")
"""A line that is not blank, from its first sign on."""


def encode_event(
    event: Event, *, default_currency: str | None = None, fill: Mapping[str, bytes] | None = None
) -> bytes:
    """One event as one line of JSON, without the line end.

    Args:
        event: The event; it is not changed.
        default_currency: Written where the event has an amount and no currency.
        fill: Envelope fields as ready JSON (``{"visitor_id": b'"v1"'}``), written where the event has none.

    Raises:
        MissingCurrency: An amount, no currency, no default.
        TooLarge: Over ``LIMITS.event_bytes``; ``field`` names the largest field.
    """
    body: bytes = event.__pydantic_serializer__.to_json(event, exclude_none=True)
    extra = b""
    field = event.amount_without_currency()
    if field is not None:
        if default_currency is None:
            raise MissingCurrency(type(event).__name__, field)
        extra = b'"currency":"%b",' % default_currency.encode()
    if fill:
        for name, value in fill.items():
            if getattr(event, name) is None:
                extra += b'"%b":%b,' % (name.encode(), value)
    if extra:
        body = b"{" + extra + body[1:]
    if len(body) > LIMITS.event_bytes:
        field = largest_field(body)
        raise TooLarge(
            f"the event is {len(body):,} bytes, the limit is {LIMITS.event_bytes:,}; its largest field is {field!r}",
            limit=LIMITS.event_bytes,
            field=field,
        )
    return body


def largest_field(raw: bytes) -> str | None:
    """The top-level field that takes most of the bytes of *raw*, or ``None`` when it cannot be read."""
    try:
        value = from_json(raw)
    except ValueError:
        return None
    if not isinstance(value, dict) or not value:
        return None
    name: str = max(value, key=lambda name: len(to_json(value[name])))
    return name


class FieldError(BaseModel):
    """One thing wrong with one field."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    loc: str
    """The field, dotted: ``items.0.price``; empty for the event as a whole."""
    type: str
    """A stable word for machines."""
    msg: str
    """A sentence for people; never contains the value."""


class Valid(NamedTuple):
    """An event that follows the rules, with the bytes to keep."""

    raw: bytes
    event: Event


class Invalid(NamedTuple):
    """An event that does not, with its id where one could be read."""

    raw: bytes
    event_id: str | None
    errors: tuple[FieldError, ...]


@cache
def _adapter() -> TypeAdapter[Any]:
    from ecomtrack_sdk.events import AnyEvent  # building all models takes 0.1 s: only whoever validates pays

    adapter: TypeAdapter[Any] = TypeAdapter(AnyEvent)
    adapter.rebuild()
    return adapter


def validate_event(raw: bytes) -> Valid | Invalid:
    """One event of a batch, validated alone."""
    if len(raw) > LIMITS.event_bytes:
        # What is far too large is not even parsed: that would take many times its size in memory.
        readable = len(raw) <= 4 * LIMITS.event_bytes
        field = largest_field(raw) if readable else None
        error = FieldError(
            loc=field or "",
            type="too_large",
            msg=f"the event is {len(raw):,} bytes, the limit is {LIMITS.event_bytes:,}"
            + ("; this field is the largest" if field else ""),
        )
        return Invalid(raw, _event_id(raw) if readable else None, (error,))
    try:
        event: Event = _adapter().validate_json(raw)
    except ValidationError as error:
        return Invalid(raw, _event_id(raw), _field_errors(error))
    field = event.amount_without_currency()
    if field is not None:
        return Invalid(
            raw,
            event.event_id,
            (FieldError(loc="currency", type="missing_currency", msg=f"is needed because {field} is an amount"),),
        )
    return Valid(raw, event)


def _field_errors(error: ValidationError) -> tuple[FieldError, ...]:
    found = []
    for entry in error.errors(include_url=False, include_context=False, include_input=False)[: LIMITS.errors_per_event]:
        loc = entry["loc"]
        # The first step names the member of the union that was tried (its wire type), not a field.
        found.append(FieldError(loc=".".join(str(step) for step in loc[1:]), type=entry["type"], msg=entry["msg"]))
    return tuple(found)


def _event_id(raw: bytes) -> str | None:
    try:
        value = from_json(raw)
    except ValueError:
        return None
    event_id = value.get("event_id") if isinstance(value, dict) else None
    return event_id[:255] if isinstance(event_id, str) else None


def read_batch(body: bytes, content_type: str) -> list[bytes]:
    """The raw events of a decompressed body, in their order; blank lines are passed over.

    Args:
        body: The body, decompressed.
        content_type: Media type, parameters and case ignored.

    Raises:
        Malformed: Not NDJSON and not a JSON batch.
        TooLarge: More than ``LIMITS.events``.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == NDJSON_TYPE:
        events = _lines_of(body)
    elif kind == JSON_TYPE:
        events = _events_of_object(body)
    else:
        raise Malformed(f"send {NDJSON_TYPE} or {JSON_TYPE}")
    if len(events) > LIMITS.events:
        raise TooLarge(f"the batch has over {LIMITS.events:,} events: send smaller batches", limit=LIMITS.events)
    return events


def _lines_of(body: bytes) -> list[bytes]:
    """The lines that are not blank, one more than allowed at most: a body of millions of them is not taken apart."""
    return [match[0] for match in islice(_LINE.finditer(body), LIMITS.events + 1)]


def _events_of_object(body: bytes) -> list[bytes]:
    if body.count(b"{") + body.count(b"[") > MAX_PARTS:
        raise TooLarge(f"the batch has over {MAX_PARTS:,} objects and lists", limit=MAX_PARTS)
    try:
        batch = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise Malformed(f"the body is not JSON: {error}") from None
    events = batch.get("events") if isinstance(batch, dict) else None
    if not isinstance(events, list):
        raise Malformed('the body must be an object {"sent_at": …, "events": […]}')
    return [to_json(event) for event in events]


class Rejection(BaseModel):
    """An event the collector will never take as it is."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    index: int
    """Place in the batch, from 0."""
    event_id: str | None = None
    errors: tuple[FieldError, ...] = ()


class VerdictWarning(BaseModel):
    """Something odd about an accepted event."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    event_id: str
    code: str
    loc: str
    msg: str

    @classmethod
    def of(cls, event_id: str, warning: EventWarning) -> VerdictWarning:
        """*warning* as it travels."""
        return cls(event_id=event_id, code=warning.code, loc=warning.loc, msg=warning.msg)


class BatchVerdict(BaseModel):
    """The collector's answer to a batch: every event is accepted, or named in one of the lists."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    accepted: int = Field(ge=0)
    """Events newly stored."""
    duplicate: tuple[str, ...] = ()
    """Ids that were stored before: delivered, as far as the sender is concerned."""
    rejected: tuple[Rejection, ...] = ()
    retry: tuple[str, ...] = ()
    """Ids to send again: the collector could not store them now."""
    warnings: tuple[VerdictWarning, ...] = ()

    def to_json(self) -> bytes:
        """The answer's body."""
        return self.model_dump_json(exclude_defaults=False).encode()


def join_events(events: Iterable[bytes]) -> bytes:
    """Raw events as an NDJSON body."""
    return b"".join(b"%b\n" % event for event in events)
