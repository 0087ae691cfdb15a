"""The shapes of the OpenAPI document that no model describes."""

from __future__ import annotations

from typing import Any

from ecomtrack_sdk._wire import LIMITS

__all__ = ["BATCH", "COUNTS", "INSPECTED", "PROBLEM"]

BATCH: dict[str, Any] = {
    "type": "object",
    "required": ["events"],
    "properties": {
        "sent_at": {"type": "string", "format": "date-time", "description": "When the batch left the sender."},
        "events": {"type": "array", "maxItems": LIMITS.events, "items": {"$ref": "#/components/schemas/Event"}},
    },
}
_NUMBER = {"type": "integer", "minimum": 0}
COUNTS: dict[str, Any] = {
    "type": "object",
    "required": ["total", "good", "bad"],
    "properties": {"total": _NUMBER, "good": _NUMBER, "bad": _NUMBER},
}
INSPECTED: dict[str, Any] = {
    "type": "object",
    "required": ["seq", "event_id", "event_type", "verdict", "key", "received_at", "event", "warnings", "errors"],
    "properties": {
        "seq": {"type": "integer"},
        "event_id": {"type": ["string", "null"]},
        "event_type": {"type": ["string", "null"]},
        "verdict": {"enum": ["accepted", "rejected"]},
        "key": {"type": "string", "description": "Kind of the key that sent it."},
        "occurred_at": {"type": "string", "format": "date-time"},
        "received_at": {"type": "string", "format": "date-time"},
        "event": {"description": "The event as it was sent; a text where it is not JSON."},
        "warnings": {"type": "array", "items": {"type": "object"}},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}
PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "The one shape of every error (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "A stable word for machines."},
    },
}
