"""The warehouse on ClickHouse, through ``clickhouse-connect``: a server, or the same engine in process (chDB).

The settings make ClickHouse read the portable subset as every other engine does: NULL is NULL in joins, casts and
empty sums, and a name in WHERE is the column, not the alias.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecomtrack_sdk.errors import MissingExtraError
from ecomtrack_sdk.store._dialect import CLICKHOUSE, Value
from ecomtrack_sdk.store._projection import Answer, Log, Model, Progress, Warehouse
from ecomtrack_sdk.store._tables import TABLES

__all__ = ["SETTINGS", "ClickHouseWarehouse", "connect"]

SETTINGS: dict[str, Any] = {
    "join_use_nulls": 1,
    "prefer_column_name_to_alias": 1,
    "cast_keep_nullable": 1,
    "data_type_default_nullable": 1,
    "aggregate_functions_null_for_empty": 1,
    "enable_extended_results_for_datetime_functions": 1,
    "allow_experimental_analyzer": 1,
}
_KINDS = {
    "text": "Nullable(String)",
    "bigint": "Nullable(Int64)",
    "money": "Nullable(Decimal(18, 4))",
    "boolean": "Nullable(Bool)",
    "double": "Nullable(Float64)",
}


_BEGUN = "(begun)"


def connect(**where: Any) -> Any:
    """A client with the settings the reports need; *where* as for ``clickhouse_connect.get_client``.

    Raises:
        MissingExtraError: ``clickhouse-connect`` is not installed.
    """
    try:
        from clickhouse_connect import get_client
    except ImportError:
        raise MissingExtraError("clickhouse-connect", "clickhouse") from None
    return get_client(settings=SETTINGS, **where)


class ClickHouseWarehouse(Warehouse):
    """Flat tables and models in one ClickHouse database.

    Args:
        log: Where the events come from.
        client: Made by :func:`connect`; closed by its owner.
        progress: Told how far a load is.
    """

    dialect = CLICKHOUSE

    def __init__(self, log: Log, client: Any, *, progress: Progress | None = None) -> None:
        super().__init__(log, progress=progress)
        self._client = client

    def close(self) -> None:
        """Nothing: the client belongs to whoever made it."""

    def _execute(self, sql: str, params: Mapping[str, Value] | None = None) -> Answer:
        result = self._client.query(sql, parameters=dict(params or {}))
        return Answer(list(result.column_names), [tuple(row) for row in result.result_rows])

    def _state(self) -> tuple[str, str, int]:
        if not self._client.query("exists table _projection").result_rows[0][0]:
            return "", "", 0
        rows = self._execute(
            "select version, generation, watermark, tables from _projection order by place desc limit 1"
        ).rows
        # A load that was begun and not ended may have left rows: there is no transaction to undo it, so start anew.
        return rows[0][:3] if rows and rows[0][3] != _BEGUN else ("", "", 0)

    def _start_anew(self, version: str, generation: str) -> None:
        for (name,) in self._client.query("show tables").result_rows:
            self._client.command(f"drop table `{name}`")
        for name, columns in TABLES.items():
            body = ", ".join(f"`{column.name}` {_KINDS[column.kind]}" for column in columns)
            # Reports scan by time; nothing is looked up by id, so there is no other key.
            key = "t" if any(column.name == "t" for column in columns) else "event_id"
            self._client.command(
                f"create table {name} ({body}) engine = MergeTree order by {key} settings allow_nullable_key = 1"
            )
        self._client.command(
            "create table _projection (place Int64, version String, generation String, watermark Int64, tables String) "
            "engine = MergeTree order by tuple()"
        )
        self._note(version, generation, 0, "")

    def _load(self, tables: Mapping[str, bytes], watermark: int) -> None:
        version, generation, _ = self._state()
        self._note(version, generation, watermark, _BEGUN)
        for name, lines in tables.items():
            self._client.raw_insert(name, insert_block=lines, fmt="JSONEachRow")
        self._note(version, generation, watermark, ",".join(tables))

    def _note(self, version: str, generation: str, watermark: int, tables: str) -> None:
        """One more line in the book of loads; the last one holds."""
        place = self._execute("select count(*) from _projection").rows[0][0]
        self._client.insert(
            "_projection",
            [[place, version, generation, watermark, tables]],
            ["place", "version", "generation", "watermark", "tables"],
        )

    def _table_watermarks(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for watermark, tables in self._execute("select watermark, tables from _projection order by place").rows:
            if tables != _BEGUN:
                found.update(dict.fromkeys(tables.split(","), watermark))
        return found

    def _build(self, model: Model, sql: str) -> None:
        self._client.command(f"drop table if exists {model.name}")
        self._client.command(f"create table {model.name} engine = MergeTree order by tuple() as {sql}")

    def _drop(self, name: str) -> None:
        self._client.command(f"drop table {name}")
