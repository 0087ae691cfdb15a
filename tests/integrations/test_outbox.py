"""SQLAlchemy's transactional outbox: an event exists if and only if its order row does, through any crash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from ecomtrack_sdk import CustomEvent, Order, Tracker
from ecomtrack_sdk.errors import MissingCurrency, OutboxCorrupt

sqlalchemy = pytest.importorskip("sqlalchemy")
from sqlalchemy import Column, MetaData, String, Table, create_engine, insert, select, text  # noqa: E402
from sqlalchemy.orm import Session  # noqa: E402

from ecomtrack_sdk.integrations import sqlalchemy as outbox  # noqa: E402

METADATA = MetaData()
ORDERS = Table("orders", METADATA, Column("number", String(20), primary_key=True))
OUTBOX = outbox.outbox_table(METADATA)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path) -> str:
    """An empty database of either kind."""
    address = f"sqlite:///{tmp_path / 'shop.db'}"
    if request.param == "postgres":
        address = f"postgresql+psycopg://shop@/postgres?host={request.getfixturevalue('postgres')}"
    engine = create_engine(address)
    METADATA.drop_all(engine)
    METADATA.create_all(engine)
    engine.dispose()
    return address


@pytest.fixture
def engine(url):
    engine = create_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def tracker(shop_environment):
    with Tracker.from_env() as tracker:
        yield tracker


def order(number: str) -> Order:
    return Order(order_id=number, items=[], currency="EUR", total="10.00")


def place(engine, number: str, *, fail: bool = False) -> None:
    """The shop takes an order: row and event in one transaction."""
    with Session(engine) as session, session.begin():
        session.execute(insert(ORDERS).values(number=number))
        outbox.add(session, OUTBOX, order(number))
        if fail:
            raise RuntimeError("the payment was refused")


def test_exists_if_and_only_if(engine, tracker, collector_process):
    """A committed order has its event, one rolled back has none; handed over twice it is told once."""
    place(engine, "o1")
    with pytest.raises(RuntimeError):
        place(engine, "o2", fail=True)
    place(engine, "o3")
    assert outbox.pending(engine, OUTBOX) == 2
    assert outbox.relay(engine, OUTBOX, tracker, batch=1) == 2
    assert outbox.relay(engine, OUTBOX, tracker) == 0
    tracker.flush()
    assert [event["order_id"] for event in collector_process.wait_for(2)] == ["o1", "o3"]


def test_visitor_goes_with_it(engine, tracker, collector_process):
    """The visitor of the request is in the event, though the relay runs elsewhere."""
    with tracker.visitor(visitor_id="v1"), engine.begin() as connection:
        outbox.add(connection, OUTBOX, CustomEvent(name="x"))
    outbox.relay(engine, OUTBOX, tracker)
    tracker.flush()
    (event,) = collector_process.wait_for(1)
    assert event["visitor_id"] == "v1"


def test_currency(engine):
    """An amount without currency is refused when it is added, inside the shop's transaction."""
    with engine.begin() as connection, pytest.raises(MissingCurrency):
        outbox.add(connection, OUTBOX, CustomEvent(name="x", value="1.00"))
    with engine.begin() as connection:
        outbox.add(connection, OUTBOX, CustomEvent(name="x", value="1.00"), currency="EUR")
    assert outbox.pending(engine, OUTBOX) == 1


def test_corrupt_row(engine, tracker):
    """A row that is no event stops the relay with its number; what came before it has been handed over."""
    place(engine, "o1")
    with engine.begin() as connection:
        connection.execute(insert(OUTBOX).values(event_id="x", body="{}"))
    with pytest.raises(OutboxCorrupt, match="row 2"):
        outbox.relay(engine, OUTBOX, tracker)
    assert outbox.pending(engine, OUTBOX) == 1
    assert tracker.stats().accepted == 1


CRASHING = textwrap.dedent("""
    import os, signal, sys
    from sqlalchemy import create_engine, insert, MetaData, Table, Column, String
    from sqlalchemy.orm import Session
    from ecomtrack_sdk import Order, Tracker
    from ecomtrack_sdk.integrations import sqlalchemy as outbox

    url, when = sys.argv[1:]
    metadata = MetaData()
    orders = Table("orders", metadata, Column("number", String(20), primary_key=True))
    table = outbox.outbox_table(metadata)
    engine = create_engine(url)

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    class DyingTracker(Tracker):
        def track(self, event):
            super().track(event)
            if event.order_id == "o2":
                die()

    for number in ("o1", "o2", "o3"):
        with Session(engine) as session, session.begin():
            session.execute(insert(orders).values(number=number))
            outbox.add(session, table, Order(order_id=number, items=[], currency="EUR", total="10.00"))
            if when == "before the commit" and number == "o3":
                session.flush()
                die()
    if when == "before the relay":
        die()
    outbox.relay(engine, table, DyingTracker.from_env())
""")


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("before the commit", ["o1", "o2"]),
        ("before the relay", ["o1", "o2", "o3"]),
        ("in the relay, after handing over and before deleting", ["o1", "o2", "o3"]),
    ],
)
def test_killed(url, engine, shop_environment, collector_process, when, told):
    """kill -9 before the commit, before the relay, or in it: every order that exists is told, and told once."""
    done = subprocess.run([sys.executable, "-c", CRASHING, url, when], env=os.environ, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 30
    while True:  # a server sees the end of a killed client a moment later
        with engine.connect() as connection:
            rows = list(connection.execute(select(ORDERS.c.number).order_by(ORDERS.c.number)).scalars())
        if rows == told or time.monotonic() > deadline:
            break
    assert rows == told
    with Tracker.from_env() as tracker:
        outbox.relay(engine, OUTBOX, tracker)
        assert outbox.pending(engine, OUTBOX) == 0
        tracker.flush(30)
        events = collector_process.wait_for(len(told))
    assert sorted(event["order_id"] for event in events) == told


def test_two_relays_share_the_work(postgres, shop_environment, tmp_path):
    """On PostgreSQL a second relay passes over the rows the first one holds."""
    engine = create_engine(f"postgresql+psycopg://shop@/postgres?host={postgres}")
    METADATA.drop_all(engine)
    METADATA.create_all(engine)
    place(engine, "o1")
    place(engine, "o2")
    with engine.begin() as holding, Tracker.from_env() as tracker:
        holding.execute(text("select id from ecomtrack_outbox order by id limit 1 for update"))
        assert outbox.relay(engine, OUTBOX, tracker) == 1
    assert outbox.pending(engine, OUTBOX) == 1
    engine.dispose()
