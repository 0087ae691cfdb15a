"""``Tracker``: what a shop's backend sees."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

import anyio
import httpx
import pytest

from ecomtrack_sdk import (
    AddToCart,
    ConfigError,
    Context,
    Customer,
    CustomEvent,
    Item,
    Order,
    OutboxFull,
    RetryPolicy,
    Tracker,
    ViewPage,
)
from ecomtrack_sdk._delivery import maintenance
from ecomtrack_sdk.errors import ClientClosed, MissingCurrency

QUICK = RetryPolicy(initial=0.01, ceiling=0.05)


def wait_for(condition, seconds: float = 30.0) -> None:
    """Until *condition* holds; fails after *seconds*."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.005)


def test_an_order_arrives_as_it_was_tracked(tracker_of, sink):
    """``track`` returns the event's id, and after ``flush`` the collector has the event."""
    tracker = tracker_of()
    order = Order(order_id="o1", items=[Item(product_id="p", price="19.90", quantity=2)], currency="EUR")
    assert tracker.track(order) == order.event_id
    result = tracker.flush(30)
    assert result
    assert (result.delivered, result.pending) == (1, 0)
    assert Order.model_validate({**sink.events[order.event_id]}) == order


def test_events_leave_without_a_flush(tracker_of, sink):
    """Nobody has to flush: events are sent within the flush interval."""
    event_id = tracker_of().track(CustomEvent(name="x"))
    wait_for(lambda: event_id in sink.stored)


def test_events_travel_in_batches(tracker_of, sink):
    """A thousand events need two requests of five hundred, each under a key of its own."""
    tracker = tracker_of(flush_interval=30)
    for _ in range(1_000):
        tracker.track(CustomEvent(name="x"))
    assert tracker.flush(30)
    assert sink.requests == len(set(sink.keys)) == 2


def test_the_balance_is_told(tracker_of, sink):
    """``stats`` says what became of every event."""
    tracker = tracker_of()
    for name in ("a", "b", "poison"):
        tracker.track(CustomEvent(name=name))
    assert tracker.flush(30)
    stats = tracker.stats()
    assert (stats.accepted, stats.delivered, stats.rejected, stats.pending, dict(stats.dropped)) == (3, 2, 1, 0, {})
    assert stats.balanced


def test_a_poison_event_holds_up_nothing_and_can_be_retried(tracker_of, sink, tmp_path):
    """A rejected event ends as a dead letter with its reason; after a fix it is sent again."""
    tracker = tracker_of()
    poison = tracker.track(CustomEvent(name="poison"))
    fine = [tracker.track(CustomEvent(name="fine")) for _ in range(10)]
    assert tracker.flush(30)
    assert sink.stored == set(fine)
    (letter,) = maintenance.letters(tmp_path / "outbox")
    assert (letter.event_id, letter.reason, letter.errors[0].type) == (poison, "rejected", "poison")
    sink.fixed.add("poison")
    assert maintenance.retry(tmp_path / "outbox", [poison]) == 1
    tracker.close()
    with tracker_of() as second:
        second.track(CustomEvent(name="fine"))
        wait_for(lambda: poison in sink.stored)


def test_an_event_asked_for_again_and_again_holds_up_nothing(tracker_of, sink):
    """Events the collector cannot take now wait; those behind them are delivered."""
    tracker = tracker_of(retry=QUICK, batch_events=5)
    stuck = tracker.track(CustomEvent(name="again"))
    fine = [tracker.track(CustomEvent(name="fine")) for _ in range(30)]
    wait_for(lambda: sink.stored == set(fine))
    wait_for(lambda: tracker.stats().pending == 1)
    sink.fixed.add("again")
    wait_for(lambda: stuck in sink.stored)


def test_outages_are_waited_out(tracker_of, sink):
    """Errors of the server, and of what stands before it, are retried under the same key until it works."""
    for status in (500, 502, 503, 429, 408):
        sink.plan(status, body="<html>not today</html>")
    sink.plan(200, body="not json")
    tracker = tracker_of(retry=QUICK)
    tracker.track(CustomEvent(name="x"))
    assert tracker.flush(30)
    assert len(sink.keys) == 7
    assert len(set(sink.keys)) == 1
    assert tracker.stats().delivered == 1


