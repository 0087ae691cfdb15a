"""ecomtrack.js alone: what it sends, keeps and refuses, in a real browser against a server that writes it down."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ecomtrack_sdk import _wire
from ecomtrack_sdk.integrations import browser

pytestmark = pytest.mark.browser


def call(page, *arguments):
    """One call of the page's own code."""
    return page.evaluate("(arguments_) => window.ecomtrack(...arguments_)", list(arguments))


def validated(events):
    """The events as the collector reads them: each must follow the wire."""
    for event in events:
        verdict = _wire.validate_event(_wire.to_json(event))
        assert isinstance(verdict, _wire.Valid), verdict
    return events


def test_size():
    """The script is at most 4,000 bytes gzipped and has no eval, Function or document.write."""
    assert len(gzip.compress(browser.script(), 9)) <= 4000
    assert not re.search(rb"\beval\b|\bFunction\(|document\.write|innerHTML", browser.script())


def test_page_view(page, shop, collector):
    """A page view carries visitor, address, title, campaign and click id, and is valid on the wire."""
    page.goto(
        shop.url + "/?utm_source=news&utm_medium=email&utm_campaign=spring&gclid=G1#part", referer="https://x.example/"
    )
    (event,) = validated(collector.types("view_page"))
    context = event["context"]
    assert context["url"].endswith("gclid=G1")
    assert context["title"] == event["title"] == "Home"
    assert (context["utm_source"], context["utm_medium"], context["utm_campaign"]) == ("news", "email", "spring")
    assert (context["click_id_type"], context["click_id"]) == ("gclid", "G1")
    assert context["source"] == "web"
    assert event["event_id"][14] == "7"
    cookie = next(cookie for cookie in page.context.cookies() if cookie["name"] == "cbuid")
    assert cookie["value"] == event["visitor_id"]
    assert cookie["sameSite"] == "Lax"
    # 400 days from now: the longest that browsers allow.
    assert cookie["expires"] - page.evaluate("Date.now() / 1000") == pytest.approx(400 * 86400, abs=60)
    assert collector.requests[0] == "/v1/events?key=site_test text/plain;charset=UTF-8"


def test_all_calls(page, shop, collector):
    """The nine browser events, identify and custom arrive in the order of the calls, all valid, amounts as strings."""
    page.goto(shop.url + "/")
    item = {"productId": 17, "name": "Tee", "price": 19.9, "quantity": 2, "categories": "Shirts"}
    call(page, "search", "tee", {"results_count": 0})
    call(page, "viewArticle", {"article_id": "a1", "title": "How to"})
    call(
        page, "viewCategory", {"category_id": 3, "products": [{"product_id": "p1", "price": "1.50"}], "currency": "EUR"}
    )
    call(page, "viewProduct", {"product_id": "p1", "price": 0.1 + 0.2, "currency": "EUR"})
    call(page, "addToCart", {**item, "cartId": "c1", "currency": "EUR"})
    call(page, "removeFromCart", {"item": item, "cart": [], "currency": "EUR"})
    call(page, "viewCart", {"items": [item], "currency": "EUR"})
    call(page, "startCheckout", {"items": [{**item, "categories": ["A", "B"]}], "step": 1, "currency": "EUR"})
    call(page, "identify", "ann@example.com")
    call(page, "custom", "promo", {"price": 1.5, "nested": {"aB": 1}}, {"value": 5, "currency": "EUR"})
    events = validated(
        collector.types(
            "view_page", "search", "view_article", "view_category", "view_product", "add_to_cart", "remove_from_cart",
            "view_cart", "start_checkout", "identify", "custom",
        )
    )  # fmt: skip
    by_type = {event["type"]: event for event in events}
    assert by_type["view_product"]["product"] == {"product_id": "p1", "price": "0.3"}
    added = by_type["add_to_cart"]
    assert added["item"] == {
        "product_id": "17", "name": "Tee", "price": "19.9", "quantity": "2", "categories": ["Shirts"],
    }  # fmt: skip
    assert added["cart_id"] == "c1"
    assert by_type["remove_from_cart"]["cart"] == []
    assert by_type["start_checkout"]["step"] == "1"
    assert by_type["start_checkout"]["items"][0]["categories"] == ["A", "B"]
    assert by_type["identify"]["customer"] == {"email": "ann@example.com"}
    assert by_type["custom"]["properties"] == {"price": 1.5, "nested": {"aB": 1}}
    assert by_type["custom"]["value"] == "5"
    assert len({event["visitor_id"] for event in events}) == 1
    assert len({event["occurred_at"] for event in events}) == len(events)


