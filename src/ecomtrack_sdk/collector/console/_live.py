"""Events as they arrive, and one event with all that is known of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from ecomtrack_sdk.collector import _inspect
from ecomtrack_sdk.collector.console._view import render
from ecomtrack_sdk.errors import CollectorError
from ecomtrack_sdk.events import EVENT_CLASSES, Context, CustomEvent
from ecomtrack_sdk.store import LogEntry

if TYPE_CHECKING:
    from ecomtrack_sdk.collector._app import Collector

__all__ = ["Live"]

POLL_SECONDS = 0.5
"""Between two looks at the store: what a person takes for at once."""
FIRST_ROWS = 50
"""Events shown when the page opens."""
BURST_ROWS = 200
"""Events sent at one look; a flood is shown in part and is complete in the store."""
STREAM_SECONDS = 300
"""Life of one stream; the browser opens the next by itself, so that a stop of the collector never waits for it."""


class Live:
    """The live page and the pages of single events."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._store = collector.store

    async def page(self, _: Request) -> Response:
        """The table the stream fills."""
        return render("live.html", title="Live", section="Live", test_mode=self._collector.test_mode)

    async def stream(self, request: Request) -> Response:
        """Server-sent events, each one event of the log or a refused one; oldest first."""
        return StreamingResponse(self._rows(request), media_type="text/event-stream")

    async def _rows(self, request: Request) -> AsyncIterator[bytes]:
        good, bad = await run_in_threadpool(self._start)
        yield b"retry: 1000\n\n"
        for _ in range(int(STREAM_SECONDS / POLL_SECONDS)):
            items, good, bad = await run_in_threadpool(self._since, good, bad)
            for item in items:
                yield b"data: " + json.dumps(item).encode() + b"\n\n"
            if not items:
                yield b": waiting\n\n"
            if await request.is_disconnected() or self._collector.closing:
                return
            await asyncio.sleep(POLL_SECONDS)

    def _start(self) -> tuple[int, int]:
        good = self._store.recent(FIRST_ROWS)
        bad = self._store.recent_rejected(FIRST_ROWS)
        return (good[-1].seq - 1 if good else 0), (bad[-1].seq - 1 if bad else 0)

    def _since(self, good: int, bad: int) -> tuple[list[dict[str, Any]], int, int]:
        accepted = self._store.read(good, BURST_ROWS)
        refused = self._store.read_rejected(bad, BURST_ROWS)
        items = [_inspect.good_row(row) for row in accepted] + [_inspect.bad_row(row) for row in refused]
        items.sort(key=lambda item: str(item["received_at"]))
        return items, (accepted[-1].seq if accepted else good), (refused[-1].seq if refused else bad)

    async def find(self, request: Request) -> Response:
        """From the search box to the page of the event."""
        return RedirectResponse(
            "/console/events/" + quote(request.query_params.get("event_id", "").strip(), safe=""), 303
        )

    async def event(self, request: Request) -> Response:
        """One event: verdict, what to mend, what it belongs to, how to send it again."""
        event_id = request.path_params["event_id"]
        try:
            found = await run_in_threadpool(_inspect.event, self._store, event_id)
        except CollectorError:
            return render(
                "people.html",
                status=404,
                title="No such event",
                section="Live",
                error="No event of that id has arrived.",
                person="",
                customers=None,
                visitors=None,
            )
        content = found["event"]
        pretty = json.dumps(content, indent=2, ensure_ascii=False) if not isinstance(content, str) else content
        url = f"{request.url.scheme}://{request.headers.get('host', '')}"
        return render(
            "event.html",
            title=f"Event {event_id}",
            section="Live",
            event=found,
            pretty=pretty,
            links=_links(content if isinstance(content, dict) else {}),
            curl=_curl(url, content),
            code=_code(content if isinstance(content, dict) else {}),
        )

    async def reset(self, _: Request) -> Response:
        """Empty the store, in test mode."""
        if not self._collector.test_mode:
            raise CollectorError(403, "no-test-mode", "the collector is not in test mode: the store stays as it is")
        await run_in_threadpool(self._store.reset)
        return RedirectResponse("/console/live", 303)

    async def send_test_event(self, _: Request) -> Response:
        """Send one event through the store, as if a shop had, and show it."""
        event = CustomEvent(
            name="console_test", properties={"hello": "from the console"}, context=Context(source="server")
        )
        stamp = int(event.occurred_at.timestamp() * 1_000_000)
        raw = event.model_dump_json(exclude_none=True).encode()
        entry = LogEntry(event.event_id, event.type, stamp, stamp, "server", raw)
        await asyncio.wrap_future(self._store.submit([entry]))
        return RedirectResponse(f"/console/setup?sent={event.event_id}", 303)


def _links(content: Mapping[str, Any]) -> list[dict[str, str]]:
    customer = content.get("customer")
    named = customer if isinstance(customer, dict) else {}
    wanted = [
        ("order", "/console/orders?order_id=", content.get("order_id")),
        ("person", "/console/people?person=", named.get("id") or named.get("email")),
        ("visitor", "/console/people?person=", content.get("visitor_id")),
    ]
    return [
        {"href": start + quote(value, safe=""), "text": f"{kind} {value[:80]}"}
        for kind, start, value in wanted
        if isinstance(value, str) and value
    ]


def _curl(url: str, content: Any) -> str:
    line = json.dumps(content, ensure_ascii=True).replace("'", "'\\''")
    return (
        f"curl {url}/v1/events \\\n  -H 'Authorization: Bearer '\"$ECOMTRACK_KEY\" \\\n"
        f"  -H 'Content-Type: application/x-ndjson' \\\n  --data-binary '{line}'"
    )


def _code(content: Mapping[str, Any]) -> str:
    cls = EVENT_CLASSES.get(str(content.get("type")))
    name = cls.__name__ if cls is not None else "CustomEvent"
    fields = ",\n    ".join(
        f"{key}={value!r}" for key, value in content.items() if key not in ("type", "event_id") and key.isidentifier()
    )
    return (
        "from ecomtrack_sdk import Tracker\nfrom ecomtrack_sdk.events import " + name + "\n\n"
        f"tracker = Tracker.from_env()\ntracker.track({name}.model_validate(dict(\n    {fields},\n)))"
    )
