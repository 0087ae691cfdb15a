"""The embedded warehouse: a DuckDB file beside the log, loaded in large groups, without a primary key.

Only ``execute`` and ``fetchall`` are used: the same code runs on DuckDB 1.5 and 2.0.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from ecomtrack_sdk.errors import MissingExtraError, StoreError
from ecomtrack_sdk.store._dialect import DUCKDB, Value
from ecomtrack_sdk.store._loading import CsvTexts
from ecomtrack_sdk.store._projection import Answer, Log, Model, Progress, Warehouse
from ecomtrack_sdk.store._tables import TABLES

__all__ = ["MEMORY_LIMIT", "PROJECTION_FILE", "DuckDBWarehouse"]

PROJECTION_FILE = "projection.duckdb"
MEMORY_LIMIT = 2 * 1024**3
"""Most memory the engine takes for one projection, in bytes; the rest of a large query goes to files beside it.

Less where the machine (or its container) has less. Models of ten million events are built as fast with it as with ten
times as much.
"""
_KINDS = {
    "text": "VARCHAR",
    "bigint": "BIGINT",
    "money": "DECIMAL(18, 4)",
    "boolean": "BOOLEAN",
    "double": "DOUBLE",
}


_PARAM = re.compile(r"\$([a-z_][a-z0-9_]*)")
_WORD = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


def _bound(sql: str, params: Mapping[str, Value]) -> str:
    """*sql* with its parameters as literals that cannot be anything else.

    The driver's own binding imports pandas wherever that is installed, to ask whether each value is its NaT: two
    seconds for a report of a tenth. A text that is not a plain word is written as the hexadecimal of its UTF-8, so
    no quoting is ever relied on.
    """
    return _PARAM.sub(lambda match: _literal(params[match.group(1)]), sql)


def _literal(value: Value) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"cast({value} as bigint)"
    if isinstance(value, Decimal):
        return f"'{value:f}'"
    if isinstance(value, float):
        return f"cast('{value!r}' as double)"
    return f"'{value}'" if _WORD.fullmatch(value) else f"decode(unhex('{value.encode().hex()}'))"


class DuckDBWarehouse(Warehouse):
    """Flat tables and models in one DuckDB file, or in memory.

    One process at a time may have the file open; a second one gets a ``StoreError`` that says so.

    Args:
        log: Where the events come from.
        directory: Where ``projection.duckdb`` lies; ``None`` for memory.
        progress: Told how far a load is.
    """

    dialect = DUCKDB
    texts = CsvTexts
    follows = True

    def __init__(self, log: Log, directory: Path | None = None, *, progress: Progress | None = None) -> None:
        super().__init__(log, progress=progress)
        self._path = None if directory is None else directory / PROJECTION_FILE
        self._connection = self._open()
        # A long query would draw a bar on standard output, where somebody waits for JSON.
        self._connection.execute("set enable_progress_bar = false")
        if self._path is not None:
            # Whoever was killed left what did not fit into memory; the file is ours alone from here on.
            shutil.rmtree(f"{self._path}.tmp", ignore_errors=True)
            ((own,),) = self._execute("select parse_formatted_bytes(current_setting('memory_limit'))").rows
            self._execute(f"set memory_limit = '{min(own, MEMORY_LIMIT)} B'")
        # A checkpoint writes whole row groups anew: several rounds of new events share one.
        self._connection.execute("set checkpoint_threshold = '256MB'")
        if self._state()[0]:
            self._built = dict(self._execute("select name, mark from _models").rows)

    def _open(self) -> Any:
        try:
            import duckdb
        except ImportError:
            raise MissingExtraError("duckdb", "collector") from None
        if self._path is None:
            return duckdb.connect(":memory:")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return duckdb.connect(str(self._path))
        except duckdb.IOException as error:
            if "lock" in str(error).lower() or "being used" in str(error).lower():
                raise StoreError(
                    f"{self._path} is in use by another process: ask that one, or stop it (one process owns the file)"
                ) from None
            self._discard()
        except (duckdb.Error, ValueError):
            self._discard()  # torn, or of a version this one cannot read: nothing in it is the only copy
        return duckdb.connect(str(self._path))

    def _discard(self) -> None:
        assert self._path is not None
        for path in (self._path, self._path.with_name(self._path.name + ".wal")):
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _execute(self, sql: str, params: Mapping[str, Value] | None = None) -> Answer:
        result = self._connection.execute(_bound(sql, params) if params else sql)
        columns = [column[0] for column in result.description or ()]
        return Answer(columns, result.fetchall())

    def _state(self) -> tuple[str, str, int]:
        import duckdb

        # Every report asks: the list of all tables would cost several times the line that is looked for.
        try:
            rows = self._execute("select version, generation, watermark from _projection").rows
        except duckdb.CatalogException:
            return "", "", 0
        return rows[0] if rows else ("", "", 0)

    def _start_anew(self, version: str, generation: str) -> None:
        texts = [f'drop table "{name}"' for (name,) in self._execute("select table_name from duckdb_tables()").rows]
        for name, columns in TABLES.items():
            body = ", ".join(f'"{column.name}" {_KINDS[column.kind]}' for column in columns)
            texts.append(f"create table {name} ({body})")
        loads = [f"select '{name}' as name, cast(0 as bigint) as watermark" for name in TABLES]
        texts.append(f"create table _loads as {' union all '.join(loads)}")
        texts.append("create table _models (name varchar, mark varchar)")
        texts.append("create table _projection (version varchar, generation varchar, watermark bigint)")
        statements: list[tuple[str, dict[str, Value] | None]] = [(text, None) for text in texts]
        values: dict[str, Value] = {"version": version, "generation": generation}
        statements.append(("insert into _projection values ($version, $generation, 0)", values))
        self._together(statements)

    def _load(self, tables: Mapping[str, bytes], watermark: int) -> None:
        with tempfile.TemporaryDirectory(prefix="ecomtrack-") as directory:
            statements: list[tuple[str, dict[str, Value] | None]] = []
            for name, lines in tables.items():
                path = Path(directory) / f"{name}.csv"
                path.write_bytes(lines)
                columns = ", ".join(f"'{column.name}': '{_KINDS[column.kind]}'" for column in TABLES[name])
                names = ", ".join(f'"{column.name}"' for column in TABLES[name])
                # The statement's text is made of our own column names and a path of our own making.
                insert = (
                    f"insert into {name} select {names} from read_csv($path, auto_detect=false, header=false, "  # noqa: S608
                    f"delim=',', quote='\"', escape='\"', nullstr='', new_line='\\r\\n', parallel=false, "
                    f"columns={{{columns}}}, max_line_size=67108864)"
                )
                statements.append((insert, {"path": str(path)}))
                statements.append((
                    "update _loads set watermark = $watermark where name = $name",
                    {"watermark": watermark, "name": name},
                ))  # fmt: skip
            statements.append(("update _projection set watermark = $watermark", {"watermark": watermark}))
            # One thread: rows of a group are few for two, which take twice the processor's time for the same work.
            ((threads,),) = self._execute("select current_setting('threads')").rows
            self._execute("set threads = 1")
            try:
                self._together(statements)
            finally:
                self._execute(f"set threads = {threads}")

    def _table_watermarks(self) -> dict[str, int]:
        return dict(self._execute("select name, watermark from _loads").rows)

    def _together(self, statements: list[tuple[str, dict[str, Value] | None]]) -> None:
        with self._transaction():
            for sql, params in statements:
                self._execute(sql, params)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        built = dict(self._built)
        self._execute("begin transaction")
        try:
            yield
        except BaseException:
            self._execute("rollback")
            self._built = built
            raise
        self._execute("commit")

    def _build(self, model: Model, sql: str) -> None:
        self._execute(f"create or replace table {model.name} as {sql}")

    def _remember(self, name: str, mark: str) -> None:
        self._execute("delete from _models where name = $name", {"name": name})
        self._execute("insert into _models values ($name, $mark)", {"name": name, "mark": mark})
