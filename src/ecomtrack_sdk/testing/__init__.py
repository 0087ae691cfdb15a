"""For the tests of a shop's own code: a tracker that records, a collector that can fail, events by the thousand.

::

    from ecomtrack_sdk.testing import FakeCollector, RecordingTracker, events

``RecordingTracker`` and ``FakeCollector`` need nothing beside this package. The Hypothesis strategies (``events``,
``orders``, …) and the pytest fixtures need the extra ``testing``; the fixtures are switched on in a ``conftest.py`` by
``pytest_plugins = ["ecomtrack_sdk.testing.plugin"]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecomtrack_sdk.errors import MissingExtraError
from ecomtrack_sdk.testing.fakes import FakeCollector, RecordingTracker

if TYPE_CHECKING:
    from ecomtrack_sdk.testing.strategies import events, events_of, orders, parts_of

__all__ = ["FakeCollector", "RecordingTracker", "events", "events_of", "orders", "parts_of"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from ecomtrack_sdk.testing import strategies
    except ModuleNotFoundError as error:
        if error.name != "hypothesis":
            raise
        raise MissingExtraError("hypothesis", "testing") from None
    return getattr(strategies, name)
