"""Exports as people have them: saved pages of a REST answer, several in a file, folders; what is broken is named."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from ecomtrack_sdk.errors import ConfigError
from ecomtrack_sdk.events import Identify, Order, OrderUpdate, Refund
from ecomtrack_sdk.integrations import magento, shopify, woocommerce
from ecomtrack_sdk.integrations._record_files import files_of
from ecomtrack_sdk.integrations._records import ProblemRecord

NUMBERS = range(1, 12)


@pytest.fixture
def orders(shared_data):
    """Eleven orders of Shopify's, alike but for their ids."""
    order = json.loads((shared_data / "payloads" / "shopify_order.json").read_bytes())["order"]
    return [{**order, "id": number} for number in NUMBERS]


def ids(found):
    return [event.order_id for event in found if isinstance(event, Order)]


@pytest.mark.parametrize("indent", [None, 2], ids=["a page a line", "written for people"])
def test_pages_in_one_file(orders, tmp_path, indent):
    """Pages appended to one file, empty ones too, are read one after the other."""
    pages = [orders[:4], [], orders[4:8], orders[8:]]
    (tmp_path / "orders.json").write_text("\n".join(json.dumps({"orders": page}, indent=indent) for page in pages))
    assert ids(shopify.read(tmp_path / "orders.json")) == [str(number) for number in NUMBERS]


def test_folder_of_pages(orders, tmp_path):
    """A folder's files are read in the order of their numbers, whatever each holds; hidden files are passed over."""
    for number, order in zip(NUMBERS, orders, strict=True):
        (tmp_path / f"orders.json?page={number}").write_text(json.dumps({"orders": [order]}))
    (tmp_path / ".DS_Store").write_bytes(b"\0")
    (tmp_path / "older").mkdir()
    assert ids(shopify.read(tmp_path)) == [str(number) for number in NUMBERS]
    assert [file.name.rpartition("=")[2] for file in files_of(tmp_path)] == [str(number) for number in NUMBERS]
    with pytest.raises(ConfigError, match="no files"):
        files_of(tmp_path / "older")


def test_broken_page(orders, tmp_path):
    """A page cut off in the middle is a problem with its file and place; the pages around it are read."""
    for number in (1, 2, 3):
        text = json.dumps({"orders": [orders[number]]})
        (tmp_path / f"{number}.json").write_text(text[:-100] if number == 2 else text)
    first, problem, last = shopify.read(tmp_path)
    assert (first.order_id, last.order_id) == ("2", "4")
    assert isinstance(problem, ProblemRecord)
    assert (problem.file, problem.line) == (str(tmp_path / "2.json"), 1)
    assert "is not JSON" in problem.message


def test_a_single_order_is_no_page(tmp_path):
    """An order on its own is an order, though it holds lists with the names of pages."""
    line = {"item_id": 1, "sku": "tee", "product_id": 1, "qty_ordered": 1, "price": 5}
    order = {
        "entity_id": 7,
        "created_at": "2026-01-02 03:04:05",
        "order_currency_code": "EUR",
        "grand_total": 5,
        "state": "new",
        "items": [line],
    }
    for form in (json.dumps(order), json.dumps({"items": [order], "total_count": 1}), json.dumps(order) * 2):
        (tmp_path / "orders.json").write_text(form)
        found = list(magento.read(tmp_path / "orders.json"))
        assert {type(one) for one in found} == {Order}, found
        assert {event.order_id for event in found} == {"7"}


def test_shopify_kinds(shared_data, tmp_path):
    """Orders, refunds and customers are told apart by what they hold."""
    payloads = shared_data / "payloads"
    for name in ("shopify_order.json", "shopify_refund.json"):
        (tmp_path / name).write_bytes((payloads / name).read_bytes())
    customer = json.loads((payloads / "shopify_order.json").read_bytes())["order"]["customer"]
    customer |= {"updated_at": "2026-01-02T03:04:05Z", "orders_count": 1}
    (tmp_path / "customers.json").write_text(json.dumps({"customers": [customer]}))
    found = list(shopify.read(tmp_path))
    assert [type(event) for event in found] == [Identify, Order, Refund]


def test_woocommerce_refunds_get_their_dates(shared_data, tmp_path):
    """Refunds beside their order give it dates and lines, and take its currency; one without its order is told of."""
    order = json.loads((shared_data / "payloads" / "woocommerce_order.json").read_bytes())
    refund = json.loads((shared_data / "payloads" / "woocommerce_refund.json").read_bytes())
    order |= {
        "refunds": [{"id": refund["id"], "reason": "", "total": "-10.00"}, {"id": 9, "reason": "", "total": "-1"}]
    }
    for kind, records in {"orders": [order], "refunds": [refund, {**refund, "id": 3}]}.items():
        (tmp_path / f"{kind}-1.json").write_text(json.dumps(records))
    found = list(woocommerce.read(tmp_path))
    assert [type(one) for one in found] == [Order, OrderUpdate, Refund, Refund, ProblemRecord]
    dated, undated, alone = found[2:]
    assert (dated.occurred_at.isoformat(), dated.order_id) == ("2017-03-21T20:07:11+00:00", "727")
    assert (dated.amount, dated.currency) == (Decimal("10.00"), "USD")
    assert undated.occurred_at == found[1].occurred_at
    assert (alone.field, alone.file) == ("currency", str(tmp_path / "refunds-1.json"))
    assert [event.event_id for event in woocommerce.read(tmp_path, currency="USD")][2] == dated.event_id
