"""Where engines differ: a handful of macros and how a parameter is written. Everything else is the same text.

A report's SQL is plain SQL with two additions. ``$name`` is a bound parameter. ``@name(…)`` is a macro of the table in
:meth:`Dialect.macros`, expanded into text before the engine sees it, so that ``ecomtrack report NAME --sql`` prints
something that runs in a warehouse as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

from ecomtrack_sdk.errors import ReportError
from ecomtrack_sdk.store._sql_text import expand, name_columns

__all__ = ["CLICKHOUSE", "DUCKDB", "Dialect", "Settings", "Value"]

Value = str | int | float | bool | Decimal | None
"""What a parameter may be."""

_PARAM = re.compile(r"\$([a-z_][a-z0-9_]*)")
_HOUR = 3_600_000_000


@dataclass(frozen=True)
class Settings:
    """What macros need to know about one run of a report.

    Attributes:
        by: Unit of ``@period``.
        week_start: ``monday`` or ``sunday``.
        offsets: ``(from_t, offset)`` ascending: from that microsecond on, local time is UTC plus *offset* microseconds;
            the first entry also holds for all time before. Made from the IANA data by the caller, because an engine's
            own conversion costs fifty times as much (measured: DuckDB 4.9 s a million rows) and has its own tables.
        where: Ready conditions for ``@where()``, parameters included.
        counted: Parameters of the statuses whose orders count; the usual ones when empty.
        rates: Currency → its worth in ``convert_to``; empty when nothing is converted.
        convert_to: Currency the amounts are turned into.
        extra: Text of macros that the report adds for this run, by name.
    """

    by: str = "day"
    week_start: str = "monday"
    offsets: Sequence[tuple[int, int]] = ((0, 0),)
    where: Sequence[str] = ()
    counted: Sequence[str] = ()
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    convert_to: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)


def _local(t: str, settings: Settings) -> str:
    """Microseconds of the local clock for the microseconds *t* of UTC."""
    offsets = settings.offsets
    if len(offsets) == 1:
        return f"({t} + {offsets[0][1]})" if offsets[0][1] else f"({t})"
    steps = " ".join(f"when {t} < {until} then {offset}" for (_, offset), (until, _) in pairwise(offsets))
    return f"({t} + case {steps} else {offsets[-1][1]} end)"


def _start_of_hour(t: str, settings: Settings) -> str:
    """Microseconds of UTC at which the local hour of *t* begins.

    Hours stay moments: by the clock on the wall one is missing in spring and two are the same in autumn.
    """
    return f"({t} - ({_local(t, settings)} % {_HOUR} + {_HOUR}) % {_HOUR})"


class Dialect:
    """How one engine says what is not portable. Subclasses fill in the engine's words."""

    name: str

    def param(self, name: str, value: Value) -> str:
        """The placeholder of a bound parameter."""
        raise NotImplementedError

    def truncate(self, local: str, unit: str, week_start: str) -> str:
        """First day of the *unit* that the local microseconds *local* fall into."""
        raise NotImplementedError

    def moment(self, t: str) -> str:
        """Timestamp, in UTC, of the microseconds *t*."""
        raise NotImplementedError

    def date_diff(self, unit: str, start: str, end: str) -> str:
        """Whole borders of *unit* between two dates."""
        raise NotImplementedError

    def last(self, value: str, order: str) -> str:
        """Aggregate: the non-null *value* of the greatest *order*."""
        raise NotImplementedError

    def first(self, value: str, order: str) -> str:
        """Aggregate: the non-null *value* of the smallest *order*."""
        raise NotImplementedError

    def quantile(self, value: str, q: str) -> str:
        """Aggregate: the exact quantile, linearly interpolated."""
        raise NotImplementedError

    def join_text(self, value: str) -> str:
        """Aggregate: the distinct values, sorted, joined by a comma and a blank."""
        raise NotImplementedError

    def json_text(self, column: str, key: str) -> str:
        """The value of a top-level key of JSON text, as text; NULL when absent or null."""
        raise NotImplementedError

    def contains(self, text: str, part: str) -> str:
        """Whether *text* contains *part*."""
        raise NotImplementedError

    def number(self, text: str) -> str:
        """Text as a float; NULL when it is none."""
        raise NotImplementedError

    def hash(self, text: str) -> str:
        """A number of 63 bits for text; which one differs between engines, so it must never reach a result."""
        raise NotImplementedError

    def part(self, text: str, n: str) -> str:
        """The *n*-th of texts joined by `` > ``; NULL beyond the last."""
        raise NotImplementedError

    def numbers(self, last: str, most: str) -> str:
        """In a list of columns: a row for each number from 0 to *last* or *most*; none where *last* is NULL."""
        raise NotImplementedError

    def macros(self, settings: Settings) -> dict[str, Callable[..., str]]:
        """Every macro by its name; each takes the texts of its arguments.

        ======================  =====================================================================================
        ``@period(t)``          first day of the local period (``by`` of the parameters) of microseconds ``t``; of an
                                hour, which has no day, its beginning in UTC
        ``@hour(t)`` …          ``@hour @day @week @month @quarter @year``: the same for a fixed unit
        ``@periods(a, b)``      periods between two values of ``@period``; ``@days(a, b)`` days between two dates
        ``@last(x, o)``         aggregate: non-null ``x`` of the greatest ``o``; ``@first(x, o)`` of the smallest
        ``@ratio(a, b)``        ``a / b`` as a float, NULL when ``b`` is 0 or NULL
        ``@prorate(a, n, m)``   amount ``a x n ÷ m``, an exact amount rounded to four places
        ``@sum(x)``             aggregate: sum of amounts, again DECIMAL(18, 4), which every engine can go on with;
                                in a window write ``cast(sum(x) over (…) as decimal(18, 4))``
        ``@zero()``             an amount of nothing
        ``@money(x)``           a float or amount as DECIMAL(18, 4), halves away from zero
        ``@quantile(x, q)``     aggregate: exact quantile, interpolated; ``@median(x)``
        ``@join_text(x)``       aggregate: distinct values, sorted, ``a, b``
        ``@json(c, k)``         value of key ``k`` of the JSON text ``c``, as text
        ``@number(x)``          text as a float, NULL when it is none
        ``@hash(x)``            a number of 63 bits for text, cheap to sort and compare; another one on each engine
        ``@numbers(x, most)``   in a list of columns: the row once for each number from 0 to ``x``, or to ``most``
        ``@part(x, n)``         the ``n``-th (from 1) of texts joined by `` > ``, NULL beyond the last
        ``@contains(s, p)``     whether text ``s`` contains ``p``, as written
        ``@amount(x, cur)``     amount ``x`` in the currency asked for; ``x`` itself when nothing is converted
        ``@currency(cur)``      the currency the amount is then in
        ``@counted(o)``         1 when the order (or line) of alias ``o`` is in a counted status, else 0
        ``@where()``            ``and (…)`` for each filter of the user
        ======================  =====================================================================================
        """

        def unit(name: str) -> Callable[..., str]:
            return lambda t: self.truncate(_local(t, settings), name, settings.week_start)

        found: dict[str, Callable[..., str]] = {
            name: unit(name) for name in ("day", "week", "month", "quarter", "year")
        }
        found["hour"] = lambda t: self.moment(_start_of_hour(t, settings))
        found["period"] = found[settings.by]
        found["periods"] = lambda a, b: self.date_diff(settings.by, a, b)
        found["days"] = lambda a, b: self.date_diff("day", a, b)
        found["last"] = self.last
        found["first"] = self.first
        found["ratio"] = lambda a, b: f"(cast({a} as double) / nullif(cast({b} as double), 0))"
        found["money"] = self.money
        found["sum"] = lambda value: f"cast(sum({value}) as decimal(18, 4))"
        found["zero"] = lambda: "cast('0' as decimal(18, 4))"
        found["prorate"] = lambda a, n, m: self.money(
            f"cast({a} as double) * cast({n} as double) / nullif(cast({m} as double), 0)"
        )
        found["quantile"] = self.quantile
        found["median"] = lambda value: self.quantile(value, "0.5")
        found["join_text"] = self.join_text
        found["json"] = self.json_text
        found["number"] = self.number
        found["hash"] = self.hash
        found["part"] = self.part
        found["numbers"] = self.numbers
        found["contains"] = self.contains
        found["amount"] = lambda value, currency: self._amount(value, currency, settings)
        found["currency"] = lambda currency: self._currency(currency, settings)
        found["counted"] = lambda alias: (
            f"(case when {alias}.status in ({', '.join(settings.counted)}) then 1 else 0 end)"
            if settings.counted
            else f"{alias}.counted"
        )
        found["where"] = lambda: "".join(f" and ({condition})" for condition in settings.where)
        for name, text in settings.extra.items():
            found[name] = lambda text=text: text
        return found

    def money(self, value: str) -> str:
        """*value* as DECIMAL(18, 4), halves away from zero; through a float, exact up to 10^11."""
        whole = f"floor(abs(cast({value} as double)) * 10000 + 0.5)"
        signed = f"case when {value} < 0 then -{whole} else {whole} end"
        return (
            f"cast(cast(cast({signed} as bigint) as decimal(18, 0)) * {self.one_hundredth_of_a_cent} as decimal(18, 4))"
        )

    one_hundredth_of_a_cent = "cast('0.0001' as decimal(18, 4))"

    def _amount(self, value: str, currency: str, settings: Settings) -> str:
        if not settings.rates:
            return value
        steps = " ".join(
            f"when '{code}' then cast({value} as double) * {float(rate)!r}" for code, rate in settings.rates.items()
        )
        return self.money(f"(case {currency} {steps} else cast({value} as double) end)")

    def _currency(self, currency: str, settings: Settings) -> str:
        if not settings.rates:
            return currency
        known = ", ".join(f"'{code}'" for code in settings.rates)
        return f"(case when {currency} in ({known}) then '{settings.convert_to}' else {currency} end)"

    def render(
        self, sql: str, params: Mapping[str, Value], settings: Settings | None = None
    ) -> tuple[str, dict[str, Value]]:
        """The engine's own text of *sql*, and those of *params* that it uses.

        Raises:
            ReportError: An unknown macro or parameter: a mistake in the report.
        """
        text = expand(sql, self.macros(settings or Settings()))
        used: dict[str, Value] = {}

        def place(match: re.Match[str]) -> str:
            name = match.group(1)
            if name not in params:
                raise ReportError(f"the SQL names a parameter ${name} that is not given")
            used[name] = params[name]
            return self.param(name, params[name])

        return self.adjust(_PARAM.sub(place, text)), used

    def adjust(self, sql: str) -> str:
        """The last touch on the text; nothing for an engine that reads names as the standard does."""
        return sql


