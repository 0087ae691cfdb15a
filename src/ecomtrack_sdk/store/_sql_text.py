"""SQL as text: macros expanded, columns named. Knows parentheses and quotes, and no engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from ecomtrack_sdk.errors import ReportError

__all__ = ["expand", "name_columns"]

_MACRO = re.compile(r"@([a-z_][a-z0-9_]*)\(")
_SELECT = re.compile(r"\bselect\s+(?:distinct\s+)?", re.IGNORECASE)
_QUALIFIED = re.compile(r"\s*[a-z_]\w*\.([a-z_]\w*)\s*", re.IGNORECASE)
_FROM = re.compile(r"\bfrom\b", re.IGNORECASE)


def expand(sql: str, macros: Mapping[str, Callable[..., str]]) -> str:
    """*sql* with each macro replaced, the inner ones first."""
    done: list[str] = []
    rest = sql
    while (found := _MACRO.search(rest)) is not None:
        done.append(rest[: found.start()])
        arguments, end = _arguments(rest, found.end())
        macro = macros.get(found.group(1))
        if macro is None:
            raise ReportError(f"the SQL uses an unknown macro @{found.group(1)}")
        # A macro's text may name macros in turn: the user's filters do.
        done.append(expand(macro(*[expand(argument, macros) for argument in arguments]), macros))
        rest = rest[end:]
    done.append(rest)
    return "".join(done)


def _arguments(sql: str, start: int) -> tuple[list[str], int]:
    """The arguments from *start* up to the closing parenthesis, and the place after it."""
    depth, quoted, begin = 0, False, start
    found: list[str] = []
    for place in range(start, len(sql)):
        char = sql[place]
        if char == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif char == "(":
            depth += 1
        elif char == ")" and depth:
            depth -= 1
        elif char == "," and not depth:
            found.append(sql[begin:place].strip())
            begin = place + 1
        elif char == ")":
            last = sql[begin:place].strip()
            return ([*found, last] if last or found else []), place + 1
    raise ReportError("the SQL has a macro without its closing parenthesis")


def name_columns(sql: str) -> str:
    """*sql* with ``a.x`` in the list of a SELECT written ``a.x as x``.

    After several joins ClickHouse calls an unnamed ``a.x`` "a.x"; the standard says "x".
    """
    names: list[tuple[int, str]] = []
    for select in _SELECT.finditer(sql):
        begin, depth = select.end(), 0
        for place in range(begin, len(sql)):
            char = sql[place]
            if char == "(":
                depth += 1
            elif char == ")":
                depth -= 1
            end = depth < 0 or (depth == 0 and char in "fF" and _FROM.match(sql, place) is not None)
            if end or (char == "," and depth == 0):
                column = _QUALIFIED.fullmatch(sql, begin, place)
                if column is not None:
                    names.append((begin + len(sql[begin:place].rstrip()), column.group(1)))
                begin = place + 1
            if end:
                break
    for place, name in sorted(names, reverse=True):
        sql = f"{sql[:place]} as {name}{sql[place:]}"
    return sql
