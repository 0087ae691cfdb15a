"""The parts of a WooCommerce order: lines, sums, customer, address, campaign, times.

Source: WooCommerce REST API v3 *Orders*.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ecomtrack_sdk.events import Acquisition, Address, Context, Customer, Item
from ecomtrack_sdk.integrations._records import (
    Record,
    Unmappable,
    address,
    amount,
    maybe,
    moment,
    split_price,
    text,
)

__all__ = [
    "acquisition_of",
    "content_of",
    "context_of",
    "has_time",
    "linked_order",
    "product_id_of",
    "scoped",
    "time_of",
    "variant_id_of",
]

ADDRESS = {
    "line1": "address_1",
    "line2": "address_2",
    "city": "city",
    "region": "state",
    "postal_code": "postcode",
    "country": "country",
    "phone": "phone",
}
"""Our fields of an address → WooCommerce's; the name stands in two."""


def content_of(record: Record) -> dict[str, Any]:
    billing = record.get("billing") or {}
    fees = [amount(line.get("total"), "fee_lines.total") for line in record.get("fee_lines") or ()]
    number = maybe(record.get("customer_id"))
    known = number not in (None, "0")
    who = None
    if known or maybe(billing.get("email")) or maybe(billing.get("phone")):
        who = Customer(
            id=number if known else None,
            email=maybe(billing.get("email")),
            phone=maybe(billing.get("phone")),
            first_name=maybe(billing.get("first_name")),
            last_name=maybe(billing.get("last_name")),
        )
    return {
        "customer": who,
        "visitor_id": meta_of(record, "cbuid") or meta_of(record, "_cbuid"),
        "items": [item_of(index, line) for index, line in enumerate(record.get("line_items") or ())],
        "currency": text(record, "currency"),
        "discount": sum((-fee for fee in fees if fee < 0), Decimal(0)),
        "shipping": amount(record.get("shipping_total"), "shipping_total")
        + sum((fee for fee in fees if fee > 0), Decimal(0)),
        "tax": amount(record.get("total_tax"), "total_tax"),
        "total": amount(text(record, "total"), "total"),
        "coupons": [entry["code"] for entry in record.get("coupon_lines") or () if entry.get("code")],
        "payment_method": maybe(record.get("payment_method")),
        "shipping_address": address_of(record.get("shipping")),
        "billing_address": address_of(billing),
    }


def item_of(index: int, line: Record) -> Item:
    field = f"line_items.{index}"
    quantity = amount(line.get("quantity"), f"{field}.quantity")
    if quantity <= 0:
        raise Unmappable(f"{field}.quantity", "must be above 0")
    before, after = amount(line.get("subtotal"), f"{field}.subtotal"), amount(line.get("total"), f"{field}.total")
    price, discount = split_price(before, after, quantity)
    return Item(
        product_id=product_id_of(line, field),
        variant_id=variant_id_of(line),
        sku=maybe(line.get("sku")),
        name=unescape(maybe(line.get("name")) or "") or None,
        price=price,
        quantity=quantity,
        discount=discount,
        tax=amount(line.get("total_tax"), f"{field}.total_tax"),
    )


def product_id_of(line: Record, field: str) -> str:
    """The parent product's id, as views and carts name it; a deleted product has 0, so the next best name is used."""
    found = maybe(line.get("product_id"))
    found = found if found not in (None, "0") else maybe(line.get("sku")) or maybe(line.get("name"))
    if found is None:
        raise Unmappable(f"{field}.product_id", "is missing, and so are sku and name")
    return found


def variant_id_of(line: Record) -> str | None:
    found = maybe(line.get("variation_id"))
    return found if found != "0" else None


def scoped(site: str, number: str) -> str:
    return f"{site}:{number}" if site else number


def address_of(record: Record | None) -> Address | None:
    person = ((record or {}).get("first_name"), (record or {}).get("last_name"))
    return address(record, ADDRESS, name=" ".join(filter(None, map(maybe, person))) or None)


def context_of(record: Record) -> Context:
    return Context(
        ip=maybe(record.get("customer_ip_address")),
        user_agent=maybe(record.get("customer_user_agent")) or meta_of(record, "_wc_order_attribution_user_agent"),
        source="server",
    )


def acquisition_of(record: Record) -> Acquisition | None:
    """WooCommerce's own order attribution (core since 8.5), kept in the order's meta data."""
    entry = parse_qs(urlsplit(meta_of(record, "_wc_order_attribution_session_entry") or "").query)
    tags = {
        name: meta_of(record, f"_wc_order_attribution_utm_{name}") or entry.get(f"utm_{name}", [None])[0]
        for name in ("source", "medium", "campaign")
    }
    return Acquisition(**tags) if any(tags.values()) else None


def meta_of(record: Record, key: str) -> str | None:
    return next((maybe(entry.get("value")) for entry in record.get("meta_data") or () if entry.get("key") == key), None)


def linked_order(record: Record) -> str | None:
    links = (record.get("_links") or {}).get("up") or ()
    return next((entry["href"].rstrip("/").rpartition("/")[2] for entry in links if entry.get("href")), None)


def has_time(record: Record, field: str) -> bool:
    return bool(maybe(record.get(f"{field}_gmt")))


def time_of(record: Record, field: str) -> datetime:
    """A time by its ``_gmt`` twin, which is UTC and says so only in its name."""
    return moment(record.get(f"{field}_gmt"), f"{field}_gmt", naive=UTC)
