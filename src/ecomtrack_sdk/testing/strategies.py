"""Hypothesis strategies for every event, derived from the models: a new field is covered the day it is added."""

from __future__ import annotations

import string
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from ecomtrack_sdk._currencies import CURRENCIES
from ecomtrack_sdk._types import (
    Amount,
    Count,
    Currency,
    EventId,
    Flag,
    Id,
    NonNegativeAmount,
    Quantity,
    Text,
    Timestamp,
    Url,
    new_event_id,
)
from ecomtrack_sdk.events import EVENT_CLASSES, Customer, Event, Order
from ecomtrack_sdk.events.base import Part

__all__ = ["events", "events_of", "orders", "parts_of"]

P = TypeVar("P", bound=Part)
E = TypeVar("E", bound=Event)

_ids = st.text(string.ascii_letters + string.digits + "-_.@ äß漢🙂", min_size=1, max_size=12).filter(bool)
_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_cents = st.integers(0, 10**9).map(lambda cents: Decimal(cents).scaleb(-2))
_fine = st.integers(0, 10**8).map(lambda parts: Decimal(parts).scaleb(-4))
_plain: dict[Any, st.SearchStrategy[Any]] = {
    Id: _ids,
    Text: _texts,
    Url: st.builds("https://shop.example/{}?utm_source={}".format, _ids, _ids),
    EventId: st.uuids(version=4).map(str) | st.builds(new_event_id),
    Timestamp: st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    Flag: st.booleans(),
    Count: st.integers(0, 2**53),
    Currency: st.sampled_from(sorted(CURRENCIES)),
    Amount: _cents | _fine | _cents.map(lambda amount: -amount),
    NonNegativeAmount: _cents | _fine,
    Quantity: st.integers(1, 50).map(Decimal) | st.integers(1, 10**6).map(lambda parts: Decimal(parts).scaleb(-4)),
}
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=6,
)


@cache
def parts_of(cls: type[P]) -> st.SearchStrategy[P]:
    """Valid instances of *cls*: an event, an item, a customer, anything inside an event."""
    hints = get_type_hints(cls, include_extras=True)
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for name, field in cls.model_fields.items():
        if name == "type":
            continue
        # A currency is always there: whether one is needed depends on the amounts beside it.
        (required if field.is_required() or name == "currency" else optional)[name] = _of(hints[name])
    if "currency" in required:
        required["currency"] = _plain[Currency]
    if cls is Customer:
        named = st.sampled_from(["id", "email", "phone"]).flatmap(lambda name: st.fixed_dictionaries({name: _ids}))
        return st.builds(lambda rest, named: cls(**rest | named), st.fixed_dictionaries({}, optional=optional), named)
    return st.fixed_dictionaries(required, optional=optional).map(lambda values: cls(**values))


def _of(hint: Any) -> st.SearchStrategy[Any]:
    """A strategy for values of an annotation, as the events use them."""
    if hint in _plain:
        return _plain[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is NoneType:
        return st.none()
    if origin in (Union, UnionType):
        return st.one_of([_of(argument) for argument in arguments])
    if origin is tuple:
        return st.lists(_of(arguments[0]), max_size=3).map(tuple)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is dict:
        return st.dictionaries(_texts, _json, max_size=3)
    if isinstance(hint, type) and issubclass(hint, Part):
        return parts_of(hint)
    raise TypeError(f"no strategy for {hint}: add one beside the new type")


def events_of(cls: type[E]) -> st.SearchStrategy[E]:
    """Valid events of one class."""
    return parts_of(cls)


def orders() -> st.SearchStrategy[Order]:
    """Valid orders."""
    return parts_of(Order)


def events() -> st.SearchStrategy[Event]:
    """Valid events of every class."""
    return st.sampled_from(list(EVENT_CLASSES.values())).flatmap(events_of)
