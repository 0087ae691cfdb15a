"""A nightly job: what changed in the CRM since the last run becomes order updates and refunds.

    ECOMTRACK_URL=… ECOMTRACK_KEY=… python examples/crm_sync/crm_sync.py crm.db

Event ids are made from the CRM's own, so a run that is repeated, or interrupted and started again, changes nothing.
The job remembers its last change in the CRM's database, and moves on only when the collector has answered for all.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from datetime import datetime

from ecomtrack_sdk import OrderUpdate, Refund, RefundItem, S2SClient, SendReport

SCHEMA = """
create table if not exists changes (
  id integer primary key, at text not null, order_id text not null, kind text not null,
  status text, place text, sku text, quantity integer, amount text, currency text, reason text
);
create table if not exists synced (up_to integer not null);
"""


def changes_since(crm: sqlite3.Connection, last: int) -> Iterator[OrderUpdate | Refund]:
    """The CRM's changes after number *last*, as events, in their order."""
    query = "select * from changes where id > ? order by id"
    for row in crm.execute(query, (last,)):
        moment = datetime.fromisoformat(row["at"])
        if row["kind"] == "refund":
            line = RefundItem(product_id=row["sku"], quantity=row["quantity"], amount=row["amount"])
            yield Refund.from_source(
                "crm",
                str(row["id"]),
                occurred_at=moment,
                refund_id=f"crm-{row['id']}",
                order_id=row["order_id"],
                items=[line],
                currency=row["currency"],
                reason=row["reason"],
                place=row["place"],
            )
        else:
            yield OrderUpdate.from_source(
                "crm",
                str(row["id"]),
                occurred_at=moment,
                order_id=row["order_id"],
                action_id=f"crm-{row['id']}",
                status=row["status"],
                reason=row["reason"],
                place=row["place"],
            )


def sync(crm: sqlite3.Connection, client: S2SClient) -> SendReport:
    """Send what is new; the mark moves when every event has its verdict."""
    crm.row_factory = sqlite3.Row
    crm.executescript(SCHEMA)
    (last,) = crm.execute("select coalesce(max(up_to), 0) from synced").fetchone()
    (newest,) = crm.execute("select coalesce(max(id), 0) from changes").fetchone()
    report = client.send(changes_since(crm, last))
    with crm:
        crm.execute("delete from synced")
        crm.execute("insert into synced values (?)", (newest,))
    return report


if __name__ == "__main__":
    crm = sqlite3.connect(sys.argv[1])
    with S2SClient() as client:
        report = sync(crm, client)
    crm.close()
    print(f"{report.accepted} sent, {report.duplicate} known before, {report.rejected_count} refused")
    for rejection in report.rejected:
        print(f"  {rejection.event_id}: {'; '.join(f'{error.loc} {error.msg}' for error in rejection.errors)}")
    sys.exit(3 if report.rejected_count else 0)
