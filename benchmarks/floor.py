"""What no SDK can be faster than, on this machine and in this minute: ``floor.py KIND URL``; prints one JSON object.

Microseconds an event of: plain pydantic models built from the row and serialised, one ``write()`` appended, gzip at
level 1 and a POST by httpx of 500 events at a time. Their sum is the limit of one core.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import httpx
from adapters import Limit
from data import ROWS

BATCH = 500
REPETITIONS = 7


def median_us(work: Callable[[], object], events: int) -> float:
    """Median over the repetitions of the microseconds an event that *work* on *events* takes, after one to warm up."""
    times = []
    for _ in range(REPETITIONS + 1):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:]) / events * 1e6


def main() -> None:
    kind, url = sys.argv[1:3]
    rows = [ROWS[kind](number) for number in range(BATCH)]
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory, httpx.Client() as client:
        limit = Limit(url, f"{directory}/outbox", large=True)
        lines: list[bytes] = []
        limit.tracker = type("Keep", (), {"track": lambda _, event: lines.append(limit.encode(event) + b"\n")})()
        call = getattr(limit, kind)
        build = median_us(lambda: (lines.clear(), [call(row) for row in rows]), BATCH)
        write = median_us(lambda: [os.write(limit.file, line) for line in lines], BATCH)

        def packed() -> bytes:
            machine = zlib.compressobj(1, wbits=31)
            return machine.compress(b"".join(lines)) + machine.flush()

        pack = median_us(packed, BATCH)
        body = packed()
        headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
        post = median_us(lambda: client.post(f"{url}/v1/events", content=body, headers=headers), BATCH)
        one = median_us(lambda: client.post(f"{url}/v1/events", content=body[:1], headers={}), 1)
    parts = {"build_us": build, "write_us": write, "gzip_us": pack, "post_us": post}
    total = sum(parts.values())
    print(json.dumps({**parts, "sum_us": total, "events_per_second": 1e6 / total, "lone_post_us": one}), flush=True)


if __name__ == "__main__":
    main()
