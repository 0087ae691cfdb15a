"""One batch from the outbox to the collector and its verdict back: the step between :mod:`.outbox` and :mod:`.flow`."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ecomtrack_sdk._delivery.flow import deliver
from ecomtrack_sdk._delivery.hooks import Hooks
from ecomtrack_sdk._delivery.notices import Notices
from ecomtrack_sdk._delivery.outbox import Lease, Outbox, Refused
from ecomtrack_sdk._delivery.retry import RetryPolicy
from ecomtrack_sdk._delivery.steps import Batch, Outcome, Reply, Send, Stop, Wait
from ecomtrack_sdk._delivery.transport import Transport
from ecomtrack_sdk.errors import TransportError

__all__ = ["Courier"]

PARTIAL_TRIES = 3
"""Requests for lines that the collector asks for again, before others that wait are let past."""


class Courier:
    """Delivers leases; what it learns of the way is in ``trouble``."""

    def __init__(self, transport: Transport, policy: RetryPolicy, hooks: Hooks, notices: Notices) -> None:
        self._transport = transport
        self._policy = policy
        self._hooks = hooks
        self._notices = notices
        self.trouble = ""

    def deliver(
        self, outbox: Outbox, lease: Lease, sleep: Callable[[float], bool], others: Callable[[], bool]
    ) -> Outcome:
        """Deliver *lease* and give each of its lines its fate in *outbox*.

        Args:
            outbox: Where the lease came from.
            lease: What to deliver.
            sleep: Waits so many seconds; ``True`` breaks off.
            others: Whether other events wait.
        """
        try:
            outcome = self._perform(lease, sleep, others)
        except BaseException:
            outbox.release(lease)
            raise
        if len(outcome.unsent) == lease.count:
            outbox.release(lease)
        else:
            refused = {
                rejection.index: Refused(rejection.event_id, "rejected", rejection.errors)
                for rejection in outcome.rejected
            }
            outbox.settle(lease, refused, outcome.unsent)
            self._hooks.delivered(outcome.delivered)
        for warning in outcome.warnings:
            self._notices.say(logging.INFO, "event.warning", warning.code, event_id=warning.event_id, loc=warning.loc)
        return outcome

    def _perform(self, lease: Lease, sleep: Callable[[float], bool], others: Callable[[], bool]) -> Outcome:
        flow = deliver(Batch(lease.body, lease.key), self._policy, hold=True)
        reply: Reply = None
        while True:
            try:
                step = flow.send(reply)
            except StopIteration as end:
                outcome: Outcome = end.value
                self.trouble = outcome.reason if outcome.unsent else ""
                return outcome
            if isinstance(step, Send):
                try:
                    reply = self._transport.send(step)
                except TransportError as error:
                    reply = error
            else:
                reply = self._wait(step, sleep, others)

    def _wait(self, step: Wait, sleep: Callable[[float], bool], others: Callable[[], bool]) -> Stop | None:
        self.trouble = step.reason
        level = logging.ERROR if step.blocked else logging.WARNING
        event = "delivery.blocked" if step.blocked else "delivery.retry"
        self._notices.say(level, event, step.reason, attempt=step.attempt, seconds=round(step.seconds, 3))
        if step.partial and step.attempt >= PARTIAL_TRIES and others():
            return Stop("others go first")
        return Stop() if sleep(step.seconds) else None

    def close(self) -> None:
        """Give up the connections."""
        self._transport.close()
