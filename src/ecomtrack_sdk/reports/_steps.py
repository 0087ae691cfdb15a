"""The small language of steps: ``add_to_cart[product_id=p1]`` to a condition over the flat tables.

A step is an event type, ``custom:NAME`` for a custom event, or ``*`` for anything, followed by filters in brackets.
Several filters (``[brand=Acme,price>10]`` or ``[brand=Acme][price>10]``) must all hold; ``a|b`` means either value.

=========  ==============================================================
``=``      equal to one of the values; ``(none)`` is an absent one
``!=``     equal to none of them, absent ones included
``~``      contains the text, whatever its case
``> >= < <=``  compared as numbers
=========  ==============================================================

A field is a column of ``events`` (``utm_campaign``, ``page_type`` …), one of an item (``product_id``, ``variant_id``,
``sku``, ``product``, ``brand``, ``category``, ``price``, ``quantity``, ``coupon``; the filters of a step must hold on
one and the same line), or else a property of a custom event. ``product`` is the id, as everywhere; a filter on it takes
the name too. Source: the filters of PostHog and Matomo funnels, in
one line of text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from ecomtrack_sdk.errors import BadParameter
from ecomtrack_sdk.events import EVENT_CLASSES
from ecomtrack_sdk.store._tables import TABLES

__all__ = [
    "EVENT_FIELDS",
    "FREE_FIELDS",
    "ITEM_FIELDS",
    "Filter",
    "Step",
    "parse_duration",
    "parse_step",
    "parse_steps",
    "split_steps",
]

_NOT_FIELDS = {"seq", "event_id", "type", "t", "received_t", "properties", "product_id", "is_bot", "engaged_seconds"}
EVENT_FIELDS = frozenset(column.name for column in TABLES["events"]) - _NOT_FIELDS
"""Columns of ``events`` a filter may name."""

ITEM_FIELDS = {
    "product_id": "product_id",
    "variant_id": "variant_id",
    "sku": "sku",
    "product": "product_id",
    "brand": "brand",
    "category": "category",
    "categories": "categories",
    "price": "price",
    "quantity": "quantity",
    "coupon": "coupon",
}
"""Field of a filter → column of ``event_items``. A filter on ``product`` takes its name as well as its id."""

FREE_FIELDS = frozenset({"custom", "search", "*"})
"""Steps whose events have fields of their own: the properties of a custom event, the filters of a search."""

NUMERIC = frozenset({"price", "quantity", "value", "results_count", "link_position"})
"""Columns that are numbers in the tables: equality compares them as numbers too (10 is 10.00)."""

_FILTER = re.compile(r"^\s*([A-Za-z_$][\w.$ -]*?)\s*(!=|>=|<=|=|~|>|<)\s*(.*?)\s*$", re.DOTALL)
_DURATION = re.compile(r"^\s*(\d{1,12})\s*(s|m|min|h|d|w)\s*$")
MOST_SECONDS = 36_525 * 86_400
"""Longest duration: a hundred years, in seconds."""
TOO_LARGE = Decimal(10) ** 13
"""Numbers of filters and goals stay below: engines hold fourteen digits before the point and four behind it."""
FINEST = -18
"""Smallest exponent of ten in such a number."""
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition on an event.

    Attributes:
        field: The name as the user wrote it.
        operator: One of ``= != ~ > >= < <=``.
        values: The values that would do; one for the comparisons of numbers.
    """

    field: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """An event type with filters.

    Attributes:
        type: The wire type, or ``*`` for any.
        name: The name of a custom event, or ``None``.
        filters: All of them must hold.
        text: The step as the user wrote it.
    """

    type: str
    name: str | None
    filters: tuple[Filter, ...]
    text: str

    def key(self) -> tuple[str, str | None, tuple[Filter, ...]]:
        """Equal for steps that ask for the same events, however they were written."""
        return self.type, self.name, self.filters


def parse_duration(text: str, parameter: str = "window") -> int:
    """Seconds of ``7d``, ``12h``, ``30m``, ``45s`` or ``2w``.

    Raises:
        BadParameter: It is none of these, or zero.
    """
    found = _DURATION.match(text)
    if found is None or int(found[1]) == 0:
        raise BadParameter(parameter, f"{text!r} is not a duration; write 30m, 12h, 7d or 2w")
    seconds = int(found[1]) * _SECONDS[found[2]]
    if seconds > MOST_SECONDS:
        raise BadParameter(parameter, f"{text!r} is longer than a hundred years")
    return seconds


def parse_steps(text: str, parameter: str = "steps", least: int = 1) -> tuple[Step, ...]:
    """Steps separated by commas; commas and brackets inside the brackets of a filter do not separate.

    Raises:
        BadParameter: A step cannot be read, or there are fewer than *least*.
    """
    steps = tuple(parse_step(part, parameter) for part in split_steps(text, parameter))
    if len(steps) < least:
        raise BadParameter(parameter, "names no step" if least == 1 else f"needs {least} steps, separated by commas")
    return steps


def parse_step(text: str, parameter: str = "steps") -> Step:
    """One step.

    Raises:
        BadParameter: The type is unknown or a filter cannot be read.
    """
    head, bracket, rest = text.strip().partition("[")
    head = head.strip()
    kind, colon, name = head.partition(":")
    if kind not in EVENT_CLASSES and kind != "*":
        known = ", ".join(EVENT_CLASSES)
        raise BadParameter(parameter, f"{head!r} is not an event; write one of {known}, or custom:NAME")
    if colon and (kind != "custom" or not name.strip()):
        raise BadParameter(parameter, f"{head!r}: only a custom event has a name, as in custom:NAME")
    filters: list[Filter] = []
    if bracket:
        body = rest.rstrip()
        if not body.endswith("]"):
            raise BadParameter(parameter, f"{text.strip()!r}: the bracket is not closed")
        for group in body[:-1].split("]["):
            filters.extend(_filter(part, text, parameter) for part in re.split(r"[,&]", group) if part.strip())
    return Step(kind, name.strip() or None if colon else None, tuple(filters), text.strip())


def _filter(part: str, text: str, parameter: str) -> Filter:
    found = _FILTER.match(part)
    if found is None:
        raise BadParameter(parameter, f"{text.strip()!r}: write a filter as [FIELD=VALUE], also != ~ > >= < <=")
    field, operator, value = found[1], found[2], found[3]
    if operator in {">", ">=", "<", "<="}:
        number(value, text, parameter)
        return Filter(field, operator, (value,))
    return Filter(field, operator, tuple(each.strip() for each in value.split("|")))


def number(value: str, text: str, parameter: str) -> Decimal:
    """The value as a number.

    Raises:
        BadParameter: It is none.
    """
    try:
        found = Decimal(value)
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise BadParameter(parameter, f"{text.strip()!r}: {value!r} is not a number")
    exponent = found.as_tuple().exponent
    if abs(found) >= TOO_LARGE or (isinstance(exponent, int) and exponent < FINEST):
        raise BadParameter(parameter, f"{text.strip()!r}: {value!r} has too many digits")
    return found


def split_steps(text: str, parameter: str) -> list[str]:
    """The texts of the steps, empty ones left out."""
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(text):
        if letter == "[":
            depth += 1
        elif letter == "]":
            depth -= 1
        elif letter == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
        if depth not in {0, 1}:
            raise BadParameter(parameter, f"{text!r}: brackets do not match")
    if depth:
        raise BadParameter(parameter, f"{text!r}: the bracket is not closed")
    return [part.strip() for part in [*parts, text[start:]] if part.strip()]
