"""A Flask shop that tracks on the server: pages, cart and order, without a line of JavaScript.

Run a collector, then the shop::

    export ECOMTRACK_URL=http://127.0.0.1:8400 ECOMTRACK_KEY=ecomtrack_server_…
    gunicorn --chdir examples/flask_shop 'app:create_app()'
"""

from __future__ import annotations

import os
import secrets

from flask import Flask, Request, render_template_string, request, session

from ecomtrack_sdk import AddToCart, Customer, Item, Login, Order, Product, Tracker, ViewProduct
from ecomtrack_sdk.integrations.flask import Ecomtrack, VisitSettings

TEE = Product(product_id="tee", name="Plain tee", price="19.90")
PAGE = (
    "<!doctype html><title>{{ title }}</title>{% if tagged %}{{ ecomtrack_snippet() }}{% endif %}<h1>{{ title }}</h1>"
)


def logged_in(_: Request) -> Customer | None:
    """Who is logged in, from Flask's own session: the extension asks."""
    return Customer(id=session["customer"]) if "customer" in session else None


def create_app() -> Flask:
    """The shop, from the environment; with ``SHOP_SITE_KEY`` its pages carry the browser script as well."""
    app = Flask(__name__)
    app.secret_key = os.environ.get("SHOP_SECRET") or secrets.token_hex()
    tracker = Tracker.from_env()
    site_key = os.environ.get("SHOP_SITE_KEY")
    Ecomtrack(
        app,
        tracker,
        customer=logged_in,
        auto_page=site_key is None,
        site_key=site_key,
        settings=VisitSettings(trusted_proxies=["127.0.0.0/8", "unix"]),
    )

    def page(title: str) -> str:
        return render_template_string(PAGE, title=title, tagged=site_key is not None)

    @app.get("/")
    def home() -> str:
        return page("Shop")

    @app.get("/p/tee")
    def product() -> str:
        tracker.track(ViewProduct(product=TEE, currency="EUR"))
        return page("Plain tee")

    @app.post("/cart")
    def add() -> dict[str, str]:
        item = Item(product_id=TEE.product_id, name=TEE.name, price="19.90", quantity=request.form.get("quantity", "1"))
        return {"event_id": tracker.track(AddToCart(item=item, currency="EUR"))}

    @app.post("/login")
    def login() -> dict[str, str]:
        session["customer"] = request.form["name"]
        return {"event_id": tracker.track(Login(customer=Customer(id=request.form["name"])))}

    @app.post("/order")
    def order() -> dict[str, str]:
        order_id = f"order-{secrets.token_hex(4)}"
        item = Item(product_id=TEE.product_id, name=TEE.name, price="19.90")
        tracker.track(Order(order_id=order_id, items=[item], currency="EUR"))
        return {"order_id": order_id}

    return app
