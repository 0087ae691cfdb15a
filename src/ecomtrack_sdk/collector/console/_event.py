"""One event with all that is known of it: verdict, what to mend, what it changed, how to send it again."""

from __future__ import annotations

import json
import pprint
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from ecomtrack_sdk.collector import _inspect
from ecomtrack_sdk.collector.console._asker import Asker
from ecomtrack_sdk.collector.console._effects import Effect, effects_of
from ecomtrack_sdk.collector.console._mend import mend
from ecomtrack_sdk.collector.console._view import render
from ecomtrack_sdk.errors import CollectorError
from ecomtrack_sdk.events import EVENT_CLASSES

__all__ = ["EventPage", "as_code", "as_curl"]


class EventPage(Asker):
    """The page of one event."""

    async def page(self, request: Request) -> Response:
        """The event, or a page that says there is none."""
        event_id = request.path_params["event_id"]
        try:
            found = await run_in_threadpool(_inspect.event, self.store, event_id)
        except CollectorError:
            return render("missing.html", status=404, title="No such event", section="Live", event_id=event_id)
        return await self._show(request, found, f"Event {event_id}")

    async def refused(self, request: Request) -> Response:
        """A refused event by its place: it need not have an id."""
        seq = request.path_params["seq"]
        rows = await run_in_threadpool(self.store.read_rejected, seq - 1, 1)
        if not rows or rows[0].seq != seq:
            return render("missing.html", status=404, title="No such event", section="Live", event_id=str(seq))
        return await self._show(request, _inspect.bad_row(rows[0]), f"Refused event {seq}")

    async def _show(self, request: Request, found: Mapping[str, Any], title: str) -> Response:
        content = found["event"]
        mapping = content if isinstance(content, dict) else {}
        effects: list[Effect] = []
        if found["verdict"] == "accepted" and self.collector.reports is not None:
            effects = await self.collector.reports.call(lambda warehouse: effects_of(warehouse, found["event_id"]))
        url = f"{request.url.scheme}://{request.headers.get('host', '')}"
        return render(
            "event.html",
            title=title,
            section="Live",
            event=found,
            errors=[{**error, "mend": mend(error, content)} for error in found["errors"]],
            pretty=json.dumps(content, indent=2, ensure_ascii=False) if not isinstance(content, str) else content,
            links=_links(mapping),
            effects=effects,
            curl=as_curl(url, content),
            code=as_code(mapping) if mapping else "",
        )


def _links(content: Mapping[str, Any]) -> list[Effect]:
    customer = content.get("customer")
    named = customer if isinstance(customer, dict) else {}
    wanted = [
        ("order", "/console/orders?order_id=", content.get("order_id")),
        ("person", "/console/people?person=", named.get("id") or named.get("email")),
        ("visitor", "/console/people?person=", content.get("visitor_id")),
        ("all events of visitor", "/console/live?visitor_id=", content.get("visitor_id")),
        ("all events of order", "/console/live?order_id=", content.get("order_id")),
    ]
    return [
        Effect(f"{kind} {value[:80]}", start + quote(value, safe=""))
        for kind, start, value in wanted
        if isinstance(value, str) and value
    ]


def as_curl(url: str, content: Any) -> str:
    """A command line that sends the event; the key comes from the environment."""
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=True)
    line = text.replace("'", "'\\''")
    return (
        f"curl {url}/v1/events \\\n  -H 'Authorization: Bearer '\"$ECOMTRACK_KEY\" \\\n"
        f"  -H 'Content-Type: application/x-ndjson' \\\n  --data-binary '{line}'"
    )


def as_code(content: Mapping[str, Any]) -> str:
    """Python that sends the event's content as a new event of the same time."""
    cls = EVENT_CLASSES.get(str(content.get("type")))
    name = cls.__name__ if cls is not None else "CustomEvent"
    fields = {key: value for key, value in content.items() if key not in ("type", "event_id")}
    literal = pprint.pformat(fields, width=96, sort_dicts=False)
    return (
        f"from ecomtrack_sdk import {name}, Tracker\n\n"
        f"tracker = Tracker.from_env()\ntracker.track({name}.model_validate(\n{_indented(literal)}\n))\ntracker.flush()"
    )


def _indented(text: str) -> str:
    return "\n".join("    " + line for line in text.splitlines())
