"""``/v1/matomo/<currency>/matomo.php``: a door for clients of Matomo's tracking API, single (GET, POST) or bulk.

Page views, site search, product and category views, cart updates and orders become ours; events, goals, downloads and
outlinks become custom events. Matomo keeps the currency with the site: here it is part of the address. The key is
``token_auth``, else ``idsite``; a server key only in a body.

Source: Matomo *Tracking HTTP API*.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from ecomtrack_sdk import events as ev
from ecomtrack_sdk._currencies import CURRENCIES
from ecomtrack_sdk._types import source_id, utc_now
from ecomtrack_sdk._wire import LIMITS, encode_event
from ecomtrack_sdk.collector._events_route import EventsRoute, cors_of, preflight
from ecomtrack_sdk.collector._http import PROBLEM_TYPE, Receive, Scope, Send, header, problem, read_body, respond
from ecomtrack_sdk.collector._keys import Key, KeyRing
from ecomtrack_sdk.errors import CollectorError, EcomtrackError

__all__ = ["MATOMO_PATHS", "MatomoRoute", "convert"]

MATOMO_PATHS = frozenset(f"/v1/matomo/{currency}/matomo.php" for currency in CURRENCIES)
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAAAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
"""The picture of one transparent pixel that Matomo answers with."""
TAGS = {
    "utm_source": ("utm_source", "mtm_source", "pk_source"),
    "utm_medium": ("utm_medium", "mtm_medium", "pk_medium"),
    "utm_campaign": ("utm_campaign", "mtm_campaign", "pk_campaign"),
    "utm_term": ("utm_term", "mtm_kwd", "pk_kwd"),
    "utm_content": ("utm_content", "mtm_content", "pk_content"),
}
SUMS = {"discount": "ec_dt", "shipping": "ec_sh", "tax": "ec_tx", "total": "revenue"}
Told = Mapping[str, str]


def convert(told: Told, currency: str, received_at: datetime) -> list[bytes]:
    """The wire events of one request; none for a heartbeat.

    A request that cannot be an event of ours is passed on as it is: the collector refuses and keeps it.
    """
    try:
        return [encode_event(event) for event in _events(told, currency, received_at)]
    except (ValidationError, EcomtrackError, InvalidOperation, ValueError, TypeError, OverflowError):
        return [to_json({"type": "matomo", "request": {key: told[key] for key in told if key != "token_auth"}})]


def _events(told: Told, currency: str, received_at: datetime) -> Iterator[ev.Event]:
    # A request sent again has the same random number; one without a mark is told each time.
    marked = to_json(sorted(told.items())).decode() if told.get("rand") or told.get("cdt") else ""
    envelope = _envelope(told, received_at)

    def of(part: str) -> dict[str, Any]:
        return {**envelope, "event_id": source_id("matomo", part, marked)} if marked else envelope

    goal, revenue = told.get("idgoal"), _amount(told.get("revenue"))
    if told.get("ping") == "1":
        return
    if goal == "0":
        items = [_item(line) for line in from_json(told.get("ec_items") or "[]")]
        if "ec_id" not in told:  # the whole cart after a change
            yield ev.ViewCart(**of("cart"), items=items, currency=currency)
            return
        sums = {name: _amount(told.get(key)) for name, key in SUMS.items() if told.get(key)}
        # Matomo takes an order id once; so does an event id made from it.
        order = {"event_id": source_id("matomo", told.get("idsite", ""), "order", told["ec_id"]), **sums}
        yield ev.Order(**{**envelope, **order}, order_id=told["ec_id"], items=items, currency=currency)
    elif goal:
        yield ev.CustomEvent(**of("goal"), name=f"goal {goal}", value=revenue, currency=currency)
    elif told.get("e_a") or told.get("download") or told.get("link"):
        name = told.get("e_a") or ("download" if told.get("download") else "link")
        parts: dict[str, Any] = {key: told[key] for key in ("e_c", "e_n", "e_v", "download", "link") if told.get(key)}
        yield ev.CustomEvent(**of("event"), name=name, properties=parts)
    elif "search" in told:
        count, category = told.get("search_count", ""), told.get("search_cat")
        filters: dict[str, Any] | None = {"category": category} if category else None
        found = int(count) if count.isdecimal() else None
        yield ev.Search(**of("search"), query=told["search"], results_count=found, filters=filters)
    else:
        yield ev.ViewPage(**of("page"), title=told.get("action_name") or None)
        sku, title, categories = told.get("_pks"), told.get("_pkn"), _categories(told.get("_pkc"))
        if thing := sku or title:
            known = {"sku": sku or None, "name": title or None, "price": _amount(told.get("_pkp"))}
            product = ev.Product.model_validate({**known, "product_id": thing, "categories": categories})
            yield ev.ViewProduct(**of("product"), product=product, currency=currency)
        elif categories:
            yield ev.ViewCategory(**of("category"), category_id=categories[0], name=categories[0])


def _envelope(told: Told, received_at: datetime) -> dict[str, Any]:
    query = dict(parse_qsl(urlsplit(told.get("url", "")).query))
    named = {"url": "url", "referrer": "urlref", "title": "action_name", "user_agent": "ua", "ip": "cip"}
    known: dict[str, Any] = {name: told[key] for name, key in named.items() if told.get(key)}
    known |= {name: next((query[key] for key in keys if query.get(key)), None) for name, keys in TAGS.items()}
    envelope: dict[str, Any] = {"context": ev.Context(**known, source="web"), "occurred_at": received_at}
    if told.get("cdt"):  # seconds since the epoch, or a time in UTC without a zone
        at = told["cdt"]
        read = datetime.fromtimestamp(int(at), UTC) if at.isdecimal() else datetime.fromisoformat(at)
        envelope["occurred_at"] = read.replace(tzinfo=UTC)
    envelope["visitor_id"] = told.get("_id") or told.get("cid") or None
    if user := told.get("uid"):
        envelope["customer"] = ev.Customer(email=user) if "@" in user else ev.Customer(id=user)
    return envelope


def _amount(value: Any) -> Decimal | None:
    return None if value in (None, "") else Decimal(str(value)).quantize(Decimal("0.0001")).normalize() + 0


def _categories(value: Any) -> list[str]:
    """One category, or up to five of them as a JSON array."""
    several = from_json(value) if isinstance(value, str) and value.startswith("[") else value
    return [str(one) for one in (several if isinstance(several, list) else [several]) if one]


def _item(line: list[Any]) -> ev.Item:
    """``[sku, name, categories, price, quantity]``; what is left out at the end is unknown."""
    sku, name, category, price, quantity = [*line, *[None] * 5][:5]
    named = {"sku": str(sku) if sku else None, "name": str(name) if name else None, "product_id": str(sku or name)}
    counted = {"price": _amount(price) or 0, "quantity": 1 if quantity is None else _amount(quantity)}
    return ev.Item.model_validate({**named, **counted, "categories": _categories(category)})


class MatomoRoute:
    """Takes Matomo's requests, makes events of them and hands them to the route of events."""

    def __init__(self, events: EventsRoute, keys: KeyRing) -> None:
        self._events = events
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the picture, nothing where ``send_image=0`` asks for that, or the counts of a bulk."""
        cors = cors_of(scope)
        try:
            if scope["method"] == "OPTIONS":
                await preflight(send, cors)
                return
            status, body, kind = await self._take(scope, receive)
        except CollectorError as error:
            status, body, headers = problem(error)
            kind, cors = PROBLEM_TYPE, [*headers, *cors]
        await respond(send, status, body, kind, cors)

    async def _take(self, scope: Scope, receive: Receive) -> tuple[int, bytes, str]:
        address = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        with self._events.room(scope):
            body = await read_body(scope, receive, LIMITS.body_bytes) if scope["method"] == "POST" else b""
            bulk = body.lstrip().startswith(b"{")
            posted, requests = _bulk(body) if bulk else (dict(parse_qsl(body.decode("utf-8", "replace"))), [])
            if not bulk:
                requests = [{"ua": header(scope, b"user-agent"), **address, **posted}]
            key = self._key(scope, posted.get("token_auth"), address.get("token_auth"), requests[0].get("idsite"))
            # Only a shop's server may say for another address, and of another time.
            kept = [{k: one[k] for k in one if key.kind != "site" or k not in ("cip", "cdt")} for one in requests]
            lines = [line for one in kept for line in convert(one, scope["path"].split("/")[3], utc_now())]
        verdict = await self._events.take_lines(lines, key) if lines else None
        if bulk:
            invalid = len(verdict.rejected) if verdict else 0
            told = {"status": "success", "tracked": len(requests) - invalid, "invalid": invalid}
            return 200, to_json(told), "application/json"
        return (204, b"", "image/gif") if requests[0].get("send_image") == "0" else (200, GIF, "image/gif")

    def _key(self, scope: Scope, posted: str | None, *public: str | None) -> Key:
        key = self._keys.find(posted) if posted else None
        if key is None:
            key = next((found for text in public if text and (found := self._keys.find(text))), None)
            if key is None:
                raise CollectorError(401, "no-key", "send a key as token_auth, or a site key as idsite")
            if key.kind != "site":
                raise CollectorError(403, "key-in-address", "only a site key may stand in the address or as idsite")
        self._events.admit(key, scope)
        return key


def _bulk(body: bytes) -> tuple[dict[str, str], list[dict[str, str]]]:
    """What is said for all requests of a bulk, and each request."""
    try:
        found = from_json(body)
        asked = [one if isinstance(one, dict) else dict(parse_qsl(one.partition("?")[2])) for one in found["requests"]]
        requests = [{str(name): str(value) for name, value in one.items()} for one in asked]
        token = found.get("token_auth") or requests[0].get("token_auth")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise CollectorError(400, "unreadable", 'a bulk is {"requests": ["?…", …], "token_auth": "…"}') from None
    return {"token_auth": str(token)} if token else {}, requests
