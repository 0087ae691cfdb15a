"""Who may look at the console and who may change things with it, and from where a form may come.

A collector on a loopback address is open to the person at that machine. Everywhere else a session is needed: a random
id in a cookie that scripts cannot read and other sites cannot send. It is opened by the one-time link the collector
prints when it starts, by a server key (both may change things) or by a read key (which only looks).
"""

from __future__ import annotations

import ipaddress
import secrets
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from ecomtrack_sdk.errors import CollectorError

if TYPE_CHECKING:
    from ecomtrack_sdk.collector._app import Collector
    from ecomtrack_sdk.collector._keys import Key

__all__ = ["INVITATION_SECONDS", "Access", "Right", "same_origin"]

Right = Literal["read", "write"]

COOKIE = "ecomtrack_console"
SESSION_SECONDS = 12 * 60 * 60
"""Life of a session: a working day."""
INVITATION_SECONDS = 60 * 60
"""How long the printed link may wait for its one use: whoever starts a collector looks at it soon."""
MAX_SESSIONS = 1_000
"""Sessions kept; the oldest goes first. A console has a handful of users."""
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


class _Session(NamedTuple):
    ends: float
    right: Right


class Access:
    """The sessions of one collector.

    Args:
        collector: Whose keys count.
        open_on_loopback: Whether requests from this machine need no key: only where the port is on loopback too.
    """

    def __init__(self, collector: Collector, *, open_on_loopback: bool) -> None:
        self._collector = collector
        self._open_on_loopback = open_on_loopback
        self._sessions: dict[str, _Session] = {}
        self._invitations: dict[str, float] = {}
        self._lock = threading.Lock()

    def right_of(self, request: Request) -> Right | None:
        """What the request may do here: look, change things too, or nothing."""
        if self.is_local(request):
            return "write"
        return self._of_session(request) or self._of_key(request)

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

    def invite(self) -> str:
        """A code that opens one session within the hour."""
        code = secrets.token_urlsafe(32)
        with self._lock:
            self._invitations[code] = time.monotonic() + INVITATION_SECONDS
        return code

    def enter(self, request: Request, code: str, response: Response) -> None:
        """Open a session for whoever has a code nobody has used yet.

        Raises:
            CollectorError: 403 not such a code, or used, or too old.
        """
        with self._lock:
            ends = self._invitations.pop(code, 0.0)
        if ends < time.monotonic():
            raise CollectorError(403, "not-allowed", "this link was used already, or is too old")
        self._open(request, "write", response)

    def log_in(self, request: Request, token: str, response: Response) -> None:
        """Open a session for whoever knows a key that reads.

        Raises:
            CollectorError: 403 not such a key.
        """
        key = self._collector.keys.find(token)
        right = _right_of_key(key)
        if right is None:
            raise CollectorError(403, "not-allowed", "this is no read or server key of this collector")
        self._open(request, right, response)

    def _open(self, request: Request, right: Right, response: Response) -> None:
        session = secrets.token_urlsafe(32)
        with self._lock:
            while len(self._sessions) >= MAX_SESSIONS:
                del self._sessions[next(iter(self._sessions))]
            self._sessions[session] = _Session(time.monotonic() + SESSION_SECONDS, right)
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

    def has_session(self, request: Request) -> bool:
        """Whether there is a session to end."""
        return self._of_session(request) is not None

    def _of_session(self, request: Request) -> Right | None:
        name = request.cookies.get(COOKIE)
        if not name:
            return None
        with self._lock:
            session = self._sessions.get(name)
            if session is not None and session.ends < time.monotonic():
                del self._sessions[name]
                session = None
        return session.right if session is not None else None

    def _of_key(self, request: Request) -> Right | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return _right_of_key(self._collector.keys.find(token.strip()) if scheme.lower() == "bearer" and token else None)


def _right_of_key(key: Key | None) -> Right | None:
    if key is None or not key.reads:
        return None
    return "write" if key.kind == "server" else "read"


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
