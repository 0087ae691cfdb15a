"""The whole way: a real shop, a real browser, a real collector; the visitor's story must be complete and in order."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser.conftest import AGENT
from tests.served import served

pytestmark = pytest.mark.browser

SHOP = Path(__file__).parents[2] / "examples" / "starlette_shop"
TEN = [
    "view_page", "search", "view_article", "view_category", "view_product", "add_to_cart", "view_cart",
    "remove_from_cart", "start_checkout", "order",
]  # fmt: skip


def running_shop(collector, outbox, app="app:create_app", folder=SHOP, **environment: str):
    """The example shop under uvicorn, in a process of its own."""
    command = ("uvicorn", "--factory", app, "--app-dir", str(folder), "--log-level", "warning")
    environment |= {
        "ECOMTRACK_URL": collector.url,
        "ECOMTRACK_KEY": collector.keys["server"],
        "ECOMTRACK_OUTBOX": str(outbox),
        "SHOP_SITE_KEY": collector.keys["site"],
    }
    return served(*command, port_option="--port {port}", **environment)


@pytest.fixture(scope="module")
def granted_shop(collector_process, tmp_path_factory):
    """The example shop, for all tests of this file."""
    with running_shop(collector_process, tmp_path_factory.mktemp("granted")) as url:
        yield url


@pytest.fixture(scope="module")
def asking_shop(collector_process, tmp_path_factory):
    """The example shop that asks before it tracks, for all tests of this file."""
    with running_shop(collector_process, tmp_path_factory.mktemp("asking"), SHOP_CONSENT="ask") as url:
        yield url


@pytest.fixture
def cached_shop(collector_process, tmp_path):
    """The example shop behind a cache that takes its visitor cookie away, and a collector that has seen nothing yet."""
    collector_process.reset()
    with running_shop(collector_process, tmp_path, "cached_shop:create_app", Path(__file__).parent) as url:
        yield url


@pytest.fixture
def shop(collector_process, granted_shop):
    """The example shop, and a collector that has seen nothing yet."""
    collector_process.reset()
    return granted_shop


@pytest.fixture
def asking(collector_process, asking_shop):
    """The shop that asks, and a collector that has seen nothing yet."""
    collector_process.reset()
    return asking_shop


def story(collector, count):
    """What happened, in order, without the reports of time spent."""
    deadline = time.monotonic() + 120
    while True:
        events = [event for event in collector.events() if event.get("name") != "page_engagement"]
        if len(events) >= count or time.monotonic() > deadline:
            return events
        time.sleep(0.05)


def profile(collector, person):
    """The story as the profile report tells it of one person: event ids and types, without the reports of time."""
    rows = collector.get("/v1/reports/profile", person=person)["rows"]
    return [(row["event_id"], row["type"]) for row in rows if "page_engagement" not in row["type"]]


def browse(page, url):
    """From the home page over search, article and category to a product in the cart, as a person would click."""
    page.goto(url + "/?utm_source=news&utm_medium=email")
    page.fill("input[name=q]", "tee")
    page.press("input[name=q]", "Enter")
    page.wait_for_url("**/search?*")
    page.click("text=Blog")
    page.click("text=Shirts")
    page.click("text=Plain tee")
    page.click("text=Add to cart")
    page.wait_for_url("**/cart")


def buy(page, url):
    """One visit, from the home page to the order."""
    browse(page, url)
    page.click("text=Remove Plain tee")
    page.wait_for_url("**/cart")
    page.goto(url + "/p/mug")
    page.click("text=Add to cart")
    page.click("text=Checkout")
    page.click("text=Order now")
    page.wait_for_selector("text=Your order is")


BROWSED, BOUGHT = 12, 24
"""Events of one :func:`browse`, and of one :func:`buy`."""


def firsts(events):
    """Types in the order of their first appearance."""
    return list(dict.fromkeys(event["type"] for event in events))


def test_ten_events(page, cached_shop, collector_process):
    """With the script's cookie, a visit up to the order is one person's ten kinds of event in order, none refused."""
    buy(page, cached_shop)
    events = story(collector_process, BOUGHT)
    # Pages are reported as they open, each before what it says of itself.
    assert firsts(events) == TEN
    (visitor,) = {event["visitor_id"] for event in events}
    assert profile(collector_process, visitor) == [(event["event_id"], event["type"]) for event in events]
    assert collector_process.get("/v1/inspect/bad") == []
    order = events[[event["type"] for event in events].index("order")]
    assert (order["items"][0]["product_id"], order["total"]) == ("mug", "13.40")
    assert urlsplit(order["context"]["url"]).path == "/checkout"
    assert order["context"]["ip"] == "127.0.0.1"
    assert events[0]["context"]["utm_source"] == "news"
    seen = {(event["type"], event["event_id"]) for event in events}
    assert len(seen) == len(events)


def test_cookie_from_the_server(page, shop, collector_process):
    """The shop's answer sets cbuid for 400 days, script and backend use that one, and the story is as complete."""
    answer = page.goto(shop + "/blog/care")
    (cookie,) = [value for value in answer.header_values("set-cookie") if value.startswith("cbuid=")]
    assert "Max-Age=34560000" in cookie
    assert "SameSite=Lax" in cookie
    assert "HttpOnly" not in cookie
    story(collector_process, 2)
    collector_process.reset()
    buy(page, shop)
    events = story(collector_process, BOUGHT)
    assert firsts(events) == TEN
    assert {event["visitor_id"] for event in events} == {cookie.partition(";")[0].removeprefix("cbuid=")}
    told = profile(collector_process, events[0]["visitor_id"])
    assert told == [(event["event_id"], event["type"]) for event in events]


