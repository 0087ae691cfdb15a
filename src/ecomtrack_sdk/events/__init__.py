"""WHAT happened: frozen pydantic models, one file per family.

A family is loaded when one of its names is first used: making a class costs a millisecond, and there are thirty-three.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecomtrack_sdk.events.base import Context, Customer, Event, EventWarning
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
    from ecomtrack_sdk.events.item import Item, Product, RefundItem
    from ecomtrack_sdk.events.order import STATUSES, Acquisition, Address, Order, OrderUpdate, Refund
    from ecomtrack_sdk.events.union import BROWSER_TYPES, EVENT_CLASSES, AnyEvent

__all__ = [
    "BROWSER_TYPES",
    "EVENT_CLASSES",
    "STATUSES",
    "Acquisition",
    "AddToCart",
    "Address",
    "AnyEvent",
    "Context",
    "CustomEvent",
    "Customer",
    "EmailBounced",
    "EmailClicked",
    "EmailComplained",
    "EmailDelivered",
    "EmailOpened",
    "EmailSent",
    "EmailUnsubscribed",
    "Event",
    "EventWarning",
    "Identify",
    "Item",
    "Login",
    "Order",
    "OrderUpdate",
    "Product",
    "Refund",
    "RefundItem",
    "Register",
    "RemoveFromCart",
    "Search",
    "StartCheckout",
    "ViewArticle",
    "ViewCart",
    "ViewCategory",
    "ViewPage",
    "ViewProduct",
]

_HOMES = {
    "ecomtrack_sdk.events.base": ("Context", "Customer", "Event", "EventWarning"),
    "ecomtrack_sdk.events.browse": ("Search", "ViewArticle", "ViewCategory", "ViewPage", "ViewProduct"),
    "ecomtrack_sdk.events.cart": ("AddToCart", "RemoveFromCart", "StartCheckout", "ViewCart"),
    "ecomtrack_sdk.events.custom": ("CustomEvent",),
    "ecomtrack_sdk.events.customer": ("Identify", "Login", "Register"),
    "ecomtrack_sdk.events.email": (
        "EmailBounced", "EmailClicked", "EmailComplained", "EmailDelivered", "EmailOpened",
        "EmailSent", "EmailUnsubscribed",
    ),
    "ecomtrack_sdk.events.item": ("Item", "Product", "RefundItem"),
    "ecomtrack_sdk.events.order": ("STATUSES", "Acquisition", "Address", "Order", "OrderUpdate", "Refund"),
    "ecomtrack_sdk.events.union": ("BROWSER_TYPES", "EVENT_CLASSES", "AnyEvent"),
}  # fmt: skip
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__]
