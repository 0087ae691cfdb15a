"""Every report as a page in a real browser: it loads without network, its chart has marks, nothing complains."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ecomtrack_sdk import reports
from ecomtrack_sdk.reports import _page
from ecomtrack_sdk.reports._base import Result
from ecomtrack_sdk.reports._charts import chart_of
from ecomtrack_sdk.store._duckdb import DuckDBWarehouse

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PERSON = "ann@example.com"


def visit(number: int) -> Iterator[dict[str, Any]]:
    """One visit from the landing page to the order, and what came after."""
    month, day = 1 + number % 3, 1 + number % 27
    email = PERSON if number % 5 == 0 else f"c{number % 11}@example.com"
    product = {"product_id": f"p{number % 6}", "name": f"Boot </script> {number % 6}", "price": "39.90",
               "categories": ["Shoes"]}  # fmt: skip
    source = ("google", "cpc") if number % 2 else ("newsletter", "email")
    common = {"visitor_id": f"v{number % 13}", "customer": {"email": email}}

    def at(minute: int) -> str:
        return f"2026-{month:02d}-{day:02d}T10:{minute:02d}:00+00:00"

    context = {"url": "https://shop.example/boots", "utm_source": source[0], "utm_medium": source[1], "country": "AT"}
    line, cart = {**product, "quantity": "1"}, {"cart_id": f"k{number}", "currency": "EUR"}
    first = {"product": product, "currency": "EUR", "context": context}
    yield {"type": "view_product", "occurred_at": at(0), **first, **common}
    asked = {"query": f"boots {number % 4}", "results_count": number % 3}
    yield {"type": "search", "occurred_at": at(1), **asked, **common}
    yield {"type": "view_article", "occurred_at": at(2), "article_id": f"a{number % 3}", "title": "Care", **common}
    yield {"type": "custom", "occurred_at": at(3), "name": "newsletter", **common}
    yield {"type": "add_to_cart", "occurred_at": at(4), "item": line, **cart, **common}
    order = {"order_id": f"o{number}", "status": "shipped" if number % 4 else "cancelled", "payment_method": "card"}
    if number % 3:
        yield {"type": "start_checkout", "occurred_at": at(5), "items": [line], **cart, **common}
        yield {"type": "order", "occurred_at": at(6), "items": [line], **order, **cart, **common}
    if number % 6 == 1:
        back = {"order_id": f"o{number}", "refund_id": f"r{number}", "currency": "EUR", "reason": "too small"}
        yield {"type": "refund", "occurred_at": at(50), "items": [{"product_id": product["product_id"]}], **back}


EVENTS = [event for number in range(40) for event in visit(number)]


@pytest.fixture(scope="module")
def results(log_of: Callable[..., Any]) -> dict[str, Result[Any]]:
    """Every report over one small shop."""
    with DuckDBWarehouse(log_of(EVENTS)) as warehouse:
        return {
            name: reports.run(name, {"person": PERSON} if name == "profile" else {}, warehouse)
            for name in reports.REPORTS
        }


@pytest.mark.parametrize("name", sorted(reports.REPORTS))
def test_chart_is_valid_vega_lite(results: dict[str, Result[Any]], name: str) -> None:
    """Every report has a chart for this shop, and Altair accepts its specification."""
    altair = pytest.importorskip("altair")
    spec = chart_of(results[name])
    assert spec is not None, name
    for one in _page._specs(results[name]):
        altair.Chart.from_dict(one)


def test_page_cannot_be_broken_by_a_name(results: dict[str, Result[Any]]) -> None:
    """A product called ``</script>`` neither ends the script nor reaches the page as markup."""
    pytest.importorskip("vl_convert")
    html = _page.page(results["products"], script="charts.js")
    assert "Boot </script>" not in html
    assert "Boot &lt;/script&gt;" in html
    assert "Boot <\\/script>" in html


def test_pictures(results: dict[str, Result[Any]]) -> None:
    """The chart as SVG and PNG, for mails."""
    pytest.importorskip("vl_convert")
    assert _page.picture(results["revenue"], "svg").startswith(b"<svg")
    assert _page.picture(results["revenue"], "png").startswith(b"\x89PNG")


@pytest.mark.browser
def test_every_page_draws_its_chart(results: dict[str, Result[Any]], tmp_path: Path) -> None:
    """A linked set, opened from disk with the network off: marks are drawn, the console stays silent, links work."""
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must run the browser tests: install chromium")
        pytest.skip("chromium is not installed")
    api = pytest.importorskip("playwright.sync_api")
    pytest.importorskip("vl_convert")
    index = _page.write_pages({**results, "revenue": results["revenue"]}, tmp_path)
    (tmp_path / "alone.html").write_text(results["revenue"].to_html(), encoding="utf-8")
    complaints: list[str] = []
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        for scheme in ("light", "dark"):
            context = browser.new_context(color_scheme=scheme, offline=True)
            page = context.new_page()
            page.set_default_timeout(60_000)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
            names = [*results, "alone"] if scheme == "light" else ["revenue", "funnel"]
            for name in names:
                page.goto((tmp_path / f"{name}.html").as_uri())
                page.wait_for_function("document.documentElement.dataset.charts")
                marks = page.locator(".chart svg [class*=mark-] path").count()
                assert marks > 0, f"{name} draws nothing"
                assert page.locator("table tbody tr").count() > 0
            page.goto(index.as_uri())
            page.click("text=Revenue")
            page.wait_for_function("document.documentElement.dataset.charts")
            assert "How much was earned" in page.inner_text(".question")
            context.close()
        browser.close()
    assert complaints == []


def test_frames_keep_amounts_exact(results: dict[str, Result[Any]], tmp_path: Path) -> None:
    """pandas, polars, Arrow and Parquet have the same rows, amounts to four places."""
    result = results["revenue"]
    want = [record["net"] for record in result.records]
    path = tmp_path / "it's.parquet"
    result.to_parquet(path)
    import duckdb

    with duckdb.connect(":memory:") as connection:
        assert [row[0] for row in connection.execute("select net from read_parquet(?)", [str(path)]).fetchall()] == want
    pandas = pytest.importorskip("pandas")
    assert list(result.to_pandas()["net"]) == want
    assert isinstance(result.to_pandas(), pandas.DataFrame)
    pytest.importorskip("polars")
    assert result.to_polars()["net"].to_list() == want
    pytest.importorskip("pyarrow")
    assert result.to_arrow().column("net").to_pylist() == want
    assert isinstance(want[0], Decimal)
