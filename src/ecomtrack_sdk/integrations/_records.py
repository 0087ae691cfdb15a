"""Records of other systems: reading their fields, telling which cannot be mapped and why.

Every shop adapter is a pure function from a record to our events. What it cannot map it raises as :class:`Unmappable`
with the field; the readers of files (``_record_files``) turn that into a :class:`ProblemRecord` with file and line, and
go on with the next record.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any

from pydantic import ValidationError

from ecomtrack_sdk.errors import CollectorError, EcomtrackError
from ecomtrack_sdk.events import Address, Event

__all__ = [
    "Delivery",
    "ProblemRecord",
    "Record",
    "Unmappable",
    "address",
    "amount",
    "guarded",
    "maybe",
    "moment",
    "receive",
    "split_price",
    "text",
    "verify_base64",
]

Record = Mapping[str, Any]
"""One record as parsed from JSON."""

PLACES = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class ProblemRecord:
    """A record that became no event.

    Attributes:
        file: Where it was read from; a webhook's topic for a webhook.
        line: Line of the file, or place in the file's array, both counted from 1.
        field: The field that stands in the way, dotted.
        message: What is wrong with it; never contains the value.
        record_id: The record's own id, where it has one.
    """

    file: str
    line: int
    field: str
    message: str
    record_id: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A verified webhook.

    Attributes:
        topic: The shop system's own word for what happened, such as ``"orders/create"``.
        delivery_id: The shop system's id of the delivery; the same one again is the same delivery.
        events: What it means. Ids are made from the record, so a delivery repeated changes nothing.
        problems: What could not be mapped.
    """

    topic: str
    delivery_id: str
    events: tuple[Event, ...]
    problems: tuple[ProblemRecord, ...] = ()


class Unmappable(EcomtrackError):
    """A record, or a part of it, that has no event of ours."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


def verify_base64(body: bytes, signature: str, secret: str) -> bool:
    """Whether *signature* is the base64 HMAC-SHA256 of the raw *body*; takes the same time whatever the answer."""
    if not secret:
        return False
    expected = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
    return hmac.compare_digest(expected, signature.strip().encode())


def receive(
    headers: Mapping[str, str],
    body: bytes,
    secret: str,
    *,
    names: tuple[str, str, str],
    convert: Callable[[str, Record, str], Iterable[Event]],
) -> Delivery:
    """A webhook, verified and mapped.

    Args:
        headers: Headers of the request, in any case.
        body: The body as it arrived, before any parsing.
        secret: The secret shared with the shop system.
        names: Headers of the signature, the topic and the delivery id, lower case.
        convert: Topic, record and delivery id → events.

    Raises:
        CollectorError: 401 for a wrong or missing signature, 400 for a body that is not a JSON object.
    """
    given = {name.lower(): value for name, value in headers.items()}
    if not verify_base64(body, given.get(names[0], ""), secret):
        raise CollectorError(401, "bad-signature", "the signature does not belong to this body and secret")
    topic, delivery_id = given.get(names[1], ""), given.get(names[2], "")
    try:
        record = json.loads(body, parse_float=Decimal)
    except ValueError:
        raise CollectorError(400, "unreadable", "the body is not JSON") from None
    if not isinstance(record, dict):
        raise CollectorError(400, "unreadable", "the body is not a JSON object")
    events: list[Event] = []
    problems: list[ProblemRecord] = []
    for outcome in guarded(lambda: convert(topic, record, delivery_id), topic, 1, record):
        if isinstance(outcome, ProblemRecord):
            problems.append(outcome)
        else:
            events.append(outcome)
    return Delivery(topic, delivery_id, tuple(events), tuple(problems))


def guarded(
    convert: Callable[[], Iterable[Event]], file: str, line: int, record: Record
) -> list[Event | ProblemRecord]:
    """All events of a record or one problem: half a record is never told."""
    record_id = maybe(record.get("id") or record.get("entity_id"))
    try:
        return list(convert())
    except Unmappable as problem:
        return [ProblemRecord(file, line, problem.field, problem.message, record_id)]
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return [ProblemRecord(file, line, ".".join(map(str, first["loc"])), first["msg"], record_id)]
    except (TypeError, AttributeError, KeyError) as error:
        return [ProblemRecord(file, line, "", f"has another shape than expected: {error}", record_id)]


# --- fields ----------------------------------------------------------------------------------------------------------


def text(record: Record, field: str) -> str:
    """The field as text; it must be there."""
    value = maybe(record.get(field))
    if value is None:
        raise Unmappable(field, "is missing")
    return value


def maybe(value: object) -> str | None:
    """*value* as text; ``None`` for what systems write when they mean nothing."""
    if value is None or value is False or value == "":
        return None
    return str(value).strip() or None


def amount(value: object, field: str) -> Decimal:
    """*value* as an exact amount, half-even to four places; nothing is 0.

    Raises:
        Unmappable: Not a number.
    """
    if value is None or value == "":
        return Decimal(0)
    try:
        number = Decimal(str(value).strip())
        exponent = number.as_tuple().exponent
        # What has four places or fewer stays as it was written: 19.90 is not 19.9000.
        return number.quantize(PLACES, ROUND_HALF_EVEN) if isinstance(exponent, int) and exponent < -4 else number
    except InvalidOperation:
        raise Unmappable(field, "is not an amount") from None


def address(record: Record | None, fields: Mapping[str, str], **known: str | None) -> Address | None:
    """The address in *record*, ``None`` when nothing of it is there.

    Args:
        record: An object of the other system.
        fields: Our field → the field of *record* that has it.
        known: Fields that the other system keeps in another shape.
    """
    found = {**known, **{ours: maybe((record or {}).get(theirs)) for ours, theirs in fields.items()}}
    return Address(**found) if any(found.values()) else None


def split_price(line_before: Decimal, line_after: Decimal, quantity: Decimal) -> tuple[Decimal, Decimal]:
    """Unit price and line discount from the line's sums before and after its discount.

    The unit price is rounded up to four places and the discount takes up the difference, so that
    ``price * quantity - discount`` is the sum after the discount to the fourth place: 10.00 for three stays 10.00.
    """
    before = max(line_before, line_after)
    price = (before / quantity).quantize(PLACES, ROUND_CEILING)
    if price * quantity == before:
        price = price.normalize() if price == price.to_integral_value() else price
    return price, max(Decimal(0), (price * quantity - line_after).quantize(PLACES, ROUND_HALF_EVEN))


def moment(value: object, field: str, *, naive: Any = None) -> datetime:
    """*value* as an aware time in UTC.

    Args:
        value: ISO 8601 text.
        field: Its name, for the message.
        naive: Time zone of a value that names none; without it such a value is refused.

    Raises:
        Unmappable: Missing, not a time, or naive while no zone is known.
    """
    written = maybe(value)
    if written is None:
        raise Unmappable(field, "is missing")
    try:
        parsed = datetime.fromisoformat(written)
    except ValueError:
        raise Unmappable(field, "is not an ISO 8601 time") from None
    if parsed.tzinfo is None:
        if naive is None:
            raise Unmappable(field, "has no time zone")
        parsed = parsed.replace(tzinfo=naive)
    return parsed.astimezone(UTC)
