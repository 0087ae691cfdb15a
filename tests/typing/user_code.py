"""What users write, as type checkers see it. Never run: ``test_typing.py`` hands it to mypy --strict and pyright.

A line that ends in ``# E`` must be an error, in both; every other line must be fine.
"""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import assert_type

from ecomtrack_sdk import (
    AddToCart,
    AsyncS2SClient,
    Config,
    Context,
    Customer,
    CustomEvent,
    FlushResult,
    Identify,
    Item,
    Order,
    OrderUpdate,
    Product,
    Refund,
    RefundItem,
    RetryPolicy,
    S2SClient,
    SendReport,
    Stats,
    Tracker,
    Verdict,
    ViewProduct,
    source_id,
)

# Amounts are written as strings, ints or Decimals, and read as Decimals.
item = Item(product_id="p1", price="19.90", quantity=2, discount=Decimal("1.50"), categories=["Men", "Shirts"])
order = Order(order_id="o1", items=[item], currency="EUR", shipping="4.90", occurred_at=datetime.now(UTC))
assert_type(item.price, Decimal)
assert_type(item.quantity, Decimal)
assert_type(item.categories, tuple[str, ...])
assert_type(order.total, Decimal)
assert_type(order.items, tuple[Item, ...])
assert_type(order.currency, str)
assert_type(order.customer, Customer | None)
update = OrderUpdate(order_id="o1", status="shipped", total=5)
assert_type(update.total, Decimal | None)
assert_type(update.items, tuple[Item, ...] | None)
refund = Refund(refund_id="r1", order_id="o1", currency="EUR", items=(RefundItem(product_id="p1", amount="5"),))
assert_type(refund.amount, Decimal | None)
custom = CustomEvent(name="loyalty_card", properties={"level": 3, "tags": ["a", None]}, value="5", currency="EUR")
named = Identify(customer=Customer(email="a@example.com"), visitor_id="v1")
assert_type(named.customer, Customer)
view = ViewProduct(product=Product(product_id="p1"), context=Context(source="web"), event_id=source_id("crm", "1"))
imported = Order.from_source("crm", "order", "1", order_id="o1", items=[], currency="EUR")
assert_type(imported, Order)

Item(product_id="p1", price=19.90)  # E
Item(product_id="p1", quantity=2.0)  # E
Item(product_id=5)  # E
Item(prodct_id="p1")  # E
Item()  # E
Order(order_id="o1", items=[item])  # E
Order(order_id="o1", items=[refund], currency="EUR")  # E
Order(order_id="o1", items=[item], currency="EUR", total=1.5)  # E
OrderUpdate(order_id="o1", items=item)  # E
Identify()  # E
CustomEvent(name="x", value=0.5)  # E
ViewProduct(product="p1")  # E
Context(source="fax")  # E
AddToCart(item=Product(product_id="p1"))  # E
print(order.total + "1")  # E
print(order.nothing)  # E


def shop(tracker: Tracker) -> None:
    """A backend that tracks."""
    assert_type(tracker.track(order), str)
    assert_type(tracker.flush(timeout=5), FlushResult)
    assert_type(tracker.stats(), Stats)
    assert_type(tracker.stats().pending, int)
    with tracker.visitor(visitor_id="v1", customer=Customer(id="c1")):
        tracker.track(view)
    tracker.track({"type": "order"})  # E
    tracker.track(item)  # E
    tracker.send(order)  # E


def settings() -> Tracker:
    """Ways to make a tracker."""
    config = Config(url="https://collect.example.com", key="k", durability="disk", retry=RetryPolicy(ceiling=30))
    Config(durability="paper")  # E
    Config(retry=5)  # E
    Tracker("https://collect.example.com", key="k").close()
    with Tracker.from_env() as tracker:
        assert_type(tracker, Tracker)
    return Tracker(config=config)


def job(client: S2SClient) -> None:
    """A CRM job that must know."""

    def updates() -> Iterator[OrderUpdate]:
        yield update

    assert_type(client.send(updates(), checkpoint="job.json", progress=lambda report: print(report.done)), SendReport)
    assert_type(client.send([order, b'{"type":"order"}', "{}", {"type": "order"}]), SendReport)
    assert_type(client.order(order), Verdict)
    assert_type(client.refund(refund).duplicate, bool)
    client.order(refund)  # E
    client.update_order(order)  # E
    client.send([5])  # E
    client.send(order, checkpont="job.json")  # E


async def async_job() -> None:
    """The same, awaited."""

    async def updates() -> AsyncIterator[OrderUpdate]:
        yield update

    async with AsyncS2SClient("https://collect.example.com", key="k") as client:
        assert_type(await client.send(updates()), SendReport)
        assert_type(await client.send([update]), SendReport)
        assert_type(await client.order(order), Verdict)
        print((await client.update_order(update)).verdict)  # E
    await Tracker().aflush()
