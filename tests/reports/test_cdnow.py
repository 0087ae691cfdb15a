"""The CDNOW sample against the figures published about it.

2,357 customers, 1997-01-01 to 1998-06-30. Source: Fader and Hardie, "Creating an RFM summary using Excel", their notes
on the Pareto/NBD model; orders of a customer on one day are one, weeks count from 1997-01-01.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import Any

import pytest

from ecomtrack_sdk import reports, source_id
from ecomtrack_sdk.store._projection import Warehouse

FIRST = date(1997, 1, 1)


@pytest.fixture(scope="module")
def cdnow(shared_data: Path) -> Sequence[Mapping[str, Any]]:
    """The sample as orders, one a purchase; the records know a day and no hour."""
    with (shared_data / "orders" / "cdnow_sample.csv").open(encoding="utf-8") as lines:
        return [
            {
                "event_id": source_id("cdnow", str(place)),
                "type": "order",
                "order_id": str(place),
                "customer": {"id": line["customer_id"]},
                "occurred_at": f"{line['date'][:4]}-{line['date'][4:6]}-{line['date'][6:]}T12:00:00Z",
                "items": [],
                "total": line["usd"],
                "currency": "USD",
                "status": "completed",
            }
            for place, line in enumerate(csv.DictReader(lines))
        ]


def test_published_figures(cdnow: Sequence[Mapping[str, Any]], duckdb_of: Callable[..., Warehouse]) -> None:
    """Repeat buyers, weekly and cumulative repeat orders, and the mean repeat value are those of the literature."""
    warehouse = duckdb_of(cdnow)
    until = FIRST + timedelta(weeks=39)
    customers = reports.run("rfm", {"to": until.isoformat()}, warehouse).records
    assert len(customers) == 2357
    assert sum(1 for row in customers if row["frequency"] > 0) == 946
    repeated = [row["mean_repeat_value"] for row in customers if row["frequency"] > 0]
    assert (round(mean(repeated)), round(median(repeated)), round(max(repeated))) == (35, 27, 300)

    # Repeat orders by week: days with an order beyond the first one of each customer.
    days = warehouse.query(
        """
        select x.day as day, count(*) as n from (
          select p.person_id as person, @day(o.ordered_t) as day,
            row_number() over (partition by p.person_id order by @day(o.ordered_t)) as nth
          from orders o join order_people p on p.order_id = o.order_id
          group by p.person_id, @day(o.ordered_t)
        ) as x where x.nth > 1 group by x.day
        """
    ).rows
    weeks = [0] * 79
    for day, count in days:
        weeks[(day - FIRST).days // 7] += count
    assert weeks[19:25] == [73, 55, 70, 33, 56, 99]
    assert [sum(weeks[:last]) for last in (39, 52, 78)] == [2457, 3183, 4339]


def test_reports_agree_about_the_sample(
    cdnow: Sequence[Mapping[str, Any]], duckdb_of: Callable[..., Warehouse]
) -> None:
    """Cohorts hold all customers once; value realised is all that was ever paid, from every side."""
    warehouse = duckdb_of(cdnow)
    paid = sum(Decimal(order["total"]) for order in cdnow)
    ltv = reports.run("ltv", {"by": "month"}, warehouse).records
    begun = [row for row in ltv if row["period"] == 0]
    first: dict[str, str] = {}
    for order in sorted(cdnow, key=lambda each: str(each["occurred_at"])):
        first.setdefault(order["customer"]["id"], order["occurred_at"][:7])
    assert {f"{row['cohort']:%Y-%m}": row["size"] for row in begun} == Counter(first.values())
    last = {row["cohort"]: row for row in ltv}
    assert sum(row["cumulative"] for row in last.values()) == paid
    assert sum(row["cumulative_orders"] for row in last.values()) == len(cdnow) == 6919
    retention = reports.run("retention", {"by": "month", "cumulative": True}, warehouse).records
    assert sum(row["size"] for row in retention if row["period"] == 0) == 2357
    assert sum(row["revenue"] for row in reports.run("rfm", {}, warehouse).records) == paid
    lifecycle = reports.run("lifecycle", {"by": "month"}, warehouse).records
    assert sum(row["new"] for row in lifecycle) == 2357
    for now, following in pairwise(lifecycle):
        assert following["returning"] + following["dormant"] == now["active"]