def log_in(page, url):
    """Say who one is."""
    page.goto(url + "/")
    page.fill("input[name=email]", "ann@example.com")
    with page.expect_navigation():
        page.click("text=Log in")


def test_two_months_later_on_a_second_device(chromium, shop, collector_process):
    """Two months after the first visit the browser is known; logging in on both devices makes them one person."""
    start = datetime.now(UTC) - timedelta(days=61)
    person = {"user_agent": AGENT}
    with chromium.new_context(**person) as phone, chromium.new_context(**person) as laptop:
        page = phone.new_page()
        page.clock.install(time=start)
        browse(page, shop)
        first = story(collector_process, BROWSED)
        assert {event["occurred_at"][:7] for event in first} <= {f"{start:%Y-%m}", f"{start + timedelta(1):%Y-%m}"}
        assert datetime.now(UTC) - datetime.fromisoformat(first[-1]["occurred_at"]) > timedelta(days=60)
        page.close()

        page = laptop.new_page()
        log_in(page, shop)
        buy(page, shop)
        page.close()
        story(collector_process, BROWSED + 3 + BOUGHT)
        page = phone.new_page()
        page.clock.set_system_time(datetime.now(UTC))  # two months have passed here as well
        log_in(page, shop)
        page.close()
        events = story(collector_process, BROWSED + 3 + BOUGHT + 3)
    logins = [event for event in events if event["type"] == "login"]
    devices = {event["visitor_id"] for event in logins}
    assert (len(logins), len(devices)) == (2, 2)
    assert {event["visitor_id"] for event in first} < devices
    assert {event["customer"]["email"] for event in logins} == {"ann@example.com"}
    assert firsts(events[len(first) + 3 :])[: len(TEN)] == TEN  # after the page, the login and the page again
    # One person's story over both devices, the visit of two months ago included, whatever she is asked by.
    told = [(event["event_id"], event["type"]) for event in events]
    for name in ("ann@example.com", "customer-ann", first[0]["visitor_id"]):
        assert profile(collector_process, name) == told


def test_consent_refused(page, asking, collector_process):
    """A visitor who refuses leaves no visitor id and no browsing event; the order is counted all the same."""
    asked = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    page.goto(asking + "/")
    page.click("text=Refuse")
    buy(page, asking)
    (order,) = story(collector_process, 1)
    assert order["type"] == "order"
    assert "visitor_id" not in order
    assert set(order["context"]) == {"url", "source"}
    assert {cookie["name"] for cookie in page.context.cookies()} == {"cbconsent", "session"}
    assert [url for url in asked if not url.startswith(asking)] == []


def test_consent_given_later(page, asking, collector_process):
    """Asked and allowed, what was held is sent, and from then on the server knows the visitor too."""
    page.goto(asking + "/p/tee")
    page.click("text=Allow")
    page.goto(asking + "/checkout")
    page.click("text=Order now")
    page.wait_for_selector("text=Your order is")
    events = story(collector_process, 6)
    assert firsts(events) == ["view_page", "view_product", "start_checkout", "order"]
    assert len({event["visitor_id"] for event in events}) == 1
