"""The collector under load: batches of 500 over loopback, validated, deduplicated, durable before the answer.

``ingest.py KIND BATCHES CONNECTIONS`` starts the real command on a fresh directory, makes all bodies first, sends them
over as many connections, and prints one JSON object. The load generator runs in this process, on the same machine.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent))

from data import ROWS

import ecomtrack_sdk as sdk
from ecomtrack_sdk._wire import compress, encode_event

BATCH = 500


def bodies(kind: str, batches: int) -> list[bytes]:
    cls = {"order": sdk.Order, "view": sdk.ViewProduct}[kind]
    make = ROWS[kind]
    return [
        compress(b"".join(encode_event(cls(**make(n * BATCH + i))) + b"\n" for i in range(BATCH)), "gzip")
        for n in range(batches)
    ]


def main() -> None:
    kind, batches, connections = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    waiting = bodies(kind, batches)
    warm_up = bodies(kind, 2)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        command = [sys.executable, "-m", "ecomtrack_sdk", "collector", "--port", "0", "--data", directory, "--json"]
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
            accepted = 0
            lock = threading.Lock()

            def send(queue: list[bytes]) -> None:
                nonlocal accepted
                connection = http.client.HTTPConnection(place.hostname or "", place.port)
                while True:
                    with lock:
                        if not queue:
                            break
                        body = queue.pop()
                    connection.request("POST", "/v1/events", body, headers)
                    verdict = json.loads(connection.getresponse().read())
                    with lock:
                        accepted += verdict["accepted"]
                connection.close()

            send(warm_up)
            accepted = 0
            threads = [threading.Thread(target=send, args=(waiting,)) for _ in range(connections)]
            start = time.perf_counter()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            seconds = time.perf_counter() - start
        finally:
            collector.terminate()
            collector.wait(30)
    print(json.dumps({"events_per_second": accepted / seconds, "accepted": accepted}))


if __name__ == "__main__":
    main()
