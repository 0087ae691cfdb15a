"""The console as a person meets it: in a browser, on a phone, by keyboard, with hostile contents in the events."""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from ecomtrack_sdk import Customer, Identify, Item, Order, Refund, S2SClient, ViewPage, ViewProduct
from ecomtrack_sdk.events import Product

pytestmark = pytest.mark.browser

HOSTILE = "<script>document.title='owned'</script>\u202e😀 javascript:alert(1) " + "x" * 3_000
PAGES = ("/", "/console/live", "/console/reports", "/console/reports/revenue?by=day&compare=previous",
         "/console/reports/profile?person=c-anna", "/console/people", "/console/people?person=c-anna",
         "/console/people?person=an", "/console/people/erase?person=c-anna",
         "/console/people/unlink?visitor=v-1&customer=c-anna", "/console/orders", "/console/orders?order_id=o-1",
         "/console/setup", "/console/reset", "/console/events/nothing", "/console/enter?code=x")  # fmt: skip
SHOTS = os.environ.get("ECOMTRACK_SCREENSHOTS")
"""A folder: then a picture of every page is kept there, to be looked at."""


@pytest.fixture
def console(collector_process) -> Iterator[str]:
    """A collector with a small shop's events, hostile ones among them."""
    collector_process.reset()
    anna = Customer(id="c-anna", email="anna@example.com")
    events = [
        ViewPage(visitor_id="v-1", title="Boots"),
        ViewProduct(visitor_id="v-1", product=Product(product_id="p-1", name=HOSTILE, price="19.90"), currency="EUR"),
        Identify(visitor_id="v-1", customer=anna),
        Order(
            order_id="o-1",
            items=[Item(product_id="p-1", name=HOSTILE, price="19.90", quantity=2)],
            currency="EUR",
            visitor_id="v-1",
            customer=anna,
        ),
        Refund(refund_id="r-1", order_id="o-1", currency="EUR", amount="19.90", reason=HOSTILE),
        Identify(visitor_id="v-2", customer=Customer(id="javascript:alert(1)", email="eve@example.com")),
    ]
    with S2SClient(collector_process.url, key=collector_process.keys["server"]) as client:
        assert client.send(events).accepted == len(events)
        assert client.send([b'{"type": "order", "order_id": "half"}']).rejected_count == 1
    return collector_process.url


PUBLIC = """
import json, sys
from ecomtrack_sdk.collector import _server, serve
_server._is_loopback = lambda host: False  # as on an address that other machines reach
serve("127.0.0.1", 0, sys.argv[1], keys={"server": sys.argv[2], "read": sys.argv[3]},
      on_ready=lambda ready: print(json.dumps(ready), flush=True))
"""


