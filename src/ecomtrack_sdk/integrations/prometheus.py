"""Prometheus: the balance of a tracker, and what its outbox holds, at every scrape.

::

    from prometheus_client import REGISTRY
    from ecomtrack_sdk.integrations.prometheus import TrackerCollector

    REGISTRY.register(TrackerCollector(tracker))

``ecomtrack_sdk_events_total`` counts events of this process by ``fate``: ``accepted``, ``delivered``, ``rejected`` and
``dropped`` (with its ``reason``). ``accepted = delivered + rejected + dropped + pending`` at every scrape.
"""

from __future__ import annotations

from collections.abc import Iterable

from ecomtrack_sdk._client import Tracker
from ecomtrack_sdk.errors import MissingExtraError
from ecomtrack_sdk.integrations._balance import balance_of

try:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
    from prometheus_client.registry import Collector
except ImportError as error:  # pragma: no cover
    raise MissingExtraError("prometheus-client", "prometheus") from error

__all__ = ["TrackerCollector"]


class TrackerCollector(Collector):
    """Asks *tracker* when Prometheus asks; costs nothing in between.

    Args:
        tracker: The tracker of this process.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: registering must not read the outbox."""
        return []

    def collect(self) -> Iterable[Metric]:
        """The metrics of one moment."""
        balance = balance_of(self._tracker)
        events = CounterMetricFamily(
            "ecomtrack_sdk_events", "Events of this process by what became of them.", labels=["fate", "reason"]
        )
        for fate, reason, count in balance.fates:
            events.add_metric([fate, reason], count)
        yield events
        for name, help_text, value in balance.gauges:
            yield GaugeMetricFamily(f"ecomtrack_sdk_{name}", help_text, value=value)
