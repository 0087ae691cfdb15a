"""A proxy that does everything to a request that networks, load balancers and tired servers do. A program of its own.

It reads one request whole, decides by a seeded generator whether and how to spoil it, and tells on demand how often it
did what. Controlled by lines of JSON on stdin: ``{"faults": ["reset_after", …], "rate": 0.3, "seed": 1}``; ``{"every":
4}`` spoils each fourth request instead; ``{"down": true}`` refuses connections; every line is answered with the counts
so far. It ends with its stdin.
"""

from __future__ import annotations

import gzip
import json
import random
import socket
import struct
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from email.utils import formatdate

HTML = b"<html><body><h1>Bad gateway</h1></body></html>"


class Proxy:
    """One listener; one thread a connection."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.random = random.Random(0)
        self.faults: list[str] = []
        self.rate = 0.0
        self.every = 0
        self.requests = 0
        self.counts: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.open: set[socket.socket] = set()
        self.listener: socket.socket | None = None
        self.port = 0
        self.up()

    def up(self) -> None:
        if self.listener is None:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self.port))
            listener.listen(128)
            self.port = listener.getsockname()[1]
            self.listener = listener
            threading.Thread(target=self.accept, args=(listener,), daemon=True).start()

    def down(self) -> None:
        """Refuse new connections, reset those there are."""
        listener, self.listener = self.listener, None
        if listener is not None:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self.lock:
            for connection in list(self.open):
                reset(connection)

    def accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self.lock:
                self.open.add(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        with suppress(OSError, ValueError):
            while self.exchange(connection):
                pass
        with self.lock:
            self.open.discard(connection)
        connection.close()

    def choose(self) -> str:
        with self.lock:
            self.requests += 1
            strikes = self.requests % self.every == 0 if self.every else self.random.random() < self.rate
            fault = self.random.choice(self.faults) if self.faults and strikes else "none"
            self.counts[fault] += 1
            return fault

    def exchange(self, connection: socket.socket) -> bool:
        head = read_until(connection, b"\r\n\r\n")
        if not head:
            return False
        fault = self.choose()
        length = next(
            (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        head, _, rest = head.partition(b"\r\n\r\n")
        if fault == "reset_before":
            reset(connection)
            return False
        while len(rest) < length:
            chunk = connection.recv(65_536)
            if not chunk:
                return False
            rest += chunk
            if fault == "reset_middle" and len(rest) > length // 2:
                reset(connection)
                return False
        request = head + b"\r\n\r\n" + rest
        if fault == "reset_read":
            reset(connection)
            return False
        if fault == "hang":
            while connection.recv(65_536):  # until the client has had enough
                pass
            return False
        if fault == "stall":
            time.sleep(1.5)
            return False
        return self.answer(connection, request, fault)

    def answer(self, connection: socket.socket, request: bytes, fault: str) -> bool:
        if fault.isdigit() or fault.startswith(("429", "503")):
            status, _, how = fault.partition("_")
            extra = b""
            if how == "seconds":
                extra = b"Retry-After: 0\r\n"
            elif how.isdigit():
                extra = f"Retry-After: {how}\r\n".encode()
            elif how == "date":
                extra = f"Retry-After: {formatdate(time.time() - 5, usegmt=True)}\r\n".encode()
            connection.sendall(response(int(status), HTML, extra + b"Content-Type: text/html\r\n"))
            return True
        if fault == "redirect":
            connection.sendall(response(307, b"", b"Location: http://127.0.0.1:9/v1/events\r\n"))
            return True
        if fault == "html":
            connection.sendall(response(200, HTML, b"Content-Type: text/html\r\n"))
            return True
        genuine = self.forward(request)  # from here on the collector has the events
        if fault == "reset_after":
            reset(connection)
            return False
        if fault == "close_after":
            return False
        if fault == "bad_json":
            connection.sendall(response(200, b'{"accepted": 3, "dupl'))
            return True
        if fault == "wrong_counts":
            connection.sendall(response(200, b'{"accepted": 1000000}'))
            return True
        if fault == "broken_gzip":
            connection.sendall(response(200, gzip.compress(genuine)[:-9], b"Content-Encoding: gzip\r\n"))
            return True
        if fault == "cut_short":
            connection.sendall(genuine[: len(genuine) - 5])
            return False
        if fault == "drip":
            for place in range(0, len(genuine), 16):
                connection.sendall(genuine[place : place + 16])
                time.sleep(0.005)
            return True
        if fault == "drip_too_slowly":
            head, _, body = genuine.partition(b"\r\n\r\n")
            connection.sendall(head + b"\r\n\r\n")
            for place in range(len(body)):
                connection.sendall(body[place : place + 1])
                time.sleep(0.05)
            return True
        connection.sendall(genuine)
        return True

    def forward(self, request: bytes) -> bytes:
        with socket.create_connection(self.target, timeout=30) as upstream:
            upstream.sendall(request)
            head = read_until(upstream, b"\r\n\r\n")
            lower = head.lower()
            place = lower.index(b"content-length:") + 15
            length = int(lower[place : lower.index(b"\r\n", place)])
            while len(head.partition(b"\r\n\r\n")[2]) < length:
                chunk = upstream.recv(65_536)
                if not chunk:
                    raise OSError("the collector broke off")
                head += chunk
            return head


def reset(connection: socket.socket) -> None:
    """End with RST, not FIN."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RD)
    connection.close()


def read_until(connection: socket.socket, mark: bytes) -> bytes:
    data = b""
    while mark not in data:
        chunk = connection.recv(65_536)
        if not chunk:
            return b""
        data += chunk
    return data


def response(status: int, body: bytes, headers: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d Told\r\nContent-Length: %d\r\n%b\r\n%b" % (status, len(body), headers, body)


def main() -> None:
    """Serve as told on stdin."""
    proxy = Proxy(("127.0.0.1", int(sys.argv[1])))
    print(json.dumps({"port": proxy.port}), flush=True)
    for line in sys.stdin:
        wish = json.loads(line)
        proxy.target = ("127.0.0.1", wish.get("target", proxy.target[1]))
        proxy.faults = wish.get("faults", proxy.faults)
        proxy.rate = wish.get("rate", proxy.rate)
        proxy.every = wish.get("every", proxy.every)
        if "seed" in wish:
            proxy.random.seed(wish["seed"])
        if "down" in wish:
            (proxy.down if wish["down"] else proxy.up)()
        print(json.dumps(proxy.counts), flush=True)
        if wish.get("forget"):
            proxy.counts.clear()


if __name__ == "__main__":
    main()
