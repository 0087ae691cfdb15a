"""What a warehouse is: the flat tables and models over a log, brought up to date by watermark, disposable at any time.

The log remembers, the projection answers. Deleting a projection loses nothing; one written by another version is
built anew. Engines differ in how they load a file and run a statement: :class:`Warehouse` holds everything else.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self

from pydantic_core import to_json

from ecomtrack_sdk.store._base import LogRow
from ecomtrack_sdk.store._dialect import Dialect, Settings, Value
from ecomtrack_sdk.store._rows import flatten
from ecomtrack_sdk.store._tables import SCHEMA_VERSION, TABLES

__all__ = ["LOAD_ROWS", "Answer", "Log", "Model", "Progress", "Warehouse"]

LOAD_ROWS = 100_000
"""Events loaded in one transaction: large groups are what a column store is fast at; smaller ones bound the memory."""
READ_ROWS = 5_000
"""Events read from the log at once while a group is made."""

Progress = Callable[[int, int], None]
"""Told the events loaded so far and the events to load in all."""


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


@dataclass(frozen=True)
class Model:
    """A table built from flat tables and other models by one SELECT, when a report first needs it.

    Attributes:
        name: The table; reports name it in their SQL.
        doc: First line is the grain ("One row per …"), then columns and caveats.
        sql: One SELECT in the portable subset, with macros; no ``$params``, for a model serves every report.
        needs: The models it reads.
        repeat: One SELECT that reads the table and makes its next state; repeated until ``measure`` stands still.
        measure: One SELECT that answers one value; what ``repeat`` changes must change it.
        reads: The flat tables whose new rows change it; any event does when not told. Lines of orders come with
            ``order_actions``, so the models of orders need not be built again because somebody looked at a page.
    """

    name: str
    doc: str
    sql: str
    needs: tuple[Model, ...] = ()
    repeat: str | None = None
    measure: str = ""
    reads: tuple[str, ...] | None = None

    def with_needs(self) -> list[Model]:
        """Itself after everything it needs, each once, in the order of building."""
        found: dict[str, Model] = {}

        def visit(model: Model) -> None:
            for need in model.needs:
                visit(need)
            found.setdefault(model.name, model)

        visit(self)
        return list(found.values())


class Answer(NamedTuple):
    """Rows of a query and the names of their columns."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


