"""The SQLite log: what is its own beside the promises of every event store."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ecomtrack_sdk.errors import StoreBusy, StoreError
from ecomtrack_sdk.store import LogEntry, RejectedEntry, SqliteStore
from ecomtrack_sdk.store import _sqlite_writer as writer_module


def entry(number: int, size: int = 10) -> LogEntry:
    return LogEntry(f"id-{number}", "view_page", 5, 9, "server", b"x" * size)


def test_files_are_private(tmp_path):
    """The directory is 0700 and every file of the log 0600, whatever the umask."""
    with SqliteStore(tmp_path / "new" / "events.db") as store:
        store.append([entry(1)])
        names = {path.name for path in (tmp_path / "new").iterdir()}
        assert {"events.db", "events.db-wal"} <= names
        for path in (tmp_path / "new").iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_commits_are_synced(tmp_path):
    """The writer's connection syncs at every commit: WAL with synchronous=FULL."""
    with SqliteStore(tmp_path / "events.db") as store:
        settings = store._writer.call(
            lambda connection: [
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("journal_mode", "synchronous", "secure_delete")
            ]
        ).result()
    assert settings == ["wal", 2, 1]


def test_waiting_batches_share_one_commit(tmp_path):
    """What arrives while the disk is busy is committed together: one sync for many requests."""
    commits = []
    with SqliteStore(tmp_path / "events.db") as store:
        store.subscribe(lambda: commits.append(store.high_watermark()))
        held, release = threading.Event(), threading.Event()

        def hold(_: sqlite3.Connection) -> None:
            held.set()
            release.wait(30)

        store._writer.call(hold)
        held.wait(30)
        futures = [store.submit([entry(number)]) for number in range(50)]
        release.set()
        assert [future.result(30) for future in futures] == [[True]] * 50
    assert commits == [0, 50]


def test_one_impossible_batch_fails_alone(tmp_path):
    """A batch the engine refuses does not take down the batches it shared a commit with."""
    with SqliteStore(tmp_path / "events.db") as store:
        held, release = threading.Event(), threading.Event()
        store._writer.call(lambda _: (held.set(), release.wait(30)))
        held.wait(30)
        good = store.submit([entry(1)])
        bad = store.submit([entry(2)._replace(key_kind=None)])  # type: ignore[arg-type]
        later = store.submit([entry(3)])
        release.set()
        assert good.result(30) == [True]
        assert later.result(30) == [True]
        with pytest.raises(StoreError):
            bad.result(30)
        assert store.counts().good == 2


def test_a_full_disk_refuses_and_recovers(tmp_path):
    """Over its bound the log refuses with ``StoreBusy``, keeps what it has, and goes on when there is room."""
    with SqliteStore(tmp_path / "events.db", max_bytes=400_000) as store:
        for number in range(10):
            store.append([entry(number, 20_000)])
        with pytest.raises(StoreBusy, match="full"):
            store.append([entry(number, 20_000) for number in range(10, 30)])
        assert store.counts().good == 10
        store.reset()
        assert store.append([entry(1)]) == [True]


def test_too_much_waiting_is_refused_at_the_door(tmp_path, monkeypatch):
    """The memory for waiting batches is bounded; beyond it submit raises ``StoreBusy`` at once."""
    monkeypatch.setattr(writer_module, "MAX_WAITING_BYTES", 1_000)
    with SqliteStore(tmp_path / "events.db") as store:
        release = threading.Event()
        store._writer.call(lambda _: release.wait(30))
        waiting = store.submit([entry(1, 900)])
        with pytest.raises(StoreBusy):
            store.submit([entry(2, 900)])
        release.set()
        waiting.result(30)
        assert store.append([entry(2, 900)]) == [True]
        assert store.waiting_bytes == 0


def test_refused_events_are_bounded(tmp_path, monkeypatch):
    """The list of refused events keeps the newest ones only."""
    monkeypatch.setattr(writer_module, "MAX_REJECTED", 10)
    with SqliteStore(tmp_path / "events.db") as store:
        for number in range(25):
            store.append([], [RejectedEntry(None, number, "site", b"%d" % number, b"[]")])
        assert [row.received_at for row in store.read_rejected(0, 100)] == list(range(15, 25))


