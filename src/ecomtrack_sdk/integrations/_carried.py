"""The visitor of one process, carried to another with a task: taken off here, put on there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pydantic_core import from_json

from ecomtrack_sdk._client import Tracker, _visitor
from ecomtrack_sdk.events import Context, Customer

__all__ = ["NAME", "carried", "fill", "within"]

NAME = "ecomtrack"
"""Header or meta key the visitor travels under."""


def fill() -> Mapping[str, bytes]:
    """Envelope fields of the visitor this code runs for, as JSON; empty outside of a request or task."""
    return _visitor.get() or {}


def carried() -> dict[str, str]:
    """The visitor this code runs for, as plain text a message can carry; empty when there is none."""
    return {name: value.decode() for name, value in fill().items()}


@contextmanager
def within(tracker: Tracker, told: object) -> Iterator[None]:
    """Run the block for the visitor that :func:`carried` has told elsewhere; anything else is as if nobody was told."""
    fields = told if isinstance(told, dict) else {}
    visitor_id = fields.get("visitor_id")
    customer, context = fields.get("customer"), fields.get("context")
    with tracker.visitor(
        visitor_id=from_json(visitor_id) if visitor_id else None,
        customer=Customer.model_validate_json(customer) if customer else None,
        context=Context.model_validate_json(context) if context else None,
    ):
        yield
