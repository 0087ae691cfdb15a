"""``/v1/inspect``: what arrived and what became of it, in the form users of Snowplow Micro know."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ecomtrack_sdk.errors import CollectorError
from ecomtrack_sdk.store import Counts, EventStore, Filter, LogRow, RejectedRow

__all__ = ["bad", "bad_row", "counts_of", "event", "good", "good_row"]

DEFAULT_LIMIT = 1_000
MAX_LIMIT = 10_000
"""Events in one answer; ``before`` asks for the next page."""


def counts_of(counts: Counts) -> dict[str, int]:
    """The answer of ``/all``."""
    return {"total": counts.good + counts.bad, "good": counts.good, "bad": counts.bad}


def good(store: EventStore, query: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The answer of ``/good``: accepted events, newest first.

    Raises:
        CollectorError: 400 a filter that is not known or not usable.
    """
    limit, where = _filter(query)
    return [good_row(row) for row in store.recent(limit, where)]


def bad(store: EventStore, query: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The answer of ``/bad``: refused events with their errors, newest first.

    Raises:
        CollectorError: 400 a filter that is not known or not usable.
    """
    limit, where = _filter(query)
    return [bad_row(row) for row in store.recent_rejected(limit, where)]


def event(store: EventStore, event_id: str) -> dict[str, Any]:
    """The answer of ``/events/<event_id>``: one event with its own verdict.

    Raises:
        CollectorError: 404 never seen (or seen without a readable id).
    """
    accepted = store.find(event_id)
    if accepted is not None:
        return good_row(accepted)
    refused = store.recent_rejected(1, Filter(event_id=event_id))
    if refused:
        return bad_row(refused[0])
    raise CollectorError(404, "unknown-event", "no event of that id has arrived")


def good_row(row: LogRow) -> dict[str, Any]:
    """An accepted event with its verdict."""
    return {
        "seq": row.seq,
        "event_id": row.event_id,
        "event_type": row.type,
        "verdict": "accepted",
        "key": row.key_kind,
        "occurred_at": _iso(row.occurred_at),
        "received_at": _iso(row.received_at),
        "event": _readable(row.raw),
        "warnings": json.loads(row.warnings) if row.warnings else [],
        "errors": [],
    }


def bad_row(row: RejectedRow) -> dict[str, Any]:
    """A refused event with its verdict."""
    content = _readable(row.raw)
    event_type = content.get("type") if isinstance(content, dict) else None
    return {
        "seq": row.seq,
        "event_id": row.event_id,
        "event_type": event_type if isinstance(event_type, str) else None,
        "verdict": "rejected",
        "key": row.key_kind,
        "received_at": _iso(row.received_at),
        "event": content,
        "warnings": [],
        "errors": json.loads(row.errors),
        "times": row.times,
    }


def _readable(raw: bytes) -> Any:
    """The event as JSON; what is not JSON as text, with the bytes that are no UTF-8 replaced."""
    try:
        # Numbers stay text-safe: a browser's JSON.parse would fail on NaN and infinity.
        return json.loads(raw, parse_constant=str)
    except (ValueError, RecursionError):
        return raw.decode("utf-8", "replace")


def _iso(stamp: int) -> str:
    seconds, micros = divmod(stamp, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros).isoformat()


_FILTERS = ("event_type", "event_id", "visitor_id", "order_id", "customer", "limit", "before")


def _filter(query: Mapping[str, Any]) -> tuple[int, Filter]:
    for name in query:
        if name not in _FILTERS:
            raise CollectorError(400, "bad-parameter", f"{name[:60]}: not a filter; there are {', '.join(_FILTERS)}")
    texts: dict[str, str | None] = {}
    for name in _FILTERS[:5]:
        value = query.get(name)
        if value is not None and not isinstance(value, str):
            raise CollectorError(400, "bad-parameter", f"{name}: must be a text")
        texts[name] = value
    limit = _number(query, "limit", MAX_LIMIT) or DEFAULT_LIMIT
    before = _number(query, "before", 2**63 - 1)
    return limit, Filter(**texts, before_seq=before)


def _number(query: Mapping[str, Any], name: str, highest: int) -> int | None:
    value = query.get(name)
    if value is None:
        return None
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= highest):
        raise CollectorError(400, "bad-parameter", f"{name}: must be a number from 1 to {highest}")
    return int(text)
