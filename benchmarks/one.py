"""One measurement in a process of its own: ``one.py MEASURE ADAPTER KIND COUNT URL``; prints one JSON object."""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

sys.path.insert(0, str(Path(__file__).parent))

from adapters import ADAPTERS
from data import ROWS

PACE = 400
"""Calls a second in the paced run: a busy shop, not a loop."""


def quantiles(nanoseconds: list[int]) -> dict[str, float]:
    ordered = sorted(nanoseconds)
    at = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
    found = {name: ordered[min(len(ordered) - 1, int(len(ordered) * share))] / 1000 for name, share in at.items()}
    return {**found, "max": ordered[-1] / 1000}


def caller(adapter, kind: str, count: int, pace: float | None = None) -> dict[str, float]:
    """Microseconds the caller waits, each call timed on its own; warm, with the SDK's worker running beside."""
    call, make = getattr(adapter, kind), ROWS[kind]
    for number in range(200):
        call(make(number))
    adapter.flush()  # imports, threads and the connection are there before the clock starts
    rows = [make(number) for number in range(min(count, 5000))]
    times = []
    due = time.perf_counter()
    for number in range(count):
        row = rows[number % len(rows)]
        if pace:
            due += 1 / pace
            time.sleep(max(0.0, due - time.perf_counter()))
        start = time.perf_counter_ns()
        call(row)
        times.append(time.perf_counter_ns() - start)
    return quantiles(times)


def seen(url: str) -> dict[str, int]:
    with urlopen(url, timeout=60) as answer:
        return json.load(answer)


def end_to_end(adapter, kind: str, count: int, url: str) -> dict[str, float]:
    """Events a second from the first call until the sink has all, processor time of this process, bytes on the wire."""
    call, make = getattr(adapter, kind), ROWS[kind]
    rows = [make(number) for number in range(min(count, 5000))]
    for row in rows[:50]:
        call(row)
    adapter.flush()  # imports, threads and the connection are there before the clock starts
    start_at = seen(url)
    count += start_at["events"]
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    for number in range(count - start_at["events"]):
        call(rows[number % len(rows)])
    adapter.close()
    deadline = time.monotonic() + 120
    while (counts := seen(url))["events"] < count and time.monotonic() < deadline:
        time.sleep(0.01)
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    arrived = counts["events"] - start_at["events"]
    return {
        "events_per_second": arrived / seconds,
        "cpu_us": spent / max(1, arrived) * 1e6,
        "bytes_per_event": (counts["bytes"] - start_at["bytes"]) / max(1, arrived),
        "requests": counts["requests"] - start_at["requests"],
        "arrived": arrived,
    }


def memory(adapter, kind: str, count: int) -> dict[str, float]:
    """Resident megabytes added by *count* waiting events while nobody listens, and the longest garbage collection."""
    longest = 0.0
    began = 0.0

    def watch(phase: str, _: dict) -> None:
        nonlocal longest, began
        if phase == "start":
            began = time.perf_counter()
        else:
            longest = max(longest, time.perf_counter() - began)

    call, make = getattr(adapter, kind), ROWS[kind]
    call(make(0))
    gc.callbacks.append(watch)
    before = resident()
    for number in range(count):
        call(make(number))
    return {"rss_mb": resident() - before, "total_mb": resident(), "longest_gc_ms": longest * 1000}


def resident() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    measure, name, kind, count, url = sys.argv[1:6]
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        adapter = ADAPTERS[name](url, f"{directory}/outbox")
        if measure == "caller":
            result = caller(adapter, kind, int(count))
        elif measure == "paced":
            result = caller(adapter, kind, int(count), PACE)
        elif measure == "end_to_end":
            result = end_to_end(adapter, kind, int(count), url)
        else:
            result = memory(adapter, kind, int(count))
        print(json.dumps(result), flush=True)
        os._exit(0)  # a peer with a full queue and a dead sink would wait here


if __name__ == "__main__":
    main()
