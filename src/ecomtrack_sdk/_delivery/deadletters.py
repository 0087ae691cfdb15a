"""Events that will never be delivered as they are, each with its reason: ``DIR/dead/letters.ndjson``.

One JSON object a line: ``{"at", "reason", "event_id", "errors": [{"loc", "type", "msg"}], "event": {…}}``; for bytes
that are no JSON ``"base64"`` stands in place of ``"event"``.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic_core import from_json, to_json

from ecomtrack_sdk._delivery.locks import lock_waiting
from ecomtrack_sdk._delivery.outbox import Refused
from ecomtrack_sdk._types import utc_now
from ecomtrack_sdk._wire import FieldError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DeadLetter", "DeadLetters"]

_EVENT = b',"event":'
MAX_KEPT_BYTES = 1 << 20
"""Most bytes kept of a line that is no event; a longer one is not an event of ours (those end at 256 KiB)."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event with the reason it was not taken."""

    event_id: str | None
    reason: str
    """``rejected`` (the collector's verdict) or ``corrupt`` (the line cannot be an event)."""
    errors: tuple[FieldError, ...]
    event: bytes
    """The event as it was tracked, JSON; for ``corrupt`` whatever bytes were found."""
    at: str
    """When it became a dead letter, ISO 8601."""

    @classmethod
    def of(cls, line: bytes, refused: Refused) -> DeadLetter:
        """*line* with its verdict, as of now."""
        return cls(refused.event_id, refused.reason, refused.errors, line[:MAX_KEPT_BYTES], utc_now().isoformat())

    def to_line(self) -> bytes:
        """The letter as one line, its end included."""
        head = to_json(
            {
                "at": self.at,
                "reason": self.reason,
                "event_id": self.event_id,
                "errors": [error.model_dump() for error in self.errors],
            }
        )[:-1]
        if self._is_json():
            return head + _EVENT + self.event + b"}\n"
        return head + b',"base64":"' + base64.b64encode(self.event) + b'"}\n'

    def _is_json(self) -> bool:
        try:
            return isinstance(from_json(self.event), dict) and b"\n" not in self.event
        except ValueError:
            return False

    @classmethod
    def read(cls, line: bytes) -> DeadLetter | None:
        """The letter in *line*, or ``None`` when someone has edited it beyond recognition."""
        try:
            value = from_json(line)
            errors = tuple(FieldError.model_validate(error) for error in value.get("errors", ()))
            if "base64" in value:
                event = base64.b64decode(value["base64"])
            else:
                # The very bytes that were tracked, where the line is as it was written.
                event = line.partition(_EVENT)[2][:-1] if _EVENT in line else to_json(value["event"])
            return cls(value.get("event_id"), str(value.get("reason", "")), errors, event, str(value.get("at", "")))
        except (ValueError, TypeError, AttributeError, KeyError):
            return None


class DeadLetters:
    """The file of dead letters of an outbox directory; several processes may use it at once."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "dead"
        self.path = self.directory / "letters.ndjson"

    def add(self, letters: Sequence[DeadLetter]) -> None:
        """Append *letters*.

        Raises:
            OSError: The file cannot be written.
        """
        with self._locked():
            fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                data = b"".join(letter.to_line() for letter in letters)
                while data:
                    data = data[os.write(fd, data) :]
            finally:
                os.close(fd)

    def read(self) -> list[DeadLetter]:
        """All letters, oldest first; lines that cannot be read are left out."""
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        return [letter for line in lines if line and (letter := DeadLetter.read(line)) is not None]

    def take_out(self, chosen: Callable[[DeadLetter], bool], keep: Callable[[DeadLetter], object]) -> int:
        """Remove the *chosen* letters, each after *keep* has been called with it; returns their number.

        When *keep* raises, that letter and those after it stay.
        """
        if not self.path.exists():
            return 0
        taken = 0
        with self._locked():
            rest: list[bytes] = []
            lines = iter(self.path.read_bytes().splitlines(keepends=True))
            try:
                for line in lines:
                    letter = DeadLetter.read(line.rstrip(b"\n"))
                    if letter is None or not chosen(letter):
                        rest.append(line)
                        continue
                    try:
                        keep(letter)
                    except BaseException:
                        rest.append(line)
                        raise
                    taken += 1
            finally:
                self._rewrite([*rest, *lines])
        return taken

    def _rewrite(self, lines: Iterable[bytes]) -> None:
        fresh = self.path.with_suffix(".new")
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.writelines(lines)
        if fresh.stat().st_size:
            fresh.replace(self.path)
        else:
            fresh.unlink()
            with suppress(FileNotFoundError):
                self.path.unlink()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = lock_waiting(self.directory / "lock")
        try:
            yield
        finally:
            os.close(fd)
