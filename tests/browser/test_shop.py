"""The whole way: a real shop, a real browser, a real collector; the visitor's story must be complete and in order."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

pytestmark = pytest.mark.browser

SHOP = Path(__file__).parents[2] / "examples" / "starlette_shop"
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
TEN = [
    "view_page", "search", "view_article", "view_category", "view_product", "add_to_cart", "view_cart",
    "remove_from_cart", "start_checkout", "order",
]  # fmt: skip


@contextmanager
def running_shop(collector, tmp_path, **environment: str) -> Iterator[str]:
    """The example shop under uvicorn, in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment |= {
        "ECOMTRACK_URL": collector.url,
        "ECOMTRACK_KEY": collector.keys["server"],
        "ECOMTRACK_OUTBOX": str(tmp_path / "outbox"),
        "SHOP_SITE_KEY": collector.keys["site"],
    }
    command = [sys.executable, "-m", "uvicorn", "--factory", "app:create_app", "--app-dir", str(SHOP)]
    options = ["--port", str(port), "--log-level", "warning"]
    with subprocess.Popen([*command, *options], env={**os.environ, **environment}) as process:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 30
        while True:
            try:
                urlopen(url).close()
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
        try:
            yield url
        finally:
            process.terminate()
            process.wait(30)


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
    deadline = time.monotonic() + 30
    while True:
        events = [event for event in collector.events() if event.get("name") != "page_engagement"]
        if len(events) >= count or time.monotonic() > deadline:
            return events
        time.sleep(0.05)


def buy(page, url):
    """One visit, from the home page to the order, as a person would click."""
    page.goto(url + "/?utm_source=news&utm_medium=email")
    page.fill("input[name=q]", "tee")
    page.press("input[name=q]", "Enter")
    page.wait_for_url("**/search?*")
    page.click("text=Blog")
    page.click("text=Shirts")
    page.click("text=Plain tee")
    page.click("text=Add to cart")
    page.wait_for_url("**/cart")
    page.click("text=Remove Plain tee")
    page.wait_for_url("**/cart")
    page.goto(url + "/p/mug")
    page.click("text=Add to cart")
    page.click("text=Checkout")
    page.click("text=Order now")
    page.wait_for_selector("text=Your order is")


def firsts(events):
    """Types in the order of their first appearance."""
    return list(dict.fromkeys(event["type"] for event in events))


def test_ten_events(page, shop, collector_process):
    """A visit from the first page to the order is one visitor's ten kinds of event in order, and none is refused."""
    buy(page, shop)
    events = story(collector_process, 24)
    # Pages are reported as they open, each before what it says of itself.
    assert firsts(events) == TEN
    assert len({event["visitor_id"] for event in events}) == 1
    assert collector_process.get("/v1/inspect/bad") == []
    order = events[[event["type"] for event in events].index("order")]
    assert (order["items"][0]["product_id"], order["total"]) == ("mug", "13.40")
    assert urlsplit(order["context"]["url"]).path == "/checkout"
    assert order["context"]["ip"] == "127.0.0.1"
    assert events[0]["context"]["utm_source"] == "news"
    seen = {(event["type"], event["event_id"]) for event in events}
    assert len(seen) == len(events)


def test_cookie_from_the_server(page, shop, collector_process):
    """The shop's answer sets cbuid for 400 days, and script and backend use that one."""
    answer = page.goto(shop + "/")
    (cookie,) = [value for value in answer.header_values("set-cookie") if value.startswith("cbuid=")]
    assert "Max-Age=34560000" in cookie
    assert "SameSite=Lax" in cookie
    assert "HttpOnly" not in cookie
    (event,) = story(collector_process, 1)
    assert event["visitor_id"] == cookie.partition(";")[0].removeprefix("cbuid=")


def test_two_months_later_on_a_second_device(chromium, shop, collector_process):
    """Two months after the first visit the browser is known; logging in on both devices makes them one person."""
    start = datetime.now(UTC) - timedelta(days=61)
    person = {"user_agent": AGENT}
    with chromium.new_context(**person) as phone, chromium.new_context(**person) as laptop:
        page = phone.new_page()
        page.clock.install(time=start)
        page.goto(shop + "/p/tee")
        page.clock.run_for(1000)
        first = story(collector_process, 2)
        assert {datetime.fromisoformat(event["occurred_at"]).date() for event in first} == {start.date()}
        page.close()

        for context in (laptop, phone):
            page = context.new_page()
            page.goto(shop + "/")
            page.fill("input[name=email]", "ann@example.com")
            page.click("text=Log in")
            page.wait_for_url(shop + "/")
            page.goto(shop + "/p/mug")
            page.close()
        events = story(collector_process, 12)
    logins = [event for event in events if event["type"] == "login"]
    assert len(logins) == 2
    devices = {event["visitor_id"] for event in logins}
    assert len(devices) == 2
    assert first[0]["visitor_id"] in devices
    assert {event["customer"]["email"] for event in logins} == {"ann@example.com"}
    profile = collector_process.get("/v1/reports/profile", person="ann@example.com")["rows"]
    # One person's story over both devices, the visit of two months ago included.
    told = [(row["t"][:19], row["type"].partition(":")[0]) for row in profile if "page_engagement" not in row["type"]]
    assert told == [(event["occurred_at"][:19], event["type"]) for event in events]


def test_consent_refused(page, asking, collector_process):
    """A visitor who refuses leaves no visitor id and no browsing event; the order is counted all the same."""
    page.goto(asking + "/")
    page.click("text=Refuse")
    page.goto(asking + "/p/tee")
    page.click("text=Add to cart")
    page.click("text=Checkout")
    page.click("text=Order now")
    page.wait_for_selector("text=Your order is")
    (order,) = story(collector_process, 1)
    assert order["type"] == "order"
    assert "visitor_id" not in order
    assert set(order["context"]) == {"url", "source"}
    assert {cookie["name"] for cookie in page.context.cookies()} == {"cbconsent", "session"}


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
