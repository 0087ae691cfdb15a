"""Models that follow new events equal models made anew, whatever came when."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ecomtrack_sdk import source_id
from ecomtrack_sdk.reports.models import ALL
from ecomtrack_sdk.store import LogEntry, SqliteStore
from ecomtrack_sdk.store import _projection as projection_module
from ecomtrack_sdk.store._duckdb import DuckDBWarehouse
from ecomtrack_sdk.store._projection import Model

MINUTE = 60_000_000
START = 1_767_225_600_000_000


def entries(seed: int, count: int) -> list[LogEntry]:
    """A small world in which everything meets: shared devices, merged customers, late and back-dated events."""
    chance = random.Random(seed)
    made: list[LogEntry] = []
    views: list[str] = []
    for number in range(count):
        t = START + chance.randrange(0, 60 * 24 * 3, chance.choice((1, 7, 20))) * MINUTE
        event_id = source_id("updates", str(seed), str(number))
        body: dict[str, Any] = {"event_id": event_id}
        if chance.random() < 0.85:
            body["visitor_id"] = f"v{chance.randrange(5)}"
        if chance.random() < 0.25:
            body["customer"] = {"id": f"c{chance.randrange(4)}"}
            if chance.random() < 0.5:
                body["customer"]["email"] = f"m{chance.randrange(4)}@example.com"
        elif chance.random() < 0.1:
            body["customer"] = {"email": f"m{chance.randrange(4)}@example.com"}
        context: dict[str, Any] = {"url": f"https://shop.example/{chance.randrange(4)}"}
        if chance.random() < 0.2:
            context["utm_source"] = chance.choice(("news", "google"))
            context["utm_medium"] = "email"
        if chance.random() < 0.05:
            context["user_agent"] = "Googlebot/2.1 (+http://www.google.com/bot.html)"
        if chance.random() < 0.1:
            context["source"] = chance.choice(("server", "offline"))
        if chance.random() < 0.8:
            body["context"] = context
        body |= _of_type(chance, views)
        if body["type"].startswith("view_"):
            views.append(event_id)
        moment = f"2026-01-01T00:00:00.{number % 1_000_000:06d}Z"
        made.append(
            LogEntry(
                event_id,
                body["type"],
                t,
                t,
                chance.choice(("server", "site")),
                json.dumps(body | {"occurred_at": moment}).encode(),
            )
        )
    return made


def _of_type(chance: random.Random, views: list[str]) -> dict[str, Any]:
    product = {"product_id": f"p{chance.randrange(3)}", "price": f"{chance.randrange(1, 9)}.50"}
    order = {"order_id": f"o{chance.randrange(6)}"}
    draw = chance.random()
    if draw < 0.3:
        return {"type": "view_page"}
    if draw < 0.5:
        return {"type": "view_product", "product": product, "currency": "EUR"}
    if draw < 0.6:
        cart = {"cart_id": f"k{chance.randrange(3)}"} if chance.random() < 0.5 else {}
        return {"type": "add_to_cart", "item": {**product, "quantity": "2"}, "currency": "EUR", **cart}
    if draw < 0.65:
        whole = {"items": [{**product, "quantity": "1"}]} if chance.random() < 0.7 else {}
        return {"type": "start_checkout", "currency": "EUR", **whole}
    if draw < 0.75:
        cart = {"cart_id": f"k{chance.randrange(3)}"} if chance.random() < 0.4 else {}
        items = [{**product, "quantity": "3"}, {"product_id": "p9", "price": "1.00", "quantity": "1"}]
        return {"type": "order", "currency": "EUR", "items": items, **order, **cart}
    if draw < 0.82:
        return {"type": "order_update", "status": chance.choice(("shipped", "cancelled", "paid")), **order}
    if draw < 0.87:
        refund = {"refund_id": f"r{chance.randrange(4)}"} if chance.random() < 0.5 else {}
        return {
            "type": "refund",
            "currency": "EUR",
            "items": [{"product_id": "p9", "quantity": "1"}],
            **order,
            **refund,
        }
    if draw < 0.88:
        return {"type": "custom", "name": chance.choice(("ecomtrack_unlink", "ecomtrack_relink"))}
    if draw < 0.94 and views:
        seconds = {"seconds": chance.randrange(1, 90), "event_id": chance.choice(views)}
        return {"type": "custom", "name": "page_engagement", "properties": seconds}
    return {"type": "identify"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "events.db")
    yield opened
    opened.close()


def models() -> list[Model]:
    """Every model, those included that only others need."""
    return list({part.name: part for model in ALL for part in model.with_needs()}.values())


def tables(warehouse: DuckDBWarehouse) -> dict[str, list[tuple[Any, ...]]]:
    """Rows of every model, in an order of their own."""
    return {model.name: sorted(warehouse.query(f"select * from {model.name}").rows, key=repr) for model in models()}


def differences(left: dict[str, list[Any]], right: dict[str, list[Any]]) -> str:
    """The first rows of each model that only one of both has."""
    parts = []
    for name, rows in left.items():
        if rows != right[name]:
            only = (
                [row for row in rows if row not in right[name]][:2],
                [row for row in right[name] if row not in rows][:2],
            )
            parts.append(f"{name}: followed {only[0]}, anew {only[1]} ({len(rows)}/{len(right[name])} rows)")
    return "\n".join(parts)


@pytest.mark.parametrize("seed", range(5))
def test_following_equals_building_anew(
    seed: int, store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After every batch of any size, in any order of arrival, each model holds the rows a new one would hold."""
    monkeypatch.setattr(projection_module, "UPDATE_SHARE", 10**9)
    chance = random.Random(seed)
    waiting = entries(seed, 130)
    with DuckDBWarehouse(store, tmp_path) as following:
        while waiting:
            size = chance.choice((1, 4, 30, 60))
            store.append(waiting[:size])
            del waiting[:size]
            following.refresh()
            following.ensure(ALL)
            with DuckDBWarehouse(store) as anew:
                anew.refresh()
                anew.ensure(ALL)
                found = differences(tables(following), tables(anew))
                assert not found, found
