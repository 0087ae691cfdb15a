"""Django: who visits, on which page, in every event of a request; events that wait for the commit.

::

    # settings.py
    INSTALLED_APPS = [..., "ecomtrack_sdk.integrations.django.EcomtrackConfig"]
    MIDDLEWARE = [..., "ecomtrack_sdk.integrations.django.EcomtrackMiddleware"]  # after AuthenticationMiddleware
    ECOMTRACK = {"url": "https://collect.example.com", "key": "…", "site_key": "…"}

    # views.py
    from ecomtrack_sdk.integrations.django import track, track_on_commit
"""

# pyright: reportAttributeAccessIssue=false, reportReturnType=false, reportGeneralTypeIssues=false
# pyright: reportAssignmentType=false
# Django has no types of its own, and what a checker infers from its descriptors and decorators is wrong.

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import fields
from functools import cache
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.apps import AppConfig
from django.conf import settings
from django.core.signals import setting_changed
from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template import Library
from django.utils.module_loading import import_string
from django.utils.safestring import SafeString, mark_safe

from ecomtrack_sdk._client import Tracker
from ecomtrack_sdk.errors import ConfigError
from ecomtrack_sdk.events import Customer, Event, ViewPage
from ecomtrack_sdk.integrations._request import Incoming, Visit, VisitSettings, visit_of
from ecomtrack_sdk.integrations.browser import snippet

__all__ = [
    "EcomtrackConfig",
    "EcomtrackMiddleware",
    "get_tracker",
    "snippet_context",
    "track",
    "track_on_commit",
    "user_customer",
]

OWN = ("customer", "auto_page", "site_key", "browser_url")
"""Keys of ``ECOMTRACK`` that are the middleware's: ``customer`` is a dotted path to ``(request) -> Customer | None``,
by default :func:`user_customer`, ``None`` for nobody. The rest are fields of ``VisitSettings`` and of ``Config``."""


def _settings() -> dict[str, Any]:
    return dict(getattr(settings, "ECOMTRACK", {}))


@cache
def _visit_settings() -> VisitSettings:
    known = {one.name for one in fields(VisitSettings) if one.init}
    return VisitSettings(**{name: value for name, value in _settings().items() if name in known})


@cache
def get_tracker() -> Tracker:
    """The process's tracker, made on first use from ``settings.ECOMTRACK`` and the environment."""
    visit = {one.name for one in fields(VisitSettings)}
    return Tracker(**{name: value for name, value in _settings().items() if name not in visit and name not in OWN})


def _forget(*, setting: str, **_: object) -> None:
    """Read the settings anew when a test overrides them."""
    if setting == "ECOMTRACK":
        _visit_settings.cache_clear()
        if get_tracker.cache_info().currsize:
            get_tracker().close(timeout=1.0)
        get_tracker.cache_clear()


setting_changed.connect(_forget, dispatch_uid="ecomtrack")


def track(event: Event) -> str:
    """Record *event* now, whatever becomes of the transaction."""
    return get_tracker().track(event)


def track_on_commit(event: Event, using: str | None = None) -> None:
    """Record *event* when the transaction commits, never when it is rolled back; at once outside of one.

    Between the commit and the call the process may die, and the event with it. Where that must not happen, use the
    transactional outbox.
    """
    transaction.on_commit(lambda: track(event), using=using)


def user_customer(request: HttpRequest) -> Customer | None:
    """The logged-in user of ``django.contrib.auth``: primary key, e-mail address and name."""
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    return Customer(
        id=str(user.pk),
        email=getattr(user, "email", None) or None,
        first_name=getattr(user, "first_name", None) or None,
        last_name=getattr(user, "last_name", None) or None,
    )


class EcomtrackMiddleware:
    """Fills visitor, customer, page and campaign into the events of each request, and sets the ``cbuid`` cookie.

    Works under WSGI and ASGI. Put it after ``AuthenticationMiddleware``.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        own = _settings()
        path = own.get("customer", f"{__name__}.user_customer")
        self.customer: Callable[[HttpRequest], Customer | None] | None = import_string(path) if path else None
        self.auto_page = bool(own.get("auto_page", False))
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """One request."""
        visit = visit_of(_incoming(request), _visit_settings())
        if self.is_async:
            return self._answer_async(request, visit)
        if visit is None:
            return self.get_response(request)
        customer = self.customer(request) if self.customer is not None else None
        with get_tracker().visitor(visitor_id=visit.visitor_id, customer=customer, context=visit.context):
            return self._finish(visit, self.get_response(request))

    async def _answer_async(self, request: HttpRequest, visit: Visit | None) -> HttpResponseBase:
        if visit is None:
            return await self.get_response(request)
        # request.user may ask the database, which Django allows on a thread only.
        customer = await sync_to_async(self.customer)(request) if self.customer is not None else None
        with get_tracker().visitor(visitor_id=visit.visitor_id, customer=customer, context=visit.context):
            return self._finish(visit, await self.get_response(request))

    def _finish(self, visit: Visit, response: Any) -> HttpResponseBase:
        cookie = visit.cookie_for(response.headers.get("Cache-Control"))
        if cookie is not None:
            response.cookies.load(cookie)
        is_page = response.status_code == 200 and response.headers.get("Content-Type", "").startswith("text/html")
        if self.auto_page and visit.page_view and is_page:
            track(ViewPage())
        return response


class EcomtrackConfig(AppConfig):  # type: ignore[misc]  # Django has no types of its own
    """The app. It has no models and no migrations."""

    name = "ecomtrack_sdk.integrations.django"
    label = "ecomtrack"
    verbose_name = "ecomtrack"


register = Library()
"""For ``TEMPLATES["OPTIONS"]["libraries"] = {"ecomtrack": "ecomtrack_sdk.integrations.django"}``."""


@register.simple_tag  # type: ignore[untyped-decorator]
def ecomtrack_snippet(**options: Any) -> SafeString:
    """``{% load ecomtrack %}{% ecomtrack_snippet %}``: the tags of the browser script.

    Options are those of :func:`ecomtrack_sdk.integrations.browser.snippet`, such as ``nonce=request.csp_nonce``.
    """
    own, visit = _settings(), _visit_settings()
    if not own.get("site_key"):
        raise ConfigError("ECOMTRACK['site_key']: is needed for the browser script, a site key of the collector")
    options.setdefault("consent", visit.consent)
    options.setdefault("cookie_domain", visit.cookie_domain)
    url = own.get("browser_url") or get_tracker().config.url
    return mark_safe(snippet(url, own["site_key"], **options))  # noqa: S308 - escaped there


def snippet_context(_: HttpRequest) -> dict[str, Any]:
    """Context processor: ``{{ ecomtrack_snippet }}`` in every template."""
    return {"ecomtrack_snippet": ecomtrack_snippet}


def _incoming(request: HttpRequest) -> Incoming:
    return Incoming(
        method=request.method or "GET",
        scheme=request.scheme or "http",
        host=request.META.get("HTTP_HOST") or request.META.get("SERVER_NAME", ""),
        path=request.path,
        query=request.META.get("QUERY_STRING", ""),
        headers=request.headers.get,
        cookies=request.COOKIES,
        peer=request.META.get("REMOTE_ADDR") or "",
    )
