"""The small types everything shares: amounts, currencies, ids, aware times.

A type checker sees ``Amount`` and its kin as descriptors, so that an ``Order(shipping="4.90")`` may be written
with a string or an int while ``order.shipping`` is a ``Decimal``; no plugin is needed. At run time they are plain
annotated types with one validator each.
"""

from __future__ import annotations

import os
import re
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Generic, Protocol, TypeVar, overload

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, Strict, StringConstraints
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from ecomtrack_sdk._currencies import CURRENCIES

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue  # at run time it costs a quarter of the import

__all__ = [
    "Amount",
    "Clock",
    "Count",
    "Currency",
    "DerivedAmount",
    "EventId",
    "Flag",
    "Id",
    "NonNegativeAmount",
    "OptionalAmount",
    "OptionalNonNegativeAmount",
    "OptionalSeq",
    "Quantity",
    "Seq",
    "Text",
    "Timestamp",
    "Url",
    "default",
    "new_event_id",
    "parse_amount",
    "source_id",
    "utc_now",
]

T = TypeVar("T")

MAX_INTEGER_DIGITS = 14
"""Digits before the point: with four after it a sum fits DECIMAL(18, 4), the type of every amount in the store."""
MAX_DECIMAL_PLACES = 4
"""Digits after the point: the most that any ISO 4217 currency has (CLF, UYW)."""
MAX_ID_CHARS = 255
"""Longest id: what shop systems put into an indexed column."""
MAX_TEXT_CHARS = 4_096
"""Longest name, title, query or reason; longer text is a mistake in this place."""
MAX_URL_CHARS = 8_192
"""Longest address: the request line common servers accept."""

_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,14}(?:\.[0-9]{1,4})?", re.ASCII)
_ONE_PLACE = Decimal(1)
_FOUR_PLACES = Decimal("0.0001")
_BOUND = Decimal(10) ** MAX_INTEGER_DIGITS
_KNOWN: dict[str, Decimal] = {}
"""Amounts read before, by their text. A shop's prices repeat: looking one up takes a third of reading it."""
_KNOWN_POSITIVE: dict[str, Decimal] = {}
"""Those above zero."""
_KNOWN_LIMIT = 8_192
_SMALL = {number: Decimal(number) for number in range(1_000)}
"""The ints that quantities are."""


def _amount_error(reason: str) -> PydanticCustomError:
    return PydanticCustomError("amount", "{reason}", {"reason": reason})


def parse_amount(value: object) -> Decimal:
    """An exact amount from a ``Decimal``, a plain decimal string or an int; everything else is refused.

    Raises:
        PydanticCustomError: Floats (they lose cents), booleans, NaN, infinity, exponents in text, more than
            14 digits before or 4 after the point.
    """
    # By exact type first: True and 2.0 are equal to ints that are known, and must not pass for them.
    kind = type(value)
    if kind is str:
        known = _KNOWN.get(value)  # type: ignore[call-overload]
    elif kind is int:
        known = _SMALL.get(value)  # type: ignore[call-overload]
    elif kind is Decimal:
        known = value if str(value) in _KNOWN else None
    else:
        known = None
    return _read_amount(value) if known is None else known


def _read_amount(value: object) -> Decimal:
    if isinstance(value, str):
        plain = _PLAIN_NUMBER.fullmatch(value)
        if plain is None:
            raise _amount_error(
                "must be a plain decimal number such as '19.90', with at most 14 digits before and 4 after the point"
            )
        number = Decimal(value)
        _remember(_KNOWN, plain[0], number)
        return number
    if isinstance(value, Decimal):
        number = _normal(Decimal(value))
        _remember(_KNOWN, str(number), number)
        return number
    if isinstance(value, int) and not isinstance(value, bool):
        return _normal(Decimal(value))
    if isinstance(value, float):
        raise _amount_error("must not be a float, floats lose cents: write '19.90' or Decimal('19.90')")
    raise _amount_error("must be a Decimal, a decimal string or an int")


def _remember(known: dict[str, Decimal], text: str, number: Decimal) -> None:
    if len(known) >= _KNOWN_LIMIT:
        known.clear()
    known[text] = number


def _normal(value: Decimal) -> Decimal:
    """The same number without an exponent, or an error when it does not fit."""
    if not value.is_finite():
        raise _amount_error("must be a finite number")
    if abs(value) >= _BOUND:
        raise _amount_error("has more than 14 digits before the point")
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent > 0:
        return value.quantize(_ONE_PLACE)
    rounded = value.quantize(_FOUR_PLACES)
    if rounded != value:
        raise _amount_error("has more than 4 digits after the point: round it first, so that no cent is lost silently")
    return rounded if isinstance(exponent, int) and exponent < -MAX_DECIMAL_PLACES else value


