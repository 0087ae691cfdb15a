"""Metrilo's back-end protocol v2 → our events, so that a shop that speaks it can move here.

Metrilo's orders have no currency, no line prices and no refunds: give the currency, import the products first (their
prices are taken), and expect a lowered ``amount`` where a refund was. Metrilo's own documentation prints signatures
that do not belong to their bodies; the ones here are checked against the raw bytes.

Source: Metrilo/custom-integration, ``metrilo_open_api_specification.yml`` 2.1.1.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from ecomtrack_sdk._types import source_id
from ecomtrack_sdk.errors import CollectorError, ConfigError
from ecomtrack_sdk.events import Context, Customer, Event, Identify, Item, Order, OrderUpdate
from ecomtrack_sdk.integrations._record_files import raw_records
from ecomtrack_sdk.integrations._records import (
    Delivery,
    ProblemRecord,
    Record,
    Unmappable,
    address,
    amount,
    guarded,
    maybe,
    text,
)

__all__ = ["Catalogue", "customer", "order", "read", "receive", "sign", "verify"]

SECONDS_BELOW = 100_000_000_000
"""A time below this, read as milliseconds, lies before March 1973: the plugins for WooCommerce sent seconds there."""

ADDRESS = {"line1": "address", "city": "city", "postal_code": "postcode", "country": "countryCode", "phone": "phone"}
"""Our fields of an address → Metrilo's ``billing``."""


def sign(body: bytes, secret: str) -> str:
    """The ``X-Digest`` of a body: hexadecimal HMAC-SHA256 over its raw bytes."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def verify(body: bytes, digest: str, secret: str) -> bool:
    """Whether *digest* belongs to the raw *body*; takes the same time whatever the answer."""
    return bool(secret) and hmac.compare_digest(sign(body, secret).encode(), digest.strip().lower().encode())


class Catalogue:
    """Names and prices of the products seen so far: Metrilo's orders name ids and quantities only."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}

    def add(self, record: Record) -> None:
        """Remember a product and its options."""
        product_id = text(record, "id")
        shared = {"name": maybe(record.get("name")), "categories": [str(one) for one in record.get("categories") or ()]}
        self._known[product_id] = {**shared, "product_id": product_id, "price": record.get("price")}
        for option in record.get("options") or ():
            own = {"product_id": product_id, "variant_id": text(option, "id"), "price": option.get("price")}
            self._known[own["variant_id"]] = {**shared, **own, "sku": maybe(option.get("sku"))}

    def item(self, line: Record, index: int) -> tuple[Item, bool]:
        """The line as an item, and whether its price is known."""
        product_id = text(line, "productId")
        known = self._known.get(product_id, {"product_id": product_id})
        priced = known.get("price") is not None
        fields = {name: value for name, value in known.items() if name != "price" and value}
        price = amount(known.get("price"), f"products.{index}.price")
        return Item(**fields, price=price, quantity=amount(line.get("quantity"), f"products.{index}.quantity")), priced


def read(path: Path | str, *, currency: str) -> Iterator[Event | ProblemRecord]:
    """The events of recorded calls: one object or body a line, or an array of them; products before orders.

    Customers and orders become events. Products are remembered for the orders after them; products and categories are
    no events and are passed over. A time in seconds is read as such and reported.

    Args:
        path: The file; bodies with ``params`` or ``batch`` are opened.
        currency: Currency of all amounts: the protocol has none.

    Raises:
        ConfigError: No currency.
    """
    if not currency:
        raise ConfigError("currency: is needed, Metrilo's orders do not name one")
    catalogue = Catalogue()
    for file, line, record in raw_records(path, ("order",)):
        if isinstance(record, ProblemRecord):
            yield record
            continue
        yield from _call(record, file, line, catalogue, currency)


def receive(
    headers: Mapping[str, str], body: bytes, secret: str, *, currency: str, catalogue: Catalogue | None = None
) -> Delivery:
    """One call of the protocol, verified by ``X-Digest`` over its raw bytes and mapped as :func:`read` does.

    Args:
        headers: Headers of the request, in any case.
        body: The body as it arrived, before any parsing.
        secret: The API secret.
        currency: Currency of all amounts.
        catalogue: Products seen before; those of this call are added.

    Raises:
        CollectorError: 401 for a wrong or missing digest, 400 for a body that is not a JSON object.
    """
    given = {name.lower(): value for name, value in headers.items()}
    if not verify(body, given.get("x-digest", ""), secret):
        raise CollectorError(401, "bad-signature", "the digest does not belong to this body and secret")
    try:
        record = json.loads(body, parse_float=Decimal)
    except ValueError:
        raise CollectorError(400, "unreadable", "the body is not JSON") from None
    if not isinstance(record, dict):
        raise CollectorError(400, "unreadable", "the body is not a JSON object")
    found = list(_call(record, "call", 1, catalogue or Catalogue(), currency))
    events = tuple(one for one in found if not isinstance(one, ProblemRecord))
    return Delivery("", "", events, tuple(one for one in found if isinstance(one, ProblemRecord)))


