"""Starlette and FastAPI: who visits, on which page, in every event of a request. Pure ASGI middleware.

::

    tracker = Tracker.from_env()
    app.add_middleware(EcomtrackMiddleware, tracker=tracker)


    async def add(request):
        tracker.track(AddToCart(item=Item(product_id="p1", price="19.90"), currency="EUR"))
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ecomtrack_sdk._client import Tracker
from ecomtrack_sdk.events import Customer, ViewPage
from ecomtrack_sdk.integrations._request import Incoming, Visit, VisitSettings, visit_of

__all__ = ["EcomtrackMiddleware", "VisitSettings"]

FindCustomer = Callable[[Request], Customer | Awaitable[Customer | None] | None]


class EcomtrackMiddleware:
    """Fills visitor, customer, page and campaign into the events of each request, and sets the ``cbuid`` cookie.

    Put it inside the middleware that knows the session or the user, so that *customer* can ask it.

    Args:
        app: The application.
        tracker: The process's tracker; it is flushed when the application shuts down.
        customer: Who is logged in, from the request; may be a coroutine function.
        auto_page: Track a ``ViewPage`` for every HTML page a person opens; leave it off beside ``ecomtrack.js``, which
            does the same and knows the title.
        flush_timeout: Longest wait for delivery at shutdown, in seconds; what is left stays in the outbox.
        settings: Consent, trusted proxies, the cookie's domain, paths to skip.
    """

    def __init__(
        self,
        app: ASGIApp,
        tracker: Tracker,
        *,
        customer: FindCustomer | None = None,
        auto_page: bool = False,
        flush_timeout: float = 5.0,
        settings: VisitSettings | None = None,
    ) -> None:
        self.app = app
        self.tracker = tracker
        self.customer = customer
        self.auto_page = auto_page
        self.flush_timeout = flush_timeout
        self.settings = settings or VisitSettings()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection."""
        if scope["type"] == "http":
            request = Request(scope)
            visit = visit_of(_incoming(request), self.settings)
            if visit is not None:
                await self._within(visit, request, receive, send)
                return
        elif scope["type"] == "lifespan":
            await self.app(scope, receive, self._flushing(send))
            return
        await self.app(scope, receive, send)

    async def _within(self, visit: Visit, request: Request, receive: Receive, send: Send) -> None:
        customer: Any = self.customer(request) if self.customer is not None else None
        if isawaitable(customer):
            customer = await customer

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                cookie = visit.cookie_for(headers.get("cache-control"))
                if cookie is not None:
                    headers.append("set-cookie", cookie)
                if self.auto_page and visit.page_view and _is_page(message["status"], headers.get("content-type")):
                    self.tracker.track(ViewPage())
            await send(message)

        with self.tracker.visitor(visitor_id=visit.visitor_id, customer=customer, context=visit.context):
            await self.app(request.scope, receive, answer)

    def _flushing(self, send: Send) -> Send:
        async def flush_first(message: Message) -> None:
            if message["type"].startswith("lifespan.shutdown."):
                await self.tracker.aflush(self.flush_timeout)
            await send(message)

        return flush_first


def _is_page(status: int, content_type: str | None) -> bool:
    return status == 200 and (content_type or "").startswith("text/html")


def _incoming(request: Request) -> Incoming:
    scope = request.scope
    client = scope.get("client")
    raw_path = scope.get("raw_path")
    return Incoming(
        method=scope["method"],
        scheme=scope.get("scheme", "http"),
        host=request.headers.get("host", ""),
        path=raw_path.partition(b"?")[0].decode("latin-1") if raw_path else scope["path"],
        query=scope.get("query_string", b"").decode("latin-1"),
        headers=request.headers.get,
        cookies=request.cookies,
        peer=client[0] if client else "",
    )
