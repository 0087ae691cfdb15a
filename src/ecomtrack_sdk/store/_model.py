"""What a model is: a table made of flat tables and other models, and how new events change it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

__all__ = ["FOLLOWING", "Model", "Update", "follow"]


@dataclass(frozen=True)
class Update:
    """How a model follows new events without being made anew: some of its rows go, others come.

    A step is a scratch table of that name, made by one SELECT. Steps may use ``$since`` (events above it are new),
    the tables of their own model as they were, those of its needs as they are now, and of each need ``x`` ``fresh_x``
    (rows that came) and ``changed_x`` (rows that came or went). What results must equal the model made anew.

    Attributes:
        steps: Scratch tables, in their order.
        key: Column of the model by which rows go; empty when none ever do.
        gone: Scratch table with a column of that name: the rows of these keys go.
        sources: Table in the SQL of the model and its parts → scratch table that stands for it while the rows that come
            are selected.
        sql: The SELECT of the rows that come, where it is another one than the model's.
        fresh: Whether rows come at all; ``False`` for a model that new events leave as it is.
        tells: Columns of ``changed_``; without any there is no such table.
        exact: Whether rows that came as they went are left out of ``changed_``.
        patches: Statements run on the table afterwards.
    """

    steps: tuple[tuple[str, str], ...] = ()
    key: str = ""
    gone: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    sql: str | None = None
    fresh: bool = True
    tells: tuple[str, ...] = ()
    exact: bool = False
    patches: tuple[str, ...] = ()


@dataclass(frozen=True)
class Model:
    """A table built from flat tables and other models by one SELECT, when a report first needs it.

    Attributes:
        name: The table; reports name it in their SQL.
        doc: First line is the grain ("One row per …"), then columns and caveats.
        sql: One SELECT in the portable subset, with macros; no ``$params``, for a model serves every report.
        needs: The models it reads.
        parts: Tables made right before it, from its needs and one another, and dropped when it stands.
        repeat: One SELECT that reads the table and makes its next state; repeated until ``measure`` stands still.
        measure: One SELECT that answers one value; what ``repeat`` changes must change it.
        reads: The flat tables whose new rows change it; any event does when not told. Lines of orders come with
            ``order_actions``, so the models of orders need not be built again because somebody looked at a page.
        update: How it follows new events; without it, it is built anew.
        upset: One SELECT with ``$since`` that answers one number: when it is not 0, the new events change so much that
            every model is built anew.
    """

    name: str
    doc: str
    sql: str
    needs: tuple[Model, ...] = ()
    parts: tuple[Model, ...] = ()
    repeat: str | None = None
    measure: str = ""
    reads: tuple[str, ...] | None = None
    update: Update | None = None
    upset: str = ""

    def with_needs(self) -> list[Model]:
        """Itself after everything it needs, each once, in the order of building."""
        found: dict[str, Model] = {}

        def visit(model: Model) -> None:
            if model.name in found:
                return
            for need in model.needs:
                visit(need)
            found[model.name] = model

        visit(self)
        return list(found.values())

    @cached_property
    def mark(self) -> str:
        """What the rows depend on besides the events, as a short text: with another one it is another table."""
        text = "\x1e".join(
            f"{part.sql}\x1f{part.repeat}" for model in self.with_needs() for part in (*model.parts, model)
        )
        return hashlib.sha256(text.encode()).hexdigest()[:32]


FOLLOWING: dict[str, Model] = {}
"""Models that a warehouse brings up to date together, once they are built; see :func:`follow`."""


def follow(*models: Model) -> None:
    """Tell every warehouse of these models and of what they need.

    One round moves all of them: a table that stayed behind could no longer learn what changed before it.
    """
    for model in models:
        FOLLOWING.update((part.name, part) for part in model.with_needs())
