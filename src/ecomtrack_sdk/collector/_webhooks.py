"""``POST /v1/webhooks/shopify`` and ``/woocommerce``: shop systems call in, verified by the secret they share.

The signature takes the place of a key. Event ids are made from the record, so a delivery repeated, by the shop system
or by somebody who caught it on the way, is a duplicate and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pydantic_core import to_json

from ecomtrack_sdk._wire import LIMITS, encode_event
from ecomtrack_sdk.collector._events_route import EventsRoute
from ecomtrack_sdk.collector._http import PROBLEM_TYPE, Receive, Scope, Send, problem, read_body, respond
from ecomtrack_sdk.collector._keys import Key
from ecomtrack_sdk.errors import CollectorError, ConfigError, TooLarge
from ecomtrack_sdk.integrations import shopify, woocommerce
from ecomtrack_sdk.integrations._records import Delivery

__all__ = ["SYSTEMS", "WEBHOOKS_PATH", "WebhooksRoute"]

WEBHOOKS_PATH = "/v1/webhooks/"
SYSTEMS: Mapping[str, Callable[[Mapping[str, str], bytes, str], Delivery]] = {
    "shopify": shopify.receive,
    "woocommerce": woocommerce.receive,
}


class WebhooksRoute:
    """Takes the webhooks of the shop systems whose secret is known.

    Args:
        events: Where the events go.
        secrets: Name of the system → the secret shared with it.

    Raises:
        ConfigError: A system there is no adapter for, or an empty secret.
    """

    def __init__(self, events: EventsRoute, secrets: Mapping[str, str]) -> None:
        for name, secret in secrets.items():
            if name not in SYSTEMS:
                raise ConfigError(f"webhooks: one of {', '.join(SYSTEMS)} is needed, not {name!r}")
            if not secret:
                raise ConfigError(f"webhooks: the secret of {name} is empty")
        self._events = events
        self._secrets = dict(secrets)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one delivery: 200 once its events are durable, whatever could not be mapped of it."""
        try:
            answer = await self._take(scope, receive)
        except CollectorError as error:
            status, body, headers = problem(error)
            await respond(send, status, body, PROBLEM_TYPE, headers)
            return
        await respond(send, 200, answer, "application/json")

    async def _take(self, scope: Scope, receive: Receive) -> bytes:
        name = scope["path"].removeprefix(WEBHOOKS_PATH)
        if name not in self._secrets:
            raise CollectorError(404, "not-found", "no secret is set for a shop system of that name")
        if scope["method"] != "POST":
            raise CollectorError(405, "method-not-allowed", "webhooks come with POST")
        with self._events.room(scope):
            body = await read_body(scope, receive, LIMITS.body_bytes)
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        delivery = SYSTEMS[name](headers, body, self._secrets[name])
        problems = [{"field": one.field, "message": one.message} for one in delivery.problems]
        lines = []
        for event in delivery.events:
            try:
                lines.append(encode_event(event))
            except TooLarge as error:
                problems.append({"field": error.field or "", "message": str(error)})
        # What could not be mapped is kept with the refused events, so that it is seen and can be sent again.
        if problems:
            lines.append(_refused(name, delivery, body, problems))
        verdict = await self._events.take_lines(lines, Key(f"webhook-{name}", "server", ""))
        return to_json({"accepted": verdict.accepted, "duplicate": len(verdict.duplicate), "problems": problems})


def _refused(name: str, delivery: Delivery, body: bytes, problems: list[dict[str, str]]) -> bytes:
    """A line the collector refuses, because it has no known type, and keeps: which webhook it was, and its body."""
    told = {"type": f"webhook:{name}:{delivery.topic}", "delivery_id": delivery.delivery_id, "problems": problems}
    return to_json({**told, "body": body.decode("utf-8", "replace")[: LIMITS.event_bytes // 4]})
