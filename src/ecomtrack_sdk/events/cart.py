"""The cart: what goes in, what goes out, what is in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ecomtrack_sdk._types import Currency, Id, OptionalSeq, Seq, default
from ecomtrack_sdk.events.base import Event
from ecomtrack_sdk.events.item import Item

__all__ = ["AddToCart", "RemoveFromCart", "StartCheckout", "ViewCart"]


class AddToCart(Event):
    """Something was put into the cart. Source: Segment *Product Added*, GA4 *add_to_cart*."""

    type: Literal["add_to_cart"] = "add_to_cart"
    item: Item
    """What was added and how many of it."""
    cart_id: Id | None = None
    """The shop's id of the cart; links the cart to its order across visits."""
    cart: OptionalSeq[Item] = default(None)
    """The whole content after the change, where the shop knows it; makes up for changes that were not seen."""
    currency: Currency | None = None

    def amount_without_currency(self) -> str | None:
        return _unpriced(self.currency, "item", [self.item]) or _unpriced(self.currency, "cart", self.cart or ())


class RemoveFromCart(Event):
    """Something was taken out of the cart. Source: Segment *Product Removed*, GA4 *remove_from_cart*."""

    type: Literal["remove_from_cart"] = "remove_from_cart"
    item: Item
    """What was removed and how many of it."""
    cart_id: Id | None = None
    cart: OptionalSeq[Item] = default(None)
    """The whole content after the change, where the shop knows it."""
    currency: Currency | None = None

    def amount_without_currency(self) -> str | None:
        return _unpriced(self.currency, "item", [self.item]) or _unpriced(self.currency, "cart", self.cart or ())


class ViewCart(Event):
    """The cart was looked at. Source: Segment *Cart Viewed*, GA4 *view_cart*."""

    type: Literal["view_cart"] = "view_cart"
    items: Seq[Item] = default(())
    """The whole content."""
    cart_id: Id | None = None
    currency: Currency | None = None

    def amount_without_currency(self) -> str | None:
        return _unpriced(self.currency, "items", self.items)


class StartCheckout(Event):
    """The checkout was entered, or one of its steps. Source: Segment *Checkout Started*, GA4 *begin_checkout*."""

    type: Literal["start_checkout"] = "start_checkout"
    items: Seq[Item] = default(())
    """The whole content."""
    cart_id: Id | None = None
    step: Id | None = None
    """Name or number of the step; absent for the start."""
    currency: Currency | None = None

    def amount_without_currency(self) -> str | None:
        return _unpriced(self.currency, "items", self.items)


def _unpriced(currency: str | None, field: str, items: Iterable[Item]) -> str | None:
    """The first of *items* that has an amount, as a dotted field, while *currency* is missing."""
    if currency is not None:
        return None
    for index, item in enumerate(items):
        if item.price or item.discount or item.tax:
            return f"{field}.price" if field == "item" else f"{field}.{index}.price"
    return None
