"""A stream of events on its way: batches, verdicts, checkpoint. The part of ``S2SClient`` that sync and async share.

Nothing here waits for a network. The clients hand in items, deliver the batches that come out, and book the outcomes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from pydantic_core import from_json, to_json

from ecomtrack_sdk._delivery.checkpoint import read_checkpoint, write_checkpoint
from ecomtrack_sdk._delivery.flow import AGAIN, Batch, Outcome
from ecomtrack_sdk._types import new_event_id
from ecomtrack_sdk._wire import LIMITS, FieldError, Rejection, encode_event, join_events, largest_field
from ecomtrack_sdk.errors import ConfigError, GaveUp, MissingCurrency, RejectedError, TooLarge
from ecomtrack_sdk.events.base import Event, EventWarning

__all__ = ["EventLike", "SendReport", "Sending", "Verdict", "many", "raise_unsent"]

EventLike = Event | bytes | str | Mapping[str, Any]
"""What can be sent: an event, or one in wire form (JSON text or the mapping it stands for)."""

KEPT_WITH_FILE = 1_000
"""Rejections kept in the report when all of them go to a file: memory stays constant over a million."""
KEPT_WARNINGS = 1_000
"""Warnings kept in a report; they are counted all the same."""
REJECTED_LINE = b'{"rejected":'
"""How a line of a rejections file begins: sent again, its ``event`` is what counts."""


class Verdict(NamedTuple):
    """The collector's yes to one event."""

    event_id: str
    duplicate: bool
    """Whether it was stored before: the same event sent again is not counted again."""
    warnings: tuple[EventWarning, ...] = ()
    """What is odd about it though it is kept."""


@dataclass(slots=True)
class SendReport:
    """What became of the events of one ``send()``.

    ``accepted + duplicate + rejected_count`` is the number of events answered.
    """

    accepted: int = 0
    """Newly stored."""
    duplicate: int = 0
    """Stored before; nothing is counted twice."""
    rejected: list[Rejection] = field(default_factory=list)
    """Refused, with the reasons; ``index`` counts the events of the iterable from 0, skipped ones included. With a
    ``rejections`` file the list holds the first thousand and the file all."""
    rejected_count: int = 0
    skipped: int = 0
    """Done by an earlier run, as its checkpoint says."""
    warnings: list[str] = field(default_factory=list)
    """The first thousand oddities of accepted events, as sentences."""
    warning_count: int = 0
    requests: int = 0
    done: int = 0
    """Items of the iterable that are settled, those of earlier runs and blank ones included."""


@dataclass(slots=True)
class Group:
    """Consecutive items that share their fate: what travels, and what was refused on this side of the wire."""

    places: list[int] = field(default_factory=list)
    """Place in the iterable of each line."""
    lines: list[bytes] = field(default_factory=list)
    size: int = 0
    refused: list[tuple[bytes, Rejection]] = field(default_factory=list)
    end: int = 0
    """Items taken from the iterable up to and with this group."""
    seal: str = ""
    """Fingerprint of the last item, where it has one."""
    key: str = ""

    def batch(self) -> Batch | None:
        """What is to be delivered."""
        return Batch(join_events(self.lines), self.key) if self.lines else None


