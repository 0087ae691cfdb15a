"""What kind of value a column holds, and how it is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Any, get_args

from pydantic.fields import FieldInfo

__all__ = ["Amount", "Count", "Money", "Number", "Period", "Quantity", "Rate", "Seconds", "Time", "Unit", "convert",
           "dictionaries", "places_of", "to_wire", "unit_of"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unit:
    """How the values of a column are shown: ``money``, ``rate``, ``count``, ``quantity``, ``seconds`` or another."""

    kind: str


Money = Annotated[Decimal, Unit("money")]
"""An exact amount in the row's ``currency``."""
Amount = Money
Quantity = Annotated[Decimal, Unit("quantity")]
"""Units of goods; a whole number unless goods are sold by weight."""
Rate = Annotated[float, Unit("rate")]
"""A share from 0 to 1."""
Number = Annotated[float, Unit("number")]
"""A plain figure such as a mean count."""
Count = Annotated[int, Unit("count")]
Seconds = Annotated[float, Unit("seconds")]
Period = Annotated[date, Unit("period")]
"""First day of the period, local; a local time when the period is an hour (with its offset from UTC in the hour that
clocks show twice)."""
Time = Annotated[datetime, Unit("time")]
"""A moment; microseconds since the epoch in SQL."""

_PLACES = Decimal("0.0001")
_PLAIN: Mapping[str, type] = {
    "money": Decimal, "quantity": Decimal, "rate": float, "number": float, "seconds": float, "count": int,
}  # fmt: skip
_LAST_DIGIT = [Decimal(1).scaleb(-places) for places in range(4)]
_ZERO = [Decimal(0).scaleb(-places) for places in range(4)]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_WITHOUT_CENTS = frozenset({
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF",
    "XPF",
})  # fmt: skip
_THREE_PLACES = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])


def unit_of(info: FieldInfo) -> Unit | None:
    """The unit in a field's annotation, ``X | None`` included."""
    for meta in info.metadata:
        if isinstance(meta, Unit):
            return meta
    for part in get_args(info.annotation):
        for meta in getattr(part, "__metadata__", ()):
            if isinstance(meta, Unit):
                return meta
    return None


def places_of(currency: str | None) -> int:
    """Digits after the point that a currency's prices have. Source: ISO 4217 minor units."""
    if currency in _WITHOUT_CENTS:
        return 0
    return 3 if currency in _THREE_PLACES else 2


def convert(
    values: Sequence[Any],
    unit: Unit | None,
    currencies: Sequence[str | None] | None = None,
    hours: tzinfo | None = None,
) -> Sequence[Any]:
    """An engine's values of a column as Python values: the same whichever engine they came from.

    A mean amount comes as a float and is rounded to the digits its currency has; sums are exact and stay so.

    Args:
        values: As the engine gave them; most are what they have to be already, and are looked at only once.
        unit: That of the column.
        currencies: Those of the rows, where they have one.
        hours: Where periods are hours, the zone whose clock names them.
    """
    kind = unit.kind if unit is not None else ""
    if kind == "period" and hours is not None:
        return [None if value is None else _hour(value, hours) for value in values]
    if kind == "time":
        return [_EPOCH + value * _MICROSECOND if isinstance(value, int) else value for value in values]
    plain = _PLAIN.get(kind)
    found = set(map(type, values)) - {type(None)}
    if plain is None or found <= {plain}:
        return values
    if kind == "money" and float in found:
        rows = zip(values, currencies or [None] * len(values), strict=True)
        return [_mean(value, currency) if isinstance(value, float) else value for value, currency in rows]
    return [None if value is None else plain(value) for value in values]


def dictionaries(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows with the *names* of their columns."""
    # A copy has its full size at once, where a dictionary filled from nothing grows three times; and of a row in
    # twenty thousand even zip's counting along is felt.
    empty: dict[str, Any] = dict.fromkeys(names)
    found = []
    for row in rows:
        record = empty.copy()
        record.update(zip(names, row))  # noqa: B905
        found.append(record)
    return found


def _mean(value: float, currency: str | None) -> Decimal:
    places = places_of(currency)
    return _unsigned_zero(Decimal(value).quantize(_LAST_DIGIT[places], ROUND_HALF_EVEN)) if value else _ZERO[places]


def _hour(begun: datetime, zone: tzinfo) -> datetime:
    """The beginning of an hour on the clocks of *zone*; with its offset where clocks show that hour twice."""
    local = begun.replace(tzinfo=UTC).astimezone(zone)
    wall = local.replace(tzinfo=None)
    twice = local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset()
    return wall.replace(tzinfo=timezone(local.utcoffset() or timedelta())) if twice else wall


def to_wire(value: Any, unit: Unit | None, record: Mapping[str, Any]) -> Any:
    """*value* for JSON: money as a string with the currency's digits at least, times as ISO 8601, rates as numbers."""
    if isinstance(value, Decimal):
        if unit is not None and unit.kind == "quantity":
            return int(value) if value == value.to_integral_value() else float(value)
        return money_text(value, record.get("currency"))
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return round(value, 6) if unit is None or unit.kind != "seconds" else round(value, 3)
    return value


def _unsigned_zero(value: Decimal) -> Decimal:
    """*value*, but 0 for the -0 that rounding leaves of a small negative amount."""
    return value or abs(value)


def money_text(value: Decimal, currency: str | None) -> str:
    """An amount as text: at least the digits its currency has, more only where they say something."""
    places = places_of(currency)
    text = format(_unsigned_zero(value.quantize(_PLACES, ROUND_HALF_EVEN)), "f")
    whole, _, digits = text.partition(".")
    digits = digits.rstrip("0").ljust(places, "0")
    return f"{whole}.{digits}" if digits else whole
