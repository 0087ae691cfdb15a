"""Addresses of the console, and what every one of its answers carries: a strict policy and no cache."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ecomtrack_sdk.collector._http import read_body
from ecomtrack_sdk.collector.console._access import Access, same_origin
from ecomtrack_sdk.collector.console._live import Live
from ecomtrack_sdk.collector.console._orders import Orders
from ecomtrack_sdk.collector.console._overview import Overview
from ecomtrack_sdk.collector.console._pages import Pages
from ecomtrack_sdk.collector.console._view import render
from ecomtrack_sdk.errors import CollectorError

if TYPE_CHECKING:
    from ecomtrack_sdk.collector._app import Collector

__all__ = ["console_routes"]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""Nothing inline, nothing from elsewhere: what an event contains cannot run even if it were written as markup."""
MAX_FORM_BYTES = 16 * 1024
"""Body of a form; the largest holds one key."""

Endpoint = Callable[[Request], Awaitable[Response]]
_STATIC = {"console.css": "text/css; charset=utf-8", "console.js": "text/javascript; charset=utf-8"}


def console_routes(collector: Collector, *, open_on_loopback: bool) -> list[BaseRoute]:
    """The console's routes.

    Args:
        collector: What it shows.
        open_on_loopback: Whether people at this machine need no key.
    """
    access = Access(collector, open_on_loopback=open_on_loopback)
    pages = Pages(collector)
    overview = Overview(collector)
    orders = Orders(collector)
    live = Live(collector)

    def shown(work: Endpoint) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            if not access.allows(request):
                return _dressed(render("login.html", status=401))
            if request.method == "POST":
                same_origin(request)
            return _dressed(await work(request))

        return endpoint

    async def log_in(request: Request) -> Response:
        same_origin(request)
        form = parse_qs((await read_body(request.scope, request.receive, MAX_FORM_BYTES)).decode("utf-8", "replace"))
        response: Response = RedirectResponse("/", 303)
        try:
            access.log_in(request, form.get("key", [""])[0].strip(), response)
        except CollectorError as error:
            response = render("login.html", status=403, error=error.detail)
        return _dressed(response)

    async def log_out(request: Request) -> Response:
        same_origin(request)
        response = RedirectResponse("/", 303)
        access.log_out(request, response)
        return response

    async def static(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _STATIC:
            raise CollectorError(404, "not-found", "there is no such file")
        body = (files("ecomtrack_sdk") / "collector" / "console" / "static" / name).read_bytes()
        return Response(body, media_type=_STATIC[name], headers={"x-content-type-options": "nosniff"})

    return [
        Route("/", shown(overview.page)),
        Route("/console/login", log_in, methods=["POST"]),
        Route("/console/logout", log_out, methods=["POST"]),
        Route("/console/live", shown(live.page)),
        Route("/console/stream", shown(live.stream)),
        Route("/console/find", shown(live.find)),
        Route("/console/events/{event_id}", shown(live.event)),
        Route("/console/reset", shown(live.reset), methods=["POST"]),
        Route("/console/test-event", shown(live.send_test_event), methods=["POST"]),
        Route("/console/reports", shown(pages.reports)),
        Route("/console/reports/{name}.{kind:str}", shown(pages.download)),
        Route("/console/reports/{name}", shown(pages.report)),
        Route("/console/people", shown(pages.people)),
        Route("/console/orders", shown(orders.page)),
        Route("/console/setup", shown(pages.setup)),
        Route("/console/{name}", static),
    ]


def _dressed(response: Response) -> Response:
    response.headers["content-security-policy"] = POLICY
    response.headers["referrer-policy"] = "no-referrer"
    response.headers["x-content-type-options"] = "nosniff"
    response.headers["cache-control"] = "no-store"
    return response
