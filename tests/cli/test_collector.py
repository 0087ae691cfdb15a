"""``ecomtrack collector``: the first line, the keys, a clean end, and refusals that explain themselves."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.request import urlopen

from tests.cli.conftest import Command, Running, start_collector


def test_first_line_is_the_contract(collector: Running):
    """With --json the first line names address, data and the three keys, and the port accepts connections."""
    assert set(collector.ready) == {"url", "data", "keys"}
    assert set(collector.keys) == {"site", "server", "read"}
    with urlopen(collector.url + "/health", timeout=30) as answer:
        assert answer.status == 200


def test_keys_stay_the_same(tmp_path: Path):
    """Keys are made on the first start and are the same on the next; SIGTERM ends with exit code 0."""
    first = start_collector(tmp_path)
    with first.process:
        assert first.stop() == 0
    second = start_collector(tmp_path)
    with second.process:
        assert second.stop() == 0
    assert first.keys == second.keys


def test_one_collector_per_directory(ecomtrack: Command, collector: Running):
    """A second collector on the same data is refused with a sentence."""
    answer = ecomtrack("collector", "--port", 0, "--data", collector.data)
    assert answer.code == 1
    assert "another collector is running" in answer.err


def test_other_addresses_need_keys(ecomtrack: Command, tmp_path: Path):
    """An address beyond this machine without keys is wrong usage."""
    answer = ecomtrack("collector", "--host", "0.0.0.0", "--port", 0, "--data", tmp_path / "new")
    assert answer.code == 2
    assert "keys" in answer.err


def test_taken_port(ecomtrack: Command, tmp_path: Path):
    """A port that is taken is said so, with what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = ecomtrack("collector", "--port", port, "--data", tmp_path / "new")
    assert answer.code == 2
    assert "--port" in answer.err


def test_malformed_key(ecomtrack: Command, tmp_path: Path):
    """A key without a kind is wrong usage."""
    answer = ecomtrack("collector", "--key", "secret", "--data", tmp_path / "new")
    assert answer.code == 2
    assert "KIND=KEY" in answer.err
