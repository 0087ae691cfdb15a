"""``ecomtrack send``: every event has a verdict, and the exit code says whether all were taken."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.cli.conftest import Command, Running


def test_counts_and_second_run(ecomtrack: Command, collector: Running, orders_jsonl: Path):
    """All are accepted, and sent again all are duplicates; both times the exit code is 0."""
    first = ecomtrack("send", orders_jsonl, "--url", collector.url, "--key", collector.keys["server"], "--json")
    assert (first.code, first.json()) == (0, {"accepted": 3, "duplicate": 0, "rejected": []})
    second = ecomtrack("send", orders_jsonl, "--data", collector.data, "--json")
    assert (second.code, second.json()) == (0, {"accepted": 0, "duplicate": 3, "rejected": []})


def test_rejections(ecomtrack: Command, collector: Running, tmp_path: Path, orders_jsonl: Path):
    """A refused event is named with its reason, its neighbours pass, and the exit code is 3."""
    path = tmp_path / "mixed.jsonl"
    path.write_text(orders_jsonl.read_text().replace('"order_id":"2",', "", 1) + "\nnot json\n")
    answer = ecomtrack("send", path, "--data", collector.data, "--json")
    assert answer.code == 3
    body = answer.json()
    assert body["accepted"] == 2
    assert [one["index"] for one in body["rejected"]] == [1, 4]  # a blank line counts as a place in the file
    assert body["rejected"][0]["errors"][0]["loc"] == "order_id"
    plain = ecomtrack("send", path, "--data", collector.data)
    assert plain.code == 3
    assert "order_id" in plain.out


def test_rejections_file_can_be_sent_again(ecomtrack: Command, collector: Running, tmp_path: Path, orders_jsonl: Path):
    """What was refused lies in a file that, repaired, is sent as it is."""
    refused = tmp_path / "refused.jsonl"
    broken = tmp_path / "broken.jsonl"
    broken.write_text(orders_jsonl.read_text().replace('"currency":"EUR"', '"currency":"E"', 1))
    assert ecomtrack("send", broken, "--data", collector.data, "--rejections", refused).code == 3
    refused.write_text(refused.read_text().replace('"currency":"E"', '"currency":"EUR"'))
    assert ecomtrack("send", refused, "--data", collector.data, "--json").json()["accepted"] == 1


def test_standard_input(ecomtrack: Command, collector: Running, orders_jsonl: Path, monkeypatch: pytest.MonkeyPatch):
    """A dash reads the events from standard input."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(orders_jsonl.read_bytes())))
    assert ecomtrack("send", "-", "--data", collector.data, "--json").json()["accepted"] == 3


def test_checkpoint(ecomtrack: Command, collector: Running, orders_jsonl: Path, tmp_path: Path):
    """With a checkpoint a second run passes over what the first has done."""
    words = ("send", orders_jsonl, "--data", collector.data, "--checkpoint", tmp_path / "point")
    assert ecomtrack(*words).code == 0
    assert "3 done by an earlier run" in ecomtrack(*words).out


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["missing.jsonl"], 2, "there is no file"),
        (["FILE"], 2, "ecomtrack collector"),
        (["FILE", "--url", "http://127.0.0.1:9"], 2, "--key"),
        (["FILE", "--url", "no address", "--key", "k"], 2, "url"),
    ],
)
def test_wrong_usage(ecomtrack: Command, orders_jsonl: Path, words: list[str], code: int, says: str):
    """A missing file, collector, key or address is wrong usage and says what to do."""
    answer = ecomtrack("send", *[str(orders_jsonl) if word == "FILE" else word for word in words])
    assert answer.code == code
    assert says in answer.err


def test_wrong_key(ecomtrack: Command, collector: Running, orders_jsonl: Path):
    """A key the collector does not know fails with its words."""
    answer = ecomtrack("send", orders_jsonl, "--url", collector.url, "--key", "wrong-key-of-some-length")
    assert answer.code == 1
    assert "key" in answer.err
