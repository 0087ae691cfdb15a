"""Steps and their filters as SQL conditions on a row ``e`` of ``events`` and its row ``a`` of ``session_events``."""
# ruff: noqa: S608
# The text is made of column names of our own; what users write is bound.

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from ecomtrack_sdk.errors import BadParameter
from ecomtrack_sdk.reports._filters import EVENT_FILTERS
from ecomtrack_sdk.reports._steps import EVENT_FIELDS, FREE_FIELDS, ITEM_FIELDS, NUMERIC, Filter, Step, number
from ecomtrack_sdk.reports.models.session_events import ENGAGEMENT

__all__ = ["ACT_FILTERS", "SHOP_SIDE", "VISIT_FIELDS", "Conditions"]

SHOP_SIDE = ("order_update", "refund", "email_sent", "email_delivered", "email_bounced")
"""What the shop does, not the person: ``*`` and the strict funnel do not see it."""


VISIT_FIELDS = frozenset({"channel", "source", "medium", "campaign", "landing_page"})
"""What a visit has and not each of its events: where it came from."""
ACT_FILTERS = {
    **EVENT_FILTERS,
    **{
        name: f"a.session_id in (select z.session_id from sessions z where z.{name} = {{value}})"
        for name in sorted(VISIT_FIELDS)
    },
    **{
        name: f"e.event_id in (select i.event_id from event_items i where i.{column} = {{value}})"
        for name, column in {"product": "product_id", "brand": "brand"}.items()
    },
    "category": (
        "e.event_id in (select i.event_id from event_items i"
        " where @contains(concat(' > ', i.categories, ' > '), concat(' > ', {value}, ' > ')))"
    ),
}
"""Filters on a row ``e`` of ``events`` with its row ``a`` of ``session_events``."""
_ENVELOPE = NUMERIC | {"name", "currency", "visitor_id", "customer_id", "customer_email"}
"""Fields of a custom event that are its own, whatever its properties are called."""


