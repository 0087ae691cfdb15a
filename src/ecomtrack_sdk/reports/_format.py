"""How a value reads for people: currency sign, thousands separators, per cent, durations. The same in every output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from ecomtrack_sdk.reports._values import Unit, places_of

__all__ = ["is_number", "shown", "sparkline", "title_of"]

_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "CHF": "CHF ", "PLN": "PLN ", "UAH": "₴", "INR": "₹",
          "KZT": "₸", "RUB": "₽", "TRY": "₺", "KRW": "₩", "CZK": "CZK ", "SEK": "SEK "}  # fmt: skip
_NUMBERS = frozenset({"money", "quantity", "rate", "number", "count", "seconds"})
_BARS = "▁▂▃▄▅▆▇█"
_SHORT = {"aov": "AOV", "ltv": "LTV", "rfm": "RFM", "p90": "p90", "id": "ID"}
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def is_number(unit: Unit | None) -> bool:
    """Whether a column is set flush right."""
    return unit is not None and unit.kind in _NUMBERS


def title_of(column: str) -> str:
    """The heading of a column: ``refund_rate`` → ``Refund rate``."""
    # Seconds are shown as what reads best, minutes or days: ``median_seconds`` is a time.
    words = [_SHORT.get(word, "time" if word == "seconds" else word) for word in column.split("_")]
    text = " ".join(words)
    return text[:1].upper() + text[1:] if words[0] not in _SHORT else text


def _money(value: Decimal, currency: str | None) -> str:
    places = places_of(currency)
    rounded = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    sign = "-" if rounded < 0 else ""
    number = f"{abs(rounded):,.{places}f}"
    return f"{sign}{_SIGNS.get(currency, f'{currency} ')}{number}" if currency else f"{sign}{number}"


def _duration(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    if seconds < 2 * _DAY:
        return f"{seconds / _HOUR:.1f} h"
    return f"{seconds / _DAY:,.1f} d"


def shown(value: Any, unit: Unit | None, record: Mapping[str, Any], by: str | None = None) -> str:
    """*value* as text for people; what is absent is ``-``.

    Args:
        value: A Python value of a result.
        unit: That of its column.
        record: Its row; ``currency`` is taken from it.
        by: Length of the period, where the report has one.
    """
    kind = unit.kind if unit is not None else None
    if value is None:
        return "-"
    if kind == "money":
        return _money(Decimal(value), record.get("currency"))
    if kind == "rate":
        return f"{value * 100:.1f} %"
    if kind == "seconds":
        return _duration(value)
    if kind == "quantity":
        return f"{Decimal(value).normalize():,f}"
    if kind == "number":
        return f"{value:,.2f}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if kind == "count" or isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        offset = value.strftime(" %z") if kind == "period" and value.tzinfo is not None else ""
        return value.strftime("%Y-%m-%d %H:%M") + offset
    if isinstance(value, date):
        return _period(value, by) if kind == "period" else value.isoformat()
    return str(value)


def _period(day: date, by: str | None) -> str:
    if by == "year":
        return f"{day.year}"
    if by == "quarter":
        return f"{day.year} Q{(day.month + 2) // 3}"
    if by == "month":
        return f"{day.year}-{day.month:02d}"
    return day.isoformat()


def sparkline(values: Sequence[Any]) -> str:
    """One bar a value, from the lowest (or 0) to the highest; a gap where there is none."""
    numbers = [None if value is None else float(value) for value in values]
    known = [number for number in numbers if number is not None]
    if not known:
        return ""
    low, high = min(0.0, *known), max(0.0, *known)
    span = (high - low) or 1.0
    return "".join(
        " " if number is None else _BARS[round((number - low) / span * (len(_BARS) - 1))] for number in numbers
    )
