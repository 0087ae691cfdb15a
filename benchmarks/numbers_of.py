"""Reading the results: values by the path of their field, medians, ratios with their spread."""

from __future__ import annotations

import statistics
from collections.abc import Callable

Results = dict[str, dict[str, list[dict]]]
"""Section → SDK → one result a round."""
REFERENCE = "segment"


def number(digits: int) -> Callable[[float], str]:
    return lambda value: f"{value:,.{digits}f}"


def value_of(result: dict, field: str) -> float | None:
    """The number at *field*, or ``None``; ``flow.requests`` looks into ``flow``. Names may hold a point (``p99.9``)."""
    if field in result:
        return result[field]
    head, _, rest = field.partition(".")
    inner = result.get(head)
    return value_of(inner, rest) if isinstance(inner, dict) else None


def median(found: Results, section: str, name: str, field: str) -> float | None:
    """Median over the rounds; ``None`` where nothing was measured."""
    values = [value_of(one, field) for one in found.get(section, {}).get(name, [])]
    fine = [value for value in values if value is not None]
    return statistics.median(fine) if fine else None


def ratios(ours: list[dict], theirs: list[dict], field: str) -> list[float]:
    """Round by round."""
    pairs = [(value_of(a, field), value_of(b, field)) for a, b in zip(ours, theirs, strict=False)]
    return [a / b for a, b in pairs if a is not None and b]


def spread(ours: list[dict], theirs: list[dict], field: str) -> str:
    """Median of the rounds' ratios, with the least and the greatest."""
    found = ratios(ours, theirs, field)
    if not found:
        return ""
    middle = f"{statistics.median(found):.2f}"
    return middle if len(found) == 1 else f"{middle} ({min(found):.2f} to {max(found):.2f})"
