"""Whatever the network does to requests and answers: each event is stored exactly once, by every client."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest

from ecomtrack_sdk import AsyncS2SClient, CustomEvent, RetryPolicy, S2SClient, Tracker

FAULTS = (
    "reset_before", "reset_middle", "reset_read", "reset_after", "close_after", "stall", "drip", "drip_too_slowly",
    "cut_short", "bad_json", "wrong_counts", "broken_gzip", "html", "redirect",
    "408", "425", "429", "429_seconds", "429_date", "500", "502", "503", "503_seconds", "504", "413",
)  # fmt: skip
QUICK = RetryPolicy(initial=0.01, ceiling=0.1)
OUTAGE = 10.0
"""Seconds."""
CLIENTS = ("tracker", "sync", "asyncio", "trio")


def send_by(client: str, url: str, key: str, directory, events: list[CustomEvent], timeout: float = 1.0) -> None:
    """Deliver *events* by one of the clients, and check what it says about them."""
    common = {"key": key, "timeout": timeout, "retry": QUICK, "batch_events": 5}
    if client == "tracker":
        tracker = Tracker(url, outbox=directory, flush_interval=0.01, **common)
        for event in events:
            tracker.track(event)
        assert tracker.close(60), tracker.stats()
        stats = tracker.stats()
        assert stats.balanced
        assert stats.delivered == len(events)
    elif client == "sync":
        with S2SClient(url, **common) as sync_client:
            report = sync_client.send(events)
        assert report.accepted + report.duplicate == len(events)
    else:

        async def send() -> None:
            async with AsyncS2SClient(url, **common) as async_client:
                report = await async_client.send(events)
            assert report.accepted + report.duplicate == len(events)

        anyio.run(send, backend=client)


def check(collector, events: list[CustomEvent]) -> None:
    stored = collector.stored()
    assert {event.event_id: stored[event.event_id] for event in events} == {event.event_id: 1 for event in events}


@pytest.mark.parametrize("fault", FAULTS)
def test_one_kind_of_fault(collector, proxy, tmp_path, fault):
    """Every third request or answer is spoilt in one way: each event is stored exactly once."""
    proxy.tell(faults=[fault], rate=0.35, seed=FAULTS.index(fault))
    events = [CustomEvent(name=fault) for _ in range(40)]
    send_by("tracker", proxy.url, collector.key, tmp_path / "outbox", events)
    check(collector, events)
    assert proxy.tell()[fault] > 0


# httpx leaves generators of exchanges that broke off to the garbage collector, and trio says so.
@pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning")
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("seed", [1, 2])
def test_all_kinds_of_faults(collector, proxy, tmp_path, client, seed):
    """Every fault in one run, through the tracker and the clients that wait, under asyncio and trio."""
    proxy.tell(faults=[fault for fault in FAULTS if fault not in ("redirect", "413")], rate=0.4, seed=seed)
    events = [CustomEvent(name="mixed") for _ in range(250)]
    send_by(client, proxy.url, collector.key, tmp_path / "outbox", events)
    check(collector, events)
    assert len(proxy.tell()) > 8


def test_a_collector_that_is_down_for_ten_seconds(collector, proxy, tmp_path):
    """While nothing listens, track() goes on; afterwards everything is stored exactly once."""
    tracker = Tracker(proxy.url, key=collector.key, outbox=tmp_path / "outbox", flush_interval=0.01, retry=QUICK)
    events = []

    def track(seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            events.append(CustomEvent(name="down"))
            tracker.track(events[-1])
            time.sleep(0.002)

    track(0.3)
    proxy.tell(down=True)
    track(OUTAGE)
    assert tracker.stats().pending > 0
    assert tracker.stats().balanced
    proxy.tell(down=False)
    track(0.3)
    assert tracker.close(60)
    check(collector, events)


@pytest.mark.parametrize("client", CLIENTS[1:])
def test_a_client_that_waits_through_an_outage(collector, proxy, tmp_path, client):
    """Who waits for the verdict gets it when the collector is back, with everything stored exactly once."""
    events = [CustomEvent(name="patient") for _ in range(100)]
    proxy.tell(down=True)
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send_by, client, proxy.url, collector.key, tmp_path, events)
        time.sleep(OUTAGE / 4)
        assert not sending.done()
        proxy.tell(down=False)
        sending.result()
    check(collector, events)


def test_a_collector_that_is_down_at_the_start(collector, proxy, tmp_path):
    """A tracker started before its collector delivers as soon as there is one."""
    proxy.tell(down=True)
    tracker = Tracker(proxy.url, key=collector.key, outbox=tmp_path / "outbox", flush_interval=0.01, retry=QUICK)
    events = [CustomEvent(name="early") for _ in range(200)]
    for event in events:
        tracker.track(event)
    assert not tracker.flush(0.5)
    proxy.tell(down=False)
    assert tracker.close(60)
    check(collector, events)


def test_a_collector_that_is_down_for_the_whole_run(collector, proxy, tmp_path):
    """What one run could not deliver at all is in the outbox, and the next run delivers it."""
    proxy.tell(down=True)
    settings = {"key": collector.key, "outbox": tmp_path / "outbox", "flush_interval": 0.01, "retry": QUICK}
    tracker = Tracker(proxy.url, **settings)
    events = [CustomEvent(name="never") for _ in range(200)]
    for event in events:
        tracker.track(event)
    result = tracker.close(0.3)
    assert not result
    assert (result.pending, tracker.stats().pending) == (200, 200)
    proxy.tell(down=False)
    with Tracker(proxy.url, **settings) as second:
        events.append(CustomEvent(name="next"))
        second.track(events[-1])
        deadline = time.monotonic() + 60
        while second.stats().delivered < 201:
            assert time.monotonic() < deadline, second.stats()
            time.sleep(0.01)
    check(collector, events)
    assert list((tmp_path / "outbox").iterdir()) == []


def test_a_collector_that_flaps(collector, proxy, tmp_path):
    """Up and down, up and down, with resets of what is on its way: exactly once."""
    tracker = Tracker(
        proxy.url, key=collector.key, outbox=tmp_path / "outbox", flush_interval=0.005, retry=QUICK, batch_events=7
    )
    events = []
    for number in range(20):
        proxy.tell(down=number % 2 == 0)
        for _ in range(25):
            events.append(CustomEvent(name="flap"))
            tracker.track(events[-1])
            time.sleep(0.001)
    proxy.tell(down=False)
    assert tracker.close(60)
    check(collector, events)
