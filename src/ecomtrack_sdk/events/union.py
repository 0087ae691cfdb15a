"""All events together: the union on ``type``, and the tables that follow from it."""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic import Discriminator

from ecomtrack_sdk.events.base import Event
from ecomtrack_sdk.events.browse import Search, ViewArticle, ViewCategory, ViewPage, ViewProduct
from ecomtrack_sdk.events.cart import AddToCart, RemoveFromCart, StartCheckout, ViewCart
from ecomtrack_sdk.events.custom import CustomEvent
from ecomtrack_sdk.events.customer import Identify, Login, Register
from ecomtrack_sdk.events.email import (
    EmailBounced,
    EmailClicked,
    EmailComplained,
    EmailDelivered,
    EmailOpened,
    EmailSent,
    EmailUnsubscribed,
)
from ecomtrack_sdk.events.order import Order, OrderUpdate, Refund

__all__ = ["BROWSER_TYPES", "EVENT_CLASSES", "AnyEvent"]

AnyEvent = Annotated[
    ViewPage
    | Search
    | ViewArticle
    | ViewCategory
    | ViewProduct
    | AddToCart
    | RemoveFromCart
    | ViewCart
    | StartCheckout
    | Order
    | OrderUpdate
    | Refund
    | Identify
    | Register
    | Login
    | CustomEvent
    | EmailSent
    | EmailDelivered
    | EmailBounced
    | EmailOpened
    | EmailClicked
    | EmailUnsubscribed
    | EmailComplained,
    Discriminator("type"),
]
"""Every event, told apart by ``type``."""

EVENT_CLASSES: dict[str, type[Event]] = {
    cls.model_fields["type"].default: cls for cls in get_args(get_args(AnyEvent)[0])
}
"""Wire ``type`` → class, in the order of the docs."""

BROWSER_TYPES = frozenset(
    {
        "view_page",
        "search",
        "view_article",
        "view_category",
        "view_product",
        "add_to_cart",
        "remove_from_cart",
        "view_cart",
        "start_checkout",
        "identify",
        "custom",
    }
)
"""What a public site key may send: the nine events of the browser, a name, and the shop's own events."""
