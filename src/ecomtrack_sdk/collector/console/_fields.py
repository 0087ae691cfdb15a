"""A report's parameters as fields of a form. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, get_args, get_origin

__all__ = ["Field", "fields_of"]

_PLACEHOLDERS = {"rates": "USD=0.92", "convert": "EUR", "currency": "EUR", "counted": "paid,shipped"}


class Field(NamedTuple):
    """One field of the form; a parameter that may be given several times has several inputs of one name."""

    name: str
    label: str
    help: str
    choices: list[str]
    required: bool
    values: list[str]
    """What each input holds; one more than was given where more may be given."""
    type: str
    placeholder: str


def fields_of(params: Any, query: Mapping[str, str | list[str]], filters: Mapping[str, str]) -> list[Field]:
    """The fields of a report's parameters.

    Args:
        params: Class of the parameters.
        query: What is asked.
        filters: What ``where`` knows.
    """
    fields = []
    for field, info in params.model_fields.items():
        name = info.alias or field
        kind = "date" if name in ("from", "to", "as_of") else "text"
        choices, several = _choices(info.annotation), _takes_several(info.annotation)
        default = None if info.is_required() else info.default
        given = query.get(name)
        values = list(given) if isinstance(given, list) else [given] if given is not None else _texts(default)
        if several:
            values = [*values, ""]
        help_text = (info.description or "").replace("``", "")
        if name == "where":
            help_text += f" Fields: {', '.join(sorted(filters)) or 'none'}."
        example = f"{min(filters)}=…" if name == "where" and filters else _PLACEHOLDERS.get(name, "")
        fields.append(
            Field(
                name=name,
                label=name.rstrip("_").replace("_", " "),
                help=help_text,
                choices=choices,
                required=not several and (info.is_required() or default is not None),
                values=values or [""],
                type=kind,
                placeholder=example,
            )
        )
    return fields


def _texts(default: Any) -> list[str]:
    if isinstance(default, bool):
        return [str(default).lower()]
    if isinstance(default, str | int | float):
        return [str(default)]
    return [str(part) for part in default] if isinstance(default, tuple) else []


def _takes_several(annotation: Any) -> bool:
    return get_origin(annotation) in (tuple, list, dict)


def _choices(annotation: Any) -> list[str]:
    """The values of a ``Literal``, also inside of a tuple or beside ``None``; yes and no of a flag."""
    if annotation is bool:
        return ["false", "true"]
    if get_origin(annotation) is Literal:
        return [str(value) for value in get_args(annotation)]
    for part in get_args(annotation):
        if get_origin(part) is Literal:
            return [str(value) for value in get_args(part)]
    return []
