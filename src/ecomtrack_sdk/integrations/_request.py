"""What a web request says about the visit: who, which page, which campaign, from where. Pure; shared by all frameworks.

The answer is a :class:`Visit`: what goes into the events of the request, and the cookie the response shall set.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from ecomtrack_sdk._types import MAX_TEXT_CHARS, MAX_URL_CHARS
from ecomtrack_sdk.errors import ConfigError
from ecomtrack_sdk.events import Context

__all__ = ["CLICK_IDS", "Incoming", "Visit", "VisitSettings", "visit_of"]

DAYS_400 = 400 * 24 * 3600
"""The most a browser keeps a cookie. Source: RFC 6265bis §5.5."""
CLICK_IDS = (
    "gclid", "gbraid", "wbraid", "dclid", "fbclid", "msclkid", "ttclid", "twclid", "li_fat_id", "yclid", "epik",
    "ScCid", "rdt_cid",
)  # fmt: skip
"""Parameters advertisers add to landing pages, as ``ecomtrack.js`` knows them; the first one present is taken."""
_UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "utm_id")
_VISITOR_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)
_SHARED = re.compile(r"\bpublic\b|\bs-maxage\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class VisitSettings:
    """How visits are read from requests."""

    consent: Literal["granted", "ask"] = "granted"
    """``ask``: no cookie and no personal context until the visitor said yes (cookie ``cbconsent`` is ``1``)."""
    cookie_domain: str | None = None
    """Domain of the cookie, to share it between sub-domains."""
    script_reads_cookie: bool = True
    """``ecomtrack.js`` needs to read ``cbuid``; without the script set this to False, and the cookie is HttpOnly."""
    secure: bool | None = None
    """Whether the cookie is for https only; unless told, as the request came."""
    trusted_proxies: Sequence[str] = ()
    """Addresses or networks of the proxies in front (``"10.0.0.0/8"``; ``"unix"`` for a socket): only their word about
    the visitor's address and scheme (``X-Forwarded-For``, ``X-Forwarded-Proto``) is believed."""
    skip: Sequence[str] = ("/static/", "/media/", "/favicon.ico")
    """Beginnings of paths that are no part of a visit."""
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.consent not in ("granted", "ask"):
            raise ConfigError("consent: must be 'granted' or 'ask'")
        try:
            networks = [ipaddress.ip_network(text, strict=False) for text in self.trusted_proxies if text != "unix"]
        except ValueError as error:
            raise ConfigError(f"trusted_proxies: {error}") from None
        object.__setattr__(self, "networks", tuple(networks))

    def trusts(self, address: str) -> bool:
        """Whether *address* is one of the proxies."""
        if not address or address.startswith("/"):
            return "unix" in self.trusted_proxies
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self.networks)


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """A request, whatever the framework.

    Attributes:
        method: In capitals.
        scheme: As the server saw it, ``http`` or ``https``.
        host: ``Host`` header.
        path: Path, percent-encoded or not.
        query: Query string without the question mark.
        headers: Look-up of a header by its lower-case name; ``None`` when absent.
        cookies: Cookies by name.
        peer: Address of the other end of the connection; empty for a socket file.
    """

    method: str
    scheme: str
    host: str
    path: str
    query: str
    headers: Callable[[str], str | None]
    cookies: Mapping[str, str]
    peer: str


@dataclass(frozen=True)
class Visit:
    """What a request says about the visit.

    Attributes:
        visitor_id: The ``cbuid``, ``None`` without consent or for a request that cannot carry the cookie.
        context: Page, campaign and device, for the events of this request.
        page_view: Whether this is a person opening a page: a GET navigation that is no prefetch.
        set_cookie: Value of the ``Set-Cookie`` header the response shall have, if any.
    """

    visitor_id: str | None
    context: Context
    page_view: bool
    set_cookie: str | None

    def cookie_for(self, cache_control: str | None) -> str | None:
        """The cookie to set on a response of that ``Cache-Control``: a shared cache would give it to everybody."""
        return None if self.set_cookie is None or _SHARED.search(cache_control or "") else self.set_cookie