def test_code_of_the_guide(page, shop, collector):
    """What the guide gives to copy into a page works there, before the script has loaded."""
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "browser.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```html\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    shop.pages["/"] += block.replace("<script>", '<script nonce="abc">')
    page.goto(shop.url + "/")
    _, event = validated(collector.types("view_page", "view_product"))
    assert event["product"] == {"product_id": "tee", "name": "Plain tee", "price": "19.90"}


def test_stub_replays(page, shop, collector):
    """Calls made before the script has loaded are sent after it, in their order."""
    shop.pages["/"] = shop.pages["/"].replace(
        "</script>", ';ecomtrack("search", "early");ecomtrack("viewCart", {});</script>', 1
    )
    page.goto(shop.url + "/")
    validated(collector.types("view_page", "search", "view_cart"))


def test_without_inline_script(page, shop, collector):
    """A page without any inline script sets everything by attributes of the tag."""
    tag = browser.snippet(collector.url, "site_test", stub=False, auto_page=False, nonce="abc")
    assert "async" not in tag
    shop.pages["/"] = tag + "<h1>Home</h1>"
    page.goto(shop.url + "/")
    call(page, "viewPage", {"page_type": "home"})
    (event,) = collector.types("view_page")
    assert event["page_type"] == "home"


def test_single_page_navigation(page, shop, collector):
    """pushState and back are page views with the former address as referrer; tidying the address is not."""
    page.goto(shop.url + "/?utm_source=news")
    collector.types("view_page")
    page.evaluate("history.replaceState(null, '', '/')")
    page.evaluate("document.title = 'List'; history.pushState(null, '', '/list?page=2')")
    collector.types("view_page", "view_page")
    page.go_back()
    events = collector.types("view_page", "view_page", "view_page")
    assert [urlsplit(event["context"]["url"]).path for event in events] == ["/", "/list", "/"]
    assert urlsplit(events[1]["context"]["referrer"]).path == "/"
    assert urlsplit(events[2]["context"]["referrer"]).path == "/list"


def test_foreground_time(page, shop, collector):
    """Leaving a page reports the foreground seconds for its first view, with the product and the page's own address."""
    page.goto(shop.url + "/")
    call(page, "viewProduct", {"product_id": "p1"})
    page.wait_for_timeout(1300)
    page.goto(shop.url + "/second")
    events = collector.wait(lambda events: len(events) == 4, "page_engagement")
    (engaged,) = [event for event in events if event.get("name") == "page_engagement"]
    first = next(event for event in events if event["type"] == "view_page")
    assert engaged["properties"]["event_id"] == first["event_id"]
    assert engaged["properties"]["product_id"] == "p1"
    assert engaged["properties"]["seconds"] >= 1.3
    assert urlsplit(engaged["context"]["url"]).path == "/"


