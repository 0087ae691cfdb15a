"""The decision core: every line has one fate, whatever the collector answers.

Every branch is taken (``test_core_coverage.py`` looks), and every mutant that changes what it does is killed: see
``[tool.mutmut]`` in pyproject.toml.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomtrack_sdk._delivery import flow as core
from ecomtrack_sdk._delivery.drivers import arun, run
from ecomtrack_sdk._delivery.flow import Answer, Batch, Outcome, Reply, Send, Stop, Wait, deliver
from ecomtrack_sdk._delivery.retry import RetryPolicy
from ecomtrack_sdk._wire import BatchVerdict, FieldError, Rejection, VerdictWarning
from ecomtrack_sdk.errors import TransportError

FOREVER = RetryPolicy()


def event_id(number: int) -> str:
    return f"abcdef00-0000-7000-8000-{number:012x}"


def batch_of(count: int, key: str = "k") -> Batch:
    lines = [json.dumps({"event_id": event_id(number), "n": number}).encode() for number in range(count)]
    return Batch(b"".join(line + b"\n" for line in lines), key)


def numbers(body: bytes) -> list[int]:
    return [json.loads(line)["n"] for line in body.split(b"\n")[:-1]]


def ok(accepted: int = 0, **lists: object) -> Answer:
    return Answer(200, BatchVerdict(accepted=accepted, **lists).to_json())


class Script:
    """Answers one after the other, and a memory of what was asked."""

    def __init__(self, *replies: Answer | TransportError | Callable[[Send], Answer]) -> None:
        self.replies = list(replies)
        self.sent: list[Send] = []
        self.waited: list[float] = []

    def send(self, request: Send) -> Answer:
        self.sent.append(request)
        reply = self.replies.pop(0)
        if isinstance(reply, TransportError):
            raise reply
        return reply(request) if callable(reply) else reply

    def close(self) -> None:
        pass

    def sleep(self, seconds: float) -> Stop | None:
        self.waited.append(seconds)
        return None


def play(batch: Batch, *replies: object, policy: RetryPolicy = FOREVER, hold: bool = True) -> tuple[Outcome, Script]:
    script = Script(*replies)
    return run(deliver(batch, policy, hold=hold), script, script.sleep), script


def test_all_accepted_is_one_request_and_no_objects_per_event() -> None:
    """The common case costs three numbers."""
    outcome, script = play(batch_of(500), ok(500))
    assert outcome == Outcome(accepted=500, attempts=1)
    assert script.waited == []
    assert outcome.delivered == 500


def test_duplicates_are_delivered() -> None:
    """What was stored before counts as delivered."""
    outcome, _ = play(batch_of(3), ok(1, duplicate=[event_id(0), event_id(2)]))
    assert (outcome.accepted, outcome.duplicate, outcome.delivered) == (1, 2, 3)


def test_a_rejected_line_keeps_its_place_and_reason() -> None:
    """The verdict's index becomes the place in the batch; the others are delivered."""
    error = FieldError(loc="items.0.price", type="amount", msg="must be 0 or more")
    outcome, _ = play(batch_of(3), ok(2, rejected=[Rejection(index=1, event_id=event_id(1), errors=(error,))]))
    assert outcome.rejected == [Rejection(index=1, event_id=event_id(1), errors=(error,))]
    assert outcome.delivered == 2


def test_warnings_are_passed_on() -> None:
    """Oddities of accepted events reach the caller."""
    warning = VerdictWarning(event_id=event_id(0), code="sum_mismatch", loc="total", msg="differs")
    outcome, _ = play(batch_of(1), ok(1, warnings=[warning]))
    assert outcome.warnings == [warning]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 501, 502, 503, 504, 505, 507, 599])
@pytest.mark.parametrize("hold", [True, False])
def test_a_passing_trouble_is_retried_with_the_same_bytes_and_key(status: int, hold: bool) -> None:
    """The same body under the same key, after a wait, until it passes."""
    outcome, script = play(batch_of(2), Answer(status), Answer(status), ok(2), hold=hold)
    assert outcome == Outcome(accepted=2, attempts=3)
    assert len(set(script.sent)) == 1
    assert len(script.waited) == 2


UNREADABLE = [
    TransportError("connection reset"),
    Answer(200, b""),
    Answer(200, b"<html>gateway</html>"),
    Answer(200, b'{"accepted": 2'),
    Answer(200, b"[]"),
    Answer(200, b'{"accepted": -1}'),
    Answer(200, b"{}"),
    Answer(202, b""),
    Answer(204, b""),
    ok(1),
    ok(3),
    ok(1, retry=["unknown"]),
    ok(1, rejected=[Rejection(index=2)]),
    ok(1, rejected=[Rejection(index=-1)]),
    ok(0, rejected=[Rejection(index=0), Rejection(index=0)]),
    ok(0, retry=[event_id(0), event_id(0)]),
]


