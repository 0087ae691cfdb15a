"""Exports of shop systems and the browser snippet, by the command line."""

from __future__ import annotations

import json

from ecomtrack_sdk.integrations import browser


def test_import_shopify(ecomtrack, collector_process, shared_data, tmp_path):
    """An export is imported once, however often the command runs; what cannot be mapped is told and ends in code 3."""
    collector_process.reset()
    order = json.loads((shared_data / "payloads" / "shopify_order.json").read_bytes())["order"]
    file = tmp_path / "orders.json"
    file.write_text(json.dumps({"orders": [order, {**order, "id": 7, "test": True}]}))
    where = ("--url", collector_process.url, "--key", collector_process.keys["server"], "--json")
    first = ecomtrack("import", "shopify", file, *where)
    assert first.code == 3
    assert first.json() == {
        "accepted": 1,
        "duplicate": 0,
        "skipped": 0,
        "rejected": [
            {
                "file": str(file),
                "line": 2,
                "order_id": "7",
                "field": "test",
                "message": "is a test order of Shopify's bogus gateway: it would count as revenue",
            }
        ],
    }
    assert ecomtrack("import", "shopify", file, *where).json()["duplicate"] == 1
    assert [event["order_id"] for event in collector_process.events()] == ["450789469"]


def test_dry_run(ecomtrack, shared_data):
    """A dry run reads and checks, and needs no collector."""
    outcome = ecomtrack(
        "import", "woocommerce", shared_data / "payloads" / "woocommerce_order.json", "--dry-run", "--json"
    )
    assert (outcome.code, outcome.json()["events"], outcome.json()["rejected"]) == (0, 2, [])


def test_snippet(ecomtrack):
    """Tags, hash and script are what the package has; without a key the command says what is missing."""
    tags = ecomtrack("snippet", "--url", "https://c.example", "--key", "ecomtrack_site_x", "--consent", "ask")
    assert tags.code == 0
    assert tags.out.strip() == browser.snippet("https://c.example", "ecomtrack_site_x", consent="ask")
    as_json = ecomtrack("snippet", "--url", "https://c.example", "--key", "ecomtrack_site_x", "--json").json()
    assert as_json["html"] == browser.snippet("https://c.example", "ecomtrack_site_x")
    assert as_json["integrity"] == browser.integrity()
    assert ecomtrack("snippet", "--integrity").out.strip() == browser.integrity()
    assert ecomtrack("snippet", "--script").out.encode() == browser.script()
    assert ecomtrack("snippet").code == 2
    assert ecomtrack("snippet", "--url", "https://c.example", "--key", "ecomtrack_server_x").code == 2


def test_import_folder(ecomtrack, collector_process, shared_data, tmp_path):
    """A folder of saved pages is imported once; a problem names its page; a changed folder is another import."""
    collector_process.reset()
    order = json.loads((shared_data / "payloads" / "shopify_order.json").read_bytes())["order"]
    pages = tmp_path / "pages"
    pages.mkdir()
    for number in range(1, 4):
        (pages / f"orders.json?page={number}").write_text(json.dumps({"orders": [{**order, "id": number}]}))
    where = ("--url", collector_process.url, "--key", collector_process.keys["server"], "--json")
    assert ecomtrack("import", "shopify", pages, *where).json()["accepted"] == 3
    (pages / "orders.json?page=4").write_text(json.dumps({"orders": [{**order, "id": 4, "test": True}]}))
    again = ecomtrack("import", "shopify", pages, *where)
    assert (again.code, again.json()["duplicate"]) == (3, 3)
    assert again.json()["rejected"][0]["file"] == str(pages / "orders.json?page=4")
