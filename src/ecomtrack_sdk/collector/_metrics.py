"""Counters of this process in Prometheus' text form, without a dependency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from ecomtrack_sdk._wire import BatchVerdict

__all__ = ["METRICS_TYPE", "Metrics"]

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Source: Prometheus exposition formats."""


class Metrics:
    """What happened since the start. All methods run on the event loop, so nothing is locked."""

    def __init__(self) -> None:
        self._events: Counter[str] = Counter(accepted=0, duplicate=0, rejected=0)
        self._batches = 0
        self._refused: Counter[str] = Counter()
        self._gauges: dict[str, tuple[str, Callable[[], float]]] = {}

    def taken(self, verdict: BatchVerdict) -> None:
        """Count a batch that was answered with a verdict."""
        self._batches += 1
        self._events["accepted"] += verdict.accepted
        self._events["duplicate"] += len(verdict.duplicate)
        self._events["rejected"] += len(verdict.rejected)

    def refused(self, code: str) -> None:
        """Count a batch that was answered with a problem of this code."""
        self._refused[code] += 1

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Read *value* whenever the metrics are asked for."""
        self._gauges[name] = (text, value)

    def render(self) -> str:
        """All of it as text."""
        lines = [
            *_family("ecomtrack_events_total", "counter", "Events by verdict.", "verdict", self._events),
            *_family("ecomtrack_refused_total", "counter", "Batches refused, by reason.", "code", self._refused),
            "# HELP ecomtrack_batches_total Batches answered with a verdict.",
            "# TYPE ecomtrack_batches_total counter",
            f"ecomtrack_batches_total {self._batches}",
        ]
        for name, (text, value) in self._gauges.items():
            lines += [f"# HELP {name} {text}", f"# TYPE {name} gauge", f"{name} {value():g}"]
        return "\n".join(lines) + "\n"


def _family(name: str, kind: str, text: str, label: str, values: Mapping[str, int]) -> list[str]:
    head = [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
    return [*head, *(f'{name}{{{label}="{key}"}} {value}' for key, value in sorted(values.items()))]
