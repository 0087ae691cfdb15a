"""Orders: the latest, and what happened to one, with its money after every step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from ecomtrack_sdk.collector.console._asker import Asker
from ecomtrack_sdk.collector.console._effects import MONEY, SHOWN, order_steps
from ecomtrack_sdk.collector.console._view import isolated, render, show
from ecomtrack_sdk.store import Filter

__all__ = ["Orders"]

_RANK = {"order": 0, "order_update": 1, "refund": 2}
"""Order of actions of the same moment: that of the fold."""
MOST_ACTIONS = 500
"""Actions of one order that are shown; real ones have a dozen."""


class Orders(Asker):
    """History and state of orders."""

    async def page(self, request: Request) -> Response:
        """One order's history and state, or the latest orders."""
        order_id = request.query_params.get("order_id", "").strip()
        where = Filter(order_id=order_id) if order_id else Filter(event_type="order")
        rows = await run_in_threadpool(self.store.recent, MOST_ACTIONS if order_id else 50, where)
        events = [json.loads(row.raw) for row in rows]
        if not order_id:
            recent = [
                {key: event.get(key) for key in ("order_id", "occurred_at", "total", "currency")} for event in events
            ]
            return render(
                "orders.html", title="Orders", section="Orders", order_id="", actions=[], state=[], recent=recent
            )
        steps = await self._steps(order_id)
        after = {step["event_id"]: step for step in steps}
        acts = [event for event in events if event.get("type") in _RANK and event.get("order_id") == order_id]
        acts.sort(key=lambda event: (_moment(event["occurred_at"]), _RANK[event["type"]], event["event_id"]))
        actions = [
            {
                **event,
                "status": event.get("status"),
                "change": _change(event),
                "money": _money(after.get(event["event_id"].lower())),
            }
            for event in acts
        ]
        state = [(name, show(steps[-1][name], MONEY, steps[-1])) for name in SHOWN] if steps else []
        return render("orders.html", title=f"Order {order_id[:80]}", section="Orders", order_id=order_id,
                      actions=actions, state=state, recent=[])  # fmt: skip

    async def _steps(self, order_id: str) -> list[dict[str, Any]]:
        if self.collector.reports is None:
            return []
        return list(await self.collector.reports.call(lambda warehouse: order_steps(warehouse, order_id)))


def _short(text: Any) -> str:
    words = str(text)
    return isolated(words if len(words) <= 80 else words[:79] + "…")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _money(step: Mapping[str, Any] | None) -> dict[str, str]:
    """Total, refunded, cancelled and net after an action; nothing for an action that was told twice."""
    if step is None:
        return {}
    return {name: show(step[name], MONEY, step) for name in ("total", "refunded", "cancelled", "net")}


def _change(event: Mapping[str, Any]) -> str:
    """What an action changed, in a few words."""
    parts = []
    if event["type"] == "refund":
        parts.append(
            f"refund {event.get('refund_id')}: {event.get('amount', 'by its lines')} {event.get('currency', '')}"
        )
    items = event.get("items")
    if items:
        parts.append(
            ", ".join(
                f"{item.get('quantity', '1')} x {_short(item.get('name') or item.get('product_id'))}"
                for item in items[:5]
            )
        )
        if len(items) > 5:
            parts.append(f"and {len(items) - 5} more lines")
    parts += [f"{name} {_short(event[name])}" for name in ("total", "reason", "place") if event.get(name)]
    return "; ".join(parts)
