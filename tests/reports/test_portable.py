"""Every report and model is one text for all engines: it parses in both dialects and stays inside the subset."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from ecomtrack_sdk.reports import REPORTS, get
from ecomtrack_sdk.reports._base import Report
from ecomtrack_sdk.reports.models import ALL
from ecomtrack_sdk.store._dialect import CLICKHOUSE, DUCKDB, Dialect
from ecomtrack_sdk.store._projection import Model
from ecomtrack_sdk.store._tables import TABLES

SPAN = (1_700_000_000_000_000, 1_800_000_000_000_000)
NEEDED = {"profile": {"person": "c1"}}
"""Parameters without which a report has no question."""
MODELS: dict[str, Model] = {
    part.name: part
    for name in REPORTS
    for asked in get(name).models_for(get(name).parse(NEEDED.get(name, {})))
    for model in asked.with_needs()
    for part in (*model.parts, model)
}
PARTS = {part.name: (*model.needs, *model.parts) for model in MODELS.values() for part in model.parts}
FORBIDDEN = {
    exp.Qualify: "QUALIFY",
    exp.Filter: "FILTER (…)",
    exp.IgnoreNulls: "IGNORE NULLS",
    exp.Unnest: "unnest",
    exp.Lateral: "lateral joins",
    exp.Interval: "intervals",
    exp.Pivot: "pivot",
    exp.Rand: "chance",
    exp.CurrentTimestamp: "the engine's clock",
    exp.CurrentDate: "the engine's clock",
}
DIALECTS = [(DUCKDB, "duckdb"), (CLICKHOUSE, "clickhouse")]


def statements(report: Report[Any, Any], dialect: Dialect) -> list[str]:
    params = report.parse({"time_zone": "Europe/Berlin", "by": "week", **NEEDED.get(report.name, {})})
    sql, values, settings = report.prepare(params, SPAN)
    texts = (sql, *[check.sql for check in report.checks_for(params)])
    return [dialect.render(text, values, settings)[0] for text in texts]


def check_tree(text: str, name: str) -> exp.Expression:
    (tree,) = sqlglot.parse(text, read=name)
    assert tree is not None
    for node in tree.walk():
        word = FORBIDDEN.get(type(node))
        assert word is None, f"{word} is not portable: {node.sql()}"
        if isinstance(node, exp.Join):
            assert not node.args.get("using"), f"USING is not portable: {node.sql()}"
        if isinstance(node, exp.Group):
            assert not node.args.get("all"), "GROUP BY ALL is not portable"
        if isinstance(node, exp.Subquery) and isinstance(node.parent, exp.From | exp.Join):
            assert node.alias, f"a subquery needs a name: {node.sql()}"
    return tree


@pytest.mark.parametrize(("dialect", "name"), DIALECTS, ids=["duckdb", "clickhouse"])
@pytest.mark.parametrize("report", sorted(REPORTS))
def test_report_is_portable(report: str, dialect: Dialect, name: str) -> None:
    """A report's SQL and its checks parse in the engine's dialect and use nothing beyond the subset."""
    for text in statements(get(report), dialect):
        check_tree(text, name)


@pytest.mark.parametrize(("dialect", "name"), DIALECTS, ids=["duckdb", "clickhouse"])
@pytest.mark.parametrize("model", sorted(MODELS))
def test_model_is_portable(model: str, dialect: Dialect, name: str) -> None:
    """A model's SQL does too, takes no parameters, and its tables are flat tables or the models it says it needs."""
    known = MODELS[model]
    text, used = dialect.render(known.sql, {})
    tree = check_tree(text, name)
    assert used == {}
    ctes = {cte.alias for cte in tree.find_all(exp.CTE)}
    tables = {table.name for table in tree.find_all(exp.Table)} - ctes
    assert tables <= set(TABLES) | {need.name for need in (*known.needs, *known.parts, *PARTS.get(model, ()))}
    assert known.doc.startswith("One row per ")


def test_models_hold_no_wide_integers(duckdb_of: Any) -> None:
    """A sum of integers is cast to bigint: DuckDB's own type for it is read fifteen times as slowly from its file."""
    warehouse = duckdb_of([])
    warehouse.refresh()
    warehouse.ensure(ALL)
    wide = "select table_name, column_name from duckdb_columns() where data_type in ('HUGEINT', 'UHUGEINT')"
    assert warehouse.query(wide).rows == []


@pytest.mark.parametrize("report", sorted(REPORTS))
def test_rows_describe_the_columns(report: str, duckdb_of: Any) -> None:
    """The columns of the SQL are those of the Row, in their order, and each is documented."""
    asked = get(report)
    assert asked.name == report
    answer = asked.run(duckdb_of([]), NEEDED.get(report, {}))
    fields = list(asked.row.model_fields)
    assert [name for name in answer.columns if name in fields] == [name for name in fields if name in answer.columns]
    assert set(answer.columns) <= set(fields)
    for name, text in asked.columns_doc():
        assert text, f"{report}.{name} has no docstring"
    assert answer.records == [] or report not in {"revenue", "orders"}


@pytest.mark.parametrize(("dialect", "name"), DIALECTS, ids=["duckdb", "clickhouse"])
@pytest.mark.parametrize("report", sorted(REPORTS))
def test_every_sql_can_be_taken_away(report: str, dialect: Dialect, name: str) -> None:
    """``--sql`` prints statements that parse: models as views, then the report."""
    asked = get(report)
    text = asked.to_sql(asked.parse(NEEDED.get(report, {})), dialect, SPAN)
    trees = sqlglot.parse(text, read=name)
    assert (
        len([tree for tree in trees if tree is not None])
        == len({part.name for model in asked.models for each in model.with_needs() for part in (*each.parts, each)}) + 1
    )


def test_sql_taken_away_knows_the_changes_of_clocks() -> None:
    """Days begin where they begin in the zone in the years asked for, although no events are at hand."""
    revenue = get("revenue")
    asked = {"time_zone": "Europe/Vienna", "from": "2026-01-01", "to": "2027-01-01"}
    summer = int(datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp()) * 1_000_000
    assert str(summer) in revenue.to_sql(revenue.parse(asked), DUCKDB)
    assert str(summer) in revenue.to_sql(revenue.parse({"time_zone": "Europe/Vienna"}), DUCKDB)


@pytest.mark.parametrize("report", sorted(REPORTS))
def test_sql_taken_away_has_every_table_it_reads(report: str) -> None:
    """Also those that only a filter reads."""
    asked = get(report)
    for field in asked.filters:
        text = asked.to_sql(asked.parse({**NEEDED.get(report, {}), "where": f"{field}=x"}), DUCKDB, SPAN)
        trees = [tree for tree in sqlglot.parse(text, read="duckdb") if tree is not None]
        made = {tree.this.name for tree in trees if isinstance(tree, exp.Create)}
        named = {cte.alias for tree in trees for cte in tree.find_all(exp.CTE)}
        read = {table.name for tree in trees for table in tree.find_all(exp.Table)}
        assert read <= made | named | set(TABLES), field
