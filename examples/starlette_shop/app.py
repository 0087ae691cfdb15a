"""A small shop with everything in it: browser script, middleware, order by the backend.

Run a collector, then the shop::

    ecomtrack collector                                # prints url and keys
    export ECOMTRACK_URL=http://127.0.0.1:8400 ECOMTRACK_KEY=ecomtrack_server_… SHOP_SITE_KEY=ecomtrack_site_…
    uvicorn --factory app:create_app --app-dir examples/starlette_shop
"""

from __future__ import annotations

import json
import os
import secrets
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from html import escape
from typing import Any, Literal

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from ecomtrack_sdk import Customer, Item, Login, Order, Tracker
from ecomtrack_sdk.integrations.browser import snippet
from ecomtrack_sdk.integrations.starlette import EcomtrackMiddleware, VisitSettings

CURRENCY = "EUR"
Consent = Literal["granted", "ask"]
PRODUCTS = {
    "tee": {"product_id": "tee", "name": "Plain tee", "categories": ["Shirts"], "price": "19.90"},
    "mug": {"product_id": "mug", "name": "Big mug", "categories": ["Kitchen"], "price": "8.50"},
}

SHOP_JS = """
// What the page tells about itself, and what its forms do: data in the page, one script, no inline code.
for (const told of document.querySelectorAll("script[data-track]")) ecomtrack(...JSON.parse(told.textContent));
for (const form of document.querySelectorAll("form[data-track]"))
  form.addEventListener("submit", () => ecomtrack(...JSON.parse(form.dataset.track)));
for (const button of document.querySelectorAll("button[data-consent]"))
  button.addEventListener("click", () => ecomtrack("consent", button.dataset.consent == "yes"));
"""


@dataclass
class Session:
    """What the shop remembers of a browser."""

    cart: Counter[str] = field(default_factory=Counter)
    customer: Customer | None = None


SESSIONS: dict[str, Session] = {}
"""Sessions by cookie; a real shop keeps them in its database."""


def session_of(request: Request) -> Session:
    """The session of a request, a fresh one when it has none."""
    return SESSIONS.get(request.cookies.get("session", ""), Session())


def customer_of(request: Request) -> Customer | None:
    """Who is logged in: the middleware asks."""
    return session_of(request).customer


def items_of(session: Session) -> list[dict[str, Any]]:
    """The cart's lines, as the browser and the backend tell them."""
    return [PRODUCTS[name] | {"quantity": str(count)} for name, count in sorted(session.cart.items()) if count]


def form(action: str, label: str, *call: Any) -> str:
    """A button that posts to the shop, and tells the browser script what it does."""
    told = f' data-track="{escape(json.dumps(call))}"' if call else ""
    return f'<form method="post" action="{action}"{told}><button>{label}</button></form>'


