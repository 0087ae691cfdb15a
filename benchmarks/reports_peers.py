"""The same questions answered with pandas, and with retentioneering where it can.

``reports_peers.py retentioneering DIR`` runs in an environment that has it; it needs nothing of this package.
"""

from __future__ import annotations

import json
import resource
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

STEPS = ["view_product", "add_to_cart", "start_checkout", "order"]
WEEK = 604_800_000_000


def frames(directory: Path, **queries: str) -> dict[str, Any]:
    import duckdb

    with duckdb.connect(str(directory / "projection.duckdb"), read_only=True) as connection:
        return {name: connection.execute(sql).df() for name, sql in queries.items()}


def pandas(directory: Path) -> dict:
    """Frames in memory, then each question once; the tables are the ones the reports read."""
    import pandas as pd

    start = time.perf_counter()
    found = frames(
        directory,
        events="select person_id, type, t from session_events where person_id is not null",
        looks="""select i.product_id, s.type from event_items i join session_events s on s.seq = i.seq
          where i.list = 'item' and s.type in ('view_product', 'add_to_cart')""",
        orders="""select o.*, p.person_id from orders o left join order_people p on p.order_id = o.order_id""",
        money="select kind, amount::double as amount, currency, ordered_t from order_money",
        sessions="select * from sessions",
    )
    loaded = time.perf_counter() - start

    def month(column: Any) -> Any:
        return pd.to_datetime(column, unit="us").dt.to_period("M")

    def revenue() -> Any:
        money = found["money"].assign(period=month(found["money"].ordered_t))
        return money.pivot_table(index=["period", "currency"], columns="kind", values="amount", aggfunc="sum")

    def funnel() -> Any:
        acts = found["events"][found["events"].type.isin(STEPS)]
        steps = {name: part[["person_id", "t"]].sort_values("t") for name, part in acts.groupby("type")}
        way = steps[STEPS[0]].assign(t1=lambda part: part.t)
        reached = {STEPS[0]: way.person_id.nunique()}
        for name in STEPS[1:]:
            following = steps[name].assign(at=lambda part: part.t)
            way = pd.merge_asof(way.sort_values("t"), following, on="t", by="person_id", direction="forward")
            way = way[way["at"].notna() & (way["at"] - way.t1 <= WEEK)].assign(
                t=lambda part: part["at"].astype("int64")
            )
            way = way[["person_id", "t", "t1"]]
            reached[name] = way.person_id.nunique()
        return reached

    def retention() -> Any:
        orders = found["orders"]
        orders = orders[(orders.counted == 1) & orders.person_id.notna()].assign(period=month(orders.ordered_t))
        cohort = orders.groupby("person_id").period.min().rename("cohort")
        seen = orders[["person_id", "period"]].drop_duplicates().join(cohort, on="person_id")
        return seen.groupby(["cohort", "period"]).size()

    def traffic() -> Any:
        sessions = found["sessions"].assign(period=month(found["sessions"].start_t))
        return sessions.groupby(["period", "channel"]).agg(
            sessions=("session_id", "size"), visitors=("visitor_id", "nunique"), views=("page_views", "sum"),
            bounces=("bounce", "sum"), seconds=("seconds", "sum"),
        )  # fmt: skip

    def products() -> Any:
        return found["looks"].groupby(["product_id", "type"]).size().unstack(fill_value=0)

    questions: dict[str, Callable[[], Any]] = {
        "revenue": revenue, "funnel": funnel, "retention": retention, "traffic": traffic, "products": products,
    }  # fmt: skip
    seconds = {}
    for name, question in questions.items():
        start = time.perf_counter()
        answer = question()
        seconds[name] = time.perf_counter() - start
        if name == "funnel":
            reached = answer
    return {"load_s": loaded, "seconds": seconds, "funnel": reached, "version": pd.__version__, "rss_mb": _rss()}


def retentioneering(directory: Path) -> dict:
    """A funnel without a window: the first time of each step, in order."""

    def refuse(*_: object) -> None:
        raise OSError("no network in a benchmark")

    socket.socket.connect = refuse  # type: ignore[method-assign,assignment]
    from importlib.metadata import version

    from retentioneering.eventstream import Eventstream

    start = time.perf_counter()
    sql = """select person_id as user_id, type as event, make_timestamp(t) as timestamp
      from session_events where person_id is not null"""
    frame = frames(directory, events=sql)["events"]
    loaded = time.perf_counter()
    stream = Eventstream(frame, schema={"path_cols": ["user_id"]})
    made = time.perf_counter()
    answer = stream.funnel_data(STEPS)
    done = time.perf_counter()
    return {
        "load_s": loaded - start, "stream_s": made - loaded, "funnel_s": done - made,
        "funnel": {step["step"]: step["unique_paths"] for step in answer["steps"]},
        "version": version("retentioneering"), "rss_mb": _rss(),
    }  # fmt: skip


def _rss() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    print(json.dumps(retentioneering(Path(sys.argv[2]))))