@pytest.mark.parametrize("reply", UNREADABLE, ids=range(len(UNREADABLE)))
def test_no_answer_and_a_bad_answer_are_the_same(reply: Answer | TransportError) -> None:
    """A verdict that cannot be read, or does not add up, is no verdict: nothing is booked and all is sent again."""
    outcome, script = play(batch_of(2), reply, ok(2))
    assert outcome == Outcome(accepted=2, attempts=2)
    assert len(set(script.sent)) == 1


def test_the_answer_201_counts_when_it_holds_a_verdict() -> None:
    """Any 200-class answer with a verdict that adds up is a verdict."""
    outcome, _ = play(batch_of(1), ok(1)._replace(status=201))
    assert outcome.accepted == 1


def test_the_answer_300_is_no_verdict_whatever_it_holds() -> None:
    """Only the 200 class tells of success."""
    outcome, _ = play(batch_of(1), ok(1)._replace(status=300), hold=False)
    assert (outcome.accepted, outcome.unsent) == (0, [0])


def test_retry_after_is_waited_out() -> None:
    """The wait is at least what the collector asks for."""
    _, script = play(batch_of(1), Answer(429, b"", 12.5), ok(1))
    assert script.waited[0] == 12.5


def test_lines_to_be_sent_again_travel_alone_under_a_new_key() -> None:
    """Only the lines named are sent again; the key differs because the body does."""
    outcome, script = play(
        batch_of(4),
        ok(1, rejected=[Rejection(index=0)], retry=[event_id(1).upper(), event_id(3)]),
        ok(1, retry=[event_id(3)]),
        ok(1),
    )
    assert [numbers(request.body) for request in script.sent] == [[0, 1, 2, 3], [1, 3], [3]]
    assert [request.key for request in script.sent] == ["k", "k.again", "k.again.again"]
    assert outcome.accepted == 3
    assert [rejection.index for rejection in outcome.rejected] == [0]
    assert len(script.waited) == 2


def test_a_rejection_after_a_retry_names_the_first_place() -> None:
    """Places are those of the batch that was handed in, however often it was cut."""
    outcome, _ = play(batch_of(4), ok(2, retry=[event_id(1), event_id(3)]), ok(1, rejected=[Rejection(index=1)]))
    assert [rejection.index for rejection in outcome.rejected] == [3]


def test_one_id_twice_is_two_lines() -> None:
    """An id that occurs twice in a batch and is asked for once is sent once."""
    line = json.dumps({"event_id": event_id(0), "n": 0}).encode() + b"\n"
    outcome, script = play(Batch(line * 2, "k"), ok(1, retry=[event_id(0)]), ok(0, duplicate=[event_id(0)]))
    assert numbers(script.sent[1].body) == [0]
    assert outcome.delivered == 2
    outcome, script = play(Batch(line * 2, "k"), ok(0, retry=[event_id(0)] * 2), ok(1, duplicate=[event_id(0)]))
    assert (script.sent[1].key, numbers(script.sent[1].body)) == ("k.again", [0, 0])
    assert (outcome.delivered, outcome.attempts) == (2, 2)


def test_lines_that_are_not_events_cannot_be_asked_for() -> None:
    """A verdict that asks for a line without an id is unreadable, and no line makes the core raise."""
    body = b'not json\n[1]\n{"event_id": 5}\n'
    for unknown in ("x", ""):
        outcome, _ = play(Batch(body, "k"), ok(2, retry=[unknown]), ok(3))
        assert outcome == Outcome(accepted=3, attempts=2)


def test_too_large_is_split_until_it_fits() -> None:
    """Halves are tried in order, each under a key of its own."""
    outcome, script = play(batch_of(4), Answer(413), Answer(413), ok(1), ok(1), ok(2))
    assert [numbers(request.body) for request in script.sent] == [[0, 1, 2, 3], [0, 1], [0], [1], [2, 3]]
    assert [request.key for request in script.sent] == ["k", "k.a", "k.a.a", "k.a.b", "k.b"]
    assert outcome == Outcome(accepted=4, attempts=5)
    assert script.waited == []


