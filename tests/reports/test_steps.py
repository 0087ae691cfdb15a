"""The small language of steps."""

from __future__ import annotations

import pytest

from ecomtrack_sdk.errors import BadParameter
from ecomtrack_sdk.reports._steps import Filter, parse_duration, parse_step, parse_steps


def test_steps_are_types_with_filters() -> None:
    """Commas separate steps, not the filters inside brackets."""
    steps = parse_steps("view_product, add_to_cart[product_id=p1,brand!=Acme|Bolt][price>=10] ,custom:Promo code,*")
    assert [(step.type, step.name) for step in steps] == [
        ("view_product", None),
        ("add_to_cart", None),
        ("custom", "Promo code"),
        ("*", None),
    ]
    assert steps[1].filters == (
        Filter("product_id", "=", ("p1",)),
        Filter("brand", "!=", ("Acme", "Bolt")),
        Filter("price", ">=", ("10",)),
    )


def test_names_of_custom_events_are_free() -> None:
    """Blanks, slashes, signs and colons belong to the name."""
    assert parse_step("custom:click:Pay $10").name == "click:Pay $10"
    assert parse_step("custom:$pageview[plan~Pro]").filters == (Filter("plan", "~", ("Pro",)),)


@pytest.mark.parametrize(
    "text",
    [
        "bought",
        "order:x",
        "custom:",
        "add_to_cart[product_id=p1",
        "add_to_cart[product_id]",
        "add_to_cart[price>cheap]",
        "add_to_cart[price>NaN]",
        "add_to_cart]",
        "add_to_cart[[a=b]]",
        "",
    ],
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    """The error names the parameter and says what is allowed."""
    with pytest.raises(BadParameter, match=r"^steps: "):
        parse_steps(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("45s", 45), ("30m", 1_800), ("12h", 43_200), ("7d", 604_800), ("2w", 1_209_600)]
)
def test_durations(text: str, seconds: int) -> None:
    """A number and a unit."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["7", "d", "0d", "-1d", "1.5h", "7 fortnights", ""])
def test_other_durations_are_refused(text: str) -> None:
    """No unit, nothing, or less than nothing."""
    with pytest.raises(BadParameter, match="window"):
        parse_duration(text)
