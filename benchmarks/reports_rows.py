"""Whether a report and a query written by hand say the same."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def plain(value: Any) -> Any:
    """Times as microseconds, amounts and counts as floats, everything else as it is."""
    if isinstance(value, datetime):
        return float((value - _EPOCH) // timedelta(microseconds=1))
    if isinstance(value, Decimal | int | float) and not isinstance(value, bool):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value


def equal(left: Any, right: Any) -> bool:
    """Equal, floats to nine digits: sums of floats depend on the order in which two threads add.

    Amounts that were divided are rounded to the cent by the report.
    """
    if isinstance(left, Decimal) and isinstance(right, float):
        return abs(float(left) - right) <= 0.0051
    left, right = plain(left), plain(right)
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-6)
    return bool(left == right)


def same(result: Any, rows: list[tuple[Any, ...]]) -> str:
    """``same``, or the first difference in words."""
    if len(result.records) != len(rows):
        return f"{len(result.records)} rows against {len(rows)}"
    for number, (record, row) in enumerate(zip(result.records, rows, strict=True)):
        if len(record) != len(row):
            return f"{len(record)} columns against {len(row)}"
        for (name, left), right in zip(record.items(), row, strict=True):
            if not equal(left, right):
                return f"row {number}, {name}: {left!r} against {right!r}"
    return "same"
