"""A believable shop's traffic, the same for the same seed: visits, carts, orders, newsletters.

The figures are those of the trade: four sessions in a hundred buy, most carts are left, a sixth of shoes and
clothes comes back, one order in twenty-five is cancelled, and who has bought comes back more often.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from ecomtrack_sdk import (
    AddToCart,
    Context,
    CustomEvent,
    EmailClicked,
    EmailDelivered,
    EmailOpened,
    EmailSent,
    EmailUnsubscribed,
    Event,
    Identify,
    Login,
    RemoveFromCart,
    Search,
    StartCheckout,
    ViewArticle,
    ViewCart,
    ViewCategory,
    ViewPage,
    ViewProduct,
)
from ecomtrack_sdk.cli._catalog import ARTICLES, CAMPAIGNS, GOODS, SEARCHES, WAYS, Goods, Way
from ecomtrack_sdk.cli._maker import SITE, Person
from ecomtrack_sdk.cli._orderdesk import OrderDesk

__all__ = ["Shop"]

NEWSLETTER = Way(0, None, "utm_source=newsletter&utm_medium=email&utm_campaign={}", 2.0)


class Shop(OrderDesk):
    """Makes the events of *days* days that end at *end*.

    Args:
        end: Last moment; aware.
        days: How many days.
        visits: Mean sessions of a day.
        seed: The same seed and end give the same events, ids included.
    """

    def __init__(self, end: datetime, *, days: int = 150, visits: int = 60, seed: int = 1) -> None:
        super().__init__(end, seed)
        self._days = days
        self._visits = visits

    def events(self) -> Iterator[Event]:
        """All events, by the day; within a day in no strict order, as in life."""
        for day in range(self._days):
            start = self._end - timedelta(days=self._days - day)
            # More at weekends, and a shop that grows.
            busy = (1.25 if start.weekday() >= 5 else 1.0) * (0.7 + 0.6 * day / self._days)
            for _ in range(max(1, round(self._random.gauss(self._visits * busy, 4)))):
                moment = start + timedelta(hours=self._hour(), minutes=self._random.random() * 60)
                yield from self._visit(self._person(), self._pick(WAYS, [way.weight for way in WAYS]), moment)
            if day % 14 == 9:
                yield from self._newsletter(start + timedelta(hours=8), CAMPAIGNS[day // 14 % len(CAMPAIGNS)])
            if day % 5 == 0:
                yield from self._phone_order(start + timedelta(hours=10))
        yield self._make(
            ViewPage,
            self._end - timedelta(days=1),
            visitor_id="v-bot",
            context=Context(url=f"{SITE}/", user_agent="Mozilla/5.0 (compatible; Googlebot/2.1)", source="web"),
        )

    def _visit(self, person: Person, way: Way, moment: datetime) -> Iterator[Event]:
        who: dict[str, Any] = {"visitor_id": person.visitor_id}
        yield self._make(
            ViewPage, moment, **who, title="Outdoor shop", page_type="home", context=self._context(person, "/", way)
        )
        if self._chance(0.42):
            return
        if person.customer and self._chance(0.5):
            moment += self._pause()
            yield self._make(Login, moment, **who, customer=person.customer, context=self._context(person, "/login"))
        if self._chance(0.15):
            slug, title = self._random.choice(ARTICLES)
            moment += self._pause()
            yield self._make(
                ViewArticle, moment, **who, article_id=slug, title=title, context=self._context(person, f"/blog/{slug}")
            )
        if self._chance(0.25):
            query, results = self._random.choice(SEARCHES)
            moment += self._pause()
            yield self._make(
                Search, moment, **who, query=query, results_count=results, context=self._context(person, "/search")
            )
        cart: list[tuple[Goods, int]] = []
        for _ in range(self._random.choice((1, 1, 2, 3, 4))):
            goods = self._pick(GOODS, [one.appeal for one in GOODS])
            moment += self._pause()
            yield from self._look_at(person, goods, moment)
            if self._chance(0.09 * way.buys):
                quantity = self._random.choice((1, 1, 1, 2, 3)) if goods.price < 50 else 1
                cart.append((goods, quantity))
                moment += self._pause()
                yield self._cart_event(AddToCart, person, goods, quantity, moment)
        if cart:
            yield from self._shop_on(person, cart, moment, way)

    def _look_at(self, person: Person, goods: Goods, moment: datetime) -> Iterator[Event]:
        if self._chance(0.6):
            category = goods.categories[-1]
            path = f"/c/{category.lower().replace(' ', '-')}"
            yield self._make(
                ViewCategory,
                moment,
                visitor_id=person.visitor_id,
                category_id=category.lower(),
                name=category,
                context=self._context(person, path),
            )
        yield self._make(
            ViewProduct,
            moment + timedelta(seconds=20),
            visitor_id=person.visitor_id,
            product=goods.product(person.rate),
            currency=person.currency,
            context=self._context(person, f"/p/{goods.product_id}"),
        )

    def _cart_event(self, kind: type[Event], person: Person, goods: Goods, quantity: int, moment: datetime) -> Event:
        return self._make(
            kind,
            moment,
            visitor_id=person.visitor_id,
            item=goods.item(person.rate, quantity),
            cart_id=f"c-{person.number}-{person.orders}",
            currency=person.currency,
            context=self._context(person, f"/p/{goods.product_id}"),
        )

    def _shop_on(self, person: Person, cart: list[tuple[Goods, int]], moment: datetime, way: Way) -> Iterator[Event]:
        moment += self._pause()
        items = [goods.item(person.rate, quantity) for goods, quantity in cart]
        common: dict[str, Any] = {
            "visitor_id": person.visitor_id,
            "cart_id": f"c-{person.number}-{person.orders}",
            "currency": person.currency,
        }
        yield self._make(ViewCart, moment, **common, items=items, context=self._context(person, "/cart"))
        if len(cart) > 1 and self._chance(0.2):
            goods, quantity = cart.pop()
            yield self._cart_event(RemoveFromCart, person, goods, quantity, moment + timedelta(seconds=15))
            items.pop()
        if not self._chance(0.6):
            return
        moment += self._pause()
        yield self._make(StartCheckout, moment, **common, items=items, context=self._context(person, "/checkout"))
        if not self._chance(0.6):
            return
        coupon = "TEN" if "affiliate" in way.query else None
        if coupon:
            yield self._make(
                CustomEvent,
                moment,
                visitor_id=person.visitor_id,
                name="promo_code_entered",
                properties={"code": coupon},
            )
        yield from self._order(person, cart, items, moment + self._pause(), coupon)

    def _newsletter(self, moment: datetime, campaign: str) -> Iterator[Event]:
        for person in [one for one in self._people if one.customer and one.customer.subscribed]:
            common: dict[str, Any] = {
                "customer": person.customer,
                "message_id": f"{campaign}-{moment:%Y%m%d}-{person.number}",
                "campaign": campaign,
                "variant": "ab"[person.number % 2],
            }
            yield self._make(EmailSent, moment, **common)
            yield self._make(EmailDelivered, moment + timedelta(seconds=40), **common)
            opened = moment + timedelta(minutes=self._random.randint(5, 900))
            if not self._chance(0.38 if person.number % 2 else 0.31):
                continue
            yield self._make(EmailOpened, opened, **common)
            if self._chance(0.02):
                yield self._make(EmailUnsubscribed, opened, **common)
            elif self._chance(0.22):
                clicked = opened + timedelta(seconds=25)
                yield self._make(
                    EmailClicked, clicked, **common, link=f"{SITE}/c/boots", link_position=self._random.randint(1, 4)
                )
                yield self._make(
                    Identify, clicked, visitor_id=person.visitor_id, customer=person.customer, method="email_click"
                )
                yield from self._visit(person, NEWSLETTER._replace(query=NEWSLETTER.query.format(campaign)), clicked)