class Sending:
    """State of one ``send()``.

    Args:
        batch_events: Most events in a request.
        batch_bytes: Most bytes in a request before compression; one larger event travels alone.
        currency: Default for events with amounts and no currency.
        checkpoint: File that remembers how far an earlier run came; made when absent, kept at the end.
        rejections: File that every refused event is appended to, with its reasons, one JSON object a line; repaired,
            it can be sent as it is.

    Raises:
        ConfigError: The checkpoint cannot be read.
    """

    def __init__(
        self,
        *,
        batch_events: int,
        batch_bytes: int,
        currency: str | None,
        checkpoint: Path | None,
        rejections: Path | None,
    ) -> None:
        self.report = SendReport()
        self._batch_events = batch_events
        self._batch_bytes = batch_bytes
        self._currency = currency
        self._checkpoint = checkpoint
        self._rejections = rejections
        self.writes_files = checkpoint is not None or rejections is not None
        self._run = new_event_id()
        self._groups = 0
        self._taken = 0
        self._group = Group()
        self._seal = ""
        if checkpoint is not None:
            self.report.skipped, self._seal = read_checkpoint(checkpoint)
            self.report.done = self.report.skipped

    def add(self, item: EventLike) -> Group | None:
        """Take the next item of the iterable; a group when one is full.

        Raises:
            TypeError: The item is none of ``EventLike``.
            ConfigError: The checkpoint was written for other events.
        """
        place = self._taken
        if place < self.report.skipped:
            self._taken += 1
            if self._taken == self.report.skipped and self._seal and self._seal != _seal_of(item):
                raise ConfigError(f"{self._checkpoint} was written for other events: delete it or name another file")
            return None
        line, problem = self._encode(item)
        full = None
        group = self._group
        if group.lines and group.size + len(line) + 1 > self._batch_bytes:
            full, group = self._cut(), self._group
        self._taken += 1
        group.end = self._taken
        if self._checkpoint is not None:
            group.seal = _seal_of(item)
        if problem is not None:
            event_id = item.event_id if isinstance(item, Event) else None
            group.refused.append((line, Rejection(index=place, event_id=event_id, errors=(problem,))))
        elif line:
            group.places.append(place)
            group.lines.append(line)
            group.size += len(line) + 1
        if full is None and len(group.lines) + len(group.refused) >= self._batch_events:
            full = self._cut()
        return full

    def rest(self) -> Group | None:
        """The last group, at the end of the iterable."""
        return self._cut() if self._group.end else None

    def book(self, group: Group, outcome: Outcome | None) -> None:
        """Count what became of *group*, then write the files.

        Raises:
            RejectedError: The way is barred: a wrong key or address. What was answered before is counted.
            GaveUp: The bounds of the retry policy are used up.
        """
        report = self.report
        refused = list(group.refused)
        if outcome is not None:
            report.requests += outcome.attempts
            if outcome.unsent:
                raise_unsent(outcome, f"{report.done:,} events are done, stopped at event {group.places[0]:,}")
            report.accepted += outcome.accepted
            report.duplicate += outcome.duplicate
            report.warning_count += len(outcome.warnings)
            for warning in outcome.warnings[: max(0, KEPT_WARNINGS - len(report.warnings))]:
                report.warnings.append(f"{warning.event_id}: {warning.loc} {warning.msg}")
            for rejection in outcome.rejected:
                place = group.places[rejection.index]
                refused.append((group.lines[rejection.index], rejection.model_copy(update={"index": place})))
        if refused:
            self._keep(refused)
        report.done = group.end
        if self._checkpoint is not None:
            write_checkpoint(self._checkpoint, group.end, group.seal)

    def _cut(self) -> Group:
        full, self._group = self._group, Group()
        self._groups += 1
        full.key = f"{self._run}.{self._groups}"
        return full

    def _encode(self, item: EventLike) -> tuple[bytes, FieldError | None]:
        """One line, empty for a blank one, and what forbids sending it."""
        problem = None
        if isinstance(item, Event):
            try:
                return encode_event(item, default_currency=self._currency), None
            except MissingCurrency as error:
                problem = FieldError(loc="currency", type="missing_currency", msg=str(error))
            except TooLarge as error:
                problem = FieldError(loc=error.field or "", type="too_large", msg=str(error))
            return item.model_dump_json(exclude_none=True).encode(), problem
        line = _line_of(item)
        if len(line) > LIMITS.event_bytes:
            problem = FieldError(
                loc=largest_field(line) or "",
                type="too_large",
                msg=f"the event is {len(line):,} bytes, the limit is {LIMITS.event_bytes:,}; this field is the largest",
            )
        return line, problem

    def _keep(self, refused: list[tuple[bytes, Rejection]]) -> None:
        report = self.report
        refused.sort(key=lambda entry: entry[1].index)
        report.rejected_count += len(refused)
        if self._rejections is None:
            report.rejected += [rejection for _, rejection in refused]
            return
        report.rejected += [rejection for _, rejection in refused[: max(0, KEPT_WITH_FILE - len(report.rejected))]]
        with self._rejections.open("ab") as file:
            for line, rejection in refused:
                file.write(b'%b%b,"event":%b}\n' % (REJECTED_LINE, to_json(rejection), _as_json(line)))


def many(events: Iterable[EventLike]) -> Iterable[EventLike]:
    """*events*, unless it is a single one, which would be taken apart.

    Raises:
        ConfigError: A single event, a text or a mapping.
    """
    if isinstance(events, Event | str | bytes | Mapping):
        raise ConfigError("send() takes many events: a list or another iterable; for a single one, send_one(event)")
    return events


def raise_unsent(outcome: Outcome, where: str, event_ids: tuple[str, ...] = ()) -> NoReturn:
    """The error for lines without a verdict: ``RejectedError`` when the way is barred, else ``GaveUp``."""
    if outcome.status is not None and outcome.status < 500 and outcome.status not in AGAIN:
        raise RejectedError(
            f"the collector refuses the request: {outcome.reason}; {where}",
            status=outcome.status,
            reason=outcome.reason,
            event_ids=event_ids,
            attempts=outcome.attempts,
        )
    raise GaveUp(
        f"gave up after {outcome.attempts} requests: {outcome.reason}; {where}",
        event_ids=event_ids,
        attempts=outcome.attempts,
    )


def _line_of(item: bytes | str | Mapping[str, Any]) -> bytes:
    if isinstance(item, bytes):
        line = item
    elif isinstance(item, str):
        line = item.encode("utf-8", "surrogatepass")  # what is not UTF-8 is for the collector to refuse
    elif isinstance(item, Mapping):
        return to_json(dict(item))
    else:
        raise TypeError(f"an event, JSON text or a mapping is needed, not {type(item).__name__}")
    # Inside JSON strings a line end is always escaped, so a raw one is only layout.
    line = line.replace(b"\n", b" ").replace(b"\r", b" ").strip()
    if line.startswith(REJECTED_LINE):
        try:
            return to_json(from_json(line)["event"])
        except (ValueError, KeyError):
            return line
    return line


def _as_json(line: bytes) -> bytes:
    """*line*, or when it is not JSON, a JSON string of it."""
    try:
        from_json(line)
    except ValueError:
        return to_json(line.decode("utf-8", "replace"))
    return line


def _seal_of(item: EventLike) -> str:
    """A fingerprint of an item in wire form; of an event object none: its id and time may be new in each run."""
    return "" if isinstance(item, Event) else blake2b(_line_of(item), digest_size=8).hexdigest()
