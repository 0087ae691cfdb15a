"""Flat rows on their way into an engine: a group of events as text, one text a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from pydantic_core import to_json

from ecomtrack_sdk.store._base import LogRow
from ecomtrack_sdk.store._rows import Row, flatten
from ecomtrack_sdk.store._tables import TABLES

__all__ = ["CsvTexts", "Group", "JsonTexts", "Log", "Texts", "groups"]


class Log(Protocol):
    """The side of an event store that a projection reads."""

    def read(self, after_seq: int, limit: int) -> list[LogRow]:
        """Up to *limit* events above *after_seq*, oldest first."""
        ...

    def high_watermark(self) -> int:
        """The highest ``seq``, 0 when empty."""
        ...

    def generation(self) -> str:
        """Changes whenever rows already read have changed or gone."""
        ...


class Texts(Protocol):
    """Rows of one group, written as they come."""

    def add(self, table: str, row: Row) -> None:
        """Write one sparse row."""
        ...

    def take(self) -> dict[str, bytes]:
        """The text of each table that has rows."""
        ...


class JsonTexts:
    """One JSON object a line; what is NULL is left out."""

    def __init__(self) -> None:
        self._lines: dict[str, list[bytes]] = {name: [] for name in TABLES}

    def add(self, table: str, row: Row) -> None:
        """Write one sparse row."""
        self._lines[table].append(to_json(row))

    def take(self) -> dict[str, bytes]:
        """The text of each table that has rows."""
        return {name: b"\n".join(lines) + b"\n" for name, lines in self._lines.items() if lines}


class CsvTexts:
    """CSV in the order of the columns; NULL is an empty field, for no column ever holds an empty text.

    DuckDB reads this in half the time of JSON. Lines end in CR LF, so that either of the two within a text is quoted.
    """

    def __init__(self) -> None:
        self._buffers = {name: io.StringIO() for name in TABLES}
        self._write: dict[str, Any] = {
            name: csv.writer(buffer, lineterminator="\r\n").writerow for name, buffer in self._buffers.items()
        }
        self._empty: dict[str, Row] = {
            name: dict.fromkeys(column.name for column in columns) for name, columns in TABLES.items()
        }

    def add(self, table: str, row: Row) -> None:
        """Write one sparse row."""
        self._write[table]({**self._empty[table], **row}.values())

    def take(self) -> dict[str, bytes]:
        """The text of each table that has rows."""
        return {name: buffer.getvalue().encode() for name, buffer in self._buffers.items() if buffer.tell()}


class Group:
    """Some events of the log in a row, flattened.

    Attributes:
        events: How many.
        watermark: The ``seq`` they reach.
        tables: Text of each table that has rows.
    """

    __slots__ = ("events", "tables", "watermark")

    def __init__(self, events: int, watermark: int, tables: dict[str, bytes]) -> None:
        self.events = events
        self.watermark = watermark
        self.tables = tables


def groups(log: Log, watermark: int, high: int, make: Callable[[], Texts], size: int, page: int) -> Iterator[Group]:  # noqa: PLR0917
    """The events above *watermark*, up to *high* or beyond, in groups of about *size*, read *page* at a time."""
    while watermark < high:
        texts, events = make(), 0
        while events < size:
            rows = log.read(watermark, page)
            if not rows:
                # Erased events leave no row; what is read next time starts behind them.
                watermark = max(watermark, high)
                break
            for row in rows:
                flat = flatten(row.seq, row.event_id, row.type, row.occurred_at, row.received_at, row.raw, row.key_kind)
                for table, values in flat:
                    texts.add(table, values)
            events += len(rows)
            watermark = rows[-1].seq
        yield Group(events, watermark, texts.take())
