"""Send and know: both clients, against a real HTTP server, under threads, asyncio and trio."""

from __future__ import annotations

import inspect
import json
import threading
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from ecomtrack_sdk import (
    AsyncS2SClient,
    ConfigError,
    CustomEvent,
    GaveUp,
    Item,
    Order,
    OrderUpdate,
    Refund,
    RejectedError,
    RetryPolicy,
    S2SClient,
    SendReport,
    ViewPage,
    source_id,
)
from ecomtrack_sdk._wire import LIMITS, NDJSON_TYPE, BatchVerdict, decompress, encode_event, read_batch
from ecomtrack_sdk.errors import ClientClosed, MissingCurrency, TooLarge
from ecomtrack_sdk.testing import FakeCollector
from tests.raw_server import RawServer, answer

QUICK = RetryPolicy(initial=0.01, ceiling=0.02, attempts=4)
AT = datetime(2026, 1, 31, tzinfo=UTC)


def update(number: int, **fields: Any) -> OrderUpdate:
    return OrderUpdate(
        event_id=source_id("crm", str(number)), occurred_at=AT, order_id=f"o{number}", status="shipped", **fields
    )


def line(number: int) -> bytes:
    return encode_event(update(number))


ORDER = Order(order_id="o1", items=[Item(product_id="p1", price="19.90", quantity=2)], currency="EUR")


class Driver:
    """Calls one method of a client that lives as long as the call."""

    def __init__(self, backend: str) -> None:
        self.backend = backend

    def __call__(self, method: str, url: str, *arguments: Any, make: dict[str, Any] | None = None, **named: Any) -> Any:
        settings = {"key": FakeCollector.key, "retry": QUICK, **(make or {})}
        if self.backend == "sync":
            with S2SClient(url, **settings) as client:
                return getattr(client, method)(*arguments, **named)

        async def main() -> Any:
            async with AsyncS2SClient(url, **settings) as client:
                return await getattr(client, method)(*arguments, **named)

        return anyio.run(main, backend=self.backend)


@pytest.fixture(params=["sync", "asyncio", "trio"])
def call(request: pytest.FixtureRequest) -> Driver:
    """A way to call each client."""
    return Driver(request.param)


@pytest.fixture
def collector() -> Iterator[FakeCollector]:
    """A collector in this process, over a real socket."""
    with FakeCollector() as one:
        yield one


@pytest.mark.parametrize("single", [ViewPage(occurred_at=AT), {"type": "view_page"}, '{"type": "view_page"}', b"{}"])
def test_a_single_event_is_not_taken_apart(call: Driver, collector: FakeCollector, single: Any) -> None:
    """send() with one event instead of several says what to write, and sends nothing."""
    with pytest.raises(ConfigError, match=r"send_one\(event\)"):
        call("send", collector.url, single)
    assert collector.events == []


def test_every_kind_of_item_is_sent(call: Driver, collector: FakeCollector) -> None:
    """Events, bytes, text and mappings, in one go; layout in JSON text does not matter, blank text is passed over."""
    pretty = json.dumps(json.loads(line(3)), indent=2)
    report = call("send", collector.url, [update(1), line(2), pretty, json.loads(line(4)), "", b" \r\n"])
    assert collector.events == [update(1), update(2), update(3), update(4)]
    assert (report.accepted, report.duplicate, report.rejected, report.done) == (4, 0, [], 6)


def test_single_events_return_their_verdict(call: Driver, collector: FakeCollector) -> None:
    """order(), update_order() and refund() wait for the yes; the same event again is a duplicate."""
    verdict = call("order", collector.url, ORDER)
    assert (verdict.event_id, verdict.duplicate) == (ORDER.event_id, False)
    assert call("order", collector.url, ORDER).duplicate
    refund = Refund(refund_id="r1", order_id="o1", amount="5", currency="EUR")
    assert not call("update_order", collector.url, update(1)).duplicate
    assert not call("refund", collector.url, refund).duplicate
    assert collector.events == [ORDER, update(1), refund]
    assert collector.requests[0][0] == ORDER.event_id


