"""A FastAPI shop that tracks on the server: pages, cart, login and order, in coroutines and in threads.

Run a collector, then the shop::

    export ECOMTRACK_URL=http://127.0.0.1:8400 ECOMTRACK_KEY=ecomtrack_server_…
    uvicorn --app-dir examples/fastapi_shop app:app
"""

from __future__ import annotations

import os
import secrets

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from ecomtrack_sdk import AddToCart, Customer, Item, Login, Order, Product, Tracker, ViewProduct
from ecomtrack_sdk.integrations.browser import snippet
from ecomtrack_sdk.integrations.starlette import EcomtrackMiddleware, VisitSettings

TEE = Product(product_id="tee", name="Plain tee", price="19.90")
SESSIONS: dict[str, Customer] = {}
"""Who is logged in, by cookie; a real shop keeps them in its database."""


class Credentials(BaseModel):
    """What the login form sends."""

    name: str


async def logged_in(request: Request) -> Customer | None:
    """Who is logged in: the middleware asks. A coroutine function may ask a database."""
    return SESSIONS.get(request.cookies.get("session", ""))


tracker = Tracker.from_env()
site_key = os.environ.get("SHOP_SITE_KEY")
app = FastAPI(title="Shop")
app.add_middleware(
    EcomtrackMiddleware,
    tracker=tracker,
    customer=logged_in,
    auto_page=site_key is None,
    settings=VisitSettings(trusted_proxies=["127.0.0.0/8"]),
)


def page(title: str) -> HTMLResponse:
    """A page, with the browser script where the shop has a site key."""
    tags = snippet(tracker.config.url, site_key) if site_key else ""
    return HTMLResponse(f"<!doctype html><title>{title}</title>{tags}<h1>{title}</h1>")


@app.get("/")
async def home() -> HTMLResponse:
    """The home page."""
    return page("Shop")


@app.get("/p/tee")
def product() -> HTMLResponse:
    """A product's page, served in a thread: the visitor is known there too."""
    tracker.track(ViewProduct(product=TEE, currency="EUR"))
    return page("Plain tee")


@app.post("/cart")
async def add(quantity: int = 1) -> dict[str, str]:
    """Put tees into the cart."""
    item = Item(product_id=TEE.product_id, name=TEE.name, price="19.90", quantity=quantity)
    return {"event_id": tracker.track(AddToCart(item=item, currency="EUR"))}


@app.post("/login")
async def login(credentials: Credentials) -> dict[str, str]:
    """Log in: the one place where a visitor gets a name. The client keeps the token as cookie ``session``."""
    token = secrets.token_urlsafe(16)
    SESSIONS[token] = customer = Customer(id=credentials.name)
    tracker.track(Login(customer=customer))
    return {"session": token}


@app.post("/order")
def order() -> dict[str, str]:
    """Take the order and tell it."""
    order_id = f"order-{secrets.token_hex(4)}"
    item = Item(product_id=TEE.product_id, name=TEE.name, price="19.90")
    tracker.track(Order(order_id=order_id, items=[item], currency="EUR"))
    return {"order_id": order_id}