def _parse_non_negative(value: object) -> Decimal:
    # What is known need not be compared again: this is the hottest line of an order.
    kind = type(value)
    known = _KNOWN_POSITIVE.get(value) if kind is str else _SMALL.get(value) if kind is int else None  # type: ignore[call-overload]
    if known is not None:
        return known  # type: ignore[no-any-return]
    number = parse_amount(value)
    if number < 0:
        raise _amount_error("must be 0 or more")
    if number and type(value) is str:
        _remember(_KNOWN_POSITIVE, value, number)
    return number


def _parse_quantity(value: object) -> Decimal:
    kind = type(value)
    known = _KNOWN_POSITIVE.get(value) if kind is str else _SMALL.get(value) if kind is int else None  # type: ignore[call-overload]
    if known:
        return known  # type: ignore[no-any-return]
    number = parse_amount(value)
    if number <= 0:
        raise _amount_error("must be above 0")
    if type(value) is str:
        _remember(_KNOWN_POSITIVE, value, number)
    return number


def _parse_currency(value: object) -> str:
    if isinstance(value, str):
        code = value if value in CURRENCIES else value.upper()
        if code in CURRENCIES:
            return code
    raise PydanticCustomError("currency", "must be an ISO 4217 code such as 'EUR'")


def _parse_timestamp(value: object) -> datetime:
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise PydanticCustomError(
                "timestamp", "must be an ISO 8601 time such as '2026-01-31T09:30:00+01:00'"
            ) from None
    elif isinstance(value, datetime):
        moment = value
    else:
        # A bare number is refused on purpose: seconds or milliseconds cannot be told apart.
        raise PydanticCustomError("timestamp", "must be an aware datetime or an ISO 8601 string")
    if moment.tzinfo is UTC:
        return moment
    offset = moment.utcoffset()
    if offset is None:
        raise PydanticCustomError(
            "timestamp", "must have a time zone: a naive time means another moment on every server"
        )
    try:
        # Plain datetime, whatever subclass came in (pandas, pendulum), so that serialising is always the same.
        plain = datetime.combine(moment.date(), moment.time(), UTC)
        return plain - offset
    except OverflowError:
        raise PydanticCustomError("timestamp", "is outside the years 1 to 9999 in UTC") from None


class _Parsed:
    """Annotation: *parse* makes the value, *inner* writes it; one Python call a value and none when serialising."""

    __slots__ = ("inner", "json_schema", "parse")

    def __init__(
        self, parse: Callable[[object], object], inner: CoreSchema | None, json_schema: JsonSchemaValue
    ) -> None:
        self.parse = parse
        self.inner = inner
        self.json_schema = json_schema

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        if self.inner is not None:
            return core_schema.no_info_before_validator_function(self.parse, self.inner)
        as_text = core_schema.to_string_ser_schema(when_used="json")
        return core_schema.no_info_plain_validator_function(self.parse, serialization=as_text)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return dict(self.json_schema)


_AMOUNT_SCHEMA = {"type": "string", "pattern": r"^-?[0-9]{1,14}(\.[0-9]{1,4})?$", "examples": ["19.90"]}
_NON_NEGATIVE_SCHEMA = {"type": "string", "pattern": r"^[0-9]{1,14}(\.[0-9]{1,4})?$", "examples": ["19.90"]}

if TYPE_CHECKING:

    class Amount:
        """A sum of money: write ``Decimal``, ``str`` or ``int``; read ``Decimal``."""

        @overload
        def __get__(self, instance: None, owner: type[Any]) -> Amount: ...
        @overload
        def __get__(self, instance: object, owner: type[Any]) -> Decimal: ...
        def __get__(self, instance: object, owner: type[Any]) -> Any: ...
        def __set__(self, instance: object, value: Decimal | str | int) -> None: ...

    class OptionalAmount:
        """As :class:`Amount`, or ``None``."""

        @overload
        def __get__(self, instance: None, owner: type[Any]) -> OptionalAmount: ...
        @overload
        def __get__(self, instance: object, owner: type[Any]) -> Decimal | None: ...
        def __get__(self, instance: object, owner: type[Any]) -> Any: ...
        def __set__(self, instance: object, value: Decimal | str | int | None) -> None: ...

    class DerivedAmount:
        """Write an amount or nothing; read a ``Decimal``: what is not given is derived."""

        @overload
        def __get__(self, instance: None, owner: type[Any]) -> DerivedAmount: ...
        @overload
        def __get__(self, instance: object, owner: type[Any]) -> Decimal: ...
        def __get__(self, instance: object, owner: type[Any]) -> Any: ...
        def __set__(self, instance: object, value: Decimal | str | int | None) -> None: ...

    NonNegativeAmount = Amount
    OptionalNonNegativeAmount = OptionalAmount
    Quantity = Amount

    class Seq(Generic[T]):
        """Write any sequence; read a tuple."""

        @overload
        def __get__(self, instance: None, owner: type[Any]) -> Seq[T]: ...
        @overload
        def __get__(self, instance: object, owner: type[Any]) -> tuple[T, ...]: ...
        def __get__(self, instance: object, owner: type[Any]) -> Any: ...
        def __set__(self, instance: object, value: Sequence[T]) -> None: ...

    class OptionalSeq(Generic[T]):
        """Write any sequence or ``None``; read a tuple or ``None``."""

        @overload
        def __get__(self, instance: None, owner: type[Any]) -> OptionalSeq[T]: ...
        @overload
        def __get__(self, instance: object, owner: type[Any]) -> tuple[T, ...] | None: ...
        def __get__(self, instance: object, owner: type[Any]) -> Any: ...
        def __set__(self, instance: object, value: Sequence[T] | None) -> None: ...