def test_a_wrong_key_keeps_the_events_and_says_so(tracker_of, sink, caplog):
    """An unauthorised tracker loses nothing: it waits for somebody to repair the key, and names the trouble."""
    sink.plan(401, times=1_000)
    with caplog.at_level(logging.ERROR, "ecomtrack_sdk"):
        tracker = tracker_of(retry=QUICK)
        tracker.track(CustomEvent(name="x"))
        wait_for(lambda: tracker.flush(0.1).reason)
        result = tracker.flush(0.1)
    assert not result
    assert "401" in result.reason
    assert result.pending == tracker.stats().pending == 1
    assert "delivery.blocked" in caplog.messages
    sink.planned.clear()
    assert tracker.flush(30)


def test_flush_gives_up_in_time(tracker_of, sink):
    """A flush against a dead collector ends at its timeout and tells what still waits."""
    tracker = tracker_of(url="http://127.0.0.1:9", retry=QUICK)
    tracker.track(CustomEvent(name="x"))
    result = tracker.flush(0.2)
    assert not result.complete
    assert result.pending == 1


def test_what_could_not_be_sent_is_sent_by_the_next(tracker_of, sink):
    """``close`` leaves undelivered events to the next tracker on the same outbox."""
    sink.plan(503, times=1_000)
    first = tracker_of(retry=QUICK)
    ids = {first.track(CustomEvent(name="x")) for _ in range(20)}
    assert not first.close(timeout=0.2)
    sink.planned.clear()
    second = tracker_of()
    ids.add(second.track(CustomEvent(name="y")))
    wait_for(lambda: sink.stored == ids)
    wait_for(lambda: second.stats().pending == 0)
    assert second.stats().adopted == 20


def test_a_clean_end_leaves_an_empty_directory(tracker_of, sink, tmp_path):
    """When all is delivered ``close`` leaves no file behind."""
    tracker = tracker_of()
    tracker.track(CustomEvent(name="x"))
    assert tracker.close(timeout=30)
    assert list((tmp_path / "outbox").iterdir()) == []


def test_nothing_is_tracked_after_close(tracker_of):
    """A closed tracker refuses events; closing it again is fine."""
    tracker = tracker_of()
    tracker.close()
    tracker.close()
    with pytest.raises(ClientClosed):
        tracker.track(CustomEvent(name="x"))


def test_visitor_fills_the_envelope(tracker_of, sink):
    """Inside the block events carry visitor, customer and context, unless they say so themselves; blocks nest."""
    tracker = tracker_of()
    with tracker.visitor(visitor_id="v1", context=Context(url="https://shop.example/")):
        one = tracker.track(ViewPage())
        with tracker.visitor(customer=Customer(email="a@b.example")):
            two = tracker.track(CustomEvent(name="x", visitor_id="v2"))
    three = tracker.track(CustomEvent(name="x"))
    assert tracker.flush(30)
    assert sink.events[one]["visitor_id"] == "v1"
    assert sink.events[one]["context"] == {"url": "https://shop.example/"}
    assert "customer" not in sink.events[one]
    assert sink.events[two]["visitor_id"] == "v2"
    assert sink.events[two]["customer"]["email"] == "a@b.example"
    assert sink.events[two]["context"] == {"url": "https://shop.example/"}
    assert "visitor_id" not in sink.events[three]


def test_visitors_of_threads_and_tasks_do_not_mix(tracker_of, sink):
    """Each thread and each task has its own visitor."""
    tracker = tracker_of()
    ids: dict[str, str] = {}

    async def visit(name: str) -> None:
        with tracker.visitor(visitor_id=name):
            await anyio.sleep(0.01)
            ids[name] = tracker.track(CustomEvent(name="x"))

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for number in range(5):
                group.start_soon(visit, f"v{number}")

    anyio.run(main)
    assert tracker.flush(30)
    assert {name: sink.events[event_id]["visitor_id"] for name, event_id in ids.items()} == {v: v for v in ids}


def test_a_wrong_visitor_is_refused(tracker_of):
    """An empty visitor id is an error where it is given, not a rejection later."""
    with pytest.raises(ValueError, match="visitor_id"), tracker_of().visitor(visitor_id=""):
        pass


