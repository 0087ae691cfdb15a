"""Every event survives the wire, and nothing that is not an event passes for one."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ecomtrack_sdk import Order, ViewPage
from ecomtrack_sdk._wire import Invalid, Valid, encode_event, validate_event
from ecomtrack_sdk.events import EVENT_CLASSES, Event
from ecomtrack_sdk.testing import events, events_of, orders

slow = settings(max_examples=12, suppress_health_check=list(HealthCheck))
thorough = settings(max_examples=80, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("cls", EVENT_CLASSES.values(), ids=EVENT_CLASSES)
@slow
@given(data=st.data())
def test_json_round_trip_is_the_identity(cls: type[Event], data: st.DataObject) -> None:
    """An event encoded and validated again is the same event, field by field."""
    event = data.draw(events_of(cls))
    line = encode_event(event)
    assert b"\n" not in line
    judged = validate_event(line)
    assert isinstance(judged, Valid), judged
    assert judged.event == event
    assert encode_event(judged.event) == line


@thorough
@given(events(), st.text(min_size=1, max_size=10))
def test_unknown_fields_never_pass(event: Event, name: str) -> None:
    """A misspelt field is refused with its name, at the top and one level down."""
    raw = json.loads(encode_event(event))
    if name in type(event).model_fields:
        return
    judged = validate_event(json.dumps({**raw, name: 1}).encode())
    assert isinstance(judged, Invalid)
    assert any(error.type == "extra_forbidden" and error.loc == name for error in judged.errors)
    with pytest.raises(ValidationError):
        type(event)(**{name: 1})


WRONG = st.sampled_from([[], {}, [1], {"a": 1}, True, 1.5, -1, 10**30, [[None]]])


@thorough
@given(events(), st.data())
def test_wrong_types_never_pass(event: Event, data: st.DataObject) -> None:
    """A value of a type that the field's JSON schema does not allow is refused, and the field is named."""
    raw = json.loads(encode_event(event))
    schema = type(event).model_json_schema()
    name = data.draw(st.sampled_from(sorted(schema["properties"])))
    wrong = data.draw(WRONG)
    if _allows(schema["properties"][name], wrong, schema):
        return
    judged = validate_event(json.dumps({**raw, name: wrong}).encode())
    assert isinstance(judged, Invalid), (name, wrong)
    assert any(error.loc.split(".")[0] in (name, "") for error in judged.errors)


def _allows(schema: dict, value: object, root: dict) -> bool:
    """Whether the kind of *value* is one the schema speaks of; bounds are left to the models."""
    if "$ref" in schema:
        return isinstance(value, dict)
    if "anyOf" in schema:
        return any(_allows(one, value, root) for one in schema["anyOf"])
    kind = schema.get("type")
    if kind == "string":
        # Amounts are strings on the wire; whole numbers are taken as well.
        return "pattern" in schema and "[0-9]{1,14}" in schema["pattern"] and type(value) is int
    if kind == "integer":
        return type(value) is int and value >= 0
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "array":
        return value == []
    return isinstance(value, dict) and kind == "object"


@thorough
@given(orders())
def test_derived_sums_fit_the_wire(order: Order) -> None:
    """What is derived has the digits an amount may have, so that no order is refused for its own sums."""
    for name in ("subtotal", "tax", "total"):
        amount = getattr(order, name)
        assert isinstance(amount, Decimal)
        assert -amount.as_tuple().exponent <= 4


@thorough
@given(orders(), st.data())
def test_sums_that_disagree_are_warnings(order: Order, data: st.DataObject) -> None:
    """A total far from the sum of its parts is accepted as it is and answered with a warning."""
    raw = json.loads(encode_event(order))
    off = data.draw(st.sampled_from([Decimal(1), Decimal("0.06"), Decimal(10_000)]))
    parts = order.subtotal - order.discount + order.shipping + order.tax
    raw["total"] = str(max(parts, parts - order.tax) + off)
    judged = validate_event(json.dumps(raw).encode())
    assert isinstance(judged, Valid)
    codes = {warning.code for warning in judged.event.warnings()}
    assert "sum_mismatch" in codes or not order.items


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_have_a_verdict(raw: bytes) -> None:
    """No bytes make the validator raise."""
    assert isinstance(validate_event(raw), Invalid)


@settings(max_examples=200)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
        lambda s: st.lists(s) | st.dictionaries(st.text(), s),
    )
)
def test_any_json_has_a_verdict(value: object) -> None:
    """No JSON value makes the validator raise, whatever stands in it."""
    assert isinstance(validate_event(json.dumps(value).encode()), Invalid)


def test_a_copy_of_an_event_is_equal_and_frozen() -> None:
    """Events are values: equal when their fields are, and never changed."""
    page = ViewPage(title="Home")
    assert ViewPage(**page.model_dump()) == page
    with pytest.raises(ValidationError, match="frozen"):
        page.title = "Other"  # type: ignore[misc]
