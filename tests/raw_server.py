"""A server of bare sockets, for answers that no HTTP library would write."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

Act = Callable[[socket.socket], None]


class RawServer:
    """Takes one connection after the other, reads a request, and lets the next act do what it likes with the socket.

    The last act is repeated. ``requests`` are the bytes that came in, header and body.
    """

    def __init__(self, *acts: Act) -> None:
        self.acts = list(acts)
        self.requests: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.settimeout(20)
                request = self._request(connection)
                if request:
                    self.requests.append(request)
                    act = self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]
                    act(connection)

    def _request(self, connection: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return data
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
        )
        while len(body) < length:
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body

    def close(self) -> None:
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def answer(status: str = "200 OK", body: bytes = b"", **headers: str) -> Act:
    """An answer that is complete and closes the connection."""
    lines = [f"HTTP/1.1 {status}", "Connection: close", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return raw("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def raw(data: bytes) -> Act:
    """These bytes, then the end of the connection."""
    return lambda connection: connection.sendall(data)


def reset(connection: socket.socket) -> None:
    """RST in place of an answer."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    connection.close()
