"""The small types everything shares: amounts, currencies, ids, aware times.

A type checker sees ``Amount`` and its kin as descriptors, so that an ``Order(shipping="4.90")`` may be written
with a string or an int while ``order.shipping`` is a ``Decimal``; no plugin is needed. At run time they are plain
annotated types with one validator each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Generic, Protocol, TypeVar, overload

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, Strict, StringConstraints
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from ecomtrack_sdk._amounts import parse_amount, parse_non_negative, parse_quantity
from ecomtrack_sdk._currencies import CURRENCIES
from ecomtrack_sdk._ids import new_event_id, source_id

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

MAX_ID_CHARS = 255
"""Longest id: what shop systems put into an indexed column."""
MAX_TEXT_CHARS = 4_096
"""Longest name, title, query or reason; longer text is a mistake in this place."""
MAX_URL_CHARS = 8_192
"""Longest address: the request line common servers accept."""


def _parse_currency(value: object) -> str:
    if isinstance(value, str):
        code = value if value in CURRENCIES else value.upper()
        if code in CURRENCIES:
            return code
    raise PydanticCustomError("currency", "must be an ISO 4217 code such as 'EUR'")


_TIME_SIGNS = frozenset({"T", "t", " "})


def _parse_timestamp(value: object) -> datetime:
    if isinstance(value, str):
        try:
            # Python reads more than RFC 3339: week dates, dates without dashes, any letter before the time.
            extended = value[4:5] == value[7:8] == "-" and value[10:11] in _TIME_SIGNS
            moment = datetime.fromisoformat(value if extended else "")
        except ValueError:
            raise PydanticCustomError(
                "timestamp", "must be an ISO 8601 time such as '2026-01-31T09:30:00+01:00'"
            ) from None
    elif isinstance(value, datetime):
        moment = value
    else:
        # A bare number is refused on purpose: seconds or milliseconds cannot be told apart.
        raise PydanticCustomError("timestamp", "must be an aware datetime or an ISO 8601 string")
    if moment.tzinfo is UTC and type(moment) is datetime:
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
    NonNegativeAmount = Annotated[Decimal, _Parsed(parse_non_negative, None, _NON_NEGATIVE_SCHEMA)]
    OptionalNonNegativeAmount = NonNegativeAmount | None
    Quantity = Annotated[Decimal, _Parsed(parse_quantity, None, _NON_NEGATIVE_SCHEMA)]

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
Id = Annotated[
    str, StringConstraints(strict=True, min_length=1, max_length=MAX_ID_CHARS, pattern=r"^[^\x00-\x1f\x7f]+$")
]
"""An identifier of the shop's own: 1 to 255 characters, no control characters."""
Text = Annotated[str, StringConstraints(strict=True, max_length=MAX_TEXT_CHARS)]
Url = Annotated[str, StringConstraints(strict=True, max_length=MAX_URL_CHARS)]
EventId = Annotated[
    str,
    StringConstraints(
        strict=True,
        to_lower=True,
        pattern=r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
    ),
]
"""A UUID as text, lower case. Made by :func:`new_event_id` (version 7) or :func:`source_id` (version 5)."""


def default(value: object) -> Any:
    """A field's default, typed ``Any``: a checker would hold the value against the descriptor it sees."""
    return value


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
