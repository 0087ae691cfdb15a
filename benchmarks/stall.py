"""How long an event loop stands still: ``stall.py ADAPTER [--scale X]``; prints one JSON object.

An asyncio program tracks 100 orders a second inside the loop. Beside it a task sleeps 5 ms again and again and notes
how late it wakes. The sink is up, then killed, then back. ``ADAPTER`` may be ``bare loop``: the same without tracking.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from adapters import ADAPTERS
from data import ROWS
from plan import BARE

SECONDS = 3.0
"""Of each phase."""
RATE = 100
NAP = 0.005


def start_sink(port: int = 0) -> tuple[subprocess.Popen, int]:
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("sink.py")), str(port)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    return process, int(process.stdout.readline())


async def phase(call, seconds: float, first: int) -> dict[str, float]:
    """Lateness of the naps in milliseconds, and the time the calls took."""
    late: list[float] = []
    calls: list[float] = []
    errors = 0
    until = time.perf_counter() + seconds

    async def nap() -> None:
        while (before := time.perf_counter()) < until:
            await asyncio.sleep(NAP)
            late.append((time.perf_counter() - before - NAP) * 1e3)

    async def track() -> None:
        nonlocal errors
        number, due = first, time.perf_counter()
        while time.perf_counter() < until:
            row = ROWS["order"](number)
            if call is not None:
                start = time.perf_counter()
                try:
                    call(row)
                except Exception:
                    errors += 1
                calls.append((time.perf_counter() - start) * 1e6)
                number += 1
            due += 1 / RATE
            await asyncio.sleep(max(0.0, due - time.perf_counter()))

    await asyncio.gather(nap(), track())
    late.sort()
    calls.sort()
    return {
        "p99_ms": late[int(len(late) * 0.99)],
        "worst_ms": late[-1],
        "call_p99_us": calls[int(len(calls) * 0.99)] if calls else 0.0,
        "errors": errors,
    }


async def program(name: str, directory: str, seconds: float) -> dict[str, dict[str, float]]:
    sink, port = start_sink()
    call = None
    if name != BARE:
        adapter = ADAPTERS[name](f"http://127.0.0.1:{port}", f"{directory}/outbox", large=True)
        call = adapter.order
    found = {}
    await phase(call, 1.5, 0)  # imports and the connection are there before the clock starts
    found["up"] = await phase(call, seconds, 1000)
    sink.kill()
    sink.wait()
    found["down"] = await phase(call, seconds, 2000)
    sink, _ = start_sink(port)
    found["back"] = await phase(call, seconds, 3000)
    sink.kill()
    sink.wait()
    return found


def main() -> None:
    arguments = sys.argv[1:]
    scale = float(arguments.pop()) if "--scale" in arguments else 1.0
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        found = asyncio.run(program(arguments[0], directory, SECONDS * max(scale, 0.3)))
        flat = {f"{when}_{field}": value for when, fields in found.items() for field, value in fields.items()}
        print(json.dumps(flat), flush=True)
        os._exit(0)  # a peer that sends its backlog would wait here


if __name__ == "__main__":
    main()
