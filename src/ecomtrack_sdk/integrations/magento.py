"""Magento 2 (Adobe Commerce): orders and credit memos as its REST API gives them → our events.

Every sum is there twice, in the currency of the order and in the base currency of the shop; the order's is taken, since
that is what the customer paid. The times of the API are UTC without saying so.

Source: magento/magento2, ``Sales/Api/Data/OrderInterface.php`` and ``CreditmemoInterface.php``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from ecomtrack_sdk._types import source_id
from ecomtrack_sdk.events import Address, Context, Customer, Event, Item, Order, OrderUpdate, Refund, RefundItem
from ecomtrack_sdk.integrations._record_files import map_records
from ecomtrack_sdk.integrations._records import (
    ProblemRecord,
    Record,
    Unmappable,
    address,
    amount,
    maybe,
    moment,
    split_price,
    text,
)

__all__ = ["STATES", "credit_memo", "order", "read"]

STATES = {
    "new": "pending",
    "pending_payment": "pending",
    "payment_review": "pending",
    "holded": "pending",
    "processing": "processing",
    "complete": "completed",
    "closed": "refunded",
    "canceled": "cancelled",
}
"""Magento's states → ours. Its statuses are the shop's own words and are used where no state is given."""


def read(path: Path | str, *, credit_memos: bool = False) -> Iterator[Event | ProblemRecord]:
    """The events of an export: ``/V1/orders`` (``items`` of the answer, or one order a line) and ``/V1/creditmemos``.

    Args:
        path: The file.
        credit_memos: Whether credit memos are imported as well, from this or another file; the refunded sum of an order
            is then left to them.
    """

    def map_one(record: Record) -> list[Event]:
        if "increment_id" in record and "order_id" in record:
            return [credit_memo(record)]
        return order(record, credit_memos=credit_memos)

    return map_records(path, ("item",), map_one)


def order(record: Record, *, credit_memos: bool = False) -> list[Event]:
    """All events of an order's snapshot: the order, its present state, and what was refunded so far.

    The refunded sum of an order has no lines and no date of its own. It is one refund whose latest version counts.

    Raises:
        Unmappable: A field that stands in the way.
    """
    order_id = text(record, "entity_id")
    made = _time(record, "created_at")
    changed = _time(record, "updated_at") if maybe(record.get("updated_at")) else made
    written = maybe(record.get("state")) or maybe(record.get("status")) or "new"
    status = STATES.get(written, written)
    content = _content(record)
    first = "pending" if changed > made and status in ("cancelled", "refunded") else status
    events: list[Event] = [
        Order(
            event_id=source_id("magento", "order", order_id),
            occurred_at=made,
            order_id=order_id,
            status=first,
            context=Context(ip=maybe(record.get("remote_ip")), source="server"),
            cart_id=maybe(record.get("quote_id")),
            **content,
        )
    ]
    if changed > made:
        events.append(
            OrderUpdate(
                event_id=source_id("magento", "order", order_id, "updated", changed.isoformat()),
                occurred_at=changed,
                order_id=order_id,
                action_id=f"updated:{changed.isoformat()}",
                status=status,
                **{name: value for name, value in content.items() if value is not None},
            )
        )
    refunded = amount(record.get("total_refunded"), "total_refunded")
    if refunded and not credit_memos:
        events.append(
            Refund(
                event_id=source_id("magento", "refunded", order_id, str(refunded.normalize())),
                occurred_at=changed,
                refund_id=f"{order_id}:refunded",
                order_id=order_id,
                currency=content["currency"],
                amount=refunded,
            )
        )
    return events


def credit_memo(record: Record) -> Refund:
    """A credit memo: a refund with its lines and date."""
    number = text(record, "entity_id")
    items = []
    for index, line in enumerate(_lines(record)):
        quantity = amount(line.get("qty"), f"items.{index}.qty")
        if quantity > 0:
            sums = [amount(line.get(name), f"items.{index}.{name}") for name in ("row_total", "tax_amount")]
            paid = sum(sums, Decimal(0)) - abs(amount(line.get("discount_amount"), f"items.{index}.discount_amount"))
            product_id = _product_id(line, index)
            items.append(RefundItem(product_id=product_id, quantity=quantity, amount=max(paid, Decimal(0))))
    return Refund(
        event_id=source_id("magento", "credit_memo", number),
        occurred_at=_time(record, "created_at"),
        refund_id=number,
        order_id=text(record, "order_id"),
        currency=text(record, "order_currency_code"),
        amount=amount(text(record, "grand_total"), "grand_total"),
        items=items,
        shipping=amount(record.get("shipping_amount"), "shipping_amount"),
        reason=next((maybe(one.get("comment")) for one in record.get("comments") or ()), None),
    )


def _content(record: Record) -> dict[str, Any]:
    billing = record.get("billing_address") or {}
    assigned = ((record.get("extension_attributes") or {}).get("shipping_assignments") or [{}])[0]
    email = maybe(record.get("customer_email")) or maybe(billing.get("email"))
    customer_id = maybe(record.get("customer_id"))
    customer = None
    if customer_id or email:
        customer = Customer(
            id=customer_id,
            email=email,
            phone=maybe(billing.get("telephone")),
            first_name=maybe(record.get("customer_firstname")) or maybe(billing.get("firstname")),
            last_name=maybe(record.get("customer_lastname")) or maybe(billing.get("lastname")),
        )
    coupon = maybe(record.get("coupon_code"))
    items = [_item(index, line) for index, line in enumerate(_lines(record))]
    # Magento's discount is the sum over its lines and shipping; what is not on the lines is the order's own.
    of_lines = sum((abs(amount(line.get("discount_amount"), "discount_amount")) for line in _lines(record)), Decimal(0))
    rest = abs(amount(record.get("discount_amount"), "discount_amount")) - of_lines
    return {
        "customer": customer,
        "items": items,
        "currency": text(record, "order_currency_code"),
        "discount": max(rest, Decimal(0)),
        "shipping": amount(record.get("shipping_amount"), "shipping_amount"),
        "tax": amount(record.get("tax_amount"), "tax_amount"),
        "total": amount(text(record, "grand_total"), "grand_total"),
        "coupons": [coupon] if coupon else [],
        "payment_method": maybe((record.get("payment") or {}).get("method")),
        "shipping_address": _address((assigned.get("shipping") or {}).get("address")),
        "billing_address": _address(billing),
    }


def _lines(record: Record) -> list[Record]:
    """The lines the customer sees: the variant inside a configurable product is a line of its own without a price."""
    return [
        line for line in record.get("items") or () if not line.get("parent_item_id") and not line.get("parent_item")
    ]


def _item(index: int, line: Record) -> Item:
    quantity = amount(line.get("qty_ordered"), f"items.{index}.qty_ordered")
    if quantity <= 0:
        raise Unmappable(f"items.{index}.qty_ordered", "must be above 0")
    whole = amount(line.get("row_total"), f"items.{index}.row_total")
    if not whole:
        whole = amount(line.get("price"), f"items.{index}.price") * quantity
    off = abs(amount(line.get("discount_amount"), f"items.{index}.discount_amount"))
    price, discount = split_price(whole, max(whole - off, Decimal(0)), quantity)
    return Item(
        product_id=_product_id(line, index),
        sku=maybe(line.get("sku")),
        name=maybe(line.get("name")),
        product_type=maybe(line.get("product_type")),
        price=price,
        quantity=quantity,
        discount=discount,
        tax=amount(line.get("tax_amount"), f"items.{index}.tax_amount"),
    )


def _product_id(line: Record, index: int) -> str:
    found = maybe(line.get("product_id")) or maybe(line.get("sku"))
    if found is None:
        raise Unmappable(f"items.{index}.product_id", "is missing, and so is sku")
    return found


def _address(record: Record | None) -> Address | None:
    told = record or {}
    street = [maybe(line) for line in told.get("street") or ()]
    person = filter(None, map(maybe, (told.get("firstname"), told.get("lastname"))))
    return address(
        told,
        {"city": "city", "region": "region", "postal_code": "postcode", "country": "country_id", "phone": "telephone"},
        name=" ".join(person) or None,
        line1=street[0] if street else None,
        line2=street[1] if len(street) > 1 else None,
    )


def _time(record: Record, field: str) -> datetime:
    return moment(record.get(field), field, naive=UTC)
