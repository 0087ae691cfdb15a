"""Who it is: the moments a visitor gets a name."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ecomtrack_sdk._types import Id
from ecomtrack_sdk.events.base import Customer, Event

__all__ = ["Identify", "Login", "Register"]


class Identify(Event):
    """The shop learned who the visitor is, or more about a customer. Source: Segment *identify*."""

    type: Literal["identify"] = "identify"
    customer: Customer = Field()  # pyright: ignore[reportIncompatibleVariableOverride]
    method: Id | None = None
    """How: ``newsletter``, ``email_click``, ``loyalty_card`` …"""


class Register(Event):
    """An account was opened. Source: Segment *Signed Up*, GA4 *sign_up*."""

    type: Literal["register"] = "register"
    customer: Customer = Field()  # pyright: ignore[reportIncompatibleVariableOverride]
    method: Id | None = None
    """How: ``password``, ``google`` …"""


class Login(Event):
    """A customer logged in. Source: Segment *Signed In*, GA4 *login*."""

    type: Literal["login"] = "login"
    customer: Customer = Field()  # pyright: ignore[reportIncompatibleVariableOverride]
    method: Id | None = None
