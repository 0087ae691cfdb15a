"""Columns and conditions of the questions to the SQLite log."""

from __future__ import annotations

from typing import Any

from ecomtrack_sdk.store._base import Filter

__all__ = ["LOG_COLUMNS", "REJECTED_COLUMNS", "condition_of", "json_at"]

LOG_COLUMNS = "seq, event_id, type, occurred_at, received_at, raw, key_kind, warnings"
REJECTED_COLUMNS = "seq, event_id, received_at, raw, key_kind, errors, times"


def json_at(path: str) -> str:
    """SQL: the value at *path* of the event, NULL where the bytes are no JSON."""
    return f"CASE WHEN json_valid(CAST(raw AS TEXT)) THEN json_extract(CAST(raw AS TEXT), '{path}') END"


def condition_of(where: Filter, type_column: str) -> tuple[str, list[Any]]:
    """The WHERE of a filter and the values bound in it."""
    parts: list[str] = ["1"]
    values: list[Any] = []

    def add(sql: str, *bound: Any) -> None:
        parts.append(sql)
        values.extend(bound)

    if where.before_seq is not None:
        add("seq < ?", where.before_seq)
    if where.event_id is not None:
        add("event_id = ?", where.event_id.lower())
    if where.event_type is not None:
        kind, _, name = where.event_type.partition(":")
        add(f"{type_column} = ?", kind)
        if name:
            add(f"{json_at('$.name')} = ?", name)
    if where.visitor_id is not None:
        add(f"{json_at('$.visitor_id')} = ?", where.visitor_id)
    if where.order_id is not None:
        add(f"{json_at('$.order_id')} = ?", where.order_id)
    if where.customer is not None:
        customer_id, email = json_at("$.customer.id"), json_at("$.customer.email")
        add(f"({customer_id} = ? OR lower({email}) = lower(?))", where.customer, where.customer)
    return " AND ".join(parts), values
