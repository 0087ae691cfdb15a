"""Each figure beside that of the time before: the same report asked twice, rows laid side by side."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from ecomtrack_sdk.errors import BadParameter
from ecomtrack_sdk.reports._params import Params

if TYPE_CHECKING:
    from ecomtrack_sdk.reports._base import Report, Result, Row
    from ecomtrack_sdk.store._projection import Warehouse

__all__ = ["with_previous"]

P = TypeVar("P", bound=Params)
R = TypeVar("R", bound="Row")

_MEASURES = frozenset({"money", "quantity", "rate", "number", "count", "seconds"})


def _months_back(day: Any, months: int) -> Any:
    """*day* some months earlier; the last of the month where the day does not exist there."""
    index = day.year * 12 + day.month - 1 - months
    year, month = divmod(index, 12)
    for number in (day.day, 30, 29, 28):
        try:
            return day.replace(year=year, month=month + 1, day=number)
        except ValueError:
            continue
    return day


def _naive(value: date | datetime) -> datetime:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return datetime(value.year, value.month, value.day)  # noqa: DTZ001  # local days, compared with each other only


def _range_before(params: Params) -> tuple[Any, Any, int, timedelta]:
    """``from``, ``to`` of the time before, and the step back in months, or in days where months are no measure."""
    start, end = params.from_, params.to
    if start is None or end is None:
        raise BadParameter("compare", "needs from and to: what lies before all time is nothing")
    first, last = _naive(start), _naive(end)
    whole = first.day == 1 and last.day == 1 and first.time() == last.time() == datetime.min.time()
    if params.by == "week":
        # Weeks start on weekdays, not on days of months: steps are whole weeks.
        weeks = 52 if params.compare == "year" else -(-(last - first) // timedelta(weeks=1))
        step = timedelta(weeks=weeks)
        return start - step, end - step, 0, step
    if params.compare == "year":
        months, step = 12, timedelta()
    elif whole:
        months, step = (last.year - first.year) * 12 + last.month - first.month, timedelta()
    else:
        months, step = 0, last - first
    if months:
        return _months_back(start, months), _months_back(end, months), months, step
    return start - step, start, 0, step


def with_previous(report: Report[P, R], warehouse: Warehouse, params: P, result: Result[R]) -> Result[R]:
    """*result* with a column ``x_previous`` after each measure ``x``; NULL where the time before has no such row.

    The time before is as long as the range asked for and ends where it begins (whole months when the range is of
    whole months), or the same range a year earlier. A row that only the time before has comes after the others (of its
    period) with nothing in it: sums and counts 0, rates and means NULL.

    Raises:
        BadParameter: ``from`` or ``to`` is missing.
    """
    start, end, months, step = _range_before(params)
    earlier = params.model_copy(update={"from_": start, "to": end, "compare": None})
    before = report.answer(warehouse, earlier)
    units = report.units
    keys = [
        name for name in result.columns
        if (name in report.keys if report.keys else (unit := units.get(name)) is None or unit.kind not in _MEASURES)
    ]  # fmt: skip
    measures = [
        name
        for name in result.columns
        if name not in keys and (unit := units.get(name)) is not None and unit.kind in _MEASURES
    ]

    def key(record: dict[str, Any], later: bool = False) -> tuple[Any, ...]:
        values = []
        for name in keys:
            value = record[name]
            if later and isinstance(value, date):
                value = _months_back(value, -months) if months else value + step
            values.append(value)
        return tuple(values)

    known = {key(record, later=True): record for record in before.records}
    records = []
    for record in result.records:
        other = known.pop(key(record), {})
        records.append({**record, **{f"{name}_previous": other.get(name) for name in measures}})
    empty = {name: _nothing(report.row, name) for name in measures}
    for moved, other in known.items():
        old = {f"{name}_previous": other[name] for name in measures}
        records.append({**other, **dict(zip(keys, moved, strict=True)), **empty, **old})
    periods = [name for name in keys if (unit := units.get(name)) is not None and unit.kind == "period"]
    if periods:
        records.sort(key=lambda record: str(record[periods[0]]))
    columns = [part for name in result.columns for part in ([name, f"{name}_previous"] if name in measures else [name])]
    query = {**result.query, "compared_with": {"from": start.isoformat(), "to": end.isoformat()}}
    return replace(result, query=query, columns=columns, records=records)


def _nothing(row: type[Row], column: str) -> Any:
    """What a column says of something that did not happen: 0, or NULL where there is nothing to divide by."""
    info = row.model_fields[column]
    if type(None) in get_args(info.annotation):
        return None
    return Decimal(0) if info.annotation is Decimal else 0
