"""The collector as a process, over real sockets."""

from __future__ import annotations

import http.client
import itertools
import json
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ecomtrack_sdk import ViewPage
from ecomtrack_sdk._wire import compress, encode_event
from ecomtrack_sdk.collector import _server, serve
from ecomtrack_sdk.errors import ConfigError, StoreBusy, StoreError
from ecomtrack_sdk.store import LogEntry, SqliteStore, _projection


def post(served: Any, body: bytes, key: str = "server", **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(*served.address, timeout=60)
    try:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        token = served.keys.get(key, key)
        connection.request(
            "POST",
            "/v1/events",
            body,
            {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson", **given},
        )
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def get(served: Any, path: str, key: str | None = "read") -> tuple[int, Any]:
    connection = http.client.HTTPConnection(*served.address, timeout=60)
    try:
        headers = {} if key is None else {"Authorization": f"Bearer {served.keys.get(key, key)}"}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def batch(size: int) -> bytes:
    return b"".join(encode_event(ViewPage()) + b"\n" for _ in range(size))


def test_the_first_start_makes_keys_and_later_starts_keep_them(start, tmp_path):
    """The first line names address, directory and three keys; the next start prints the same keys."""
    first = start()
    assert first.url.startswith("http://127.0.0.1:")
    assert first.info["data"] == str(tmp_path / "data")
    assert set(first.keys) == {"site", "server", "read"}
    assert first.stop() == 0
    second = start()
    assert second.keys == first.keys
    assert get(second, "/v1/inspect/all") == (200, {"total": 0, "good": 0, "bad": 0})


def test_keys_are_kept_as_digests_and_files_are_private(start, tmp_path):
    """``keys.json`` holds no key; without the clear-text file old keys still work and are not printed."""
    served = start()
    data = tmp_path / "data"
    assert not any(token in (data / "keys.json").read_text() for token in served.keys.values())
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    for path in data.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    served.stop()
    (data / "first-keys.json").unlink()
    again = start()
    assert again.info["keys"] == {}
    assert get(again, "/v1/inspect/all", served.keys["read"])[0] == 200


def test_commands_beside_it_find_the_running_collector(start, tmp_path):
    """``collector.json`` holds address, pid and a read key while the collector runs, and goes with it."""
    served = start()
    path = tmp_path / "data" / "collector.json"
    running = json.loads(path.read_text())
    assert (running["url"], running["pid"]) == (served.url, served.process.pid)
    assert get(served, "/v1/inspect/all", running["keys"]["read"])[0] == 200
    assert served.stop() == 0
    assert not path.exists()


def test_batches_arrive_compressed_and_are_there_after_a_restart(start):
    """What was acknowledged is listed by the next process, and known as a duplicate."""
    served = start()
    body = compress(batch(500), "gzip")
    assert post(served, body, content_encoding="gzip")[1]["accepted"] == 500
    served.stop()
    again = start()
    status, verdict = post(again, body, content_encoding="gzip")
    assert (status, verdict["accepted"], len(verdict["duplicate"])) == (200, 0, 500)
    assert get(again, "/v1/inspect/all")[1]["good"] == 500


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(start, number):
    """SIGTERM and Ctrl-C are requests to leave: exit code 0."""
    assert start().stop(number) == 0


def test_leaving_under_load_answers_what_was_accepted(start, tmp_path):
    """At SIGTERM under load every batch that is in the log was answered, and every answered one is in the log."""
    served = start()
    clients = 8
    answered: list[set[str]] = [set() for _ in range(clients)]
    going = threading.Barrier(clients + 1, timeout=60)

    def send_until_gone(number: int) -> None:
        connection = http.client.HTTPConnection(*served.address, timeout=60)
        headers = {"Authorization": f"Bearer {served.keys['server']}", "Content-Type": "application/x-ndjson"}
        try:
            for turn in itertools.count():
                events = [ViewPage() for _ in range(20)]
                connection.request("POST", "/v1/events", b"\n".join(map(encode_event, events)), headers)
                answer = connection.getresponse()
                assert (answer.status, json.loads(answer.read())["accepted"]) == (200, 20)
                answered[number].update(event.event_id for event in events)
                if turn == 2:
                    going.wait()
        except (OSError, http.client.HTTPException):
            return  # the collector has gone: no answer, and so nothing of this batch may be in the log
        finally:
            connection.close()

    with ThreadPoolExecutor(clients) as pool:
        running = [pool.submit(send_until_gone, number) for number in range(clients)]
        going.wait()
        assert served.stop() == 0
        for one in running:
            one.result(60)
    with SqliteStore(tmp_path / "data" / "events.db", must_exist=True) as store:
        kept = {row.event_id for row in store.read(0, 1_000_000)}
    assert kept == set().union(*answered)


def test_what_the_process_writes_names_nobody(tmp_path):
    """Nothing personal is in what a collector prints, access log included, whatever was asked and whatever failed."""
    needles = ("needle-visitor", "needle@x.example", "needle-order", "203.0.113.7", "needle-key")
    log = tmp_path / "log"
    command = [sys.executable, "-m", "ecomtrack_sdk", "collector", "--port", "0", "--data", str(tmp_path / "data")]
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [*command, "--json", "--access-log"], stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        assert process.stdout is not None
        info = json.loads(process.stdout.readline())
        address = info["url"].removeprefix("http://").split(":")

        def ask(method: str, path: str, body: bytes = b"", key: str = "server") -> int:
            connection = http.client.HTTPConnection(address[0], int(address[1]), timeout=60)
            headers = {"Authorization": f"Bearer {info['keys'].get(key, key)}", "X-Forwarded-For": "203.0.113.7"}
            connection.request(method, path, body, {**headers, "Content-Type": "application/x-ndjson"})
            answer = connection.getresponse()
            answer.read()
            connection.close()
            return answer.status

        customer = '"customer":{"id":"c1","email":"needle@x.example"}'
        good = '{"type":"identify","visitor_id":"needle-visitor","context":{"ip":"203.0.113.7"},' + customer + "}"
        bad = '{"type":"order","order_id":"needle-order",' + customer + "}"
        assert ask("POST", "/v1/events", f"{good}\n{bad}\nneedle@x.example".encode()) == 200
        assert ask("POST", "/v1/events", good.encode(), "needle-key") == 401
        assert ask("POST", "/v1/events?key=needle-key", good.encode(), "") == 401
        for path in ("needle@x.example", "needle-visitor"):
            assert ask("GET", f"/v1/customers/{path}") == 200
        assert ask("GET", "/v1/reports/profile?person=needle@x.example") == 200
        assert ask("GET", "/v1/links?name=needle-visitor") == 200
        assert ask("GET", "/console/people?person=needle@x.example") == 200
        assert ask("GET", "/v1/inspect/good?customer=needle@x.example&nonsense=needle-order") == 400
        assert ask("GET", "/needle@x.example/needle-order") == 404
        assert ask("DELETE", "/v1/customers/needle@x.example") == 200
        process.terminate()
        assert process.wait(60) == 0
    written = log.read_text()
    assert written.count('"path"') == 11
    assert [needle for needle in (*needles, *info["keys"].values()) if needle in written] == []


def test_a_long_load_does_not_hold_up_the_end(tmp_path, monkeypatch):
    """When the collector is told to stop, a projection being loaded ends with the group at hand, and goes on later."""
    monkeypatch.setattr(_projection, "LOAD_ROWS", 10)
    monkeypatch.setattr(_projection, "READ_ROWS", 10)
    with SqliteStore(tmp_path / "events.db") as store:
        for number in range(5):
            raw = [encode_event(ViewPage()) for _ in range(10)]
            store.append(
                [LogEntry(f"{number}-{place}", "view_page", 0, 0, "site", one) for place, one in enumerate(raw)]
            )
        stopping = _server._open_warehouse(store, tmp_path, lambda: True)
        with pytest.raises(StoreBusy, match="stopping"):
            stopping.refresh()
        stopping.close()
        again = _server._open_warehouse(store, tmp_path, lambda: False)
        assert again.refresh() == 40
        again.close()


def test_a_second_collector_on_the_same_directory_is_refused(start, tmp_path):
    """One directory has one collector; the refusal says so. A killed one leaves no lock behind."""
    served = start()
    with pytest.raises(StoreError, match="another collector"):
        serve("127.0.0.1", 0, tmp_path / "data")
    served.stop(signal.SIGKILL)
    assert get(start(), "/v1/inspect/all")[0] == 200


def test_an_open_address_needs_keys(tmp_path):
    """Listening beyond this machine without keys is refused before anything is made."""
    with pytest.raises(ConfigError, match="keys"):
        serve("0.0.0.0", 0, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_port_in_use_is_an_os_error(start, tmp_path):
    """A port somebody has raises OSError and leaves no running file behind."""
    served = start()
    with pytest.raises(OSError, match="in use"):
        serve("127.0.0.1", served.address[1], tmp_path / "other")
    assert not (tmp_path / "other" / "collector.json").exists()


def test_given_keys_are_honoured_and_not_stored(start, tmp_path):
    """Keys handed in by the environment work beside those of the directory."""
    program = (
        "import json, sys\nfrom ecomtrack_sdk.collector import serve\n"
        "serve('127.0.0.1', 0, sys.argv[1], keys={'server': 'given-by-the-environment'},"
        " on_ready=lambda info: print(json.dumps(info), flush=True))"
    )
    served = start(None, program)
    assert served.keys["server"] == "given-by-the-environment"
    assert post(served, batch(1))[1]["accepted"] == 1
    assert "given-by" not in (tmp_path / "data" / "keys.json").read_text()


def raw_connection(served: Any) -> socket.socket:
    connection = socket.create_connection(served.address, timeout=60)
    connection.settimeout(60)
    return connection


def read_all(connection: socket.socket) -> bytes:
    parts = []
    while True:
        try:
            part = connection.recv(65536)
        except ConnectionResetError:
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x00\x01\x02 nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n",
    ],
    ids=["noise", "version", "negative", "smuggling", "chunk", "line", "header"],
)
def test_broken_http_harms_nobody(start, request_bytes):
    """Bytes that are no HTTP end in an error or a closed connection, and the next client is served."""
    served = start()
    with raw_connection(served) as connection:
        try:
            connection.sendall(request_bytes)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        answer = read_all(connection)
    assert not answer or answer.split(b" ")[1][:1] in (b"4", b"5"), answer[:200]
    assert post(served, batch(1))[1]["accepted"] == 1


def test_memory_stays_bounded_under_bombs(start):
    """Many decompression bombs at once are refused and do not grow the process by more than a few of them."""
    served = start()
    post(served, batch(10))
    bomb = compress(b"\n" * (64 * 1024 * 1024), "gzip")

    def resident() -> int:
        lines = Path(f"/proc/{served.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

    if not Path("/proc/self/status").exists():
        pytest.skip("no /proc on this system")
    before = resident()
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda _: post(served, bomb, content_encoding="gzip")[0], range(64)))
    assert set(statuses) == {413}
    assert resident() - before < 150_000
    assert post(served, batch(1))[1]["accepted"] == 1


def test_it_needs_no_client_half():
    """Starting a collector loads neither the tracker nor an HTTP client library."""
    code = (
        "import sys, ecomtrack_sdk.collector._server\n"
        "print([name for name in sys.modules if name in ('httpx', 'duckdb', 'ecomtrack_sdk._client')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_time_is_utc_and_recent(start):
    """What the collector stamps is the current moment."""
    served = start()
    before = time.time()
    post(served, b'{"type":"view_page"}')
    (found,) = get(served, "/v1/inspect/good")[1]
    received = datetime.fromisoformat(found["received_at"])
    assert received.utcoffset().total_seconds() == 0
    assert before - 1 <= received.timestamp() <= time.time() + 1
