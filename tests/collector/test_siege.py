"""Two hundred hostile clients at once, without a pause: memory stays bounded, the good client beside them is served."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from ecomtrack_sdk import ViewPage
from ecomtrack_sdk._wire import compress, encode_event, encodings

CLIENTS = 200
GOOD_REQUESTS = 10
MOST_KB = 600_000
"""Peak memory of the collector: 64 MB each for bodies, for what waits for the disk and for the disk's cache, the
largest batch taken apart, and what the allocator keeps of it. Without the bounds it is gigabytes within seconds."""
DRIP = 0.05
DEEP = 1_000_000
JSON = "X-Form: json"

Attack = Callable[[], Iterator[bytes]]


def head(served: Any, key: str, length: int | None, *more: str) -> bytes:
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    kind = "json" if JSON in more else "x-ndjson"
    lines = ["POST /v1/events HTTP/1.1", "Host: x", f"Content-Type: application/{kind}",
             f"Authorization: Bearer {served.keys[key]}", size, *more]  # fmt: skip
    return "\r\n".join([*lines, "", ""]).encode()


def attacks_on(served: Any) -> dict[str, Attack]:
    """Kind of attack → what one connection of it sends, piece by piece; a piece of nothing is a pause."""

    def whole(body: bytes, key: str = "site", *more: str) -> Attack:
        return lambda: iter([head(served, key, len(body), *more), body])

    def dripping(start: bytes) -> Attack:
        def pieces() -> Iterator[bytes]:
            yield start
            while True:
                yield b""
                yield b"a"

        return pieces

    def endless(start: bytes, piece: bytes) -> Attack:
        def pieces() -> Iterator[bytes]:
            yield start
            while True:
                yield piece

        return pieces

    nested = b"[" * DEEP + b"]" * DEEP
    kinds: dict[str, Attack] = {
        "bomb": whole(compress(b"[" * 40_000_000, "gzip"), "site", "Content-Encoding: gzip"),
        "bomb of objects": whole(
            compress(b'{"events":[' + b"{}," * 5_000_000 + b"{}]}", "gzip"), "server", "Content-Encoding: gzip", JSON
        ),
        "bomb of lines": whole(compress(b"{}\n" * 5_000_000, "gzip"), "server", "Content-Encoding: gzip"),
        "deep JSON": whole(b'{"events":' + nested + b"}", "site", JSON),
        "deep line": whole(nested),
        "deep event": whole(b'{"type":"custom","name":"x","properties":' + b'{"a":' * 40_000 + b"1" + b"}" * 40_001),
        "duplicate keys": whole(b'{"type":"view_page","type":"order","visitor_id":"a","visitor_id":"b"}\n' * 500),
        "invalid UTF-8": whole(b'{"type":"view_page","title":"\xff\xfe\xc0\x80\x00"}\n' * 500),
        "huge numbers": whole(b'{"type":"custom","name":"x","value":' + b"9" * 200_000 + b"}"),
        "infinities": whole(b'{"type":"custom","name":"x","value":1e999999,"currency":"EUR"}\n{"a":NaN}\n' * 200),
        "endless chunks": endless(head(served, "server", None), b"10000\r\n" + b"x" * 0x10000 + b"\r\n"),
        "endless head": endless(b"GET / HTTP/1.1\r\nHost: x\r\n", b"X-Padding: " + b"a" * 4_000 + b"\r\n"),
        "slow head": dripping(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nX: "),
        "slow body": dripping(head(served, "site", 4_000_000) + b'{"type":"' + b"x" * 100_000),
        "slow chunks": dripping(head(served, "site", None)),
        "noise": lambda: iter([b"\x16\x03\x01\x02\x00\x01\x00" * 50]),
        "guessed keys": lambda: iter(
            [b"GET /v1/reports/revenue HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer guess\r\n\r\n"]
        ),
    }
    if "zstd" in encodings():
        kinds["zstd bomb"] = whole(compress(b"\0" * 100_000_000, "zstd"), "server", "Content-Encoding: zstd")
    return kinds


class Siege:
    """Hostile connections on one event loop, each made anew as soon as it ends."""

    def __init__(self, served: Any) -> None:
        self._host, self._port = served.address
        self._attacks = attacks_on(served)
        self.answers: Counter[tuple[str, str]] = Counter()
        self.begun: Counter[str] = Counter()

    async def run(self, stop: asyncio.Event) -> None:
        kinds = list(self._attacks)
        hostile = [asyncio.create_task(self._attack(kinds[number % len(kinds)])) for number in range(CLIENTS)]
        await stop.wait()
        for task in hostile:
            task.cancel()
        await asyncio.gather(*hostile, return_exceptions=True)

    async def _attack(self, kind: str) -> None:
        while True:
            with contextlib.suppress(OSError):
                async with self._connection() as (reader, writer):
                    self.begun[kind] += 1
                    answering = asyncio.create_task(reader.read(65_536))
                    try:
                        await self._pour(kind, writer, answering)
                        answer = await answering
                    finally:
                        answering.cancel()
                    self.answers[kind, answer[9:12].decode("latin-1")] += 1
            await asyncio.sleep(0.2)

    async def _pour(self, kind: str, writer: asyncio.StreamWriter, answering: asyncio.Task[bytes]) -> None:
        for piece in self._attacks[kind]():
            if answering.done():
                return
            if piece:
                writer.write(piece)
                await writer.drain()
            else:
                await asyncio.sleep(DRIP)

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()


@contextlib.contextmanager
def besieged(served: Any) -> Iterator[Siege]:
    siege = Siege(served)
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(siege.run(stop)))
    thread.start()
    try:
        yield siege
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def served_well(served: Any) -> None:
    """One good request: a batch with a server key, over a connection of its own, acknowledged."""
    connection = http.client.HTTPConnection(*served.address, timeout=120)
    try:
        headers = {"Authorization": f"Bearer {served.keys['server']}", "Content-Type": "application/x-ndjson"}
        connection.request("POST", "/v1/events", encode_event(ViewPage()), headers)
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["accepted"]) == (200, 1)
    finally:
        connection.close()


def test_two_hundred_hostile_clients_leave_room_for_a_good_one(start):
    """Every kind of attack is under way all the time; each good batch is acknowledged and memory is bounded."""
    served = start()
    served_well(served)
    with besieged(served) as siege:
        for number in range(10_000):
            served_well(served)
            under_way = sum(siege.begun.values()) >= CLIENTS and len(siege.begun) == len(attacks_on(served))
            if number >= GOOD_REQUESTS and under_way:
                break
    status = Path(f"/proc/{served.process.pid}/status")
    if status.exists():
        peak = next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        assert peak < MOST_KB, f"{peak} kB"
    # 503 is an answer to hostile clients who take all the room there is for them; anything else of that kind is a bug.
    assert {code for _, code in siege.answers if code.startswith("5")} <= {"503"}
    assert served.stop() == 0