def test_a_refused_event_raises_with_the_reason(call: Driver) -> None:
    """RejectedError says what the collector said, and about which event."""
    verdict = json.dumps(
        {"accepted": 0, "rejected": [{"index": 0, "errors": [{"loc": "status", "type": "x", "msg": "is odd"}]}]}
    )
    with RawServer(answer(body=verdict.encode())) as server, pytest.raises(RejectedError) as caught:
        call("update_order", server.url, update(1))
    assert caught.value.reason == "status: is odd"
    assert (caught.value.status, caught.value.event_ids, caught.value.attempts) == (200, (update(1).event_id,), 1)


def test_a_bare_rejection_and_warnings_are_told(call: Driver) -> None:
    """A rejection without reasons still raises; warnings come with the verdict."""
    bare = answer(body=b'{"accepted": 0, "rejected": [{"index": 0}]}')
    with RawServer(bare) as server, pytest.raises(RejectedError, match="no reason given"):
        call("update_order", server.url, update(1))
    warning = {"event_id": "x", "code": "unknown_status", "loc": "status", "msg": "is odd"}
    with RawServer(answer(body=json.dumps({"accepted": 1, "warnings": [warning]}).encode())) as server:
        verdict = call("update_order", server.url, update(1))
        report = call("send", server.url, [update(1)])
    assert verdict.warnings[0].code == "unknown_status"
    assert report.warnings == ["x: status is odd"]
    assert report.warning_count == 1


def test_trouble_is_retried_and_then_given_up(call: Driver, collector: FakeCollector) -> None:
    """Passing trouble is not seen by the caller; lasting trouble is GaveUp after the attempts of the policy."""
    collector.fail(503, times=2)
    collector.fail(429, retry_after="0")
    assert not call("update_order", collector.url, update(1)).duplicate
    collector.fail(500, times=4)
    with pytest.raises(GaveUp, match="HTTP 500") as caught:
        call("update_order", collector.url, update(2))
    assert (caught.value.attempts, caught.value.event_ids) == (4, (update(2).event_id,))
    keys = [key for key, _ in collector.requests]
    assert keys == [update(1).event_id] * 4 + [update(2).event_id] * 4


@pytest.mark.parametrize("method", ["send", "update_order"])
def test_a_wrong_key_is_final(call: Driver, collector: FakeCollector, method: str) -> None:
    """One request, and an error that says so: nothing would come of trying."""
    given = [update(1)] if method == "send" else update(1)
    with pytest.raises(RejectedError, match="HTTP 401: wrong key") as caught:
        call(method, collector.url, given, make={"key": "other"})
    assert caught.value.status == 401
    assert len(collector.requests) == 1


def test_a_bad_event_does_not_stop_the_others(call: Driver, collector: FakeCollector) -> None:
    """Refused here or there, it is in the report with its place and reason."""
    bad = json.loads(line(1)) | {"status": 5}
    unpriced = CustomEvent(name="x", value="5")
    huge = CustomEvent(name="x", properties={"notes": "x" * LIMITS.event_bytes})
    items = [line(0), bad, "not json", unpriced, huge, b'{"n": "%b"}' % (b"x" * LIMITS.event_bytes), line(2)]
    report = call("send", collector.url, items, make={"batch_events": 3})
    assert collector.events == [update(0), update(2)]
    assert [rejection.index for rejection in report.rejected] == [1, 2, 3, 4, 5]
    assert [rejection.errors[0].loc for rejection in report.rejected] == ["status", "", "currency", "properties", "n"]
    assert report.rejected_count == 5
    assert report.rejected[2].event_id == unpriced.event_id


