"""A result for other programs: frames, Arrow, Parquet. Amounts keep four exact places everywhere."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from ecomtrack_sdk.errors import MissingExtraError

if TYPE_CHECKING:
    from ecomtrack_sdk.reports._base import Result

__all__ = ["to_arrow", "to_pandas", "to_parquet", "to_polars"]

_PARQUET = {"money": "DECIMAL(18, 4)", "quantity": "DECIMAL(18, 4)", "count": "BIGINT", "rate": "DOUBLE",
            "number": "DOUBLE", "seconds": "DOUBLE", "time": "TIMESTAMP WITH TIME ZONE", "period": "DATE",
            "hour": "TIMESTAMP"}  # fmt: skip


def _kinds(result: Result[Any]) -> dict[str, str | None]:
    hours = result.query.get("by") == "hour"
    found: dict[str, str | None] = {}
    for column in result.columns:
        unit = result.unit(column)
        kind = unit.kind if unit is not None else None
        found[column] = "hour" if kind == "period" and hours else kind
    return found


def to_pandas(result: Result[Any]) -> Any:
    """See ``Result.to_pandas``."""
    import pandas as pd  # type: ignore[import-untyped,unused-ignore]

    hours = [column for column, kind in _kinds(result).items() if kind == "hour"]
    records = [{**record, **{column: _on_the_wall(record[column]) for column in hours}} for record in result.records]
    return pd.DataFrame(records, columns=result.columns)


def to_polars(result: Result[Any]) -> Any:
    """See ``Result.to_polars``."""
    import polars as pl

    types: dict[str | None, Any] = {
        "money": pl.Decimal(18, 4), "quantity": pl.Decimal(18, 4), "count": pl.Int64,
        "rate": pl.Float64, "number": pl.Float64, "seconds": pl.Float64,
        "time": pl.Datetime("us", "UTC"), "period": pl.Date, "hour": pl.Datetime("us"),
    }  # fmt: skip
    schema = {column: types.get(kind, pl.String) for column, kind in _kinds(result).items()}
    return pl.DataFrame(_plain(result), schema=schema, orient="row")


def to_arrow(result: Result[Any]) -> Any:
    """See ``Result.to_arrow``."""
    import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]

    types: dict[str | None, Any] = {
        "money": pa.decimal128(18, 4), "quantity": pa.decimal128(18, 4), "count": pa.int64(),
        "rate": pa.float64(), "number": pa.float64(), "seconds": pa.float64(),
        "time": pa.timestamp("us", "UTC"), "period": pa.date32(), "hour": pa.timestamp("us"),
    }  # fmt: skip
    schema = pa.schema([(column, types.get(kind, pa.string())) for column, kind in _kinds(result).items()])
    rows = [dict(zip(result.columns, row, strict=True)) for row in _plain(result)]
    return pa.Table.from_pylist(rows, schema=schema)


def _on_the_wall(hour: Any) -> Any:
    """An hour without its offset, which only the one that clocks show twice has: a column has one type."""
    return hour if hour is None else hour.replace(tzinfo=None)


def _plain(result: Result[Any]) -> list[tuple[Any, ...]]:
    """The rows; what has no unit as text, because a column has one type."""
    kinds = _kinds(result)
    return [
        tuple(
            _on_the_wall(value)
            if kinds[column] == "hour"
            else value
            if value is None or kinds[column] is not None
            else str(value)
            for column, value in ((column, record[column]) for column in result.columns)
        )
        for record in result.records
    ]


def to_parquet(result: Result[Any], path: Path | str) -> None:
    """See ``Result.to_parquet``."""
    try:
        import duckdb
    except ImportError:
        raise MissingExtraError("duckdb", "collector") from None
    kinds = _kinds(result)
    types = {
        column: "TIMESTAMP" if kind == "hour" else _PARQUET.get(kind or "", "VARCHAR") for column, kind in kinds.items()
    }
    body = ", ".join(f"'{column}': '{kind}'" for column, kind in types.items())
    target = str(path).replace("'", "''")
    with tempfile.TemporaryDirectory(prefix="ecomtrack-") as directory, duckdb.connect(":memory:") as connection:
        source = Path(directory) / "rows.jsonl"
        source.write_bytes(
            b"".join(to_json(dict(zip(result.columns, row, strict=True))) + b"\n" for row in _plain(result))
        )
        connection.execute(
            f"copy (select * from read_json('{source}', format = 'newline_delimited', columns = {{{body}}})) "  # noqa: S608
            f"to '{target}' (format parquet)"
        )
