"""The collector as an ASGI application: a bare endpoint for events, Starlette for everything else."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from ecomtrack_sdk import __version__
from ecomtrack_sdk.collector import _inspect
from ecomtrack_sdk.collector._events_route import EventsRoute
from ecomtrack_sdk.collector._http import (
    PROBLEM_TYPE,
    Receive,
    Scope,
    Send,
    lifespan,
    problem,
    read_body,
    respond,
    token_of,
)
from ecomtrack_sdk.collector._keys import Key, KeyRing
from ecomtrack_sdk.collector._metrics import METRICS_TYPE, Metrics
from ecomtrack_sdk.collector._reports import ReportRunner
from ecomtrack_sdk.collector._segment_route import SEGMENT_PATHS, SegmentRoute
from ecomtrack_sdk.collector._webhooks import WEBHOOKS_PATH, WebhooksRoute
from ecomtrack_sdk.collector.console import console_routes
from ecomtrack_sdk.errors import (
    CollectorError,
    MissingExtraError,
    ReportError,
    StoreBusy,
    StoreError,
    UnknownReport,
)
from ecomtrack_sdk.store import EventStore

try:
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import BaseRoute, Route
except ImportError as error:  # pragma: no cover
    raise MissingExtraError("starlette", "collector") from error

__all__ = ["Collector", "create_app", "reader"]

logger = logging.getLogger("ecomtrack_sdk.collector")

EVENTS_PATH = "/v1/events"
MAX_QUERY_BYTES = 64 * 1024
"""Body of a question to ``/v1/inspect``; more is not a question."""


class Collector:
    """The application and what it holds. Call it as ASGI; ``close`` it when the server has stopped.

    Attributes:
        store: The event store.
        keys: Who may do what.
        metrics: Counters of this process.
        reports: The runner of reports, ``None`` where there is no warehouse.
        test_mode: Whether ``/v1/inspect/reset`` may empty the store.
        closing: Set when the server has been told to stop: streams end by it.
    """

    def __init__(
        self,
        store: EventStore,
        keys: KeyRing,
        *,
        reports: ReportRunner | None = None,
        test_mode: bool = False,
        webhooks: Mapping[str, str] | None = None,
        open_on_loopback: bool = False,
    ) -> None:
        self.closing = False
        self.store = store
        self.keys = keys
        self.reports = reports
        self.test_mode = test_mode
        self.metrics = Metrics()
        self.started = time.time()
        self.metrics.gauge("ecomtrack_start_time_seconds", "Start of the process.", lambda: self.started)
        self._events = EventsRoute(store, keys, self.metrics)
        # Doors that take events, by address: they bypass Starlette, which costs more than they do.
        self._doors: dict[str, Callable[[Scope, Receive, Send], Awaitable[None]]] = {EVENTS_PATH: self._events}
        self._doors |= dict.fromkeys(SEGMENT_PATHS, SegmentRoute(self._events, keys))
        shops = WebhooksRoute(self._events, webhooks or {})
        self._doors |= {WEBHOOKS_PATH + name: shops for name in webhooks or {}}
        self._site = Starlette(
            routes=[*_routes(self), *console_routes(self, open_on_loopback=open_on_loopback)],
            exception_handlers={HTTPException: _on_http, CollectorError: _on_collector, Exception: _on_bug},
        )
        self._site.router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection."""
        if scope["type"] == "http":
            started = False

            async def watched(message: Any) -> None:
                nonlocal started
                started = True
                await send(message)

            try:
                await self._doors.get(scope["path"], self._site)(scope, receive, watched)
            except Exception:
                logger.exception("collector.failed", extra={"path": scope["path"][:200]})
                if not started:
                    status, body, _ = problem(_BUG)
                    await respond(send, status, body, PROBLEM_TYPE)
        elif scope["type"] == "lifespan":
            await lifespan(receive, send)

    def close(self) -> None:
        """End the threads of this application. The store belongs to whoever opened it."""
        self._events.close()
        if self.reports is not None:
            self.reports.close()


def create_app(
    store: EventStore,
    keys: KeyRing,
    *,
    open_warehouse: Callable[[], Any] | None = None,
    test_mode: bool = False,
    webhooks: Mapping[str, str] | None = None,
    open_on_loopback: bool = False,
) -> Collector:
    """The collector as an ASGI application.

    Args:
        store: Where events rest.
        keys: Who may do what.
        open_warehouse: Opens what the reports ask; without it ``/v1/reports`` answers 404.
        test_mode: Allow ``/v1/inspect/reset``.
        webhooks: Shop system (``shopify``, ``woocommerce``) → the secret shared with it; opens ``/v1/webhooks/<name>``.
        open_on_loopback: Whether people at this machine see the console without a key.
    """
    reports = ReportRunner(open_warehouse) if open_warehouse is not None else None
    return Collector(
        store, keys, reports=reports, test_mode=test_mode, webhooks=webhooks, open_on_loopback=open_on_loopback
    )


_BUG = CollectorError(500, "internal", "the collector failed on this request; its log says why")


# --- rights ----------------------------------------------------------------------------------------------------------


def _key(request: Request, collector: Collector) -> Key:
    token = token_of(request.scope)
    key = collector.keys.find(token) if token else None
    if key is None:
        raise CollectorError(401, "unknown-key" if token else "no-key", "send 'Authorization: Bearer <key>'")
    return key


