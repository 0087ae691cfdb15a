"""MyTracker's order actions (``ADD PAY CANCEL REFUND``) → our events, and our events → its actions.

MyTracker tells changes (a product added, a part cancelled), we tell the whole content after the change, so the way in
keeps the orders it has seen: give one :class:`Orders` all actions in the order of their times.

Source: docs.tracker.my.com, *S2S API: order* and *E-commerce: sending events*; both of its spellings are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from ecomtrack_sdk._types import source_id
from ecomtrack_sdk.events import Customer, Event, Item, Order, OrderUpdate, Refund, RefundItem
from ecomtrack_sdk.integrations._record_files import map_records
from ecomtrack_sdk.integrations._records import ProblemRecord, Record, Unmappable, amount, maybe, text

__all__ = ["Orders", "read", "to_action"]

VERBS = {"ADD": "ADD", "PAY": "PAY", "PAID": "PAY", "CANCEL": "CANCEL", "CANCELED": "CANCEL", "REFUND": "REFUND"}


@dataclass
class _Known:
    """What is known of an order: units by product and the line each was told with."""

    items: dict[str, Item] = field(default_factory=dict)
    currency: str = ""
    paid: bool = False


class Orders:
    """Turns actions into events, keeping what each order holds.

    Args:
        currency: For actions that name none: the project's currency at MyTracker.
    """

    def __init__(self, currency: str | None = None) -> None:
        self._currency = currency
        self._known: dict[str, _Known] = {}

    def apply(self, record: Record) -> list[Event]:
        """The events of one action.

        Raises:
            Unmappable: A field that stands in the way.
        """
        order_id = text(record, "order_id")
        written = (maybe(record.get("status")) or "PAY").upper()
        verb = VERBS.get(written)
        if verb is None:
            raise Unmappable("status", f"must be one of {', '.join(VERBS)}")
        known = self._known.get(order_id)
        fresh = known is None
        known = known or _Known()
        known.currency = maybe(record.get("currency_code")) or known.currency or self._currency or ""
        if not known.currency:
            raise Unmappable("currency_code", "is missing, and no currency was given for the project")
        items = [_item(index, line) for index, line in enumerate(record.get("items") or ())]
        action_id = maybe(record.get("action_id")) or f"{verb}:{record.get('eventTimestamp')}"
        envelope: dict[str, Any] = {
            "event_id": source_id("mytracker", "order", order_id, action_id),
            "occurred_at": _time(record),
            "order_id": order_id,
        }
        customer = maybe(record.get("customUserId"))
        if customer:
            envelope["customer"] = Customer(id=customer)
        if maybe(record.get("lvid")):
            envelope["visitor_id"] = maybe(record.get("lvid"))
        self._known[order_id] = known
        if verb == "REFUND":
            return [_refund(envelope, action_id, known, items)]
        coupon = maybe(record.get("coupon"))
        return [_change(envelope, known, verb, items, action_id=action_id, coupon=coupon, fresh=fresh)]


def _change(
    envelope: dict[str, Any],
    known: _Known,
    verb: str,
    items: list[Item],
    *,
    action_id: str,
    coupon: str | None,
    fresh: bool,
) -> Event:
    """ADD and PAY fill the order, CANCEL takes out of it; without items PAY pays and CANCEL cancels all."""
    if verb == "CANCEL":
        _take_out(known, items or list(known.items.values()))
    elif verb == "ADD" or not known.items:
        for item in items:
            _put_in(known, item)
    known.paid = known.paid or verb == "PAY"
    status = "paid" if known.paid else "pending"
    if verb == "CANCEL" and not known.items:
        status = "cancelled"
    if fresh and verb != "CANCEL":
        return Order(
            **envelope,
            items=list(known.items.values()),
            currency=known.currency,
            status=status,
            coupons=[coupon] if coupon else [],
        )
    content: dict[str, Any] = {}
    if status != "cancelled" and verb != "PAY":
        content = {"items": list(known.items.values()), "currency": known.currency}
    return OrderUpdate(**envelope, action_id=action_id, status=status, **content)


def _refund(envelope: dict[str, Any], action_id: str, known: _Known, items: list[Item]) -> Refund:
    back = items or list(known.items.values())
    if not back:
        raise Unmappable("items", "are missing, and the order is not known: what went back?")
    lines = [
        RefundItem(
            product_id=item.product_id,
            variant_id=item.variant_id,
            quantity=item.quantity,
            amount=max(item.subtotal + item.tax, Decimal(0)),
        )
        for item in back
    ]
    refund_id = f"{envelope['order_id']}:{action_id}"
    return Refund(**envelope, refund_id=refund_id, currency=known.currency, items=lines)


def _put_in(known: _Known, item: Item) -> None:
    before = known.items.get(item.product_id)
    if before is None:
        known.items[item.product_id] = item
        return
    sums = {name: getattr(before, name) + getattr(item, name) for name in ("quantity", "discount", "tax")}
    known.items[item.product_id] = before.model_copy(update=sums)


def _take_out(known: _Known, items: list[Item]) -> None:
    for item in items:
        before = known.items.get(item.product_id)
        if before is None or before.quantity <= item.quantity:
            known.items.pop(item.product_id, None)
            continue
        share = (before.quantity - item.quantity) / before.quantity
        places = Decimal("0.0001")
        rest = {name: (getattr(before, name) * share).quantize(places) for name in ("discount", "tax")}
        left = {"quantity": before.quantity - item.quantity, **rest}
        known.items[item.product_id] = before.model_copy(update=left)


def read(path: Path | str, *, currency: str | None = None) -> Iterator[Event | ProblemRecord]:
    """The events of a file of actions, one a line or an array, in the order of their times."""
    return map_records(path, ("order",), Orders(currency).apply)


def to_action(event: Order | OrderUpdate | Refund) -> dict[str, Any]:
    """The action MyTracker wants for an event of ours.

    Its batch takes at most 20 of these and 10 KB. An update that changes the content without changing the status has no
    action there: send what was added or cancelled as MyTracker's own calls.

    Raises:
        Unmappable: An update MyTracker has no action for, or nobody is named.
    """
    action: dict[str, Any] = {"order_id": event.order_id, "eventTimestamp": int(event.occurred_at.timestamp())}
    action |= {"customUserId": event.customer.id} if event.customer is not None and event.customer.id else {}
    action |= {"lvid": event.visitor_id} if event.visitor_id else {}
    if len(action) == 2:
        raise Unmappable("customer", "MyTracker needs customUserId or lvid")
    if isinstance(event, Refund):
        action |= {"status": "REFUND", "action_id": event.refund_id, "currency_code": event.currency}
        items = [{"item_id": one.product_id, "quantity": str(one.quantity)} for one in event.items]
        return action | {"items": items} if items else action
    status = event.status
    verb = {"pending": "ADD", "paid": "PAY", "completed": "PAY", "cancelled": "CANCEL"}.get(status or "")
    if verb is None:
        raise Unmappable("status", "MyTracker knows pending, paid, completed and cancelled orders only")
    action |= {"status": verb, "action_id": getattr(event, "action_id", None) or event.event_id}
    if event.currency:
        action["currency_code"] = event.currency
    lines = [
        {
            "item_id": item.product_id,
            "item_name": item.name or item.product_id,
            "quantity": str(item.quantity),
            "price": str(item.price),
            "discount": str(item.discount),
        }
        for item in event.items or ()
    ]
    return action | {"items": lines} if lines else action


def _item(index: int, line: Record) -> Item:
    name = f"items.{index}"
    price, quantity = amount(line.get("price"), f"{name}.price"), amount(line.get("quantity") or 1, f"{name}.quantity")
    percent = amount(line.get("tax"), f"{name}.tax")
    discount = amount(line.get("discount"), f"{name}.discount")
    tax = ((price * quantity - discount) * percent / 100).quantize(Decimal("0.0001")) if percent else Decimal(0)
    categories = [maybe(line.get("item_category" + suffix)) for suffix in ("", "2", "3", "4", "5")]
    return Item(
        product_id=text(line, "item_id"),
        name=maybe(line.get("item_name")),
        brand=maybe(line.get("item_brand")),
        variant_id=maybe(line.get("item_variant")),
        categories=[category for category in categories if category],
        price=price,
        quantity=quantity,
        discount=discount,
        tax=tax,
        coupon=maybe(line.get("coupon")),
    )


def _time(record: Record) -> datetime:
    written = text(record, "eventTimestamp")
    if not written.isdigit():
        raise Unmappable("eventTimestamp", "is not a number of seconds")
    return datetime.fromtimestamp(int(written), UTC)
