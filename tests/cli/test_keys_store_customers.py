"""``ecomtrack keys``, ``store`` and ``customers`` as an operator runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ecomtrack_sdk import Customer, Identify, Item, Order
from ecomtrack_sdk._wire import encode_event
from ecomtrack_sdk.collector._keyfile import first_keys
from ecomtrack_sdk.store import LogEntry, SqliteStore


def fill(data: Path, *events: object) -> None:
    """A log with these events, as a collector would have left it."""
    with SqliteStore(data / "events.db") as store:
        store.append(
            [
                LogEntry(
                    event.event_id,
                    event.type,
                    round(event.occurred_at.timestamp() * 1_000_000),
                    1,
                    "server",
                    encode_event(event),
                )
                for event in events
            ]
        )


def order(year: int) -> Order:
    return Order(
        order_id=f"o{year}",
        items=[Item(product_id="p", price="5")],
        currency="EUR",
        occurred_at=f"{year}-01-05T10:00:00Z",
    )


def test_keys_are_made_listed_rotated_and_revoked(ecomtrack, tmp_path):
    """A key is shown when it is made and never again; revoked ones are gone from the list."""
    first_keys(tmp_path)
    made = ecomtrack(
        "keys", "create", "site", "--label", "blog", "--origin", "https://blog.example", "--data", tmp_path
    )
    assert made.code == 0
    assert "ecomtrack_site_" in made.out
    rotated = ecomtrack("keys", "rotate", "site-2", "--data", tmp_path, "--json").json()
    assert (rotated["id"], rotated["origins"]) == ("site-3", ["https://blog.example"])
    listed = ecomtrack("keys", "list", "--data", tmp_path, "--json")
    assert "ecomtrack_site_" not in listed.out
    keys = {key["id"]: key for key in listed.json()["keys"]}
    assert set(keys) == {"site-1", "server-1", "read-1", "site-2", "site-3"}
    assert keys["site-2"]["ends"] is not None
    assert ecomtrack("keys", "revoke", "site-2", "--data", tmp_path, "--json").json() == {"revoked": "site-2"}
    table = ecomtrack("keys", "list", "--data", tmp_path)
    assert "site-3" in table.out
    assert "site-2" not in table.out


@pytest.mark.parametrize(
    "words",
    [
        ("create", "boss"),
        ("create", "server", "--origin", "https://x.example"),
        ("create", "site", "--origin", "shop"),
        ("rotate", "site-9"),
        ("revoke", "site-9"),
    ],
)
def test_wrong_words_are_wrong_usage(ecomtrack, tmp_path, words):
    """Exit code 2 and a sentence that says what is allowed."""
    outcome = ecomtrack("keys", *words, "--data", tmp_path)
    assert outcome.code == 2
    assert outcome.err


def test_a_backup_is_made_and_verified(ecomtrack, tmp_path):
    """The copy passes the same verification as the log."""
    data, copy = tmp_path / "data", tmp_path / "copy.db"
    fill(data, order(2025), order(2026))
    assert ecomtrack("store", "backup", copy, "--data", data, "--json").json()["bytes"] == copy.stat().st_size
    assert ecomtrack("store", "backup", copy, "--data", data).code == 1
    for words in (("--data", data), ("--file", copy, "--data", data)):
        outcome = ecomtrack("store", "verify", *words, "--json")
        assert (outcome.code, outcome.json()["events"], outcome.json()["findings"]) == (0, 2, [])


def test_a_backup_is_restored(ecomtrack, tmp_path):
    """The restored log has the events of the backup, reports follow, and the log that was there is kept beside it."""
    data, copy = tmp_path / "data", tmp_path / "copy.db"
    fill(data, order(2025), order(2026))
    assert ecomtrack("store", "backup", copy, "--data", data).code == 0
    fill(data, order(2027))
    assert len(ecomtrack("report", "revenue", "--by", "year", "--data", data, "--json").json()["rows"]) == 3
    assert ecomtrack("store", "restore", copy, "--data", data).code != 0  # nobody says yes
    outcome = ecomtrack("store", "restore", copy, "--data", data, "--yes", "--json")
    assert outcome.json() == {"file": str(data / "events.db"), "events": 2}
    assert len(ecomtrack("report", "revenue", "--by", "year", "--data", data, "--json").json()["rows"]) == 2
    with SqliteStore(data / "events.db.before") as before:
        assert before.counts().good == 3
    assert ecomtrack("store", "restore", copy, "--data", tmp_path / "new", "--json").json()["events"] == 2


def test_a_broken_backup_is_not_restored(ecomtrack, tmp_path):
    """What is not sound, or no backup at all, leaves the log as it is."""
    data, copy = tmp_path / "data", tmp_path / "copy.db"
    fill(data, order(2025))
    copy.write_bytes(b"no database")
    for source in (copy, tmp_path / "none.db"):
        outcome = ecomtrack("store", "restore", source, "--data", data, "--yes")
        assert outcome.code in (1, 2), outcome
    with SqliteStore(data / "events.db") as store:
        assert store.counts().good == 1


def test_nothing_is_restored_under_a_running_collector(ecomtrack, collector, tmp_path):
    """A collector that runs on the directory is named."""
    copy = tmp_path / "copy.db"
    assert ecomtrack("store", "backup", copy, "--data", collector.data).code == 0
    outcome = ecomtrack("store", "restore", copy, "--data", collector.data, "--yes")
    assert outcome.code == 1
    assert "another collector is running" in outcome.err


def test_a_log_that_disagrees_fails_verification(ecomtrack, tmp_path):
    """Exit code 1, and the event is named."""
    with SqliteStore(tmp_path / "events.db") as store:
        one = order(2026)
        store.append([LogEntry(one.event_id, "refund", 0, 0, "server", encode_event(one))])
    outcome = ecomtrack("store", "verify", "--data", tmp_path)
    assert outcome.code == 1
    assert one.event_id in outcome.out


def test_purge_asks_and_keeps_the_books(ecomtrack, tmp_path):
    """Old events go only with a yes, orders only when told."""
    old = Identify(customer=Customer(id="c"), occurred_at="2020-01-01T00:00:00Z")
    fill(tmp_path, old, order(2020), order(2026))
    assert ecomtrack("store", "purge", "--before", "soon", "--data", tmp_path).code == 2
    assert ecomtrack("store", "purge", "--before", "2025-01-01", "--data", tmp_path).code != 0
    words = ("store", "purge", "--before", "2025-01-01", "--data", tmp_path, "--yes", "--json")
    assert ecomtrack(*words).json() == {"erased": 1}
    assert ecomtrack(*words, "--orders").json() == {"erased": 1}
    with SqliteStore(tmp_path / "events.db") as store:
        assert store.counts().good == 1


def test_a_person_is_exported_and_erased(ecomtrack, collector, tmp_path):
    """The running collector gives everything, then forgets it; orders stay nameless."""
    jane = Customer(id="c/1", email="jane@x.example")
    events = [Identify(customer=jane), Order(order_id="1", items=[], currency="EUR", total="5", customer=jane)]
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(encode_event(event) + b"\n" for event in events))
    data = ("--data", collector.data)
    assert ecomtrack("send", path, "--url", collector.url, "--key", collector.keys["server"]).code == 0
    exported = ecomtrack("customers", "export", "jane@x.example", *data).json()
    assert [event["type"] for event in exported["events"]] == ["identify", "order"]
    target = tmp_path / "person.json"
    assert ecomtrack("customers", "export", "c/1", "--output", target, *data).code == 0
    assert json.loads(target.read_text())["person"] == "c/1"
    assert ecomtrack("customers", "erase", "c/1", *data).code != 0
    assert ecomtrack("customers", "erase", "c/1", "--yes", "--json", *data).json() == {"erased": 1, "anonymised": 1}
    gone = ecomtrack("customers", "export", "c/1", *data)
    assert gone.code == 2
    assert "nobody" in gone.err


def test_without_a_log_there_is_nothing_to_keep(ecomtrack, tmp_path):
    """Each command says how to get a log instead of making one."""
    for words in (("backup", tmp_path / "x.db"), ("verify",), ("purge", "--before", "2025-01-01", "--yes")):
        outcome = ecomtrack("store", *words, "--data", tmp_path / "nowhere")
        assert outcome.code == 2
        assert "ecomtrack collector" in outcome.err
    assert not (tmp_path / "nowhere").exists()
