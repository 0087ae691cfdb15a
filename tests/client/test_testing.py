"""The public test helpers do what a shop's own tests need."""

from __future__ import annotations

import inspect
import subprocess
import sys
import textwrap
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from hypothesis import given, settings

from ecomtrack_sdk import Context, Customer, Event, Item, Order, S2SClient, Tracker, ViewPage, ViewProduct
from ecomtrack_sdk.errors import ClientClosed, MissingCurrency
from ecomtrack_sdk.testing import FakeCollector, RecordingTracker, events, orders
from ecomtrack_sdk.testing.strategies import _of

ORDER = Order(order_id="o1", items=[Item(product_id="p1", price=5)], currency="EUR")


def test_a_recording_tracker_keeps_what_was_tracked() -> None:
    """Events in order, with what the visitor's context and the default currency fill in; nothing leaves the process."""
    with RecordingTracker(currency="EUR") as tracker:
        with tracker.visitor(visitor_id="v1", customer=Customer(id="c1"), context=Context(source="web")):
            tracker.track(ViewProduct(product={"product_id": "p1", "price": "5"}))  # type: ignore[arg-type]
        assert tracker.track(ORDER) == ORDER.event_id
        view, order = tracker.events
        assert (view.visitor_id, view.customer, view.context) == ("v1", Customer(id="c1"), Context(source="web"))
        assert isinstance(view, ViewProduct)
        assert view.currency == "EUR"
        assert order == ORDER
        assert tracker.of(Order) == [ORDER]
        assert tracker.flush().complete


def test_a_recording_tracker_is_a_tracker() -> None:
    """It can be handed in wherever a tracker is expected, and refuses what a tracker refuses."""
    tracker = RecordingTracker()
    assert isinstance(tracker, Tracker)
    assert inspect.signature(RecordingTracker.track) == inspect.signature(Tracker.track)
    with pytest.raises(MissingCurrency):
        tracker.track(ViewProduct(product={"product_id": "p1", "price": "5"}))  # type: ignore[arg-type]
    assert tracker.events == []
    tracker.close()
    with pytest.raises(ClientClosed):
        tracker.track(ViewPage())


def test_a_fake_collector_speaks_the_wire_and_fails_when_told() -> None:
    """Each event once, duplicates and refusals as the real one, then the failures that were asked for."""
    with FakeCollector() as collector, S2SClient(collector.url, key=collector.key) as client:
        assert not client.order(ORDER).duplicate
        assert client.order(ORDER).duplicate
        assert client.send(["not json"]).rejected_count == 1
        assert collector.events == [ORDER]
        assert collector.rejected[0].index == 0
        collector.fail(503, retry_after="0")
        client.send_one(ViewPage())
        assert len(collector.requests) == 5
        with pytest.raises(HTTPError) as caught:
            urlopen(Request(collector.url + "/v1/events", b"{", {"Content-Type": "application/json"}), timeout=30)
        with caught.value as answer:
            assert answer.code == 400


def test_a_fake_collector_takes_its_own_key_only() -> None:
    """A wrong key is 401, as with the real one."""
    with FakeCollector() as collector, pytest.raises(HTTPError) as caught:
        urlopen(Request(collector.url, b"", {"Content-Type": "application/x-ndjson"}), timeout=30)
    with caught.value as answer:
        assert answer.code == 401


@settings(max_examples=20)
@given(events(), orders())
def test_strategies_make_events(event: Event, order: Order) -> None:
    """Any event, and orders alone."""
    assert isinstance(event, Event)
    assert isinstance(order, Order)


def test_a_type_without_a_strategy_says_so() -> None:
    """Whoever adds a kind of field is told where to add its strategy."""
    with pytest.raises(TypeError, match="no strategy for"):
        _of(complex)


def test_without_hypothesis_the_fakes_still_work() -> None:
    """Only the strategies need the extra, and the error is the command that installs it."""
    program = """
        import sys
        sys.modules["hypothesis"] = None
        import ecomtrack_sdk.testing as testing
        testing.RecordingTracker().close()
        try:
            testing.events
        except ImportError as error:
            print(error)
        try:
            testing.nothing
        except AttributeError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=120, check=True
    )
    assert "pip install 'ecomtrack-sdk[testing]'" in done.stdout
    assert "no attribute 'nothing'" in done.stdout


def test_the_pytest_fixtures(tmp_path: Path) -> None:
    """A shop's conftest names the plugin, and its tests get a tracker and a collector."""
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["ecomtrack_sdk.testing.plugin"]\n')
    (tmp_path / "test_shop.py").write_text(
        "from ecomtrack_sdk import S2SClient, ViewPage\n"
        "def test_shop(ecomtrack_tracker, ecomtrack_collector):\n"
        "    ecomtrack_tracker.track(ViewPage())\n"
        "    assert len(ecomtrack_tracker.events) == 1\n"
        "    with S2SClient(ecomtrack_collector.url, key=ecomtrack_collector.key) as client:\n"
        "        client.send_one(ViewPage())\n"
        "    assert len(ecomtrack_collector.events) == 1\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
