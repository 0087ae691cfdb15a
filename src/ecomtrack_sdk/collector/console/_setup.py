"""How to begin: a test event that is seen to arrive, the code for the shop's framework, the snippet, the keys."""

from __future__ import annotations

import time
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ecomtrack_sdk._wire import encode_event
from ecomtrack_sdk.collector import _inspect
from ecomtrack_sdk.collector.console._asker import Asker
from ecomtrack_sdk.collector.console._view import render
from ecomtrack_sdk.errors import CollectorError
from ecomtrack_sdk.events import Context, CustomEvent

__all__ = ["CODE", "Setup"]


class Setup(Asker):
    """The set-up page."""

    async def page(self, request: Request) -> Response:
        """Everything to copy, with this collector's address in it."""
        url = f"{request.url.scheme}://{request.headers.get('host', '')}"
        return render(
            "setup.html",
            title="Set-up",
            section="Set-up",
            may_send=request.state.right == "write",
            arrived=await self._arrived(request.query_params.get("sent", "")),
            milliseconds=request.query_params.get("ms", "")[:6],
            keys=self.collector.keys.keys(),
            snippet=_snippet(url),
            code=[(name, note, text.replace("{url}", url)) for name, note, text in CODE],
        )

    async def _arrived(self, event_id: str) -> dict[str, Any] | None:
        """The test event as the log has it: proof that it arrived, not that it was sent."""
        if not event_id:
            return None
        try:
            return await run_in_threadpool(_inspect.event, self.store, event_id)
        except CollectorError:
            return None

    async def send_test_event(self, _: Request) -> Response:
        """Send one event the way a shop's events go, and show it."""
        event = CustomEvent(
            name="console_test", properties={"hello": "from the console"}, context=Context(source="server")
        )
        began = time.perf_counter()
        await self.collector.take([encode_event(event)])
        spent = round((time.perf_counter() - began) * 1_000)
        return RedirectResponse(f"/console/setup?sent={event.event_id}&ms={spent}#test", 303)


def _snippet(url: str) -> str:
    from ecomtrack_sdk.integrations.browser import snippet

    return snippet(url, "YOUR_SITE_KEY")


CODE: tuple[tuple[str, str, str], ...] = (
    (
        "Any Python backend",
        "pip install ecomtrack-sdk",
        """from ecomtrack_sdk import Item, Order, Tracker

tracker = Tracker("{url}", key="YOUR_SERVER_KEY")
tracker.track(Order(
    order_id="1001",
    items=[Item(product_id="sku-1", price="19.90", quantity=2)],
    currency="EUR",
    shipping="4.90",
))""",
    ),
    (
        "Django",
        "In settings.py, then {% load ecomtrack %}{% ecomtrack_snippet %} in the base template.",
        """INSTALLED_APPS += ["ecomtrack_sdk.integrations.django.EcomtrackConfig"]
MIDDLEWARE += ["ecomtrack_sdk.integrations.django.EcomtrackMiddleware"]  # after AuthenticationMiddleware
TEMPLATES[0]["OPTIONS"]["libraries"] = {"ecomtrack": "ecomtrack_sdk.integrations.django"}
ECOMTRACK = {"url": "{url}", "key": "YOUR_SERVER_KEY", "site_key": "YOUR_SITE_KEY"}

# in a view
from ecomtrack_sdk import AddToCart, Item
from ecomtrack_sdk.integrations.django import track


def add(request):
    track(AddToCart(item=Item(product_id="tee", price="19.90"), currency="EUR"))""",
    ),
    (
        "Flask",
        "Visitor, customer and page are in every event of a request.",
        """from ecomtrack_sdk import AddToCart, Item, Tracker
from ecomtrack_sdk.integrations.flask import Ecomtrack
from flask import Flask

app = Flask(__name__)
tracker = Tracker("{url}", key="YOUR_SERVER_KEY")
Ecomtrack(app, tracker, site_key="YOUR_SITE_KEY")


@app.post("/cart")
def add():
    tracker.track(AddToCart(item=Item(product_id="tee", price="19.90"), currency="EUR"))
    return "", 204""",
    ),
    (
        "FastAPI and Starlette",
        "A pure ASGI middleware.",
        """from ecomtrack_sdk import AddToCart, Item, Tracker
from ecomtrack_sdk.integrations.starlette import EcomtrackMiddleware
from fastapi import FastAPI

app = FastAPI()
tracker = Tracker("{url}", key="YOUR_SERVER_KEY")
app.add_middleware(EcomtrackMiddleware, tracker=tracker)


@app.post("/cart", status_code=204)
async def add():
    tracker.track(AddToCart(item=Item(product_id="tee", price="19.90"), currency="EUR"))""",
    ),
    (
        "A CRM or a nightly job",
        "Waits for the verdict on every record; sent again, it changes nothing.",
        """from ecomtrack_sdk import OrderUpdate, S2SClient

with S2SClient("{url}", key="YOUR_SERVER_KEY") as client:
    report = client.send(
        OrderUpdate(order_id=row["id"], action_id=row["change_id"], status=row["status"])
        for row in changed_orders()
    )
print(report)""",
    ),
    (
        "Anything else",
        "One line of JSON for each event.",
        """curl {url}/v1/events -H "Authorization: Bearer YOUR_SERVER_KEY" -H "Content-Type: application/x-ndjson" \\
  --data-binary '{"type": "view_page", "title": "Hello"}'""",
    ),
)
"""Name, note and text with ``{url}`` in it."""
