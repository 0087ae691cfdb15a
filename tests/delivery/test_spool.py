"""What only the spool does: files, owners, damage, a disk that refuses."""

from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ecomtrack_sdk._delivery import maintenance
from ecomtrack_sdk._delivery.deadletters import DeadLetters
from ecomtrack_sdk._delivery.fallback import FallbackOutbox
from ecomtrack_sdk._delivery.memory import MemoryOutbox
from ecomtrack_sdk._delivery.notices import Notices
from ecomtrack_sdk._delivery.outbox import Refused
from ecomtrack_sdk._delivery.spool import Spool
from ecomtrack_sdk._delivery.transport import HttpTransport
from ecomtrack_sdk._wire import LIMITS, FieldError

POSIX = pytest.mark.skipif(os.name != "posix", reason="modes and forks are POSIX's")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


def segments(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.jsonl"))


def abandon(spool: Spool) -> None:
    """What the death of its process does to a spool: descriptors close, files stay."""
    spool.after_fork_in_child()


def take_all(spool: Spool) -> list[bytes]:
    out = []
    while (lease := spool.take(1_000, 1 << 20)) is not None:
        out += lease.lines()
        spool.settle(lease, {})
    return out


@POSIX
def test_only_the_owner_may_read(directory):
    """The directory is 0700 and every file 0600, whatever the umask."""
    before = os.umask(0)
    try:
        spool = Spool(directory)
        spool.put(b'{"a":1}')
        spool.settle(spool.take(1, 100), {0: Refused(None, "rejected")})
        spool.put(b'{"a":2}')
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        for path in directory.rglob("*"):
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
        spool.close()
    finally:
        os.umask(before)


def test_the_files_are_plain_lines(directory):
    """What waits can be read with cat: whole lines, as they were put in."""
    spool = Spool(directory)
    for number in range(3):
        spool.put(b'{"n":%d}' % number)
    text = b"".join(path.read_bytes() for path in segments(directory))
    assert text == b'{"n":0}\n{"n":1}\n{"n":2}\n'
    spool.close()


def test_delivered_segments_are_removed(directory):
    """Sealed and delivered segments go; a clean end leaves no file behind."""
    spool = Spool(directory, segment_bytes=100)
    for number in range(50):
        spool.put(b'{"n":%d}' % number)
    assert len(segments(directory)) > 3
    take_all(spool)
    spool.tidy()
    assert len(segments(directory)) == 1
    assert segments(directory)[0].stat().st_size == 0
    spool.close()
    assert list(directory.iterdir()) == []


def test_a_dead_owners_events_are_adopted_once(directory):
    """Of two living owners exactly one gets what a dead one left, from where it had come to."""
    dead = Spool(directory)
    for number in range(5):
        dead.put(b'{"n":%d}' % number)
    dead.settle(dead.take(2, 100), {})
    abandon(dead)
    first, second = Spool(directory), Spool(directory)
    assert (first.adopt(), second.adopt()) == (3, 0)
    assert take_all(first) == [b'{"n":2}', b'{"n":3}', b'{"n":4}']
    assert take_all(second) == []
    assert first.stats().adopted == first.stats().delivered == 3
    first.close()
    second.close()


def test_a_living_owner_is_left_alone(directory):
    """Segments of a living owner are nobody else's, in the same process neither."""
    one, two = Spool(directory), Spool(directory)
    one.put(b'{"n":1}')
    assert two.adopt() == 0
    assert take_all(one) == [b'{"n":1}']
    one.close()
    two.close()


def test_what_is_settled_behind_a_lease_does_not_hide_it(directory):
    """When a later slice is settled first and the process dies, the earlier one is still found."""
    dead = Spool(directory)
    for number in range(4):
        dead.put(b'{"n":%d}' % number)
    first, second = dead.take(2, 100), dead.take(1, 100)
    dead.settle(second, {})
    abandon(dead)
    heir = Spool(directory)
    heir.adopt()
    assert set(first.lines()) | {b'{"n":3}'} <= set(take_all(heir))
    heir.close()


def test_a_torn_last_line_is_passed_over(directory):
    """A line without its end was never answered for: the others come out, and nothing is counted for it."""
    dead = Spool(directory)
    dead.put(b'{"n":1}')
    abandon(dead)
    with segments(directory)[0].open("ab") as file:
        file.write(b'{"n":2,"half')
    heir = Spool(directory)
    assert heir.adopt() == 1
    assert take_all(heir) == [b'{"n":1}']
    heir.close()
    assert list(directory.iterdir()) == []


def test_damaged_lines_become_dead_letters_and_the_others_are_delivered(directory):
    """Garbage in the middle of a file is set aside with its bytes; every whole event around it gets out."""
    dead = Spool(directory)
    for number in range(4):
        dead.put(b'{"n":%d}' % number)
    abandon(dead)
    path = segments(directory)[0]
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"\x00\x00\xff garbage\n" + lines[1] + b"\n" + lines[2] + b'["no event"]\n' + lines[3])
    heir = Spool(directory)
    heir.adopt()
    assert sorted(take_all(heir)) == [b'{"n":%d}' % number for number in range(4)]
    stats = heir.stats()
    assert (stats.delivered, stats.rejected, stats.pending) == (4, 3, 0)
    assert stats.balanced
    letters = DeadLetters(directory).read()
    assert sorted(letter.event for letter in letters) == [b"", b"\x00\x00\xff garbage", b'["no event"]']
    assert {letter.reason for letter in letters} == {"corrupt"}
    heir.close()


