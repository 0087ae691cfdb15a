"""The order and what happens to it afterwards. An order is a stream of actions; its state is their fold."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from pydantic import model_validator

from ecomtrack_sdk._amounts import fitting, rounded
from ecomtrack_sdk._types import (
    Currency,
    DerivedAmount,
    Id,
    NonNegativeAmount,
    OptionalAmount,
    OptionalNonNegativeAmount,
    OptionalSeq,
    Seq,
    Text,
    default,
)
from ecomtrack_sdk.events.base import Event, EventWarning, Part
from ecomtrack_sdk.events.item import ZERO, Item, RefundItem

__all__ = ["STATUSES", "Acquisition", "Address", "Order", "OrderUpdate", "Refund"]

STATUSES = (
    "pending",
    "paid",
    "processing",
    "shipped",
    "delivered",
    "completed",
    "cancelled",
    "refunded",
    "returned",
    "failed",
)
"""The statuses reports understand; any other word is kept, counted as open, and warned about."""

SUM_TOLERANCE = Decimal("0.05")
"""Largest difference between a given total and the sum of its parts that is put down to rounding, in currency units."""


class Address(Part):
    """A postal address; reports use country, region and city only."""

    name: Text | None = None
    line1: Text | None = None
    line2: Text | None = None
    city: Text | None = None
    region: Text | None = None
    postal_code: Text | None = None
    country: Id | None = None
    """ISO 3166 two-letter code."""
    phone: Text | None = None


class Acquisition(Part):
    """Where the shop itself says an order came from; used when no visit tells more."""

    source: Text | None = None
    medium: Text | None = None
    campaign: Text | None = None


class Order(Event):
    """The customer committed to buy. The same ``order_id`` sent again updates the order.

    Sums that are not given are derived: ``subtotal`` from the lines, ``tax`` from their taxes, and
    ``total = subtotal - discount + shipping + tax``. A given total stands, whatever its parts say.

    Source: Segment *Order Completed*, GA4 *purchase*.
    """

    type: Literal["order"] = "order"
    order_id: Id
    items: Seq[Item]
    """The whole content; empty where the shop knows only the total."""
    currency: Currency
    status: Id = "pending"
    """One of ``STATUSES``, or the shop's own word."""
    subtotal: DerivedAmount = default(None)
    """Sum of the lines after their discounts."""
    discount: NonNegativeAmount = default(ZERO)
    """Taken off the order as a whole, beside the discounts of its lines."""
    shipping: NonNegativeAmount = default(ZERO)
    tax: DerivedAmount = default(None)
    """Tax on top of the prices; the sum of the lines' taxes when absent."""
    total: DerivedAmount = default(None)
    """What the customer pays."""
    coupons: Seq[Id] = default(())
    payment_method: Id | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    cart_id: Id | None = None
    """The cart the order came from."""
    acquisition: Acquisition | None = None

    @model_validator(mode="after")
    def _derive_sums(self) -> Order:
        values = vars(self)  # frozen: the one place that completes the event, before anybody has seen it
        if values["subtotal"] is None:
            values["subtotal"] = fitting("subtotal", rounded(_sum_of_lines(self.items)))
        if values["tax"] is None:
            values["tax"] = fitting("tax", sum([item.tax for item in self.items], ZERO))
        if values["total"] is None:
            total = values["subtotal"] - values["discount"] + values["shipping"] + values["tax"]
            values["total"] = fitting("total", total)
        return self

    def warnings(self) -> tuple[EventWarning, ...]:
        found = []
        without_tax = self.subtotal - self.discount + self.shipping
        # Prices may include the tax: both readings are in use, so only a total that fits neither is odd.
        if self.items and min(abs(self.total - without_tax), abs(self.total - without_tax - self.tax)) > SUM_TOLERANCE:
            found.append(
                EventWarning(
                    "sum_mismatch",
                    "total",
                    "differs from subtotal - discount + shipping (+ tax); the given total is used",
                )
            )
        if self.items and abs(self.subtotal - _sum_of_lines(self.items)) > SUM_TOLERANCE:
            found.append(EventWarning("sum_mismatch", "subtotal", "differs from the sum of the lines"))
        if self.total < 0:
            found.append(EventWarning("negative_total", "total", "is below zero"))
        return (*found, *_status_warning(self.status))


class OrderUpdate(Event):
    """Something about an order changed; only what is given changes. From the CRM, the call centre, the pick-up point.

    Amounts are in the order's currency. Source: MyTracker order actions, Segment *Order Updated*.
    """

    type: Literal["order_update"] = "order_update"
    order_id: Id
    action_id: Id | None = None
    """The shop's id of this change within the order: the same one again is not counted again."""
    status: Id | None = None
    items: OptionalSeq[Item] = default(None)
    """The whole new content."""
    currency: Currency | None = None
    subtotal: OptionalAmount = default(None)
    discount: OptionalNonNegativeAmount = default(None)
    shipping: OptionalNonNegativeAmount = default(None)
    tax: OptionalAmount = default(None)
    total: OptionalAmount = default(None)
    coupons: OptionalSeq[Id] = default(None)
    payment_method: Id | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    cart_id: Id | None = None
    acquisition: Acquisition | None = None
    reason: Text | None = None
    """Why: shown in the order's history and in the returns report."""
    place: Id | None = None
    """Where it was decided: ``web``, ``call_center``, ``pickup_point``, ``courier``, or the shop's own word."""

    def warnings(self) -> tuple[EventWarning, ...]:
        return _status_warning(self.status)


class Refund(Event):
    """Money went back, for goods or without. May arrive before its order.

    Source: Shopify's refund (the fullest among shop systems), GA4 *refund*.
    """

    type: Literal["refund"] = "refund"
    refund_id: Id
    """The shop's id of the refund: the same one again is not counted again."""
    order_id: Id
    currency: Currency
    amount: OptionalNonNegativeAmount = default(None)
    """All money that went back; derived when absent: the lines' amounts plus ``shipping``."""
    items: Seq[RefundItem] = default(())
    """What came back; empty for a refund of money only."""
    shipping: NonNegativeAmount = default(ZERO)
    """The part of the amount that is shipping."""
    reason: Text | None = None
    place: Id | None = None

    @model_validator(mode="after")
    def _derive_amount(self) -> Refund:
        amounts = [item.amount for item in self.items]
        known = [amount for amount in amounts if amount is not None]
        if self.amount is None and known and len(known) == len(amounts):
            vars(self)["amount"] = fitting("amount", sum(known, self.shipping))
        return self

    def warnings(self) -> tuple[EventWarning, ...]:
        if self.amount is None and not self.items and not self.shipping:
            return (EventWarning("no_amount", "amount", "is missing, and so are items: the refund is worth nothing"),)
        known = [item.amount for item in self.items if item.amount is not None]
        if self.amount is None or not known or len(known) < len(self.items):
            return ()
        if abs(sum(known, self.shipping) - self.amount) <= SUM_TOLERANCE:
            return ()
        msg = "differs from the lines and shipping; the given amount is used"
        return (EventWarning("sum_mismatch", "amount", msg),)


def _sum_of_lines(items: Sequence[Item]) -> Decimal:
    """Sum of the lines after their discounts, not rounded: rounding each line costs more than adding them all up."""
    return sum([item.price * item.quantity - item.discount for item in items], ZERO)


def _status_warning(status: str | None) -> tuple[EventWarning, ...]:
    if status is None or status in STATUSES:
        return ()
    return (EventWarning("unknown_status", "status", f"is not one of {', '.join(STATUSES)}; kept and counted as open"),)
