"""The console as a person meets it: in a browser, on a phone, by keyboard, with hostile contents in the events."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from ecomtrack_sdk import Customer, Item, Order, Refund, S2SClient, ViewProduct
from ecomtrack_sdk.events import Product

pytestmark = pytest.mark.browser

HOSTILE = "<script>document.title='owned'</script>\u202e😀 javascript:alert(1) " + "x" * 3_000
PAGES = ("/", "/console/live", "/console/reports", "/console/reports/revenue?by=day", "/console/people",
         "/console/orders", "/console/orders?order_id=o-1", "/console/setup")  # fmt: skip


@pytest.fixture
def console(collector_process) -> Iterator[str]:
    """A collector with a small shop's events, hostile ones among them."""
    collector_process.reset()
    events = [
        ViewProduct(visitor_id="v-1", product=Product(product_id="p-1", name=HOSTILE, price="19.90"), currency="EUR"),
        Order(
            order_id="o-1",
            items=[Item(product_id="p-1", name=HOSTILE, price="19.90", quantity=2)],
            currency="EUR",
            visitor_id="v-1",
            customer=Customer(id="javascript:alert(1)", email="anna@example.com"),
        ),
        Refund(refund_id="r-1", order_id="o-1", currency="EUR", amount="19.90", reason=HOSTILE),
    ]
    with S2SClient(collector_process.url, key=collector_process.keys["server"]) as client:
        assert client.send(events).accepted == 3
        assert client.send([b'{"type": "order", "order_id": "half"}']).rejected_count == 1
    return collector_process.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_reads_well(page, console: str, scheme: str) -> None:
    """No page has a serious accessibility fault, runs what an event contains, or is wider than a phone."""
    spec = find_spec("axe_playwright_python")
    if spec is None or spec.origin is None:
        pytest.skip("axe-playwright-python is not installed")
    axe = (Path(spec.origin).parent / "axe.min.js").read_text(encoding="utf-8")
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 800})
    for path in PAGES:
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
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_events_appear_as_they_arrive(page, console: str, collector_process) -> None:
    """The live page shows what was there and what arrives, filters it, pauses, and leads to an event's page."""
    page.goto(console + "/console/live")
    page.wait_for_function("document.querySelectorAll('#events tr').length === 4")
    page.select_option("select[name=verdict]", "rejected")
    page.wait_for_function("document.querySelectorAll('#events tr:not([hidden])').length === 1")
    page.select_option("select[name=verdict]", "")
    page.click("#pause")
    with S2SClient(collector_process.url, key=collector_process.keys["server"]) as client:
        client.send([Order(order_id="o-2", items=[], total="5", currency="EUR")])
    page.wait_for_selector("text=Paused: 1 waiting.")
    page.click("#pause")
    page.wait_for_function("document.querySelectorAll('#events tr').length === 5")
    page.click("#events tr:first-child a")
    page.wait_for_selector("text=accepted")
    page.click("text=order o-2")
    page.wait_for_selector("h1:has-text('Order o-2')")


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


def test_the_first_event_from_the_set_up_page(page, console: str) -> None:
    """The button sends an event, and the page shows that it arrived."""
    page.goto(console + "/console/setup")
    page.click("text=Send a test event >> nth=-1")
    page.wait_for_selector("text=It arrived")
    page.click("[role=status] a")
    page.wait_for_selector("text=console_test")
