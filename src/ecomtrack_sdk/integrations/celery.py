"""Celery: the visitor of the request travels with the task, and workers deliver before they end.

::

    tracker = Tracker.from_env()
    connect(tracker)  # in the module of the Celery app, which web processes and workers both import
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from celery.signals import before_task_publish, task_postrun, task_prerun, worker_process_shutdown

from ecomtrack_sdk._client import Tracker
from ecomtrack_sdk.integrations._carried import NAME, carried, within

__all__ = ["connect"]


def connect(tracker: Tracker, *, flush_timeout: float = 5.0) -> None:
    """Listen to Celery's signals: publish, start and end of a task, end of a worker process.

    Args:
        tracker: The process's tracker; tasks track with it, or with any other.
        flush_timeout: Longest wait for delivery when a worker process ends, in seconds; what is left stays in the
            outbox.
    """
    running: dict[str, AbstractContextManager[None]] = {}

    def publish(headers: dict[str, Any] | None = None, **_: Any) -> None:
        told = carried()
        if headers is not None and told:
            headers[NAME] = told

    def start(task_id: str, task: Any, **_: Any) -> None:
        told = task.request.get(NAME) or (task.request.headers or {}).get(NAME)
        if told:
            running[task_id] = block = within(tracker, told)
            block.__enter__()

    def end(task_id: str, **_: Any) -> None:
        block = running.pop(task_id, None)
        if block is not None:
            block.__exit__(None, None, None)

    def leave(**_: Any) -> None:
        # A child of the worker's pool ends without Python's own farewell.
        tracker.flush(flush_timeout)

    for signal, receiver in (
        (before_task_publish, publish),
        (task_prerun, start),
        (task_postrun, end),
        (worker_process_shutdown, leave),
    ):
        signal.connect(receiver, weak=False, dispatch_uid=f"ecomtrack-{receiver.__name__}")
