"""``ecomtrack inspect`` and ``ecomtrack schema``."""

from __future__ import annotations

from pathlib import Path

from ecomtrack_sdk.events import EVENT_CLASSES
from tests.cli.conftest import Command, Running


def test_inspect_beside_and_without_a_collector(ecomtrack: Command, own_collector: Running, orders_jsonl: Path):
    """The same events are shown whether the collector runs or only its files are there."""
    ecomtrack("send", orders_jsonl, "--data", own_collector.data)
    running = ecomtrack("inspect", "--data", own_collector.data, "--json").json()
    assert running["counts"] == {"total": 3, "good": 3, "bad": 0}
    only = ecomtrack("inspect", "--data", own_collector.data, "--type", "refund", "--json").json()["events"]
    assert [one["event"]["refund_id"] for one in only] == ["r1"]
    own_collector.stop()
    stopped = ecomtrack("inspect", "--data", own_collector.data, "--json").json()
    assert stopped == running


def test_inspect_shows_why_an_event_was_refused(ecomtrack: Command, collector: Running, tmp_path: Path):
    """A refused event is listed with its reason, in text and in JSON."""
    path = tmp_path / "bad.jsonl"
    path.write_text('{"type": "order", "event_id": "00000000-0000-7000-8000-000000000009", "order_id": "1"}\n')
    ecomtrack("send", path, "--data", collector.data)
    answer = ecomtrack("inspect", "--bad", "--data", collector.data)
    assert "rejected" in answer.out
    assert "items" in answer.out
    one = ecomtrack("inspect", "00000000-0000-7000-8000-000000000009", "--data", collector.data, "--json").json()
    assert one["verdict"] == "rejected"
    assert ecomtrack("inspect", "00000000-0000-7000-8000-000000000008", "--data", collector.data).code == 2


def test_reset_empties_the_store(ecomtrack: Command, own_collector: Running, orders_jsonl: Path):
    """--reset empties a collector in test mode; without one it says what to do."""
    ecomtrack("send", orders_jsonl, "--data", own_collector.data)
    assert ecomtrack("inspect", "--reset", "--data", own_collector.data).code == 0
    assert ecomtrack("inspect", "--data", own_collector.data, "--json").json()["counts"]["total"] == 0
    own_collector.stop()
    assert ecomtrack("inspect", "--reset", "--data", own_collector.data).code == 2


def test_no_log_is_explained(ecomtrack: Command, tmp_path: Path):
    """Without a collector and without files it says how to start one."""
    answer = ecomtrack("inspect", "--data", tmp_path / "none")
    assert answer.code == 2
    assert "ecomtrack collector" in answer.err


def test_schema_of_everything_and_of_one(ecomtrack: Command):
    """The schema of all events names every class; one type gives its own; an unknown one lists those there are."""
    whole = ecomtrack("schema", "--json").json()
    assert {cls.__name__ for cls in EVENT_CLASSES.values()} <= set(whole["$defs"])
    order = ecomtrack("schema", "order").json()
    assert "order_id" in order["required"]
    assert "the shop knows only the total" in order["properties"]["items"]["description"]
    assert ecomtrack("schema", "--list").out.split() == list(EVENT_CLASSES)
    wrong = ecomtrack("schema", "purchase")
    assert wrong.code == 2
    assert "view_product" in wrong.err
