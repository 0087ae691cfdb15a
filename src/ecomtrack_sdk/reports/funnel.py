"""How far do people get, and where do they drop out?

**Question.** Of those who do the first step, how many do the next ones, in what time, and who did not.

**Grain.** One row per step, per value of ``breakdown`` when that is given; with ``dropped`` or ``converted`` one row
per person (or session) instead, with ``bins`` one row per class of the time to convert.

**Formula.** A person is counted with the best of their attempts. An attempt begins with every event of the first step
and takes the earliest following event of each next step, as long as it lies within ``window`` of the beginning (the
end of the window included). ``ordered``: other events may lie between. ``strict``: nothing else may, looking at
everything the person did. ``any``: the steps may come in whatever order; row *k* counts those who did at least *k* of
them. Events of the same microsecond count in the order of the steps. ``exclude``: an attempt with such an event
strictly between its first and its last step (before the end of the window when it did not get there) does not count,
and somebody without any other attempt leaves the funnel; ``STEP@1-2`` looks between these two steps only.

**Unit.** ``median_seconds``, ``p90_seconds`` and ``mean_seconds``: seconds from the previous step, over those who
reached the step; of somebody with several equally good attempts the median (for means the mean) of theirs.
``mean_seconds_from_first`` is the same from the first step. Quantiles are interpolated linearly.

**Caveats.** Only events from ``from`` to ``to`` are seen, so people who began shortly before ``to`` have had less
time. Filters and the breakdown look at the first step. What the shop does by itself (order updates, refunds, mails
sent) and bots are not seen. An order counts as a step even when it is cancelled later. ``strict`` ignores
``exclude``: nothing may lie between anyway.

**Source.** PostHog's funnels, whose attempts and exclusions these are (there the time is in whole seconds and the
default window 14 days, and a breakdown takes the first event of any step that has the property); GA4, Mixpanel and
Matomo count the first attempt only, which finds fewer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, field_validator

from ecomtrack_sdk.errors import BadParameter
from ecomtrack_sdk.reports._attempts import TIES, Exclusion, any_order, ordered, strict
from ecomtrack_sdk.reports._base import Check, Report, Row
from ecomtrack_sdk.reports._conditions import ACT_FILTERS, Conditions
from ecomtrack_sdk.reports._funnel_sql import best, candidates, order_matters, people, slots, spread, summary
from ecomtrack_sdk.reports._params import Params
from ecomtrack_sdk.reports._steps import Step, parse_duration, parse_step, parse_steps, split_steps
from ecomtrack_sdk.reports._values import Count, Rate, Seconds, Time
from ecomtrack_sdk.reports.models.session_events import SESSION_EVENTS
from ecomtrack_sdk.reports.models.sessions import SESSIONS
from ecomtrack_sdk.store._dialect import Value

__all__ = ["FunnelParams", "FunnelRow", "report"]

MOST_STEPS = 12
"""More steps than this are a path, not a funnel; each costs a sort."""


class FunnelParams(Params):
    """Parameters of the funnel."""

    steps: str = "view_product,add_to_cart,start_checkout,order"
    """Event types in order, with filters: ``view_product,add_to_cart[product_id=p1],custom:promo,order``."""
    window: str = "7d"
    """Longest time from the first step to the last: ``30m``, ``12h``, ``7d``, ``2w``."""
    mode: Literal["ordered", "strict", "any"] = "ordered"
    """Whether other events may lie between the steps, and whether their order matters."""
    per: Literal["person", "session"] = "person"
    """Who goes through the funnel."""
    exclude: str | None = None
    """Events that must not happen on the way, as steps; ``STEP@1-2`` only between these two."""
    breakdown: str | None = None
    """A field of the first step, such as ``device``, ``channel``, ``brand`` or a property of a custom event; several
    separated by commas, ``device,channel``."""
    dropped: Annotated[int, Field(ge=2)] | None = None
    """List those who reached the step before this one but not this one."""
    converted: Annotated[int, Field(ge=1)] | None = None
    """List those who reached this step."""
    bins: Annotated[int, Field(ge=1, le=100)] | None = None
    """Show how the time from the first step to the last (or to ``converted``) is spread, in so many classes."""

    @field_validator("exclude", "steps", mode="before")
    @classmethod
    def _joined(cls, value: object) -> object:
        return ",".join(str(each) for each in value) if isinstance(value, list | tuple) else value


class FunnelRow(Row):
    """A step of the funnel, or (the last columns) somebody on it."""

    step: Count
    """Number of the step, from 1."""
    name: str
    """The step as it was asked for; with ``any`` how many of the steps."""
    count: Count
    """People (or sessions) that reached it."""
    rate_from_first: Rate | None
    """``count ÷`` those of the first step."""
    rate_from_previous: Rate | None
    """``count ÷`` those of the step before."""
    median_seconds: Seconds | None
    """Median time from the step before."""
    p90_seconds: Seconds | None
    """Nine of ten took no longer than this from the step before."""
    mean_seconds: Seconds | None
    """Mean time from the step before."""
    mean_seconds_from_first: Seconds | None
    """Mean time from the first step: the time to convert."""
    breakdown: str | None = None
    """Value of the breakdown's field at the first step."""
    person: str | None = None
    """In a list: who."""
    session: str | None = None
    """In a list per session: which."""
    started_at: Time | None = None
    """In a list: the first step of the best attempt."""
    reached_at: Time | None = None
    """In a list: the last step they reached."""
    from_seconds: Seconds | None = None
    """With ``bins``: the shortest time of the class, from the first step."""
    to_seconds: Seconds | None = None
    """Where the next class begins."""