def _call(record: Record, file: str, line: int, catalogue: Catalogue, currency: str) -> Iterator[Event | ProblemRecord]:
    """What one body means: ``params`` is one object, ``batch`` several, anything else the object itself."""
    sent = record.get("time")
    for one in record.get("batch") or [record.get("params") or record]:
        if "productId" not in one and ("price" in one or "options" in one):
            catalogue.add(one)
            continue
        if isinstance(one.get("createdAt"), int) and one["createdAt"] < SECONDS_BELOW:
            yield ProblemRecord(file, line, "createdAt", "is in seconds and was read so", maybe(one.get("id")))
        yield from guarded(partial(_map, one, sent, catalogue, currency), file, line, one)


def _map(record: Record, sent: object, catalogue: Catalogue, currency: str) -> list[Event]:
    if "products" in record:
        return order(record, currency=currency, catalogue=catalogue, sent=sent)
    if "email" in record:
        return [customer(record)]
    return []


def customer(record: Record) -> Identify:
    """A customer, at the time Metrilo calls *created*."""
    stamp = _time(record.get("createdAt"), "createdAt")
    email = text(record, "email")
    subscribed = record.get("subscribed")
    return Identify(
        event_id=source_id("metrilo", "customer", email.lower(), stamp.isoformat()),
        occurred_at=stamp,
        customer=Customer(
            **_identity(email),
            first_name=maybe(record.get("firstName")),
            last_name=maybe(record.get("lastName")),
            tags=[str(tag) for tag in record.get("tags") or ()],
            subscribed=subscribed if isinstance(subscribed, bool) else None,
        ),
    )


def order(record: Record, *, currency: str, catalogue: Catalogue | None = None, sent: object = None) -> list[Event]:
    """An order as it was sent: the order at its own time, and, where the time of sending is known, its state then.

    Args:
        record: The order.
        currency: Currency of its amount.
        catalogue: Products seen before.
        sent: ``time`` of the call's envelope.

    Raises:
        Unmappable: A field that stands in the way.
    """
    order_id = text(record, "id")
    made = _time(record.get("createdAt"), "createdAt")
    known = catalogue or Catalogue()
    lines = [known.item(line, index) for index, line in enumerate(record.get("products") or ())]
    total = amount(text(record, "amount"), "amount")
    billing = record.get("billing") or {}
    email = maybe(record.get("email"))
    content: dict[str, Any] = {
        "customer": Customer(**_identity(email)) if email else None,
        "items": [item for item, _ in lines],
        "currency": currency,
        # Without the price of every line their sum says nothing: the whole amount is the subtotal.
        "subtotal": None if lines and all(priced for _, priced in lines) else total,
        "total": total,
        "coupons": [str(coupon) for coupon in record.get("coupons") or ()],
        "payment_method": maybe(billing.get("paymentMethod")),
        "billing_address": address(billing, ADDRESS),
    }
    status = maybe(record.get("status")) or "pending"
    events: list[Event] = [
        Order(
            event_id=source_id("metrilo", "order", order_id),
            occurred_at=made,
            order_id=order_id,
            status=status,
            context=Context(ip=maybe(record.get("ipAddress")), source="server"),
            **content,
        )
    ]
    if sent is not None and (at := _time(sent, "time")) > made:
        events.append(
            OrderUpdate(
                event_id=source_id("metrilo", "order", order_id, "sent", at.isoformat()),
                occurred_at=at,
                order_id=order_id,
                action_id=f"sent:{at.isoformat()}",
                status=status,
                **{name: value for name, value in content.items() if value is not None},
            )
        )
    return events


def _identity(email: str) -> Mapping[str, Any]:
    """Metrilo's plugins write ``<phone>@phone_email`` for a guest without an address: that is a phone number."""
    phone, _, host = email.partition("@")
    return {"phone": phone} if host == "phone_email" else {"email": email}


def _time(value: object, field: str) -> datetime:
    """Milliseconds since the epoch, also as text; what can only be seconds is read as seconds."""
    written = maybe(value)
    if written is None:
        raise Unmappable(field, "is missing")
    if not written.isdigit():
        raise Unmappable(field, "is not a number of milliseconds")
    number = Decimal(written)
    if number < SECONDS_BELOW:
        number *= 1000
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(number))
    except OverflowError:
        raise Unmappable(field, "is outside the years 1 to 9999") from None