def test_a_line_longer_than_any_event_is_damage(directory):
    """A line over the limit of the wire becomes a dead letter; the event after it gets out."""
    dead = Spool(directory)
    dead.put(b'{"n":1}')
    abandon(dead)
    with segments(directory)[0].open("ab") as file:
        file.write(b"{" + b"x" * (3 * LIMITS.event_bytes) + b'}\n{"n":2}\n')
    heir = Spool(directory)
    assert heir.adopt() == 3
    out = []
    while (lease := heir.take(10, 1_000)) is not None:
        out += lease.lines()
        heir.settle(lease, {})
    assert sorted(out) == [b'{"n":1}', b'{"n":2}']
    assert heir.stats().rejected == 1
    heir.close()


def test_a_file_cut_short_is_said_and_counted(directory, caplog):
    """When somebody cuts a file with waiting events, they are dropped with a reason, loudly, and the balance holds."""
    spool = Spool(directory, segment_bytes=50)
    for number in range(10):
        spool.put(b'{"number":%d}' % number)
    os.truncate(segments(directory)[0], 5)
    with caplog.at_level(logging.ERROR, "ecomtrack_sdk"):
        out = take_all(spool)
    stats = spool.stats()
    assert stats.balanced
    assert stats.pending == 0
    assert stats.dropped["outbox_lost"] == 10 - len(out) > 0
    assert "outbox.lost" in caplog.messages
    spool.close()


def test_an_emptied_directory_is_noticed(directory, caplog):
    """When somebody deletes the directory, waiting events still get out and new ones go into a new file."""
    spool = Spool(directory)
    spool.put(b'{"n":1}')
    for path in directory.iterdir():
        path.unlink()
    directory.rmdir()
    with caplog.at_level(logging.ERROR, "ecomtrack_sdk"):
        spool.tidy()
    assert "outbox.removed" in caplog.messages
    spool.put(b'{"n":2}')
    assert len(segments(directory)) == 1
    assert sorted(take_all(spool)) == [b'{"n":1}', b'{"n":2}']
    assert spool.stats().balanced
    spool.close()


def test_the_bound_counts_what_other_processes_have_waiting(directory):
    """The bound in bytes is the directory's: a living neighbour's events count, as of the last look."""
    neighbour = Spool(directory)
    for number in range(100):
        neighbour.put(b'{"n":%03d}' % number)
    spool = Spool(directory, max_bytes=500)
    assert spool.put(b'{"n":1}')
    spool.adopt()
    assert not spool.put(b'{"n":2}')
    neighbour.close()
    spool.close()


def test_a_path_that_is_no_directory_falls_back_to_memory(tmp_path, caplog):
    """Where the disk refuses, events wait in memory, and a warning says so once a minute, not once an event."""
    (tmp_path / "outbox").write_text("a file is in the way")
    outbox = FallbackOutbox(Spool(tmp_path / "outbox"), MemoryOutbox(), Notices())
    with caplog.at_level(logging.WARNING, "ecomtrack_sdk"):
        for number in range(100):
            assert outbox.put(b'{"n":%d}' % number)
    assert caplog.messages.count("outbox.fallback_to_memory") == 1
    assert outbox.stats().pending == 100
    lease = outbox.take(200, 1 << 20)
    outbox.settle(lease, {}, ())
    assert outbox.stats().delivered == 100
    outbox.close()


def test_the_disk_is_used_again_when_it_works_again(tmp_path, monkeypatch):
    """After the disk has come back, new events are on it."""
    monkeypatch.setattr("ecomtrack_sdk._delivery.fallback.TRY_AGAIN", 0.0)
    directory = tmp_path / "outbox"
    directory.write_text("in the way")
    outbox = FallbackOutbox(Spool(directory), MemoryOutbox(), Notices())
    outbox.put(b'{"n":1}')
    directory.unlink()
    outbox.put(b'{"n":2}')
    assert segments(directory)[0].read_bytes() == b'{"n":2}\n'
    assert outbox.stats().pending == 2
    outbox.close()


