"""The mechanism of reports: a question, parameters, one portable SQL text, typed rows, a result that explains itself.

HOW TO ADD A REPORT: one file, one golden folder, one line in ``REPORTS`` (``reports/__init__.py``).

``reports/carts.py``::

    \"\"\"How many carts are abandoned? … question, formula, grain, unit, caveats, source: the docs page.\"\"\"

    class CartsParams(Params):                 # Params has from, to, by, time_zone, where, currency, convert, compare …
        idle: Annotated[int, Field(ge=1)] = 30
        \"\"\"Days of silence … (the docstring is the help of --idle and of the HTTP parameter).\"\"\"

    class CartsRow(Row):                       # columns in their order; the type says how a value is shown and written
        period: Period
        \"\"\"First day of the period.\"\"\"
        carts: Count
        abandoned_value: Money | None
        rate: Rate | None                      # 0…1, NULL when there is nothing to divide by

    SQL = \"\"\"
    select @period(c.started_t) as period, count(*) as carts, …, @ratio(sum(…), count(*)) as rate
    from carts c
    where c.started_t >= $from_t and c.started_t < $to_t @where()
    group by 1 order by 1
    \"\"\"

    report = Report("carts", CartsParams, CartsRow, SQL, models=(CARTS,), filters={"channel": "c.channel = {value}"})

- ``$from_t``/``$to_t`` (microseconds, $to_t exclusive) are always there, as is ``$name`` for every field of Params that
  is a str, int, float, Decimal, bool or None; more through ``bind=lambda params: {...}``. SQL may be a function of
  the params that returns text (funnels): its text comes from a fixed vocabulary, user values are always bound.
- Macros (``@period(t) @ratio(a,b) @last(x,order) @sum(x) @zero() @money(x) @prorate(a,n,m) @median(x)
  @quantile(x,q) @json(col,key) @contains(s,part) @amount(x,cur) @currency(cur) @counted(o) @join_text(x) @days(a,b)
  @periods(a,b) @numbers(x,most)``): table in ``store/_dialect.py``. Amounts that are summed go through
  ``@sum(@amount(x, currency))`` grouped by ``@currency(currency)``: that is --convert.
- Portable subset: CTEs, case, coalesce, row_number/lag/sum/max over (… rows between …), joins with explicit ``on``,
  count(distinct …), union all, ``cast(x as bigint|double|varchar|decimal(18, 4))``. Not: QUALIFY, FILTER, IGNORE NULLS,
  USING, GROUP BY ALL, intervals, date functions, ``//``, ``::``, arrays, correlated subqueries, float money. Every CTE
  and subquery has an alias; every column in a join is qualified. A total order in every ``order by`` (ties by an id).
- Checks that become warnings: ``checks=(Check(code, "text {n}", "select count(*) as n … having count(*) > 0"),)``;
  no row, no warning. The columns of the row fill the message.
- ``filters``: field of ``--where FIELD=VALUE`` → condition with ``{value}``. Standard ones: ``ORDER_FILTERS`` (alias
  ``o`` of orders), ``EVENT_FILTERS`` (alias ``e`` of events) in ``reports/_filters.py``.

HOW TO ADD A MODEL: ``reports/models/sessions.py`` with ``SESSIONS = Model("sessions", doc, SQL, needs=(PEOPLE,))``; the
first line of ``doc`` is the grain. No parameters (a model serves every report), macros allowed except @period/@where.
It is built when a report that lists it runs and events have arrived since.

GOLDEN TESTS: ``tests/reports/golden/<report>/<case>/``: ``events.jsonl`` (wire events; event_id may be left out) and
``expected.json``: ``[{"params": {"by": "day"}, "rows": [{"period": "2026-01-01", "net": "9.90"}], "warnings": []}]``.
Only the columns named in a row are compared, all rows are. One runner (``tests/reports/test_golden.py``) plays every
case on DuckDB, and on chDB in the opposite order of arrival. ``"report": "x"`` in an entry asks another report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from ecomtrack_sdk.errors import BadParameter
from ecomtrack_sdk.events import STATUSES
from ecomtrack_sdk.reports._filters import ORDER_FILTERS, conditions, models_of
from ecomtrack_sdk.reports._params import Params, bounds, offsets, zone_of
from ecomtrack_sdk.reports._result import Result, Row, Warning_
from ecomtrack_sdk.reports._values import Unit, convert, dictionaries, unit_of
from ecomtrack_sdk.store._dialect import Dialect, Settings, Value
from ecomtrack_sdk.store._projection import Answer, Model, Warehouse

__all__ = ["Check", "Report", "Result", "Row", "Tally", "Warning_"]

_SINCE, _UNTIL = 946_684_800_000_000, 2_145_916_800_000_000
"""2000 and 2038: changes of clocks that SQL for any warehouse knows of."""

P = TypeVar("P", bound=Params)
R = TypeVar("R", bound=Row)


@dataclass(frozen=True)
class Check:
    """A query beside the report whose rows become warnings.

    Attributes:
        code: A stable word for machines.
        message: For people; ``{column}`` is filled from the row.
        sql: One SELECT; no row means no warning.
        models: Models it reads that its report may not.
    """

    code: str
    message: str
    sql: str
    models: tuple[Model, ...] = ()

    def warnings(self, answer: Answer) -> list[Warning_]:
        """What the rows of an answer mean."""
        columns = answer.columns
        return [Warning_(self.code, self.message.format(**dict(zip(columns, row, strict=True)))) for row in answer.rows]


@dataclass(frozen=True)
class Tally:
    """A check that asks for several things at once and adds up what it finds.

    In SQL the joining of names alone would take longer than all the rest of such a query.

    Attributes:
        messages: Code → text for people, in the order of the warnings; ``{n}``, ``{example}`` and ``{names}``.
        sql: One SELECT of code, n (added up), example (the first in the alphabet is told) and name (all are told).
        least: The ``n`` from which on it is worth a word.
        models: Models it reads that its report may not.
    """

    messages: Mapping[str, str]
    sql: str
    least: int = 1
    models: tuple[Model, ...] = ()

    def warnings(self, answer: Answer) -> list[Warning_]:
        """What the rows of an answer mean."""
        found = []
        for code, message in self.messages.items():
            rows = [row[1:] for row in answer.rows if row[0] == code]
            n = sum(count for count, _, _ in rows)
            if n >= self.least:
                example = min((text for _, text, _ in rows if text is not None), default="")
                names = ", ".join(sorted({name for _, _, name in rows if name is not None}))
                found.append(Warning_(code, message.format(n=n, example=example, names=names)))
        return found


@dataclass(frozen=True)
class Report(Generic[P, R]):
    """A question and how it is answered.

    Attributes:
        name: As in ``ecomtrack report NAME``.
        params: Class of its parameters.
        row: Class of its rows.
        sql: One portable SELECT, or a function of the parameters that makes one.
        models: Models the SQL reads.
        filters: Field of ``--where`` → condition with ``{value}`` in it.
        order_filters: The same fields as conditions on orders, for the checks, where ``filters`` is about other rows.
        checks: Queries that become warnings; a function of the parameters where they depend on them.
        bind: More bound parameters, from the parameters.
        macros: Texts of the report's own macros, from the parameters.
        finish: Last touch on the result in Python (adding shares, ranks); never loads events.
        chart: Name of the chart the HTML page shows.
        keys: Columns that say what a row is of; all that are no figures when not told. Rows of two times with the same
            keys stand side by side when one is compared with the other.
        comparable: Whether ``compare`` has a meaning.
    """

    name: str
    params: type[P]
    row: type[R]
    sql: str | Callable[[P], str]
    models: tuple[Model, ...] = ()
    filters: Mapping[str, str] = field(default_factory=dict)
    order_filters: Mapping[str, str] = field(default_factory=dict)
    checks: tuple[Check | Tally, ...] | Callable[[P], tuple[Check | Tally, ...]] = ()
    bind: Callable[[P], Mapping[str, Value]] | None = None
    macros: Callable[[P], Mapping[str, str]] | None = None
    finish: Callable[[P, Result[R]], Result[R]] | None = None
    chart: Any = None
    doc: str = ""
    keys: tuple[str, ...] = ()
    comparable: bool = True

    @property
    def units(self) -> dict[str, Unit | None]:
        """Column → how it is shown."""
        return {name: unit_of(info) for name, info in self.row.model_fields.items()}

    def parse(self, given: Mapping[str, object]) -> P:
        """Parameters from options or a query string: names with or without dashes, values as text.

        Raises:
            BadParameter: An unknown name or a wrong value; it says what is allowed.
        """
        try:
            return self.params.model_validate({name.replace("-", "_"): value for name, value in given.items()})
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            name = str(first["loc"][0]) if first["loc"] else ""
            if first["type"] == "extra_forbidden":
                allowed = ", ".join(info.alias or field for field, info in self.params.model_fields.items())
                raise BadParameter(name, f"is not a parameter of {self.name}; there are {allowed}") from None
            message = first["msg"].removeprefix("Value error, ")
            if not first["loc"]:
                # A rule about several parameters begins with the name of one.
                name, _, message = message.partition(" ")
            elif first["type"].startswith("date"):
                message = "must be a date such as 2026-01-31"
            raise BadParameter(name, message) from None

    def run(self, warehouse: Warehouse, params: P | Mapping[str, object] | None = None) -> Result[R]:
        """Answer the question from what the log holds now.

        Raises:
            BadParameter: As :meth:`parse`; also an unknown filter.
        """
        asked = self.parse(params or {}) if isinstance(params, Mapping | None) else params
        if asked.compare is not None and not self.comparable:
            raise BadParameter("compare", f"{self.name} lists what happened: there is nothing to set beside it")
        warehouse.refresh()
        warehouse.ensure(self.models_for(asked))
        result = self.answer(warehouse, asked)
        if asked.compare is not None:
            from ecomtrack_sdk.reports._compare import with_previous

            result = with_previous(self, warehouse, asked, result)
        return result

    def models_for(self, params: P) -> list[Model]:
        """The report's models and those its filters and checks read."""
        return [*self._queried(params), *(model for check in self.checks_for(params) for model in check.models)]

    def _queried(self, params: P) -> list[Model]:
        return [*self.models, *models_of(self.filters.get(name, "") for name, *_ in params.filters())]

    def checks_for(self, params: P) -> tuple[Check | Tally, ...]:
        """The checks that belong to the parameters."""
        return self.checks(params) if callable(self.checks) else self.checks

    def answer(self, warehouse: Warehouse, params: P) -> Result[R]:
        """Rows and warnings from what is loaded; :meth:`run` brings that up to date first."""
        sql, values, settings = self.prepare(params, warehouse.time_range())
        answer = warehouse.query(sql, values, settings)
        units = self.units
        hours = zone_of(params.time_zone) if params.by == "hour" else None
        given = dict(zip(answer.columns, zip(*answer.rows, strict=True), strict=False))
        columns = [convert(values, units.get(name), given.get("currency"), hours) for name, values in given.items()]
        records = dictionaries(answer.columns, zip(*columns, strict=True))
        warnings = [
            Warning_("unknown_counted", f"{status!r} is not one of our statuses ({', '.join(STATUSES)}): a slip?")
            for status in params.counted
            if status not in STATUSES
        ]
        warnings += [
            warning
            for check in self.checks_for(params)
            for warning in check.warnings(warehouse.query(check.sql, values, settings))
        ]
        result: Result[R] = Result(self, params.resolved(), answer.columns, records, warnings)
        return self.finish(params, result) if self.finish is not None else result

    def prepare(self, params: P, span: tuple[int, int] | None) -> tuple[str, dict[str, Value], Settings]:
        """SQL, bound values and macro settings of one run; *span* is the first and last microsecond of the events."""
        from_t, to_t = bounds(params)
        values: dict[str, Value] = {"from_t": from_t, "to_t": to_t}
        values.update({f"counted_{place}": status for place, status in enumerate(params.counted)})
        for name in type(params).model_fields:
            value = getattr(params, name)
            if value is None or isinstance(value, str | int | float | bool):
                values.setdefault(name.rstrip("_"), value)
        if self.bind is not None:
            values.update(self.bind(params))
        settings = Settings(
            by=params.by,
            week_start=params.week_start,
            offsets=offsets(params.time_zone, span),
            where=self._conditions(params, values),
            counted=tuple(f"$counted_{place}" for place in range(len(params.counted))),
            rates=params.rates_to_target(),
            convert_to=params.convert,
            extra={**self._of_orders(params), **(self.macros(params) if self.macros is not None else {})},
        )
        return (self.sql(params) if callable(self.sql) else self.sql), values, settings

    def _conditions(self, params: P, values: dict[str, Value]) -> list[str]:
        """A condition for each filtered field; the same field given twice means either value."""
        for index, (name, value, _) in enumerate(params.filters()):
            if name not in self.filters:
                known = ", ".join(sorted(self.filters)) or "none"
                raise BadParameter("where", f"{self.name} has no filter {name!r}; there are: {known}")
            values[f"where_{index}"] = value
        return conditions(params, self.filters)

    def _of_orders(self, params: P) -> dict[str, str]:
        """The macros by which checks look at the orders the report looks at."""
        found = "".join(f" and ({condition})" for condition in conditions(params, self.order_filters or self.filters))
        if not found or (not self.order_filters and self.filters is not ORDER_FILTERS):
            return {"orders_where": "", "of_orders": ""}
        chosen = f" and m.order_id in (select o.order_id from orders o where 1 = 1{found})"  # noqa: S608
        return {"orders_where": found, "of_orders": chosen}

    def to_sql(self, params: P, dialect: Dialect, span: tuple[int, int] | None = None) -> str:
        """The report and its models as statements an analyst can take to a warehouse, parameters listed on top.

        Local days follow the changes of clocks in *span*: the years asked for, within 2000 to 2037, when absent.
        """
        low, high = bounds(params)
        span = span or (max(low, _SINCE), min(high, _UNTIL))
        sql, values, settings = self.prepare(params, span)
        text, used = dialect.render(sql, values, settings)
        parts = [f"-- {name} = {value!r}" for name, value in used.items()]
        for model in [
            part for asked in self._queried(params) for whole in asked.with_needs() for part in (*whole.parts, whole)
        ]:
            body, _ = dialect.render(model.sql, {})
            parts.append(f"-- {model.doc.splitlines()[0]}\ncreate or replace view {model.name} as\n{body.strip()};")
        return "\n\n".join([*dict.fromkeys(parts), text.strip() + ";"])

    def columns_doc(self) -> list[tuple[str, str]]:
        """Column names with what they mean, for the docs page."""
        return [(name, info.description or "") for name, info in self.row.model_fields.items()]
