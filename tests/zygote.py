"""Cheap processes for tests: one interpreter with everything imported forks a child for each program.

A child ends as any interpreter does (threads joined, ``atexit``), or as the program wants; nothing of the tests is in
it. The zygote has no threads and makes no tracker, so a child starts clean.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

CLIENT = ("httpx", "tenacity", "encodings.idna", "anyio", "ecomtrack_sdk._client", "ecomtrack_sdk.events")


class Child:
    """A running program."""

    def __init__(self, zygote: Zygote, pid: int, out: Path, err: Path) -> None:
        self._zygote = zygote
        self.pid = pid
        self._out = out
        self._err = err
        self.code: int | None = None

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal; a child that is gone already is fine."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self) -> int:
        """Its exit code, negative for a signal; known from the first call on."""
        if self.code is None:
            self.code = self._zygote.ask({"wait": self.pid})["code"]
        return self.code

    def lines(self) -> list[str]:
        """Whole lines of its output so far."""
        return self._out.read_text().rpartition("\n")[0].split("\n") if self._out.stat().st_size else []

    def errors(self) -> str:
        """What it said on stderr."""
        return self._err.read_text()


class Zygote:
    """The forking process; end it with :meth:`close`."""

    def __init__(self, directory: Path, imports: tuple[str, ...] = CLIENT) -> None:
        self._directory = directory
        self._number = 0
        self._process = subprocess.Popen(
            [sys.executable, __file__, *imports], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def start(self, program: str, *argv: str) -> Child:
        """Run *program* with ``sys.argv[1:] = argv``."""
        self._number += 1
        out, err = self._directory / f"{self._number}.out", self._directory / f"{self._number}.err"
        out.touch()
        err.touch()
        answer = self.ask({"program": program, "argv": list(argv), "out": str(out), "err": str(err)})
        return Child(self, answer["pid"], out, err)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


def main() -> None:
    """Fork as told; a child returns from here, and its interpreter ends in the usual way."""
    for name in sys.argv[1:]:
        __import__(name)
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            code = os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])
            print(json.dumps({"code": code}), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            _become(request)
            return
        print(json.dumps({"pid": pid}), flush=True)


def _become(request: dict[str, Any]) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in ((1, request["out"]), (2, request["err"])):
        file = os.open(name, os.O_WRONLY | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)
    sys.argv = ["program", *request["argv"]]
    import __main__

    __main__.__dict__.pop("main", None)
    exec(compile(request["program"], "program", "exec"), __main__.__dict__)


if __name__ == "__main__":
    main()
