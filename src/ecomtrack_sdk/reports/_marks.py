"""The marks charts are made of: lines and stacks over periods, bars by name, cells of two names.

Every mark has a tooltip with the figure as the table shows it, currency and separators included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ecomtrack_sdk.reports._axes import (
    Draw,
    Spec,
    by_currency,
    each_currency,
    label_of,
    name_of,
    naming_columns,
    number_axis,
    value_of,
)
from ecomtrack_sdk.reports._format import title_of

if TYPE_CHECKING:
    from ecomtrack_sdk.reports._base import Result

__all__ = ["BAD", "GOOD", "PLAIN", "SOFT", "TOP", "bar_spec", "bars", "first_figure", "heat", "lines", "stacked"]

MOST_COLORS = 9
"""Names told apart by colour."""
TOP = 20
"""Bars shown: more cannot be read; the table has them all."""
GOOD, PLAIN, BAD, SOFT = "#2a9d6f", "#3b6fd4", "#d1495b", "#9aa5b1"
"""Told apart by people who see red and green alike, and readable on white and on black."""
_FIGURES = ("money", "count", "quantity", "rate", "number")


def long_rows(
    result: Result[Any], columns: Sequence[str], keys: Sequence[str], signs: Sequence[int] = ()
) -> list[Spec]:
    """A row for each value of *columns*, with its keys and the text of its tooltip."""
    rows = []
    for record in result.records:
        for place, column in enumerate(columns):
            value = value_of(result, record, column)
            if value is None:
                continue
            rows.append({
                **{key: value_of(result, record, key) for key in keys},
                "at": label_of(result, record, "period"),
                "series": title_of(column),
                "value": value * (signs[place] if signs else 1),
                "label": label_of(result, record, column),
                "order": place,
            })  # fmt: skip
    return rows


_SLANTED = {"labelAngle": -40, "labelOverlap": True}
NAMED_PERIODS = 40
"""Periods that each get their name on the axis; more are a time axis."""


def time_axis(result: Result[Any]) -> Spec:
    if len({record.get("period") for record in result.records}) <= NAMED_PERIODS:
        return {"field": "at", "type": "ordinal", "title": None, "axis": _SLANTED}
    return {"field": "period", "type": "temporal", "title": None}


def series_color(names: Sequence[str], colors: Sequence[str]) -> Spec:
    return {
        "field": "series",
        "type": "nominal",
        "title": None,
        "scale": {"domain": [title_of(name) for name in names], "range": list(colors)},
        "legend": {"orient": "top"},
    }


def lines(*columns: str, colors: Sequence[str]) -> Draw:
    def draw(result: Result[Any]) -> Spec | None:
        spec: Spec = {
            "data": {"values": long_rows(result, columns, ("period", "currency"))},
            "mark": {"type": "line", "point": True, "strokeWidth": 2.5},
            "encoding": {
                "x": time_axis(result),
                "y": {"field": "value", "type": "quantitative", **number_axis(result, columns[0], "Amount")},
                "color": series_color(columns, colors),
                "tooltip": [
                    {"field": "at", "title": "Period"},
                    {"field": "series", "title": "Figure"},
                    {"field": "label", "title": "Value"},
                ],
            },
        }
        return by_currency(result, spec)

    return draw


def stacked(*columns: str, colors: Sequence[str], signs: Sequence[int] = ()) -> Draw:
    def draw(result: Result[Any]) -> Spec | None:
        if "period" not in result.columns or columns[0] not in result.columns:
            return first_figure(result)
        spec: Spec = {
            "data": {"values": long_rows(result, columns, ("period", "currency"), signs)},
            "mark": {"type": "bar"},
            "encoding": {
                "x": {"field": "at", "type": "ordinal", "title": None, "axis": _SLANTED},
                "y": {
                    "field": "value",
                    "type": "quantitative",
                    "title": None,
                    "axis": {"format": ",~f", "tickMinStep": 1},
                },
                "color": series_color(columns, colors),
                "order": {"field": "order"},
                "tooltip": [
                    {"field": "at", "title": "Period"},
                    {"field": "series", "title": "State"},
                    {"field": "label", "title": "Number"},
                ],
            },
        }
        return by_currency(result, spec)

    return draw


def bars(measure: str, *, color: str = PLAIN, by: str | None = None) -> Draw:
    """The longest bars of *measure*, named by the first text columns."""

    def draw(result: Result[Any]) -> Spec | None:
        names = naming_columns(result)
        if "period" in result.columns:
            return over_time(result, measure, names)
        known = [record for record in result.records if record.get(measure)]
        known = sorted(known, key=lambda record: -value_of(result, record, measure))[:TOP]
        short = [name_of(result, record, names) for record in known]
        if len(set(short)) < len(short):  # bars of one name would lie on one another
            short = [name_of(result, record, naming_columns(result, short=False)) for record in known]
        rows = [
            {"name": name, "value": value_of(result, record, measure), "label": label_of(result, record, measure),
             "side": label_of(result, record, by) if by else ""}
            for name, record in zip(short, known, strict=True)
        ]  # fmt: skip
        if not rows:
            return None
        return bar_spec(rows, number_axis(result, measure), color, title_of(by) if by else None)

    def choose(result: Result[Any]) -> Spec | None:
        return each_currency(result, measure, draw) if measure in result.columns else first_figure(result)

    return choose


def over_time(result: Result[Any], measure: str, names: Sequence[str]) -> Spec:
    """The measure of each name over the periods, the biggest names first, in colours."""
    named = [name for name in names if name != "period"]
    rows = [
        {"period": value_of(result, record, "period"), "at": label_of(result, record, "period"),
         "series": name_of(result, record, named), "value": value_of(result, record, measure),
         "label": label_of(result, record, measure)}
        for record in result.records
        if record.get(measure) is not None
    ]  # fmt: skip
    sums: dict[str, float] = {}
    for row in rows:
        sums[row["series"]] = sums.get(row["series"], 0.0) + row["value"]
    biggest = sorted(sums, key=lambda name: -sums[name])[:MOST_COLORS]
    unit = result.unit(measure)
    adds_up = unit is not None and unit.kind != "rate"
    return {
        "data": {"values": [row for row in rows if row["series"] in biggest]},
        "height": 320,
        "mark": {"type": "bar"} if adds_up else {"type": "line", "point": True},
        "encoding": {
            "x": time_axis(result) if not adds_up else {**time_axis(result), "type": "ordinal", "field": "at"},
            "y": {"field": "value", "type": "quantitative", **number_axis(result, measure)},
            "color": {"field": "series", "type": "nominal", "title": None, "scale": {"domain": biggest},
                      "legend": {"orient": "top", "columns": 5}},
            "tooltip": [{"field": "at", "title": "Period"}, {"field": "series", "title": "Name"},
                        {"field": "label", "title": title_of(measure)}],
        },
    }  # fmt: skip


def bar_spec(rows: list[Spec], axis: Spec, color: str, side: str | None) -> Spec:
    y = {"field": "name", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 260}}
    tooltip = [{"field": "name", "title": "Name"}, {"field": "label", "title": axis["axis"]["title"]}]
    if side:
        tooltip.append({"field": "side", "title": side})
    return {
        "data": {"values": rows},
        "height": {"step": 26},
        # Room for the figure at the end of the longest bar.
        "padding": {"left": 5, "top": 5, "right": 70, "bottom": 5},
        "encoding": {"y": y, "x": {"field": "value", "type": "quantitative", **axis}, "tooltip": tooltip},
        "layer": [
            {"mark": {"type": "bar", "color": color, "cornerRadiusEnd": 3}},
            {"mark": {"type": "text", "align": "left", "dx": 4}, "encoding": {"text": {"field": "label"}}},
        ],
    }


def heat(x: str, y: str, value: str, *, total: bool = False, spare: int | None = None) -> Draw:
    """A cell for each pair; several rows of a pair are added up when *total*.

    Where every cell of the column *spare* is the same by definition (everybody is there in period 0), it does not
    set the scale of the colours.
    """

    def draw(result: Result[Any]) -> Spec | None:
        cells: dict[tuple[str, str], Spec] = {}
        for record in result.records:
            if record.get(value) is None and not total:
                continue
            key = (end_of(result, record, y), end_of(result, record, x))
            cell = cells.setdefault(key, {"y": key[0], "x": key[1], "value": 0, "label": ""})
            if total:
                cell["value"] += 1 if value == x else value_of(result, record, value)
                cell["label"] = f"{cell['value']:,}"
            else:
                cell["value"], cell["label"] = value_of(result, record, value), label_of(result, record, value)
        counted = [float(cell["value"]) for cell in cells.values() if cell["x"] != str(spare)]
        most = max(counted, default=0.0) or 1.0
        scale = {"scheme": "blues", "domain": [0, most], "clamp": True}
        place = {"type": "ordinal", "sort": None}
        return {
            "data": {"values": list(cells.values())},
            "height": {"step": 28},
            "encoding": {
                "x": {"field": "x", **place, "title": title_of(x), "axis": {"orient": "top", "labelAngle": 0}},
                "y": {"field": "y", **place, "title": title_of(y)},
                "tooltip": [{"field": "y", "title": title_of(y)}, {"field": "x", "title": title_of(x)},
                            {"field": "label", "title": title_of(value)}],
            },
            "layer": [
                {"mark": "rect", "encoding": {"color": {"field": "value", "type": "quantitative", "title": None,
                                                        "scale": scale, "legend": None}}},
                {"mark": {"type": "text", "fontSize": 10, "stroke": None}, "encoding": {
                    "text": {"field": "label"},
                    "color": {"condition": {"test": f"datum.value > {most * 0.55}", "value": "white"},
                              "value": "#123"}}},
            ],
        }  # fmt: skip

    def choose(result: Result[Any]) -> Spec | None:
        return each_currency(result, value, draw) if {x, y, value} <= set(result.columns) else first_figure(result)

    return choose


def end_of(result: Result[Any], record: dict[str, Any], column: str) -> str:
    """The name of a row or column; the ends of an order's way have no status."""
    if record.get(column) is None:
        return {"from_status": "(new)", "to_status": "(stays)"}.get(column, "(none)")
    return label_of(result, record, column)


def first_figure(result: Result[Any]) -> Spec | None:
    """For a report without a chart of its own: its first figure, over time if there are periods, else as bars."""
    measures = [name for name in result.columns if (unit := result.unit(name)) and unit.kind in _FIGURES]
    if not measures:
        return None
    unit = result.unit(result.columns[0])
    if unit is not None and unit.kind == "period" and result.columns[0] == "period":
        return lines(measures[0], colors=[PLAIN])(result)
    return bars(measures[0])(result)
