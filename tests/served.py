"""A server program in a process of its own, on a free port, for as long as a block lasts."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.request import urlopen


@contextmanager
def served(*command: str, port_option: str, **environment: str) -> Iterator[str]:
    """Run ``python -m`` *command*; it must answer, and end when it is told to.

    Args:
        command: Module and arguments.
        port_option: How the command takes its port, with ``{port}`` in it.
        environment: Variables beside this process's own.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    bound = [part.format(port=port) for part in (*command, *port_option.split())]
    with subprocess.Popen([sys.executable, "-m", *bound], env={**os.environ, **environment}) as process:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 60
        try:
            while True:
                try:
                    urlopen(url).close()
                    break
                except HTTPError:  # it answers, which is all that is asked
                    break
                except OSError:
                    assert process.poll() is None
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
            yield url
        finally:
            process.terminate()
            process.wait(30)
