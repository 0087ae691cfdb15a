"""What every event store promises. A new implementation adds itself to ``OPENERS`` and runs the same suite."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecomtrack_sdk.errors import StoreError
from ecomtrack_sdk.store import EventStore, Filter, LogEntry, RejectedEntry, SqliteStore

OPENERS: dict[str, Callable[[Path], EventStore]] = {"sqlite": lambda path: SqliteStore(path / "events.db")}


@pytest.fixture(params=sorted(OPENERS))
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], EventStore]:
    return lambda: OPENERS[request.param](tmp_path)


@pytest.fixture
def store(opener: Callable[[], EventStore]) -> Iterator[EventStore]:
    opened = opener()
    yield opened
    opened.close()


def entry(number: int, kind: str = "view_page", raw: bytes | None = None, occurred_at: int = 5) -> LogEntry:
    event_id = f"00000000-0000-7000-8000-{number:012d}"
    return LogEntry(event_id, kind, occurred_at, 9, "server", raw or b'{"n":%d}' % number)


def refused(raw: bytes, event_id: str | None = None) -> RejectedEntry:
    return RejectedEntry(event_id, 9, "site", raw, b'[{"loc":"","type":"json_invalid","msg":"x"}]')


def test_append_says_which_entries_are_new(store):
    """Each entry gets its own answer, in order: new or there already."""
    assert store.append([entry(1), entry(2)]) == [True, True]
    assert store.append([entry(2), entry(3), entry(1)]) == [False, True, False]


def test_append_counts_a_repeat_inside_one_batch_once(store):
    """The second appearance of an id in the same batch is a duplicate."""
    assert store.append([entry(1), entry(1), entry(2), entry(1)]) == [True, False, True, False]
    assert [row.event_id for row in store.read(0, 10)] == [entry(1).event_id, entry(2).event_id]


def test_the_first_content_of_an_id_stands(store):
    """A later event with a known id changes nothing."""
    store.append([entry(1, raw=b'{"first":1}')])
    store.append([entry(1, raw=b'{"second":2}')])
    assert store.find(entry(1).event_id).raw == b'{"first":1}'


def test_read_returns_the_log_in_order_of_arrival_by_pages(store):
    """Reading after the last seq of a page gives the next page, and nothing twice."""
    store.append([entry(number) for number in range(250)])
    seen, after = [], 0
    while page := store.read(after, 100):
        seen += page
        after = page[-1].seq
    assert [row.event_id for row in seen] == [entry(number).event_id for number in range(250)]
    assert [row.seq for row in seen] == sorted({row.seq for row in seen})
    assert store.high_watermark() == seen[-1].seq


def test_rows_carry_what_was_given(store):
    """Every field of an entry comes back unchanged."""
    store.append([LogEntry("id-1", "custom", -5, 2**60, "site", b'{"a":"\xc3\xa9"}', b'[{"code":"x"}]')])
    (row,) = store.read(0, 1)
    assert row[1:] == ("id-1", "custom", -5, 2**60, b'{"a":"\xc3\xa9"}', "site", b'[{"code":"x"}]')


def test_an_empty_store_reads_as_empty(store):
    """Nothing is found, counted or numbered in a fresh store."""
    assert store.read(0, 10) == store.recent(10) == store.recent_rejected(10) == []
    assert store.high_watermark() == 0
    assert store.counts() == (0, 0)
    assert store.find("nobody") is None
    assert store.append([]) == []


def test_refused_events_are_kept_with_their_reasons(store):
    """Whatever bytes were refused come back, with errors, in order."""
    store.append([entry(1)], [refused(b"\xff\x00{"), refused(b'{"type":"x"}', "id-2")])
    rows = store.read_rejected(0, 10)
    assert [(row.raw, row.event_id) for row in rows] == [(b"\xff\x00{", None), (b'{"type":"x"}', "id-2")]
    assert rows[0].errors == b'[{"loc":"","type":"json_invalid","msg":"x"}]'
    assert store.counts() == (1, 2)


def test_recent_is_newest_first_and_filters(store):
    """Type, name of a custom event, visitor, order, customer, id and page each restrict what is listed."""
    store.append(
        [
            entry(1, raw=b'{"visitor_id":"v1"}'),
            entry(2, "order", b'{"order_id":"o1","customer":{"id":"c1","email":"A@x.example"}}'),
            entry(3, "custom", b'{"name":"promo","visitor_id":"v1"}'),
            entry(4, "custom", b'{"name":"other","visitor_id":"v2"}'),
        ]
    )

    def found(**where: object) -> list[int]:
        return [int(row.event_id[-12:]) for row in store.recent(10, Filter(**where))]

    assert found() == [4, 3, 2, 1]
    assert found(event_type="custom") == [4, 3]
    assert found(event_type="custom:promo") == [3]
    assert found(visitor_id="v1") == [3, 1]
    assert found(visitor_id="v1", event_type="view_page") == [1]
    assert found(order_id="o1") == [2]
    assert found(customer="c1") == found(customer="a@X.example") == [2]
    assert found(event_id=entry(4).event_id.upper()) == [4]
    assert found(before_seq=store.recent(2)[-1].seq) == [2, 1]
    assert found(visitor_id="nobody") == []


def test_recent_refused_filters_what_can_be_read(store):
    """Refused events that are no JSON are listed, and do not disturb a filter."""
    store.append([], [refused(b"{bad"), refused(b'{"type":"order","order_id":"o1"}'), refused(b"[" * 5000)])
    assert len(store.recent_rejected(10)) == 3
    assert [row.raw for row in store.recent_rejected(10, Filter(order_id="o1"))] == [
        b'{"type":"order","order_id":"o1"}'
    ]
    assert len(store.recent_rejected(10, Filter(event_type="order"))) == 1


def test_what_was_acknowledged_is_there_after_reopening(opener):
    """Closing and opening again loses nothing and keeps ids known."""
    first = opener()
    first.append([entry(1)], [refused(b"x")])
    first.close()
    second = opener()
    try:
        assert second.append([entry(1), entry(2)]) == [False, True]
        assert second.counts() == (2, 1)
    finally:
        second.close()


def test_concurrent_writers_agree_on_who_was_first(store):
    """Of many threads that bring the same events, each event is new for exactly one."""
    wins: list[list[bool]] = []
    barrier = threading.Barrier(8)

    def bring() -> None:
        barrier.wait()
        for start in range(0, 100, 10):
            wins.append(store.append([entry(number) for number in range(start, start + 10)]))

    threads = [threading.Thread(target=bring) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sum(outcome) for outcome in wins) == 100
    assert store.counts().good == 100


def test_erased_content_is_gone_and_does_not_come_back(store):
    """After an erase the content is nowhere, its id is a duplicate, and readers are told to start anew."""
    store.append([entry(1, raw=b'{"visitor_id":"secret"}'), entry(2)], [refused(b"secret", entry(1).event_id)])
    before = store.generation()
    assert store.erase([entry(1).event_id, "unknown"]) == 1
    assert store.generation() != before
    assert store.append([entry(1, raw=b'{"visitor_id":"secret"}')]) == [False]
    assert [row.event_id for row in store.read(0, 10)] == [entry(2).event_id]
    assert store.find(entry(1).event_id) is None
    assert store.recent(10, Filter(visitor_id="secret")) == store.recent_rejected(10) == []
    assert store.counts() == (1, 0)
    assert store.erase([entry(1).event_id]) == 0


def test_reset_empties_the_store_and_tells_readers(store):
    """After a reset nothing is known, ids are new again, and no seq is used a second time."""
    store.append([entry(1), entry(2)], [refused(b"x")])
    mark, generation = store.high_watermark(), store.generation()
    store.reset()
    assert store.counts() == (0, 0)
    assert store.generation() != generation
    assert store.append([entry(1)]) == [True]
    assert store.read(0, 10)[0].seq > mark


def test_generation_stays_while_events_are_only_added(store):
    """Adding events never asks readers to start anew."""
    before = store.generation()
    store.append([entry(1)], [refused(b"x")])
    assert store.generation() == before


def test_a_closed_store_says_so(opener):
    """After close every use raises ``StoreError``, and closing again is fine."""
    closed = opener()
    closed.append([entry(1)])
    closed.close()
    closed.close()
    with pytest.raises(StoreError, match="closed"):
        closed.append([entry(2)])
    with pytest.raises(StoreError, match="closed"):
        closed.read(0, 1)


def test_close_writes_what_is_waiting(opener):
    """A batch handed over before close is durable when close returns."""
    closing = opener()
    future = closing.submit([entry(1)])
    closing.close()
    assert future.result(timeout=0) == [True]
    again = opener()
    assert again.counts().good == 1
    again.close()


@given(st.lists(st.lists(st.integers(0, 20), max_size=30), max_size=8))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_history_of_batches_keeps_each_id_once(opener, batches):
    """Whatever the batches, an entry is new exactly when its id was never seen before."""
    opened = opener()
    try:
        opened.reset()
        seen: set[int] = set()
        for batch in batches:
            expected = []
            for number in batch:
                expected.append(number not in seen)
                seen.add(number)
            assert opened.append([entry(number) for number in batch]) == expected
        assert {int(row.event_id[-12:]) for row in opened.read(0, 1000)} == seen
    finally:
        opened.close()