class Shop:
    """The pages. The browser script reports what is seen and put into the cart, the backend reports the order."""

    def __init__(self, tracker: Tracker, site_key: str, consent: Consent) -> None:
        self.tracker = tracker
        self.site_key = site_key
        self.consent: Consent = consent

    def page(self, request: Request, title: str, body: str, *seen: Any) -> HTMLResponse:
        """One page under a strict Content-Security-Policy."""
        nonce = secrets.token_urlsafe(16)
        url = self.tracker.config.url
        tags = snippet(url, self.site_key, nonce=nonce, consent=self.consent)
        told = f'<script type="application/json" data-track>{json.dumps(seen)}</script>' if seen else ""
        answer = HTMLResponse(
            f"<!doctype html><title>{escape(title)}</title>{tags}"
            f'<nav><a href="/">Home</a> <a href="/c/shirts">Shirts</a> <a href="/blog/care">Blog</a> '
            f'<a href="/cart">Cart</a> <form action="/search"><input name="q"></form></nav>'
            f"<h1>{escape(title)}</h1>{body}{told}"
            f'<button data-consent="yes">Allow</button><button data-consent="no">Refuse</button>'
            f'<script src="/static/shop.js" nonce="{nonce}" defer></script>'
        )
        answer.headers["content-security-policy"] = (
            f"default-src 'self'; script-src 'nonce-{nonce}' {url}; connect-src {url}"
        )
        if "session" not in request.cookies:
            token = secrets.token_urlsafe(16)
            SESSIONS[token] = Session()
            answer.set_cookie("session", token, httponly=True, samesite="lax")
        return answer

    async def home(self, request: Request) -> Response:
        """Products, and the login."""
        links = "".join(f'<p><a href="/p/{name}">{product["name"]}</a>' for name, product in PRODUCTS.items())
        login = '<form method="post" action="/login"><input name="email"><button>Log in</button></form>'
        return self.page(request, "Shop", links + login)

    async def search(self, request: Request) -> Response:
        """Search results."""
        query = request.query_params.get("q", "")
        found = [product for product in PRODUCTS.values() if query.lower() in str(product["name"]).lower()]
        links = "".join(f'<p><a href="/p/{product["product_id"]}">{product["name"]}</a>' for product in found)
        return self.page(request, "Search", links, "search", {"query": query, "results_count": len(found)})

    async def article(self, request: Request) -> Response:
        """An article of the magazine."""
        name = request.path_params["name"]
        return self.page(request, "Care", "<p>Wash cold.", "viewArticle", {"article_id": name, "title": "Care"})

    async def category(self, request: Request) -> Response:
        """A category."""
        name = request.path_params["name"]
        seen = {"category_id": name, "name": name.title(), "products": [PRODUCTS["tee"]], "currency": CURRENCY}
        return self.page(request, name.title(), '<p><a href="/p/tee">Plain tee</a>', "viewCategory", seen)

    async def product(self, request: Request) -> Response:
        """A product's page."""
        product = PRODUCTS[request.path_params["name"]] | {"currency": CURRENCY}
        body = form(f"/cart/add/{product['product_id']}", "Add to cart", "addToCart", product)
        return self.page(request, str(product["name"]), body, "viewProduct", product)

    async def cart(self, request: Request) -> Response:
        """The cart."""
        items = items_of(session_of(request))
        lines = "".join(
            form(
                f"/cart/remove/{item['product_id']}",
                f"Remove {item['name']}",
                "removeFromCart",
                item | {"quantity": 1, "currency": CURRENCY},
            )
            for item in items
        )
        body = lines + '<p><a href="/checkout">Checkout</a>'
        return self.page(request, "Cart", body, "viewCart", {"items": items, "currency": CURRENCY})

    async def checkout(self, request: Request) -> Response:
        """The checkout."""
        seen = {"items": items_of(session_of(request)), "currency": CURRENCY}
        return self.page(request, "Checkout", form("/order", "Order now"), "startCheckout", seen)

    async def change_cart(self, request: Request) -> Response:
        """Put one piece into the cart, or take it out."""
        step = 1 if request.path_params["what"] == "add" else -1
        session_of(request).cart[request.path_params["name"]] += step
        return RedirectResponse("/cart", 303)

    async def login(self, request: Request) -> Response:
        """Log in: the one place where a visitor gets a name."""
        email = str((await request.body()).partition(b"=")[2].replace(b"%40", b"@"), "ascii")
        customer = Customer(id=f"customer-{email.partition('@')[0]}", email=email)
        session_of(request).customer = customer
        self.tracker.track(Login(customer=customer, method="password"))
        return RedirectResponse("/", 303)

    async def order(self, request: Request) -> Response:
        """Take the order and tell it, once the shop has it. No ids needed: the middleware knows them."""
        session = session_of(request)
        order_id = f"order-{secrets.token_hex(4)}"
        items = [Item.model_validate(item) for item in items_of(session)]
        self.tracker.track(
            Order(order_id=order_id, items=items, currency=CURRENCY, shipping=Decimal("4.90"), payment_method="invoice")
        )
        session.cart.clear()
        return self.page(request, "Thank you", f"<p>Your order is {order_id}.")

    async def script(self, _: Request) -> Response:
        """The shop's own script."""
        return Response(SHOP_JS, media_type="text/javascript")


def create_app() -> Starlette:
    """The shop, from the environment: ``ECOMTRACK_URL``, ``ECOMTRACK_KEY``, ``SHOP_SITE_KEY``, ``SHOP_CONSENT``."""
    tracker = Tracker.from_env()
    consent: Consent = "ask" if os.environ.get("SHOP_CONSENT") == "ask" else "granted"
    shop = Shop(tracker, os.environ["SHOP_SITE_KEY"], consent)
    routes = [
        Route("/", shop.home),
        Route("/search", shop.search),
        Route("/blog/{name}", shop.article),
        Route("/c/{name}", shop.category),
        Route("/p/{name}", shop.product),
        Route("/cart", shop.cart),
        Route("/cart/{what:str}/{name}", shop.change_cart, methods=["POST"]),
        Route("/checkout", shop.checkout),
        Route("/order", shop.order, methods=["POST"]),
        Route("/login", shop.login, methods=["POST"]),
        Route("/static/shop.js", shop.script),
        Route("/favicon.ico", lambda _: Response(status_code=204)),
    ]
    settings = VisitSettings(consent=consent)
    middleware = [Middleware(EcomtrackMiddleware, tracker=tracker, customer=customer_of, settings=settings)]
    return Starlette(routes=routes, middleware=middleware)