def test_rejections_go_to_a_file_that_can_be_repaired_and_sent(
    call: Driver, collector: FakeCollector, tmp_path: Path
) -> None:
    """Each line of the file has the reasons and the event; with the event repaired the line itself can be sent."""
    path = tmp_path / "rejected.jsonl"
    bad = json.loads(line(1)) | {"status": 5}
    call("send", collector.url, [bad, "not json", line(2)], rejections=path)
    first, second = [json.loads(text) for text in path.read_text().splitlines()]
    assert first["event"] == bad
    assert first["rejected"]["errors"][0]["loc"] == "status"
    assert second["event"] == "not json"
    repaired = path.read_text().splitlines()[0].replace('"status":5', '"status":"shipped"')
    assert call("send", collector.url, [repaired]).accepted == 1
    assert update(1) in collector.events


def test_batches_follow_both_bounds(call: Driver, collector: FakeCollector) -> None:
    """No request has more events or more bytes than asked for; one larger event travels alone."""
    call("send", collector.url, [update(n) for n in range(25)], make={"batch_events": 10})
    assert [count for _, count in collector.requests] == [10, 10, 5]
    collector.requests.clear()
    big = update(100, reason="x" * 2000)
    call("send", collector.url, [update(30), big, update(31), update(32)], make={"batch_bytes": 700})
    assert [count for _, count in collector.requests] == [1, 1, 2]
    assert len({key for key, _ in collector.requests}) == 3


def test_an_iterable_is_read_lazily(call: Driver, collector: FakeCollector) -> None:
    """No more than one batch is taken ahead of what is answered."""
    ahead = []

    def stream() -> Iterator[bytes]:
        for number in range(300):
            ahead.append(number - len(collector.events))
            yield line(number)

    report = call("send", collector.url, stream(), make={"batch_events": 20})
    assert report.accepted == 300
    assert max(ahead) <= 20


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_async_iterable_is_read_lazily(backend: str, collector: FakeCollector) -> None:
    """As the plain one."""

    async def stream() -> AsyncIterator[OrderUpdate]:
        for number in range(45):
            await anyio.sleep(0)
            yield update(number)

    report = Driver(backend)("send", collector.url, stream(), make={"batch_events": 20})
    assert (report.accepted, report.requests) == (45, 3)


def test_progress_is_told_after_each_batch(call: Driver, collector: FakeCollector) -> None:
    """The callback sees growing counts and may stop the run by raising."""
    seen = []
    call("send", collector.url, map(line, range(25)), make={"batch_events": 10}, progress=lambda r: seen.append(r.done))
    assert seen == [10, 20, 25]

    def stop(report: SendReport) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call("send", collector.url, map(line, range(100, 125)), make={"batch_events": 10}, progress=stop)
    assert len(collector.events) == 35


def test_a_run_goes_on_at_its_checkpoint(call: Driver, collector: FakeCollector, tmp_path: Path) -> None:
    """Interrupted at any batch, the next run sends what is left, without a gap or a double."""
    checkpoint = tmp_path / "job.json"
    collector.fail(413)  # the first batch travels in halves

    def stop_at(count: int) -> Callable[[SendReport], None]:
        def progress(report: SendReport) -> None:
            if report.done >= count:
                raise KeyboardInterrupt

        return progress

    for stop in (30, 70):
        with pytest.raises(KeyboardInterrupt):
            call(
                "send",
                collector.url,
                map(line, range(100)),
                make={"batch_events": 10},
                checkpoint=checkpoint,
                progress=stop_at(stop),
            )
        assert json.loads(checkpoint.read_text())["done"] == stop
    report = call("send", collector.url, map(line, range(100)), make={"batch_events": 10}, checkpoint=checkpoint)
    assert (report.skipped, report.accepted, report.duplicate, report.done) == (70, 30, 0, 100)
    assert collector.events == [update(number) for number in range(100)]
    report = call("send", collector.url, map(line, range(103)), checkpoint=checkpoint)
    assert (report.skipped, report.accepted) == (100, 3)
    assert list(tmp_path.iterdir()) == [checkpoint]


