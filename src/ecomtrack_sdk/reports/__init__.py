"""The reports: one file each, found by name. Importing this package loads none of them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ecomtrack_sdk.errors import UnknownReport

if TYPE_CHECKING:
    from ecomtrack_sdk.reports._base import Report, Result
    from ecomtrack_sdk.store._projection import Warehouse

__all__ = ["REPORTS", "get", "run"]

REPORTS: dict[str, str] = {
    "revenue": "How much was earned, and how much of it stayed?",
    "orders": "What became of the orders: how many were shipped, cancelled, returned, kept?",
    "order_flow": "How do orders move from status to status, and how long do they wait?",
    "funnel": "How far do people get, and where do they drop out?",
    "retention": "Do people come back, how many, how late, and with how much money?",
    "traffic": "Where do visits come from, what do people do, and what do they bring?",
    "attribution": "Which visits earned the money?",
    "customers": "Who are the customers, what did they buy, and when were they last here?",
    "visitors": "Who came by, where from, and did they become customers?",
    "profile": "What did this person do, before and after the first purchase?",
    "search": "What do people search for, what do they not find, and does searching lead to orders?",
    "content": "What do the articles of the blog do: who reads them, how long, and do readers buy?",
    "lifecycle": "Who is new, who comes back, who wakes up, and who falls asleep?",
    "products": "Which products are looked at, bought, kept, and worth it?",
    "ltv": "What is a customer worth, and how long does it take?",
    "rfm": "Who are the best customers, who is slipping away, and who came once?",
    "returns": "What comes back, from whom, and why?",
    "carts": "How many carts are left behind, and how much is in them?",
    "payments": "Which ways to pay are used, and which of them end in money that stays?",
    "micro_conversions": "How often are the goals on the way to an order reached, and do they lead to one?",
}
"""Name of a report (and of its module) → the question it answers."""


def get(name: str) -> Report[Any, Any]:
    """The report of that name, loaded now.

    Raises:
        UnknownReport: There is none; the message lists those there are.
    """
    if name not in REPORTS:
        raise UnknownReport(f"there is no report {name!r}; there are: {', '.join(sorted(REPORTS))}")
    found: Report[Any, Any] = import_module(f"ecomtrack_sdk.reports.{name}").report
    return found


def run(name: str, params: Mapping[str, object], warehouse: Warehouse) -> Result[Any]:
    """Answer one question.

    Args:
        name: The report.
        params: Its parameters by the names of the options, dashes or underscores, values as text or typed.
        warehouse: Where the figures come from.

    Raises:
        UnknownReport: No such report.
        BadParameter: A parameter is wrong; the message names it and says what is allowed.
    """
    return get(name).run(warehouse, params)
