"""The events as a shop writes them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter, ValidationError

import ecomtrack_sdk as sdk
from ecomtrack_sdk import (
    AddToCart,
    AnyEvent,
    Context,
    Customer,
    CustomEvent,
    Event,
    Identify,
    Item,
    Order,
    OrderUpdate,
    Product,
    Refund,
    RefundItem,
    Search,
    StartCheckout,
    ViewCart,
    ViewCategory,
    ViewPage,
    ViewProduct,
)
from ecomtrack_sdk.events import BROWSER_TYPES, EVENT_CLASSES, STATUSES
from ecomtrack_sdk.events.base import field_docs

WIRE_TYPES = [
    "view_page", "search", "view_article", "view_category", "view_product", "add_to_cart", "remove_from_cart",
    "view_cart", "start_checkout", "order", "order_update", "refund", "identify", "register", "login", "custom",
    "email_sent", "email_delivered", "email_bounced", "email_opened", "email_clicked", "email_unsubscribed",
    "email_complained",
]  # fmt: skip


def test_the_wire_types_are_for_ever() -> None:
    """Twenty-three types, under these names."""
    assert list(EVENT_CLASSES) == WIRE_TYPES
    assert set(EVENT_CLASSES.values()) == set(get_args(get_args(AnyEvent)[0]))
    assert set(WIRE_TYPES) > BROWSER_TYPES
    for cls in EVENT_CLASSES.values():
        assert getattr(sdk, cls.__name__) is cls


def test_an_order_derives_what_is_not_given() -> None:
    """subtotal from the lines after their discounts, tax from the lines, total from all parts."""
    order = Order(
        order_id="o1",
        currency="EUR",
        items=[
            Item(product_id="a", price="19.90", quantity=2, discount="1.80", tax="3.20"),
            Item(product_id="b", price="5", quantity="0.333"),
        ],
        discount="4",
        shipping="4.90",
    )
    assert order.items[1].subtotal == Decimal("1.665")
    assert (order.subtotal, order.tax, order.total) == (Decimal("39.665"), Decimal("3.20"), Decimal("43.765"))
    assert order.warnings() == ()
    assert order.status == "pending"


def test_a_given_total_stands() -> None:
    """Also when it is odd: then there is a warning."""
    order = Order(order_id="o", items=[Item(product_id="p", price=10)], currency="EUR", total="7")
    assert order.total == 7
    assert [(warning.code, warning.loc) for warning in order.warnings()] == [("sum_mismatch", "total")]


@pytest.mark.parametrize("total", ["110", "100", "109.96", "110.05", "99.95"])
def test_prices_with_and_without_tax_are_both_fine(total: str) -> None:
    """Whether prices include the tax differs by country; cents of rounding are no oddity."""
    items = [Item(product_id="p", price=100, tax=10)]
    assert Order(order_id="o", items=items, currency="EUR", total=total).warnings() == ()


def test_every_oddity_of_an_order_has_a_code() -> None:
    """Sums, signs and statuses."""
    order = Order(
        order_id="o", items=[Item(product_id="p", price=5)], currency="EUR", subtotal=9, total=-1, status="odd"
    )
    codes = [(warning.code, warning.loc) for warning in order.warnings()]
    assert codes == [
        ("sum_mismatch", "total"),
        ("sum_mismatch", "subtotal"),
        ("negative_total", "total"),
        ("unknown_status", "status"),
    ]
    assert Order(order_id="o", items=[], currency="EUR", total=5).warnings() == ()
    assert OrderUpdate(order_id="o", status="odd").warnings()[0].code == "unknown_status"
    for status in STATUSES:
        assert OrderUpdate(order_id="o", status=status).warnings() == ()
    assert OrderUpdate(order_id="o").warnings() == ()


def test_derived_sums_of_more_digits_than_an_amount_has_are_refused() -> None:
    """What no store could hold is refused where it is made, not by the collector later."""
    most = "99999999999999.9999"
    with pytest.raises(ValidationError, match="subtotal, derived"):
        Order(order_id="o", items=[Item(product_id="p", price=most, quantity=2)], currency="EUR")
    with pytest.raises(ValidationError, match="tax, derived"):
        Order(order_id="o", items=[Item(product_id="p", tax=most)] * 2, currency="EUR")
    with pytest.raises(ValidationError, match="total, derived"):
        Order(order_id="o", items=[], currency="EUR", subtotal=most, shipping=most)
    with pytest.raises(ValidationError, match="amount, derived"):
        Refund(refund_id="r", order_id="o", currency="EUR", items=[RefundItem(product_id="p", amount=most)] * 2)


def test_a_refund_derives_its_amount_when_every_line_has_one() -> None:
    """Lines and shipping add up; with one line unknown the amount stays open, for the order's line to tell."""
    lines = [RefundItem(product_id="a", amount=5), RefundItem(product_id="b", amount="2.50")]
    assert Refund(refund_id="r", order_id="o", currency="EUR", items=lines, shipping=1).amount == Decimal("8.50")
    open_ = Refund(refund_id="r", order_id="o", currency="EUR", items=[*lines, RefundItem(product_id="c")])
    assert open_.amount is None
    assert open_.warnings() == ()
    given = Refund(refund_id="r", order_id="o", currency="EUR", items=lines, amount=20)
    assert given.amount == 20
    assert [warning.code for warning in given.warnings()] == ["sum_mismatch"]
    assert Refund(refund_id="r", order_id="o", currency="EUR", items=lines, amount="7.55").warnings() == ()


