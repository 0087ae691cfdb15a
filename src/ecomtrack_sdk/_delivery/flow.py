"""What to do with a batch: the decisions of delivery, without I/O and without a clock.

:func:`deliver` is a generator. It yields :class:`Send` and :class:`Wait`; a driver performs them and sends the reply
back in; at the end it returns an :class:`Outcome` in which every line has exactly one fate. The sync and the async
driver (``drivers.run`` and ``drivers.arun``) are the same ten lines.

| answer | what follows |
|---|---|
| 200 with a verdict | delivered, duplicate or rejected line by line; lines to be sent ``retry`` alone, after a wait |
| 408, 425, 429, 5xx, no answer, an answer that cannot be read | the same bytes under the same key, after a wait |
| 413 | halves; a single line is rejected as too large |
| 400, 422 | halves, to find the line that spoils the batch; a single line is rejected |
| 401, 403, 404 and all else | the way is barred (key, address): held and tried slowly, or final, as the caller says |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from typing import NamedTuple

from pydantic import ValidationError
from pydantic_core import from_json

from ecomtrack_sdk._delivery.retry import RetryPolicy
from ecomtrack_sdk._delivery.steps import Answer, Batch, Outcome, Reply, Send, Step, Stop, Wait
from ecomtrack_sdk._wire import BatchVerdict, FieldError, Rejection, largest_field
from ecomtrack_sdk.errors import TransportError

__all__ = ["Answer", "Batch", "Outcome", "Reply", "Send", "Step", "Stop", "Wait", "deliver"]

MAX_REFUSALS = 16
"""400-class answers for one batch, with nothing of it accepted, after which the rest is not tried piece by piece: one
spoilt line among 1,000 is found after 10; more says that the sender as a whole is not understood."""
MAX_REASON_CHARS = 300
"""Longest part of a collector's explanation that is kept."""
AGAIN = frozenset({408, 425, 429})
"""400-class statuses that speak of the moment and not of the request; every 5xx does."""
SPOILT = frozenset({400, 422})
"""Statuses that speak of the content."""
TOO_LARGE = 413


class _Part(NamedTuple):
    """Lines of the batch that travel together."""

    body: bytes
    key: str
    lines: Sequence[int]
    """Their places in the batch as it was handed in."""


def deliver(batch: Batch, policy: RetryPolicy, *, hold: bool) -> Generator[Step, Reply, Outcome]:
    """Decide about *batch* until each of its lines has a fate.

    Args:
        batch: Lines to deliver.
        policy: Waits and bounds; without bounds the generator goes on until it succeeds or is stopped.
        hold: What a barred way means. ``True`` (the outbox): events are kept and tried slowly, because a key can be
            repaired and an event cannot be made again. ``False`` (a call that waits for its verdict): final.

    Yields:
        Steps for the driver.

    Returns:
        The outcome; used-up bounds, a barred way and ``Stop`` leave lines in ``unsent``.
    """
    flow = _Flow(policy, hold)
    yield from flow.steps(_Part(batch.body, batch.key, range(batch.body.count(b"\n"))))
    flow.outcome.rejected.sort(key=lambda rejection: rejection.index)
    flow.outcome.unsent.sort()
    return flow.outcome