def visit_of(request: Incoming, settings: VisitSettings) -> Visit | None:
    """The visit a request belongs to; ``None`` for paths that are no part of one."""
    if request.path.startswith(tuple(settings.skip)):
        return None
    trusted = settings.trusts(request.peer)
    scheme = request.scheme
    if trusted and (told := request.headers("x-forwarded-proto")):
        scheme = "https" if told.split(",")[0].strip().lower() == "https" else "http"
    url = f"{scheme}://{request.host}{request.path}" + (f"?{request.query}" if request.query else "")
    navigation = _is_navigation(request)
    page_view = navigation and request.method == "GET" and not _is_prefetch(request)
    referrer = request.headers("referer") or None
    page, came_from = url, referrer
    if not page_view and referrer is not None and _host(referrer) == request.host:
        # A form or a call of the page's script happens on the page that sent it, which is the referrer.
        page, came_from = referrer, None
    allowed = _allowed(request, settings)
    if not allowed:
        gone = _cookie("", 0, scheme, settings) if request.cookies.get("cbuid") and allowed is False else None
        return Visit(None, Context(url=page[:MAX_URL_CHARS].partition("?")[0], source="web"), page_view, gone)
    visitor_id = request.cookies.get("cbuid") or ""
    if not _VISITOR_ID.fullmatch(visitor_id):
        visitor_id = secrets.token_hex(16) if navigation else ""
    # Every page sets it anew: 400 days from the last visit, not from the first.
    cookie = _cookie(visitor_id, DAYS_400, scheme, settings) if navigation and visitor_id else None
    context = _context(request, page, came_from, _client_address(request, settings, trusted=trusted))
    return Visit(visitor_id or None, context, page_view, cookie)


def _allowed(request: Incoming, settings: VisitSettings) -> bool | None:
    """Yes, no, or ``None`` while the visitor has not been asked. Source: Global Privacy Control, header ``Sec-GPC``."""
    if (request.headers("sec-gpc") or "").strip() == "1":
        return False
    said = request.cookies.get("cbconsent")
    if said in ("0", "1"):
        return said == "1"
    return True if settings.consent == "granted" else None


def _is_navigation(request: Incoming) -> bool:
    """Whether the answer is a page for a person. Source: Fetch Metadata, or ``Accept`` where that is not sent."""
    mode = request.headers("sec-fetch-mode")
    if mode is not None:
        return mode == "navigate" and request.headers("sec-fetch-dest") in (None, "document")
    return "text/html" in (request.headers("accept") or "")


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).netloc
    except ValueError:  # an address no browser would send
        return None


def _is_prefetch(request: Incoming) -> bool:
    purpose = request.headers("sec-purpose") or request.headers("purpose") or ""
    return "prefetch" in purpose.lower()


def _cookie(value: str, age: int, scheme: str, settings: VisitSettings) -> str:
    parts = [f"cbuid={value}", f"Max-Age={age}", "Path=/", "SameSite=Lax"]
    if settings.cookie_domain:
        parts.append(f"Domain={settings.cookie_domain}")
    if settings.secure if settings.secure is not None else scheme == "https":
        parts.append("Secure")
    if not settings.script_reads_cookie:
        parts.append("HttpOnly")
    return "; ".join(parts)


def _client_address(request: Incoming, settings: VisitSettings, *, trusted: bool) -> str | None:
    """The visitor's address: behind trusted proxies the last one in the chain that is not one of them.

    What stands further left was written by the visitor and may be anything.
    """
    address = request.peer
    if trusted:
        for hop in reversed((request.headers("x-forwarded-for") or "").split(",")):
            hop = hop.strip().strip("[]")  # noqa: PLW2901 - the same address, as ipaddress reads it
            if not _is_address(hop):
                break
            address = hop
            if not settings.trusts(hop):
                break
    return address if _is_address(address) else None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _context(request: Incoming, page: str, referrer: str | None, ip: str | None) -> Context:
    try:
        tags = dict(parse_qsl(urlsplit(page).query))
    except ValueError:  # an address no browser would send
        tags = {}
    click = next((name for name in CLICK_IDS if tags.get(name)), None)
    agent = request.headers("user-agent")
    language = (request.headers("accept-language") or "").split(",")[0].split(";")[0].strip()
    return Context(
        url=page[:MAX_URL_CHARS],
        referrer=referrer[:MAX_URL_CHARS] if referrer else None,
        user_agent=agent[:MAX_TEXT_CHARS] if agent else None,
        ip=ip,
        locale=language if re.fullmatch(r"[A-Za-z0-9-]{1,35}", language) else None,
        click_id=tags[click][:MAX_TEXT_CHARS] if click else None,
        click_id_type=click,
        source="web",
        **{name: tags[name][:MAX_TEXT_CHARS] for name in _UTM if tags.get(name)},  # type: ignore[arg-type]
    )