class Warehouse:
    """The flat tables and models of one log on one engine. Safe to call from several threads, one query at a time.

    Args:
        log: Where the events come from.
        progress: Told how far a load is.
    """

    dialect: Dialect

    def __init__(self, log: Log, *, progress: Progress | None = None) -> None:
        self._log = log
        self._progress = progress
        self._lock = threading.RLock()
        self._built: dict[str, str] = {}
        self._watermark = 0
        self._changed: dict[str, int] = {}

    # What an engine adds ------------------------------------------------------------------------------------------

    def _execute(self, sql: str, params: Mapping[str, Value] | None = None) -> Answer:
        raise NotImplementedError

    def _state(self) -> tuple[str, str, int]:
        """Version, generation of the log and watermark as written; empty text and 0 for a new projection."""
        raise NotImplementedError

    def _start_anew(self, version: str, generation: str) -> None:
        """Drop every table and model, then make the flat tables."""
        raise NotImplementedError

    def _load(self, tables: Mapping[str, bytes], watermark: int) -> None:
        """Add NDJSON rows to their tables and move the watermark and that of each table, all or nothing."""
        raise NotImplementedError

    def _table_watermarks(self) -> dict[str, int]:
        """Flat table → watermark of the last load that brought it rows, as written."""
        raise NotImplementedError

    def _build(self, model: Model, sql: str) -> None:
        """Make the table of a model, replacing an older one."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the engine and its files."""
        raise NotImplementedError

    # What all share -----------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def refresh(self) -> int:
        """Bring the flat tables up to date with the log.

        Returns:
            Events loaded.
        """
        with self._lock:
            version, generation, watermark = self._state()
            current, log_generation, high = _version(), self._log.generation(), self._log.high_watermark()
            if version != current or generation != log_generation or watermark > high:
                self._start_anew(current, log_generation)
                self._built.clear()
                watermark = 0
            if watermark != self._watermark or not watermark:
                self._changed = self._table_watermarks()
            self._watermark = watermark
            loaded = 0
            while watermark < high:
                group = _Group()
                while group.events < LOAD_ROWS:
                    rows = self._log.read(watermark, READ_ROWS)
                    if not rows:
                        # Erased events leave no row; what is read next time starts behind them.
                        watermark = max(watermark, high)
                        break
                    group.add(rows)
                    watermark = rows[-1].seq
                tables = group.tables()
                self._load(tables, watermark)
                self._watermark = watermark
                self._changed.update(dict.fromkeys(tables, watermark))
                loaded += group.events
                if self._progress is not None and group.events:
                    self._progress(watermark, max(high, watermark))
            return loaded

    def rebuild(self) -> int:
        """Throw the projection away and load it anew; returns the events loaded."""
        with self._lock:
            self._start_anew("", "")
            return self.refresh()

    def ensure(self, models: Iterable[Model]) -> None:
        """Build those of *models*, and of what they need, that are missing or older than the events."""
        with self._lock:
            for model in [part for asked in models for part in asked.with_needs()]:
                mark = self._mark(model)
                if self._built.get(model.name) == mark:
                    continue
                sql, _ = self.dialect.render(model.sql, {})
                self._build(model, sql)
                if model.repeat is not None:
                    self._settle(model, model.repeat)
                self._built[model.name] = mark
                self._remember(model.name, mark)

    def _settle(self, model: Model, repeat: str) -> None:
        """Replace the table by its next state until nothing changes."""
        following = Model(f"{model.name}_next", "", self.dialect.render(repeat, {})[0])
        before = self._execute(model.measure).rows
        while True:
            self._build(following, following.sql)
            self._build(model, f"select * from {following.name}")  # noqa: S608  # names of our own
            after = self._execute(model.measure).rows
            if after == before:
                return
            before = after

    def _mark(self, model: Model) -> str:
        """What a table built now would be made of: the text of the model and of its needs, the rows they read."""
        parts = []
        for part in model.with_needs():
            read = self._watermark if part.reads is None else [self._changed.get(table, 0) for table in part.reads]
            parts.append(f"{part.sql}\x1f{part.repeat}\x1f{read}")
        return hashlib.sha256("\x1e".join(parts).encode()).hexdigest()[:32]

    def _remember(self, name: str, mark: str) -> None:
        """Note that a model is built, where the projection outlives the process."""

    def query(self, sql: str, params: Mapping[str, Value] | None = None, settings: Settings | None = None) -> Answer:
        """Run one portable SELECT with ``$params`` and macros; see ``store/_dialect.py``."""
        text, used = self.dialect.render(sql, params or {}, settings)
        with self._lock:
            return self._execute(text, used)

    def time_range(self) -> tuple[int, int] | None:
        """Microseconds of the first and the last event, or ``None`` when there is none."""
        low, high = self.query("select min(t), max(t) from events").rows[0]
        return None if low is None else (low, high)


class _Group:
    """Rows of one load, as NDJSON by table."""

    def __init__(self) -> None:
        self.events = 0
        self._lines: dict[str, list[bytes]] = {name: [] for name in TABLES}

    def add(self, rows: Sequence[LogRow]) -> None:
        lines = self._lines
        for row in rows:
            flat = flatten(row.seq, row.event_id, row.type, row.occurred_at, row.received_at, row.raw, row.key_kind)
            for table, values in flat:
                lines[table].append(to_json(values))
        self.events += len(rows)

    def tables(self) -> dict[str, bytes]:
        return {name: b"\n".join(lines) + b"\n" for name, lines in self._lines.items() if lines}


def _version() -> str:
    """Of the package and of the tables: another one means to build anew."""
    from ecomtrack_sdk import __version__

    return f"{__version__}/{SCHEMA_VERSION}"
