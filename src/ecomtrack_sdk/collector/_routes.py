"""The routes beside the doors of events: health, inspection, reports, the browser script."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ecomtrack_sdk import __version__
from ecomtrack_sdk.collector import _inspect
from ecomtrack_sdk.collector._http import read_body, token_of
from ecomtrack_sdk.collector._keys import Key
from ecomtrack_sdk.collector._metrics import METRICS_TYPE
from ecomtrack_sdk.errors import CollectorError, ReportError, StoreError, UnknownReport

if TYPE_CHECKING:
    from ecomtrack_sdk.collector._app import Collector

__all__ = ["api_routes", "reader"]

MAX_QUERY_BYTES = 64 * 1024
"""Body of a question to ``/v1/inspect``; more is not a question."""


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


def api_routes(collector: Collector) -> list[BaseRoute]:
    """Everything but the doors of events and the console."""

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

    async def customer(request: Request) -> Response:
        if collector.reports is None:
            raise CollectorError(404, "no-reports", "this collector has no warehouse: it only collects")
        who = request.path_params["who"]
        if request.method == "DELETE":
            return await _erase(request, collector, who)
        reader(request, collector)
        from ecomtrack_sdk.reports import privacy

        found = await collector.reports.call(lambda warehouse: privacy.export_person(warehouse, store, who))
        if found is None:
            raise _nobody()
        return JSONResponse(found, headers={"content-disposition": 'attachment; filename="person.json"'})

    async def person_links(request: Request) -> Response:
        if collector.reports is None:
            raise CollectorError(404, "no-reports", "this collector has no warehouse: it only collects")
        from ecomtrack_sdk.reports.links import links

        name = request.query_params.get("name") or None
        found = await collector.reports.call(lambda warehouse: links(warehouse, name))
        told = [{**link._asdict(), "since": link.since.isoformat()} for link in found]
        return JSONResponse({"links": told})

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
        Route("/v1/customers/{who:path}", customer, methods=["GET", "DELETE"]),
        Route("/v1/links", guarded(person_links)),
        Route("/v1/reports", guarded(report_list)),
        Route("/v1/reports/{name}", guarded(report)),
    ]


async def _erase(request: Request, collector: Collector, who: str) -> Response:
    if _key(request, collector).kind != "server":
        raise CollectorError(403, "not-allowed", "only a server key may erase a person")
    orders: Literal["keep", "erase"]
    match request.query_params.get("orders", "keep"):
        case "keep":
            orders = "keep"
        case "erase":
            orders = "erase"
        case _:
            raise CollectorError(400, "bad-parameter", "orders: must be keep (without the person) or erase")
    from ecomtrack_sdk.reports import privacy

    assert collector.reports is not None
    done = await collector.reports.forget(
        lambda warehouse: privacy.erase_person(warehouse, collector.store, who, orders=orders)
    )
    if done is None:
        raise _nobody()
    return JSONResponse({"erased": done.erased, "anonymised": done.anonymised})


def _nobody() -> CollectorError:
    return CollectorError(404, "unknown-person", "nobody is known by that customer id, e-mail address or visitor id")


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
