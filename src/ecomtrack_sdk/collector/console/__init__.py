"""The console: pages for people, served by the collector at ``/``. No build step, nothing from the network."""

from __future__ import annotations

from ecomtrack_sdk.collector.console._routes import console_routes

__all__ = ["console_routes"]
