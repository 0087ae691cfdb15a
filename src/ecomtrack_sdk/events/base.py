"""What every event has: the envelope (id, time, who, where) and the rules all families share."""

from __future__ import annotations

import ast
import inspect
import math
import textwrap
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, JsonValue, model_validator
from pydantic_core import CoreSchema, PydanticCustomError

from ecomtrack_sdk._types import EventId, Flag, Id, Seq, Text, Timestamp, Url, default, new_event_id, source_id, utc_now

__all__ = ["Context", "Customer", "Event", "EventWarning", "Part", "field_docs"]

MAX_CUSTOM_DEPTH = 8
"""Levels of nesting in free properties: deeper data is a document, not a property."""
MAX_CUSTOM_KEYS = 256
"""Keys of one free property object: more is a table, not a property."""


@dataclass(frozen=True, slots=True)
class EventWarning:
    """Something odd that is kept all the same: real shops round, rename and mistype.

    Attributes:
        code: A stable word for machines, such as ``"sum_mismatch"``.
        loc: The field, dotted.
        msg: A sentence for people.
    """

    code: str
    loc: str
    msg: str


class Part(BaseModel):
    """Base of everything inside an event: frozen, unknown fields refused, documented field by field."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        defer_build=True,  # a model is built when first used, so that importing stays cheap
        hide_input_in_errors=True,  # an error message may reach a log; the value may be personal
    )

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The schema, with the sentence under each field as its description.

        Pydantic's ``use_attribute_docstrings`` does the same when a class is made, for a third of the import's time.
        """
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for name, text in field_docs(cls).items():
            if name in properties:
                properties[name].setdefault("description", text)
        return schema


@cache
def field_docs(cls: type[BaseModel]) -> dict[str, str]:
    """Field → the docstring under it, bases first; a field without one is absent."""
    docs: dict[str, str] = {}
    for owner in reversed(cls.__mro__):
        if not issubclass(owner, Part) or owner is Part:
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
        assert isinstance(tree, ast.ClassDef)
        for field, below in pairwise(tree.body):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
                text = below.value
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    docs[field.target.id] = inspect.cleandoc(text.value)
    return docs


def check_custom(values: dict[str, JsonValue] | None) -> dict[str, JsonValue] | None:
    """Free properties within bounds: depth, keys, no NaN (JSON has none)."""
    if values:
        _check_depth(values, MAX_CUSTOM_DEPTH)
    return values


def _check_depth(value: JsonValue, levels: int) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise PydanticCustomError("finite", "must be finite numbers, JSON has no NaN or infinity")
    if not isinstance(value, dict | list):
        return
    if levels == 0:
        raise PydanticCustomError("depth", "must not be nested deeper than 8 levels")
    if len(value) > MAX_CUSTOM_KEYS:
        raise PydanticCustomError("size", "must not have more than 256 entries in one object or list")
    for inner in value.values() if isinstance(value, dict) else value:
        _check_depth(inner, levels - 1)


class Customer(Part):
    """A person the shop knows by name: an id, an e-mail address or a phone number, at least one of them."""

    id: Id | None = None
    """The shop's own id of the customer."""
    email: Id | None = None
    """E-mail address; compared without regard to case."""
    phone: Id | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    tags: Seq[Id] = default(())
    """Labels of the shop's CRM, added to those already known."""
    subscribed: Flag | None = None
    """Whether the customer agreed to be written to."""
    custom: dict[str, JsonValue] | None = None
    """The shop's own fields; at most 8 levels deep."""

    @model_validator(mode="after")
    def _named(self) -> Customer:
        if self.id is None and self.email is None and self.phone is None:
            raise PydanticCustomError("customer", "needs an id, an email or a phone")
        if self.custom:
            check_custom(self.custom)
        return self


class Context(Part):
    """Where and how it happened: page, campaign, device. Filled by the browser script or the framework middleware."""

    url: Url | None = None
    """Address of the page."""
    referrer: Url | None = None
    """Address the visitor came from."""
    title: Text | None = None
    """Title of the page."""
    utm_source: Text | None = None
    utm_medium: Text | None = None
    utm_campaign: Text | None = None
    utm_term: Text | None = None
    utm_content: Text | None = None
    utm_id: Text | None = None
    click_id: Text | None = None
    """Value of the advertiser's click id (gclid, fbclid, …) on the landing page."""
    click_id_type: Text | None = None
    """Name of that parameter, such as ``gclid``."""
    user_agent: Text | None = None
    ip: Id | None = None
    """Address of the visitor's device."""
    locale: Id | None = None
    """Language tag, such as ``de-AT``."""
    country: Id | None = None
    """ISO 3166 two-letter code, where the shop or its proxy knows it."""
    device: Literal["desktop", "mobile", "tablet", "other"] | None = None
    """Kind of device; derived from the user agent when absent."""
    source: Literal["web", "app", "server", "offline"] | None = None
    """Which side recorded it."""


class Event(Part):
    """The envelope. One event is one thing that happened, and never changes afterwards."""

    event_id: EventId = Field(default_factory=new_event_id)
    """Identity end to end: a second event of the same id is the same event. UUIDv7 unless given."""
    occurred_at: Timestamp = Field(default_factory=utc_now)
    """When it happened at the shop, not when it was sent; any time in the past is welcome."""
    visitor_id: Id | None = None
    """The ``cbuid`` cookie of the browser."""
    customer: Customer | None = None
    """Who it was, where the shop knows."""
    context: Context | None = None
    """Where and how it happened."""

    @classmethod
    def from_source(cls, namespace: str, *record: str | int, **fields: Any) -> Self:
        """The event that stands for a record elsewhere: made again it has the same id, and counts once.

        Args:
            namespace: The system the record lives in, such as ``"crm"``.
            record: What identifies it there, such as ``"order", "1001", "paid"``.
            fields: The event's other fields. To have them checked by a type checker, write
                ``Order(event_id=source_id("crm", "order", "1001"), …)``: the same event.
        """
        return cls(event_id=source_id(namespace, *record), **fields)

    def warnings(self) -> tuple[EventWarning, ...]:
        """What is odd about the event though it is accepted; empty for most."""
        return ()

    def amount_without_currency(self) -> str | None:
        """The first field that is an amount while no currency is given, or ``None`` when all is well."""
        return None
