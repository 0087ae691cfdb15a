"""OpenTelemetry: the balance of a tracker, and what its outbox holds, as observable instruments.

::

    from ecomtrack_sdk.integrations.opentelemetry import observe

    observe(tracker)  # the global meter provider, or meter_provider=…

``ecomtrack.sdk.events`` counts events of this process by ``fate`` and ``reason``; the gauges ``ecomtrack.sdk.…`` tell
what waits. Nothing is measured between two collections.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ecomtrack_sdk._client import Tracker
from ecomtrack_sdk.errors import MissingExtraError
from ecomtrack_sdk.integrations._balance import balance_of

try:
    from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation, get_meter
except ImportError as error:  # pragma: no cover
    raise MissingExtraError("opentelemetry-api", "opentelemetry") from error

__all__ = ["observe"]


def observe(tracker: Tracker, *, meter_provider: MeterProvider | None = None) -> None:
    """Report *tracker* with every collection of the meter provider.

    Args:
        tracker: The tracker of this process.
        meter_provider: Where to; the global one when absent.
    """
    meter = get_meter("ecomtrack_sdk", meter_provider=meter_provider)

    def events(_: CallbackOptions) -> Iterable[Observation]:
        return [
            Observation(count, {"fate": fate, "reason": reason} if reason else {"fate": fate})
            for fate, reason, count in balance_of(tracker).fates
        ]

    meter.create_observable_counter(
        "ecomtrack.sdk.events", [events], unit="{event}", description="Events of this process by what became of them."
    )
    for name, meaning, _ in balance_of(tracker).gauges:
        meter.create_observable_gauge(f"ecomtrack.sdk.{name}", [_gauge(tracker, name)], description=meaning)


def _gauge(tracker: Tracker, name: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observed(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(value) for key, _meaning, value in balance_of(tracker).gauges if key == name]

    return observed
