"""The overview: the numbers a shop owner looks at first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from ecomtrack_sdk.collector.console._asker import Asker
from ecomtrack_sdk.collector.console._charts import bars, line
from ecomtrack_sdk.collector.console._view import render, show
from ecomtrack_sdk.errors import ReportError
from ecomtrack_sdk.reports._values import Unit

__all__ = ["Overview"]

PERIOD_DAYS = 30
"""Days the overview shows unless told."""
_PARTS: tuple[tuple[str, str, dict[str, str], tuple[str, ...], str], ...] = (
    (
        "traffic",
        "Channels",
        {"dimension": "channel"},
        ("channel", "sessions", "visitors", "conversion_rate", "revenue"),
        "sessions",
    ),
    ("products", "Top products", {}, ("product", "name", "currency", "units", "net", "return_rate"), "units"),
    ("funnel", "Funnel", {}, ("name", "count", "rate_from_first"), "count"),
    ("returns", "Returns", {}, ("value", "name", "currency", "returned", "return_rate", "refunds"), ""),
)
"""Report, heading, parameters, columns shown (those the report has), column of the bars."""


class Overview(Asker):
    """One page over several reports."""

    async def page(self, request: Request) -> Response:
        """The numbers a shop owner looks at first, beside those of the period before."""
        today = datetime.now(UTC).date()
        query = request.query_params
        from_ = query.get("from") or (today - timedelta(days=PERIOD_DAYS - 1)).isoformat()
        to = query.get("to") or (today + timedelta(days=1)).isoformat()
        common = {"from": from_, "to": to, "time_zone": query.get("time_zone") or "UTC"}
        error = None
        money: list[dict[str, Any]] = []
        try:
            revenue = await self.run("revenue", {**common, "by": "day"})
            before = await self.attempt("revenue", {**common, **_before(from_, to), "by": "day"})
            traffic = await self.attempt("traffic", {**common, "dimension": "total"})
            money = _money(revenue, before, traffic)
        except ReportError as wrong:
            error = str(wrong)
        parts = []
        for name, title, params, columns, measure in _PARTS:
            result = await self.attempt(name, {**common, **params})
            if result is not None:
                shown = [column for column in columns if column in result.columns]
                label = next((column for column in shown if result.unit(column) is None), shown[0])
                chart = ""
                if measure in result.columns:
                    first = result.records[:10]
                    points = [(str(row.get("name") or row[label]), float(row[measure] or 0)) for row in first]
                    chart = bars(points, title)
                parts.append(
                    {
                        "name": name,
                        "title": title,
                        "query": urlencode({**common, **params}),
                        "result": result,
                        "columns": shown,
                        "chart": chart,
                    }
                )
        return render("overview.html", title="Overview", section="Overview", money=money, parts=parts, error=error,
                      from_=from_, to=to, time_zone=common["time_zone"])  # fmt: skip


def _before(from_: str, to: str) -> dict[str, str]:
    """The period of the same length just before."""
    try:
        start, end = date.fromisoformat(from_), date.fromisoformat(to)
    except ValueError:
        return {}
    return {"from": (start - (end - start)).isoformat(), "to": from_}


def _money(revenue: Any, before: Any, traffic: Any) -> list[dict[str, Any]]:
    """Cards and chart for each currency, the largest first."""
    currencies = {row["currency"] for row in revenue.records if row["currency"]}
    blocks = []
    for currency in currencies:
        now, then = _totals(revenue, currency), _totals(before, currency)
        record = {"currency": currency}
        cards = [
            _card("Net revenue", now["net"], then["net"], Unit("money"), record),
            _card("Orders", int(now["orders"]), int(then["orders"]), Unit("count"), record),
            _card(
                "Average order",
                _ratio(now["net"], now["orders"]),
                _ratio(then["net"], then["orders"]),
                Unit("money"),
                record,
            ),
            _card("Gross", now["gross"], then["gross"], Unit("money"), record),
            _card("Refunds", now["refunds"], then["refunds"], Unit("money"), record, good_when="down"),
            _card("Cancelled", now["cancelled"], then["cancelled"], Unit("money"), record, good_when="down"),
        ]
        points = [(str(row["period"]), float(row["net"])) for row in revenue.records if row["currency"] == currency]
        blocks.append(
            {
                "currency": currency,
                "cards": cards,
                "chart": line(points, f"Net revenue by day, {currency}"),
                "net": now["net"],
            }
        )
    blocks.sort(key=lambda block: block["net"], reverse=True)
    if blocks and traffic is not None and traffic.records:
        row = traffic.records[0]
        for name in ("sessions", "visitors", "conversion_rate", "bounce_rate"):
            if name in row:
                blocks[0]["cards"].append(
                    _card(name.replace("_", " ").capitalize(), row[name], None, traffic.unit(name), row)
                )
    return blocks


def _totals(result: Any, currency: str) -> dict[str, Decimal]:
    names = ("net", "gross", "refunds", "cancelled", "orders")
    rows = [] if result is None else [row for row in result.records if row["currency"] == currency]
    return {name: sum((Decimal(row[name] or 0) for row in rows), Decimal(0)) for name in names}


def _ratio(amount: Decimal, count: Decimal) -> Decimal | None:
    return (amount / count).quantize(Decimal("0.01")) if count else None


def _card(
    name: str, now: Any, then: Any, unit: Unit | None, record: Mapping[str, Any], *, good_when: str = "up"
) -> dict[str, str]:
    change, mood = "", ""
    if now is not None and then:
        share = float(now) / float(then) - 1
        change = f"{'▲' if share >= 0 else '▼'} {abs(share):.0%}"
        mood = "up" if (share >= 0) == (good_when == "up") else "down"
    return {"name": name, "value": show(now, unit, record), "change": change, "mood": mood}