@dataclass(frozen=True)
class _Plan:
    sql: str
    values: dict[str, Value]


def _plan(params: FunnelParams) -> _Plan:
    steps = parse_steps(params.steps)
    if len(steps) > MOST_STEPS:
        raise BadParameter("steps", f"no more than {MOST_STEPS} steps")
    for name in ("dropped", "converted"):
        wanted = getattr(params, name)
        if wanted is not None and wanted > len(steps):
            raise BadParameter(name, f"the funnel has {len(steps)} steps")
    if params.dropped is not None and params.converted is not None:
        raise BadParameter("dropped", "not together with converted")
    if params.bins is not None and (params.dropped is not None or params.breakdown is not None):
        raise BadParameter("bins", "not together with dropped or breakdown")
    to = params.converted or len(steps)
    if params.bins is not None and to == 1:
        raise BadParameter("bins", "needs a step after the first")
    exclusions = _exclusions(params, steps)
    conditions = Conditions()
    window = parse_duration(params.window) * 1_000_000
    excluded = [step for step, _ in exclusions]
    listed = params.bins is None and (params.dropped is not None or params.converted is not None)
    ties = TIES if order_matters(steps, excluded, params.breakdown) else ()
    body = [
        candidates(
            steps, excluded, conditions, mode=params.mode, per=params.per, breakdown=params.breakdown,
            filtered=bool(params.where), listed=listed, ties=ties,
        )
    ]  # fmt: skip
    if params.mode == "ordered":
        body.append(ordered(len(steps), window, [span for _, span in exclusions], ties))
    elif params.mode == "strict":
        body.append(strict(len(steps), window, ties))
    else:
        body.append(any_order(slots(steps), window, len(exclusions), ties))
    broken_down = params.breakdown is not None
    body.append(best(len(steps), ties, broken_down=broken_down, listed=listed))
    values: dict[str, Value] = dict(conditions.params)
    for number, step in enumerate(steps, 1):
        values[f"name{number}"] = f"{number} of {len(steps)}" if params.mode == "any" else step.text
    if params.bins is not None:
        body.append(spread(to, params.bins))
    elif not listed:
        body.append(summary(len(steps), broken_down=broken_down))
    else:
        body.append(
            people(
                len(steps), unit=params.per, dropped=params.dropped, converted=params.converted, broken_down=broken_down
            )
        )
    return _Plan("with " + ",\n".join(body), values)


def _exclusions(params: FunnelParams, steps: tuple[Step, ...]) -> list[tuple[Step, Exclusion]]:
    if params.exclude is None or params.mode == "strict":
        return []
    found = []
    for text in split_steps(params.exclude, "exclude"):
        body, at, span = text.rpartition("@")
        step = parse_step(body if at else text, "exclude")
        first, last = 1, max(len(steps), 2)
        if at:
            begin, _, end = span.partition("-")
            if not (begin.isdigit() and end.isdigit() and 1 <= int(begin) < int(end) <= len(steps)):
                raise BadParameter("exclude", f"{text!r}: write STEP@1-{len(steps)}, two steps of the funnel")
            first, last = int(begin), int(end)
            if params.mode == "any" and (first, last) != (1, len(steps)):
                raise BadParameter("exclude", "with any order an exclusion spans the whole funnel")
        if any(step.key() == each.key() for each in steps):
            raise BadParameter("exclude", f"{text!r} is also a step of the funnel")
        found.append((step, Exclusion(first, last)))
    return found if len(steps) > 1 else []


def _checks(params: FunnelParams) -> tuple[Check, ...]:
    if params.mode == "strict" and params.exclude is not None:
        return (
            Check(
                "exclude_ignored", "strict lets nothing lie between the steps: exclude has no effect", "select 1 as n"
            ),
        )
    return ()


report = Report(
    "funnel",
    FunnelParams,
    FunnelRow,
    lambda params: _plan(params).sql,
    models=(
        SESSION_EVENTS,
        SESSIONS,
    ),
    filters=ACT_FILTERS,
    checks=_checks,
    bind=lambda params: _plan(params).values,
    doc=__doc__ or "",
    keys=("step", "name", "breakdown", "person", "session", "from_seconds", "to_seconds"),
)
