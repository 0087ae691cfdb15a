"""Faults of the machine: a full disk, a directory that cannot be used, no file locks, damage, a clock that jumps."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest

from ecomtrack_sdk._delivery import maintenance
from ecomtrack_sdk._delivery.transport import HttpTransport

PRELUDE = """
import errno, fcntl, json, logging, os, resource, signal, sys, time
from ecomtrack_sdk import CustomEvent, RetryPolicy, Tracker
logging.basicConfig(format="%(message)s", level=logging.WARNING)
def make(**settings):
    return Tracker(sys.argv[1], key=sys.argv[2], **{"outbox": sys.argv[3], "flush_interval": 0.02,
                   "retry": RetryPolicy(initial=0.01, ceiling=0.1), **settings})
def track(tracker, count, pad=0):
    for _ in range(count):
        event_id = tracker.track(CustomEvent(name="x" * 60, properties={"pad": "p" * pad} if pad else None))
        os.write(1, (event_id + "\\n").encode())
"""


def run(zygote, program: str, url: str, key: str, directory: Path, *argv: str):
    child = zygote.start(PRELUDE + textwrap.dedent(program), url, key, str(directory), *argv)
    code = child.wait()
    assert code == 0, child.errors()
    return child.lines(), child.errors()


def check(collector, directory: Path, ids: list[str], count: int) -> None:
    assert len(set(ids)) == count
    if directory.is_dir():
        maintenance.drain(directory, HttpTransport(collector.url, collector.key), timeout=60)
        assert maintenance.report(directory).events == 0
    stored = collector.stored()
    assert [event_id for event_id in ids if stored[event_id] != 1] == []


def test_writes_that_break_off(collector, zygote, tmp_path):
    """Files that may not grow beyond 20 kB, so that writes break off in the middle of an event: nothing is lost."""
    ids, said = run(
        zygote,
        """
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        t = make(flush_interval=30)
        track(t, 300, pad=500)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        assert t.stats().accepted == 300 and t.stats().balanced
        assert t.flush(60), t.stats()
        t.close()
        """,
        collector.url,
        collector.key,
        tmp_path / "outbox",
    )
    assert said.count("outbox.fallback_to_memory") == 1
    check(collector, tmp_path / "outbox", ids, 300)


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system of one megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if mount is None or subprocess.run([mount, *options], capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk(collector, proxy, zygote, small_disk):
    """On a full disk track() goes on in memory with one warning; all is delivered when the collector is back."""
    proxy.tell(down=True)
    child = zygote.start(
        PRELUDE
        + textwrap.dedent(
            """
            t = make()
            track(t, 1500, pad=1000)
            assert t.stats().pending == 1500 and t.stats().balanced
            os.write(1, b"ready\\n")
            deadline = time.monotonic() + 60
            while t.stats().pending and time.monotonic() < deadline:
                time.sleep(0.02)
            assert t.stats().delivered == 1500, t.stats()
            """
        ),
        proxy.url,
        collector.key,
        str(small_disk / "outbox"),
    )
    try:
        while "ready" not in child.lines():
            assert not child.errors().count("Traceback"), child.errors()
        proxy.tell(down=False)
    finally:
        code = child.wait()
    assert code == 0, child.errors()
    assert child.errors().count("outbox.fallback_to_memory") == 1
    check(collector, small_disk / "outbox", [line for line in child.lines() if line != "ready"], 1_500)


def test_a_disk_that_fills_up_and_is_freed(collector, zygote, small_disk):
    """Events go to memory while the disk is full and to the disk again when it is not."""
    ids, said = run(
        zygote,
        """
        t = make(flush_interval=60)
        with open(os.path.join(sys.argv[4], "ballast"), "wb", buffering=0) as file:
            try:
                while file.write(b"x" * 4096): pass
            except OSError: pass
        track(t, 50, pad=4000)
        assert t.stats().pending == 50
        os.unlink(os.path.join(sys.argv[4], "ballast"))
        time.sleep(1.1)
        track(t, 50, pad=2000)
        on_disk = sum(os.path.getsize(os.path.join(sys.argv[3], name)) for name in os.listdir(sys.argv[3]))
        assert on_disk > 50 * 2000, on_disk
        assert t.close(60), t.stats()
        """,
        collector.url,
        collector.key,
        small_disk / "outbox",
        str(small_disk),
    )
    assert said.count("outbox.fallback_to_memory") == 1
    check(collector, small_disk / "outbox", ids, 100)


def test_a_file_system_without_locks(collector, zygote, tmp_path):
    """Where files cannot be locked (some network file systems) events wait in memory, with a warning."""
    ids, said = run(
        zygote,
        """
        def no_locks(*_): raise OSError(errno.ENOLCK, "No locks available")
        fcntl.flock = no_locks
        t = make()
        track(t, 50)
        assert t.close(60), t.stats()
        """,
        collector.url,
        collector.key,
        tmp_path / "outbox",
    )
    assert said.count("outbox.fallback_to_memory") == 1
    check(collector, tmp_path / "outbox", ids, 50)


@pytest.mark.parametrize("seed", range(8))
def test_damaged_files(collector, zygote, tmp_path, seed):
    """Random damage to files of a dead process: what is whole is delivered, the rest is set aside, nothing hangs."""
    chance = random.Random(seed)
    directory = tmp_path / "outbox"
    ids, _ = run(
        zygote, "track(make(flush_interval=60), 60, pad=50); os._exit(0)", "http://127.0.0.1:9", "k", directory
    )
    (path,) = directory.glob("*.jsonl")
    data = bytearray(path.read_bytes())
    kind = seed % 4
    start = chance.randrange(len(data) - 200)
    if kind == 0:
        data[start : start + 100] = bytes(chance.randrange(256) for _ in range(100))
    elif kind == 1:
        data[start : start + 150] = bytes(150)
    elif kind == 2:
        del data[start:]
    else:
        data[start:start] = b'\n\n \n{}\n[]\n{"event_id":\n'
    path.write_bytes(data)
    whole = {json.loads(line)["event_id"] for line in data.split(b"\n") if _is_event(line)} & set(ids)
    assert len(whole) < 60 or kind == 3
    done = maintenance.drain(directory, HttpTransport(collector.url, collector.key), timeout=60)
    assert done.pending == 0
    stored = collector.stored()
    assert [event_id for event_id in whole if stored[event_id] != 1] == []
    lost = set(ids) - whole
    letters = maintenance.letters(directory)
    if kind != 2:  # what was cut off is gone; everything else is among the dead letters, with its bytes
        kept = b"\n".join(letter.event for letter in letters)
        assert sum(event_id.encode() in kept for event_id in lost) >= len(lost) - 2
    assert [item.name for item in directory.iterdir()] in (["dead"], [])


def _is_event(line: bytes) -> bool:
    try:
        return "event_id" in json.loads(line)
    except (ValueError, TypeError):
        return False


def test_an_outbox_that_is_deleted_under_a_running_tracker(collector, proxy, zygote, tmp_path):
    """Somebody removes the directory during an outage: waiting events still arrive, new ones get a new directory."""
    proxy.tell(down=True)
    child = zygote.start(
        PRELUDE
        + textwrap.dedent(
            """
            import shutil
            t = make()
            track(t, 50)
            shutil.rmtree(sys.argv[3])
            track(t, 50)
            os.write(1, b"ready\\n")
            deadline = time.monotonic() + 60
            while t.stats().pending and time.monotonic() < deadline:
                time.sleep(0.02)
            assert t.stats().delivered == 100, t.stats()
            assert t.close(30)
            """
        ),
        proxy.url,
        collector.key,
        str(tmp_path / "outbox"),
    )
    while "ready" not in child.lines():
        assert "Traceback" not in child.errors(), child.errors()
    proxy.tell(down=False)
    assert child.wait() == 0, child.errors()
    ids = [line for line in child.lines() if line != "ready"]
    check(collector, tmp_path / "outbox", ids, 100)


@pytest.mark.parametrize("hours", [-30, 30])
def test_a_clock_that_jumps(collector, proxy, zygote, tmp_path, hours):
    """The wall clock jumps by more than a day while events wait and are retried: all arrive once, orphans included."""
    left, _ = run(
        zygote, "track(make(flush_interval=60), 20); os._exit(0)", "http://127.0.0.1:9", "k", tmp_path / "outbox"
    )
    proxy.tell(faults=["429_date", "503", "reset_after"], rate=0.4, seed=hours)
    ids, _ = run(
        zygote,
        """
        real, shift = time.time, 0.0
        real_ns = time.time_ns
        time.time = lambda: real() + shift
        time.time_ns = lambda: real_ns() + int(shift * 1e9)
        t = make(batch_events=5)
        for number in range(10):
            shift = float(sys.argv[4]) * 3600 * (number % 2)
            track(t, 10)
        deadline = time.monotonic() + 60
        while t.stats().delivered < 120:
            assert time.monotonic() < deadline, t.stats()
            time.sleep(0.01)
        assert t.close(30)
        """,
        proxy.url,
        collector.key,
        tmp_path / "outbox",
        str(hours),
    )
    check(collector, tmp_path / "outbox", [*left, *ids], 120)
