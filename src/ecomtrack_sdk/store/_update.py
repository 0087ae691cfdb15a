"""Models that follow new events: the rows they change go, the rows they make come, all others stay.

The steps of each model say which rows those are (:class:`~ecomtrack_sdk.store._model.Update`); this module runs them.
"""
# ruff: noqa: S608
# The text is made of names of our own.

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ecomtrack_sdk.store._dialect import Dialect
from ecomtrack_sdk.store._model import Model

__all__ = ["Updater", "instead"]

Run = Callable[[str], Any]


def instead(sql: str, sources: Mapping[str, str]) -> str:
    """*sql* reading other tables than it names: every ``from x`` and ``join x`` becomes that of ``sources[x]``."""
    if not sources:
        return sql
    names = "|".join(sources)
    return re.sub(rf"\b(from|join)(\s+)({names})\b", lambda m: f"{m[1]}{m[2]}{sources[m[3]]}", sql)


class Updater:
    """One round: models brought from one watermark to the next, each after its needs.

    Args:
        run: Executes one statement; the caller holds a transaction open.
        dialect: Of the engine.
        since: Events with a ``seq`` above it are new.
    """

    def __init__(self, run: Run, dialect: Dialect, since: int) -> None:
        self._run = run
        self._dialect = dialect
        self._since = since
        self._scratch: list[str] = []

    def upset(self, models: Sequence[Model]) -> bool:
        """Whether the new events ask for models made anew."""
        return any(self._run(self._text(model.upset)).rows[0][0] for model in models if model.upset)

    def update(self, model: Model) -> None:
        """Bring one model up to date."""
        update = model.update
        assert update is not None
        for name, sql in update.steps:
            self._make(name, sql)
        for part in model.parts:
            self._make(part.name, instead(part.sql, update.sources))
            if part.repeat is not None:
                self._settle(part)
        if update.fresh:
            self._make(f"fresh_{model.name}", update.sql or instead(model.sql, update.sources))
        self._replace(model)

    def leave(self, model: Model) -> None:
        """Note that nothing of a model changed, for those that need it."""
        assert model.update is not None
        self._make(f"fresh_{model.name}", f"select * from {model.name} where 1 = 0")
        if model.update.tells:
            columns = ", ".join(model.update.tells)
            self._make(f"changed_{model.name}", f"select {columns} from {model.name} where 1 = 0")

    def _settle(self, part: Model) -> None:
        before = self._run(part.measure).rows
        while True:
            self._make(f"next_{part.name}", part.repeat or "")
            self._make(part.name, f"select * from next_{part.name}")
            after = self._run(part.measure).rows
            if after == before:
                return
            before = after

    def _replace(self, model: Model) -> None:
        update, name = model.update, model.name
        assert update is not None
        if not update.fresh:
            self._make(f"fresh_{name}", f"select * from {name} where 1 = 0")
        columns = ", ".join(update.tells)
        going = f"from {name} where {update.key} in (select {update.key} from {update.gone})" if update.gone else ""
        if columns:
            self._make(f"old_{name}", f"select {columns} {going or f'from {name} where 1 = 0'}")
        if going:
            self._run(f"delete {going}")
        self._run(f"insert into {name} select * from fresh_{name}")
        for patch in update.patches:
            self._run(self._text(patch))
        if columns:
            old, fresh = f"select {columns} from old_{name}", f"select {columns} from fresh_{name}"
            if update.exact:
                self._make(f"changed_{name}", f"({old} except {fresh}) union ({fresh} except {old})")
            else:
                self._make(f"changed_{name}", f"{old} union all {fresh}")

    def _make(self, name: str, sql: str) -> None:
        self._run(f"create or replace temp table {name} as {self._text(sql)}")
        self._scratch.append(name)

    def _text(self, sql: str) -> str:
        return self._dialect.render(sql.replace("$since", str(self._since)), {})[0]

    def clear(self) -> None:
        """Drop the scratch tables."""
        for name in dict.fromkeys(self._scratch):
            self._run(f"drop table if exists {name}")
