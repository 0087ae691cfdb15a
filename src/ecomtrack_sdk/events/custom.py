"""Anything else the shop wants to count, online or off."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue, model_validator

from ecomtrack_sdk._types import Currency, Id, OptionalAmount, default
from ecomtrack_sdk.events.base import Event, check_custom

__all__ = ["CustomEvent"]


class CustomEvent(Event):
    """A promo code, a loyalty card, a call, a review: named by the shop."""

    type: Literal["custom"] = "custom"
    name: Id
    """The shop's name for what happened, such as ``promo_code_entered``."""
    properties: dict[str, JsonValue] | None = None
    """Free data, at most 8 levels deep; funnels and goals can filter on it."""
    value: OptionalAmount = default(None)
    """What it is worth, in ``currency``."""
    currency: Currency | None = None

    @model_validator(mode="after")
    def _bounded(self) -> CustomEvent:
        check_custom(self.properties)
        return self

    def amount_without_currency(self) -> str | None:
        return "value" if self.currency is None and self.value is not None else None
