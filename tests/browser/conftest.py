"""A real Chromium, a page server and a stand-in for the collector that writes down what arrives."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ecomtrack_sdk.integrations import browser as script

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
"""A person's browser: what calls itself headless is left out of reports."""


@pytest.fixture(scope="module")
def chromium():
    """One browser for a module's tests; each test opens its own context, so cookies never travel between them."""
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must run the browser tests: install chromium")
        pytest.skip("chromium is not installed")
    playwright_api = pytest.importorskip("playwright.sync_api")
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield browser
        browser.close()


@dataclass
class Site:
    """A server of pages that also plays collector: it keeps every event, once for each time it arrives."""

    url: str = ""
    pages: dict[str, str] = field(default_factory=dict)
    events: list[dict] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def unique(self) -> list[dict]:
        """Events by id, in the order of the visit."""
        return sorted(
            {event["event_id"]: event for event in self.events}.values(), key=lambda event: event["occurred_at"]
        )

    def wait(self, condition: Callable[[list[dict]], bool], what: str = "events") -> list[dict]:
        """The unique events as soon as *condition* holds for them."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if condition(self.unique()):
                return self.unique()
            time.sleep(0.02)
        pytest.fail(f"no {what} in time; arrived: {[event['type'] for event in self.unique()]}")

    def types(self, *expected: str) -> list[dict]:
        """The unique events once their types are *expected*, engagement left out."""

        def seen(events: list[dict]) -> list[dict]:
            return [event for event in events if event.get("name") != "page_engagement"]

        return seen(
            self.wait(lambda events: [event["type"] for event in seen(events)] == list(expected), str(expected))
        )


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin", "*"))
            self.send_header("Access-Control-Allow-Credentials", "true")
            for name, value in site.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/ecomtrack.js":
                self.answer(200, script.script(), "text/javascript")
            elif path in site.pages:
                self.answer(200, site.pages[path].encode(), "text/html; charset=utf-8")
            else:
                self.answer(204 if path == "/favicon.ico" else 404, b"", "text/plain")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            site.requests.append(f"{self.path} {self.headers['Content-Type']}")
            if site.status == 200:
                site.events.extend(json.loads(body)["events"])
            self.answer(site.status, b'{"accepted": 1}', "application/json")

        def log_message(self, *args) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def collector() -> Iterator[Site]:
    """Where the events go: another origin than the shop's."""
    with serving(Site()) as site:
        yield site


@pytest.fixture
def shop(collector: Site) -> Iterator[Site]:
    """A shop of two pages with the snippet, under a strict Content-Security-Policy."""
    head = script.snippet(collector.url, "site_test", nonce="abc")
    pages = {
        path: f'<title>{title}</title>{head}<h1>{title}</h1><a href="/second">on</a>'
        for path, title in (("/", "Home"), ("/second", "Second"))
    }
    policy = f"default-src 'none'; script-src 'nonce-abc' 'strict-dynamic'; connect-src {collector.url}"
    with serving(Site(pages=pages, headers={"Content-Security-Policy": policy})) as site:
        yield site


@pytest.fixture
def page(chromium):
    """A fresh tab of a fresh visitor; any error or complaint in its console fails the test."""
    context = chromium.new_context(user_agent=AGENT)
    page = context.new_page()
    complaints: list[str] = []
    page.complaints = complaints
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []
