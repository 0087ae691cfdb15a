"""The console: pages for people, served by the collector at ``/``. No build step, nothing from the network."""

from __future__ import annotations

from ecomtrack_sdk.collector.console._access import Access
from ecomtrack_sdk.collector.console._routes import console_routes

__all__ = ["Access", "console_routes"]