def test_a_refund_that_says_nothing_of_money_or_goods_is_told() -> None:
    """It moves nothing: whoever meant "all of it" hears so from the verdict, not from a figure months later."""
    bare = Refund(refund_id="r", order_id="o", currency="EUR")
    assert bare.amount is None
    assert [(warning.code, warning.loc) for warning in bare.warnings()] == [("no_amount", "amount")]
    worths: list[dict[str, Any]] = [{"amount": 0}, {"shipping": 5}, {"items": [RefundItem(product_id="p")]}]
    for worth in worths:
        assert Refund(refund_id="r", order_id="o", currency="EUR", **worth).warnings() == ()


PRICED = Item(product_id="p", price=5)
FREE = Product(product_id="q", price=0)


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (ViewProduct(product=Product(product_id="p", price=5)), "product.price"),
        (ViewProduct(product=Product(product_id="p")), None),
        (ViewProduct(product=Product(product_id="p", price=5), currency="EUR"), None),
        (ViewCategory(category_id="c", products=[{"product_id": "p"}, FREE]), "products.1.price"),
        (ViewCategory(category_id="c", products=[Product(product_id="p")]), None),
        (AddToCart(item=PRICED), "item.price"),
        (AddToCart(item=Item(product_id="p"), cart=[Item(product_id="p"), PRICED]), "cart.1.price"),
        (AddToCart(item=Item(product_id="p")), None),
        (ViewCart(items=[PRICED]), "items.0.price"),
        (StartCheckout(items=[PRICED], currency="EUR"), None),
        (CustomEvent(name="x", value=0), "value"),
        (ViewPage(), None),
    ],
)  # fmt: skip
def test_an_amount_needs_a_currency(event: Event, field: str | None) -> None:
    """The first amount without one is named; zero prices of lines, which are defaults, are none."""
    assert event.amount_without_currency() == field


def test_a_customer_needs_a_name() -> None:
    """An id, an e-mail address or a phone number."""
    for named in ({"id": "1"}, {"email": "a@b.c"}, {"phone": "1"}):
        Customer(**named)
    with pytest.raises(ValidationError, match="needs an id, an email or a phone"):
        Customer(first_name="A")
    with pytest.raises(ValidationError):
        Identify()  # type: ignore[call-arg]


@pytest.mark.parametrize("name", ["properties", "custom", "filters"])
def test_free_data_is_bounded(name: str) -> None:
    """Eight levels, 256 entries, no NaN: in events, customers and filters alike."""

    def make(values: dict[str, Any]) -> object:
        if name == "properties":
            return CustomEvent(name="x", properties=values)
        if name == "custom":
            return Customer(id="1", custom=values)
        return Search(query="q", filters=values)

    make({"a": 1, "b": [1.5, None, True, "x"]})
    make({str(number): number for number in range(256)})
    eight: Any = 1
    for _ in range(8):
        eight = {"a": eight}
    make(eight)
    for wrong in (
        {"a": eight},
        {str(n): n for n in range(257)},
        {"a": [0] * 257},
        {"a": float("nan")},
        {"a": -float("inf")},
    ):
        with pytest.raises(ValidationError):
            make(wrong)
    with pytest.raises(ValidationError):
        make({"a": object()})


def test_sequences_become_tuples() -> None:
    """A list, a tuple or a generator is taken; what is read never changes."""
    assert Product(product_id="p", categories=["a", "b"]).categories == ("a", "b")
    order = Order(order_id="o", items=[{"product_id": "p"}], currency="EUR", coupons=("X",))
    assert order.items == (Item(product_id="p"),)
    assert order.coupons == ("X",)
    with pytest.raises(ValidationError):
        Product(product_id="p", categories="shirts")


def test_events_of_the_same_record_have_the_same_id() -> None:
    """Event.from_source and source_id make an import repeatable."""
    one = OrderUpdate.from_source("crm", "change", "7", order_id="o", occurred_at="2026-01-31T00:00:00Z")
    assert type(one) is OrderUpdate
    assert one.event_id == sdk.source_id("crm", "change", "7")
    assert OrderUpdate(event_id=one.event_id, order_id="o", occurred_at=one.occurred_at) == one


def test_every_field_is_described_in_the_schema() -> None:
    """The sentence under a field is its description, inherited fields included."""
    schema = Order.model_json_schema()
    properties = schema["properties"]
    assert properties["total"]["description"] == "What the customer pays."
    assert properties["event_id"]["description"].startswith("Identity end to end")
    assert schema["$defs"]["Item"]["properties"]["quantity"]["description"].startswith("Units;")
    assert schema["description"].startswith("The customer committed to buy.")
    assert field_docs(Context)["country"].startswith("ISO 3166")
    assert schema["additionalProperties"] is False


def test_the_union_has_a_schema_by_type() -> None:
    """One JSON Schema for all events, told apart by ``type``."""
    schema = TypeAdapter(AnyEvent).json_schema()
    assert set(schema["discriminator"]["mapping"]) == set(WIRE_TYPES)
    json.dumps(schema)


def test_a_union_member_is_found_by_its_type() -> None:
    """The type decides, and a wrong one is an error of its own."""
    adapter: TypeAdapter[Any] = TypeAdapter(AnyEvent)
    assert type(adapter.validate_python({"type": "login", "customer": {"id": "1"}})) is sdk.Login
    with pytest.raises(ValidationError, match="union_tag_invalid"):
        adapter.validate_python({"type": "logout"})


def test_a_number_identifies_a_record_too():
    """The id of record 5 is that of record "5", whichever way a database hands it out."""
    assert sdk.source_id("crm", 5) == sdk.source_id("crm", "5")
