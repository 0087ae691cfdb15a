"""One measurement in a process of its own: ``one.py MEASURE ADAPTER KIND URL``; prints one JSON object.

``--scale 0.1`` makes it a tenth as long.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

sys.path.insert(0, str(Path(__file__).parent))

from adapters import ADAPTERS
from data import ROWS

BURST = 4_000
"""Calls of the burst, as fast as they return."""
PACE = 400
"""Calls a second in the paced run: a busy shop, not a loop."""
PACED = 1_000
EVENTS = {"order": 4_000, "view": 15_000}
"""Events of the run from end to end."""
WAITING = 100_000
PATIENCE = 25.0
"""Seconds after which the memory run ends although not all are tracked: some peers take minutes."""


def quantiles(nanoseconds: list[int]) -> dict[str, float]:
    ordered = sorted(nanoseconds)
    at = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
    found = {name: ordered[min(len(ordered) - 1, int(len(ordered) * share))] / 1000 for name, share in at.items()}
    return {**found, "max": ordered[-1] / 1000}


def warm(adapter, kind: str) -> None:
    """Imports, threads and the connection are there before the clock starts."""
    call, make = getattr(adapter, kind), ROWS[kind]
    for number in range(200):
        call(make(number))
    adapter.flush()


def caller(adapter, kind: str, count: int, pace: float | None = None) -> dict[str, float]:
    """Microseconds the caller waits, each call timed on its own, with the SDK's worker running beside."""
    call, make = getattr(adapter, kind), ROWS[kind]
    rows = [make(number) for number in range(min(count, 2000))]
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


def settled(url: str) -> dict[str, int]:
    """The sink's counts, when they have stopped changing."""
    counts = seen(url)
    while True:
        time.sleep(0.2)
        before, counts = counts, seen(url)
        if counts == before:
            return counts


def end_to_end(adapter, kind: str, count: int, url: str) -> dict[str, float]:
    """Events a second from the first call until the sink has all, processor time of this process, bytes on the wire."""
    call, make = getattr(adapter, kind), ROWS[kind]
    rows = [make(number) for number in range(2000)]
    start_at = settled(url)
    wanted = start_at["events"] + count
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    for number in range(count):
        call(rows[number % len(rows)])
    adapter.flush()
    adapter.close()
    deadline = time.monotonic() + 60
    while (counts := seen(url))["events"] < wanted and time.monotonic() < deadline:
        time.sleep(0.005)
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


def speed(adapter, name: str, kind: str, url: str, scale: float) -> dict:
    """The burst, then the run from end to end."""
    warm(adapter, kind)
    found = {"caller": caller(adapter, kind, int(BURST * scale))}
    if name != "limit":
        adapter.flush()
        found["flow"] = end_to_end(adapter, kind, int(EVENTS[kind] * scale), url)
    return found


def memory(adapter, name: str, kind: str, url: str, scale: float) -> dict[str, float]:
    """Resident megabytes with *WAITING* events waiting while nobody listens, and the longest garbage collection.

    Rows are made one at a time and not kept: what is held is held by the SDK. Imports are over when the watch begins.
    """
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
    time.sleep(1.5)  # the worker has tried, and imported what it needs for that
    gc.collect()
    gc.callbacks.append(watch)
    before = resident()
    until = time.monotonic() + PATIENCE
    waiting = 0
    slowest = 0.0
    for number in range(int(WAITING * scale)):
        row = make(number)
        start = time.perf_counter()
        with suppress(Exception):  # a peer that sends inside the call tells that nobody listens; it keeps the event
            call(row)
        end = time.perf_counter()
        slowest = max(slowest, end - start)
        waiting += 1
        if time.monotonic() > until:
            break
    total = resident()
    return {
        "waiting": waiting,
        "rss_mb": total - before,
        "total_mb": total,
        "kb_per_event": (total - before) * 1024 / waiting,
        "longest_gc_ms": longest * 1000,
        "slowest_call_ms": slowest * 1000,
    }


def resident() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def paced(adapter, name: str, kind: str, url: str, scale: float) -> dict[str, float]:
    """As the burst, at a busy shop's pace."""
    warm(adapter, kind)
    return caller(adapter, kind, int(PACED * scale), PACE)


MEASURES = {"speed": speed, "paced": paced, "memory": memory}


def main() -> None:
    arguments = sys.argv[1:]
    scale = float(arguments.pop()) if "--scale" in arguments else 1.0
    measure, name, kind, url = arguments[:4]
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        adapter = ADAPTERS[name](url, f"{directory}/outbox", large=True)
        print(json.dumps(MEASURES[measure](adapter, name, kind, url, scale)), flush=True)
    os._exit(0)  # a peer with a full queue and a dead sink would wait here


if __name__ == "__main__":
    main()
