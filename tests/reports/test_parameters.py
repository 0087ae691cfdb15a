"""The parameters every report has mean the same in every report.

One small shop is told again in another time zone, a month earlier, in another currency, and beside a stranger shop that
must not be seen: each report answers with the same figures.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from ecomtrack_sdk import reports
from ecomtrack_sdk.errors import BadParameter
from ecomtrack_sdk.reports._base import Result
from ecomtrack_sdk.store._projection import Warehouse

NAMES = sorted(reports.REPORTS)
RANGE = {"from": "2026-03-01", "to": "2026-04-01"}
OWN: dict[str, dict[str, Any]] = {"profile": {"person": "c1"}}
"""What a report needs beside the range."""
TIMES = frozenset({"time", "period"})


def shop(start: datetime, who: str = "", currency: str = "EUR") -> Iterator[dict[str, Any]]:
    """A month of three people from *start* on, with all they can do: from the visit to the refund."""
    for number in range(3):
        visitor, customer = f"{who}v{number}", {"id": f"{who}c{number}"}
        product = {"product_id": f"{who}p{number % 2}", "name": "Boot", "brand": "Acme", "categories": ["Shoes"]}
        item = {**product, "price": f"{10 + number}.00", "quantity": "2"}

        def at(day: int, minute: int, *, shift: int = number) -> str:
            return (start + timedelta(days=day + shift, minutes=minute)).isoformat()

        tags = {"utm_source": "news", "utm_medium": "email", "utm_campaign": "spring"} if number else {}
        context = {"url": "https://shop.example/boots", "country": "AT", **tags}
        seen = {"visitor_id": visitor, "currency": currency}
        yield {"type": "view_page", "occurred_at": at(0, 0), "visitor_id": visitor, "context": context}
        yield {"type": "view_article", "occurred_at": at(0, 1), "visitor_id": visitor, "article_id": f"{who}a",
               "title": "Care"}  # fmt: skip
        yield {"type": "search", "occurred_at": at(0, 2), "visitor_id": visitor, "query": f"{who}boot",
               "results_count": number}  # fmt: skip
        yield {"type": "view_product", "occurred_at": at(0, 3), "product": product, **seen}
        yield {"type": "add_to_cart", "occurred_at": at(0, 4), "item": item, **seen}
        yield {"type": "start_checkout", "occurred_at": at(0, 5), "items": [item], **seen}
        for again in range(1 + number % 2):
            order = f"{who}o{number}/{again}"
            yield {"type": "order", "occurred_at": at(9 * again, 6), "order_id": order, "items": [item],
                   "customer": customer, "payment_method": "card", "shipping": "3.00",
                   "context": {"source": "web", "country": "AT"},
                   "shipping_address": {"country": "AT"}, "status": "paid", **seen}  # fmt: skip
        yield {"type": "order_update", "occurred_at": at(1, 0), "order_id": f"{who}o{number}/0",
               "action_id": f"{who}u{number}", "status": "cancelled" if number == 2 else "shipped"}  # fmt: skip
        if number == 0:
            yield {
                "type": "refund",
                "occurred_at": at(2, 0),
                "order_id": f"{who}o0/0",
                "refund_id": f"{who}r",
                "items": [{"product_id": f"{who}p0", "quantity": "1"}],
                "reason": "small",
                "currency": currency,
            }


BEGIN = datetime(2026, 3, 3, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def told(log_of: Any) -> Iterator[Callable[..., Warehouse]]:
    """A warehouse over parts, each the arguments of :func:`shop`; made once."""
    from ecomtrack_sdk.store._duckdb import DuckDBWarehouse

    made: list[Warehouse] = []

    @cache
    def tell(*parts: tuple[Any, ...]) -> Warehouse:
        made.append(DuckDBWarehouse(log_of([event for part in parts for event in shop(*part)])))
        return made[-1]

    yield tell
    for warehouse in made:
        warehouse.close()


def ask(name: str, warehouse: Warehouse, **params: Any) -> Result[Any]:
    asked = {**RANGE, **OWN.get(name, {}), **params}
    return reports.run(name, {key: value for key, value in asked.items() if value is not None}, warehouse)


def rows(result: Result[Any], *, times: bool = True) -> list[dict[str, Any]]:
    """The rows as JSON has them, without moments when they are not asked for."""
    kinds = {name: unit.kind for name in result.columns if (unit := result.unit(name)) is not None}
    hidden = set() if times else {name for name, kind in kinds.items() if kind == "time"}
    hidden |= {"event_id", "session"}
    return [{name: value for name, value in row.items() if name not in hidden} for row in result.to_dict()["rows"]]


@pytest.mark.parametrize("name", NAMES)
def test_what_lies_outside_of_the_range_is_not_seen(told: Callable[..., Warehouse], name: str) -> None:
    """Strangers before ``from`` and from ``to`` on change no figure; without the range they are there."""
    want = rows(ask(name, told((BEGIN,))))
    assert want, "the shop must have something to say"
    strangers = (datetime(2026, 1, 3, tzinfo=UTC), "before"), (datetime(2026, 4, 1, tzinfo=UTC), "after")
    warehouse = told((BEGIN,), *strangers)
    assert rows(ask(name, warehouse)) == want
    if name != "profile":
        everything = ask(name, warehouse, **{"from": None, "to": None})
        assert rows(everything) != want


@pytest.mark.parametrize("name", NAMES)
def test_days_are_those_of_the_time_zone(told: Callable[..., Warehouse], name: str) -> None:
    """The shop told ten hours later in a zone ten hours behind: the same days, the same rows."""
    want = rows(ask(name, told((BEGIN,)), by="day"), times=False)
    later = told((BEGIN + timedelta(hours=10),))
    assert rows(ask(name, later, by="day", time_zone="Pacific/Honolulu"), times=False) == want


@pytest.mark.parametrize("name", NAMES)
def test_weeks_begin_when_told(told: Callable[..., Warehouse], name: str) -> None:
    """A day earlier, with weeks from Sunday: the same weeks, a day earlier."""
    week = {"by": "week", "from": "2026-03-02", "to": "2026-03-30"}
    first = ask(name, told((BEGIN,)), **week)
    earlier = {"by": "week", "from": "2026-03-01", "to": "2026-03-29", "week_start": "sunday"}
    second = ask(name, told((BEGIN - timedelta(days=1),)), **earlier)
    periods = {key for key in first.columns if (unit := first.unit(key)) is not None and unit.kind == "period"}

    def moved(row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            key: (date.fromisoformat(value) - timedelta(days=1)).isoformat() if key in periods else value
            for key, value in row.items()
        }

    assert [moved(row) for row in rows(first, times=False)] == rows(second, times=False)


@pytest.mark.parametrize("name", NAMES)
def test_the_time_before_stands_beside(told: Callable[..., Warehouse], name: str) -> None:
    """A month after itself every figure of the shop is that of the month before, whoever the people are."""
    # The months before March are February and, for the people who began then, nothing: names differ, figures do not.
    month = timedelta(days=28)
    warehouse = told((BEGIN,), (BEGIN - month, "old"))
    if name == "profile":
        with pytest.raises(BadParameter, match="compare"):
            ask(name, warehouse, compare="previous")
        return
    compared = ask(name, warehouse, compare="previous")
    before = ask(name, warehouse, **{"from": "2026-02-01", "to": "2026-03-01"})
    measures = [column for column in before.columns if f"{column}_previous" in compared.columns]
    added = {f"{measure}_previous" for measure in measures}
    assert measures
    assert [column for column in compared.columns if column not in added] == before.columns
    assert compared.query["compared_with"] == {"from": "2026-02-01", "to": "2026-03-01"}
    plain = rows(ask(name, warehouse))
    shown = [{key: value for key, value in row.items() if key not in added} for row in rows(compared)]
    assert [row for row in shown if row in plain] == plain

    def figures(records: Sequence[Mapping[str, Any]], suffix: str = "") -> list[str]:
        return sorted(json.dumps([str(record[f"{measure}{suffix}"]) for measure in measures]) for record in records)

    nothing = json.dumps([str(None)] * len(measures))
    found = [text for text in figures(compared.records, "_previous") if text != nothing]
    assert found == figures(before.records)


@pytest.mark.parametrize("name", NAMES)
def test_amounts_are_turned_into_the_currency(told: Callable[..., Warehouse], name: str) -> None:
    """The shop in dollars at 0.5 is the shop in euro with half the amounts."""
    euro = ask(name, told((BEGIN,)))
    half = ask(name, told((BEGIN, "", "USD")), convert="EUR", rates="USD=0.5")
    money = {key for key in euro.columns if (unit := euro.unit(key)) is not None and unit.kind == "money"}
    assert len(half.records) == len(euro.records)
    for one, other in zip(euro.records, half.records, strict=True):
        for column in euro.columns:
            if column in money and one[column] is not None:
                assert abs(one[column] / 2 - other[column]) <= Decimal("0.01"), column
            elif column not in {"event_id", "session"}:
                assert one[column] == other[column], column


@pytest.mark.parametrize("name", NAMES)
def test_one_currency_of_two(told: Callable[..., Warehouse], name: str) -> None:
    """``currency`` leaves out the money of strangers in another one; who they are and what they do may stay."""
    alone = ask(name, told((BEGIN,)))
    both = ask(name, told((BEGIN,), (BEGIN, "us", "USD")), currency="EUR")
    if "currency" not in alone.columns:
        return
    kept = [row for row in rows(both) if row["currency"] == "EUR"]
    money = [key for key in alone.columns if (unit := alone.unit(key)) is not None and unit.kind == "money"]
    want = [row for row in rows(alone) if row["currency"] == "EUR"]
    if not {"channel", "cohort", "goal", "query", "article"} & set(alone.columns):  # there the strangers share the row
        assert [[row[key] for key in money] for row in kept] == [[row[key] for key in money] for row in want]
    assert not [row for row in rows(both) if row["currency"] == "USD"]
    assert "several_currencies" not in {warning.code for warning in both.warnings}


@pytest.mark.parametrize("name", NAMES)
def test_filters_that_match_nothing_leave_nothing(told: Callable[..., Warehouse], name: str) -> None:
    """Every filter of every report runs, and values nobody has leave no figure and no warning."""
    warehouse = told((BEGIN,))
    fields = list(reports.get(name).filters)
    # All at once, and a few alone: each query costs a second on a busy machine.
    for where in ([f"{field}=nobody" for field in fields], [f"{fields[0]}=nobody"], [f"{fields[-1]}=nobody"]):
        result = ask(name, warehouse, where=where)
        counts = [key for key in result.columns if (unit := result.unit(key)) is not None
                  and unit.kind in {"count", "quantity", "money"} and key != "step"]  # fmt: skip
        assert not [record for record in result.records if any(record[key] for key in counts)], where
        assert result.warnings == []
    with pytest.raises(BadParameter, match="colour"):
        ask(name, warehouse, where="colour=red")


@pytest.mark.parametrize("field", ["channel", "country"])
@pytest.mark.parametrize("name", NAMES)
def test_filters_choose(told: Callable[..., Warehouse], name: str, field: str) -> None:
    """The country of everybody leaves everything; a channel leaves its part, and both values together the whole."""
    if field not in reports.get(name).filters:
        return
    warehouse = told((BEGIN,))
    whole = rows(ask(name, warehouse))
    value = {"channel": ["channel=Email", "channel=Direct"], "country": ["country=at"]}[field]
    # Orders carry their country, the events around them do not: there the filter chooses single events.
    if field == "country" and "e." in reports.get(name).filters[field]:
        return
    # What the shop does to an order is of no visit, so of no channel.
    whole = [row for row in whole if name != "profile" or row["type"] not in {"order_update", "refund"}]
    assert rows(ask(name, warehouse, where=value)) == whole


@pytest.mark.parametrize(
    ("name", "params", "said"),
    [
        ("revenue", {"from": "2026-03-02", "to": "2026-03-01"}, "from: must be before to"),
        ("revenue", {"from": "2026-02-30"}, "from: must be a date"),
        ("revenue", {"rates": "USD=0.9"}, "rates: need convert"),
        ("retention", {"cumulative": True, "or_later": True}, "cumulative: "),
        ("rfm", {"as_of": "yesterday"}, "as_of: must be a date such as"),
        ("rfm", {"as_of": "2026-02-28"}, "as_of: must not be before from"),
        ("rfm", {"as_of": "9999-12-31"}, "as_of: must lie in the years"),
        ("revenue", {"from": "0001-01-02", "to": "0001-02-01", "compare": "previous"}, "from: must lie in the years"),
        ("revenue", {"to": "9999-12-31", "compare": "previous"}, "to: must lie in the years"),
        ("revenue", {"convert": "EUR", "rates": "USD=1e15"}, "rates: the rate of USD must be at most"),
        ("customers", {"limit": 2**70}, "limit: Input should be less than or equal to"),
        ("customers", {"min_orders": 2**63}, "min_orders: "),
        ("customers", {"silent_days": 10**9}, "silent_days: "),
        ("visitors", {"limit": 2**63, "offset": 2**63}, "limit: "),
        ("funnel", {"steps": "view_page,order[price>1e300]"}, "steps: "),
        ("funnel", {"steps": "view_page,order[price>1e-9999999]"}, "steps: "),
        ("funnel", {"window": "9" * 5_000 + "d"}, "window: "),
        ("funnel", {"window": "99999999999d"}, "window: '99999999999d' is longer than a hundred years"),
        ("micro_conversions", {"goals": "order@99999999999999999999EUR"}, "goals: "),
        ("funnel", {"window": "7 days"}, "window: '7 days' is not a duration"),
        ("funnel", {"steps": " , "}, "steps: names no step"),
        ("funnel", {"order": "strict"}, "order: is not a parameter of funnel; there are from, to"),
    ],
)
def test_errors_name_the_parameter(
    told: Callable[..., Warehouse], name: str, params: dict[str, Any], said: str
) -> None:
    """Its name comes first, then what would do."""
    with pytest.raises(BadParameter, match=f"^{said}") as found:
        ask(name, told(), **params)
    assert found.value.name == said.partition(":")[0]


def test_a_counted_status_nobody_knows_is_told(told: Callable[..., Warehouse]) -> None:
    """A shop may have statuses of its own, so it is no error; a slip of the pen would silently count nothing."""
    codes = {
        status: [warning.code for warning in ask("revenue", told((BEGIN,)), counted=status).warnings]
        for status in ("paid", "payed")
    }
    assert codes == {"paid": [], "payed": ["unknown_counted"]}