def test_a_single_line_that_is_too_large_is_rejected_with_its_largest_field() -> None:
    """One event the collector does not take never holds back the others."""
    big = json.dumps({"event_id": event_id(0), "n": 0, "notes": "x" * 100}).encode()
    outcome, _ = play(Batch(big + b"\n" + batch_of(1).body, "k"), Answer(413), Answer(413), ok(1))
    (rejection,) = outcome.rejected
    assert (rejection.index, rejection.event_id) == (0, event_id(0))
    assert (rejection.errors[0].type, rejection.errors[0].loc) == ("too_large", "notes")
    assert str(len(big)) in rejection.errors[0].msg
    assert outcome.accepted == 1
    outcome, _ = play(Batch(b"not json\n", "k"), Answer(413))
    assert (outcome.rejected[0].event_id, outcome.rejected[0].errors[0].loc) == (None, "")


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("hold", [True, False])
def test_the_line_that_spoils_a_batch_is_found(status: int, hold: bool) -> None:
    """A refused batch is halved; the line is rejected with the collector's words, its neighbours are delivered."""
    refusal = Answer(status, b'{"title": "Bad", "detail": "cannot be read"}')

    def collector(request: Send) -> Answer:
        return refusal if 137 in numbers(request.body) else ok(len(numbers(request.body)))

    outcome, script = play(batch_of(1000), *[collector] * 40, hold=hold)
    (rejection,) = outcome.rejected
    assert rejection.index == 137
    assert rejection.errors == (FieldError(loc="", type="refused", msg=f"HTTP {status}: cannot be read"),)
    assert outcome.accepted == 999
    assert len(script.sent) < 25
    assert script.waited == []


def test_a_collector_that_understands_nothing_is_not_asked_a_thousand_times() -> None:
    """After some refusals and no success the rest is rejected in the pieces it is in."""
    outcome, script = play(batch_of(100), *[Answer(400)] * 60)
    assert sorted(rejection.index for rejection in outcome.rejected) == list(range(100))
    # Sixteen refusals, the last of a piece of six; that and the three pieces behind it are not cut any more.
    sizes = [len(numbers(request.body)) for request in script.sent]
    assert sizes == [100, 50, 25, 12, 6, 3, 1, 2, 1, 1, 3, 1, 2, 1, 1, 6, 13, 25, 50]
    assert sizes[core.MAX_REFUSALS - 1] == 6


def test_the_last_piece_that_is_cut_is_the_one_before_the_bound() -> None:
    """One refusal less, and a piece is still taken apart."""
    outcome, script = play(batch_of(50), *[Answer(400)] * 60)
    sizes = [len(numbers(request.body)) for request in script.sent]
    assert sizes[core.MAX_REFUSALS - 2 :] == [6, 3, 3, 13, 25]
    assert len(outcome.rejected) == 50


def test_refusals_do_not_add_up_over_a_verdict() -> None:
    """Once a part of the batch was understood, every spoilt line is looked for."""
    spoilt = set(range(1, 64, 3))

    def collector(request: Send) -> Answer:
        return Answer(400) if spoilt & set(numbers(request.body)) else ok(len(numbers(request.body)))

    outcome, _ = play(batch_of(64), *[collector] * 200)
    assert {rejection.index for rejection in outcome.rejected} == spoilt
    assert [rejection.index for rejection in outcome.rejected] == sorted(spoilt)


BARRED = [301, 302, 307, 308, 304, 401, 402, 403, 404, 405, 406, 409, 410, 411, 415, 418, 451, 199]


@pytest.mark.parametrize("status", BARRED)
def test_a_barred_way_is_final_for_a_caller_who_waits(status: int) -> None:
    """One request; nothing has a fate; status and words say why."""
    outcome, script = play(batch_of(2), Answer(status, b'{"title": "no"}'), hold=False)
    assert outcome == Outcome(unsent=[0, 1], reason=f"HTTP {status}: no", status=status, attempts=1)
    assert script.waited == []


@pytest.mark.parametrize("status", BARRED)
def test_a_barred_way_is_waited_out_by_the_outbox(status: int) -> None:
    """Events of the outbox are kept, tried near the ceiling's pace, and delivered when the key is repaired."""
    outcome, script = play(batch_of(2), Answer(status), Answer(status), ok(2), policy=RetryPolicy(ceiling=50))
    assert outcome == Outcome(accepted=2, attempts=3)
    assert all(25 <= wait <= 50 for wait in script.waited)