class Conditions:
    """Collects bound parameters while steps are turned into conditions.

    Attributes:
        params: Name → value of every parameter the conditions use.
    """

    def __init__(self, prefix: str = "c") -> None:
        self._prefix = prefix
        self.params: dict[str, str | Decimal] = {}

    def bind(self, value: str | Decimal) -> str:
        """The placeholder of a new parameter."""
        name = f"{self._prefix}{len(self.params)}"
        self.params[name] = value
        return f"${name}"

    def types(self, steps: Iterable[Step]) -> str:
        """Condition that keeps the rows any of *steps* could be: cheap, so that little else is looked at."""
        kinds = sorted({step.type for step in steps})
        if "*" in kinds:
            return self.personal()
        return f"e.type in ({', '.join(_quoted(kind) for kind in kinds)})"

    @staticmethod
    def personal() -> str:
        """Condition that leaves out what the shop or the browser does by itself."""
        kinds = ", ".join(_quoted(kind) for kind in SHOP_SIDE)
        return f"e.type not in ({kinds}) and not (e.type = 'custom' and e.name = '{ENGAGEMENT}')"

    def step(self, step: Step) -> str:
        """Condition that holds for the events the step asks for."""
        parts = [self.personal() if step.type == "*" else f"e.type = {_quoted(step.type)}"]
        if step.name is not None:
            parts.append(f"e.name = {self.bind(step.name)}")
        lines, visit = [], []
        for each in step.filters:
            if each.field == "product" and step.type != "custom":
                lines.append(self._product(each, step))
            elif each.field in ITEM_FIELDS and step.type != "custom":
                lines.append(self._compare(f"i.{ITEM_FIELDS[each.field]}", each, step, each.field in NUMERIC))
            elif each.field in VISIT_FIELDS and step.type != "custom":
                visit.append(self._compare(f"z.{each.field}", each, step, numeric=False))
            else:
                _known(each.field, {step.type}, "steps", step.text)
                column = self._column(each.field, step.type)
                parts.append(self._compare(column, each, step, column.startswith("e.") and each.field in NUMERIC))
        if lines:
            # What was added or removed, not the rest of the cart beside it.
            lists = "i.list <> 'cart' and " if step.type in {"add_to_cart", "remove_from_cart"} else ""
            parts.append(f"e.event_id in (select i.event_id from event_items i where {lists}{' and '.join(lines)})")
        if visit:
            parts.append(f"a.session_id in (select z.session_id from sessions z where {' and '.join(visit)})")
        return " and ".join(parts)

    def _product(self, each: Filter, step: Step) -> str:
        """The product of a line by its id or its name; ``(none)`` asks for the id alone: many lines have no name."""
        by_id = self._compare("i.product_id", each, step, numeric=False)
        named = Filter(each.field, each.operator, tuple(value for value in each.values if value != "(none)"))
        if not named.values:
            return by_id
        both = "and" if each.operator == "!=" else "or"
        return f"({by_id} {both} {self._compare('i.name', named, step, numeric=False)})"

    def _column(self, name: str, kind: str) -> str:
        """The text or number of a field of ``e``; a custom event's own property goes before the column of that name."""
        if name not in EVENT_FIELDS:
            return f"@json(e.properties, {self.bind(name)})"
        if kind in {"custom", "*"} and name not in _ENVELOPE:
            return f"coalesce(@json(e.properties, {self.bind(name)}), e.{name})"
        return f"e.{name}"

    def _compare(self, column: str, each: Filter, step: Step, numeric: bool) -> str:
        if each.operator in {"=", "!="}:
            return self._equal(column, each, numeric, step)
        if each.operator == "~":
            if numeric:
                raise BadParameter("steps", f"{step.text!r}: {each.field} is a number, it cannot contain text")
            return f"@contains(lower({column}), {self.bind(each.values[0].lower())})"
        value = self.bind(number(each.values[0], step.text, "steps"))
        return f"{column} {each.operator} {value}" if numeric else f"@number({column}) {each.operator} {value}"

    def _equal(self, column: str, each: Filter, numeric: bool, step: Step) -> str:
        known = [value for value in each.values if value != "(none)"]
        bound = [self.bind(number(value, step.text, "steps") if numeric else value) for value in known]
        parts = [f"{column} in ({', '.join(bound)})"] if bound else []
        if len(known) < len(each.values):
            parts.append(f"{column} is null")
        equal = " or ".join(parts)
        if each.operator == "=":
            return f"({equal})"
        if len(known) < len(each.values):
            return f"({column} is not null" + (f" and {column} not in ({', '.join(bound)}))" if bound else ")")
        return f"({column} is null or {column} not in ({', '.join(bound)}))"

    def breakdown(self, names: str, kinds: Iterable[str], *, of_order: bool = False) -> tuple[str, str]:
        """Fields of ``e``, separated by commas, as one text, and the joins it needs.

        ``(none)`` stands for an absent value; of several lines the first counts. With *of_order* a visit is the one
        that won the order.
        """
        fields = [name.strip() for name in names.split(",") if name.strip()]
        if not fields:
            raise BadParameter("breakdown", "names no field")
        found = [self._part(name, set(kinds), place, of_order) for place, name in enumerate(fields)]
        values = [value for value, _ in found]
        joins = "".join(dict.fromkeys(join for _, join in found))
        text = ", ', ', ".join(values)
        return (values[0] if len(values) == 1 else f"concat({text})"), joins

    def _part(self, name: str, kinds: set[str], place: int, of_order: bool) -> tuple[str, str]:
        if name in ITEM_FIELDS and kinds != {"custom"}:
            lines = (
                f"\n  left join (select event_id, @first({ITEM_FIELDS[name]}, line) as value from event_items\n"
                f"    where list in ('item', 'order') group by event_id) b{place} on b{place}.event_id = e.event_id"
            )
            return f"coalesce(cast(b{place}.value as varchar), '(none)')", lines
        if name in VISIT_FIELDS and of_order:
            won = "\n  left join order_touch w on w.order_id = e.order_id"
            return (f"coalesce(w.{name}, '(none)')" if name != "landing_page" else "'(none)'"), won
        if name in VISIT_FIELDS:
            visits = "\n  left join sessions z on z.session_id = a.session_id"
            own = f"@json(e.properties, {self.bind(name)}), " if {"custom", "*"} & kinds else ""
            return f"coalesce({own}z.{name}, '(none)')", visits
        _known(name, kinds, "breakdown", name)
        kind = "custom" if {"custom", "*"} & kinds else ""
        return f"coalesce(cast({self._column(name, kind)} as varchar), '(none)')", ""


def _known(name: str, kinds: set[str], parameter: str, text: str) -> None:
    """Refuse a field that no event of *kinds* can have."""
    if name not in EVENT_FIELDS and not kinds & FREE_FIELDS:
        fields = ", ".join(sorted({*EVENT_FIELDS, *ITEM_FIELDS, *VISIT_FIELDS}))
        raise BadParameter(
            parameter, f"{text!r}: {name!r} is not a field of {', '.join(sorted(kinds))}; there are {fields}"
        )


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "''") + "'"
