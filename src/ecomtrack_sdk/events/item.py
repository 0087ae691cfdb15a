"""Products and the lines of carts, orders and refunds."""

from __future__ import annotations

from decimal import Decimal

from ecomtrack_sdk._amounts import rounded
from ecomtrack_sdk._types import Id, NonNegativeAmount, OptionalNonNegativeAmount, Quantity, Seq, Text, Url, default
from ecomtrack_sdk.events.base import Part

__all__ = ["Item", "Product", "RefundItem"]

ZERO = Decimal(0)


class Product(Part):
    """What the shop sells."""

    product_id: Id
    """The same id in views, carts, orders and refunds: reports join on it."""
    variant_id: Id | None = None
    """Size or colour, where the shop sells them under one product."""
    sku: Id | None = None
    name: Text | None = None
    brand: Text | None = None
    categories: Seq[Text] = default(())
    """From general to particular; reports by category count each of them."""
    product_type: Text | None = None
    price: OptionalNonNegativeAmount = default(None)
    """Price of one unit in the event's currency, before the discount of a line."""
    url: Url | None = None
    image_url: Url | None = None


class Item(Part):
    """One line of a cart or an order: a product and how many of it."""

    product_id: Id
    """The same id in views, carts, orders and refunds: reports join on it."""
    variant_id: Id | None = None
    sku: Id | None = None
    name: Text | None = None
    brand: Text | None = None
    categories: Seq[Text] = default(())
    """From general to particular; reports by category count each of them."""
    product_type: Text | None = None
    price: NonNegativeAmount = default(ZERO)
    """Price of one unit in the event's currency, before the line's discount."""
    quantity: Quantity = default(Decimal(1))
    """Units; fractions for goods sold by weight or length."""
    discount: NonNegativeAmount = default(ZERO)
    """Taken off the whole line, in the event's currency."""
    tax: NonNegativeAmount = default(ZERO)
    """Tax of the whole line, in the event's currency."""
    coupon: Id | None = None
    url: Url | None = None
    image_url: Url | None = None

    @property
    def subtotal(self) -> Decimal:
        """``price * quantity - discount``: what the line adds to an order, tax and shipping left out.

        Rounded to four decimal places, half up: a price times a fraction of a unit has up to eight.
        """
        return rounded(self.price * self.quantity) - self.discount


class RefundItem(Part):
    """One line of a refund: what came back and what was paid back for it."""

    product_id: Id
    variant_id: Id | None = None
    quantity: Quantity = default(Decimal(1))
    """Units that came back."""
    amount: OptionalNonNegativeAmount = default(None)
    """Money paid back for the line; derived from the order's line when absent."""
    reason: Text | None = None
    """Why this line came back; the refund's own reason when absent."""
