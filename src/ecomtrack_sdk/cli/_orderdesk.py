"""The demo's orders and what becomes of them: paid, shipped, cancelled, sent back, ordered by telephone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ecomtrack_sdk import Context, Event, Item, Order, OrderUpdate, Refund, RefundItem, Register, source_id
from ecomtrack_sdk.cli._catalog import GOODS, Goods
from ecomtrack_sdk.cli._maker import Maker, Person

__all__ = ["OrderDesk"]

PAYMENTS = ("card", "paypal", "invoice", "klarna")
REASONS = ("too small", "too large", "not as described", "damaged", "changed my mind")


class OrderDesk(Maker):
    """Takes orders and follows them."""

    def __init__(self, end: datetime, seed: int) -> None:
        super().__init__(end, seed)
        self._orders = 0

    def _order(
        self, person: Person, cart: list[tuple[Goods, int]], items: list[Item], moment: datetime, coupon: str | None
    ) -> Iterator[Event]:
        if person.customer is None:
            person.customer = self._customer(person)
            yield self._make(
                Register, moment, visitor_id=person.visitor_id, customer=person.customer, method="checkout"
            )
        self._orders += 1
        person.orders += 1
        order_id = f"{self._orders + 10_000}"
        goods_total = sum(item.subtotal for item in items)
        order = Order(
            event_id=source_id(self._name, "order", order_id),
            occurred_at=min(moment, self._end),
            visitor_id=person.visitor_id,
            customer=person.customer,
            order_id=order_id,
            items=items,
            currency=person.currency,
            discount=f"{goods_total / 10:.2f}" if coupon else 0,
            coupons=[coupon] if coupon else [],
            shipping="0" if goods_total > 100 else "4.90",
            payment_method=self._random.choice(PAYMENTS),
            cart_id=f"c-{person.number}-{person.orders - 1}",
            context=self._context(person, "/thank-you"),
        )
        yield order
        yield from self._afterwards(person, order, cart)

    def _afterwards(self, person: Person, order: Order, cart: list[tuple[Goods, int]]) -> Iterator[Event]:
        at = order.occurred_at
        for hours, status, share in ((0.2, "paid", 0.97), (26, "shipped", 0.97), (75, "delivered", 0.97)):
            if status == "shipped" and self._chance(0.04):
                yield from self._update(order, at + timedelta(hours=8), "cancelled", "customer called", "call_center")
                return
            if self._chance(1 - share) and status != "paid":
                return
            yield from self._update(order, at + timedelta(hours=hours * (0.8 + 0.4 * self._random.random())), status)
        for goods, quantity in cart:
            if self._chance(goods.returns):
                back = at + timedelta(days=self._random.randint(5, 20))
                if back < self._end:
                    yield self._refund(order, goods, self._random.randint(1, quantity), back, person)

    def _update(
        self, order: Order, moment: datetime, status: str, reason: str | None = None, place: str = "web"
    ) -> Iterator[Event]:
        if moment < self._end:  # what has not happened yet is not reported
            yield self._make(
                OrderUpdate,
                moment,
                order_id=order.order_id,
                action_id=f"{order.order_id}-{status}",
                status=status,
                reason=reason,
                place=place,
            )

    def _refund(self, order: Order, goods: Goods, quantity: int, moment: datetime, person: Person) -> Event:
        line = next(item for item in order.items if item.product_id == goods.product_id)
        share = 1 - order.discount / order.subtotal if order.subtotal else 1
        amount = f"{line.price * quantity * share:.2f}"
        return self._make(
            Refund,
            moment,
            customer=person.customer,
            refund_id=f"r-{order.order_id}-{goods.product_id}",
            order_id=order.order_id,
            currency=order.currency,
            items=[
                RefundItem(
                    product_id=goods.product_id, quantity=quantity, amount=amount, reason=self._random.choice(REASONS)
                )
            ],
            place=self._random.choice(("web", "pickup_point")),
        )

    def _phone_order(self, moment: datetime) -> Iterator[Event]:
        known = [person for person in self._people if person.customer]
        if not known:
            return
        person = self._random.choice(known)
        goods = self._pick(GOODS, [one.appeal for one in GOODS])
        self._orders += 1
        order = self._make(
            Order,
            moment,
            customer=person.customer,
            order_id=f"{self._orders + 10_000}",
            items=[goods.item(person.rate, 1)],
            currency=person.currency,
            status="paid",
            payment_method="invoice",
            context=Context(source="offline", country=person.country),
        )
        assert isinstance(order, Order)
        yield order
        yield from self._update(order, moment + timedelta(hours=30), "shipped", place="call_center")