def test_the_default_currency_is_written(tracker_of, sink):
    """With a default currency amounts need none of their own; without one the caller is told."""
    event = AddToCart(item=Item(product_id="p", price="1", quantity=1))
    with pytest.raises(MissingCurrency):
        tracker_of().track(event)
    tracker = tracker_of(currency="CHF")
    tracker.track(event)
    assert tracker.flush(30)
    assert sink.events[event.event_id]["currency"] == "CHF"


def test_disabled_validates_and_does_nothing(tmp_path, monkeypatch):
    """``ECOMTRACK_DISABLED=1`` makes everything a no-op that still validates: no file, no thread, no address needed."""
    monkeypatch.setenv("ECOMTRACK_DISABLED", "1")
    threads = threading.active_count()
    with Tracker.from_env(outbox=tmp_path / "outbox") as tracker:
        tracker.track(CustomEvent(name="x"))
        with pytest.raises(MissingCurrency):
            tracker.track(AddToCart(item=Item(product_id="p", price="1", quantity=1)))
        assert tracker.flush()
        assert tracker.stats().accepted == 0
        assert threading.active_count() == threads
    assert not (tmp_path / "outbox").exists()


def test_settings_come_from_the_environment(monkeypatch, tmp_path, sink):
    """Address, key and outbox can all come from the environment; arguments go before it."""
    monkeypatch.setenv("ECOMTRACK_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("ECOMTRACK_KEY", "from-env")
    monkeypatch.setenv("ECOMTRACK_OUTBOX", str(tmp_path / "env"))
    with Tracker.from_env(url=sink.url) as tracker:
        assert tracker.config.key == "from-env"
        assert tracker.config.directory == tmp_path / "env"
        tracker.track(CustomEvent(name="x"))
        assert tracker.flush(30)


def test_hooks_are_told(tracker_of, sink):
    """``on_delivered``, ``on_rejected`` and ``on_dropped`` hear of every event."""
    delivered: list[int] = []
    rejected: list[str | None] = []
    dropped: list[tuple[str, int]] = []
    tracker = tracker_of(
        on_delivered=delivered.append,
        on_rejected=lambda letter: rejected.append(letter.event_id),
        on_dropped=lambda reason, number: dropped.append((reason, number)),
        max_events=3,
        flush_interval=30,
    )
    poison = tracker.track(CustomEvent(name="poison"))
    for _ in range(4):
        tracker.track(CustomEvent(name="x"))
    assert tracker.flush(30)
    tracker.close()
    assert sum(delivered) == 2
    assert rejected == [poison]
    assert sum(number for reason, number in dropped if reason == "outbox_full") == 2
    assert dict(tracker.stats().dropped) == {"outbox_full": 2}


def test_a_hook_that_raises_or_blocks_holds_up_nothing(tracker_of, sink, caplog):
    """Delivery goes on while one hook never returns and another always raises; the fault is logged."""
    forever = threading.Event()

    def raising(number: int) -> None:
        raise RuntimeError("my hook is broken")

    tracker = tracker_of(on_delivered=raising, on_rejected=lambda letter: forever.wait(60))
    with caplog.at_level(logging.ERROR, "ecomtrack_sdk"):
        tracker.track(CustomEvent(name="poison"))
        assert tracker.flush(30)
        ids = {tracker.track(CustomEvent(name="x")) for _ in range(10)}
        assert tracker.flush(30)
        assert ids <= sink.stored
        forever.set()
        wait_for(lambda: "hook.failed" in caplog.messages)


def test_a_full_outbox_can_refuse(tracker_of):
    """Under ``on_full="raise"`` the caller gets ``OutboxFull``."""
    tracker = tracker_of(on_full="raise", max_events=2, flush_interval=60)
    tracker.track(CustomEvent(name="x"))
    tracker.track(CustomEvent(name="x"))
    with pytest.raises(OutboxFull):
        tracker.track(CustomEvent(name="x"))


@pytest.mark.parametrize("durability", ["process", "disk", "memory"])
def test_every_durability_delivers(tracker_of, sink, durability):
    """Whatever the durability, threads may track at once and every event arrives once."""
    tracker = tracker_of(durability=durability)
    ids: list[str] = []

    def work() -> None:
        for _ in range(100):
            ids.append(tracker.track(CustomEvent(name="x")))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tracker.flush(30)
    assert sink.stored == set(ids)
    assert len(ids) == 400
    assert max(sink.came.values()) == 1


def test_memory_alone_keeps_off_the_disk(tracker_of, sink, tmp_path):
    """``outbox="memory"`` writes no file, and says so when it loses what is left at the end."""
    sink.plan(503, times=1_000)
    tracker = tracker_of(outbox="memory", retry=QUICK)
    tracker.track(CustomEvent(name="x"))
    tracker.close(timeout=0.1)
    assert dict(tracker.stats().dropped) == {"exit": 1}
    assert tracker.stats().balanced
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_aflush_lets_the_loop_run(tracker_of, sink, backend):
    """``aflush`` delivers under asyncio and trio while other tasks go on."""
    tracker = tracker_of(flush_interval=30)
    ticks = 0

    async def main() -> None:
        nonlocal ticks
        tracker.track(CustomEvent(name="x"))

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await anyio.sleep(0.001)

        async with anyio.create_task_group() as group:
            group.start_soon(tick)
            assert await tracker.aflush(30)
            group.cancel_scope.cancel()

    anyio.run(main, backend=backend)
    assert ticks
    assert len(sink.stored) == 1


def test_a_client_of_ones_own_is_used_and_left_open(tracker_of, sink):
    """``http_client`` may be a client, which stays open, or a function that makes one."""
    with httpx.Client(headers={"X-Shop": "1"}) as client:
        tracker = tracker_of(http_client=client)
        tracker.track(CustomEvent(name="x"))
        assert tracker.close(30)
        assert not client.is_closed
    made: list[httpx.Client] = []

    def make() -> httpx.Client:
        made.append(httpx.Client())
        return made[-1]

    tracker = tracker_of(http_client=make)
    tracker.track(CustomEvent(name="x"))
    assert tracker.close(30)
    assert len(made) == 1
    made[0].close()
    assert len(sink.stored) == 2


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"url": "ftp://x"}, "url"),
        ({"url": None}, "url"),
        ({"key": None}, "key"),
        ({"batch_events": 0}, "batch_events"),
        ({"batch_bytes": 1 << 40}, "batch_bytes"),
        ({"durability": "eternal"}, "durability"),
        ({"outbox": "memory", "durability": "disk"}, "durability"),
        ({"on_full": "explode"}, "on_full"),
        ({"max_bytes": 0}, "max_bytes"),
        ({"timeout": 0}, "timeout"),
        ({"flush_interval": -1}, "flush_interval"),
        ({"encoding": "lzw"}, "encoding"),
        ({"currency": "euro"}, "currency"),
        ({"project": "../x"}, "project"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_wrong_settings_are_named(monkeypatch, settings, name):
    """A wrong setting is an error at once, and the message names it."""
    for variable in ("ECOMTRACK_URL", "ECOMTRACK_KEY", "ECOMTRACK_OUTBOX", "ECOMTRACK_DISABLED"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(ConfigError, match=name):
        Tracker(**{"url": "http://127.0.0.1:9", "key": "k", **settings})


def test_the_key_is_not_in_the_repr():
    """A configuration may be logged: its key is not shown."""
    config = Tracker("http://127.0.0.1:9", key="very-secret", outbox="memory").config
    assert "very-secret" not in repr(config)


def test_each_collector_has_an_outbox_of_its_own(monkeypatch, tmp_path):
    """Events left by one process never go to another collector: the default directory tells them apart."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("ECOMTRACK_OUTBOX", raising=False)
    places: set[Path | None] = set()
    for url in ("http://a.example", "https://a.example:8443", "http://b.example"):
        for project in ("default", "shop-2"):
            places.add(Tracker(url, key="k", project=project).config.directory)
    assert len(places) == 6


def test_only_events_are_tracked(tracker_of):
    """What is not an event is a programmer's error that says what to write instead."""
    with pytest.raises(TypeError, match=r"not dict; S2SClient\.send takes JSON"):
        tracker_of().track({"type": "view_page"})
