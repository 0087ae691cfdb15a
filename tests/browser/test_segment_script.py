"""@segment/analytics-next in a real page, pointed at a running collector with a site key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.browser.conftest import AGENT, Site, serving

pytestmark = pytest.mark.browser

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "segment.md"
PAGE = """<!doctype html><title>Home</title><script src="/ajs/index.js"></script><script>
const {{ AnalyticsBrowser }} = AnalyticsNext;
{code}
window.analytics = analytics;
</script>"""


def code_of_the_guide(host, key):
    """The guide's block for bundlers, for a page that has the client as a script."""
    (block,) = re.findall(r"^```js\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    code = re.sub(r"^import .*\n", "", block, flags=re.MULTILINE).replace("export const", "const")
    return code.replace("ecomtrack_site_…", key).replace("collect.example.com", host).replace('"https"', '"http"')


@pytest.fixture
def shop(chromium, node_clients, collector_process):
    """A page that has loaded the client as its own bundle would, and a collector that has seen nothing yet."""
    collector_process.reset()
    host = collector_process.url.removeprefix("http://")
    content = PAGE.format(code=code_of_the_guide(host, collector_process.keys["site"]))
    bundle = node_clients.modules / "@segment" / "analytics-next" / "dist" / "umd"
    with serving(Site(pages={"/": content})) as site, chromium.new_context(user_agent=AGENT) as context:
        page = context.new_page()
        page.route(
            "**/ajs/*",
            lambda route: route.fulfill(path=bundle / route.request.url.rpartition("/")[2].partition("?")[0]),
        )
        page.goto(site.url + "/?utm_source=news&utm_medium=email&utm_campaign=spring")
        yield page


def test_browsing_arrives_and_orders_do_not(shop, collector_process):
    """Page, product, cart and identify are one visitor's typed events; an order from a page is refused and kept."""
    shop.evaluate("""async () => {
      await analytics.page();
      await analytics.track("Product Viewed", {product_id: "tee", price: 19.9, currency: "EUR"});
      await analytics.track("Product Added", {product_id: "tee", price: 19.9, quantity: 2, currency: "EUR"});
      await analytics.identify("u7", {email: "ann@example.com"});
      await analytics.track("Order Completed", {order_id: "forged", total: 1, currency: "EUR"});
    }""")
    found = {event["type"]: event for event in collector_process.wait_for(4)}
    assert set(found) == {"view_page", "view_product", "add_to_cart", "identify"}
    assert len({event["visitor_id"] for event in found.values()}) == 1
    context = found["view_page"]["context"]
    assert (context["title"], context["utm_source"], context["utm_campaign"]) == ("Home", "news", "spring")
    assert found["view_product"]["product"]["price"] == "19.9"
    assert found["add_to_cart"]["item"]["quantity"] == "2"
    assert (found["identify"]["customer"]["id"], found["identify"]["customer"]["email"]) == ("u7", "ann@example.com")
    (refused,) = collector_process.get("/v1/inspect/bad")
    assert (refused["errors"][0]["type"], refused["event"]["type"]) == ("not_allowed", "order")
    rows = collector_process.get("/v1/reports/profile", person="u7")["rows"]
    assert {row["type"] for row in rows} == set(found)
