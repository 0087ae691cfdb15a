"""Reports over HTTP: one warehouse for the collector, one thread that owns it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

__all__ = ["ReportRunner"]


class ReportRunner:
    """Runs reports one after the other, away from the event loop.

    Args:
        open_warehouse: Opens the warehouse over the log; called with the first report, in the runner's thread.
        discard: Deletes the closed warehouse's files, so that nothing of an erased person stays in free pages.
    """

    def __init__(self, open_warehouse: Callable[[], Any], discard: Callable[[], None] | None = None) -> None:
        self._open = open_warehouse
        self._discard = discard
        self._warehouse: Any = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ecomtrack-reports")

    async def run(self, name: str, params: Sequence[tuple[str, str]]) -> Any:
        """The result of report *name*; the projection is brought up to date first.

        Args:
            name: Of a report in ``REPORTS``.
            params: Query parameters as they came, repeated ones included.

        Raises:
            ReportError: Unknown report or a wrong parameter.
        """
        return await self.call(lambda warehouse: _run(name, params, warehouse))

    async def call(self, work: Callable[[Any], Any]) -> Any:
        """*work* with the warehouse, in the runner's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._call, work)

    async def forget(self, work: Callable[[Any], Any]) -> Any:
        """*work* with the warehouse, which is thrown away afterwards and built anew for the next report."""

        def run() -> Any:
            try:
                return self._call(work)
            finally:
                self._close()
                if self._discard is not None:
                    self._discard()

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)

    def _call(self, work: Callable[[Any], Any]) -> Any:
        if self._warehouse is None:
            self._warehouse = self._open()
        return work(self._warehouse)

    def close(self) -> None:
        """Wait for the running report, then close the warehouse. Can be called again."""
        self._thread.shutdown(wait=True)
        self._close()

    def _close(self) -> None:
        if self._warehouse is not None:
            self._warehouse.close()
            self._warehouse = None


def _run(name: str, params: Sequence[tuple[str, str]], warehouse: Any) -> Any:
    from ecomtrack_sdk import reports

    return reports.run(name, _grouped(params), warehouse)


def _grouped(params: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Parameters by name; one given several times becomes a list."""
    grouped: dict[str, Any] = {}
    for name, value in params:
        if name in grouped:
            before = grouped[name]
            grouped[name] = [*before, value] if isinstance(before, list) else [before, value]
        else:
            grouped[name] = value
    return grouped
