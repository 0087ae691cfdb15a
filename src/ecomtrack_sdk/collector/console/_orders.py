"""Orders: the latest, and what happened to one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from ecomtrack_sdk.collector.console._asker import Asker
from ecomtrack_sdk.collector.console._view import render, show
from ecomtrack_sdk.reports._values import Unit
from ecomtrack_sdk.store import Filter

__all__ = ["Orders"]

_RANK = {"order": 0, "order_update": 1, "refund": 2}
"""Order of actions of the same moment: that of the fold."""


class Orders(Asker):
    """History and state of orders."""

    async def page(self, request: Request) -> Response:
        """One order's history and state, or the latest orders."""
        order_id = request.query_params.get("order_id", "").strip()
        where = Filter(order_id=order_id) if order_id else Filter(event_type="order")
        rows = await run_in_threadpool(self.store.recent, 200 if order_id else 50, where)
        events = [json.loads(row.raw) for row in rows]
        if not order_id:
            recent = [
                {key: event.get(key) for key in ("order_id", "occurred_at", "total", "currency")} for event in events
            ]
            return render(
                "orders.html", title="Orders", section="Orders", order_id="", actions=[], state=[], recent=recent
            )
        acts = [event for event in events if event.get("type") in _RANK and event.get("order_id") == order_id]
        acts.sort(key=lambda event: (_moment(event["occurred_at"]), _RANK[event["type"]], event["event_id"]))
        actions = [{**event, "status": event.get("status"), "change": _change(event)} for event in acts]
        return render("orders.html", title=f"Order {order_id[:80]}", section="Orders", order_id=order_id,
                      actions=actions, state=await self._state(order_id), recent=[])  # fmt: skip

    async def _state(self, order_id: str) -> list[tuple[str, str]]:
        """The folded order as the reports see it."""
        if self.collector.reports is None:
            return []

        def fold(warehouse: Any) -> list[tuple[str, str]]:
            from ecomtrack_sdk.reports.models.orders import ORDERS

            warehouse.refresh()
            warehouse.ensure((ORDERS,))
            answer = warehouse.query(
                "select o.status, o.currency, o.gross, o.discounts, o.refunded, o.cancelled, o.net "
                "from orders o where o.order_id = $order_id",
                {"order_id": order_id},
            )
            if not answer.rows:
                return []
            record = dict(zip(answer.columns, answer.rows[0], strict=True))
            return [
                (name, show(value, Unit("money"), record))
                for name, value in record.items()
                if name != "currency" and value is not None
            ]

        return list(await self.collector.reports.call(fold))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


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
                f"{item.get('quantity', '1')} x {item.get('name') or item.get('product_id')}" for item in items[:5]
            )
        )
        if len(items) > 5:
            parts.append(f"and {len(items) - 5} more lines")
    parts += [f"{name} {event[name]}" for name in ("total", "reason", "place") if event.get(name)]
    return "; ".join(parts)
