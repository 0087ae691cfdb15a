"""The one place where engines differ: macros, parameters, local time. Both engines answer the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomtrack_sdk.errors import ReportError
from ecomtrack_sdk.reports._params import Params, bounds, microseconds, offsets
from ecomtrack_sdk.store._clickhouse import ClickHouseWarehouse, connect
from ecomtrack_sdk.store._dialect import CLICKHOUSE, DUCKDB, Settings
from ecomtrack_sdk.store._duckdb import DuckDBWarehouse
from ecomtrack_sdk.store._projection import Warehouse


class EmptyLog:
    """A log without events."""

    def read(self, after_seq: int, limit: int) -> list[Any]:
        return []

    def high_watermark(self) -> int:
        return 0

    def generation(self) -> str:
        return "empty"


@pytest.fixture(scope="module")
def duck() -> Iterator[Warehouse]:
    with DuckDBWarehouse(EmptyLog()) as warehouse:
        warehouse.refresh()
        yield warehouse


@pytest.fixture(scope="module")
def house() -> Iterator[Warehouse]:
    pytest.importorskip("chdb")
    client = connect(interface="chdb")
    yield ClickHouseWarehouse(EmptyLog(), client)
    client.close()


def both(duck: Warehouse, house: Warehouse, sql: str, settings: Settings | None = None, **params: Any) -> Any:
    """The one row both engines give."""
    (one,), (other,) = duck.query(sql, params, settings).rows, house.query(sql, params, settings).rows
    assert one == other
    return one


HOSTILE = [
    "",
    "'",
    "''; drop table events; --",
    "a\\'b",
    "\\",
    "$from_t",
    "{x:String}",
    "@period(",
    "é\n\t",
    "\x01",
    "%s",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_users_write_stays_a_value(duck: Warehouse, house: Warehouse, text: str) -> None:
    """No text leaves its parameter, on either engine."""
    assert both(duck, house, "select $text as a, $number as b", text=text, number=-5) == (text, -5)


@settings(max_examples=50, deadline=None)
@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40))
def test_any_text_survives_duckdb(duck: Warehouse, text: str) -> None:
    """A parameter comes back as it went in."""
    assert duck.query("select $text as a", {"text": text}).rows == [(text,)]


def test_kinds_of_parameters(duck: Warehouse, house: Warehouse) -> None:
    """Absent, truth, amount and float keep their kind."""
    row = both(
        duck, house, "select $a is null as a, $b as b, $c as c, $d as d",
        a=None, b=True, c=Decimal("19.9000"), d=0.1,
    )  # fmt: skip
    assert row == (True, True, Decimal("19.9"), 0.1)


def test_money_is_exact(duck: Warehouse, house: Warehouse) -> None:
    """Prorating and converting round halves away from zero to four places, the same everywhere."""
    sql = """
    select @prorate(cast('10' as decimal(18, 4)), cast('1' as decimal(18, 4)), cast('3' as decimal(18, 4))) as a,
           @money(0.00005) as b, @money(-0.00005) as c, @money(cast('123456789.1234' as decimal(18, 4))) as d,
           @prorate(cast('10' as decimal(18, 4)), cast('1' as decimal(18, 4)), @zero()) as e
    """
    assert both(duck, house, sql) == (
        Decimal("3.3333"), Decimal("0.0001"), Decimal("-0.0001"), Decimal("123456789.1234"), None,
    )  # fmt: skip


def test_currency_is_converted_by_the_users_rates(duck: Warehouse, house: Warehouse) -> None:
    """A known currency is multiplied and renamed, an unknown one stays what it is."""
    table = "(select 'USD' as c union all select 'EUR' as c union all select 'PLN' as c) x"
    sql = f"""
    select @sum(@amount(cast('10' as decimal(18, 4)), x.c)) as s, @join_text(@currency(x.c)) as names from {table}
    """
    rates = {"EUR": Decimal(1), "USD": Decimal("0.9213")}
    row = both(duck, house, sql, Settings(rates=rates, convert_to="EUR"))
    assert row == (Decimal("29.2130"), "EUR, PLN")
    assert both(duck, house, sql) == (Decimal(30), "EUR, PLN, USD")


def test_quantiles_are_interpolated(duck: Warehouse, house: Warehouse) -> None:
    """The median of an even number lies between the middle two; of nothing there is none."""
    table = "(select 1 as v union all select 2 as v union all select 4 as v union all select 10 as v) x"
    assert both(duck, house, f"select @median(x.v) as m, @quantile(x.v, 0.9) as q from {table}") == pytest.approx(
        (3.0, 8.2)
    )
    assert both(duck, house, f"select @median(x.v) as m from {table} where x.v > 99") == (None,)


def test_json_of_properties(duck: Warehouse, house: Warehouse) -> None:
    """Values of free properties come as text, whatever their kind; what is not there is NULL."""
    sql = "select @json($doc, $k1) as a, @json($doc, $k2) as b, @json($doc, $k3) as c, @json($doc, $k4) as d"
    row = both(duck, house, sql, doc='{"a": "x\\"y", "n": 1.5, "nil": null}', k1="a", k2="n", k3="nil", k4="no")
    assert row == ('x"y', "1.5", None, None)


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns"]


@settings(max_examples=60, deadline=None)
@given(
    moment=st.datetimes(datetime(2015, 1, 1), datetime(2030, 12, 31), timezones=st.just(UTC)),
    zone=st.sampled_from(ZONES),
)
def test_local_days_are_those_of_the_zone(duck: Warehouse, house: Warehouse, moment: datetime, zone: str) -> None:
    """Hour, day, week, month, quarter and year begin where Python's own time zones say they do."""
    local = moment.astimezone(ZoneInfo(zone))
    t = microseconds(moment)
    steps = Settings(offsets=offsets(zone, (1_420_000_000_000_000, 1_930_000_000_000_000)))
    sql = """
    select @day($t) as d, @week($t) as w, @month($t) as m, @quarter($t) as q, @year($t) as y
    """
    day = local.date()
    assert both(duck, house, sql, steps, t=t) == (
        day,
        day - timedelta(days=day.weekday()),
        day.replace(day=1),
        date(day.year, (day.month - 1) // 3 * 3 + 1, 1),
        date(day.year, 1, 1),
    )
    sunday = Settings(offsets=steps.offsets, week_start="sunday")
    assert both(duck, house, "select @week($t) as w", sunday, t=t) == (day - timedelta(days=(day.weekday() + 1) % 7),)


def test_offsets_change_at_the_second() -> None:
    """Berlin's clocks go forward on 29 March 2026 at one o'clock UTC, and back on 25 October."""
    span = (microseconds(datetime(2026, 1, 1, tzinfo=UTC)), microseconds(datetime(2026, 12, 1, tzinfo=UTC)))
    changes = dict(offsets("Europe/Berlin", span)[1:])
    hour = 3_600_000_000
    assert changes[microseconds(datetime(2026, 3, 29, 1, tzinfo=UTC))] == 2 * hour
    assert changes[microseconds(datetime(2026, 10, 25, 1, tzinfo=UTC))] == hour


def test_bounds_are_local_midnights() -> None:
    """``from`` and ``to`` are days of the report's zone; a time with its own offset stands as it is."""
    start, end = bounds(Params.model_validate({"from": "2026-03-29", "to": "2026-03-30", "time_zone": "Europe/Berlin"}))
    assert end - start == 23 * 3_600_000_000
    moment, _ = bounds(Params.model_validate({"from": "2026-01-01T00:00:00+05:00", "time_zone": "Europe/Berlin"}))
    assert moment == microseconds(datetime(2025, 12, 31, 19, tzinfo=UTC))


def test_mistakes_in_a_report_are_named() -> None:
    """An unknown macro, a parameter nobody gives, a parenthesis left open."""
    with pytest.raises(ReportError, match="@nothing"):
        DUCKDB.render("select @nothing(1)", {})
    with pytest.raises(ReportError, match=r"\$absent"):
        DUCKDB.render("select $absent", {})
    with pytest.raises(ReportError, match="closing parenthesis"):
        DUCKDB.render("select @day((1)", {})


def test_columns_of_a_join_keep_their_names() -> None:
    """ClickHouse is told the name of every column; names in functions and in other clauses stay untouched."""
    sql, _ = CLICKHOUSE.render(
        "select a.x, max(b.y) as y, (select count(*) from c where c.z = 1) as n, b.from_t\nfrom a join b on a.x = b.x "
        "group by a.x, b.from_t",
        {},
    )
    assert sql.startswith(
        "select a.x as x, max(b.y) as y, (select count(*) from c where c.z = 1) as n, b.from_t as from_t"
    )
    assert sql.endswith("group by a.x, b.from_t")
