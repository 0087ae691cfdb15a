"""RQ: the visitor of the request travels with the job, and the work-horse delivers before it ends.

::

    class ShopJob(EcomtrackJob):
        tracker = Tracker.from_env()


    queue = Queue(connection=redis, job_class=ShopJob)  # rq worker --job-class shop.jobs.ShopJob
"""

from __future__ import annotations

from typing import Any, ClassVar

from rq.job import Job

from ecomtrack_sdk._client import Tracker
from ecomtrack_sdk.errors import ConfigError
from ecomtrack_sdk.integrations._carried import NAME, carried, within

__all__ = ["EcomtrackJob"]


class EcomtrackJob(Job):
    """A job that carries its visitor in ``meta``. Derive from it and name the process's tracker."""

    tracker: ClassVar[Tracker | None] = None
    flush_timeout: ClassVar[float] = 5.0
    """Longest wait for delivery at the end of a job, in seconds; what is left stays in the outbox."""

    @classmethod
    def create(cls, *args: Any, **kwargs: Any) -> Job:
        """As RQ's, with the visitor this code runs for."""
        job = super().create(*args, **kwargs)
        told = carried()
        if told:
            job.meta.setdefault(NAME, told)
        return job

    def perform(self) -> Any:
        """As RQ's, within the visitor the job carries.

        Raises:
            ConfigError: The class names no tracker.
        """
        tracker = type(self).tracker
        if tracker is None:
            raise ConfigError("tracker: name it in a class derived from EcomtrackJob")
        try:
            with within(tracker, self.meta.get(NAME)):
                return super().perform()
        finally:
            # The work-horse ends with os._exit: no farewell, no threads joined.
            tracker.flush(self.flush_timeout)