class _DuckDB(Dialect):
    name = "duckdb"

    def param(self, name: str, value: Value) -> str:
        if value is None:
            return f"cast(${name} as varchar)"
        return f"cast(${name} as decimal(18, 4))" if isinstance(value, Decimal) else f"${name}"

    def truncate(self, local: str, unit: str, week_start: str) -> str:
        if unit == "day":
            return f"cast(make_timestamp({local}) as date)"
        if unit == "week" and week_start == "sunday":
            return f"(cast(date_trunc('week', make_timestamp({local} + 86400000000)) as date) - 1)"
        return f"cast(date_trunc('{unit}', make_timestamp({local})) as date)"

    def moment(self, t: str) -> str:
        return f"make_timestamp({t})"

    def date_diff(self, unit: str, start: str, end: str) -> str:
        if unit == "week":
            return f"(date_diff('day', {start}, {end}) // 7)"
        return f"date_diff('{unit}', {start}, {end})"

    def last(self, value: str, order: str) -> str:
        return f"arg_max({value}, {order})"

    def first(self, value: str, order: str) -> str:
        return f"arg_min({value}, {order})"

    def quantile(self, value: str, q: str) -> str:
        return f"quantile_cont(cast({value} as double), {q})"

    def join_text(self, value: str) -> str:
        return f"string_agg(distinct {value}, ', ' order by {value})"

    def contains(self, text: str, part: str) -> str:
        return f"(strpos({text}, {part}) > 0)"

    def json_text(self, column: str, key: str) -> str:
        return f"json_extract_string({column}, '$.\"' || {key} || '\"')"

    def number(self, text: str) -> str:
        return f"try_cast({text} as double)"

    def hash(self, text: str) -> str:
        return f"cast(hash({text}) >> 1 as bigint)"

    def part(self, text: str, n: str) -> str:
        return f"nullif(split_part({text}, ' > ', cast({n} as bigint)), '')"

    def numbers(self, last: str, most: str) -> str:
        return f"unnest(range(case when {last} > {most} then {most} else {last} end + 1))"