def test_waits_say_whether_a_person_has_to_act() -> None:
    """The driver can log a wrong key louder than a restart."""
    flow = deliver(batch_of(1), FOREVER, hold=True)
    assert isinstance(next(flow), Send)
    wait = flow.send(Answer(503, b'{"detail": "restarting"}'))
    assert isinstance(wait, Wait)
    assert (wait.reason, wait.attempt, wait.blocked) == ("HTTP 503: restarting", 1, False)
    assert isinstance(flow.send(None), Send)
    for attempt, status in enumerate([401, 499, 500, 501], 2):
        wait = flow.send(Answer(status))
        assert isinstance(wait, Wait)
        assert (wait.reason, wait.attempt, wait.blocked) == (f"HTTP {status}", attempt, status < 500)
        assert isinstance(flow.send(None), Send)
    wait = flow.send(ok(0, retry=[event_id(0)]))
    assert isinstance(wait, Wait)
    assert "1 event" in wait.reason
    assert not wait.blocked


def test_waits_say_whether_the_way_is_fine() -> None:
    """Lines that are asked for again are no trouble of the way; everything else that is waited for is."""
    flow = deliver(batch_of(1), FOREVER, hold=True)
    next(flow)
    for reply, partial in ((ok(0, retry=[event_id(0)]), True), (Answer(503), False), (TransportError("x"), False)):
        wait = flow.send(reply)
        assert isinstance(wait, Wait)
        assert wait.partial is partial
        flow.send(None)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Answer(200, b"<html>"), "the answer (HTTP 200) is not a verdict"),
        (ok(7), "the verdict tells of 7 events, 2 were sent"),
    ],
)
def test_an_answer_that_is_no_verdict_is_named(reply: Answer, reason: str) -> None:
    """Whoever gives up says what kind of answer it was."""
    outcome, _ = play(batch_of(2), reply, policy=RetryPolicy(attempts=1))
    assert (outcome.reason, outcome.unsent) == (reason, [0, 1])


def test_duplicates_of_several_answers_add_up() -> None:
    """What was stored before is counted over all answers for the batch."""
    outcome, _ = play(batch_of(3), ok(0, duplicate=[event_id(0)], retry=[event_id(1), event_id(2)]),
                      ok(0, duplicate=[event_id(1), event_id(2)]))  # fmt: skip
    assert (outcome.duplicate, outcome.accepted) == (3, 0)


def test_long_and_odd_explanations_are_cut() -> None:
    """Only words of a problem document are kept, and not many of them."""
    outcome, _ = play(batch_of(1), Answer(404, json.dumps({"detail": "x" * 5000}).encode()), hold=False)
    assert len(outcome.reason) < 400
    for body in (b'{"detail": 5}', b"[]", b"<html>", b'{"other": "x"}', b"\xff"):
        outcome, _ = play(batch_of(1), Answer(404, body), hold=False)
        assert outcome.reason == "HTTP 404"


def test_used_up_attempts_leave_lines_unsent_with_the_reason() -> None:
    """Giving up is not losing: the lines are named."""
    outcome, _ = play(batch_of(2), *[Answer(503)] * 3, policy=RetryPolicy(attempts=3))
    assert outcome == Outcome(unsent=[0, 1], reason="HTTP 503", status=503, attempts=3)
    outcome, _ = play(batch_of(1), TransportError("refused"), policy=RetryPolicy(attempts=1))
    assert outcome == Outcome(unsent=[0], reason="refused", attempts=1)


def test_giving_up_in_one_part_leaves_the_parts_behind_it() -> None:
    """What was settled before stays settled."""
    outcome, script = play(batch_of(4), Answer(413), ok(2), Answer(500), policy=RetryPolicy(attempts=1))
    assert outcome.accepted == 2
    assert outcome.unsent == [2, 3]
    outcome, script = play(batch_of(4), Answer(413), Answer(500), policy=RetryPolicy(attempts=1))
    assert outcome.unsent == [0, 1, 2, 3]
    assert len(script.sent) == 2


def test_retry_verdicts_are_bounded_by_the_policy_too() -> None:
    """Lines that are asked for again and again end as unsent, the others as what they are."""
    again = ok(1, retry=[event_id(1)])
    outcome, _ = play(batch_of(2), again, ok(0, retry=[event_id(1)]), policy=RetryPolicy(attempts=2))
    assert outcome.accepted == 1
    assert outcome.unsent == [1]
    assert "again" in outcome.reason


@pytest.mark.parametrize("after", [0, 1])
def test_stop_returns_what_is_known(after: int) -> None:
    """Stop is an answer to any step, and names the reason it was given."""
    flow = deliver(batch_of(3), FOREVER, hold=True)
    next(flow)
    if after:
        assert isinstance(flow.send(ok(2, retry=[event_id(2)])), Wait)
    with pytest.raises(StopIteration) as end:
        flow.send(Stop("closing"))
    outcome = end.value.value
    assert outcome.unsent == ([2] if after else [0, 1, 2])
    assert outcome.reason == "closing"
    assert outcome.status is None


