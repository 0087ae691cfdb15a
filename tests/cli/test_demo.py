"""``ecomtrack demo``: the README's first command."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from urllib.request import urlopen

import pytest

from ecomtrack_sdk.cli._shop import Shop
from ecomtrack_sdk.events import EVENT_CLASSES
from tests.cli.conftest import Command

END = datetime(2026, 6, 1, tzinfo=UTC)


def test_whole_way(ecomtrack: Command):
    """The made-up shop's events arrive through both clients, and both reports have figures."""
    answer = ecomtrack("demo", "--days", 30, "--visits", 10, "--until", "2026-06-01", "--json")
    assert answer.code == 0
    body = answer.json()
    events = list(Shop(END, days=30, visits=10).events())
    assert sum(body["events"].values()) == len(events)
    assert [report["report"] for report in body["reports"]] == ["revenue", "orders"]
    placed = [event for event in events if event.type == "order" and event.currency == "EUR"]
    rows = body["reports"][0]["rows"]
    cancelled_too = sum(Decimal(row["gross"]) for row in rows)
    assert cancelled_too == sum(order.total for order in placed)


def test_same_seed_same_shop():
    """Everything but the seed and the end being equal, events and ids are the same; another seed differs."""
    first = [event.model_dump_json() for event in Shop(END, days=8, visits=8).events()]
    assert first == [event.model_dump_json() for event in Shop(END, days=8, visits=8).events()]
    assert first != [event.model_dump_json() for event in Shop(END, days=8, visits=8, seed=2).events()]


def test_shop_is_believable():
    """Nearly every kind of event occurs, ids are unique, nothing lies in the future, few sessions buy."""
    events = list(Shop(END, days=60, visits=30).events())
    kinds = {event.type for event in events}
    assert set(EVENT_CLASSES) - kinds <= {"email_bounced", "email_complained", "email_unsubscribed"}
    assert len({event.event_id for event in events}) == len(events)
    assert max(event.occurred_at for event in events) <= END
    orders = [event for event in events if event.type == "order"]
    assert {order.currency for order in orders} == {"EUR", "CHF", "USD"}
    visits = sum(event.type == "view_page" for event in events)
    assert 0.02 < len(orders) / visits < 0.08
    assert all(not event.warnings() for event in events)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_keep_leaves_the_collector_running(tmp_path: Path, number: signal.Signals):
    """With --keep the address it prints answers until it is told to stop, by Ctrl-C or otherwise; that ends both."""
    words = ["demo", "--days", "7", "--visits", "2", "--keep", "--json", "--data", str(tmp_path / "kept")]
    process = subprocess.Popen(
        [sys.executable, "-m", "ecomtrack_sdk", *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    with process:
        assert process.stdout is not None
        text = ""
        while not text.endswith("\n}\n"):
            line = process.stdout.readline()
            assert line, "the demo ended early"
            text += line
        with urlopen(json.loads(text)["url"] + "/health", timeout=30) as answer:
            assert answer.status == 200
        process.send_signal(number)
        assert process.wait(60) == 0
    assert (tmp_path / "kept" / "collector" / "events.db").exists()