@pytest.fixture
def public_console(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A collector that asks for keys: its address, the link it printed, and a read key."""
    keys = ["server-key-for-this-test", "read-key-for-this-test"]
    command = [sys.executable, "-c", PUBLIC, str(tmp_path), *keys]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        yield {"url": ready["url"], "console": ready["console"], "read": keys[1]}
        process.terminate()
        assert process.wait(30) == 0


LOOKS = [("light", 390), ("dark", 1280), ("dark", 390), ("light", 1280)]


@pytest.mark.parametrize(("scheme", "width"), LOOKS if SHOTS else LOOKS[:2])
def test_every_page_reads_well(page, console: str, collector_process, scheme: str, width: int) -> None:
    """No page has a serious accessibility fault, runs what an event contains, or is wider than the screen."""
    spec = find_spec("axe_playwright_python")
    if spec is None or spec.origin is None:
        pytest.skip("axe-playwright-python is not installed")
    axe = (Path(spec.origin).parent / "axe.min.js").read_text(encoding="utf-8")
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    refused = collector_process.get("/v1/inspect/bad")[0]["seq"]
    events = [f"/console/events/{event['event_id']}" for event in collector_process.events(event_type="refund")]
    for path in (*PAGES, *events, f"/console/refused/{refused}"):
        page.goto(console + path)
        page.evaluate(axe)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        faults = [
            (path, fault["id"], fault["nodes"][0]["html"])
            for fault in found
            if fault["impact"] in ("serious", "critical")
        ]
        assert faults == []
        assert page.title() != "owned"
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        if SHOTS:
            name = re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-")[:50] or "overview"
            page.screenshot(path=Path(SHOTS) / f"{name}.{scheme}.{width}.png", full_page=True)
    # Pages that are missing or forbidden answer so; the browser mentions that in its console.
    page.complaints[:] = [text for text in page.complaints if "status of 40" not in text]


def rows_are(page, number: int) -> None:
    """Wait until so many events are shown; a function to poll with would be text to evaluate, which the CSP forbids."""
    from playwright.sync_api import expect

    expect(page.locator("#events tr")).to_have_count(number, timeout=60_000)


def test_events_appear_as_they_arrive(page, console: str, collector_process) -> None:
    """The live page shows what was there and what arrives, filters it, pauses, and leads to an event's page."""
    page.goto(console + "/console/live")
    rows_are(page, 7)
    page.select_option("select[name=verdict]", "rejected")
    rows_are(page, 1)
    assert page.url.endswith("/console/live?verdict=rejected")
    page.click("#events a")
    page.wait_for_selector("text=Add the field 'items'.")
    page.go_back()
    rows_are(page, 1)
    page.select_option("select[name=verdict]", "")
    page.fill("input[name=order_id]", "o-1")
    page.press("input[name=order_id]", "Enter")
    rows_are(page, 2)
    page.fill("input[name=order_id]", "")
    page.press("input[name=order_id]", "Enter")
    rows_are(page, 7)
    page.click("#pause")
    with S2SClient(collector_process.url, key=collector_process.keys["server"]) as client:
        client.send([Order(order_id="o-2", items=[], total="5", currency="EUR")])
    page.wait_for_selector("text=Paused: 1 waiting.")
    page.click("#pause")
    rows_are(page, 8)
    page.click("#events tr:first-child a")
    page.wait_for_selector("text=accepted")
    page.click("text=total 5.00 EUR")
    page.wait_for_selector("h1:has-text('Order o-2')")


def test_an_event_can_be_copied(page, console: str, collector_process) -> None:
    """The buttons put the event on the clipboard: as JSON, as a command line, as code."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    (order,) = collector_process.events(event_type="order")
    page.goto(f"{console}/console/events/{order['event_id']}")
    for name, start in (
        ("Copy JSON", "{"),
        ("Copy as curl", "curl http://"),
        ("Copy as SDK code", "from ecomtrack_sdk"),
    ):
        page.click(f"button:text-is('{name}')")
        page.wait_for_selector("#copied:has-text('Copied.')")
        assert page.evaluate("navigator.clipboard.readText()").startswith(start)


def test_without_a_clipboard_the_text_is_selected(page, console: str, collector_process) -> None:
    """A page that may not use the clipboard, as one without TLS, selects the text for the person to copy."""
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    (order,) = collector_process.events(event_type="order")
    page.goto(f"{console}/console/events/{order['event_id']}")
    page.click("button:text-is('Copy as curl')")
    page.wait_for_selector("#copied:has-text('Selected')")
    assert page.evaluate("getSelection().toString()").startswith("curl http://")


def test_a_form_is_a_bookmark(page, console: str) -> None:
    """A report is asked by its form with the keyboard alone, and the address is enough to see it again."""
    page.goto(console + "/console/reports/revenue")
    page.select_option("select[name=by]", "day")
    page.focus("form.period button")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("by=day"))
    cell = page.locator("tbody tr td").nth(1)
    assert cell.inner_text() == "EUR"
    assert "19.90 EUR" in page.locator("tbody").inner_text()


def test_a_comparison_by_the_form(page, console: str) -> None:
    """Choosing the previous period is enough: figures of both stand in the table."""
    page.goto(console + "/console/reports/revenue")
    page.select_option("select[name=compare]", "previous")
    page.click("form.period button")
    page.wait_for_selector("text=Compared with")
    assert "new" in page.locator("tbody").inner_text()


def test_a_chart_as_a_picture(page, console: str, tmp_path: Path) -> None:
    """The button makes a PNG of the chart, in the page's colours and not empty."""
    page.goto(console + "/console/reports/products")
    with page.expect_download() as waiting:
        page.click("button:text-is('PNG')")
    assert waiting.value.suggested_filename == "products.png"
    waiting.value.save_as(tmp_path / "chart.png")
    picture = (tmp_path / "chart.png").read_bytes()
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">I", picture[16:20]) == (1440,)
    assert len(colours(picture)) > 2


