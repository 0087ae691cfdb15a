"""A long job: ``million.py [--scale X]``; prints one JSON object.

``S2SClient.send`` over a million synthetic order updates against the real collector, with a checkpoint and a file of
rejections. The sending process is killed (SIGKILL) after three tenths and interrupted (Ctrl-C) after six, and started
again with the same files each time. One update in ten thousand has no order and is refused. At the end the store is
counted: each good update once, none missing.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

MILLION = 1_000_000
BAD = 10_000
"""One in so many is refused."""


def updates(count: int) -> Iterator[bytes]:
    """The same lines in each run, made one at a time."""
    for number in range(count):
        order = f'"order_id":"o{number % 200_000}",' if (number + 1) % BAD else ""
        yield (
            f'{{"type":"order_update","event_id":"00000000-0000-7000-8000-{number:012x}",'
            f'"occurred_at":"2025-03-01T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}Z",{order}'
            f'"status":"shipped","reason":"parcel {number} has left"}}'
        ).encode()


def resident() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def send(url: str, key: str, directory: Path, count: int) -> None:
    """The sending process: a line ``done megabytes`` after each two thousandth."""
    from ecomtrack_sdk import S2SClient

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that starts this in the background ignores it

    def progress(report) -> None:
        if report.done % (count // 500) == 0:
            print(report.done, f"{resident():.1f}", flush=True)

    with S2SClient(url, key=key) as client:
        report = client.send(
            updates(count), checkpoint=directory / "checkpoint", rejections=directory / "rejected.jsonl",
            progress=progress,
        )  # fmt: skip
    print(report.done, f"{resident():.1f}", flush=True)


def run_until(command: list[str], stop_at: int | None, number: int) -> list[tuple[int, float]]:
    """Memory after so many events, until the process ends, or is sent the signal *number* at *stop_at* events."""
    curve = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        for line in process.stdout:
            done, megabytes = line.split()
            curve.append((int(done), float(megabytes)))
            if stop_at is not None and int(done) >= stop_at:
                process.send_signal(number)
                stop_at = None
    return curve


def main() -> None:
    arguments = sys.argv[1:]
    if arguments and arguments[0] == "send":
        send(arguments[1], arguments[2], Path(arguments[3]), int(arguments[4]))
        return
    count = int(MILLION * (float(arguments[1]) if arguments else 1.0))
    with tempfile.TemporaryDirectory(prefix="benchmark-") as place:
        directory = Path(place)
        command = [
            sys.executable,
            "-m",
            "ecomtrack_sdk",
            "collector",
            "--port",
            "0",
            "--data",
            f"{place}/data",
            "--json",
        ]
        collector = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            running = json.loads(collector.stdout.readline())
            job = [sys.executable, __file__, "send", running["url"], running["keys"]["server"], place, str(count)]
            start = time.perf_counter()
            curve = run_until(job, count * 3 // 10, signal.SIGKILL)
            curve += run_until(job, count * 6 // 10, signal.SIGINT)
            resumed = json.loads((directory / "checkpoint").read_text())["done"]
            last = run_until(job, None, 0)
            seconds = time.perf_counter() - start
        finally:
            collector.terminate()
            collector.wait(60)
        base = sqlite3.connect(f"file:{place}/data/events.db?mode=ro", uri=True)
        stored, distinct = base.execute("select count(*), count(distinct event_id) from log").fetchone()
        base.close()
        refused = {json.loads(line)["rejected"]["index"] for line in (directory / "rejected.jsonl").open()}
        good = count - count // BAD
        print(
            json.dumps(
                {
                    "events": count,
                    "seconds": seconds,
                    "events_per_second": count / seconds,
                    "stored": stored,
                    "missing": good - distinct,
                    "doubled": stored - distinct,
                    "refused": len(refused),
                    "resumed_at": resumed,
                    "rss_tenth_mb": next(mb for done, mb in [*curve, *last] if done >= count // 10),
                    "rss_half_mb": next(mb for done, mb in [*curve, *last] if done >= count // 2),
                    "rss_end_mb": last[-1][1],
                    "rss_most_mb": max(mb for _, mb in [*curve, *last]),
                }
            )
        )


if __name__ == "__main__":
    main()
