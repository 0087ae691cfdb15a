"""Events as they arrive, filtered where they are read, so that what is asked for is found however old it is."""

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
from ecomtrack_sdk.collector.console._forms import confirm
from ecomtrack_sdk.collector.console._view import render
from ecomtrack_sdk.errors import CollectorError
from ecomtrack_sdk.events import EVENT_CLASSES
from ecomtrack_sdk.store import Filter

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
FILTERS = ("event_type", "visitor_id", "order_id", "verdict")


class Live:
    """The live page and its stream."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._store = collector.store

    async def page(self, request: Request) -> Response:
        """The table the stream fills; filters in the address are those of the form."""
        return render(
            "live.html",
            title="Live",
            section="Live",
            may_clear=self._collector.test_mode and request.state.right == "write",
            types=list(EVENT_CLASSES),
            asked=_asked(request.query_params),
            missing=request.query_params.get("missing", ""),
        )

    async def stream(self, request: Request) -> Response:
        """Server-sent events, each one event of the log or a refused one; oldest first."""
        return StreamingResponse(self._rows(request), media_type="text/event-stream")

    async def _rows(self, request: Request) -> AsyncIterator[bytes]:
        asked = _asked(request.query_params)
        items, good, bad = await run_in_threadpool(self._start, asked)
        yield b"retry: 1000\n\n"
        for _ in range(int(STREAM_SECONDS / POLL_SECONDS)):
            for item in items:
                yield b"data: " + json.dumps(item).encode() + b"\n\n"
            if not items:
                yield b": waiting\n\n"
            if await request.is_disconnected() or self._collector.closing:
                return
            await asyncio.sleep(POLL_SECONDS)
            items, good, bad = await run_in_threadpool(self._since, good, bad, asked)

    def _start(self, asked: Mapping[str, str]) -> tuple[list[dict[str, Any]], int, int]:
        where = Filter(
            event_type=asked["event_type"] or None,
            visitor_id=asked["visitor_id"] or None,
            order_id=asked["order_id"] or None,
        )
        # The ends of both lists first: what arrives while the rows are read is shown by the next look.
        latest = self._store.recent_rejected(1)
        good, bad = self._store.high_watermark(), latest[0].seq if latest else 0
        rows = [_inspect.good_row(row) for row in self._store.recent(FIRST_ROWS, where) if row.seq <= good]
        rows += [_inspect.bad_row(row) for row in self._store.recent_rejected(FIRST_ROWS, where) if row.seq <= bad]
        return _in_order(rows, asked), good, bad

    def _since(self, good: int, bad: int, asked: Mapping[str, str]) -> tuple[list[dict[str, Any]], int, int]:
        accepted = self._store.read(good, BURST_ROWS)
        refused = self._store.read_rejected(bad, BURST_ROWS)
        items = [_inspect.good_row(row) for row in accepted] + [_inspect.bad_row(row) for row in refused]
        good, bad = (accepted[-1].seq if accepted else good), (refused[-1].seq if refused else bad)
        return _in_order(items, asked), good, bad

    async def find(self, request: Request) -> Response:
        """From the search box to the page of the event, or back with a word that there is none."""
        event_id = request.query_params.get("event_id", "").strip()
        try:
            await run_in_threadpool(_inspect.event, self._store, event_id)
        except CollectorError:
            return RedirectResponse("/console/live?missing=" + quote(event_id, safe=""), 303)
        return RedirectResponse("/console/events/" + quote(event_id, safe=""), 303)

    async def ask_reset(self, _: Request) -> Response:
        """The question before everything is cleared."""
        self._in_test_mode()
        counts = await run_in_threadpool(self._store.counts)
        return confirm(
            title="Clear all events?",
            section="Live",
            lines=[f"{counts.good:,} accepted and {counts.bad:,} refused events will be gone for good."],
            action="/console/reset",
            button="Clear all events",
            back="/console/live",
            fields={},
        )

    async def reset(self, _: Request) -> Response:
        """Empty the store, in test mode."""
        self._in_test_mode()
        await run_in_threadpool(self._store.reset)
        return RedirectResponse("/console/live", 303)

    def _in_test_mode(self) -> None:
        if not self._collector.test_mode:
            raise CollectorError(403, "no-test-mode", "the collector is not in test mode: the store stays as it is")


def _asked(query: Mapping[str, str]) -> dict[str, str]:
    return {name: query.get(name, "").strip() for name in FILTERS}


def _in_order(items: list[dict[str, Any]], asked: Mapping[str, str]) -> list[dict[str, Any]]:
    """Those asked for, oldest first."""
    return sorted(
        (item for item in items if _fits(item, asked)),
        key=lambda item: (item["received_at"], item["verdict"], item["seq"]),
    )


def _fits(item: Mapping[str, Any], asked: Mapping[str, str]) -> bool:
    content = item["event"] if isinstance(item["event"], dict) else {}
    kind, _, name = asked["event_type"].partition(":")
    return (
        (not kind or (item["event_type"] == kind and (not name or content.get("name") == name)))
        and asked["verdict"] in ("", item["verdict"])
        and all(asked[field] in ("", content.get(field)) for field in ("visitor_id", "order_id"))
    )