def colours(picture: bytes) -> set[bytes]:
    """The colours of an unfiltered look at a PNG of 8 bits a channel: more than two where something is drawn."""
    packed, place = b"", 8
    while place < len(picture):
        length, kind = struct.unpack(">I4s", picture[place : place + 8])
        packed += picture[place + 8 : place + 8 + length] if kind == b"IDAT" else b""
        place += 12 + length
    raw = zlib.decompress(packed)
    return {raw[start : start + 4] for start in range(1, len(raw) - 4, 4)}


def test_a_person_is_unlinked_and_linked_again(page, console: str) -> None:
    """From the list to the person, a link taken back after a question, and the way to undo it."""
    page.goto(console + "/console/people")
    page.fill("input[name=person]", "ann")
    page.press("input[name=person]", "Enter")
    page.click("td a:text-is('c-anna')")
    page.wait_for_selector("h2:has-text('The first purchase')")
    page.click("tr:has-text('browser v-1') >> text=Unlink")
    page.wait_for_selector("h1:has-text('Take this link back?')")
    page.click("button:text-is('Unlink')")
    page.wait_for_selector("text=Unlinked.")
    assert page.locator("tr:has-text('browser v-1')").count() == 0
    page.click("text=Undo")
    page.click("button:text-is('Restore')")
    page.wait_for_selector("tr:has-text('browser v-1')")


def test_a_person_is_exported_and_erased(page, console: str, collector_process) -> None:
    """The export is a file; erasing asks, wants the name, can be left, and then forgets."""
    page.goto(console + "/console/people?person=c-anna")
    with page.expect_download() as waiting:
        page.click("text=Export everything")
    assert waiting.value.suggested_filename == "person.json"
    page.click("text=Erase this person")
    page.click("text=Back, change nothing")
    page.wait_for_selector("h1:has-text('Person c-anna')")
    page.click("text=Erase this person")
    page.click("text=Erase for good")  # the browser itself asks for the name
    assert page.locator("h1").inner_text() == "Forget this person?"
    page.fill("input[name=typed]", "c-anna")
    page.click("text=Erase for good")
    page.wait_for_selector("text=3 events erased, 2 kept without the person.")
    assert "anna" not in str(collector_process.events())


def test_the_first_event_from_the_set_up_page(page, console: str) -> None:
    """The button sends an event, and the page shows that it arrived, as the log has it."""
    page.goto(console + "/console/setup")
    page.click("button:text-is('Send a test event')")
    page.wait_for_selector("text=It arrived")
    assert "from the console" in page.locator("pre").first.inner_text()
    page.click("text=Show it")
    page.wait_for_selector("text=console_test")


def test_clearing_is_asked_for_and_done(page, console: str, collector_process) -> None:
    """Clearing everything takes two steps."""
    page.goto(console + "/console/live")
    page.click("text=Clear all events")
    page.click("button:text-is('Clear all events')")
    page.wait_for_url(re.compile("/console/live$"))
    assert collector_process.events() == []


def test_the_printed_link_opens_the_console(page, public_console: dict[str, str]) -> None:
    """Where a key is needed, the link of the start opens the console once; forms work, and log out ends it."""
    page.goto(public_console["url"] + "/console/live")
    assert page.locator("h1").inner_text() == "ecomtrack console"
    page.goto(public_console["console"])
    page.wait_for_selector("h1:has-text('Overview')")
    page.goto(public_console["url"] + "/console/setup")
    page.click("button:text-is('Send a test event')")
    page.wait_for_selector("text=It arrived")
    page.click("text=Log out")
    page.wait_for_selector("text=Read or server key")
    page.goto(public_console["console"])
    page.wait_for_selector("text=used already")
    page.complaints[:] = [text for text in page.complaints if "status of 40" not in text]


def test_a_read_key_opens_pages_without_buttons(page, public_console: dict[str, str]) -> None:
    """Logged in with a read key everything is shown and nothing can be changed."""
    page.goto(public_console["url"])
    page.fill("input[name=key]", public_console["read"])
    page.click("button:text-is('Log in')")
    page.wait_for_selector("h1:has-text('Overview')")
    page.goto(public_console["url"] + "/console/setup")
    assert page.locator("button:text-is('Send a test event')").count() == 0
    page.complaints[:] = [text for text in page.complaints if "status of 40" not in text]
