"""The pages of reports, people and set-up."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from ecomtrack_sdk.collector.console._asker import Asker
from ecomtrack_sdk.collector.console._charts import bars, line
from ecomtrack_sdk.collector.console._view import render
from ecomtrack_sdk.errors import CollectorError, ReportError, UnknownReport

__all__ = ["Pages"]


class Pages(Asker):
    """One method a page; every figure comes from a report."""

    async def reports(self, _: Request) -> Response:
        """The list of reports with their questions."""
        from ecomtrack_sdk.reports import REPORTS

        return render("reports.html", title="Reports", section="Reports", reports=REPORTS)

    async def report(self, request: Request) -> Response:
        """One report: its parameters as a form, chart, table, downloads, definition."""
        from ecomtrack_sdk.reports import REPORTS, get

        name = request.path_params["name"]
        try:
            report = get(name)
        except UnknownReport as error:
            raise CollectorError(404, "unknown-report", str(error)) from None
        query = {key: value for key, value in request.query_params.items() if value != ""}
        result, wrong = None, None
        required = [field for field, info in report.params.model_fields.items() if info.is_required()]
        if all((report.params.model_fields[field].alias or field) in query for field in required):
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
            fields=_fields(report.params, query),
            result=result,
            chart=_chart(result) if result is not None else "",
            query=urlencode(query),
            doc=(report.doc or _module_doc(name)).strip(),
            error=wrong,
        )

    async def download(self, request: Request) -> Response:
        """A report as a file: ``csv`` or ``json``."""
        name, kind = request.path_params["name"], request.path_params["kind"]
        query = {key: value for key, value in request.query_params.items() if value != ""}
        try:
            result = await self.run(name, query)
        except UnknownReport as error:
            raise CollectorError(404, "unknown-report", str(error)) from None
        except ReportError as error:
            raise CollectorError(400, "bad-parameter", str(error)) from None
        found = result.to_dict()
        if kind == "json":
            body, media = json.dumps(found, ensure_ascii=False), "application/json"
        elif kind == "csv":
            file = io.StringIO()
            writer = csv.writer(file)
            writer.writerow(result.columns)
            writer.writerows([[_inert(row[column]) for column in result.columns] for row in found["rows"]])
            body, media = file.getvalue(), "text/csv; charset=utf-8"
        else:
            raise CollectorError(404, "not-found", "a report is downloaded as csv or json")
        return Response(
            body, media_type=media, headers={"content-disposition": f'attachment; filename="{name}.{kind}"'}
        )

    async def people(self, request: Request) -> Response:
        """Customers and visitors, or one person's timeline."""
        person = request.query_params.get("person", "").strip()
        error, profile = None, None
        if person:
            try:
                profile = await self.run("profile", {"person": person})
            except ReportError as wrong:
                error = str(wrong)
            return render("people.html", title=f"Person {person[:80]}", section="People", person=person,
                          profile=profile, error=error, customers=None, visitors=None)  # fmt: skip
        customers = await self.attempt("customers", {})
        visitors = await self.attempt("visitors", {})
        return render("people.html", title="People", section="People", person="", profile=None, error=None,
                      customers=customers, visitors=visitors)  # fmt: skip

    async def setup(self, request: Request) -> Response:
        """How to begin: a test event, the code, the snippet, the keys."""
        url = f"{request.url.scheme}://{request.headers.get('host', '')}"
        return render("setup.html", title="Set-up", section="Set-up", sent=request.query_params.get("sent"),
                      keys=self.collector.keys.keys(), snippet=_snippet(url), backend=_BACKEND.format(url=url),
                      crm=_CRM.format(url=url))  # fmt: skip


def _chart(result: Any) -> Any:
    """A line where rows are periods of one currency, bars where they are things."""
    columns = result.columns
    measure = next(
        (
            column
            for column in ("net", "revenue", "count", "sessions", "orders", "units", "customers")
            if column in columns
        ),
        next(
            (
                column
                for column in columns
                if result.unit(column) is not None and result.unit(column).kind in ("count", "money", "rate")
            ),
            None,
        ),
    )
    label = next(
        (column for column in columns if result.unit(column) is None or result.unit(column).kind == "period"), None
    )
    if measure is None or label is None or not result.records:
        return ""
    currencies = {row.get("currency") for row in result.records}
    first = next(iter(currencies))
    rows = [row for row in result.records if row.get("currency") == first and row[measure] is not None]
    points = [(str(row[label]), float(row[measure])) for row in rows]
    title = f"{measure} by {label}".replace("_", " ")
    unit = result.unit(label)
    is_time = unit is not None and unit.kind == "period" and len({point[0] for point in points}) == len(points)
    return line(points, title) if is_time else bars(points, title)


def _fields(params: Any, query: Mapping[str, str]) -> list[dict[str, Any]]:
    """Form fields of a report's parameters."""
    fields = []
    for field, info in params.model_fields.items():
        name = info.alias or field
        kind = "date" if name in ("from", "to") else "text"
        choices = _choices(info.annotation)
        default = "" if info.is_required() or info.default is None else info.default
        value = query.get(name, default if isinstance(default, str | int) else "")
        fields.append(
            {
                "name": name,
                "label": name.replace("_", " "),
                "help": (info.description or "").replace("``", ""),
                "choices": choices,
                "required": info.is_required() or default != "",
                "value": str(value),
                "type": kind,
                "placeholder": {"where": "channel=Email", "rates": "USD=0.92", "convert": "EUR"}.get(name, ""),
            }
        )
    return fields


def _choices(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return [str(value) for value in get_args(annotation)]
    inner = [part for part in get_args(annotation) if get_origin(part) is Literal]
    return [str(value) for value in get_args(inner[0])] if inner and type(None) in get_args(annotation) else []


def _module_doc(name: str) -> str:
    from importlib import import_module

    return import_module(f"ecomtrack_sdk.reports.{name}").__doc__ or ""


def _inert(value: Any) -> Any:
    """A text that a spreadsheet will not run as a formula. Source: OWASP, CSV injection."""
    if isinstance(value, str) and value[:1] in ("=", "+", "@", "\t", "\r"):
        return "'" + value
    return value


def _snippet(url: str) -> str:
    from ecomtrack_sdk.integrations.browser import snippet

    return snippet(url, "YOUR_SITE_KEY")


_BACKEND = """from ecomtrack_sdk import Item, Order, Tracker

tracker = Tracker("{url}", key="YOUR_SERVER_KEY")
tracker.track(Order(
    order_id="1001",
    items=[Item(product_id="sku-1", price="19.90", quantity=2)],
    currency="EUR",
    shipping="4.90",
))"""
_CRM = """from ecomtrack_sdk import OrderUpdate, S2SClient

with S2SClient("{url}", key="YOUR_SERVER_KEY") as client:
    report = client.send(
        OrderUpdate(order_id=row["id"], action_id=row["change_id"], status=row["status"])
        for row in changed_orders()
    )
print(report)"""
