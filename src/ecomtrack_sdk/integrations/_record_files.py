"""Files of records: an export, a saved page of a REST answer, several pages in one file, or a folder of these."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from ecomtrack_sdk.errors import ConfigError
from ecomtrack_sdk.events import Event
from ecomtrack_sdk.integrations._records import ProblemRecord, Record, guarded

__all__ = ["files_of", "map_records", "raw_records"]

_SPACE = re.compile(r"\s*")
_IDS = {"id", "entity_id"}


def files_of(path: Path | str) -> list[Path]:
    """*path* itself, or the files of a folder in the order a person would number them: page 2 before page 10.

    Hidden files and folders in the folder are passed over.

    Raises:
        ConfigError: A folder without files.
    """
    path = Path(path)
    if not path.is_dir():
        return [path]
    found = [one for one in path.iterdir() if one.is_file() and not one.name.startswith(".")]
    if not found:
        raise ConfigError(f"{path}: there are no files in this folder")
    # Text and numbers alternate, so that like is compared with like.
    return sorted(found, key=lambda one: [int(p) if p.isdecimal() else p for p in re.split(r"(\d+)", one.name)])


def map_records(
    path: Path | str, names: tuple[str, ...], convert: Callable[[Record], Iterable[Event]]
) -> Iterator[Event | ProblemRecord]:
    """The events of all records, in their order; a record that cannot be mapped is reported in its place.

    Args:
        path: A file or a folder, as :func:`raw_records` reads it.
        names: As there.
        convert: One record → its events.
    """
    for file, line, record in raw_records(path, names):
        if isinstance(record, ProblemRecord):
            yield record
        else:
            yield from guarded(lambda record=record: convert(record), file, line, record)  # type: ignore[misc]


def raw_records(path: Path | str, names: tuple[str, ...]) -> Iterator[tuple[str, int, Record | ProblemRecord]]:
    """File, line and record of each record; what cannot be read is a problem in its place.

    A file holds one JSON value a line, or any number of them one after the other. Each is a record, an array of
    records, or a page: an object with the array under the plural of one of *names*, or a record under its singular.

    Args:
        path: A file, or a folder of files.
        names: What records are called in pages, such as ``("order",)`` for ``{"orders": [...]}``.

    Yields:
        The line counts from 1; in a file that is not one value a line it is the place of the record.
    """
    for file in files_of(path):
        for line, record in _by_line(file, names) if _has_lines(file) else _by_place(file, names):
            yield str(file), line, record


def _has_lines(path: Path) -> bool:
    """Whether the file has one JSON value a line, and more than one line: it is then never read as a whole."""
    with path.open("rb") as file:
        first = file.readline()
        try:
            json.loads(first)
        except ValueError:
            return False
        return any(line.strip() for line in file)


def _by_line(path: Path, names: tuple[str, ...]) -> Iterator[tuple[int, Record | ProblemRecord]]:
    with path.open("rb") as file:
        for line, raw in enumerate(file, 1):
            if not raw.strip():
                continue
            try:
                value = json.loads(raw, parse_float=Decimal)
            except ValueError as error:
                yield line, ProblemRecord(str(path), line, "", f"is not JSON: {error}")
                continue
            for record in _unpacked(value, names):
                yield line, record if isinstance(record, dict) else _no_object(path, line)


def _by_place(path: Path, names: tuple[str, ...]) -> Iterator[tuple[int, Record | ProblemRecord]]:
    content = path.read_bytes()
    decoder = json.JSONDecoder(parse_float=Decimal)
    place = 0
    try:
        text = content.decode(json.detect_encoding(content))
        at = _after_space(text, 0)
        while at < len(text):
            value, at = decoder.raw_decode(text, at)
            at = _after_space(text, at)
            for record in _unpacked(value, names):
                place += 1
                yield place, record if isinstance(record, dict) else _no_object(path, place)
    except ValueError as error:
        yield place + 1, ProblemRecord(str(path), place + 1, "", f"is not JSON: {error}")


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _unpacked(value: Any, names: tuple[str, ...]) -> list[Any]:
    """The records of one JSON value."""
    if isinstance(value, list):
        return [one for several in value for one in _unpacked(several, names)]
    # A record has an id, and may well have a list of the same name in it: the items of an order, its refunds.
    if isinstance(value, dict) and not _IDS & value.keys():
        for name in names:
            if isinstance(value.get(f"{name}s"), list):
                return list(value[f"{name}s"])
            if isinstance(value.get(name), dict):
                return [value[name]]
    return [value]


def _no_object(path: Path, line: int) -> ProblemRecord:
    return ProblemRecord(str(path), line, "", "the record is not a JSON object")
