"""What a warehouse is: the flat tables and models over a log, brought up to date by watermark, disposable at any time.

The log remembers, the projection answers. Deleting a projection loses nothing; one written by another version is
built anew. Engines differ in how they load a file and run a statement: :class:`Warehouse` holds everything else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

from ecomtrack_sdk.store._dialect import Dialect, Settings, Value
from ecomtrack_sdk.store._loading import Group, JsonTexts, Log, Texts, groups
from ecomtrack_sdk.store._model import FOLLOWING, Model, Update
from ecomtrack_sdk.store._tables import SCHEMA_VERSION
from ecomtrack_sdk.store._update import Updater

__all__ = ["LOAD_ROWS", "Answer", "Log", "Model", "Progress", "Update", "Warehouse"]

LOAD_ROWS = 100_000
"""Events loaded in one transaction: large groups are what a column store is fast at; smaller ones bound the memory."""
READ_ROWS = 5_000
"""Events read from the log at once while a group is made."""
UPDATE_SHARE = 0.15
"""New events, as a share of all, above which models are made anew: touching most rows one by one costs more."""

Progress = Callable[[int, int], None]
"""Told the events loaded so far and the events to load in all."""


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
    texts: Callable[[], Texts] = JsonTexts
    """How rows are written for the engine."""
    follows = False
    """Whether models follow new events; where not, they are made anew."""

    def __init__(self, log: Log, *, progress: Progress | None = None) -> None:
        self._log = log
        self._progress = progress
        self._lock = threading.RLock()
        self._built: dict[str, str] = {}
        self._watermark = 0
        self._changed: dict[str, int] = {}
        self._span: tuple[int, tuple[int, int] | None] | None = None

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

    def _drop(self, name: str) -> None:
        """Drop a table made on the way to a model."""
        self._execute(f"drop table {name}")

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
                self._span = None
                watermark = 0
            if watermark != self._watermark or not watermark:
                self._changed = self._table_watermarks()
            self._watermark = watermark
            loaded = 0
            with self._loader() as load:
                for group in groups(self._log, watermark, high, self.texts, LOAD_ROWS, READ_ROWS):
                    load(group)
                    loaded += group.events
                    if self._progress is not None and group.events:
                        self._progress(group.watermark, max(high, group.watermark))
            return loaded

    @contextmanager
    def _loader(self) -> Iterator[Callable[[Group], None]]:
        """Loads a group while the next one is made: the engine lets go of Python's lock."""
        with ThreadPoolExecutor(1, "ecomtrack-load") as pool:
            waiting: list[Any] = []

            def load(group: Group) -> None:
                if waiting:
                    waiting.pop().result()
                waiting.append(pool.submit(self._take, group))

            try:
                yield load
            finally:
                if waiting:
                    waiting.pop().result()

    def _take(self, group: Group) -> None:
        self._load(group.tables, group.watermark)
        self._watermark = group.watermark
        self._changed.update(dict.fromkeys(group.tables, group.watermark))

    def rebuild(self) -> int:
        """Throw the projection away and load it anew; returns the events loaded."""
        with self._lock:
            self._start_anew("", "")
            return self.refresh()

    def ensure(self, models: Iterable[Model]) -> None:
        """Build those of *models*, and of what they need, that are missing or older than the events."""
        with self._lock:
            asked = _with_needs(models)
            if self.follows:
                self._follow(_with_needs([*FOLLOWING.values(), *asked]))
            for model in asked:
                if self._is_current(model):
                    continue
                for part in (*model.parts, model):
                    self._build(part, self.dialect.render(part.sql, {})[0])
                    if part.repeat is not None:
                        self._settle(part, part.repeat)
                for part in model.parts:
                    self._drop(part.name)
                self._mark(model)

    def _follow(self, models: list[Model]) -> None:
        """Bring those of *models* that stand where the last round left them up to the events."""
        built = [(model, self._built_at(model)) for model in models]
        last = max((at for _, at in built), default=-1)
        stale = [model for model, at in built if at == last and last < self._watermark]
        if last <= 0 or not stale:
            return
        with self._transaction():
            updater = Updater(self._execute, self.dialect, last)
            current = {model.name for model in stale if self._is_current(model)}
            if self._watermark - last <= UPDATE_SHARE * self._watermark and not updater.upset(stale):
                for model in stale:
                    if model.name in current:
                        updater.leave(model)
                    # Without steps of its own, or with a need that has none, it is built anew when asked for.
                    elif model.update is not None and all(need.name in current for need in model.needs):
                        updater.update(model)
                        current.add(model.name)
                updater.clear()
            for model in stale:
                if model.name in current:
                    self._mark(model)

    def _is_current(self, model: Model) -> bool:
        """Whether the table is what it would be if it were built now."""
        at = self._built_at(model)
        if at < 0 or at == self._watermark or any(part.reads is None for part in model.with_needs()):
            return at == self._watermark
        return at >= max(self._changed.get(table, 0) for part in model.with_needs() for table in part.reads or ())

    def _built_at(self, model: Model) -> int:
        """The watermark of the events a built table knows; -1 when there is none, or one of another text."""
        mark, _, at = self._built.get(model.name, "").partition(":")
        return int(at) if mark == model.mark else -1

    def _mark(self, model: Model) -> None:
        self._built[model.name] = mark = f"{model.mark}:{self._watermark}"
        self._remember(model.name, mark)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, where the engine can."""
        yield

    def _settle(self, model: Model, repeat: str) -> None:
        """Replace the table by its next state until nothing changes."""
        following = Model(f"{model.name}_next", "", self.dialect.render(repeat, {})[0])
        before = self._execute(model.measure).rows
        while True:
            self._build(following, following.sql)
            self._build(model, f"select * from {following.name}")  # noqa: S608  # names of our own
            after = self._execute(model.measure).rows
            if after == before:
                break
            before = after
        self._drop(following.name)

    def _remember(self, name: str, mark: str) -> None:
        """Note that a model is built, where the projection outlives the process."""

    def query(self, sql: str, params: Mapping[str, Value] | None = None, settings: Settings | None = None) -> Answer:
        """Run one portable SELECT with ``$params`` and macros; see ``store/_dialect.py``."""
        text, used = self.dialect.render(sql, params or {}, settings)
        with self._lock:
            return self._execute(text, used)

    def time_range(self) -> tuple[int, int] | None:
        """Microseconds of the first and the last event, or ``None`` when there is none."""
        with self._lock:
            if self._span is None or self._span[0] != self._watermark:
                low, high = self.query("select min(t), max(t) from events").rows[0]
                self._span = self._watermark, None if low is None else (low, high)
            return self._span[1]


def _with_needs(models: Iterable[Model]) -> list[Model]:
    """*models* and what they need, each once, needs first."""
    return list({part.name: part for model in models for part in model.with_needs()}.values())


def _version() -> str:
    """Of the package and of the tables: another one means to build anew."""
    from ecomtrack_sdk import __version__

    return f"{__version__}/{SCHEMA_VERSION}"
