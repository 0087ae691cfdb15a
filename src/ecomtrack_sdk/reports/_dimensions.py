"""By what a report of visits is broken down: a list of fields that become the first columns of its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from ecomtrack_sdk.reports._filters import in_category
from ecomtrack_sdk.reports._result import Row
from ecomtrack_sdk.reports._values import Period

__all__ = ["PERSON_FILTERS", "SESSION_DIMENSIONS", "SESSION_FILTERS", "Dimension", "OfVisit", "grouped", "words"]

Dimension = Literal[
    "period", "channel", "source_medium", "source", "medium", "campaign", "landing_page", "country", "device", "total"
]
"""What rows of visits may be broken down by; ``total`` is by nothing."""


class OfVisit(Row):
    """The first columns of rows about visits; only those of the asked dimensions are there."""

    period: Period | None = None
    """First day of the period: that a visit began in, or that money is booked in."""
    channel: str | None = None
    """Channel of the visit; see the glossary."""
    source_medium: str | None = None
    """``source / medium`` of the visit."""
    source: str | None = None
    """Tag, search engine or referring site; ``(direct)`` without any."""
    medium: str | None = None
    """Tag, ``organic``, ``referral``, ``cpc`` …; ``(none)`` without any."""
    campaign: str | None = None
    """Tag of the campaign; empty without one."""
    landing_page: str | None = None
    """Path of the first page."""
    country: str | None = None
    """ISO 3166 code, where the shop sends it."""
    device: str | None = None
    """``desktop``, ``mobile``, ``tablet``, ``other``; empty where unknown."""


SESSION_DIMENSIONS: dict[str, str] = {
    "channel": "{0}.channel",
    "source_medium": "concat({0}.source, ' / ', {0}.medium)",
    "source": "{0}.source",
    "medium": "{0}.medium",
    "campaign": "{0}.campaign",
    "landing_page": "{0}.landing_page",
    "country": "{0}.country",
    "device": "{0}.device",
}
"""Field of ``dimension`` → SQL over a row of ``sessions`` or ``touches``; ``{0}`` is its alias."""

SESSION_FILTERS: dict[str, str] = {
    "channel": "s.channel = {value}",
    "source": "s.source = lower({value})",
    "medium": "s.medium = lower({value})",
    "source_medium": "concat(s.source, ' / ', s.medium) = lower({value})",
    "campaign": "s.campaign = {value}",
    "landing_page": "s.landing_page = {value}",
    "country": "s.country = upper({value})",
    "device": "s.device = {value}",
    "visitor": "s.visitor_id = {value}",
    "person": "s.person_id = {value}",
    "customer": (
        "s.person_id = {value} or s.person_id in (select n.person_id from names n where n.name = lower({value}))"
    ),
    "product": "s.session_id in (select p.session_id from pages p where p.product_id = {value})",
    "category": "s.session_id in (select p.session_id from pages p where p.category_id = {value})",
}
"""Filters on rows ``s`` of ``sessions``; the last two read ``pages``, the one before reads ``names``."""

_BUYERS = "b.person_id in (select p.person_id from order_people p"
_LINES = " join order_lines l on l.order_id = p.order_id"
_CAME = (
    "b.person_id in (select s.person_id from (select v.*, row_number() over (partition by v.person_id"
    " order by v.start_t, v.session_id) as nth from sessions v) s where s.nth = 1 and {0})"
)

PERSON_FILTERS: dict[str, str] = {
    "person": "b.person_id = {value}",
    "customer": (
        "b.person_id = {value} or b.person_id in (select n.person_id from names n where n.name = lower({value}))"
    ),
    "channel": "w.channel = {value}",
    "country": "coalesce(b.country, w.country) = upper({value})",
    **{
        name: _CAME.format(SESSION_FILTERS[name])
        for name in ("source", "medium", "source_medium", "campaign", "landing_page", "device")
    },
    "product": _BUYERS + _LINES + " where l.product_id = {value})",
    "category": _BUYERS
    + _LINES
    + " left join catalog g on g.product_id = l.product_id where "
    + in_category("l")
    + ")",
    "brand": _BUYERS
    + _LINES
    + " left join catalog g on g.product_id = l.product_id where coalesce(l.brand, g.brand) = {value})",
    "payment_method": _BUYERS + " join orders o on o.order_id = p.order_id where o.payment_method = {value})",
    "status": _BUYERS + " join orders o on o.order_id = p.order_id where o.status = {value})",
}
"""Filters on people with their purchases ``b`` and their visits ``w``: who bought such a thing, came by such a way.

The way is that of the first visit.
"""


def words(value: object) -> object:
    """Words of a text or of texts separated by commas, as a tuple; anything else as it is."""
    texts = [value] if isinstance(value, str) else value
    if isinstance(texts, list | tuple):
        return tuple(word.strip() for text in texts for word in str(text).split(",") if word.strip())
    return value


def grouped(dimensions: Sequence[str], alias: str, moment: str, known: Mapping[str, str]) -> list[tuple[str, str]]:
    """Column and SQL of each asked dimension; ``period`` is that of the microseconds *moment*."""
    return [(name, f"@period({moment})" if name == "period" else known[name].format(alias)) for name in dimensions]
