"""One chart for the question of each report, as a Vega-Lite specification.

A specification is plain data (what Altair would make of the same marks), so drawing one needs nothing installed;
turning it into a page or a picture needs the extra ``charts``. Every mark has a tooltip with the figures as the table
shows them, currency and separators included. Colours come from the page, for a light and a dark ground.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecomtrack_sdk.reports._axes import (
    Draw,
    Spec,
    currencies_of,
    label_of,
    name_of,
    naming_columns,
    number_axis,
    value_of,
)
from ecomtrack_sdk.reports._format import title_of
from ecomtrack_sdk.reports._marks import BAD, GOOD, PLAIN, SOFT, TOP, bar_spec, bars, first_figure, heat, lines, stacked

if TYPE_CHECKING:
    from ecomtrack_sdk.reports._base import Result

__all__ = ["Spec", "chart_of"]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"


def chart_of(result: Result[Any]) -> Spec | None:
    """The chart of *result*, or ``None`` where there is nothing to draw."""
    if not result.records:
        return None
    draw = _CHARTS.get(result.report.name, first_figure)
    spec = draw(result)
    if spec is None:
        return None
    return {"$schema": SCHEMA, "width": "container", "autosize": {"type": "fit-x", "contains": "padding"}, **spec}


def _funnel(result: Result[Any]) -> Spec | None:
    if "count" not in result.columns or "rate_from_first" not in result.columns:
        return None
    broken = "breakdown" in result.columns and any(record.get("breakdown") is not None for record in result.records)
    rows = [
        {"name": f"{record['step']}. {record['name']}", "value": record["count"],
         "label": f"{label_of(result, record, 'count')} ({label_of(result, record, 'rate_from_first')})",
         "side": label_of(result, record, "rate_from_previous"), "group": label_of(result, record, "breakdown")}
        for record in result.records
    ]  # fmt: skip
    spec = bar_spec(rows, number_axis(result, "count", "Reached the step"), PLAIN, "From the step before")
    if broken:
        spec["layer"][0]["mark"].pop("color")
        spec["encoding"]["yOffset"] = {"field": "group", "sort": None}
        spec["layer"][0]["encoding"] = {"color": {"field": "group", "type": "nominal", "title": None, "sort": None}}
        spec["height"] = {"step": 14}
    else:
        spec["height"] = {"step": 44}
    return spec


def _pareto(result: Result[Any]) -> Spec | None:
    """The best sellers and how much of all net revenue they bring together."""
    if "net" not in result.columns:
        return first_figure(result)
    currency = next((one for one in currencies_of(result) if one is not None), None)
    known = sorted((one for one in result.records if one.get("currency") == currency), key=lambda one: -one["net"])
    total, running, rows = sum(max(float(one["net"]), 0.0) for one in known) or 1.0, 0.0, []
    for record in known[:TOP]:
        running += max(float(record["net"]), 0.0)
        name = name_of(result, record, [name for name in naming_columns(result) if name != "currency"][:1])
        rows.append({"name": name, "value": float(record["net"]), "label": label_of(result, record, "net"),
                     "share": running / total, "share_label": f"{running / total:.1%}"})  # fmt: skip
    x = {
        "field": "name",
        "type": "nominal",
        "sort": None,
        "title": None,
        "axis": {"labelAngle": -40, "labelLimit": 120},
    }
    tooltip = [{"field": "name", "title": "Product"}, {"field": "label", "title": "Net"},
               {"field": "share_label", "title": "Share of all so far"}]  # fmt: skip
    share = {"field": "share", "type": "quantitative", "title": "Share of all", "scale": {"domain": [0, 1]},
             "axis": {"format": "%", "grid": False}}  # fmt: skip
    net = {"field": "value", "type": "quantitative", **number_axis(result, "net", f"Net {currency or ''}")}
    return {
        "data": {"values": rows},
        "height": 340,
        "encoding": {"x": x, "tooltip": tooltip},
        "layer": [
            {"mark": {"type": "bar", "color": PLAIN, "cornerRadiusEnd": 3}, "encoding": {"y": net}},
            {"mark": {"type": "line", "color": BAD, "point": {"color": BAD}}, "encoding": {"y": share}},
        ],
        "resolve": {"scale": {"y": "independent"}},
    }


def _timeline(result: Result[Any]) -> Spec | None:
    rows = [
        {"t": value_of(result, record, "t"), "type": title_of(record["type"]),
         "label": label_of(result, record, "what"), "phase": label_of(result, record, "phase")}
        for record in result.records
    ]  # fmt: skip
    return {
        "data": {"values": rows},
        "height": {"step": 26},
        "mark": {"type": "circle", "size": 110, "opacity": 0.75},
        "encoding": {
            "x": {"field": "t", "type": "temporal", "title": None},
            "y": {"field": "type", "type": "nominal", "title": None},
            "color": {"field": "phase", "type": "nominal", "title": None, "legend": {"orient": "top"}},
            "tooltip": [{"field": "t", "type": "temporal", "title": "When", "format": "%Y-%m-%d %H:%M"},
                        {"field": "type", "title": "Event"}, {"field": "label", "title": "What"}],
        },
    }  # fmt: skip


_CHARTS: dict[str, Draw] = {
    "revenue": lines("gross", "net", "refunds", "cancelled", colors=(SOFT, PLAIN, BAD, "#e39b37")),
    "orders": stacked(
        "completed", "shipped", "open", "returned", "cancelled", "failed",
        colors=(GOOD, "#7fc8a9", PLAIN, "#e39b37", BAD, SOFT),
    ),
    "order_flow": heat("to_status", "from_status", "orders", total=True),
    "funnel": _funnel,
    "retention": heat("period", "cohort", "rate", spare=0),
    "ltv": heat("period", "cohort", "ltv"),
    "lifecycle": stacked(
        "returning", "new", "resurrecting", "dormant", colors=(PLAIN, GOOD, "#e39b37", BAD), signs=(1, 1, 1, -1)
    ),
    "products": _pareto,
    "returns": bars("return_rate", color=BAD, by="returned"),
    "traffic": bars("sessions", by="conversion_rate"),
    "attribution": bars("net", by="share"),
    "customers": bars("net", by="orders"),
    "visitors": bars("page_views", by="orders"),
    "rfm": heat("frequency_score", "recency_score", "frequency_score", total=True),
    "carts": stacked("ordered", "open", "abandoned", colors=(GOOD, SOFT, BAD)),
    "search": bars("searches", by="zero_rate"),
    "content": bars("views", by="reader_orders_rate"),
    "payments": bars("net", by="success_rate"),
    "micro_conversions": bars("session_rate", color=GOOD, by="hits"),
    "profile": _timeline,
}  # fmt: skip
