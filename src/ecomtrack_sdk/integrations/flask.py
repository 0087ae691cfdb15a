"""Flask: who visits, on which page, in every event of a request.

::

    tracker = Tracker.from_env()
    Ecomtrack(app, tracker)


    @app.post("/cart")
    def add():
        tracker.track(AddToCart(item=Item(product_id="p1", price="19.90"), currency="EUR"))
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from flask import Flask, Request, Response, g, request
from markupsafe import Markup

from ecomtrack_sdk._client import Tracker
from ecomtrack_sdk.errors import ConfigError
from ecomtrack_sdk.events import Customer, ViewPage
from ecomtrack_sdk.integrations._request import Incoming, Visit, VisitSettings, visit_of
from ecomtrack_sdk.integrations.browser import snippet

__all__ = ["Ecomtrack", "VisitSettings"]


class Ecomtrack:
    """Fills visitor, customer, page and campaign into the events of each request, and sets the ``cbuid`` cookie.

    Templates get ``{{ ecomtrack_snippet() }}``, the tags of the browser script; it needs *site_key*.

    Args:
        app: The application; or call :meth:`init_app` later.
        tracker: The process's tracker; by default one made from the environment. It delivers what is left when the
            process ends.
        customer: Who is logged in, from the request.
        auto_page: Track a ``ViewPage`` for every HTML page a person opens; leave it off beside ``ecomtrack.js``, which
            does the same and knows the title.
        site_key: Site key for the browser script.
        browser_url: Address of the collector as browsers reach it; by default the tracker's.
        settings: Consent, trusted proxies, the cookie's domain, paths to skip.
    """

    def __init__(
        self,
        app: Flask | None = None,
        tracker: Tracker | None = None,
        *,
        customer: Callable[[Request], Customer | None] | None = None,
        auto_page: bool = False,
        site_key: str | None = None,
        browser_url: str | None = None,
        settings: VisitSettings | None = None,
    ) -> None:
        self.tracker = tracker if tracker is not None else Tracker.from_env()
        self.customer = customer
        self.auto_page = auto_page
        self.site_key = site_key
        self.browser_url = browser_url
        self.settings = settings or VisitSettings()
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Set up *app*; one extension may serve several applications."""
        app.extensions["ecomtrack"] = self
        app.before_request(self._enter)
        app.after_request(self._answer)
        app.teardown_request(self._leave)
        app.add_template_global(self.snippet, "ecomtrack_snippet")

    def snippet(self, **options: Any) -> Markup:
        """The tags of the browser script, with the options of :func:`ecomtrack_sdk.integrations.browser.snippet`."""
        if self.site_key is None:
            raise ConfigError("site_key: is needed for the browser script, a site key of the collector")
        options.setdefault("consent", self.settings.consent)
        options.setdefault("cookie_domain", self.settings.cookie_domain)
        return Markup(snippet(self.browser_url or self.tracker.config.url, self.site_key, **options))  # noqa: S704 - escaped there

    def _enter(self) -> None:
        visit = visit_of(_incoming(request), self.settings)
        if visit is None:
            return
        customer = self.customer(request) if self.customer is not None else None
        g.ecomtrack_visit = visit
        g.ecomtrack_stack = stack = ExitStack()
        stack.enter_context(self.tracker.visitor(visitor_id=visit.visitor_id, customer=customer, context=visit.context))

    def _answer(self, response: Response) -> Response:
        visit: Visit | None = g.get("ecomtrack_visit")
        if visit is not None:
            cookie = visit.cookie_for(response.headers.get("Cache-Control"))
            if cookie is not None:
                response.headers.add("Set-Cookie", cookie)
            if self.auto_page and visit.page_view and response.status_code == 200 and response.mimetype == "text/html":
                self.tracker.track(ViewPage())
        return response

    def _leave(self, _: BaseException | None) -> None:
        stack: ExitStack | None = g.pop("ecomtrack_stack", None)
        if stack is not None:
            stack.close()


def _incoming(request: Request) -> Incoming:
    environ = request.environ
    return Incoming(
        method=request.method,
        scheme=request.scheme,
        host=request.host,
        path=request.path,
        query=request.query_string.decode("latin-1"),
        headers=request.headers.get,
        cookies=request.cookies,
        # ProxyFix, where the shop uses it, has rewritten REMOTE_ADDR already.
        peer=environ.get("REMOTE_ADDR") or "",
    )
