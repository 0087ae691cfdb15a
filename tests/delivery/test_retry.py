"""When to try again."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tenacity import DoAttempt, DoSleep, RetryCallState

from ecomtrack_sdk._delivery.retry import RetryPolicy, http_date, parse_retry_after
from ecomtrack_sdk._delivery.steps import Answer
from ecomtrack_sdk.errors import ConfigError, EcomtrackError

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def waits(policy: RetryPolicy, replies: list[Answer], blocked: bool = False) -> list[float]:
    """The waits between *replies*, all of them worth another try."""
    machine = policy.retrying(lambda _: True, lambda _: blocked)
    machine.begin()
    state = RetryCallState(machine, fn=None, args=(), kwargs={})
    found = []
    for reply in replies:
        assert isinstance(machine.iter(retry_state=state), DoAttempt)
        state.set_result(reply)
        action = machine.iter(retry_state=state)
        if not isinstance(action, DoSleep):
            assert action is reply
            break
        found.append(float(action))
        state.prepare_for_next_attempt()
    return found


def test_waits_double_between_half_and_all_of_their_bound() -> None:
    """Each wait is at least half of initial * multiplier ** tries and at most all of it, under the ceiling."""
    policy = RetryPolicy(initial=1, ceiling=60, multiplier=2)
    for _ in range(20):
        for tries, wait in enumerate(waits(policy, [Answer(503)] * 20)):
            bound = min(2.0**tries, 60)
            assert bound / 2 <= wait <= bound


@pytest.mark.parametrize(("initial", "multiplier"), [(1.0, 3.0), (0.2, 1.5), (4.0, 1.0)])
def test_waits_grow_as_the_policy_says(initial: float, multiplier: float) -> None:
    """The fixed half and the random half grow by the multiplier, each up to half of the ceiling."""
    policy = RetryPolicy(initial=initial, ceiling=40, multiplier=multiplier)
    found = [waits(policy, [Answer(503)] * 9) for _ in range(60)]
    for tries, column in enumerate(zip(*found, strict=True)):
        bound = min(initial * multiplier**tries, 40)
        assert bound / 2 <= min(column) < 0.7 * bound  # sixty draws: all above that once in a billion runs
        assert 0.8 * bound < max(column) <= bound


def test_waits_are_spread() -> None:
    """Two senders that fail together do not come back together."""
    policy = RetryPolicy()
    assert len({tuple(waits(policy, [Answer(503)] * 3)) for _ in range(10)}) == 10


@given(st.floats(0, 1e9), st.integers(1, 40))
def test_retry_after_is_a_minimum_under_the_ceiling(asked: float, tries: int) -> None:
    """No wait is shorter than what the header asks for, and none longer than the ceiling."""
    for wait in waits(RetryPolicy(ceiling=30), [Answer(429, b"", asked)] * tries):
        assert min(asked, 30) <= wait <= 30


def test_a_barred_way_is_tried_slowly() -> None:
    """With a wrong key the first wait is near the ceiling already."""
    for wait in waits(RetryPolicy(ceiling=40), [Answer(401)] * 5, blocked=True):
        assert 20 <= wait <= 40


def test_attempts_are_counted_with_the_first() -> None:
    """Three attempts have two waits between them; one attempt has none."""
    assert len(waits(RetryPolicy(attempts=3), [Answer(503)] * 9)) == 2
    assert waits(RetryPolicy(attempts=1), [Answer(503)] * 9) == []


def test_give_up_after_counts_the_waiting() -> None:
    """No further try is made once the waits add up to the bound."""
    found = waits(RetryPolicy(initial=1, ceiling=1, give_up_after=5), [Answer(503)] * 99)
    assert sum(found[:-1]) < 5 <= sum(found)
    assert waits(RetryPolicy(give_up_after=0), [Answer(503)] * 9) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"initial": 0},
        {"initial": -1},
        {"initial": math.nan},
        {"initial": 5, "ceiling": 4},
        {"ceiling": math.inf},
        {"multiplier": 0.5},
        {"multiplier": math.inf},
        {"attempts": 0},
        {"give_up_after": -1},
    ],
)
def test_a_senseless_policy_is_refused(wrong: dict[str, float]) -> None:
    """The error names the setting that is wrong."""
    with pytest.raises(ConfigError, match=r"^retry: .*(needed, both in seconds|more|or None for no bound)$") as caught:
        RetryPolicy(**wrong)  # type: ignore[arg-type]
    assert isinstance(caught.value, EcomtrackError)


def test_the_bounds_of_a_policy_are_allowed() -> None:
    """One attempt, no growth and no waiting at all are sensible."""
    RetryPolicy(initial=1, ceiling=1, multiplier=1, attempts=1, give_up_after=0)


@pytest.fixture
def far_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose local time is not UTC."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("7", 7.0),
        (" 120 ", 120.0),
        ("9" * 400, 999_999_999_999.0),
        ("-1", None),
        ("1.5", None),
        ("", None),
        ("soon", None),
        ("²", None),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0),
        (format_datetime((NOW + timedelta(hours=1)).astimezone(timezone(timedelta(hours=5)))), 3600.0),
        ("Saturday, 31-Jan-26 12:00:30 GMT", 30.0),
        ("Sat Jan 31 12:00:10 2026", 10.0),
        ("Sat, 99 Jan 2026 12:00:00 GMT", None),
        ("Sat, 31 Jan 99999 12:00:00 GMT", None),
    ],
)
def test_retry_after_in_every_form(header: str | None, seconds: float | None, far_away: None) -> None:
    """Seconds and the three HTTP dates are read, wherever this is; a past date is no wait; the rest is no header."""
    assert parse_retry_after(header, NOW.timestamp()) == seconds


@given(st.text(max_size=40))
def test_no_header_raises(text: str) -> None:
    """Whatever a server writes, reading it gives a number or nothing."""
    found = parse_retry_after(text, NOW.timestamp())
    assert found is None or found >= 0
    assert http_date(text) is None or isinstance(http_date(text), float)
