"""Addresses of the console, and what every one of its answers carries: a strict policy and no cache."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ecomtrack_sdk.collector.console._access import same_origin
from ecomtrack_sdk.collector.console._event import EventPage
from ecomtrack_sdk.collector.console._forms import form_of
from ecomtrack_sdk.collector.console._live import Live
from ecomtrack_sdk.collector.console._orders import Orders
from ecomtrack_sdk.collector.console._overview import Overview
from ecomtrack_sdk.collector.console._people import People
from ecomtrack_sdk.collector.console._report_pages import ReportPages
from ecomtrack_sdk.collector.console._setup import Setup
from ecomtrack_sdk.collector.console._view import page_for, render
from ecomtrack_sdk.errors import CollectorError

if TYPE_CHECKING:
    from ecomtrack_sdk.collector._app import Collector

__all__ = ["console_routes"]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""Nothing inline, nothing from elsewhere: what an event contains cannot run even if it were written as markup."""

Endpoint = Callable[[Request], Awaitable[Response]]
_STATIC = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
}


def console_routes(collector: Collector) -> list[BaseRoute]:
    """The console's routes over *collector*."""
    access = collector.console
    reports = ReportPages(collector)
    people = People(collector)
    events = EventPage(collector)
    setup = Setup(collector)
    live = Live(collector)

    def shown(work: Endpoint, *, changes: bool = False) -> Endpoint:
        """A page for whoever may see it; *changes*: only for those who may change things."""

        async def endpoint(request: Request) -> Response:
            right = access.right_of(request)
            if right is None:
                return _dressed(render("login.html", status=401))
            if request.method == "POST":
                same_origin(request)
            if changes and right != "write":
                raise CollectorError(403, "not-allowed", "a read key only looks: log in with a server key to do that")
            request.state.right = right
            with page_for(session=access.has_session(request)):
                return _dressed(await work(request))

        return endpoint

    def changing(work: Endpoint) -> Endpoint:
        return shown(work, changes=True)

    async def log_in(request: Request) -> Response:
        same_origin(request)
        form = await form_of(request)
        response: Response = RedirectResponse("/", 303)
        try:
            access.log_in(request, form.get("key", ""), response)
        except CollectorError as error:
            response = render("login.html", status=403, error=error.detail)
        return _dressed(response)

    async def enter(request: Request) -> Response:
        # A page that leads on instead of a redirect: a strict cookie goes with what this page asks for, whoever linked.
        response: Response = render("entered.html")
        try:
            access.enter(request, request.query_params.get("code", ""), response)
        except CollectorError as error:
            response = render("login.html", status=403, error=error.detail)
        return _dressed(response)

    async def log_out(request: Request) -> Response:
        same_origin(request)
        response = RedirectResponse("/", 303)
        access.log_out(request, response)
        return _dressed(response)

    async def static(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _STATIC:
            raise CollectorError(404, "not-found", "there is no such file")
        body = (files("ecomtrack_sdk") / "collector" / "console" / "static" / name).read_bytes()
        return Response(body, media_type=_STATIC[name], headers={"x-content-type-options": "nosniff"})

    return [
        Route("/", shown(Overview(collector).page)),
        _get("/console/enter", enter),
        Route("/console/login", log_in, methods=["POST"]),
        Route("/console/logout", log_out, methods=["POST"]),
        Route("/console/live", shown(live.page)),
        Route("/console/stream", shown(live.stream)),
        Route("/console/find", shown(live.find)),
        Route("/console/events/{event_id}", shown(events.page)),
        Route("/console/refused/{seq:int}", shown(events.refused)),
        Route("/console/reset", changing(live.ask_reset)),
        Route("/console/reset", changing(live.reset), methods=["POST"]),
        Route("/console/test-event", changing(setup.send_test_event), methods=["POST"]),
        Route("/console/reports", shown(reports.index)),
        Route("/console/reports/{name}.{kind:str}", shown(reports.download)),
        Route("/console/reports/{name}", shown(reports.page)),
        Route("/console/people", shown(people.page)),
        Route("/console/people/export", shown(people.export)),
        Route("/console/people/erase", changing(people.ask_erase)),
        Route("/console/people/erase", changing(people.erase), methods=["POST"]),
        Route("/console/people/unlink", changing(people.ask_unlink)),
        Route("/console/people/unlink", changing(people.unlink), methods=["POST"]),
        Route("/console/orders", shown(Orders(collector).page)),
        Route("/console/setup", shown(setup.page)),
        Route("/console/{name}", static),
    ]


def _get(path: str, work: Endpoint) -> Route:
    """A route for GET alone: Starlette would add HEAD, and a look at the head must not use up a link."""
    route = Route(path, work)
    route.methods = {"GET"}
    return route


def _dressed(response: Response) -> Response:
    response.headers["content-security-policy"] = POLICY
    response.headers["referrer-policy"] = "same-origin"
    response.headers["x-content-type-options"] = "nosniff"
    response.headers["cache-control"] = "no-store"
    return response
