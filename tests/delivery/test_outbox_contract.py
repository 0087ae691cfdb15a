"""What every outbox does, whatever it is made of."""

from __future__ import annotations

import threading

import pytest

from ecomtrack_sdk._delivery.outbox import Outbox, Refused
from ecomtrack_sdk.errors import OutboxFull


def line(number: int, size: int = 0) -> bytes:
    return b'{"event_id":"%d","pad":"%b"}' % (number, b"x" * size)


def fill(outbox: Outbox, count: int, first: int = 0) -> list[bytes]:
    lines = [line(first + number) for number in range(count)]
    for one in lines:
        assert outbox.put(one)
    return lines


def drain(outbox: Outbox, events: int = 100, size: int = 1_000_000) -> list[bytes]:
    out: list[bytes] = []
    while (lease := outbox.take(events, size)) is not None:
        out += lease.lines()
        outbox.settle(lease, {}, ())
    return out


def test_events_come_out_once_in_order(make):
    """What is put in comes out once, in its order, byte for byte."""
    outbox = make()
    lines = fill(outbox, 250)
    assert drain(outbox) == lines
    stats = outbox.stats()
    assert (stats.accepted, stats.delivered, stats.pending, stats.pending_bytes) == (250, 250, 0, 0)
    assert stats.balanced


def test_a_lease_is_bounded_by_events_and_bytes(make):
    """A lease holds at most so many events and about so many bytes, and one event at least."""
    outbox = make()
    for number in range(10):
        outbox.put(line(number, 1_000))
    assert outbox.take(3, 1_000_000).count == 3
    assert outbox.take(100, 2_500).count == 2
    assert outbox.take(100, 10).count == 1


def test_what_is_leased_is_not_leased_again(make):
    """Two leases never share an event; together they are all events."""
    outbox = make()
    lines = fill(outbox, 6)
    first, second = outbox.take(3, 10_000), outbox.take(100, 10_000)
    assert first.lines() + second.lines() == lines
    assert outbox.take(1, 10_000) is None
    assert outbox.pending == 6


def test_a_released_lease_comes_again(make):
    """Released events are taken again, whole and in order, and the balance has not moved."""
    outbox = make()
    lines = fill(outbox, 5)
    lease = outbox.take(3, 10_000)
    outbox.release(lease)
    assert outbox.stats().pending == 5
    assert sorted(drain(outbox)) == sorted(lines)


def test_each_line_of_a_lease_gets_its_own_fate(make):
    """Rejected lines are counted, unsent ones come again, all others are delivered."""
    outbox = make()
    lines = fill(outbox, 6)
    lease = outbox.take(6, 10_000)
    outbox.settle(lease, {1: Refused("1", "rejected"), 4: Refused("4", "rejected")}, (2, 3))
    stats = outbox.stats()
    assert (stats.delivered, stats.rejected, stats.pending) == (2, 2, 2)
    assert stats.balanced
    assert sorted(drain(outbox)) == [lines[2], lines[3]]
    assert outbox.stats().pending_bytes == 0


def test_unsent_lines_do_not_hold_up_others(make):
    """While one event is given back for ever, fresh ones still get out."""
    outbox = make()
    fill(outbox, 1)
    others = fill(outbox, 4, first=1)
    out: list[bytes] = []
    for _ in range(12):
        lease = outbox.take(1, 10_000)
        if lease.lines() == [line(0)]:
            outbox.settle(lease, {}, (0,))
        else:
            out += lease.lines()
            outbox.settle(lease, {}, ())
        if len(out) == 4:
            break
    assert out == others


@pytest.mark.parametrize("bound", [{"max_events": 5}, {"max_bytes": 5 * (len(line(0)) + 1)}])
def test_drop_newest_at_the_bound(make, bound):
    """At the bound the new event is dropped and counted."""
    dropped: list[tuple[str, int]] = []
    outbox = make(on_full="drop_newest", on_dropped=lambda reason, number: dropped.append((reason, number)), **bound)
    lines = fill(outbox, 5)
    assert outbox.put(line(9)) is False
    stats = outbox.stats()
    assert (stats.accepted, stats.pending, dict(stats.dropped)) == (6, 5, {"outbox_full": 1})
    assert stats.balanced
    assert dropped == [("outbox_full", 1)]
    assert drain(outbox) == lines


@pytest.mark.parametrize("bound", [{"max_events": 5}, {"max_bytes": 5 * (len(line(0)) + 1)}])
def test_drop_oldest_at_the_bound(make, bound):
    """At the bound the oldest event that is not on its way makes room."""
    outbox = make(on_full="drop_oldest", **bound)
    lines = fill(outbox, 5)
    lease = outbox.take(2, 10_000)
    assert outbox.put(line(8))
    assert lease.lines() == lines[:2]
    stats = outbox.stats()
    assert (stats.accepted, stats.pending, dict(stats.dropped)) == (6, 5, {"outbox_full": 1})
    outbox.settle(lease, {}, ())
    assert drain(outbox) == [*lines[3:], line(8)]
    assert outbox.stats().balanced


def test_raise_at_the_bound(make):
    """Under the policy ``raise`` the caller is told and nothing is counted."""
    outbox = make(on_full="raise", max_events=1)
    fill(outbox, 1)
    with pytest.raises(OutboxFull):
        outbox.put(line(2))
    assert outbox.stats().accepted == 1


def test_block_waits_for_room(make):
    """Under the policy ``block`` a full outbox takes the event as soon as another is delivered."""
    outbox = make(on_full="block", max_events=2, block_timeout=30)
    fill(outbox, 2)
    lease = outbox.take(1, 10_000)
    kept: list[bool] = []
    thread = threading.Thread(target=lambda: kept.append(outbox.put(line(7))))
    thread.start()
    outbox.settle(lease, {}, ())
    thread.join(30)
    assert kept == [True]
    assert outbox.stats().balanced


def test_block_drops_after_its_deadline(make):
    """Under the policy ``block`` the event is dropped and counted when no room appears in time."""
    outbox = make(on_full="block", max_events=1, block_timeout=0.02)
    fill(outbox, 1)
    assert outbox.put(line(7)) is False
    assert dict(outbox.stats().dropped) == {"outbox_full": 1}


def test_the_balance_holds_while_threads_put_and_take(make):
    """At every look the numbers balance, and in the end each event came out once."""
    outbox = make()
    stop = threading.Event()
    unbalanced: list[object] = []
    out: list[bytes] = []

    def put(first: int) -> None:
        fill(outbox, 200, first)

    def take() -> None:
        while not stop.is_set() or outbox.pending:
            lease = outbox.take(17, 5_000)
            if lease is not None:
                out.extend(lease.lines())
                outbox.settle(lease, {}, ())

    def look() -> None:
        while not stop.is_set():
            stats = outbox.stats()
            if not stats.balanced or stats.pending < 0:
                unbalanced.append(stats)

    putters = [threading.Thread(target=put, args=(first,)) for first in range(0, 800, 200)]
    others = [threading.Thread(target=take), threading.Thread(target=look)]
    for thread in (*putters, *others):
        thread.start()
    for thread in putters:
        thread.join()
    stop.set()
    for thread in others:
        thread.join()
    assert not unbalanced
    assert sorted(out) == sorted(line(number) for number in range(800))
