"""The pages of reports: parameters as a form that is a bookmark, chart, table, the time before, downloads."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from ecomtrack_sdk.collector.console._asker import Asker
from ecomtrack_sdk.collector.console._charts import bars, line
from ecomtrack_sdk.collector.console._fields import fields_of
from ecomtrack_sdk.collector.console._view import render
from ecomtrack_sdk.errors import CollectorError, ReportError, UnknownReport

__all__ = ["ReportPages"]

PERIODS = (("7 days", 7), ("30 days", 30), ("90 days", 90), ("12 months", 365))
COMPARED_DAYS = 30
"""Days compared with those before where no period is given."""
_MEASURES = ("net", "revenue", "count", "sessions", "orders", "units", "customers")
"""What a chart shows, the first a report has."""

Query = dict[str, str | list[str]]


class ReportPages(Asker):
    """The list of reports, and a page for each."""

    async def index(self, _: Request) -> Response:
        """The reports with their questions."""
        from ecomtrack_sdk.reports import REPORTS

        return render("reports.html", title="Reports", section="Reports", reports=REPORTS)

    async def page(self, request: Request) -> Response:
        """One report: its parameters as a form, chart, table, downloads, definition."""
        from ecomtrack_sdk.reports import REPORTS, get

        name = request.path_params["name"]
        try:
            report = get(name)
        except UnknownReport as error:
            raise CollectorError(404, "unknown-report", str(error)) from None
        query = _query(request)
        _fill_period(query)
        result, wrong = None, None
        fields = report.params.model_fields
        if all((info.alias or field) in query for field, info in fields.items() if info.is_required()):
            try:
                result = await self.run(name, query)
            except ReportError as error:
                wrong = str(error)
        return render(
            "report.html",
            title=name.replace("_", " ").capitalize(),
            section="Reports",
            name=name,
            question=REPORTS[name],
            fields=fields_of(report.params, query, getattr(report, "filters", {})),
            result=result,
            compared=(result.query.get("compared_with") if result is not None else None),
            chart=_chart(result) if result is not None else "",
            query=urlencode(query, doseq=True),
            periods=[(words, urlencode({**query, **_last(days)}, doseq=True)) for words, days in PERIODS],
            doc=(report.doc or _module_doc(name)).strip(),
            error=wrong,
        )

    async def download(self, request: Request) -> Response:
        """A report as a file: ``csv`` or ``json``. The picture of its chart is made by the browser that shows it."""
        name, kind = request.path_params["name"], request.path_params["kind"]
        if kind not in ("csv", "json"):
            raise CollectorError(404, "not-found", "a report is downloaded as csv or json")
        try:
            result = await self.run(name, _query(request))
        except UnknownReport as error:
            raise CollectorError(404, "unknown-report", str(error)) from None
        except ReportError as error:
            raise CollectorError(400, "bad-parameter", str(error)) from None
        found = result.to_dict()
        if kind == "json":
            body, media = json.dumps(found, ensure_ascii=False), "application/json"
        else:
            file = io.StringIO()
            writer = csv.writer(file)
            writer.writerow(result.columns)
            writer.writerows([[_inert(row[column]) for column in result.columns] for row in found["rows"]])
            body, media = file.getvalue(), "text/csv; charset=utf-8"
        return Response(
            body, media_type=media, headers={"content-disposition": f'attachment; filename="{name}.{kind}"'}
        )


def _query(request: Request) -> Query:
    """The parameters given, empty fields of the form left out, one given several times as a list."""
    found: Query = {}
    for name in request.query_params:
        values = [value for value in request.query_params.getlist(name) if value != ""]
        if values:
            found[name] = values if len(values) > 1 else values[0]
    return found


def _fill_period(query: Query) -> None:
    """A comparison needs a period: the last 30 days unless told."""
    if "compare" in query and not ("from" in query and "to" in query):
        query.update({name: value for name, value in _last(COMPARED_DAYS).items() if name not in query})


def _last(days: int) -> dict[str, str]:
    today = datetime.now(UTC).date()
    return {"from": (today - timedelta(days=days - 1)).isoformat(), "to": (today + timedelta(days=1)).isoformat()}


def _chart(result: Any) -> Any:
    """A line where rows are periods of one currency, bars where they are things."""
    columns = result.columns
    units = {column: result.unit(column) for column in columns}
    figures = [name for name, unit in units.items() if unit is not None and unit.kind in ("count", "money", "rate")]
    measure = next((name for name in _MEASURES if name in columns), figures[0] if figures else None)
    label = next((name for name, unit in units.items() if unit is None or unit.kind == "period"), None)
    if measure is None or label is None or not result.records:
        return ""
    first = result.records[0].get("currency")
    rows = [row for row in result.records if row.get("currency") == first and row[measure] is not None]
    points = [(str(row[label]), float(row[measure])) for row in rows]
    title = f"{measure} by {label}".replace("_", " ")
    unit = units[label]
    if unit is None or unit.kind != "period" or not 1 < len(points) == len({point[0] for point in points}):
        return bars(points, title)
    earlier = f"{measure}_previous"
    before = [None if row[earlier] is None else float(row[earlier]) for row in rows] if earlier in columns else None
    return line(points, title, before)


def _module_doc(name: str) -> str:
    from importlib import import_module

    return import_module(f"ecomtrack_sdk.reports.{name}").__doc__ or ""


def _inert(value: Any) -> Any:
    """A text that a spreadsheet will not run as a formula. Source: OWASP, CSV injection."""
    if isinstance(value, str) and value[:1] in ("=", "+", "@", "\t", "\r"):
        return "'" + value
    return value
