"""The reference collector: takes batches, keeps them, answers reports. Needs the extra ``collector``.

``create_app`` gives the ASGI application, ``serve`` runs it as a process of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecomtrack_sdk.collector._app import Collector, create_app
    from ecomtrack_sdk.collector._keys import Key, KeyRing
    from ecomtrack_sdk.collector._server import serve

__all__ = ["Collector", "Key", "KeyRing", "create_app", "serve"]

_HOMES = {"Collector": "_app", "create_app": "_app", "Key": "_keys", "KeyRing": "_keys", "serve": "_server"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
