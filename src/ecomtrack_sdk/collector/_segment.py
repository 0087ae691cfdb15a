"""Segment's messages → our events: whoever speaks Segment's protocol can point its client here. Pure.

A message becomes exactly one event. The e-commerce events of Segment's spec become ours; every other event, and one
that does not follow the spec, becomes a ``CustomEvent`` of the same name with its properties, so that nothing is lost.

Source: Segment *Spec: E-commerce v2*, *Spec: Track*, *Spec: Common Fields*.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import InvalidOperation
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from ecomtrack_sdk._types import source_id
from ecomtrack_sdk._wire import encode_event
from ecomtrack_sdk.collector._segment_spec import (
    TYPED,
    NotTyped,
    Properties,
    amount_of,
    currency_of,
    customer_of,
    id_of,
    text_of,
)
from ecomtrack_sdk.errors import CollectorError, EcomtrackError
from ecomtrack_sdk.events import Context, CustomEvent, Event, Identify, ViewPage

__all__ = ["CURRENCY", "convert", "messages", "to_event", "write_key"]

CURRENCY = "USD"
"""Currency of amounts that name none. Source: Segment *Spec: Track*, "assume the revenue to be in US dollars"."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_SHORT = {"t": "track", "p": "page", "i": "identify", "s": "screen", "g": "group", "a": "alias"}


def write_key(authorization: str, body: bytes) -> str | None:
    """The key of a request: user of the Basic authorization, else ``writeKey`` of the body."""
    scheme, _, packed = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            user = base64.b64decode(packed.strip(), validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return None
        if user:
            return user
    try:
        found = from_json(body)
    except ValueError:
        return None
    key = found.get("writeKey") if isinstance(found, dict) else None
    return key if isinstance(key, str) and key else None


def messages(path: str, body: bytes) -> list[Any]:
    """The messages of a request.

    Args:
        path: ``/v1/batch``, or ``/v1/<call>`` with the call's name or first letter.
        body: Decompressed.

    Raises:
        CollectorError: 400 for a body that is not JSON of that shape.
    """
    try:
        found = from_json(body)
    except ValueError:
        raise CollectorError(400, "unreadable", "the body is not JSON") from None
    if not isinstance(found, dict):
        raise CollectorError(400, "unreadable", "the body is not a JSON object")
    call = path.rstrip("/").rpartition("/")[2]
    if call in ("batch", "import"):
        batch = found.get("batch")
        if not isinstance(batch, list):
            raise CollectorError(400, "unreadable", 'the body must be an object {"batch": [...]}')
        shared = found.get("context")
        return [{"context": shared, **one} if isinstance(one, dict) and shared else one for one in batch]
    return [{**found, "type": found.get("type") or _SHORT.get(call, call)}]


def convert(path: str, body: bytes, received_at: datetime, currency: str = CURRENCY) -> list[bytes]:
    """The wire events of a request, one for each message, in their order.

    A message that cannot even be a custom event is passed on as it is: the collector refuses it and keeps it with the
    reason.

    Raises:
        CollectorError: 400 for a body that is not JSON of the right shape.
    """
    lines = []
    for message in messages(path, body):
        try:
            lines.append(encode_event(to_event(message, received_at, currency)))
        except (ValidationError, EcomtrackError, TypeError, AttributeError):
            lines.append(to_json(message))
    return lines


def to_event(message: Mapping[str, Any], received_at: datetime, currency: str = CURRENCY) -> Event:
    """The event of one message.

    Raises:
        ValidationError: It cannot even be a custom event, for example because its properties are too deep.
    """
    call = message.get("type")
    properties = message.get("properties") or {}
    name = str(message.get("event") or call or "")
    envelope = _envelope(message, received_at)
    try:
        if call == "identify":
            return _identify(message, envelope)
        if call == "alias":
            return Identify(**{**envelope, "visitor_id": id_of(message.get("previousId")), "method": "alias"})
        if call in ("page", "screen"):
            title = message.get("name") or properties.get("title") or properties.get("name")
            category = message.get("category") or properties.get("category")
            return ViewPage(
                **envelope, title=text_of(title), page_type=id_of(category or (call if call == "screen" else None))
            )
        if call == "track" and name in TYPED:
            return TYPED[name](properties, envelope, currency)
    except (NotTyped, ValidationError, TypeError, AttributeError, InvalidOperation):
        pass
    free = properties or message.get("traits") or {}
    value = properties.get("revenue", properties.get("value"))
    amount = amount_of(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    money = currency_of(properties, currency) if amount is not None else None
    return CustomEvent(**envelope, name=name, properties=free or None, value=amount, currency=money)


# --- envelope --------------------------------------------------------------------------------------------------------


def _envelope(message: Mapping[str, Any], received_at: datetime) -> dict[str, Any]:
    message_id = message.get("messageId")
    envelope: dict[str, Any] = {
        "occurred_at": _time(message.get("timestamp") or message.get("originalTimestamp"), received_at),
        "visitor_id": id_of(message.get("anonymousId")),
        "context": _context(message.get("context") or {}, message.get("properties") or {}, message.get("type")),
    }
    if message_id:
        known = str(message_id)
        envelope["event_id"] = known if _UUID.fullmatch(known) else source_id("segment", known)
    traits = (message.get("context") or {}).get("traits") or {}
    customer = customer_of(message.get("userId"), {"email": traits.get("email")})
    if customer is not None:
        envelope["customer"] = customer
    return envelope


def _time(value: Any, received_at: datetime) -> datetime:
    if isinstance(value, str):
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError:
            return received_at
        return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)
    return received_at


def _context(context: Mapping[str, Any], properties: Properties, call: Any) -> Context:
    page = context.get("page") or {}
    campaign = context.get("campaign") or {}
    own = properties if call == "page" else {}
    library = str((context.get("library") or {}).get("name") or "")
    source = "app" if re.search("android|ios|flutter|react-native", library) else "server"
    if "analytics.js" in library or page:
        source = "web"
    return Context(
        url=text_of(own.get("url") or page.get("url"), 8192),
        referrer=text_of(own.get("referrer") or page.get("referrer"), 8192),
        title=text_of(own.get("title") or page.get("title")),
        utm_source=text_of(campaign.get("source")),
        utm_medium=text_of(campaign.get("medium")),
        utm_campaign=text_of(campaign.get("name")),
        utm_term=text_of(campaign.get("term")),
        utm_content=text_of(campaign.get("content")),
        user_agent=text_of(context.get("userAgent")),
        ip=id_of(context.get("ip")),
        locale=id_of(context.get("locale")),
        source=source,  # type: ignore[arg-type]  # one of the three words above
    )


def _identify(message: Mapping[str, Any], envelope: dict[str, Any]) -> Identify:
    # RudderStack's clients write the traits into the context.
    traits = message.get("traits") or (message.get("context") or {}).get("traits") or {}
    customer = customer_of(message.get("userId"), traits)
    if customer is None:
        raise NotTyped("traits of nobody")
    return Identify(**{**envelope, "customer": customer})
