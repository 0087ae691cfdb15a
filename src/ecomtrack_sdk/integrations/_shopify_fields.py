"""The parts of a Shopify order: lines, sums, customer, address, campaign, status.

Source: shopify.dev Admin REST *Order*.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ecomtrack_sdk.events import Acquisition, Context, Customer, Item
from ecomtrack_sdk.integrations._records import Record, Unmappable, address, amount, maybe, text

__all__ = [
    "PAYMENT_STATUS",
    "acquisition_of",
    "content_of",
    "context_of",
    "customer_of",
    "first_status_of",
    "product_id_of",
    "status_of",
]

PAYMENT_STATUS = {
    "pending": "pending",
    "authorized": "pending",
    "partially_paid": "pending",
    "paid": "paid",
    "partially_refunded": "paid",
    "refunded": "refunded",
    "voided": "cancelled",
    "expired": "failed",
}
"""``financial_status`` → our status; a word that is not here is kept as it is, and warned about by the collector."""

ADDRESS = {
    "name": "name",
    "line1": "address1",
    "line2": "address2",
    "city": "city",
    "region": "province",
    "postal_code": "zip",
    "country": "country_code",
    "phone": "phone",
}
"""Our fields of an address → Shopify's."""


def content_of(record: Record) -> dict[str, Any]:
    """What order and update have in common; a key that the update shall leave alone is ``None``."""
    items = [item_of(index, line) for index, line in enumerate(record.get("line_items") or ())]
    lines = sum((item.subtotal for item in items), Decimal(0))
    after = amount(record["subtotal_price"], "subtotal_price") if record.get("subtotal_price") is not None else lines
    discount = max(lines - after, Decimal(0))
    if record.get("total_discounts") is not None:
        # Lines that do not add up are not a discount: what Shopify calls discount is the most that can be one.
        of_lines = sum((item.discount for item in items), Decimal(0))
        discount = min(discount, max(amount(record["total_discounts"], "total_discounts") - of_lines, Decimal(0)))
    total = record.get("total_price")
    return {
        "customer": customer_of(
            record.get("customer") or {}, record.get("email"), record.get("buyer_accepts_marketing")
        ),
        "visitor_id": _note(record, "cbuid"),
        "items": items,
        "currency": text(record, "currency"),
        "subtotal": after + discount,
        "discount": discount,
        "shipping": _shipping(record),
        "tax": amount(record.get("total_tax"), "total_tax"),
        "total": amount(total, "total_price") if total is not None else None,
        "coupons": [entry["code"] for entry in record.get("discount_codes") or () if entry.get("code")],
        "payment_method": maybe(next(iter(record.get("payment_gateway_names") or ()), record.get("gateway"))),
        "shipping_address": address(record.get("shipping_address"), ADDRESS),
        "billing_address": address(record.get("billing_address"), ADDRESS),
    }


def item_of(index: int, line: Record) -> Item:
    field = f"line_items.{index}"
    allocated = line.get("discount_allocations")
    discounts = [entry.get("amount") for entry in allocated] if allocated else [line.get("total_discount")]
    return Item(
        product_id=product_id_of(line, field),
        variant_id=maybe(line.get("variant_id")),
        sku=maybe(line.get("sku")),
        name=maybe(line.get("title") or line.get("name")),
        brand=maybe(line.get("vendor")),
        price=amount(line.get("price"), f"{field}.price"),
        quantity=amount(line.get("quantity"), f"{field}.quantity"),
        discount=sum((amount(value, f"{field}.discount_allocations") for value in discounts), Decimal(0)),
        tax=sum(
            (amount(entry.get("price"), f"{field}.tax_lines") for entry in line.get("tax_lines") or ()), Decimal(0)
        ),
    )


def product_id_of(line: Record, field: str) -> str:
    """The product's id; custom lines and deleted products have none, so the next best name of the thing is used."""
    found = maybe(line.get("product_id")) or maybe(line.get("sku")) or maybe(line.get("title")) or maybe(line.get("id"))
    if found is None:
        raise Unmappable(f"{field}.product_id", "is missing, and so are sku, title and id")
    return found


def _shipping(record: Record) -> Decimal:
    whole = ((record.get("total_shipping_price_set") or {}).get("shop_money") or {}).get("amount")
    if whole is not None:
        return amount(whole, "total_shipping_price_set")
    lines = record.get("shipping_lines") or ()
    return sum(
        (amount(entry.get("discounted_price", entry.get("price")), "shipping_lines.price") for entry in lines),
        Decimal(0),
    )


def customer_of(record: Record, email: object, marketing: object) -> Customer | None:
    address = maybe(email) or maybe(record.get("email"))
    if not (record.get("id") or address or record.get("phone")):
        return None
    consent = (record.get("email_marketing_consent") or {}).get("state")
    subscribed = consent == "subscribed" if consent else marketing
    tags = record.get("tags") or ""
    return Customer(
        id=maybe(record.get("id")),
        email=address,
        phone=maybe(record.get("phone")),
        first_name=maybe(record.get("first_name")),
        last_name=maybe(record.get("last_name")),
        tags=[tag.strip() for tag in tags.split(",") if tag.strip()],
        subscribed=subscribed if isinstance(subscribed, bool) else None,
    )


def context_of(record: Record) -> Context:
    device = record.get("client_details") or {}
    return Context(
        ip=maybe(record.get("browser_ip")) or maybe(device.get("browser_ip")),
        user_agent=maybe(device.get("user_agent")),
        locale=maybe(record.get("customer_locale")),
        source="offline" if record.get("source_name") == "pos" else "server",
    )


def acquisition_of(record: Record) -> Acquisition | None:
    """Campaign of the landing page, else the site that referred; Shopify keeps both with the order."""
    query = parse_qs(urlsplit(maybe(record.get("landing_site")) or "").query)
    tags = {name: query.get(f"utm_{name}", [None])[0] for name in ("source", "medium", "campaign")}
    if not any(tags.values()):
        host = urlsplit(maybe(record.get("referring_site")) or "").hostname
        if host is None:
            return None
        tags = {"source": host.removeprefix("www."), "medium": "referral"}
    return Acquisition(**tags)


def _note(record: Record, name: str) -> str | None:
    """A cart attribute: the theme writes the visitor's ``cbuid`` there, so that the order joins the visit."""
    notes: Iterable[Any] = record.get("note_attributes") or ()
    return next((maybe(entry.get("value")) for entry in notes if entry.get("name") == name), None)


def status_of(record: Record) -> str:
    if record.get("cancelled_at"):
        return "cancelled"
    paid = maybe(record.get("financial_status")) or "pending"
    if paid in ("refunded", "voided", "expired"):
        return PAYMENT_STATUS[paid]
    if record.get("fulfillment_status") == "fulfilled":
        return "shipped"
    return PAYMENT_STATUS.get(paid, paid)


def first_status_of(record: Record) -> str:
    """The status before anything was undone: what is undone has its own time."""
    paid = maybe(record.get("financial_status")) or "pending"
    return "pending" if paid in ("pending", "authorized", "partially_paid", "voided", "expired") else "paid"
