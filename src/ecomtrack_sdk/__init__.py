"""Typed e-commerce tracking: nothing lost, nothing counted twice, figures that stay right after the parcel comes back.

The names below are loaded when first used, so that ``import ecomtrack_sdk`` costs a web process next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecomtrack_sdk._client import FlushResult, Stats, Tracker
    from ecomtrack_sdk._config import Config
    from ecomtrack_sdk._delivery.retry import RetryPolicy
    from ecomtrack_sdk._delivery.sending import SendReport, Verdict
    from ecomtrack_sdk._s2s import AsyncS2SClient, S2SClient
    from ecomtrack_sdk._types import new_event_id, source_id
    from ecomtrack_sdk._wire import FieldError, Rejection
    from ecomtrack_sdk.errors import ConfigError, DeliveryError, EcomtrackError, GaveUp, OutboxFull, RejectedError
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

__version__ = "0.1.0"

__all__ = [
    "Acquisition",
    "AddToCart",
    "Address",
    "AnyEvent",
    "AsyncS2SClient",
    "Config",
    "ConfigError",
    "Context",
    "CustomEvent",
    "Customer",
    "DeliveryError",
    "EcomtrackError",
    "EmailBounced",
    "EmailClicked",
    "EmailComplained",
    "EmailDelivered",
    "EmailOpened",
    "EmailSent",
    "EmailUnsubscribed",
    "Event",
    "EventWarning",
    "FieldError",
    "FlushResult",
    "GaveUp",
    "Identify",
    "Item",
    "Login",
    "Order",
    "OrderUpdate",
    "OutboxFull",
    "Product",
    "Refund",
    "RefundItem",
    "Register",
    "RejectedError",
    "Rejection",
    "RemoveFromCart",
    "RetryPolicy",
    "S2SClient",
    "Search",
    "SendReport",
    "StartCheckout",
    "Stats",
    "Tracker",
    "Verdict",
    "ViewArticle",
    "ViewCart",
    "ViewCategory",
    "ViewPage",
    "ViewProduct",
    "__version__",
    "new_event_id",
    "source_id",
]

_HOMES = {
    "ecomtrack_sdk._client": ("FlushResult", "Stats", "Tracker",),
    "ecomtrack_sdk._config": ("Config",),
    "ecomtrack_sdk._delivery.retry": ("RetryPolicy",),
    "ecomtrack_sdk._delivery.sending": ("SendReport", "Verdict",),
    "ecomtrack_sdk._s2s": ("AsyncS2SClient", "S2SClient",),
    "ecomtrack_sdk._types": ("new_event_id", "source_id",),
    "ecomtrack_sdk._wire": ("FieldError", "Rejection",),
    "ecomtrack_sdk.errors": (
        "ConfigError", "DeliveryError", "EcomtrackError", "GaveUp", "OutboxFull", "RejectedError",
    ),
    "ecomtrack_sdk.events": (
        "Acquisition", "AddToCart", "Address", "AnyEvent", "Context", "CustomEvent", "Customer", "EmailBounced",
        "EmailClicked", "EmailComplained", "EmailDelivered", "EmailOpened", "EmailSent", "EmailUnsubscribed", "Event",
        "EventWarning", "Identify", "Item", "Login", "Order", "OrderUpdate", "Product", "Refund", "RefundItem",
        "Register", "RemoveFromCart", "Search", "StartCheckout", "ViewArticle", "ViewCart", "ViewCategory",
        "ViewPage", "ViewProduct",
    ),
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
