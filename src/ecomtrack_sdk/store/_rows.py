"""One event as it lies in the log → rows of the flat tables. Pure, and the same for every engine.

Rows are sparse dictionaries: a column that is not named is NULL. Amounts stay exact decimal strings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any

from pydantic_core import from_json, to_json

from ecomtrack_sdk.store._agents import device_of, is_bot
from ecomtrack_sdk.store._channels import DIRECT, channel_of, classify, host_of, tags_of

__all__ = ["Row", "flatten"]

Row = dict[str, Any]
Rows = Iterator[tuple[str, Row]]

ZERO = Decimal(0)
_PLACES = Decimal("0.0001")
_KIND_RANK = {"order": 0, "order_update": 1, "refund": 2}
_KIND = {"order": "order", "order_update": "update", "refund": "refund"}
_COPIED = frozenset({
    "visitor_id", "order_id", "cart_id", "category_id", "article_id", "query", "results_count", "name", "value",
    "currency", "title", "page_type", "method", "step", "message_id", "variant", "link", "link_position", "campaign",
    "reason",
})  # fmt: skip
_FROM_CONTEXT = frozenset({
    "url", "referrer", "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "click_id",
    "click_id_type", "country", "device",
})  # fmt: skip
_TAGS = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "click_id", "click_id_type")
_TOUCHING = frozenset({"utm_source", "utm_medium", "utm_campaign", "click_id_type"})
_OF_ITEM = frozenset({
    "product_id", "variant_id", "sku", "name", "brand", "product_type", "price", "quantity", "discount", "tax",
    "coupon",
})  # fmt: skip


def flatten(  # noqa: PLR0917
    seq: int, event_id: str, kind: str, t: int, received_t: int, raw: bytes, key_kind: str = "server"
) -> Rows:
    """The rows of one event, each with the name of its table.

    Args:
        seq: Place in the log.
        event_id: As in the log (lower case).
        kind: Wire type.
        t: When it happened, microseconds since the epoch.
        received_t: When the collector took it, microseconds since the epoch.
        raw: The event as it was sent; it has been validated before.
        key_kind: Kind of the key that sent it.
    """
    event: dict[str, Any] = from_json(raw)
    row: Row = {"seq": seq, "event_id": event_id, "type": kind, "t": t, "received_t": received_t}
    for name, value in event.items():
        if name in _COPIED and value is not None and value != "":
            row[name] = value
    customer = event.get("customer")
    if customer:
        _customer(customer, row)
        if key_kind == "site":
            row["claimed"] = True
    context = event.get("context")
    if context:
        _context(context, row)
    else:
        row["is_bot"] = False
    if kind == "view_product":
        product = event["product"]
        row["product_id"] = product["product_id"]
        yield "event_items", _item(seq, event_id, 0, "item", product)
    elif kind in ("add_to_cart", "remove_from_cart"):
        item = event["item"]
        row["product_id"] = item["product_id"]
        yield "event_items", _item(seq, event_id, 0, "item", item)
        yield from _items(seq, event_id, "cart", event.get("cart") or (), start=1)
    elif kind in ("view_cart", "start_checkout"):
        yield from _items(seq, event_id, "cart", event.get("items") or ())
    elif kind == "view_category":
        yield from _items(seq, event_id, "seen", event.get("products") or ())
    elif kind in _KIND_RANK:
        yield "order_actions", _action(seq, event_id, kind, t, event, row)
        if kind == "refund":
            yield from _refund_items(seq, event_id, event.get("items") or ())
        else:
            yield from _items(seq, event_id, "order", event.get("items") or ())
    properties = event.get("properties") or event.get("filters")
    if properties:
        row["properties"] = to_json(properties).decode()
        if kind == "custom" and row.get("name") == "page_engagement":
            _engagement(properties, row)
    yield "events", row


def _engagement(properties: dict[str, Any], row: Row) -> None:
    """Foreground time the browser measured, and the view it belongs to; at most a day."""
    seconds = properties.get("seconds")
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds <= 86_400:
        row["engaged_seconds"] = float(seconds)
    for name, column in (("event_id", "engaged_event_id"), ("product_id", "product_id")):
        value = properties.get(name)
        if isinstance(value, str) and value:
            row[column] = value.lower() if name == "event_id" else value


def _customer(customer: dict[str, Any], row: Row) -> None:
    if customer.get("id"):
        row["customer_id"] = customer["id"]
    if customer.get("email"):
        row["customer_email"] = customer["email"].strip().lower()


def _context(context: dict[str, Any], row: Row) -> None:
    tagged = False
    for name, value in context.items():
        if name in _FROM_CONTEXT and value is not None and value != "":
            row[name] = value
            if name in _TOUCHING:
                tagged = True
    if "title" not in row and context.get("title"):
        row["title"] = context["title"]
    source = context.get("source")
    if source:
        row["context_source"] = source
    url, referrer = row.get("url"), row.get("referrer")
    if url is not None:
        host, path, tags = _page(url)
        if host is not None:
            row["host"], row["path"] = host, path
        if tags and not tagged:
            row.update(tags)
            tagged = True
    if referrer is not None and (host := _page(referrer)[0]) is not None:
        row["referrer_host"] = host
    if row["type"].startswith("email_"):
        # The campaign of a message is not the campaign of a visit: only a click that lands is a touch.
        if "campaign" not in row and "utm_campaign" in row:
            row["campaign"] = row["utm_campaign"]
    elif url is not None or referrer is not None or tagged:
        touch = (
            classify(
                url, referrer, row.get("utm_source"), row.get("utm_medium"),
                row.get("utm_campaign"), row.get("click_id"), row.get("click_id_type"),
            )
            if tagged or referrer is not None
            else DIRECT
        )  # fmt: skip
        row["source"], row["medium"], row["channel"] = touch.source, touch.medium, touch.channel
        if touch.campaign is not None:
            row["campaign"] = touch.campaign
    agent = context.get("user_agent")
    row["is_bot"] = is_bot(agent) if agent else False
    if agent and "device" not in row:
        row["device"] = device_of(agent)
    if "country" in row:
        row["country"] = row["country"].upper()


@lru_cache(maxsize=65_536)
def _page(url: str) -> tuple[str | None, str, dict[str, str]]:
    """Host, path without query and fragment (``/`` for the bare host) and campaign tags of *url*."""
    rest = url.partition("://")[2].partition("?")[0].partition("#")[0]
    _, slash, path = rest.partition("/")
    tags = {name: value for name, value in zip(_TAGS, tags_of(url), strict=True) if value is not None}
    return host_of(url), slash + path if slash else "/", tags


def _number(value: Any) -> Decimal:
    return ZERO if value is None else Decimal(value)


def _text(value: Decimal) -> str:
    text = format(value, "f")
    place = text.find(".")
    # Price times quantity may have eight places; a sum of money has four.
    return format(value.quantize(_PLACES), "f") if 0 <= place < len(text) - 5 else text


def _item(seq: int, event_id: str, line: int, of_list: str, item: dict[str, Any]) -> Row:
    row: Row = {"seq": seq, "event_id": event_id, "line": line, "list": of_list}
    for name, value in item.items():
        if name in _OF_ITEM and value is not None and value != "":
            row[name] = value
    categories = item.get("categories")
    if categories and (known := [text for text in categories if text]):
        row["category"] = known[0]
        row["categories"] = " > ".join(known)
    if "quantity" not in row:
        row["quantity"] = "1"
    row["subtotal"] = _text(_subtotal(item))
    return row


def _items(seq: int, event_id: str, of_list: str, items: Iterable[dict[str, Any]], start: int = 0) -> Rows:
    for line, item in enumerate(items, start):
        row = _item(seq, event_id, line, of_list, item)
        if of_list == "order":
            for name in ("price", "discount", "tax"):
                row.setdefault(name, "0")
        yield "event_items", row


def _subtotal(item: dict[str, Any]) -> Decimal:
    amount = _number(item.get("price"))
    quantity = item.get("quantity")
    if quantity is not None:
        amount *= Decimal(quantity)
    discount = item.get("discount")
    return amount if discount is None else amount - Decimal(discount)


def _refund_items(seq: int, event_id: str, items: Iterable[dict[str, Any]]) -> Rows:
    for line, item in enumerate(items):
        row: Row = {"seq": seq, "event_id": event_id, "line": line, "product_id": item["product_id"]}
        for name in ("variant_id", "amount", "reason"):
            value = item.get(name)
            if value is not None and value != "":
                row[name] = value
        row["quantity"] = item.get("quantity") or "1"
        yield "refund_items", row


_OF_ACTION = ("order_id", "action_id", "status", "currency", "payment_method", "cart_id", "reason", "place",
              "refund_id", "visitor_id")  # fmt: skip


def _action(seq: int, event_id: str, kind: str, t: int, event: dict[str, Any], envelope: Row) -> Row:  # noqa: PLR0917
    row: Row = {"seq": seq, "event_id": event_id, "kind": _KIND[kind], "kind_rank": _KIND_RANK[kind], "t": t}
    for name in _OF_ACTION:
        value = event.get(name)
        if value is not None and value != "":
            row[name] = value
    for name in ("customer_id", "customer_email"):
        if name in envelope:
            row[name] = envelope[name]
    if "currency" in row:
        row["currency"] = row["currency"].upper()
    if kind == "refund":
        _refund_sums(event, row)
    else:
        _order_fields(kind, event, row)
    return row


def _refund_sums(event: dict[str, Any], row: Row) -> None:
    row["refund_shipping"] = event.get("shipping") or "0"
    amounts = [item.get("amount") for item in event.get("items") or ()]
    if event.get("amount") is not None:
        row["refund_amount"] = event["amount"]
    elif amounts and all(amount is not None for amount in amounts):
        row["refund_amount"] = _text(sum((Decimal(amount) for amount in amounts), _number(event.get("shipping"))))


def _order_fields(kind: str, event: dict[str, Any], row: Row) -> None:
    """Content, sums, address, campaign; sums that are not given are derived as ``Order`` derives them."""
    for name in ("subtotal", "discount", "shipping", "tax", "total"):
        if event.get(name) is not None:
            row[name] = event[name]
    items = event.get("items")
    if kind == "order":
        items = items or []
        row.setdefault("status", "pending")
        row.setdefault("discount", "0")
        row.setdefault("shipping", "0")
        # An order sent without its content knows only its total: it does not empty an order known before.
        row["has_items"] = bool(items)
    else:
        row["has_items"] = items is not None
    if items is not None and (items or kind == "order_update" or "subtotal" not in row):
        row["line_discounts"] = _text(sum((_number(item.get("discount")) for item in items), ZERO))
        row["units"] = _text(sum((Decimal(item.get("quantity") or 1) for item in items), ZERO))
        row.setdefault("subtotal", _text(sum((_subtotal(item) for item in items), ZERO)))
        taxes = [_number(item.get("tax")) for item in items]
        if kind == "order" or any(taxes):  # an update whose lines say nothing of tax leaves it as it is
            row.setdefault("tax", _text(sum(taxes, ZERO)))
    if kind == "order":
        row.setdefault("tax", "0")
        if "total" not in row:
            row["total"] = _text(
                Decimal(row["subtotal"]) - Decimal(row["discount"]) + Decimal(row["shipping"]) + Decimal(row["tax"])
            )
    coupons = event.get("coupons")
    if coupons:
        row["coupons"] = ", ".join(coupons)
    address = event.get("shipping_address") or event.get("billing_address")
    if address:
        for name in ("country", "region", "city"):
            if address.get(name):
                row[name] = address[name].upper() if name == "country" else address[name]
    acquisition = event.get("acquisition")
    if acquisition:
        for name in ("source", "medium", "campaign"):
            if acquisition.get(name):
                row[f"acq_{name}"] = acquisition[name]
        row["acq_channel"] = channel_of(row.get("acq_source"), row.get("acq_medium"), row.get("acq_campaign"))
