"""SQLAlchemy 2: a transactional outbox. The event exists if and only if the order row does.

::

    table = outbox_table(Base.metadata)  # and a migration that creates it

    with Session(engine) as session, session.begin():
        session.add(order)
        add(session, table, Order(order_id=order.number, ...))

    relay(engine, table, tracker)  # in a small process of its own, or after each request

The relay hands events to the tracker and then deletes them. Dying in between it hands them over again, under the same
event id: the collector counts each once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy.orm import Session

from ecomtrack_sdk._client import Tracker
from ecomtrack_sdk._wire import Valid, encode_event, validate_event
from ecomtrack_sdk.errors import EcomtrackError, OutboxCorrupt
from ecomtrack_sdk.events import Event
from ecomtrack_sdk.integrations._carried import fill

__all__ = ["add", "outbox_table", "pending", "relay", "relay_forever"]


def outbox_table(metadata: MetaData, name: str = "ecomtrack_outbox", **options: Any) -> Table:
    """The table events wait in. Create it with your migrations or ``metadata.create_all``.

    Args:
        metadata: The shop's.
        name: The table's name.
        options: Passed to ``Table``, such as ``schema``.
    """
    return Table(
        name,
        metadata,
        # SQLite numbers rows by itself only in an INTEGER key.
        Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
        Column("event_id", String(36), nullable=False, unique=True),
        Column("body", Text, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        **options,
    )


def add(connection: Session | Connection, table: Table, event: Event, *, currency: str | None = None) -> str:
    """Write *event* in the transaction of *connection*; it is told when, and only when, that commits.

    The visitor of the request goes with it, as with ``tracker.track``.

    Args:
        connection: The shop's session or connection.
        table: The outbox.
        event: The event.
        currency: For amounts without one.

    Returns:
        The event's id.

    Raises:
        MissingCurrency: An amount, no currency, no default.
        TooLarge: The event is over the limit of the wire.
        sqlalchemy.exc.IntegrityError: An event of that id is waiting already.
    """
    body = encode_event(event, default_currency=currency, fill=fill()).decode()
    connection.execute(insert(table).values(event_id=event.event_id, body=body))
    return event.event_id


def pending(engine: Engine, table: Table) -> int:
    """Events waiting for the relay."""
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def relay(engine: Engine, table: Table, tracker: Tracker, *, batch: int = 500) -> int:
    """Hand all committed events to *tracker*, in the order they were written. Several relays may run at once.

    An event is deleted once the tracker has it, which is safe as the tracker's durability says.

    Returns:
        Events handed over.

    Raises:
        OutboxCorrupt: A row is no event of ours; the ones before it have been handed over.
    """
    return sum(_batches(engine, table, tracker, batch))


def _batches(engine: Engine, table: Table, tracker: Tracker, batch: int) -> Iterator[int]:
    while True:
        with engine.begin() as connection:
            # Where the database can, another relay passes over the rows this one holds.
            query = select(table.c.id, table.c.body).order_by(table.c.id).limit(batch).with_for_update(skip_locked=True)
            rows = connection.execute(query).all()
            done: list[int] = []
            problem: EcomtrackError | None = None
            for row_id, body in rows:
                try:
                    tracker.track(_event(body))
                except EcomtrackError as error:
                    problem = OutboxCorrupt(f"row {row_id} of {table.name} cannot be told: {error}")
                    problem.__cause__ = error
                    break
                done.append(row_id)
            if done:
                connection.execute(delete(table).where(table.c.id.in_(done)))
        yield len(done)
        if problem is not None:
            raise problem
        if len(rows) < batch:
            return


def _event(body: str) -> Event:
    read = validate_event(body.encode())
    if not isinstance(read, Valid):
        raise OutboxCorrupt("; ".join(f"{error.loc}: {error.msg}" for error in read.errors))
    return read.event


def relay_forever(
    engine: Engine, table: Table, tracker: Tracker, stop: threading.Event, *, interval: float = 1.0
) -> None:
    """:func:`relay` every *interval* seconds until *stop* is set: the main loop of a relay process."""
    while True:
        relay(engine, table, tracker)
        if stop.wait(interval):
            return
