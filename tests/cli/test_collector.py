"""``ecomtrack collector``: the first line, the keys, a clean end, and refusals that explain themselves."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

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


# --- the file of settings --------------------------------------------------------------------------------------------


def configured(folder: Path, text: str, *options: str, **environment: str) -> Running:
    """A collector started with a file of settings."""
    path = folder / "collector.toml"
    path.write_text(text)
    path.chmod(0o600)
    command = [sys.executable, "-m", "ecomtrack_sdk", "collector", "--config", str(path), "--json", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.wait(30)
    return Running(process, json.loads(line))


FULL = """
host = "127.0.0.1"
port = 0
data = "kept"
test_mode = false
site_rate = "5/minute"
access_log = false
origins = ["https://shop.example"]

[keys]
server = "server-key-from-the-file"
site = "site-key-from-the-file"

[privacy]
ip = "drop"

[webhooks]
shopify = "a secret of the file"
"""


def test_settings_from_a_file(tmp_path: Path):
    """Every setting of the file holds; a relative directory is beside it; keys of the file are not stored."""
    running = configured(tmp_path, FULL)
    with running.process:
        assert running.data == str(tmp_path / "kept")
        assert running.keys["server"] == "server-key-from-the-file"
        headers = {"Authorization": "Bearer server-key-from-the-file", "Content-Type": "application/x-ndjson"}
        body = b'{"type":"view_page","context":{"ip":"203.0.113.7"}}'
        with urlopen(Request(running.url + "/v1/events", body, headers), timeout=30) as answer:
            assert json.load(answer)["accepted"] == 1
        with urlopen(Request(running.url + "/v1/inspect/good", headers=headers), timeout=30) as answer:
            assert "ip" not in json.load(answer)[0]["event"]["context"]
        for path, status in (
            ("/v1/inspect/reset", 403),
            ("/v1/webhooks/shopify", 401),
            ("/v1/webhooks/woocommerce", 404),
        ):
            with pytest.raises(HTTPError) as refused:
                urlopen(Request(running.url + path, b"{}", headers), timeout=30)
            with refused.value as problem:
                assert problem.status == status, path
        assert running.stop() == 0
    assert "from-the-file" not in (tmp_path / "kept" / "keys.json").read_text()


def test_options_before_environment_before_file(tmp_path: Path):
    """The same setting given thrice: the option wins; given twice: the environment wins."""
    text = 'port = 0\ndata = "of-file"\n[keys]\nread = "read-key-from-the-file"\n'
    environment = {
        "ECOMTRACK_DATA": str(tmp_path / "of-environment"),
        "ECOMTRACK_COLLECTOR_KEYS": "read=read-key-of-the-environment server=server-key-of-the-environment",
    }
    running = configured(tmp_path, text, **environment)
    with running.process:
        assert running.data == str(tmp_path / "of-environment")
        assert running.keys["read"] == "read-key-of-the-environment"
        assert running.stop() == 0
    running = configured(tmp_path, text, "--data", str(tmp_path / "of-option"), **environment)
    with running.process:
        assert running.data == str(tmp_path / "of-option")
        assert running.stop() == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot = 1", "there is no setting 'prot'. Did you mean port?"),
        ("[keys]\nboss = 'x'", "keys.boss"),
        ("port = '8400'", "port: input should be a valid integer, not str"),
        ("port = 70000", "port: input should be less than or equal to 65535"),
        ("port = ", "is no TOML"),
        ("[privacy]\nip = 'hash'", "privacy: 'ip=hash' is none of"),
        ("site_rate = 'often'", "a rate is a number and a unit"),
        ("[keys]\nserver = 'short'", "at least 16"),
    ],
)
def test_mistakes_in_the_file_are_named(ecomtrack: Command, tmp_path: Path, text: str, said: str):
    """A mistake ends the command with the setting and what there is; nothing is started."""
    path = tmp_path / "collector.toml"
    path.write_text(text)
    path.chmod(0o600)
    answer = ecomtrack("collector", "--config", path, "--data", tmp_path / "new", "--port", 0)
    assert answer.code == 2
    assert said in " ".join(answer.err.split()), answer.err


def test_keys_in_a_file_others_may_read_are_refused(ecomtrack: Command, tmp_path: Path):
    """Secrets in a readable file are told, with what to do; a missing file is named."""
    path = tmp_path / "collector.toml"
    path.write_text("[keys]\nserver = 'server-key-from-the-file'\n")
    path.chmod(0o644)
    answer = ecomtrack("collector", "--config", path)
    assert answer.code == 2
    assert "chmod 600" in answer.err
    assert "No such file" in ecomtrack("collector", "--config", tmp_path / "none.toml").err


def test_a_link_for_the_console_is_printed(tmp_path: Path):
    """Without --json the start prints the link that opens the console once; with it the first line is the contract."""
    command = [sys.executable, "-m", "ecomtrack_sdk", "collector", "--port", "0", "--data", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdout is not None
        link = next(line for line in process.stdout if "/console/enter?code=" in line).split()[-1]
        with urlopen(link, timeout=30) as answer:
            assert "ecomtrack_console=" in answer.headers["Set-Cookie"]
        process.terminate()
        assert process.wait(30) == 0