else:
    Amount = Annotated[Decimal, _Parsed(parse_amount, None, _AMOUNT_SCHEMA)]
    OptionalAmount = Amount | None
    DerivedAmount = OptionalAmount
    NonNegativeAmount = Annotated[Decimal, _Parsed(_parse_non_negative, None, _NON_NEGATIVE_SCHEMA)]
    OptionalNonNegativeAmount = NonNegativeAmount | None
    Quantity = Annotated[Decimal, _Parsed(_parse_quantity, None, _NON_NEGATIVE_SCHEMA)]

    class Seq:
        """``Seq[T]`` is ``tuple[T, ...]``; the class exists for its subscript."""

        def __class_getitem__(cls, item: Any) -> Any:
            return tuple[item, ...]

    class OptionalSeq:
        """``OptionalSeq[T]`` is ``tuple[T, ...] | None``."""

        def __class_getitem__(cls, item: Any) -> Any:
            return tuple[item, ...] | None


Currency = Annotated[
    str,
    _Parsed(
        _parse_currency,
        None,
        {"type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217", "examples": ["EUR"]},
    ),
]
Timestamp = Annotated[
    datetime,
    _Parsed(_parse_timestamp, core_schema.datetime_schema(), {"type": "string", "format": "date-time"}),
]
Flag = Annotated[bool, Strict()]
Count = Annotated[int, Strict(), Field(ge=0, le=2**53)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID_CHARS, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""An identifier of the shop's own: 1 to 255 characters, no control characters."""
Text = Annotated[str, StringConstraints(max_length=MAX_TEXT_CHARS)]
Url = Annotated[str, StringConstraints(max_length=MAX_URL_CHARS)]
EventId = Annotated[
    str,
    StringConstraints(
        to_lower=True,
        pattern=r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
    ),
]
"""A UUID as text, lower case. Made by :func:`new_event_id` (version 7) or :func:`source_id` (version 5)."""

_SOURCE_NAMESPACE = uuid.UUID("6b1f1dd0-6c1f-5c26-9d5c-0a8f5d7d3f10")
"""Namespace of :func:`source_id`; it must never change, or an import repeated would count twice."""


def default(value: object) -> Any:
    """A field's default, typed ``Any``: a checker would hold the value against the descriptor it sees."""
    return value


_tails: Iterator[str] = iter(())
"""Random ends of ids made ahead: one call for randomness serves many ids. ``next()`` on it is atomic."""
_TAILS_AHEAD = 64


def new_event_id() -> str:
    """A fresh UUIDv7 as text: sortable by the millisecond, 74 random bits.

    Source: RFC 9562 §5.7.
    """
    stamp = time.time_ns() // 1_000_000
    return f"{stamp >> 16:08x}-{stamp & 0xFFFF:04x}-{next(_tails, None) or _fresh_tail()}"


def _fresh_tail() -> str:
    global _tails
    random = os.urandom(10 * _TAILS_AHEAD).hex()
    # Version 7 in the first digit, variant 10xx in the fifth: two bits of the random digit are given up for it.
    digits = [random[at : at + 20] for at in range(0, len(random), 20)]
    tails = [f"7{d[:3]}-{'89ab'[int(d[3], 16) & 3]}{d[4:7]}-{d[7:19]}" for d in digits]
    _tails = iter(tails[1:])
    return tails[0]


def _forget_tails() -> None:
    """In a forked child: ids made ahead belong to the parent, and both would use them."""
    global _tails
    _tails = iter(())


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forget_tails)


def source_id(namespace: str, *record: str) -> str:
    """The event id that belongs to a record elsewhere, the same each time, so that a second import is a no-op.

    Args:
        namespace: The system the record lives in, such as ``"shopify"`` or ``"crm"``.
        record: What identifies the record there, such as ``"order", "1001", "paid"``.

    Returns:
        A UUIDv5 as text.
    """
    return str(uuid.uuid5(_SOURCE_NAMESPACE, "\x1f".join((namespace, *record))))


def utc_now() -> datetime:
    """The current moment, aware, in UTC."""
    return datetime.now(UTC)


class Clock(Protocol):
    """Where time comes from; tests hand in their own. Both in seconds."""

    def time(self) -> float:
        """Seconds since the epoch; may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...
