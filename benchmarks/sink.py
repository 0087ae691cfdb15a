"""The other end of every SDK: a process that reads requests as fast as Python can, counts events, and says yes.

It answers our wire format with a verdict and everything else with 200. Events of the peers are counted by the name of
the id field that each of them writes once an event. ``GET /`` gives the counts and begins anew.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
import zlib

MARKS = {b"/v1/batch": b'"messageId":', b"/batch/": b'"uuid":', b"/v1/batch/": b'"messageId":'}


class Counts:
    events = requests = received = 0


class Sink(asyncio.Protocol):
    def connection_made(self, transport) -> None:
        self.transport = transport
        self.data = bytearray()
        self.body_at = self.need = 0

    def data_received(self, data: bytes) -> None:
        self.data += data
        while True:
            if not self.need:
                end = self.data.find(b"\r\n\r\n")
                if end < 0:
                    return
                self.head = bytes(self.data[:end])
                self.body_at = end + 4
                lower = self.head.lower()
                at = lower.find(b"content-length:")
                length = (
                    int(lower[at + 15 : lower.find(b"\r\n", at) if b"\r\n" in lower[at:] else None]) if at > 0 else 0
                )
                self.need = self.body_at + length
            if len(self.data) < self.need:
                return
            body = bytes(self.data[self.body_at : self.need])
            del self.data[: self.need]
            self.need = 0
            self.answer(body)

    def answer(self, body: bytes) -> None:
        method, path, _ = self.head.split(b" ", 2)
        if method == b"GET":
            reply = json.dumps({"events": Counts.events, "requests": Counts.requests, "bytes": Counts.received})
            if path == b"/reset":
                Counts.events = Counts.requests = Counts.received = 0
            self.write(reply.encode())
            return
        Counts.requests += 1
        Counts.received += len(self.head) + 4 + len(body)
        lower = self.head.lower()
        if b"content-encoding: gzip" in lower:
            body = zlib.decompress(body, 31)
        if path == b"/v1/events":
            count = body.count(b"\n")
            Counts.events += count
            self.write(b'{"accepted": %d}' % count)
            return
        if body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        Counts.events += body.replace(b'": "', b'":"').count(MARKS.get(path.partition(b"?")[0], b'"messageId":'))
        self.write(b'{"success": true, "status": 1}')

    def write(self, reply: bytes) -> None:
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(reply), reply)
        )


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # ends with whoever started it


if __name__ == "__main__":
    asyncio.run(main())
