"""WooCommerce: verified webhooks and exported records → our events.

A record is a snapshot, so one order gives several events: the order at its own time, payment and completion at theirs,
its refunds, and its present state at ``date_modified``. Ids are made from the record: the same snapshot again, by
webhook, retry or import, is a no-op, and an old snapshot arriving late takes its place in time.

WooCommerce has no refund webhook: ``order.updated``, which it sends when money is given back, lists the refunds without
a date, so they count at the time of that change. Refunds read from ``/orders/<id>/refunds`` have their date and lines;
:func:`read` takes them from there wherever the same folder or file has both.

Source: WooCommerce REST API v3 *Orders*, *Order refunds*, *Customers*, *Webhooks*.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path

from ecomtrack_sdk._types import source_id, utc_now
from ecomtrack_sdk.events import Customer, Event, Identify, Order, OrderUpdate, Refund, RefundItem
from ecomtrack_sdk.integrations import _records
from ecomtrack_sdk.integrations._record_files import raw_records
from ecomtrack_sdk.integrations._records import (
    Delivery,
    ProblemRecord,
    Record,
    Unmappable,
    amount,
    guarded,
    maybe,
    text,
)
from ecomtrack_sdk.integrations._woocommerce_fields import (
    acquisition_of,
    content_of,
    context_of,
    has_time,
    linked_order,
    product_id_of,
    scoped,
    time_of,
    variant_id_of,
)

__all__ = ["convert", "customer", "order", "read", "receive", "refund"]

NAMES = ("order", "refund", "customer")
HEADERS = ("x-wc-webhook-signature", "x-wc-webhook-topic", "x-wc-webhook-delivery-id")

STATUSES = {
    "pending": "pending",
    "checkout-draft": "pending",
    "on-hold": "pending",
    "processing": "processing",
    "completed": "completed",
    "cancelled": "cancelled",
    "refunded": "refunded",
    "failed": "failed",
    "trash": "cancelled",
}
"""WooCommerce's statuses → ours; a plugin's own word is kept as it is, and warned about by the collector."""


def receive(headers: Mapping[str, str], body: bytes, secret: str, *, site: str = "") -> Delivery:
    """A webhook, verified over its raw bytes and mapped.

    Args:
        headers: Headers of the request, in any case.
        body: The body as it arrived, before any parsing.
        secret: The secret of the webhook's settings.
        site: A name of the shop, where several shops share one collector: order numbers repeat between shops.

    Raises:
        CollectorError: 401 for a wrong or missing signature, 400 for a body that is not a JSON object.
    """
    return _records.receive(headers, body, secret, names=HEADERS, convert=partial(_webhook, site=site))


def read(path: Path | str, *, site: str = "", currency: str | None = None) -> Iterator[Event | ProblemRecord]:
    """The events of an export: saved pages of ``/wc/v3/orders``, ``/refunds`` and ``/customers``; each is recognised.

    Refunds that stand in the export beside their order get its currency, and the order's list of refunds their dates
    and lines. The path is read twice for that.

    Args:
        path: A file of pages or of one record a line, or a folder of such files.
        site: As in :func:`receive`.
        currency: For refunds whose order is not in the export: they do not name it.
    """
    dated = {
        str(record.get("id")): (file, line, record)
        for file, line, record in raw_records(path, NAMES)
        if not isinstance(record, ProblemRecord) and _is_refund(record)
    }
    for file, line, record in raw_records(path, NAMES):
        if isinstance(record, ProblemRecord):
            yield record
        elif not _is_refund(record):
            listed = [str(one.get("id")) for one in record.get("refunds") or () if isinstance(one, dict)]
            known = {number: dated.pop(number)[2] for number in listed if number in dated}
            yield from guarded(partial(_by_shape, record, site, known), file, line, record)
    for file, line, record in dated.values():
        yield from guarded(partial(_alone, record, site, currency), file, line, record)


def _is_refund(record: Record) -> bool:
    return "refunded_by" in record


def _by_shape(record: Record, site: str, refunds: Mapping[str, Record]) -> list[Event]:
    """The events of a record that does not say what it is: only orders have lines."""
    if "line_items" not in record and "username" in record:
        return [customer(record, site=site)]
    return order(record, site=site, refunds=refunds)


def _alone(record: Record, site: str, currency: str | None) -> list[Event]:
    return [refund(record, site=site, currency=currency)]


def convert(topic: str, record: Record, *, delivery_id: str = "", site: str = "") -> list[Event]:
    """The events of a webhook's record; the ping that WooCommerce sends when a webhook is made has none.

    Raises:
        Unmappable: A topic without an event of ours, or a field that stands in the way.
    """
    if topic == "order.deleted":
        order_id = scoped(site, text(record, "id"))
        cancelled = OrderUpdate(
            event_id=source_id("woocommerce", site, "order", text(record, "id"), "deleted", delivery_id),
            occurred_at=utc_now(),
            order_id=order_id,
            action_id=f"deleted:{delivery_id}",
            status="cancelled",
            reason="deleted in the shop",
        )
        return [cancelled]
    if topic in ("order.created", "order.updated", "order.restored"):
        return order(record, site=site)
    if topic in ("customer.created", "customer.updated"):
        return [customer(record, site=site)]
    if not topic and "webhook_id" in record:
        return []
    raise Unmappable("topic", f"{topic or 'none'} is not mapped: use order.* and customer.created or updated")


def _webhook(topic: str, record: Record, delivery_id: str, *, site: str) -> list[Event]:
    return convert(topic, record, delivery_id=delivery_id, site=site)


def order(record: Record, *, site: str = "", refunds: Mapping[str, Record] | None = None) -> list[Event]:
    """All events of an order's snapshot.

    ``total`` is what was charged before refunds; refunds are events of their own. Fees are added to shipping, negative
    fees to the discount: an order of ours has no third sum beside its lines.

    Args:
        record: The order.
        site: As in :func:`receive`.
        refunds: Id → record of those of its refunds that are known from ``/orders/<id>/refunds``; the order itself
            lists them without date and lines.

    Raises:
        Unmappable: A field that stands in the way.
    """
    number = text(record, "id")
    order_id = scoped(site, number)
    made = time_of(record, "date_created")
    changed = time_of(record, "date_modified") if has_time(record, "date_modified") else made
    content = content_of(record)
    written = maybe(record.get("status")) or "pending"
    status = STATUSES.get(written, written)
    undone = status in ("cancelled", "refunded", "failed")
    events: list[Event] = [
        Order(
            event_id=source_id("woocommerce", site, "order", number),
            occurred_at=made,
            order_id=order_id,
            status="pending" if undone and changed > made else status,
            context=context_of(record),
            acquisition=acquisition_of(record),
            **content,
        )
    ]
    for step, reached in (("date_paid", "paid"), ("date_completed", "completed")):
        # What has the time of the snapshot itself is left to it: two states at one moment have no order.
        if has_time(record, step) and made < (when := time_of(record, step)) < changed:
            events.append(
                OrderUpdate(
                    event_id=source_id("woocommerce", site, "order", number, reached, when.isoformat()),
                    occurred_at=when,
                    order_id=order_id,
                    action_id=f"{reached}:{when.isoformat()}",
                    status=reached,
                    customer=content["customer"],
                )
            )
    if changed > made:
        stamp = changed.isoformat()
        events.append(
            OrderUpdate(
                event_id=source_id("woocommerce", site, "order", number, "modified", stamp),
                occurred_at=changed,
                order_id=order_id,
                action_id=f"modified:{stamp}",
                status=status,
                **{name: value for name, value in content.items() if value is not None},
            )
        )
    for entry in record.get("refunds") or ():
        full = {"date_created_gmt": changed.isoformat(), "amount": abs(amount(entry.get("total"), "refunds.total"))}
        known = (refunds or {}).get(str(entry.get("id"))) or {**entry, **full}
        events.append(refund(known, site=site, order_id=number, currency=content["currency"]))
    return events


def refund(record: Record, *, site: str = "", order_id: str | None = None, currency: str | None = None) -> Refund:
    """A refund, from ``/orders/<id>/refunds`` or from inside an order. Its ``amount`` overrides its lines.

    Args:
        record: The refund.
        site: As in :func:`receive`.
        order_id: Number of its order; read from ``parent_id`` or the link to it when absent.
        currency: Currency of the order; the record does not name it.

    Raises:
        Unmappable: The order or the currency cannot be told.
    """
    number = text(record, "id")
    parent = order_id or maybe(record.get("parent_id")) or linked_order(record)
    if parent is None:
        raise Unmappable("parent_id", "is missing, and so is the link to the order")
    if currency is None:
        raise Unmappable("currency", "a refund on its own does not name it: give the shop's currency")
    items = []
    for index, line in enumerate(record.get("line_items") or ()):
        quantity = abs(amount(line.get("quantity"), f"line_items.{index}.quantity"))
        if quantity:
            sums = amount(line.get("total"), "total"), amount(line.get("total_tax"), "total_tax")
            items.append(
                RefundItem(
                    product_id=product_id_of(line, f"line_items.{index}"),
                    variant_id=variant_id_of(line),
                    quantity=quantity,
                    amount=abs(sum(sums, Decimal(0))),
                )
            )
    shipping = sum(
        (
            amount(line.get("total"), "t") + amount(line.get("total_tax"), "t")
            for line in record.get("shipping_lines") or ()
        ),
        Decimal(0),
    )
    return Refund(
        event_id=source_id("woocommerce", site, "refund", number),
        occurred_at=time_of(record, "date_created"),
        refund_id=scoped(site, number),
        order_id=scoped(site, parent),
        currency=currency,
        amount=abs(amount(text(record, "amount"), "amount")),
        items=items,
        shipping=abs(shipping),
        reason=maybe(record.get("reason")),
    )


def customer(record: Record, *, site: str = "") -> Identify:
    """What the shop knows of a customer, at the time it last changed."""
    number = text(record, "id")
    stamp = time_of(record, "date_modified" if has_time(record, "date_modified") else "date_created")
    billing = record.get("billing") or {}
    return Identify(
        event_id=source_id("woocommerce", site, "customer", number, stamp.isoformat()),
        occurred_at=stamp,
        customer=Customer(
            id=scoped(site, number),
            email=maybe(record.get("email")) or maybe(billing.get("email")),
            phone=maybe(billing.get("phone")),
            first_name=maybe(record.get("first_name")),
            last_name=maybe(record.get("last_name")),
        ),
    )
