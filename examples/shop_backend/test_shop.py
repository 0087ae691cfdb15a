"""The shop over HTTP: a visitor looks, fills a cart, orders; the collector has each step and the revenue."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from ecomtrack_sdk import Tracker
from examples.conftest import Collector
from examples.shop_backend.shop import Shop


class Quiet(WSGIRequestHandler):
    """Logs nothing."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base's name)
        """Nothing."""


@pytest.fixture
def tracker(collector: Collector) -> Iterator[Tracker]:
    with Tracker.from_env() as tracker:
        yield tracker


@pytest.fixture
def address(tracker: Tracker) -> Iterator[str]:
    """The shop on a free port."""
    with make_server("127.0.0.1", 0, Shop(tracker), handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def visit(browser: OpenerDirector, url: str, **form: str) -> str:
    with browser.open(url, urlencode(form).encode() if form else None, timeout=30) as answer:
        return str(answer.read(), "utf-8")


def test_from_page_to_revenue(collector: Collector, tracker: Tracker, address: str) -> None:
    """One visitor's way is in the log under one cookie, in order, and the order is in the revenue."""
    browser = build_opener(HTTPCookieProcessor(CookieJar()))
    visit(browser, f"{address}/p/boots")
    visit(browser, f"{address}/cart", product="boots")
    visit(browser, f"{address}/cart", product="socks", quantity="2")
    visit(browser, f"{address}/checkout")
    assert "1001" in visit(browser, f"{address}/order", email="ann@mail.example")
    assert tracker.flush(60)
    events = sorted((row["event"] for row in collector.get("/v1/inspect/good")), key=lambda event: event["occurred_at"])
    assert [event["type"] for event in events] == [
        "view_product", "add_to_cart", "add_to_cart", "start_checkout", "order",
    ]  # fmt: skip
    assert len({event["visitor_id"] for event in events}) == 1
    assert events[0]["context"]["url"] == f"{address}/p/boots"
    (row,) = collector.get("/v1/reports/revenue")["rows"]
    assert (row["orders"], row["units"], row["net"], row["currency"]) == (1, 3, "229.90", "EUR")


def test_unknown_pages_track_nothing(collector: Collector, tracker: Tracker, address: str) -> None:
    """A page that does not exist answers 404 and leaves no event."""
    with pytest.raises(HTTPError) as error:
        visit(build_opener(), f"{address}/p/unicorn")
    error.value.close()
    assert error.value.code == 404
    assert tracker.flush(60)
    assert collector.get("/v1/inspect/all")["total"] == 0
