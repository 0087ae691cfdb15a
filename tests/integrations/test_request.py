"""Requests to visits: cookie, consent, page, campaign, address. No framework and no network."""

from __future__ import annotations

import re

import pytest

from ecomtrack_sdk.errors import ConfigError
from ecomtrack_sdk.integrations._request import Incoming, VisitSettings, visit_of

KNOWN = "0123456789abcdef0123456789abcdef"
NAVIGATION = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


def incoming(path="/", query="", *, method="GET", scheme="https", peer="192.0.2.7", cookies=None, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Incoming(
        method=method,
        scheme=scheme,
        host="shop.example",
        path=path,
        query=query,
        headers=named.get,
        cookies=cookies or {},
        peer=peer,
    )


def opened(*args, **kwargs):
    """A page opened by a person."""
    return incoming(*args, **{**{name.replace("-", "_"): value for name, value in NAVIGATION.items()}, **kwargs})


def test_first_page():
    """The first page of a visitor gets a random id in a cookie of 400 days, and tells page, campaign and device."""
    request = opened(
        "/p/1", "utm_source=news&utm_medium=email&gclid=G1", referer="https://x.example/", user_agent="UA",
        accept_language="de-AT,de;q=0.9",
    )  # fmt: skip
    visit = visit_of(request, VisitSettings())
    assert re.fullmatch("[0-9a-f]{32}", visit.visitor_id)
    assert visit.set_cookie == f"cbuid={visit.visitor_id}; Max-Age=34560000; Path=/; SameSite=Lax; Secure"
    assert visit.page_view
    assert visit.context.model_dump(exclude_none=True) == {
        "url": "https://shop.example/p/1?utm_source=news&utm_medium=email&gclid=G1",
        "referrer": "https://x.example/",
        "utm_source": "news",
        "utm_medium": "email",
        "click_id": "G1",
        "click_id_type": "gclid",
        "user_agent": "UA",
        "ip": "192.0.2.7",
        "locale": "de-AT",
        "source": "web",
    }


def test_known_visitor():
    """A known visitor keeps the id, and every page renews the cookie."""
    visit = visit_of(opened(cookies={"cbuid": KNOWN}), VisitSettings())
    assert visit.visitor_id == KNOWN
    assert visit.set_cookie.startswith(f"cbuid={KNOWN}; Max-Age=34560000")


@pytest.mark.parametrize("forged", ["short", "a" * 65, "<script>", "a\r\nSet-Cookie: b=c", "ä" * 20])
def test_forged_cookie(forged):
    """A cookie that is none of ours is replaced, and never written back."""
    visit = visit_of(opened(cookies={"cbuid": forged}), VisitSettings())
    assert visit.visitor_id != forged
    assert forged not in visit.set_cookie


def test_call_of_a_script():
    """A call of the page's script happens on the page that made it, sets no cookie, and makes no visitor."""
    request = incoming(
        "/api/cart", method="POST", sec_fetch_mode="cors", referer="https://shop.example/p/1?utm_source=news"
    )
    visit = visit_of(request, VisitSettings())
    assert (visit.visitor_id, visit.set_cookie, visit.page_view) == (None, None, False)
    assert visit.context.url == "https://shop.example/p/1?utm_source=news"
    assert visit.context.utm_source == "news"
    assert visit.context.referrer is None


def test_return_from_a_payment_page():
    """A form posted from another host happens on the shop's own page; the other host is the referrer."""
    visit = visit_of(opened("/paid", method="POST", referer="https://bank.example/"), VisitSettings())
    assert visit.context.url == "https://shop.example/paid"
    assert visit.context.referrer == "https://bank.example/"
    assert not visit.page_view


def test_without_fetch_metadata():
    """An older browser's page is known by what it accepts; a program's request is none."""
    assert visit_of(incoming(accept="text/html,*/*"), VisitSettings()).page_view
    assert not visit_of(incoming(accept="*/*"), VisitSettings()).page_view


def test_prefetch_and_frames():
    """A prefetched page is not a view; a frame is not a page."""
    assert not visit_of(opened(sec_purpose="prefetch;prerender"), VisitSettings()).page_view
    assert visit_of(incoming(sec_fetch_mode="navigate", sec_fetch_dest="iframe"), VisitSettings()).set_cookie is None


@pytest.mark.parametrize("path", ["/static/a.css", "/media/x.jpg", "/favicon.ico"])
def test_skipped(path):
    """Files are no part of a visit."""
    assert visit_of(opened(path), VisitSettings()) is None


@pytest.mark.parametrize(
    ("consent", "cookies", "headers", "expected"),
    [
        ("granted", {}, {}, True),
        ("granted", {"cbconsent": "0"}, {}, False),
        ("granted", {}, {"sec_gpc": "1"}, False),
        ("granted", {"cbconsent": "1"}, {"sec_gpc": "1"}, False),
        ("ask", {}, {}, False),
        ("ask", {"cbconsent": "1"}, {}, True),
        ("ask", {"cbconsent": "yes"}, {}, False),
    ],
)
def test_consent(consent, cookies, headers, expected):
    """Without consent there is no visitor, no cookie and nothing personal; Sec-GPC is a no that stands."""
    visit = visit_of(opened("/", "token=secret", cookies=cookies, **headers), VisitSettings(consent=consent))
    assert (visit.visitor_id is not None) is expected
    assert (visit.set_cookie is not None) is expected
    if not expected:
        assert visit.context.model_dump(exclude_none=True) == {"url": "https://shop.example/", "source": "web"}


def test_refusal_takes_the_cookie_back():
    """A no after a yes expires the cookie that is still there."""
    visit = visit_of(opened(cookies={"cbuid": KNOWN, "cbconsent": "0"}), VisitSettings())
    assert visit.set_cookie.startswith("cbuid=; Max-Age=0")


@pytest.mark.parametrize(
    ("peer", "chain", "expected"),
    [
        ("192.0.2.7", "198.51.100.1", "192.0.2.7"),  # not a proxy of ours: its word counts nothing
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        (
            "10.0.0.1",
            "203.0.113.9, 198.51.100.1, 10.1.1.1",
            "198.51.100.1",
        ),  # what stands left of it is the visitor's own
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("", "198.51.100.1", "198.51.100.1"),
        ("testclient", "198.51.100.1", None),
    ],
)
def test_address(peer, chain, expected):
    """The visitor's address is the last one in the chain that is not a trusted proxy."""
    settings = VisitSettings(trusted_proxies=["10.0.0.0/8", "unix"])
    visit = visit_of(opened(peer=peer, x_forwarded_for=chain), settings)
    assert visit.context.ip == expected


def test_scheme():
    """https is believed of a trusted proxy only; it decides over Secure, which may also be set."""
    trusted = VisitSettings(trusted_proxies=["10.0.0.1"])
    behind = {"scheme": "http", "x_forwarded_proto": "https"}
    assert visit_of(opened(peer="10.0.0.1", **behind), trusted).set_cookie.endswith("; Secure")
    assert not visit_of(opened(peer="192.0.2.1", **behind), trusted).set_cookie.endswith("; Secure")
    assert visit_of(opened(scheme="http"), VisitSettings(secure=True)).set_cookie.endswith("; Secure")


def test_cookie_options():
    """The cookie may span sub-domains, and be hidden from scripts where no script needs it."""
    settings = VisitSettings(cookie_domain="shop.example", script_reads_cookie=False)
    assert visit_of(opened(), settings).set_cookie.endswith("; Domain=shop.example; Secure; HttpOnly")


@pytest.mark.parametrize(
    ("cache_control", "kept"), [(None, True), ("private, max-age=60", True), ("public", False), ("s-maxage=60", False)]
)
def test_shared_cache(cache_control, kept):
    """A response that a shared cache may keep gets no cookie: it would be handed to everybody."""
    assert (visit_of(opened(), VisitSettings()).cookie_for(cache_control) is not None) is kept


def test_settings_are_checked():
    """A wrong setting is named."""
    with pytest.raises(ConfigError, match="trusted_proxies"):
        VisitSettings(trusted_proxies=["proxy.local"])
    with pytest.raises(ConfigError, match="consent"):
        VisitSettings(consent="maybe")


@pytest.mark.parametrize("query", ["%", "a=%ff", "utm_source=" + "x" * 9000, "=&&;", "utm_source=%00"])
def test_odd_addresses(query):
    """Whatever a visitor puts into an address, there is a visit."""
    assert visit_of(opened("/", query, referer="http://[bad"), VisitSettings()).visitor_id
