"""What each SDK loses: ``loss.py FAULT ADAPTER``; prints one JSON object.

A program in a process of its own tracks product views through the fault proxy of the test suite into the sink, which
notes every event by the mark in it and by the id its SDK gave it. Each SDK with its defaults. One that keeps events on
disk is started once more at the end, as a service manager would, and tracks a little: what is left then is lost.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from adapters import OURS

PATIENCE = 75
"""Seconds for which a program may try to end in good order before it is killed, as a service manager would."""


class Bench:
    """The sink, the proxy before it, and the victim."""

    def __init__(self, adapter: str, directory: str) -> None:
        self.adapter = adapter
        self.directory = directory
        self.report = Path(directory) / "report"
        self.sink = self._start("sink.py", "--ids")
        port = self.sink.stdout.readline().strip()
        self.sink_url = f"http://127.0.0.1:{port}"
        self.proxy = self._start("../tests/faults/proxy.py", port)
        self.url = f"http://127.0.0.1:{json.loads(self.proxy.stdout.readline())['port']}"
        self.victim: subprocess.Popen | None = None

    @staticmethod
    def _start(program: str, *arguments: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, str(HERE / program), *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def tell(self, **wish: Any) -> dict:
        self.proxy.stdin.write(json.dumps(wish) + "\n")
        self.proxy.stdin.flush()
        return json.loads(self.proxy.stdout.readline())

    def start(self, count: int, rate: float, ending: str, *names: str) -> None:
        """Start the victim; returns when its first call has returned."""
        self.victim = subprocess.Popen(
            [sys.executable, str(HERE / "victim.py"), self.adapter, self.url, f"{self.directory}/outbox",
             str(self.report), str(count), str(rate), ending, *names],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        while count and not (self.report.exists() and self.report.stat().st_size) and self.victim.poll() is None:
            time.sleep(0.01)

    def tracked(self, count: int) -> None:
        """Wait until the victim has tracked that many, or as many as it can in its time."""
        deadline = time.monotonic() + 25
        while len(self.report.read_text().splitlines()) < count and time.monotonic() < deadline:
            time.sleep(0.005)

    def ends(self, patience: float = PATIENCE) -> bool:
        """Whether the victim ended by itself."""
        try:
            self.victim.wait(patience)
        except subprocess.TimeoutExpired:
            self.victim.kill()
            self.victim.wait()
            return False
        return True

    def kill(self, number: int) -> None:
        self.victim.send_signal(number)
        self.ends(20)

    def again(self) -> None:
        """Where events are kept on disk: the next start delivers them."""
        if self.adapter in OURS:
            self.start(400, 50, "close", "9-")
            self.ends()

    def balance(self) -> dict[str, Any]:
        marks = self.report.read_text().splitlines()
        returned = {mark for mark in marks if not mark.startswith("!")}
        with urlopen(f"{self.sink_url}/ids", timeout=60) as answer:
            arrived: dict[str, dict[str, int]] = json.load(answer)
        doubled = repeated = 0
        for ids in arrived.values():
            # The same id twice can be told apart from two events; no id, or another one, cannot.
            doubled += (sum(ids.values()) if "" in ids else len(ids)) > 1
            repeated += sum(ids.values()) > 1
        return {
            "tracked": len(returned),
            "lost": len(returned - arrived.keys()),
            "doubled": doubled,
            "sent_again": repeated,
            "raised": len(marks) - len(returned),
        }

    def close(self) -> None:
        for process in (self.victim, self.proxy, self.sink):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()


def outage(bench: Bench) -> dict:
    bench.start(2400, 200, "close")
    time.sleep(1)
    bench.tell(down=True)
    time.sleep(10)
    bench.tell(down=False)
    return {"hung": not bench.ends()}


def away_at_exit(bench: Bench) -> dict:
    bench.tell(down=True)
    bench.start(1000, 500, "close")
    hung = not bench.ends(20)
    bench.tell(down=False)
    return {"hung": hung}


def no_flush(bench: Bench) -> dict:
    bench.start(1037, 0, "exit")
    return {"hung": not bench.ends(30)}


def killed(number: int) -> Callable[[Bench], dict]:
    def fault(bench: Bench) -> dict:
        bench.start(1037, 0, "wait")
        bench.tracked(1037)
        bench.kill(number)
        return {}

    return fault


def killed_at_work(bench: Bench) -> dict:
    bench.start(10_000, 200, "wait")
    time.sleep(3.1)
    bench.kill(signal.SIGKILL)
    return {}


def forked(bench: Bench) -> dict:
    bench.start(50, 0, "fork")
    return {"hung": not bench.ends(60)}


def full(bench: Bench) -> dict:
    bench.tell(down=True)
    bench.start(25_000, 0, "close")
    bench.tracked(25_000)
    bench.tell(down=False)
    return {"hung": not bench.ends()}


def every(fault: str, number: int, *, rate: float = 500) -> Callable[[Bench], dict]:
    def spoilt(bench: Bench) -> dict:
        bench.tell(faults=[fault], every=number)
        bench.start(3000, rate, "close")
        hung = not bench.ends()
        return {"hung": hung, "struck": bench.tell(every=0, faults=[]).get(fault, 0)}

    return spoilt


def burst_of_503(bench: Bench) -> dict:
    bench.start(3000, 200, "close")
    time.sleep(2)
    bench.tell(faults=["503"], rate=1)
    time.sleep(10)
    bench.tell(faults=[], rate=0)
    return {"hung": not bench.ends()}


def one_hangs(bench: Bench) -> dict:
    bench.tell(faults=["hang"], rate=1)
    bench.start(3000, 200, "close")
    while not bench.tell().get("hang") and bench.victim.poll() is None:
        time.sleep(0.02)
    bench.tell(faults=[], rate=0)
    return {"hung": not bench.ends(60)}


class Fault(NamedTuple):
    title: str
    run: Callable[[Bench], dict]


FAULTS: dict[str, Fault] = {
    "outage": Fault("sink down for 10 s, 200 events/s", outage),
    "away": Fault("sink down, documented shutdown, sink back 5 s later", away_at_exit),
    "exit": Fault("exit without flush, right after a burst", no_flush),
    "term": Fault("SIGTERM right after a burst", killed(signal.SIGTERM)),
    "kill": Fault("SIGKILL right after a burst", killed(signal.SIGKILL)),
    "kill at work": Fault("SIGKILL at 200 events/s", killed_at_work),
    "fork": Fault("50 events, then two forked workers (pre-loaded application)", forked),
    "full": Fault("25,000 events while the sink is down: the queue as it comes", full),
    "503": Fault("503 for 10 s, 200 events/s", burst_of_503),
    "429": Fault("every 4th request 429 with Retry-After 2", every("429_2", 4, rate=200)),
    "before": Fault("every 4th request reset before it is read", every("reset_before", 4)),
    "after": Fault("every 4th request reset after it was processed", every("reset_after", 4)),
    "hang": Fault("one request never answered", one_hangs),
}


@contextmanager
def bench_for(adapter: str) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True) as directory:
        one = Bench(adapter, directory)
        try:
            yield one
        finally:
            one.close()


def main() -> None:
    fault, adapter = sys.argv[1:3]
    with bench_for(adapter) as bench:
        told = FAULTS[fault].run(bench)
        if not bench.report.exists():
            raise SystemExit(f"{adapter} tracked nothing: it does not start here")
        bench.again()
        time.sleep(0.5)
        print(json.dumps({**bench.balance(), **told}), flush=True)


if __name__ == "__main__":
    main()