@pytest.mark.parametrize("beacon", ["sent", "refused", "unknown"])
def test_way_out(page, shop, collector, beacon):
    """What is told in the moment of leaving is sent at once: by sendBeacon, else by a fetch that outlives the page."""
    page.add_init_script(f"""
      const own = navigator.sendBeacon, way = "{beacon}";
      Navigator.prototype.sendBeacon = way == "unknown" ? undefined : (...all) => {{
        document.cookie = "asked=1";
        return way == "sent" && own.apply(navigator, all);
      }};
    """)
    page.goto(shop.url + "/")
    collector.types("view_page")
    page.evaluate("""() => {
      addEventListener("pagehide", () => ecomtrack("search", "last words"), true);
      // Nothing is left for the next page to send.
      addEventListener("visibilitychange", () => localStorage.clear());
    }""")
    page.goto(shop.url + "/second")
    collector.types("view_page", "search", "view_page")
    asked = any(cookie["name"] == "asked" for cookie in page.context.cookies())
    assert asked == (beacon != "unknown")


def test_collector_down(page, shop, collector):
    """While the collector fails, events wait in localStorage over page loads and arrive once it is back."""
    collector.status = 503
    page.goto(shop.url + "/")
    with page.expect_response(lambda response: response.status == 503):
        call(page, "search", "kept")
    page.goto(shop.url + "/second")
    assert "kept" in page.evaluate("localStorage.ecomtrack")
    collector.status = 200
    page.reload()
    events = collector.types("view_page", "search", "view_page", "view_page")
    assert len({event["visitor_id"] for event in events}) == 1
    page.wait_for_function("localStorage.ecomtrack == '[]'")
    page.complaints[:] = [
        text for text in page.complaints if "503" not in text
    ]  # the browser's own report of the answer


def test_offline(page, shop, collector):
    """Offline, events wait; the browser's online event sends them."""
    page.goto(shop.url + "/")
    collector.types("view_page")
    page.context.set_offline(offline=True)
    call(page, "search", "offline")
    page.wait_for_timeout(200)
    assert [event["type"] for event in collector.unique()] == ["view_page"]
    page.context.set_offline(offline=False)
    collector.types("view_page", "search")
    page.complaints[:] = [text for text in page.complaints if "ERR_INTERNET_DISCONNECTED" not in text]


def test_consent_refused(page, shop, collector):
    """After a no there is no cookie, no queue and no request, on the next page neither."""
    page.goto(shop.url + "/")
    collector.types("view_page")
    call(page, "consent", False)
    call(page, "search", "secret")
    page.goto(shop.url + "/second")
    page.wait_for_timeout(300)
    names = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    assert names == {"cbconsent": "0"}
    assert page.evaluate("localStorage.ecomtrack") == "[]"
    assert [event["type"] for event in collector.unique()] == ["view_page"]
    assert call(page, "visitor") is None


def test_consent_asked(page, shop, collector):
    """With consent="ask" nothing leaves and nothing is stored until the yes, which sends what was held."""
    shop.pages["/"] = browser.snippet(collector.url, "site_test", consent="ask", nonce="abc") + "<title>Home</title>"
    page.goto(shop.url + "/")
    call(page, "search", "held")
    page.wait_for_timeout(300)
    assert collector.requests == []
    assert page.context.cookies() == []
    assert page.evaluate("Object.keys(localStorage)") == []
    call(page, "consent", True)
    collector.types("view_page", "search")


def test_global_privacy_control(chromium, shop, collector):
    """Global Privacy Control is a no, also against a yes in the page."""
    context = chromium.new_context()
    context.add_init_script("Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})")
    page = context.new_page()
    page.goto(shop.url + "/")
    call(page, "consent", True)
    call(page, "search", "secret")
    page.wait_for_timeout(300)
    assert collector.requests == []
    assert [cookie["name"] for cookie in context.cookies()] == ["cbconsent"]
    context.close()


def test_server_cookie_is_kept(page, shop, collector):
    """A cbuid set by the server is used and never rewritten."""
    shop.headers["Set-Cookie"] = "cbuid=0123456789abcdef0123456789abcdef; Path=/; Max-Age=1000; SameSite=Lax"
    page.goto(shop.url + "/")
    (event,) = collector.types("view_page")
    assert event["visitor_id"] == "0123456789abcdef0123456789abcdef"
    (cookie,) = page.context.cookies()
    assert cookie["expires"] - page.evaluate("Date.now() / 1000") < 1001