def reader(request: Request, collector: Collector) -> Key:
    """The key of a request that reads.

    Raises:
        CollectorError: 401 no key or an unknown one, 403 a key that may not read.
    """
    key = _key(request, collector)
    if not key.reads:
        raise CollectorError(403, "not-allowed", f"a {key.kind} key may not read; use a read key")
    return key


# --- routes ----------------------------------------------------------------------------------------------------------


def _routes(collector: Collector) -> list[BaseRoute]:
    def guarded(work: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            reader(request, collector)
            return await work(request)

        return endpoint

    store = collector.store

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok", "version": __version__})

    async def ready(_: Request) -> Response:
        try:
            await run_in_threadpool(store.high_watermark)
        except StoreError as error:
            raise CollectorError(503, "not-ready", str(error), retry_after=2) from None
        return JSONResponse({"status": "ready"})

    async def metrics(_: Request) -> Response:
        return Response(collector.metrics.render(), media_type=METRICS_TYPE)

    async def openapi(_: Request) -> Response:
        from ecomtrack_sdk.collector._openapi import document

        return JSONResponse(await run_in_threadpool(document))

    async def inspect_all(_: Request) -> Response:
        return JSONResponse(_inspect.counts_of(await run_in_threadpool(store.counts)))

    async def inspect_good(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(_inspect.good, store, await _question(request)))

    async def inspect_bad(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(_inspect.bad, store, await _question(request)))

    async def inspect_event(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(_inspect.event, store, request.path_params["event_id"]))

    async def inspect_reset(request: Request) -> Response:
        if _key(request, collector).kind != "server":
            raise CollectorError(403, "not-allowed", "only a server key may empty the store")
        if not collector.test_mode:
            raise CollectorError(403, "no-test-mode", "the collector is not in test mode: the store stays as it is")
        await run_in_threadpool(store.reset)
        return JSONResponse(_inspect.counts_of(await run_in_threadpool(store.counts)))

    async def report_list(_: Request) -> Response:
        from ecomtrack_sdk.reports import REPORTS

        return JSONResponse({"reports": sorted(REPORTS)})

    async def report(request: Request) -> Response:
        if collector.reports is None:
            raise CollectorError(404, "no-reports", "this collector has no warehouse: it only collects")
        try:
            result = await collector.reports.run(request.path_params["name"], request.query_params.multi_items())
        except UnknownReport as error:
            raise CollectorError(404, "unknown-report", str(error)) from None
        except ReportError as error:
            raise CollectorError(400, "bad-parameter", str(error)) from None
        return Response(result.to_json(), media_type="application/json")

    async def browser_script(request: Request) -> Response:
        body, etag = _script()
        headers = {"etag": etag, "cache-control": "public, max-age=3600", "access-control-allow-origin": "*"}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="text/javascript; charset=utf-8", headers=headers)

    both = ["GET", "POST"]
    return [
        Route("/health", health),
        Route("/ready", ready),
        Route("/metrics", metrics),
        Route("/openapi.json", openapi),
        Route("/ecomtrack.js", browser_script),
        Route("/v1/inspect/all", guarded(inspect_all), methods=both),
        Route("/v1/inspect/good", guarded(inspect_good), methods=both),
        Route("/v1/inspect/bad", guarded(inspect_bad), methods=both),
        Route("/v1/inspect/reset", inspect_reset, methods=both),
        Route("/v1/inspect/events/{event_id}", guarded(inspect_event)),
        Route("/v1/reports", guarded(report_list)),
        Route("/v1/reports/{name}", guarded(report)),
    ]


async def _question(request: Request) -> dict[str, Any]:
    """Filters from the address and, as in Snowplow Micro, from a JSON object in the body of a POST."""
    question: dict[str, Any] = dict(request.query_params)
    if request.method == "POST":
        body = await read_body(request.scope, request.receive, MAX_QUERY_BYTES)
        if body.strip():
            try:
                given = json.loads(body)
            except (ValueError, RecursionError):
                given = None
            if not isinstance(given, dict):
                raise CollectorError(400, "unreadable", "the body must be a JSON object of filters")
            question.update(given)
    return question


@cache
def _script() -> tuple[bytes, str]:
    body = (files("ecomtrack_sdk") / "collector" / "static" / "ecomtrack.js").read_bytes()
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'


# --- errors ----------------------------------------------------------------------------------------------------------


def _problem_response(error: CollectorError, headers: dict[str, str] | None = None) -> Response:
    status, body, own = problem(error)
    named = {key.decode(): value.decode() for key, value in own}
    return Response(body, status, {**(headers or {}), **named, "cache-control": "no-store"}, PROBLEM_TYPE)


async def _on_collector(_: Request, error: Exception) -> Response:
    if isinstance(error, CollectorError):
        return _problem_response(error)
    raise error


async def _on_http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == 404:
        detail = "there is nothing here; /openapi.json lists what there is"
        return _problem_response(CollectorError(404, "not-found", detail))
    if error.status_code == 405:
        found = CollectorError(405, "method-not-allowed", f"{request.method[:20]} is not for this address")
        return _problem_response(found, dict(error.headers or {}))
    return _problem_response(CollectorError(error.status_code, "http", str(error.detail)), dict(error.headers or {}))


async def _on_bug(_: Request, error: Exception) -> Response:
    if isinstance(error, StoreBusy | StoreError):
        return _problem_response(CollectorError(503, "store", str(error), retry_after=2))
    return _problem_response(_BUG)