class _ClickHouse(Dialect):
    name = "clickhouse"

    def adjust(self, sql: str) -> str:
        return name_columns(sql)

    def param(self, name: str, value: Value) -> str:
        kind = {str: "String", int: "Int64", float: "Float64", bool: "Bool", Decimal: "Decimal(18, 4)"}.get(type(value))
        return f"{{{name}:{kind or 'Nullable(String)'}}}"

    def truncate(self, local: str, unit: str, week_start: str) -> str:
        moment = self.moment(local)
        if unit == "day":
            return f"toDate32({moment})"
        if unit == "week":
            return f"toDate32(toStartOfWeek({moment}, {0 if week_start == 'sunday' else 1}))"
        return f"toDate32(toStartOf{unit.capitalize()}({moment}))"

    def moment(self, t: str) -> str:
        return f"fromUnixTimestamp64Micro({t}, 'UTC')"

    def date_diff(self, unit: str, start: str, end: str) -> str:
        if unit == "week":
            return f"intDiv(dateDiff('day', {start}, {end}), 7)"
        return f"dateDiff('{unit}', {start}, {end})"

    def last(self, value: str, order: str) -> str:
        return f"argMax({value}, {order})"

    def first(self, value: str, order: str) -> str:
        return f"argMin({value}, {order})"

    def quantile(self, value: str, q: str) -> str:
        # Arrays, because the exact interpolated quantile is missing from small builds of the engine.
        values = f"arraySort(groupArray(cast({value} as Float64)))"
        place = f"(count({value}) - 1) * {q}"
        low = f"arrayElement({values}, cast(floor({place}) as Int64) + 1)"
        high = f"arrayElement({values}, cast(ceil({place}) as Int64) + 1)"
        return f"case when count({value}) = 0 then null else {low} + ({high} - {low}) * ({place} - floor({place})) end"

    def join_text(self, value: str) -> str:
        return f"nullif(arrayStringConcat(arraySort(groupUniqArray({value})), ', '), '')"

    def contains(self, text: str, part: str) -> str:
        return f"(position({text}, {part}) > 0)"

    def json_text(self, column: str, key: str) -> str:
        return (
            f"case when JSONHas({column}, {key}) and JSONType({column}, {key}) <> 'Null' "
            f"then JSONExtractString({column}, {key}) end"
        )

    def number(self, text: str) -> str:
        return f"toFloat64OrNull({text})"

    def hash(self, text: str) -> str:
        return f"cast(intDiv(cityHash64({text}), 2) as Nullable(Int64))"

    def part(self, text: str, n: str) -> str:
        return f"nullif(arrayElement(splitByString(' > ', coalesce({text}, '')), {n}), '')"

    def numbers(self, last: str, most: str) -> str:
        return f"cast(arrayJoin(range(toUInt64(greatest(least(coalesce({last}, -1), {most}) + 1, 0)))) as Int64)"


DUCKDB: Dialect = _DuckDB()
CLICKHOUSE: Dialect = _ClickHouse()
