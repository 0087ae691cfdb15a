"""Orders from a CSV or JSON Lines file: any shop's export becomes events, and a second import changes nothing.

Every event id is derived from the order's id (``source_id``), so that importing a file again, or after a break, is a
no-op at the collector. Rows of one order may lie apart; an order is given out when its last row has been read, and
only open orders are held in memory.

A file that is exported again with new statuses or contents needs ``updated_at`` (a column, or one time for the whole
file): its rows then also become order updates of that time. Without it the first import of an order stands.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

from ecomtrack_sdk.errors import ConfigError
from ecomtrack_sdk.events import Order, OrderUpdate
from ecomtrack_sdk.integrations._order_events import LINE, BadOrder, Row, events_of
from ecomtrack_sdk.integrations._order_fields import FIELDS, Columns, Reading, resolve_columns

__all__ = ["FIELDS", "OrdersFile", "Problem", "Reading"]

HEADER_ROWS = 200
"""Records of a JSON Lines file that are looked at for names of columns: optional fields come and go."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An order that cannot be imported as it is.

    Attributes:
        line: First line of the order in the file, the header counted, from 1.
        order_id: Its id, where there is one.
        field: The field that is wrong.
        message: What is wrong with it.
        file: The file, where several are read.
    """

    line: int
    order_id: str | None
    field: str
    message: str
    file: str = ""


@dataclass(frozen=True)
class OrdersFile:
    """A file of orders and how to read it.

    Args:
        path: CSV (any common separator) or JSON Lines (``.jsonl``, ``.ndjson``, ``.json`` with one object a line).
        columns: Field → column, where the names do not say it themselves.
        constants: Field → value for all rows, used where the row has none (``{"currency": "EUR"}``).
        reading: Dates, amounts and statuses.
        namespace: Name of the system the orders come from; two shops with the same order numbers need two.
        encoding: Of the file.
    """

    path: Path
    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    reading: Reading = field(default_factory=Reading)
    namespace: str = "orders-file"
    encoding: str = "utf-8-sig"

    def __post_init__(self) -> None:
        """Refuse unknown fields at once."""
        for name in self.constants:
            if name not in FIELDS:
                raise ConfigError(f"{name!r} is not a field of an order; the fields are {', '.join(FIELDS)}")

    def resolved(self) -> Columns:
        """Which column gives which field.

        Raises:
            ConfigError: The mapping names what is not there, or no column and no constant gives the time of an order.
        """
        header: dict[str, None] = {}
        with self._open() as file:
            if self._json:
                for _, row in zip(range(HEADER_ROWS), self._records(file), strict=False):
                    header.update(dict.fromkeys(row[1]))
            else:
                header = dict.fromkeys(csv.DictReader(file, dialect=_dialect(file)).fieldnames or ())
        if not header:
            raise ConfigError(f"{self.path}: the file is empty")
        columns = resolve_columns(header, self.columns)
        if "occurred_at" not in columns.of and "occurred_at" not in self.constants:
            raise ConfigError(
                f"no column says when an order was placed; the columns are {', '.join(header)}: "
                "name it with --map occurred_at=COLUMN"
            )
        return columns

    def events(self, on_problem: Callable[[Problem], None]) -> Iterator[Order | OrderUpdate]:
        """The events of the file, in the order in which the orders end in it.

        Args:
            on_problem: Told of each order that is left out.
        """
        columns = self.resolved().of
        last = {order_id: number for number, order_id, _ in self._rows(columns)}
        waiting: dict[str, list[Row]] = {}
        for number, order_id, row in self._rows(columns):
            rows = waiting.setdefault(order_id, [])
            rows.append(row)
            if last[order_id] > number:
                continue
            del waiting[order_id]
            try:
                yield from events_of(order_id, rows, self.reading, self.namespace)
            except BadOrder as error:
                on_problem(Problem(error.line, order_id, error.field, str(error)))

    def count(self) -> int:
        """Orders in the file; reads it once."""
        columns = self.resolved().of
        return len({order_id for _, order_id, _ in self._rows(columns)})

    # --- rows --------------------------------------------------------------------------------------------------------

    @property
    def _json(self) -> bool:
        return self.path.suffix.lower() in (".jsonl", ".ndjson", ".json")

    @contextmanager
    def _open(self) -> Iterator[TextIO]:
        try:
            with self.path.open(encoding=self.encoding, newline="") as file:
                yield file
        except UnicodeDecodeError as error:
            raise ConfigError(
                f"{self.path} is not {self.encoding} text (byte {error.start}); try --encoding cp1252"
            ) from None
        except LookupError:
            raise ConfigError(f"unknown encoding {self.encoding!r}") from None
        except OSError as error:
            raise ConfigError(f"{self.path}: {error.strerror or error}") from None

    def _records(self, file: TextIO) -> Iterator[tuple[int, Row]]:
        if not self._json:
            reader = csv.DictReader(file, dialect=_dialect(file), restkey="")
            for cells in reader:
                yield reader.line_num, {name: cell for name, cell in cells.items() if isinstance(cell, str)}
            return
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line, parse_float=Decimal)
            except ValueError as error:
                raise ConfigError(f"{self.path}, line {number}: not JSON: {error}") from None
            if not isinstance(record, dict):
                raise ConfigError(f"{self.path}, line {number}: expected one JSON object a line")
            for row in _flat(record):
                yield number, row

    def _rows(self, columns: Mapping[str, str]) -> Iterator[tuple[int, str, Row]]:
        """Running number for "is it the last", order id, fields; the line of the file stands under ``LINE``."""
        seen: Counter[str] = Counter()
        with self._open() as file:
            for number, (line, record) in enumerate(self._records(file)):
                fields: dict[str, Any] = {LINE: line}
                for name, column in columns.items():
                    value = record.get(column)
                    if isinstance(value, str):
                        value = value.strip()
                    if value not in (None, ""):
                        fields[name] = value
                for name, constant in self.constants.items():
                    fields.setdefault(name, constant)
                order_id = str(fields["order_id"]) if "order_id" in fields else _id_of_row(record, seen)
                yield number, order_id, fields


def _dialect(file: TextIO) -> type[csv.Dialect]:
    """The separator of the header line; the file is left at its start."""
    header = file.readline()
    file.seek(0)
    counts = {mark: header.count(mark) for mark in ",;\t|"}

    class Dialect(csv.excel):
        delimiter = max(counts, key=lambda mark: counts[mark])

    return Dialect


def _flat(record: Mapping[str, Any], prefix: str = "") -> Iterator[Row]:
    """Rows of one JSON record: nested objects become dotted columns, a list of objects one row each."""
    row: dict[str, Any] = {}
    lines: list[Any] = []
    for name, value in record.items():
        if isinstance(value, Mapping):
            row.update(next(_flat(value, f"{prefix}{name}."), {}))
        elif isinstance(value, list):
            if value and all(isinstance(part, Mapping) for part in value):
                lines = lines or value
            else:
                row[f"{prefix}{name}"] = ", ".join(map(str, value))
        elif value is not None:
            row[f"{prefix}{name}"] = value
    if not lines:
        yield row
    for part in lines:
        yield {**row, **next(_flat(part))}


def _id_of_row(record: Row, seen: Counter[str]) -> str:
    """An id for a row that is an order by itself: its content, and its number among equal rows."""
    digest = hashlib.sha256(json.dumps(record, sort_keys=True, default=str).encode()).hexdigest()[:16]
    seen[digest] += 1
    return f"row-{digest}" if seen[digest] == 1 else f"row-{digest}-{seen[digest]}"