def test_another_process_reads_while_the_log_is_written(tmp_path):
    """A second process opens the log and reads what was committed so far."""
    with SqliteStore(tmp_path / "events.db") as store:
        store.append([entry(1)])
        code = (
            "import sys; from ecomtrack_sdk.store import SqliteStore\n"
            "with SqliteStore(sys.argv[1], must_exist=True) as s: print(s.counts().good, s.find('id-1').seq)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "events.db")], capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == ["1", "1"]
        assert store.append([entry(2)]) == [True]


def test_a_missing_log_is_an_error_for_readers(tmp_path):
    """``must_exist`` refuses a missing file and does not make one."""
    with pytest.raises(StoreError, match="no event log"):
        SqliteStore(tmp_path / "events.db", must_exist=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"not a database, but long enough to be looked at" * 100, None])
def test_a_file_of_something_else_is_left_alone(tmp_path, content):
    """Neither a text file nor a foreign database is taken for a log, and neither is changed."""
    path = tmp_path / "events.db"
    if content is not None:
        path.write_bytes(content)
    else:
        foreign = sqlite3.connect(path)
        foreign.execute("CREATE TABLE t (a)")
        foreign.close()
    with pytest.raises(StoreError):
        SqliteStore(path)
    if content is not None:
        assert path.read_bytes() == content


def test_a_log_of_a_newer_version_is_refused(tmp_path):
    """A higher schema version is named in the error instead of being written over."""
    SqliteStore(tmp_path / "events.db").close()
    newer = sqlite3.connect(tmp_path / "events.db")
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(StoreError, match="newer version"):
        SqliteStore(tmp_path / "events.db")


def test_erased_content_is_in_no_file(tmp_path):
    """The bytes of an erased event are overwritten on the disk, write-ahead log included."""
    with SqliteStore(tmp_path / "events.db") as store:
        store.append([LogEntry("id-1", "identify", 5, 9, "server", b'{"email":"jane.needle@example.org"}')])
        store.append([entry(number, 500) for number in range(2, 50)])
        assert any(b"jane.needle" in path.read_bytes() for path in tmp_path.iterdir())
        store.erase(["id-1"])
        assert not any(b"jane.needle" in path.read_bytes() for path in tmp_path.iterdir())


def test_a_raising_listener_does_not_stop_the_writer(tmp_path):
    """Listeners are guests: one that fails is logged, and events go on being committed."""

    def fail() -> None:
        raise RuntimeError("a listener failed")

    with SqliteStore(tmp_path / "events.db") as store:
        stop = store.subscribe(fail)
        assert store.append([entry(1)]) == [True]
        assert store.append([entry(2)]) == [True]
        stop()


def test_an_unwritable_directory_is_a_store_error(tmp_path):
    """A path that cannot be a file is reported as such."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError):
        SqliteStore(Path(tmp_path / "file" / "events.db"))


def test_a_refused_event_sent_again_counts(tmp_path):
    """The same refused bytes are kept once with a count, and are the latest again; others are not merged with them."""
    with SqliteStore(tmp_path / "events.db") as store:
        for number in range(5):
            store.append([], [RejectedEntry(None, number, "site", b"same", b"[]"), entry_of(number)])
        store.append(
            [], [RejectedEntry(None, 9, "site", b"same", b"[]"), RejectedEntry(None, 9, "site", b"same", b"[]")]
        )
        found = store.read_rejected(0, 100)
        assert [(row.raw, row.times) for row in found][-1] == (b"same", 7)
        assert (len(found), found[-1].received_at) == (6, 9)
        assert store.counts().bad == 6


def test_a_flood_of_one_mistake_pushes_no_other_out(tmp_path, monkeypatch):
    """Sent again and again, one refused event takes the room of one."""
    monkeypatch.setattr(writer_module, "MAX_REJECTED", 3)
    with SqliteStore(tmp_path / "events.db") as store:
        store.append([], [entry_of(1), entry_of(2)])
        for number in range(20):
            store.append([], [RejectedEntry(None, number, "site", b"same", b"[]")])
        assert [row.times for row in store.read_rejected(0, 100)] == [1, 1, 20]


def entry_of(number: int) -> RejectedEntry:
    return RejectedEntry(None, number, "site", b"other-%d" % number, b"[]")
