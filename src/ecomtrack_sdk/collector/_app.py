"""The collector as an ASGI application: a bare endpoint for events, Starlette for everything else."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from ecomtrack_sdk._wire import BatchVerdict
from ecomtrack_sdk.collector._access_log import access_logger, shown_path
from ecomtrack_sdk.collector._events_route import EventsRoute
from ecomtrack_sdk.collector._http import (
    PROBLEM_TYPE,
    Incoming,
    Receive,
    Scope,
    Send,
    drain,
    lifespan,
    problem,
    respond,
)
from ecomtrack_sdk.collector._keys import Key, KeyRing
from ecomtrack_sdk.collector._matomo import MATOMO_PATHS, MatomoRoute
from ecomtrack_sdk.collector._metrics import Metrics
from ecomtrack_sdk.collector._privacy import Privacy
from ecomtrack_sdk.collector._rates import SITE_RATE, RateLimits
from ecomtrack_sdk.collector._reports import ReportRunner
from ecomtrack_sdk.collector._routes import api_routes
from ecomtrack_sdk.collector._segment_route import SEGMENT_PATHS, SegmentRoute
from ecomtrack_sdk.collector._webhooks import WEBHOOKS_PATH, WebhooksRoute
from ecomtrack_sdk.collector.console import Access, console_routes
from ecomtrack_sdk.errors import CollectorError, MissingExtraError, StoreError
from ecomtrack_sdk.store import EventStore

try:
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.responses import Response
except ImportError as error:  # pragma: no cover
    raise MissingExtraError("starlette", "collector") from error

__all__ = ["Collector", "create_app"]

logger = logging.getLogger("ecomtrack_sdk.collector")

EVENTS_PATH = "/v1/events"


class Collector:
    """The application and what it holds. Call it as ASGI; ``close`` it when the server has stopped.

    Attributes:
        store: The event store.
        keys: Who may do what.
        metrics: Counters of this process.
        reports: The runner of reports, ``None`` where there is no warehouse.
        test_mode: Whether ``/v1/inspect/reset`` may empty the store.
        console: Who may look at the console; it makes the one-time link.
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
        site_rate: str | None = SITE_RATE,
        privacy: Privacy | None = None,
    ) -> None:
        self.closing = False
        self.store = store
        self.keys = keys
        self.reports = reports
        self.test_mode = test_mode
        self.metrics = Metrics()
        self.started = time.time()
        self.metrics.gauge("ecomtrack_start_time_seconds", "Start of the process.", lambda: self.started)
        self._events = EventsRoute(store, keys, self.metrics, RateLimits(site_rate), privacy=privacy)
        # Doors that take events, by address: they bypass Starlette, which costs more than they do.
        self.console = Access(self, open_on_loopback=open_on_loopback)
        self._doors: dict[str, Callable[[Scope, Receive, Send], Awaitable[None]]] = {EVENTS_PATH: self._events}
        self._doors |= dict.fromkeys(SEGMENT_PATHS, SegmentRoute(self._events, keys))
        self._doors |= dict.fromkeys(MATOMO_PATHS, MatomoRoute(self._events, keys))
        shops = WebhooksRoute(self._events, webhooks or {})
        self._doors |= {WEBHOOKS_PATH + name: shops for name in webhooks or {}}
        self._site = Starlette(
            routes=[*api_routes(self), *console_routes(self)],
            exception_handlers={HTTPException: _on_http, CollectorError: _on_collector, Exception: _on_bug},
        )
        self._site.router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection."""
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "lifespan":
            await lifespan(receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = 0
        began = time.perf_counter()

        incoming = Incoming(receive)

        async def watched(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if status >= 400 and status != HTTPStatus.REQUEST_TIMEOUT and not incoming.ended:
                    await drain(scope, incoming)
            await send(message)

        try:
            await self._doors.get(scope["path"], self._site)(scope, incoming, watched)
        except Exception:
            logger.exception("collector.failed", extra={"path": shown_path(scope["path"])})
            if not status:
                code, body, _ = problem(_BUG)
                await respond(watched, code, body, PROBLEM_TYPE)
        if access_logger.isEnabledFor(logging.INFO):
            spent = round((time.perf_counter() - began) * 1_000, 1)
            fields = {"method": scope["method"][:20], "path": shown_path(scope["path"]), "status": status}
            access_logger.info("request", extra={**fields, "milliseconds": spent})

    async def take(self, lines: Sequence[bytes]) -> BatchVerdict:
        """Take wire events of the console's own, on the way every other event goes.

        Raises:
            CollectorError: 503 the store cannot take them now.
        """
        return await self._events.take_lines(lines, _OWN_KEY)

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
    discard_warehouse: Callable[[], None] | None = None,
    test_mode: bool = False,
    webhooks: Mapping[str, str] | None = None,
    open_on_loopback: bool = False,
    site_rate: str | None = SITE_RATE,
    privacy: Privacy | None = None,
) -> Collector:
    """The collector as an ASGI application.

    Args:
        store: Where events rest.
        keys: Who may do what.
        open_warehouse: Opens what the reports ask; without it ``/v1/reports`` answers 404.
        discard_warehouse: Deletes the files of the closed warehouse; called after a person was erased.
        test_mode: Allow ``/v1/inspect/reset``.
        webhooks: Shop system (``shopify``, ``woocommerce``) → the secret shared with it; opens ``/v1/webhooks/<name>``.
        open_on_loopback: Whether people at this machine see the console without a key.
        site_rate: Requests one address may make with a site key, such as ``1200/minute``; ``None`` for no limit.
        privacy: What is taken out of events before they are kept; nothing unless told.
    """
    reports = ReportRunner(open_warehouse, discard_warehouse) if open_warehouse is not None else None
    return Collector(
        store,
        keys,
        reports=reports,
        test_mode=test_mode,
        webhooks=webhooks,
        open_on_loopback=open_on_loopback,
        site_rate=site_rate,
        privacy=privacy,
    )


_OWN_KEY = Key("console", "server", "")
_BUG = CollectorError(500, "internal", "the collector failed on this request; its log says why")


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
    if isinstance(error, StoreError):
        return _problem_response(CollectorError(503, "store", str(error), retry_after=2))
    return _problem_response(_BUG)
