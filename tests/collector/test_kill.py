"""kill -9 at random moments under load: what was acknowledged is in the log, exactly once.

``ECOMTRACK_KILL_ROUNDS`` sets how often the collector is killed (25 unless told). A round is cheap because the process
that is killed is forked from one that has already imported everything.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ecomtrack_sdk._types import new_event_id
from ecomtrack_sdk.store import SqliteStore

ROUNDS = int(os.environ.get("ECOMTRACK_KILL_ROUNDS", "25"))
CLIENTS = 4
LONGEST_LIFE = 0.4
"""Seconds between readiness and the kill, at most."""

NURSERY = """
import json, os, signal, sys
from ecomtrack_sdk._wire import validate_event
from ecomtrack_sdk.collector import serve
import uvicorn.protocols.http.auto, uvicorn.lifespan.on
validate_event(b"{}")
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    if os.fork() == 0:
        os.close(0)
        def ready(info):
            os.write(1, json.dumps({**info, "pid": os.getpid()}).encode() + b"\\n")
        serve("127.0.0.1", 0, line.strip(), on_ready=ready)
        os._exit(0)
"""


class Client:
    """Sends batches until the collector is gone; what got no answer is sent again in the next life, as the SDK does."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.acknowledged: set[str] = set()
        self.pending: list[str] = []
        self.address = ("", 0)
        self.key = ""
        self.faults: list[str] = []

    def one_life(self, address: tuple[str, int], key: str) -> threading.Thread:
        """A thread that sends until the connection breaks."""
        self.address, self.key = address, key
        thread = threading.Thread(target=self._send_until_gone)
        thread.start()
        return thread

    def _send_until_gone(self) -> None:
        connection = http.client.HTTPConnection(*self.address, timeout=30)
        try:
            while True:
                if not self.pending:
                    self.pending = [new_event_id() for _ in range(self.random.choice((1, 5, 50, 300)))]
                body = b"".join(
                    b'{"type":"view_page","event_id":"%s","occurred_at":"2026-01-01T00:00:00+00:00"}\n' % one.encode()
                    for one in self.pending
                )
                headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/x-ndjson"}
                connection.request("POST", "/v1/events", body, headers)
                answer = connection.getresponse()
                verdict = json.loads(answer.read())
                if answer.status != 200 or verdict["rejected"] or verdict["retry"]:
                    self.faults.append(f"{answer.status} {verdict}")
                    return
                if verdict["accepted"] + len(verdict["duplicate"]) != len(self.pending):
                    self.faults.append(f"{len(self.pending)} sent, {verdict}")
                self.acknowledged.update(self.pending)
                self.pending = []
        except (OSError, http.client.HTTPException, ValueError):
            return  # the collector was killed: no answer, or half of one
        finally:
            connection.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
@pytest.mark.timeout(60 + ROUNDS * 20)
def test_acknowledged_events_survive_kill_nine_exactly_once(tmp_path: Path) -> None:
    """After every kill and at the end, each acknowledged event is in the log once, and the file is sound."""
    moments = random.Random(20260131)
    clients = [Client(seed) for seed in range(CLIENTS)]
    with subprocess.Popen(
        [sys.executable, "-c", NURSERY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as nursery:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        for _ in range(ROUNDS):
            nursery.stdin.write(f"{tmp_path / 'data'}\n")
            nursery.stdin.flush()
            info = json.loads(nursery.stdout.readline())
            host, port = info["url"].removeprefix("http://").split(":")
            lives = [client.one_life((host, int(port)), info["keys"]["server"]) for client in clients]
            threading.Event().wait(moments.uniform(0, LONGEST_LIFE))
            os.kill(info["pid"], signal.SIGKILL)
            for life in lives:
                life.join(60)
                assert not life.is_alive()
        nursery.stdin.close()
        assert nursery.wait(60) == 0
    assert [fault for client in clients for fault in client.faults] == []
    acknowledged = set().union(*(client.acknowledged for client in clients))
    with SqliteStore(tmp_path / "data" / "events.db", must_exist=True) as store:
        kept = [row.event_id for row in store.read(0, 10_000_000)]
    assert acknowledged, "no round lived long enough to acknowledge anything"
    assert acknowledged <= set(kept)
    assert len(kept) == len(set(kept))
    # What is there beyond the acknowledged was written when the answer was on its way: still waiting at its client.
    assert set(kept) - acknowledged <= {one for client in clients for one in client.pending}
    connection = sqlite3.connect(tmp_path / "data" / "events.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
