"""``Tracker`` while processes fork, end and die: every event for which ``track()`` returned arrives exactly once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ecomtrack_sdk._delivery import maintenance
from ecomtrack_sdk._delivery.transport import HttpTransport
from tests.sink import Sink
from tests.zygote import Zygote

pytestmark = pytest.mark.skipif(os.name != "posix", reason="forks and signals are POSIX's")

PRELUDE = """
import atexit, os, signal, sys, threading, time
from ecomtrack_sdk import CustomEvent, Tracker
def make(**settings):
    return Tracker(sys.argv[1], key="key", **{"outbox": sys.argv[2], "flush_interval": 0.05, **settings})
def track(tracker, count=20):
    for _ in range(count):
        os.write(1, (tracker.track(CustomEvent(name="x")) + "\\n").encode())
"""


@pytest.fixture
def run(sink: Sink, tmp_path: Path, zygote: Zygote):
    """A function that runs a program and returns the ids it was answered for, its exit code and what it said."""

    def run_one(program: str, *, url: str | None = None) -> tuple[list[str], int, str]:
        child = zygote.start(PRELUDE + textwrap.dedent(program), url or sink.url, str(tmp_path / "outbox"))
        code = child.wait()
        return child.lines(), code, child.errors()

    return run_one


def everything(sink: Sink, directory: Path) -> set[str]:
    """What the collector has after the leavings of dead processes were delivered too."""
    maintenance.drain(directory, HttpTransport(sink.url, "key"), timeout=30)
    return sink.stored


def check(sink: Sink, directory: Path, ids: list[str], count: int) -> None:
    assert len(ids) == len(set(ids)) == count
    assert everything(sink, directory) == set(ids)
    assert maintenance.report(directory).events == 0


ENDS = {
    "without a flush": ("track(make())", 0),
    "sys.exit": ("track(make()); sys.exit(7)", 7),
    "sys.exit in a thread": ("t = make(); threading.Thread(target=lambda: (track(t), sys.exit(3))).start()", 0),
    "a thread outlives main": ("t = make(); threading.Thread(target=lambda: (time.sleep(0.2), track(t))).start()", 0),
    "uncaught exception": ("track(make()); raise RuntimeError('boom')", 1),
    "os._exit": ("track(make()); os._exit(5)", 5),
    "SIGTERM": ("track(make()); os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)", -signal.SIGTERM),
    "SIGKILL": ("track(make()); os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
    "tracked while the interpreter ends": ("atexit.register(lambda: track(t)); t = make(); t.stats()", 0),
    "tracked after its own end": ("t = make(); atexit.register(lambda: track(t)); atexit._run_exitfuncs()", 0),
    "memory, normal exit": ("track(make(durability='memory'))", 0),
    "memory, sys.exit": ("track(make(durability='memory', flush_interval=60)); sys.exit()", 0),
}


@pytest.mark.parametrize("name", ENDS)
def test_however_a_process_ends(run, sink, tmp_path, name):
    """Exits of every kind lose nothing, and no ending is delayed or made noisy by the tracker."""
    program, code = ENDS[name]
    ids, got, said = run(program)
    assert got == code
    if name != "uncaught exception":
        assert said == ""
    check(sink, tmp_path / "outbox", ids, 20)


@pytest.mark.parametrize("durability", ["process", "memory"])
def test_an_end_while_the_collector_is_down(run, sink, tmp_path, durability):
    """With the collector unreachable a normal exit leaves the events on disk, quickly and in silence."""
    ids, code, said = run(f"track(make(durability={durability!r}))", url="http://127.0.0.1:9")
    assert (code, said) == (0, "")
    assert maintenance.report(tmp_path / "outbox").events == 20
    check(sink, tmp_path / "outbox", ids, 20)


FORKS = {
    "os.fork, child exits": """
        t = make(); track(t, 10)
        if os.fork() == 0:
            track(t, 10); sys.exit()
        os.wait(); track(t, 10)
        """,
    "os.fork, child ends by os._exit": """
        t = make(); track(t, 10)
        if os.fork() == 0:
            track(t, 10); os._exit(0)
        os.wait(); track(t, 10)
        """,
    "tracker made before the fork, used after": """
        t = make()
        if os.fork() == 0:
            track(t, 15); sys.exit()
        track(t, 15); os.wait()
        """,
    "grandchildren": """
        t = make(); track(t, 10)
        if os.fork() == 0:
            track(t, 10)
            if os.fork() == 0:
                track(t, 10); sys.exit()
            os.wait(); sys.exit()
        os.wait()
        """,
    "multiprocessing fork": """
        import multiprocessing
        t = make(); track(t, 10)
        context = multiprocessing.get_context("fork")
        children = [context.Process(target=track, args=(t, 10)) for _ in range(2)]
        [child.start() for child in children]; [child.join() for child in children]
        """,
    "daemon, whose parent leaves at once": """
        reading, writing = os.pipe()
        if os.fork() == 0:
            t = make(); track(t, 15)
            if os.fork():
                os._exit(0)
            track(t, 15); t.close(); os._exit(0)
        os.close(writing); os.read(reading, 1); os.wait()
        """,
}


@pytest.mark.parametrize("name", FORKS)
def test_however_a_process_forks(run, sink, tmp_path, name):
    """Children deliver their own events, parents theirs; none is lost and none is sent by both."""
    ids, code, said = run(FORKS[name])
    assert (code, said) == (0, "")
    check(sink, tmp_path / "outbox", ids, 30)
    assert max(sink.came.values()) == 1


def test_spawned_processes(tmp_path, sink):
    """multiprocessing's spawn makes trackers of its own on the same outbox."""
    program = tmp_path / "spawn.py"
    program.write_text(
        PRELUDE
        + textwrap.dedent(
            """
            import multiprocessing
            def work(url, directory):
                with Tracker(url, key="key", outbox=directory) as t: track(t, 15)
            if __name__ == "__main__":
                context = multiprocessing.get_context("spawn")
                children = [context.Process(target=work, args=sys.argv[1:3]) for _ in range(2)]
                [child.start() for child in children]; [child.join() for child in children]
            """
        )
    )
    done = subprocess.run(
        [sys.executable, str(program), sink.url, str(tmp_path / "outbox")], capture_output=True, text=True, check=True
    )
    check(sink, tmp_path / "outbox", done.stdout.split(), 30)


