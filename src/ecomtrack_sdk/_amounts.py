"""Amounts: what is taken for one, exactly and fast."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from pydantic_core import PydanticCustomError

__all__ = ["fitting", "parse_amount", "parse_non_negative", "parse_quantity", "rounded"]

MAX_INTEGER_DIGITS = 14
"""Digits before the point: with four after it a sum fits DECIMAL(18, 4), the type of every amount in the store."""
MAX_DECIMAL_PLACES = 4
"""Digits after the point: the most that any ISO 4217 currency has (CLF, UYW)."""
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
    known: Any = None
    if kind is str:
        known = _KNOWN.get(value)  # type: ignore[call-overload]
    elif kind is int:
        known = _SMALL.get(value)  # type: ignore[call-overload]
    elif kind is Decimal and str(value) in _KNOWN:
        known = value
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


def parse_non_negative(value: object) -> Decimal:
    """As :func:`parse_amount`, 0 or more."""
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


def parse_quantity(value: object) -> Decimal:
    """As :func:`parse_amount`, above 0."""
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


def rounded(value: Decimal) -> Decimal:
    """*value* with four decimal places at most, half up: what a price times a fraction of a unit comes to."""
    number = value.as_tuple().exponent
    return value.quantize(_FOUR_PLACES, ROUND_HALF_UP) if isinstance(number, int) and number < -4 else value


def fitting(field: str, value: Decimal) -> Decimal:
    """*value*, derived for *field*.

    Raises:
        PydanticCustomError: It has more than 14 digits before the point, though its parts have not.
    """
    if abs(value) >= _BOUND:
        raise PydanticCustomError("amount", "{field}, derived, has more than 14 digits", {"field": field})
    return value
