"""Typed e-commerce tracking: events that are never lost, never counted twice, and stay right after the parcel comes back.

The names below are loaded when first used, so that ``import ecomtrack_sdk`` costs a web process next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecomtrack_sdk._types import new_event_id, source_id
    from ecomtrack_sdk.errors import EcomtrackError
    from ecomtrack_sdk.events import (
        Acquisition,
        Address,
        AddToCart,
        AnyEvent,
        Context,
        Customer,
        CustomEvent,
        EmailBounced,
        EmailClicked,
        EmailComplained,
        EmailDelivered,
        EmailOpened,
        EmailSent,
        EmailUnsubscribed,
        Event,
        EventWarning,
        Identify,
        Item,
        Login,
        Order,
        OrderUpdate,
        Product,
        Refund,
        RefundItem,
        Register,
        RemoveFromCart,
        Search,
        StartCheckout,
        ViewArticle,
        ViewCart,
        ViewCategory,
        ViewPage,
        ViewProduct,
    )

_HOMES = {
    "ecomtrack_sdk._types": ("new_event_id", "source_id"),
    "ecomtrack_sdk.errors": ("EcomtrackError",),
    "ecomtrack_sdk.events": (
        "Acquisition", "AddToCart", "Address", "AnyEvent", "Context", "CustomEvent", "Customer",
        "EmailBounced", "EmailClicked", "EmailComplained", "EmailDelivered", "EmailOpened", "EmailSent",
        "EmailUnsubscribed", "Event", "EventWarning", "Identify", "Item", "Login", "Order", "OrderUpdate", "Product",
        "Refund", "RefundItem", "Register", "RemoveFromCart", "Search", "StartCheckout", "ViewArticle", "ViewCart",
        "ViewCategory", "ViewPage", "ViewProduct",
    ),
}  # fmt: skip
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__version__ = "0.1.0"

__all__ = sorted([*_HOME_OF, "__version__"])  # pyright: ignore[reportUnsupportedDunderAll]


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