def test_a_send_step_wants_a_reply() -> None:
    """A driver that forgets the reply is told so at once."""
    flow = deliver(batch_of(1), FOREVER, hold=True)
    next(flow)
    with pytest.raises(TypeError, match="Answer"):
        flow.send(None)


def test_an_empty_batch_is_sent_like_any_other() -> None:
    """No lines need a verdict about no lines."""
    outcome, _ = play(Batch(b"", "k"), ok(0))
    assert outcome == Outcome(attempts=1)


# --- every script has an end, and every line one fate ------------------------------------------------------------

COUNT = 6


def verdicts(request: Send, fates: Iterable[str]) -> Answer:
    """A verdict for the lines of *request* in which each has the next of *fates*."""
    accepted, duplicate, rejected, retry = 0, [], [], []
    for place, (number, fate) in enumerate(zip(numbers(request.body), fates, strict=False)):
        if fate == "a":
            accepted += 1
        elif fate == "d":
            duplicate.append(event_id(number))
        elif fate == "x":
            rejected.append(Rejection(index=place, event_id=event_id(number)))
        else:
            retry.append(event_id(number))
    return ok(accepted, duplicate=duplicate, rejected=rejected, retry=retry)


def reply_of(drawn: object) -> Answer | TransportError | Callable[[Send], Answer]:
    if isinstance(drawn, int):
        return Answer(drawn)
    if isinstance(drawn, str):
        return TransportError(drawn)
    return lambda request: verdicts(request, drawn)  # type: ignore[arg-type]


scripts = st.lists(
    st.sampled_from([200, 204, 302, 400, 401, 408, 413, 422, 429, 500, 503])
    | st.just("reset")
    | st.lists(st.sampled_from("adxr"), min_size=COUNT, max_size=COUNT),
    max_size=14,
)


@settings(max_examples=100)
@given(scripts, st.booleans(), st.sampled_from([FOREVER, RetryPolicy(attempts=2), RetryPolicy(give_up_after=1)]))
def test_each_line_has_one_fate_and_both_drivers_agree(script: list, hold: bool, policy: RetryPolicy) -> None:
    """For any answers: each line is delivered, rejected or unsent; sync and async say the same; waits are sane."""
    ending = [["a"] * COUNT] * (4 * COUNT)
    one = Script(*[reply_of(drawn) for drawn in script + ending])
    random.seed(1)  # the jitter
    outcome = run(deliver(batch_of(COUNT), policy, hold=hold), one, one.sleep)
    fates = Counter(rejection.index for rejection in outcome.rejected) + Counter(outcome.unsent)
    assert max(fates.values(), default=1) == 1
    assert outcome.delivered + len(fates) == COUNT
    assert set(fates) <= set(range(COUNT))
    assert outcome.attempts == len(one.sent)
    assert all(0 < wait <= policy.ceiling for wait in one.waited)
    assert (outcome.reason != "") == bool(outcome.unsent)
    bodies: dict[str, bytes] = {}
    for request in one.sent:
        assert bodies.setdefault(request.key, request.body) == request.body

    random.seed(1)
    other = Script(*[reply_of(drawn) for drawn in script + ending])
    assert asyncio.run(_arun(other, policy, hold)) == outcome
    assert other.sent == one.sent
    assert other.waited == one.waited


async def _arun(script: Script, policy: RetryPolicy, hold: bool) -> Outcome:
    class Async:
        async def send(self, request: Send) -> Answer:
            return script.send(request)

        async def aclose(self) -> None:
            pass

    async def sleep(seconds: float) -> Stop | None:
        return script.sleep(seconds)

    return await arun(deliver(batch_of(COUNT), policy, hold=hold), Async(), sleep)


@settings(max_examples=60)
@given(scripts, st.integers(0, 20))
def test_stopping_anywhere_loses_no_line(script: list, steps: int) -> None:
    """Whenever a driver stops, each line is settled or unsent."""
    one = Script(*[reply_of(drawn) for drawn in script + [["a"] * COUNT] * 30])
    flow = deliver(batch_of(COUNT), FOREVER, hold=True)
    reply: Reply = None
    try:
        for _ in range(steps):
            step = flow.send(reply)
            try:
                reply = one.send(step) if isinstance(step, Send) else None
            except TransportError as error:
                reply = error
        if reply is None:
            flow.send(None)
        flow.send(Stop())
    except StopIteration as end:
        outcome = end.value
    else:
        pytest.fail("the core went on after Stop")
    fates = [rejection.index for rejection in outcome.rejected] + outcome.unsent
    assert outcome.delivered + len(fates) == COUNT
    assert len(set(fates)) == len(fates)
