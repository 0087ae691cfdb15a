"""What every chart needs: values and labels, axes, names of rows, a panel for each currency."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ecomtrack_sdk.reports._format import shown, title_of
from ecomtrack_sdk.reports._values import to_wire

if TYPE_CHECKING:
    from ecomtrack_sdk.reports._base import Result

__all__ = [
    "Draw", "Spec", "by_currency", "currencies_of", "each_currency", "label_of", "name_of", "naming_columns",
    "number_axis", "value_of",
]  # fmt: skip

Draw = Callable[["Result[Any]"], "Spec | None"]
Spec = dict[str, Any]


def value_of(result: Result[Any], record: dict[str, Any], column: str) -> Any:
    """A value for an axis: numbers as numbers, money too."""
    value = record.get(column)
    unit = result.unit(column)
    if unit is not None and unit.kind in ("money", "quantity") and value is not None:
        return float(value)
    return to_wire(value, unit, record)


def label_of(result: Result[Any], record: dict[str, Any], column: str) -> str:
    by = result.query.get("by")
    return shown(record.get(column), result.unit(column), record, by if isinstance(by, str) else None)


def number_axis(result: Result[Any], column: str, title: str | None = None) -> Spec:
    unit = result.unit(column)
    kind = unit.kind if unit else ""
    axis: Spec = {"format": ".1~%" if kind == "rate" else ",~f", "tickCount": 8, "title": title or title_of(column)}
    return {"axis": {**axis, **({"tickMinStep": 1} if kind in ("count", "quantity") else {})}}


def currencies_of(result: Result[Any]) -> list[str | None]:
    """The currencies of the rows, the one of most orders first."""
    weights: dict[str | None, float] = {}
    for record in result.records:
        currency = record.get("currency")
        weights[currency] = weights.get(currency, 0.0) + float(record.get("orders") or 0)
    return sorted(weights, key=lambda currency: (-weights[currency], str(currency)))


def each_currency(result: Result[Any], measure: str, draw: Draw) -> Spec | None:
    """What *draw* makes of the rows of each currency, one below the other; one chart where no money is shown."""
    unit = result.unit(measure)
    known = currencies_of(result)
    if unit is None or unit.kind != "money" or len(known) < 2:
        return draw(result)
    panels = []
    for currency in known:
        part = replace(result, records=[one for one in result.records if one.get("currency") == currency])
        if currency is not None and (spec := draw(part)) is not None:
            panels.append({**spec, "width": "container", "title": {"text": currency, "anchor": "start"}})
    return {"panels": panels} if panels else None


def by_currency(result: Result[Any], spec: Spec) -> Spec:
    """A panel for each currency: amounts in two currencies share no axis."""
    if len({record.get("currency") for record in result.records}) < 2:
        return {**spec, "height": 320}
    panels = [str(currency) for currency in currencies_of(result)]
    data = spec.pop("data")
    charts = [
        {**spec, "width": "container", "height": 200, "title": {"text": panel, "anchor": "start"},
         "transform": [{"filter": {"field": "currency", "equal": panel}}, *spec.get("transform", [])]}
        for panel in panels
    ]  # fmt: skip
    # Panels beside each other cannot fill a container in Vega-Lite: the page draws them one below the other.
    return {"data": data, "panels": charts}


_SAYS_ALL = ("name", "title", "emails")
"""Columns that say what a row is by themselves, the id beside them being for machines."""


def naming_columns(result: Result[Any], *, short: bool = True) -> list[str]:
    """The columns whose text names a row."""
    texts = [name for name in result.columns if result.unit(name) is None and name != "currency"]
    said = [name for name in texts[:2] if name in _SAYS_ALL] if short else []
    keys = result.report.keys
    several = len({record.get("currency") for record in result.records}) > 1 and (not keys or "currency" in keys)
    return [*(said or texts[:2] or result.columns[:1]), *(["currency"] if several else [])]


def name_of(result: Result[Any], record: dict[str, Any], names: Sequence[str]) -> str:
    texts = [label_of(result, record, name) for name in names if record.get(name) is not None]
    return " · ".join(dict.fromkeys(texts)) or "(none)"
