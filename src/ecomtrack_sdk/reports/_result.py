"""What a report answers: rows, the question as it was understood, and what to beware of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from ecomtrack_sdk.reports._values import Unit, to_wire

if TYPE_CHECKING:
    from ecomtrack_sdk.reports._base import Report

__all__ = ["Result", "Row", "Warning_"]

R = TypeVar("R", bound="Row")


class Row(BaseModel):
    """One row of a report; its fields are the columns, in their order."""

    model_config = ConfigDict(frozen=True, extra="allow", use_attribute_docstrings=True, defer_build=True)


@dataclass(frozen=True, slots=True)
class Warning_:  # noqa: N801  # ``Warning`` is a built-in
    """Something the reader of a figure has to know."""

    code: str
    message: str


@dataclass(frozen=True)
class Result(Generic[R]):
    """Rows, the question as it was understood, and what to beware of.

    Attributes:
        report: Name of the report.
        query: The resolved parameters, ready for JSON.
        columns: Names of the columns, in their order.
        records: Rows as dictionaries of Python values (``Decimal``, ``date``, ``datetime``, numbers, text).
        warnings: In the order of the report's checks.
    """

    report: Report[Any, R]
    query: dict[str, Any]
    columns: list[str]
    records: list[dict[str, Any]]
    warnings: list[Warning_] = field(default_factory=list)

    @property
    def rows(self) -> list[R]:
        """The rows, typed."""
        return [self.report.row.model_construct(**record) for record in self.records]

    def __iter__(self) -> Iterator[R]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.records)

    def unit(self, column: str) -> Unit | None:
        """How a column is shown; that of ``x`` for ``x_previous``."""
        return self.report.units.get(column) or self.report.units.get(column.removesuffix("_previous"))

    def to_dict(self) -> dict[str, Any]:
        """``{"report", "query", "rows", "warnings"}`` of JSON values: money as strings, times as ISO 8601."""
        units = {column: self.unit(column) for column in self.columns}
        return {
            "report": self.report.name,
            "query": self.query,
            "rows": [
                {column: to_wire(record[column], units[column], record) for column in self.columns}
                for record in self.records
            ],
            "warnings": [{"code": warning.code, "message": warning.message} for warning in self.warnings],
        }

    def to_json(self, *, indent: int | None = None) -> str:
        """:meth:`to_dict` as text."""
        import json

        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False)

    def to_pandas(self) -> Any:
        """A pandas frame: amounts as ``Decimal``, dates as dates. pandas must be installed."""
        from ecomtrack_sdk.reports._export import to_pandas

        return to_pandas(self)

    def to_polars(self) -> Any:
        """A polars frame: amounts as Decimal(18, 4). polars must be installed."""
        from ecomtrack_sdk.reports._export import to_polars

        return to_polars(self)

    def to_arrow(self) -> Any:
        """An Arrow table: amounts as decimal128(18, 4). pyarrow must be installed."""
        from ecomtrack_sdk.reports._export import to_arrow

        return to_arrow(self)

    def to_parquet(self, path: Path | str) -> None:
        """Write a Parquet file: amounts as DECIMAL(18, 4). Needs DuckDB, which the collector brings."""
        from ecomtrack_sdk.reports._export import to_parquet

        to_parquet(self, path)

    def to_html(self) -> str:
        """A page of its own, chart included, that needs no network."""
        from ecomtrack_sdk.reports._page import page

        return page(self)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from ecomtrack_sdk.reports._render import html_table

        return html_table(self)
