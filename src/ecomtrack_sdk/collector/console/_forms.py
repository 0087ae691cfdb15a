"""What a form of the console sent, and the page that asks once more before something is changed for good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from ecomtrack_sdk.collector._http import read_body
from ecomtrack_sdk.collector.console._view import render

__all__ = ["confirm", "form_of"]

MAX_FORM_BYTES = 16 * 1024
"""Body of a form; the largest holds a few ids."""


async def form_of(request: Request) -> dict[str, str]:
    """Fields of a form as it was posted, each with its last value, space around it removed.

    Raises:
        CollectorError: 413, 408 or 400 as for any body.
    """
    body = await read_body(request.scope, request.receive, MAX_FORM_BYTES)
    found = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=50)
    return {name: values[-1].strip() for name, values in found.items()}


def confirm(
    *,
    title: str,
    section: str,
    lines: Sequence[str],
    action: str,
    button: str,
    back: str,
    fields: Mapping[str, str],
    choices: Sequence[tuple[str, str, str]] = (),
    type_again: str | None = None,
    error: str | None = None,
    status: int = 200,
) -> Response:
    """A page that says what will happen, with a button that does it and a way back.

    Args:
        title: Heading: the question.
        section: Part of the console it belongs to.
        lines: What will happen, a sentence each.
        action: Address of the form.
        button: Words of the button.
        back: Address of the way back.
        fields: Hidden fields.
        choices: Radio buttons as (name, value, words); the first of them is chosen.
        type_again: A text the person must write to show that they mean it.
        error: What was wrong with the last try.
        status: HTTP status.
    """
    return render(
        "confirm.html",
        status=status,
        title=title,
        section=section,
        lines=lines,
        action=action,
        button=button,
        back=back,
        fields=fields,
        choices=choices,
        type_again=type_again,
        error=error,
    )
