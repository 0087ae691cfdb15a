"""A program that tracks and has an accident: ``victim.py ADAPTER URL DIRECTORY REPORT COUNT RATE ENDING [NAME]``.

REPORT is a file that gets a line for each event whose call has returned: its mark, with ``!`` before it where the call
raised. RATE is calls a second, 0 for as fast as they return. ENDING is ``close`` (flush and close as documented),
``exit`` (the end of the program and nothing more), ``wait`` (for whoever kills it) or ``fork`` (two children track and
close, then the parent closes). NAME goes into the marks of a second run on the same report.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from adapters import ADAPTERS
from data import view_row

LONGEST = 20.0
"""Seconds after which no more is tracked, though COUNT is not reached: some peers block in the call."""
CHILD_PATIENCE = 15


def track(adapter, report: int, name: str, count: int, rate: float) -> None:
    due = time.perf_counter()
    until = due + (LONGEST if not rate else count / rate + LONGEST)
    for number in range(count):
        if time.perf_counter() > until:
            break
        if rate:
            due += 1 / rate
            time.sleep(max(0.0, due - time.perf_counter()))
        row = view_row(number)
        row["product"]["product_id"] = f"mark-{name}{number}"
        try:
            adapter.view(row)
        except Exception:
            os.write(report, f"!mark-{name}{number}\n".encode())
        else:
            os.write(report, f"mark-{name}{number}\n".encode())


def fork(adapter, report: int) -> None:
    children = []
    for child in (1, 2):
        pid = os.fork()
        if pid == 0:
            signal.alarm(CHILD_PATIENCE)  # a child whose close() hangs is ended, as a server would
            track(adapter, report, f"{child}-", 200, 400)
            adapter.close()
            os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    adapter.close()


def main() -> None:
    name, url, directory, path, count, rate, ending = sys.argv[1:8]
    report = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    adapter = ADAPTERS[name](url, directory, large=False)
    track(adapter, report, "".join(sys.argv[8:]), int(count), float(rate))
    if ending == "close":
        adapter.close()
    elif ending == "fork":
        fork(adapter, report)
    elif ending == "wait":
        time.sleep(600)


if __name__ == "__main__":
    main()