class _Flow:
    """State of one :func:`deliver`."""

    def __init__(self, policy: RetryPolicy, hold: bool) -> None:
        self.policy = policy
        self.hold = hold
        self.outcome = Outcome()
        self.refusals = 0
        self.understood = False

    def steps(self, whole: _Part) -> Generator[Step, Reply, None]:
        """Deliver *whole*, in pieces where it must be."""
        parts = [whole]
        while parts:
            part, reply = yield from self._exchange(parts.pop())
            if isinstance(reply, BatchVerdict) and not reply.retry:
                continue
            if isinstance(reply, Answer) and (reply.status == TOO_LARGE or reply.status in SPOILT):
                parts += self._split_or_reject(part, reply)
                continue
            # Stopped, given up or barred: what is true of this part is true of those behind it.
            for left in (part, *parts):
                self.outcome.unsent.extend(left.lines)
            self.outcome.reason = _reason(reply)
            self.outcome.status = reply.status if isinstance(reply, Answer) else None
            return

    def _exchange(self, part: _Part) -> Generator[Step, Reply, tuple[_Part, _Known]]:
        """Send *part* until the answer is final or the policy gives up; tenacity says which, and how long to wait.

        Returns:
            What of the part has no fate yet, and the last answer.
        """
        from tenacity import DoAttempt, DoSleep, RetryCallState

        retrying = self.policy.retrying(self._again, self._barred)
        retrying.begin()
        state = RetryCallState(retrying, fn=None, args=(), kwargs={})
        answer: _Known = Stop()
        while True:
            action = retrying.iter(retry_state=state)
            if isinstance(action, DoAttempt):
                self.outcome.attempts += 1
                reply = yield Send(part.body, part.key)
                part, answer = self._read(part, reply)
                state.set_result(answer)
            elif isinstance(action, DoSleep):
                partial = isinstance(answer, BatchVerdict)
                wait = Wait(float(action), _reason(answer), state.attempt_number, self._barred(answer), partial)
                state.prepare_for_next_attempt()
                reply = yield wait
                if isinstance(reply, Stop):
                    return part, reply
            else:
                return part, answer

    def _again(self, answer: object) -> bool:
        """Whether *answer* is worth another try with the same lines."""
        if isinstance(answer, Answer):
            return answer.status >= 500 or answer.status in AGAIN or self._barred(answer)
        if isinstance(answer, BatchVerdict):
            return bool(answer.retry)
        return isinstance(answer, TransportError)

    def _barred(self, answer: object) -> bool:
        """Whether somebody has to repair a key or an address first, and the caller wants to wait for that."""
        return (
            self.hold
            and isinstance(answer, Answer)
            and answer.status < 500
            and answer.status not in AGAIN
            and answer.status not in SPOILT
            and answer.status != TOO_LARGE
        )

    def _read(self, part: _Part, reply: Reply) -> tuple[_Part, _Known]:
        """What *reply* says: the verdicts are booked, and the part that is left has no fate yet."""
        if reply is None:
            raise TypeError("a Send step needs an Answer, a TransportError or Stop as its reply")
        if not isinstance(reply, Answer) or not 200 <= reply.status < 300:
            return part, reply
        try:
            verdict = BatchVerdict.model_validate_json(reply.body)
        except ValidationError:
            return part, TransportError(f"the answer (HTTP {reply.status}) is not a verdict")
        again = _lines_of(part, verdict.retry)
        rejected = {rejection.index for rejection in verdict.rejected}
        told = verdict.accepted + len(verdict.duplicate) + len(verdict.rejected) + len(verdict.retry)
        lines = part.lines
        if (
            told != len(lines)
            or len(again) != len(verdict.retry)
            or len(rejected) != len(verdict.rejected)
            or not all(0 <= index < len(lines) for index in rejected)
        ):
            return part, TransportError(f"the verdict tells of {told} events, {len(lines)} were sent")
        self.understood = True
        self.outcome.accepted += verdict.accepted
        self.outcome.duplicate += len(verdict.duplicate)
        self.outcome.warnings += verdict.warnings
        for rejection in verdict.rejected:
            self.outcome.rejected.append(rejection.model_copy(update={"index": lines[rejection.index]}))
        return (_piece(part, again, "again") if again else part), verdict

    def _split_or_reject(self, part: _Part, answer: Answer) -> list[_Part]:
        """Two halves to try, the second first in the list; or nothing, and the lines are rejected."""
        count = len(part.lines)
        hopeless = False
        if answer.status in SPOILT:
            self.refusals += 1
            hopeless = self.refusals >= MAX_REFUSALS and not self.understood
        if count > 1 and not hopeless:
            places = range(count)
            return [_piece(part, places[count // 2 :], "b"), _piece(part, places[: count // 2], "a")]
        for index, line in zip(part.lines, part.body.split(b"\n"), strict=False):
            if answer.status == TOO_LARGE:
                large = largest_field(line) or ""
                error = FieldError(
                    loc=large, type="too_large", msg=f"the collector does not take {len(line):,} bytes in one event"
                )
            else:
                error = FieldError(loc="", type="refused", msg=_reason(answer))
            self.outcome.rejected.append(Rejection(index=index, event_id=_event_id(line), errors=(error,)))
        return []


_Known = Answer | TransportError | Stop | BatchVerdict


def _piece(part: _Part, places: Sequence[int], name: str) -> _Part:
    """The lines at *places* of *part*, under a key of their own: another body must not be taken for a repetition."""
    lines = part.body.split(b"\n")
    body = b"".join([b"%b\n" % lines[place] for place in places])
    return _Part(body, f"{part.key}.{name}", [part.lines[place] for place in places])


def _lines_of(part: _Part, event_ids: Sequence[str]) -> list[int]:
    """Places in *part* of the events named; an id named once stands for one line."""
    if not event_ids:
        return []
    wanted = Counter(event_id.lower() for event_id in event_ids)
    places = []
    for place, line in enumerate(part.body.split(b"\n")[:-1]):
        event_id = _event_id(line)
        if event_id and wanted[event_id.lower()] > 0:
            wanted[event_id.lower()] -= 1
            places.append(place)
    return places


def _event_id(line: bytes) -> str | None:
    try:
        event = from_json(line)
    except ValueError:
        return None
    event_id = event.get("event_id") if isinstance(event, dict) else None
    return event_id if isinstance(event_id, str) else None


def _reason(answer: _Known) -> str:
    """One line for logs and rejections: the status and, where the collector explains itself, its words."""
    if isinstance(answer, Stop):
        return answer.reason
    if isinstance(answer, TransportError):
        return str(answer)
    if isinstance(answer, BatchVerdict):
        return f"the collector asks for {len(answer.retry)} events again"
    try:
        problem = from_json(answer.body)
    except ValueError:
        problem = None  # an HTML page of some proxy: nothing for a log
    words = problem.get("detail") or problem.get("title") if isinstance(problem, dict) else None
    return f"HTTP {answer.status}" + (f": {words[:MAX_REASON_CHARS]}" if isinstance(words, str) else "")
