"""Who may look at the console, and from where a form may come.

A collector on a loopback address is open to the person at that machine. Everywhere else a read key opens a session: a
random id in a cookie that scripts cannot read and other sites cannot send.
"""

from __future__ import annotations

import ipaddress
import secrets
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from ecomtrack_sdk.errors import CollectorError

if TYPE_CHECKING:
    from ecomtrack_sdk.collector._app import Collector

__all__ = ["Access", "same_origin"]

COOKIE = "ecomtrack_console"
SESSION_SECONDS = 12 * 60 * 60
"""Life of a session: a working day."""
MAX_SESSIONS = 1_000
"""Sessions kept; the oldest goes first. A console has a handful of users."""
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


class Access:
    """The sessions of one collector.

    Args:
        collector: Whose keys count.
        open_on_loopback: Whether requests from this machine need no key: only where the port is on loopback too.
    """

    def __init__(self, collector: Collector, *, open_on_loopback: bool) -> None:
        self._collector = collector
        self._open_on_loopback = open_on_loopback
        self._sessions: dict[str, float] = {}
        self._lock = threading.Lock()

    def allows(self, request: Request) -> bool:
        """Whether the request may see the console."""
        return self.is_local(request) or self._has_session(request) or self._has_key(request)

    def is_local(self, request: Request) -> bool:
        """Whether the request comes from this machine, by a local name and past no proxy.

        The name is checked because a foreign page can make a browser ask this machine under a name of its own (DNS
        rebinding), and the proxy headers because behind a proxy everybody comes from this machine.
        """
        if not self._open_on_loopback or request.client is None:
            return False
        if any(name in request.headers for name in _FORWARDED):
            return False
        with suppress(ValueError):
            if not ipaddress.ip_address(request.client.host).is_loopback:
                return False
            return urlsplit(f"//{request.headers.get('host', '')}").hostname in _LOCAL_NAMES
        return False

    def log_in(self, request: Request, token: str, response: Response) -> None:
        """Open a session for whoever knows a key that reads.

        Raises:
            CollectorError: 403 not such a key.
        """
        key = self._collector.keys.find(token)
        if key is None or not key.reads:
            raise CollectorError(403, "not-allowed", "this is not a read key of this collector")
        session = secrets.token_urlsafe(32)
        with self._lock:
            while len(self._sessions) >= MAX_SESSIONS:
                del self._sessions[next(iter(self._sessions))]
            self._sessions[session] = time.monotonic() + SESSION_SECONDS
        response.set_cookie(
            COOKIE,
            session,
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
            path="/",
        )

    def log_out(self, request: Request, response: Response) -> None:
        """End the session of the request."""
        with self._lock:
            self._sessions.pop(request.cookies.get(COOKIE, ""), None)
        response.delete_cookie(COOKIE, path="/")

    def _has_session(self, request: Request) -> bool:
        session = request.cookies.get(COOKIE)
        if not session:
            return False
        with self._lock:
            ends = self._sessions.get(session)
            if ends is not None and ends < time.monotonic():
                del self._sessions[session]
                ends = None
        return ends is not None

    def _has_key(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        key = self._collector.keys.find(token.strip()) if scheme.lower() == "bearer" and token else None
        return key is not None and key.reads


def same_origin(request: Request) -> None:
    """Refuse a form that another site made the browser send.

    Raises:
        CollectorError: 403 neither ``Sec-Fetch-Site`` nor ``Origin`` says that the form is the console's own.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    if site == "same-origin" or (site is None and origin == own):
        return
    raise CollectorError(403, "foreign-form", "this form did not come from the console")
