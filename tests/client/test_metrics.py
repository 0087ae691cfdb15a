"""Monitoring systems see the balance that ``stats()`` tells."""

from __future__ import annotations

import pytest

from ecomtrack_sdk import ViewPage


@pytest.fixture
def tracker(tracker_of):
    """A tracker whose collector is away: two events wait, one was dropped at the bound."""
    one = tracker_of(url="http://127.0.0.1:9", max_events=2, on_full="drop_newest")
    for title in ("first", "second", "third"):
        one.track(ViewPage(title=title))
    return one


def test_prometheus(tracker):
    """A scrape shows what was accepted, dropped and waits, and registering reads nothing."""
    prometheus = pytest.importorskip("prometheus_client")
    from ecomtrack_sdk.integrations.prometheus import TrackerCollector

    registry = prometheus.CollectorRegistry()
    registry.register(TrackerCollector(tracker))

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"ecomtrack_sdk_{name}", labels)

    assert value("events_total", fate="accepted", reason="") == 3
    assert value("events_total", fate="dropped", reason="outbox_full") == 1
    assert value("pending_events") == value("outbox_events") == 2
    assert value("outbox_dead_letters") == 0
    assert b"ecomtrack_sdk_outbox_oldest_seconds" in prometheus.generate_latest(registry)


def test_opentelemetry(tracker):
    """A collection has the same figures as Prometheus gets."""
    sdk = pytest.importorskip("opentelemetry.sdk.metrics")
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    from ecomtrack_sdk.integrations.opentelemetry import observe

    reader = InMemoryMetricReader()
    provider = sdk.MeterProvider(metric_readers=[reader], shutdown_on_exit=False)
    observe(tracker, meter_provider=provider)
    data = reader.get_metrics_data()
    assert data is not None
    metrics = {one.name: one.data.data_points for one in data.resource_metrics[0].scope_metrics[0].metrics}
    fates = {
        (point.attributes["fate"], point.attributes.get("reason")): point.value
        for point in metrics["ecomtrack.sdk.events"]
    }
    assert fates["accepted", None] == 3
    assert fates["dropped", "outbox_full"] == 1
    assert metrics["ecomtrack.sdk.pending_events"][0].value == 2
    provider.shutdown()
