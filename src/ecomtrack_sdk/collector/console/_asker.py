"""Asking the reports on behalf of a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ecomtrack_sdk.errors import CollectorError, ReportError

if TYPE_CHECKING:
    from ecomtrack_sdk.collector._app import Collector
    from ecomtrack_sdk.collector._reports import ReportRunner

__all__ = ["Asker"]


class Asker:
    """What every page with figures shares.

    Args:
        collector: Whose reports are asked.
    """

    def __init__(self, collector: Collector) -> None:
        self.collector = collector
        self.store = collector.store

    @property
    def reports(self) -> ReportRunner:
        """The runner of reports.

        Raises:
            CollectorError: 404 this collector has none.
        """
        if self.collector.reports is None:
            raise CollectorError(404, "no-reports", "this collector has no warehouse: it only collects")
        return self.collector.reports

    async def run(self, name: str, params: Mapping[str, str | list[str]]) -> Any:
        """The result of a report; empty parameters are left out.

        Raises:
            CollectorError: 404 this collector has no reports.
            ReportError: Unknown report or a wrong parameter.
        """
        pairs = [
            (key, text)
            for key, value in params.items()
            for text in (value if isinstance(value, list) else [value])
            if text != ""
        ]
        return await self.reports.run(name, pairs)

    async def attempt(self, name: str, params: Mapping[str, str | list[str]]) -> Any:
        """The result, or ``None`` where the report is not there or does not know a parameter."""
        try:
            return await self.run(name, params)
        except ReportError:
            return None