def test_a_run_that_gave_up_goes_on_at_its_checkpoint(call: Driver, collector: FakeCollector, tmp_path: Path) -> None:
    """The error says how far it came; the events of the failed batch are sent by the next run."""
    checkpoint = tmp_path / "job.json"
    with pytest.raises(GaveUp, match="10 events are done, stopped at event 10"):
        call(
            "send",
            collector.url,
            map(line, range(30)),
            make={"batch_events": 10},
            checkpoint=checkpoint,
            progress=lambda report: collector.fail(503, times=4),
        )
    report = call("send", collector.url, map(line, range(30)), make={"batch_events": 10}, checkpoint=checkpoint)
    assert (report.skipped, report.accepted) == (10, 20)
    assert collector.events == [update(number) for number in range(30)]


def test_a_checkpoint_of_other_events_is_refused(call: Driver, collector: FakeCollector, tmp_path: Path) -> None:
    """Skipping a thousand lines of the wrong file would lose them silently."""
    checkpoint = tmp_path / "job.json"
    call("send", collector.url, map(line, range(10)), checkpoint=checkpoint)
    with pytest.raises(ConfigError, match="written for other events"):
        call("send", collector.url, map(line, range(5, 20)), checkpoint=checkpoint)
    assert len(collector.events) == 10


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"done": -1, "last": ""}', '{"done": "x", "last": ""}', '{"done": 1}']
)
def test_a_damaged_checkpoint_is_refused(call: Driver, collector: FakeCollector, tmp_path: Path, text: str) -> None:
    """The error says which file, and what to do."""
    checkpoint = tmp_path / "job.json"
    checkpoint.write_text(text)
    with pytest.raises(ConfigError, match=r"job\.json"):
        call("send", collector.url, [line(1)], checkpoint=checkpoint)


def test_a_directory_is_no_checkpoint(call: Driver, collector: FakeCollector, tmp_path: Path) -> None:
    """What cannot be opened is refused before anything is sent."""
    with pytest.raises(ConfigError, match="cannot be read"):
        call("send", collector.url, [line(1)], checkpoint=tmp_path)
    assert collector.requests == []


def test_the_default_currency_fills_in(call: Driver, collector: FakeCollector) -> None:
    """An amount without a currency takes the client's; without one it is an error of the caller."""
    event = CustomEvent(name="gift_card", value="25")
    with pytest.raises(MissingCurrency):
        call("send_one", collector.url, event)
    call("send_one", collector.url, event, make={"currency": "CHF"})
    assert collector.events[0].currency == "CHF"  # type: ignore[attr-defined]


def test_an_event_over_the_limit_raises_before_it_is_sent(call: Driver, collector: FakeCollector) -> None:
    """A single event that no collector takes is the caller's to mend."""
    with pytest.raises(TooLarge, match="properties"):
        call("send_one", collector.url, CustomEvent(name="x", properties={"a": "x" * LIMITS.event_bytes}))


def test_things_that_are_no_events_are_a_type_error(call: Driver, collector: FakeCollector) -> None:
    """A list of numbers is a mistake in the program, not a bad event."""
    with pytest.raises(TypeError, match="int"):
        call("send", collector.url, [5])


def test_a_closed_client_says_so() -> None:
    """After close() nothing is sent; closing twice is fine."""
    client = S2SClient("http://127.0.0.1:9", key="k")
    client.close()
    client.close()
    with pytest.raises(ClientClosed):
        client.send([line(1)])

    async def main() -> None:
        other = AsyncS2SClient("http://127.0.0.1:9", key="k")
        await other.aclose()
        await other.aclose()
        with pytest.raises(ClientClosed):
            await other.send_one(update(1))

    anyio.run(main)