def test_memory_is_spilled_when_it_closes(tmp_path):
    """Events left in memory at a normal end are on disk afterwards, for the next process."""
    outbox = MemoryOutbox(spill=tmp_path / "outbox")
    outbox.put(b'{"n":1}')
    lease = outbox.take(1, 100)
    outbox.put(b'{"n":2}')
    outbox.close()
    outbox.release(lease)
    heir = Spool(tmp_path / "outbox")
    assert heir.adopt() == 2
    assert sorted(take_all(heir)) == [b'{"n":1}', b'{"n":2}']
    heir.close()


def test_memory_without_a_disk_says_what_it_loses():
    """Without a directory what is left at the end is dropped, with a reason."""
    outbox = MemoryOutbox()
    outbox.put(b'{"n":1}')
    outbox.close()
    assert dict(outbox.stats().dropped) == {"exit": 1}
    assert outbox.stats().balanced


def test_dead_letters_keep_the_event_and_the_reason(directory):
    """A rejected event can be listed, found, retried and purged."""
    spool = Spool(directory)
    events = [b'{"event_id":"a","price":"1.50"}', b'{"event_id":"b"}']
    for event in events:
        spool.put(event)
    error = FieldError(loc="price", type="amount", msg='says ,"event": inside')
    spool.settle(spool.take(2, 100), {0: Refused("a", "rejected", (error,)), 1: Refused("b", "rejected")})
    spool.close()
    letters = maintenance.letters(directory)
    assert [(letter.event_id, letter.event) for letter in letters] == [("a", events[0]), ("b", events[1])]
    assert letters[0].errors == (error,)
    assert maintenance.find(directory, "a") == letters[0]
    assert maintenance.purge(directory, ["b"]) == 1
    assert maintenance.retry(directory) == 1
    assert maintenance.letters(directory) == []
    assert list(maintenance.waiting(directory)) == [events[0]]
    assert maintenance.find(directory, "a") == events[0]
    assert maintenance.find(directory, "nobody") is None


def test_a_letter_edited_by_hand_is_still_read(directory):
    """Somebody may repair the event in the file with an editor, white space and all."""
    spool = Spool(directory)
    spool.put(b'{"event_id":"a"}')
    spool.settle(spool.take(1, 100), {0: Refused("a", "rejected")})
    spool.close()
    path = directory / "dead" / "letters.ndjson"
    letter = json.loads(path.read_text())
    letter["event"]["name"] = "repaired"
    path.write_text("not a letter\n" + json.dumps(letter) + "\n")
    assert maintenance.retry(directory, ["a"]) == 1
    assert [json.loads(line) for line in maintenance.waiting(directory)] == [{"event_id": "a", "name": "repaired"}]
    assert path.read_text() == "not a letter\n"


def test_report_tells_the_living_from_the_dead(directory):
    """The report shows for each owner how much waits and whether anybody looks after it."""
    living, dead = Spool(directory), Spool(directory)
    living.put(b'{"n":1}')
    dead.put(b'{"n":2}')
    dead.put(b'{"n":3}')
    abandon(dead)
    report = maintenance.report(directory)
    assert report.events == 3
    assert report.bytes == 24
    assert sorted((owner.alive, owner.events) for owner in report.owners) == [(False, 2), (True, 1)]
    assert {owner.pid for owner in report.owners} == {os.getpid()}
    assert report.oldest_seconds is not None
    living.close()


def test_drain_delivers_what_the_dead_left(directory, sink):
    """``drain`` sends what no living process has, sets the rejected aside, and leaves no file."""
    dead = Spool(directory)
    for number in range(1_200):
        name = "poison" if number == 700 else "fine"
        dead.put(b'{"event_id":"%d","name":"%b"}' % (number, name.encode()))
    abandon(dead)
    seen: list[int] = []
    done = maintenance.drain(
        directory, HttpTransport(sink.url, "key"), progress=lambda stats: seen.append(stats.delivered)
    )
    assert (done.adopted, done.delivered, done.rejected, done.pending) == (1_200, 1_199, 1, 0)
    assert len(sink.stored) == 1_199
    assert seen == sorted(seen)
    assert [path.name for path in directory.iterdir()] == ["dead"]


def test_a_process_that_is_killed_leaves_every_event_it_was_answered_for(directory):
    """kill -9 in a loop of puts: each put that returned is found, whole, exactly once."""
    program = (
        "import sys, os, signal; from pathlib import Path; from ecomtrack_sdk._delivery.spool import Spool\n"
        "spool = Spool(Path(sys.argv[1]), segment_bytes=5000)\n"
        "for number in range(100000):\n"
        '    spool.put(b\'{"n":%d,"pad":"%b"}\' % (number, b\'x\' * (number % 300)))\n'
        "    os.write(1, b'%d\\n' % number)\n"
        "    if number == 1500: os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(directory)], stdout=subprocess.PIPE, check=False)
    answered = [int(number) for number in done.stdout.split()]
    assert answered[-1] == 1_500
    heir = Spool(directory)
    heir.adopt()
    found = [json.loads(line)["n"] for line in take_all(heir)]
    assert found == answered
    heir.close()