def test_many_processes_and_threads_on_one_outbox(sink, tmp_path, zygote):
    """Four processes with three threads each share a directory, one is killed: every event arrives exactly once."""
    program = PRELUDE + textwrap.dedent(
        """
        t = make()
        threads = [threading.Thread(target=track, args=(t, 100)) for _ in range(3)]
        [thread.start() for thread in threads]; [thread.join() for thread in threads]
        if sys.argv[3] == "die": os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    children = [
        zygote.start(program, sink.url, str(tmp_path / "outbox"), "die" if number == 0 else "live")
        for number in range(4)
    ]
    for child in children:
        child.wait()
    check(sink, tmp_path / "outbox", [event_id for child in children for event_id in child.lines()], 1_200)


def test_a_living_process_adopts_what_a_dead_one_left(run, sink, tmp_path, monkeypatch):
    """Without anybody's help the next process delivers what the one before it left."""
    left, _, _ = run("track(make()); os.kill(os.getpid(), signal.SIGKILL)", url="http://127.0.0.1:9")
    own, _, _ = run("t = make(); track(t, 1)\nwhile t.stats().delivered < 21: time.sleep(0.01)")
    assert sink.stored == {*left, *own}


def test_a_fork_in_the_middle_of_the_first_import_does_not_hang(sink, tmp_path):
    """The worker imports the HTTP library on its own thread: a child forked right then can import it too."""
    program = PRELUDE + textwrap.dedent(
        """
        t = make()
        track(t, 1)
        for _ in range(5):
            time.sleep(0.01)
            if os.fork() == 0:
                track(t, 1)
                sys.exit(0 if t.flush(30) else 9)
        assert all(os.wait()[1] == 0 for _ in range(5))
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program, sink.url, str(tmp_path / "outbox")], capture_output=True, text=True, check=True
    )
    check(sink, tmp_path / "outbox", done.stdout.split(), 6)


def test_a_client_handed_in_is_not_shared_with_children(run, sink, tmp_path):
    """A child does not speak over its parent's connections, even when the client was handed in."""
    ids, code, _ = run(
        """
        import httpx
        t = make(http_client=httpx.Client())
        track(t, 10)
        assert t.flush(30)
        if os.fork() == 0:
            track(t, 10)
            sys.exit(0 if t.flush(30) else 9)
        assert os.wait()[1] == 0
        """
    )
    assert code == 0
    check(sink, tmp_path / "outbox", ids, 20)


def test_a_read_only_directory_falls_back_to_memory(run, sink, tmp_path):
    """Where the directory cannot be written, events wait in memory and are delivered all the same, with a warning."""
    ids, code, said = run(
        """
        import logging; logging.basicConfig(format="%(message)s", level=logging.WARNING)
        os.makedirs(sys.argv[2])
        os.chmod(sys.argv[2], 0o500)
        if os.geteuid() == 0:  # root may write anywhere
            os.setgroups([]); os.setgid(65534); os.setuid(65534)
        t = make()
        track(t, 20)
        assert t.close(30), t.stats()
        """
    )
    assert code == 0, said
    assert said.count("outbox.fallback_to_memory") == 1
    assert sink.stored == set(ids)
    assert len(ids) == 20
