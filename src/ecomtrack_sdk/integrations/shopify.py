"""Shopify: verified webhooks and exported records → our events.

A record is a snapshot, so one order gives several events: the order at its own time, its dispatch and cancellation at
theirs, its refunds, and its present state at ``updated_at``. All ids are made from the record: the same snapshot again,
by webhook, retry or import, is a no-op, and an old snapshot arriving late takes its place in time.

Source: shopify.dev Admin REST *Order*, *Refund*, *Customer*; shopify.dev *Verify webhook deliveries*.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from ecomtrack_sdk._types import source_id
from ecomtrack_sdk.events import Event, Identify, Order, OrderUpdate, Refund, RefundItem
from ecomtrack_sdk.integrations import _records
from ecomtrack_sdk.integrations._record_files import map_records
from ecomtrack_sdk.integrations._records import Delivery, ProblemRecord, Record, Unmappable, amount, maybe, moment, text
from ecomtrack_sdk.integrations._shopify_fields import (
    acquisition_of,
    content_of,
    context_of,
    customer_of,
    first_status_of,
    product_id_of,
    status_of,
)

__all__ = ["convert", "customer", "order", "read", "receive", "refund"]

HEADERS = ("x-shopify-hmac-sha256", "x-shopify-topic", "x-shopify-webhook-id")
ORDER_TOPICS = ("create", "updated", "edited", "paid", "fulfilled", "partially_fulfilled", "cancelled")


def receive(headers: Mapping[str, str], body: bytes, secret: str) -> Delivery:
    """A webhook, verified over its raw bytes and mapped.

    Args:
        headers: Headers of the request, in any case.
        body: The body as it arrived, before any parsing.
        secret: The app's client secret, or the one shown under *Notifications → Webhooks*.

    Raises:
        CollectorError: 401 for a wrong or missing signature, 400 for a body that is not a JSON object.
    """
    return _records.receive(
        headers, body, secret, names=HEADERS, convert=lambda topic, record, _: convert(topic, record)
    )


def read(path: Path | str) -> Iterator[Event | ProblemRecord]:
    """The events of an export: saved pages of ``orders.json``, ``customers.json`` or an order's ``refunds.json``.

    Args:
        path: A file of pages or of one record a line, or a folder of such files.
    """
    return map_records(path, ("order", "customer", "refund"), _by_shape)


def _by_shape(record: Record) -> list[Event]:
    """The events of a record that does not say what it is: only orders have lines, only refunds those of a refund."""
    if "refund_line_items" in record:
        return [refund(record)]
    return [customer(record)] if "line_items" not in record and "orders_count" in record else order(record)


def convert(topic: str, record: Record) -> list[Event]:
    """The events of a webhook's record.

    Raises:
        Unmappable: A topic without an event of ours, or a field that stands in the way.
    """
    family, _, what = topic.partition("/")
    if family == "orders" and what in ORDER_TOPICS:
        return order(record.get("order", record))
    if topic == "refunds/create":
        return [refund(record.get("refund", record))]
    if family == "customers" and what in ("create", "update", "enable"):
        return [customer(record.get("customer", record))]
    raise Unmappable(
        "topic", f"{topic or 'none'} is not mapped: use orders/*, refunds/create, customers/create or update"
    )


def order(record: Record) -> list[Event]:
    """All events of an order's snapshot.

    Totals are Shopify's own: ``total_price`` is what was charged before refunds, refunds are events of their own.

    Raises:
        Unmappable: A test order, or a field that stands in the way.
    """
    if record.get("test") is True:
        raise Unmappable("test", "is a test order of Shopify's bogus gateway: it would count as revenue")
    order_id = text(record, "id")
    made = moment(record.get("processed_at") or record.get("created_at"), "created_at")
    content = content_of(record)
    status = status_of(record)
    updated = moment(record["updated_at"], "updated_at") if record.get("updated_at") else made
    events: list[Event] = [
        Order(
            event_id=source_id("shopify", "order", order_id),
            occurred_at=made,
            order_id=order_id,
            status=first_status_of(record) if updated > made else status,
            context=context_of(record),
            acquisition=acquisition_of(record),
            cart_id=maybe(record.get("cart_token")),
            **content,
        )
    ]
    events += _steps(record, order_id, updated, content)
    if updated > made:
        stamp = updated.isoformat()
        update = {name: value for name, value in content.items() if value is not None}
        events.append(
            OrderUpdate(
                event_id=source_id("shopify", "order", order_id, "updated", stamp),
                occurred_at=updated,
                order_id=order_id,
                action_id=f"updated:{stamp}",
                status=status,
                reason=maybe(record.get("cancel_reason")),
                **update,
            )
        )
    events += [refund(entry, currency=content["currency"]) for entry in record.get("refunds") or ()]
    return events


def _steps(record: Record, order_id: str, updated: datetime, content: Mapping[str, Any]) -> Iterator[Event]:
    """Dispatch and cancellation at their own times; what has the time of the snapshot itself is left to it."""
    who = {name: content[name] for name in ("customer", "visitor_id")}
    shipped = [
        moment(entry["created_at"], "fulfillments.created_at")
        for entry in record.get("fulfillments") or ()
        if entry.get("status") == "success"
    ]
    steps: list[tuple[str, datetime, str | None]] = []
    if shipped and record.get("fulfillment_status") == "fulfilled":
        steps.append(("shipped", max(shipped), None))
    if record.get("cancelled_at"):
        steps.append(("cancelled", moment(record["cancelled_at"], "cancelled_at"), maybe(record.get("cancel_reason"))))
    for status, when, reason in steps:
        if when < updated:
            yield OrderUpdate(
                event_id=source_id("shopify", "order", order_id, status, when.isoformat()),
                occurred_at=when,
                order_id=order_id,
                action_id=f"{status}:{when.isoformat()}",
                status=status,
                reason=reason,
                **who,
            )


def refund(record: Record, *, currency: str | None = None) -> Refund:
    """A refund, from its own webhook or from inside an order.

    The amount is what the gateway paid back (successful transactions of kind ``refund``); a record without
    transactions counts its lines and adjustments.

    Args:
        record: The refund.
        currency: Currency of the order, where known.

    Raises:
        Unmappable: No currency anywhere, or transactions in another currency than the order's.
    """
    refund_id = text(record, "id")
    items = [_refund_item(index, line) for index, line in enumerate(record.get("refund_line_items") or ())]
    adjustments = record.get("order_adjustments") or ()
    shipping = sum(
        (
            -amount(entry.get("amount"), "order_adjustments.amount") - amount(entry.get("tax_amount"), "tax_amount")
            for entry in adjustments
            if entry.get("kind") == "shipping_refund"
        ),
        Decimal(0),
    )
    paid = [
        entry
        for entry in record.get("transactions") or ()
        if entry.get("kind") == "refund" and entry.get("status", "success") == "success"
    ]
    currencies = {entry["currency"] for entry in paid if entry.get("currency")}
    if currency is None and len(currencies) == 1:
        (currency,) = currencies
    if currency is None:
        raise Unmappable("transactions.currency", "is missing: import the order, which names it")
    if currencies - {currency}:
        raise Unmappable("transactions.currency", "differs from the order's currency: no rate is known")
    total: Decimal | None = None
    if paid or "transactions" in record:
        total = sum((amount(entry.get("amount"), "transactions.amount") for entry in paid), Decimal(0))
    return Refund(
        event_id=source_id("shopify", "refund", refund_id),
        occurred_at=moment(record.get("processed_at") or record.get("created_at"), "created_at"),
        refund_id=refund_id,
        order_id=text(record, "order_id"),
        currency=currency,
        amount=total,
        items=items,
        shipping=max(shipping, Decimal(0)),
        reason=maybe(record.get("note")),
    )


def _refund_item(index: int, line: Record) -> RefundItem:
    inner = line.get("line_item") or {}
    known = line.get("subtotal") is not None
    return RefundItem(
        product_id=product_id_of(inner, f"refund_line_items.{index}.line_item"),
        variant_id=maybe(inner.get("variant_id")),
        quantity=amount(line.get("quantity"), f"refund_line_items.{index}.quantity"),
        amount=amount(line["subtotal"], "subtotal") + amount(line.get("total_tax"), "total_tax") if known else None,
    )


def customer(record: Record) -> Identify:
    """What the shop knows of a customer, at the time it last changed."""
    stamp = moment(record.get("updated_at") or record.get("created_at"), "updated_at")
    who = customer_of(record, None, None)
    if who is None:
        raise Unmappable("id", "is missing")
    return Identify(
        event_id=source_id("shopify", "customer", text(record, "id"), stamp.isoformat()),
        occurred_at=stamp,
        customer=who,
    )
