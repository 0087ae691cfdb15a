"""One measurement of the reports in a process of its own; prints one JSON object.

``reports_one.py build|follow|ingest|report|pandas DIR …``, started by ``reports.py``.
"""

from __future__ import annotations

import gzip
import http.client
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent))

from reports_rows import same
from reports_sql import PERSON, SQL

from ecomtrack_sdk import reports
from ecomtrack_sdk.reports.models import ALL
from ecomtrack_sdk.store import LogRow, SqliteStore
from ecomtrack_sdk.store._duckdb import DuckDBWarehouse

ROUNDS = 3


class UpTo:
    """A log that ends at some event."""

    def __init__(self, path: Path, last: int) -> None:
        self.log = SqliteStore(path, must_exist=True)
        self.last = last

    def read(self, after_seq: int, limit: int) -> list[LogRow]:
        return [row for row in self.log.read(after_seq, limit) if row.seq <= self.last]

    def high_watermark(self) -> int:
        return min(self.last, self.log.high_watermark())

    def generation(self) -> str:
        return self.log.generation()


def rss_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Clock:
    """Wall and processor seconds of a block."""

    def __enter__(self) -> Self:
        self.start = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self.start[0]
        self.cpu = time.process_time() - self.start[1]


def warehouse(directory: Path, last: int) -> DuckDBWarehouse:
    return DuckDBWarehouse(UpTo(directory / "events.db", last), directory)


def build(directory: Path, last: int) -> dict:
    with warehouse(directory, last) as store:
        with Clock() as load:
            events = store.refresh()
        loaded = rss_mb()
        with Clock() as models:
            store.ensure(ALL)
    size = (directory / "projection.duckdb").stat().st_size
    return {
        "events": events, "load_s": load.seconds, "load_cpu_us": load.cpu / max(1, events) * 1e6,
        "models_s": models.seconds, "models_cpu_us": models.cpu / max(1, events) * 1e6, "load_rss_mb": loaded,
        "rss_mb": rss_mb(), "file_mb": size / 2**20,
    }  # fmt: skip


def follow(directory: Path, last: int, more: int) -> dict:
    with warehouse(directory, last + more) as store:
        with Clock() as load:
            events = store.refresh()
        with Clock() as models:
            store.ensure(ALL)
        built = min(store._built_at(model) for model in ALL)
    assert built == last + more
    return {
        "events": events, "load_cpu_us": load.cpu / max(1, events) * 1e6,
        "models_cpu_us": models.cpu / max(1, events) * 1e6, "seconds": load.seconds + models.seconds,
        "rss_mb": rss_mb(),
    }  # fmt: skip


def ingest(directory: Path, last: int, count: int) -> dict:
    """The collector takes the same events in batches of 500: processor time per event of its process."""
    rows = UpTo(directory / "events.db", last).read(last // 2, count)
    bodies = [
        gzip.compress(b"".join(row.raw + b"\n" for row in rows[at : at + 500]), 3) for at in range(0, len(rows), 500)
    ]
    with tempfile.TemporaryDirectory(prefix="benchmark-") as data:
        command = [sys.executable, "-m", "ecomtrack_sdk", "collector", "--port", "0", "--data", data, "--json"]
        collector = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert collector.stdout is not None
            running = json.loads(collector.stdout.readline())
            place = urlsplit(running["url"])
            headers = {
                "Authorization": f"Bearer {running['keys']['server']}",
                "Content-Type": "application/x-ndjson",
                "Content-Encoding": "gzip",
            }
            connection = http.client.HTTPConnection(place.hostname or "", place.port)

            def used() -> float:
                fields = Path(f"/proc/{collector.pid}/stat").read_text().rsplit(")", 1)[1].split()
                return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

            accepted, before = 0, 0.0
            for number, body in enumerate(bodies):
                if number == 4:  # what is imported with the first requests is not the cost of an event
                    accepted, before = 0, used()
                connection.request("POST", "/v1/events", body, headers)
                accepted += json.loads(connection.getresponse().read())["accepted"]
            return {"events": accepted, "cpu_us": (used() - before) / accepted * 1e6}
        finally:
            collector.terminate()
            collector.wait(60)


def report(directory: Path, last: int, name: str) -> dict:
    """Cold: from the open file to the rows. Warm: in turns with the query written by hand."""
    asked = reports.get(name)
    with warehouse(directory, last) as store:
        person = store.query("select min(o.customer_email) from orders o").rows[0][0]
        params = asked.parse({"person": person} if name == "profile" else {})
        by_hand = SQL[name].replace(PERSON, person)
        with Clock() as cold:
            result = asked.run(store, params)
        peak = rss_mb()
        ours, answers, theirs, rows = [], [], [], []
        for _ in range(ROUNDS):
            with Clock() as clock:
                result = asked.run(store, params)
            ours.append(clock.seconds)
            sql, values, settings = asked.prepare(params, None)
            with Clock() as clock:
                store.query(sql, values, settings)
            answers.append(clock.seconds)
            with Clock() as clock:
                rows = store._connection.execute(by_hand).fetchall()
            theirs.append(clock.seconds)
        return {
            "rows": len(rows), "cold_s": cold.seconds, "warm_s": statistics.median(ours),
            "query_s": statistics.median(answers), "hand_s": statistics.median(theirs), "same": same(result, rows),
            "rss_mb": peak,
        }  # fmt: skip


def main() -> None:
    what, directory, last, *rest = sys.argv[1:]
    place, end = Path(directory), int(last)
    if what == "report":
        found = report(place, end, rest[0])
    elif what == "pandas":
        from reports_peers import pandas

        found = pandas(place)
    else:
        found = {"build": build, "follow": follow, "ingest": ingest}[what](place, end, *map(int, rest))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
