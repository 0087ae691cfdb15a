"""From values to HTML: the templates, and how a figure is written for people."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import quote

from starlette.responses import HTMLResponse

from ecomtrack_sdk.errors import MissingExtraError
from ecomtrack_sdk.reports._values import Unit, money_text

try:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup, escape
except ImportError as error:  # pragma: no cover
    raise MissingExtraError("jinja2", "collector") from error

__all__ = ["change_of", "isolated", "page_for", "render", "show"]

MAX_CELL_CHARS = 300
"""Characters of one table cell; the whole value is on the page of its event."""
_DIRECTIONS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LINKED = {
    "order_id": "/console/orders?order_id=",
    "event_id": "/console/events/",
    "person": "/console/people?person=",
    "person_id": "/console/people?person=",
    "customer_id": "/console/people?person=",
    "visitor_id": "/console/people?person=",
}


def show(value: Any, unit: Unit | None = None, record: Mapping[str, Any] | None = None) -> str:
    """*value* for a reader: money with currency and thousands separators, shares in per cent, times to the second."""
    kind = unit.kind if unit is not None else ""
    if value is None:
        return "-"
    if isinstance(value, Decimal):
        if kind == "quantity":
            return f"{value.normalize():,f}"
        currency = (record or {}).get("currency")
        text = money_text(value, currency)
        whole, point, digits = text.partition(".")
        sign = "-" if whole.startswith("-") else ""
        return f"{sign}{int(whole.lstrip('-')):,}{point}{digits}" + (f" {currency}" if currency else "")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if kind == "rate":
            return f"{value:.1%}"
        return _duration(value) if kind == "seconds" else f"{value:,.2f}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    text = str(value)
    return isolated(text if len(text) <= MAX_CELL_CHARS else text[: MAX_CELL_CHARS - 1] + "…")


def isolated(text: str) -> str:
    """*text* whose marks of writing direction, if it has some, end with it. Source: Unicode UAX #9, isolates."""
    return f"\u2068{text}\u2069" if _DIRECTIONS.search(text) else text


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3_600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} d"


def change_of(column: str, record: Mapping[str, Any]) -> dict[str, str] | None:
    """How a figure moved against the time before: ``{"text", "mood", "was"}``; ``None`` where nothing is compared."""
    name = f"{column}_previous"
    if name not in record:
        return None
    now, then = record.get(column), record[name]
    if now is None or then is None or not then:
        return {"text": "new", "mood": "", "was": ""} if now else None
    share = float(now) / float(then) - 1
    mood = "up" if share >= 0 else "down"
    return {"text": f"{'▲' if share >= 0 else '▼'} {abs(share):.0%}", "mood": mood, "was": "1"}


def _link(column: str, record: Mapping[str, Any]) -> Markup | None:
    """The cell as a link to the page of what it names, or ``None``."""
    start = _LINKED.get(column)
    value = record.get(column)
    if start is None or not isinstance(value, str) or not value:
        return None
    return Markup('<a href="{}">{}</a>').format(start + quote(value, safe=""), show(value))


_session: ContextVar[bool] = ContextVar("ecomtrack_console_session", default=False)


@contextmanager
def page_for(*, session: bool) -> Iterator[None]:
    """Pages rendered inside offer a way out of the session, if there is one."""
    before = _session.set(session)
    try:
        yield
    finally:
        _session.reset(before)


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("ecomtrack_sdk.collector.console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(show=show, link=_link, change=change_of, escape=escape)
    return environment


def render(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page."""
    values.setdefault("error", None)
    values["session"] = _session.get()
    return HTMLResponse(_templates().get_template(template).render(values), status)
