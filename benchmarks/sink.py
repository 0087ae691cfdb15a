"""The other end of every SDK: a process that reads requests as fast as Python can, counts events, and says yes.

``sink.py [PORT] [--ids]``. It answers our wire format with a verdict and everything else with a body that every peer
takes for success. Events of the peers are counted by the name of a field that each of them writes once an event.
``GET /`` gives the counts, ``GET /reset`` begins anew. With ``--ids`` each body is read whole, and ``GET /ids`` tells
which event arrived how often under which ids: ``{"mark-7": {"an id": 1}}``.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
from collections import Counter, defaultdict

from received import marks_of

MARKS = {
    b"/v1/batch": (b'"messageId":',),
    b"/batch": (b'"uuid":',),
    b"/com.snowplowanalytics.snowplow/tp2": (b'"eid":',),
    b"/track": (b"%22%24insert_id%22",),
    b"/2/httpapi": (b'"insert_id":',),
    b"/v1/logs": (b"Order Completed", b"Product Viewed"),
}
YES = b'{"success": true, "status": 1, "code": 200}'


IDS: defaultdict[str, Counter[str]] = defaultdict(Counter)


class Counts:
    events = requests = received = 0


class Sink(asyncio.Protocol):
    with_ids = False

    def connection_made(self, transport) -> None:
        self.transport = transport
        self.data = bytearray()
        self.need = self.body_at = 0
        self.head = b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        while True:
            if not self.need:
                end = self.data.find(b"\r\n\r\n")
                if end < 0:
                    return
                self.head = bytes(self.data[:end])
                self.body_at = end + 4
                self.need = self.body_at + length_of(self.head)
            if len(self.data) < self.need:
                return
            body = bytes(self.data[self.body_at : self.need])
            del self.data[: self.need]
            self.need = 0
            self.answer(body)

    def answer(self, body: bytes) -> None:
        method, path, _ = self.head.split(b" ", 2)
        path = path.partition(b"?")[0]
        if method == b"GET":
            self.write(self.told(path))
            return
        Counts.requests += 1
        Counts.received += len(self.head) + 4 + len(body)
        if body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        if self.with_ids:
            for mark, event_id in marks_of(path.decode(), body):
                IDS[mark][event_id] += 1
        if path == b"/v1/events":
            count = body.count(b"\n")
            Counts.events += count
            self.write(b'{"accepted": %d}' % count)
            return
        if path.startswith(b"/v1/b"):
            body = body.replace(b'": "', b'":"')
        Counts.events += sum(body.count(mark) for mark in MARKS[path.rstrip(b"/")])
        self.write(YES)

    @staticmethod
    def told(path: bytes) -> bytes:
        if path == b"/ids":
            return json.dumps(IDS).encode()
        told = json.dumps({"events": Counts.events, "requests": Counts.requests, "bytes": Counts.received})
        if path == b"/reset":
            Counts.events = Counts.requests = Counts.received = 0
        return told.encode()

    def write(self, reply: bytes) -> None:
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(reply), reply)
        )


def length_of(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0


async def main() -> None:
    arguments = sys.argv[1:]
    Sink.with_ids = "--ids" in arguments
    port = next((int(argument) for argument in arguments if argument.isdigit()), 0)
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port, reuse_address=True)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # ends with whoever started it


if __name__ == "__main__":
    asyncio.run(main())
