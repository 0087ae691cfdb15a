"""What to do about a refused field: a sentence for each kind of error. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel

from ecomtrack_sdk.events import BROWSER_TYPES, EVENT_CLASSES

__all__ = ["mend"]

_BY_TYPE = {
    "json_invalid": "The line is no JSON: look for a missing quote, a comma at the end, or a line that was cut off.",
    "dict_type": "One event is one JSON object: {\"type\": …}.",
    "union_tag_not_found": 'Say what happened: "type": "view_page", for example.',
    "missing_currency": 'Name the currency beside the amount: "currency": "EUR".',
    "currency": "Three capital letters of ISO 4217, such as EUR, USD or GBP.",
    "amount": 'Write the amount as text with a point: "19.90". No currency sign, no thousands separator, no float.',
    "timestamp": 'Write the time with its offset: "2026-01-31T09:30:00+01:00", or "2026-01-31T08:30:00Z".',
    "string_type": 'Write it as text, in quotes: "4711" and not 4711.',
    "string_too_short": "It must not be empty: leave the field out instead.",
    "string_too_long": "Shorten it, or keep the long text in the shop and send its id.",
    "too_large": "Leave out what no report reads, or send fewer lines.",
    "list_type": "It is a list: write [ … ], also around one.",
    "string_pattern_mismatch": "It has a fixed form. An event id is a UUID: leave it out and the SDK makes one.",
}  # fmt: skip


def mend(error: Mapping[str, str], event: Any) -> str:
    """How to mend one error of a refused event, or ``""`` where the message says it all.

    Args:
        error: ``{"loc", "type", "msg"}``.
        event: The event as it was sent, or a text where it is no JSON.
    """
    kind, loc = error.get("type", ""), error.get("loc", "")
    wire_type = event.get("type") if isinstance(event, Mapping) else None
    field = loc.rpartition(".")[2]
    match kind:
        case "missing":
            return f"Add the field {field!r}."
        case "union_tag_invalid":
            near = get_close_matches(str(wire_type), EVENT_CLASSES, 1)
            asked = f"Did you mean {near[0]!r}? " if near else ""
            return asked + 'What has no type of its own is "type": "custom" with a name and properties.'
        case "extra_forbidden":
            known = _fields_at(str(wire_type), loc.split(".")[:-1])
            near = get_close_matches(field, known, 1)
            asked = f"Did you mean {near[0]!r}? " if near else ""
            there = f"There are {', '.join(known)}. " if known and not near else ""
            return f"{asked}{there}Data of your own belong into the properties of a custom event."
        case "not_allowed":
            return (
                f"Send it from the backend with a server key. A site key may send {', '.join(sorted(BROWSER_TYPES))}."
            )
    return _BY_TYPE.get(kind, "")


def _fields_at(wire_type: str, path: list[str]) -> list[str]:
    """Names of the fields beside the one that failed."""
    model: type[BaseModel] | None = EVENT_CLASSES.get(wire_type)
    for step in path:
        if model is None or step.isdigit():
            continue
        info = model.model_fields.get(step)
        model = _model_in(info.annotation) if info is not None else None
    return list(model.model_fields) if model is not None else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in get_args(annotation):
        found = _model_in(part)
        if found is not None:
            return found
    return None
