"""What the demo's visits and orders are made with: chance, people, pages. The same seed gives the same events."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from ecomtrack_sdk import Context, Customer, Event, source_id
from ecomtrack_sdk.cli._catalog import COUNTRIES, FIRST_NAMES, LAST_NAMES, Way

__all__ = ["SITE", "Maker", "Person"]

Device = Literal["desktop", "mobile"]

SITE = "https://shop.example"
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0"
AGENTS: tuple[tuple[Device, str], ...] = (
    (
        "mobile",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1",
    ),
    ("mobile", f"Mozilla/5.0 (Linux; Android 15) {_WEBKIT} Mobile Safari/537.36"),
    ("desktop", f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Safari/537.36"),
    ("desktop", "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"),
)


@dataclass
class Person:
    """A visitor, and the customer they may become."""

    number: int
    country: str
    currency: str
    rate: float
    device: tuple[Device, str]
    customer: Customer | None = None
    orders: int = 0
    visitor_id: str = field(init=False)

    def __post_init__(self) -> None:
        """The cookie follows from the number."""
        self.visitor_id = f"v-{self.number:06d}"


class Maker:
    """Chance, people and events.

    Args:
        end: Last moment; aware. Nothing happens after it.
        seed: The same seed and end give the same events, ids included.
    """

    def __init__(self, end: datetime, seed: int) -> None:
        self._end = end
        self._random = random.Random(seed)
        self._name = f"demo-{seed}-{end.isoformat()}"
        self._count = 0
        self._people: list[Person] = []

    def _make(self, kind: type[Event], moment: datetime, **values: Any) -> Event:
        self._count += 1
        event_id = source_id(self._name, str(self._count))
        return kind(event_id=event_id, occurred_at=min(moment, self._end), **values)

    def _pick(self, choices: Any, weights: Any) -> Any:
        return self._random.choices(choices, weights)[0]

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _hour(self) -> float:
        return min(23.5, max(6.0, self._random.gauss(16, 4.5)))

    def _person(self) -> Person:
        known = [person for person in self._people[-400:] if person.customer]
        if known and self._chance(0.22):
            return self._random.choice(known)
        if self._people and self._chance(0.18):
            return self._random.choice(self._people[-300:])
        country, currency, rate, _ = self._pick(COUNTRIES, [weight for *_, weight in COUNTRIES])
        person = Person(len(self._people) + 1, country, currency, rate, self._random.choice(AGENTS))
        self._people.append(person)
        return person

    def _context(self, person: Person, path: str, way: Way | None = None) -> Context:
        query = f"?{way.query}" if way and way.query else ""
        values = dict(pair.split("=") for pair in way.query.split("&")) if way and way.query else {}
        utm = {name: value for name, value in values.items() if name.startswith("utm_")}
        click = {"click_id": values["gclid"], "click_id_type": "gclid"} if "gclid" in values else {}
        return Context(
            url=f"{SITE}{path}{query}",
            referrer=way.referrer if way else f"{SITE}/",
            country=person.country,
            device=person.device[0],
            user_agent=person.device[1],
            source="web",
            **utm,
            **click,
        )

    def _customer(self, person: Person) -> Customer:
        first, last = self._random.choice(FIRST_NAMES), self._random.choice(LAST_NAMES)
        email = f"{first}.{last}.{person.number}@mail.example".lower()
        return Customer(
            id=f"k-{person.number}", email=email, first_name=first, last_name=last, subscribed=self._chance(0.6)
        )

    def _pause(self) -> timedelta:
        return timedelta(seconds=self._random.randint(8, 140))