@pytest.mark.parametrize("cls", [S2SClient, AsyncS2SClient])
@pytest.mark.parametrize(
    "wrong",
    [
        {"key": None},
        {"url": None},
        {"batch_events": 0},
        {"batch_events": 1001},
        {"batch_bytes": 0},
        {"url": "nonsense"},
    ],
)
def test_wrong_settings_are_config_errors(cls: Any, wrong: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the setting."""
    for name in ("ECOMTRACK_URL", "ECOMTRACK_KEY", "ECOMTRACK_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    settings = {"url": "http://x", "key": "k", **wrong}
    with pytest.raises(ConfigError, match=f"{next(iter(wrong))}: "):
        cls(settings.pop("url"), **settings)


def test_the_environment_gives_address_and_key(
    call: Driver, collector: FakeCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client without arguments reads ECOMTRACK_URL and ECOMTRACK_KEY."""
    monkeypatch.setenv("ECOMTRACK_URL", collector.url)
    monkeypatch.setenv("ECOMTRACK_KEY", collector.key)
    call("send_one", None, update(1), make={"key": None})
    assert collector.events == [update(1)]


def test_disabled_sends_nothing(call: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """ECOMTRACK_DISABLED=1 accepts everything without a collector, and needs no settings."""
    for name in ("ECOMTRACK_URL", "ECOMTRACK_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ECOMTRACK_DISABLED", "1")
    assert not call("update_order", None, update(1), make={"key": None}).duplicate
    assert call("send", None, [update(1), line(2)], make={"key": None}).accepted == 2


def test_threads_may_share_a_client(collector: FakeCollector) -> None:
    """Eight threads, one client, each event once."""
    with S2SClient(collector.url, key=collector.key) as client:
        threads = [
            threading.Thread(
                target=lambda start: [client.send_one(update(n)) for n in range(start, start + 10)], args=(t,)
            )
            for t in range(0, 80, 10)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(event.order_id for event in collector.events) == sorted(f"o{n}" for n in range(80))  # type: ignore[attr-defined]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_cancelling_an_async_send_leaves_it_usable(backend: str, collector: FakeCollector) -> None:
    """A deadline of the caller's ends the wait between tries; the client can go on."""

    async def main() -> None:
        slow = RetryPolicy(initial=30, ceiling=30)
        async with AsyncS2SClient(collector.url, key=collector.key, retry=slow) as client:
            collector.fail(503)
            with anyio.move_on_after(0.3) as scope:
                await client.send([update(1)])
            assert scope.cancelled_caught
            assert (await client.send([update(1)])).accepted == 1

    anyio.run(main, backend=backend)


def test_both_clients_have_the_same_methods() -> None:
    """What one can do the other can, with the same arguments."""
    names = {name for name in vars(S2SClient) if not name.startswith("_")} - {"close"}
    assert names == {name for name in vars(AsyncS2SClient) if not name.startswith("_")} - {"aclose"}
    for name in ["__init__", *names]:
        one, other = (inspect.signature(getattr(cls, name)).parameters for cls in (S2SClient, AsyncS2SClient))
        assert list(one) == list(other), name
        assert [p.default for p in one.values()] == [p.default for p in other.values()], name


def test_a_page_view_is_as_good_as_an_order(call: Driver, collector: FakeCollector) -> None:
    """send_one() takes every kind of event."""
    page = ViewPage(title="Home")
    assert call("send_one", collector.url, page).event_id == page.event_id
    assert collector.events == [page]


def _peak(count: int, checkpoint: Path) -> int:
    """Bytes that a run over *count* updates holds at most."""

    def handle(request: httpx.Request) -> httpx.Response:
        lines = read_batch(decompress(request.read(), "gzip"), NDJSON_TYPE)
        return httpx.Response(200, stream=httpx.ByteStream(BatchVerdict(accepted=len(lines)).to_json()))

    with httpx.Client(transport=httpx.MockTransport(handle)) as http:
        client = S2SClient("http://x", key="k", batch_events=50, http_client=http)
        tracemalloc.start()
        try:
            # Not made through the models: pydantic keeps a bounded cache of strings that would grow all the while.
            events = (b'{"type":"order_update","order_id":"o%d"}' % number for number in range(count))
            report = client.send(events, checkpoint=checkpoint)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            assert report.accepted == count


def test_memory_does_not_grow_with_the_number_of_events(tmp_path: Path) -> None:
    """Eight times the events, batches and checkpoints take no more memory."""
    _peak(500, tmp_path / "0.json")  # imports and caches
    small = _peak(2_500, tmp_path / "a.json")
    large = _peak(20_000, tmp_path / "b.json")
    assert large - small < 300_000
