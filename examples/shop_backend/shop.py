"""A shop's backend without a framework: what to track where, in one WSGI application.

    ecomtrack collector                                 # prints ECOMTRACK_URL and ECOMTRACK_KEY: export them
    python examples/shop_backend/shop.py                # then open http://127.0.0.1:8000/p/boots

With Django, Flask, Starlette or FastAPI the middleware of ``ecomtrack_sdk.integrations`` does the part with the cookie.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterable
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from ecomtrack_sdk import AddToCart, Context, Customer, Item, Order, Product, StartCheckout, Tracker, ViewProduct

PRICES = {"boots": "189.00", "socks": "18.00", "tent": "289.00"}
CURRENCY = "EUR"

Respond = Callable[[str, list[tuple[str, str]]], object]


class Shop:
    """The application: product pages, a cart, a checkout. Carts and order numbers live in memory."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.carts: dict[str, list[Item]] = {}
        self.numbers = itertools.count(1001)

    def __call__(self, environ: dict[str, Any], respond: Respond) -> Iterable[bytes]:
        """Answer one request; everything tracked meanwhile carries visitor and page."""
        cookie = SimpleCookie(environ.get("HTTP_COOKIE", ""))
        visitor = cookie["cbuid"].value if "cbuid" in cookie else secrets.token_urlsafe(16)
        form = {name: values[0] for name, values in parse_qs(_body(environ)).items()}
        context = Context(
            url=f"http://{environ.get('HTTP_HOST', 'localhost')}{environ['PATH_INFO']}",
            referrer=environ.get("HTTP_REFERER"),
            user_agent=environ.get("HTTP_USER_AGENT"),
            source="web",
        )
        with self.tracker.visitor(visitor_id=visitor, context=context):
            status, text = self.answer(environ["REQUEST_METHOD"], environ["PATH_INFO"], visitor, form)
        respond(
            status,
            [
                ("Content-Type", "text/plain; charset=utf-8"),
                ("Set-Cookie", f"cbuid={visitor}; Path=/; Max-Age=34560000; SameSite=Lax"),
            ],
        )
        return [text.encode()]

    def answer(self, method: str, path: str, visitor: str, form: dict[str, str]) -> tuple[str, str]:
        """Status and text of a page."""
        cart = self.carts.setdefault(visitor, [])
        if method == "GET" and path.startswith("/p/") and (product_id := path[3:]) in PRICES:
            product = Product(product_id=product_id, price=PRICES[product_id])
            self.tracker.track(ViewProduct(product=product, currency=CURRENCY))
            return "200 OK", f"{product_id}: {PRICES[product_id]} {CURRENCY}\n"
        if method == "POST" and path == "/cart" and form.get("product") in PRICES:
            item = Item(product_id=form["product"], price=PRICES[form["product"]], quantity=form.get("quantity", "1"))
            cart.append(item)
            self.tracker.track(AddToCart(item=item, cart=cart, currency=CURRENCY))
            return "200 OK", f"{len(cart)} lines in the cart\n"
        if method == "GET" and path == "/checkout" and cart:
            self.tracker.track(StartCheckout(items=cart, currency=CURRENCY))
            return "200 OK", f"{sum(item.subtotal for item in cart)} {CURRENCY}\n"
        if method == "POST" and path == "/order" and cart:
            return "200 OK", f"thank you for order {self.order(cart, form)}\n"
        return "404 Not Found", "there is no such page\n"

    def order(self, cart: list[Item], form: dict[str, str]) -> str:
        """Take the order; the number is the shop's own, so that the CRM can name it later."""
        order_id = str(next(self.numbers))
        self.tracker.track(
            Order(
                order_id=order_id,
                items=cart,
                shipping="4.90",
                currency=CURRENCY,
                customer=Customer(email=form["email"]) if "email" in form else None,
                payment_method="invoice",
            )
        )
        cart.clear()
        return order_id


def _body(environ: dict[str, Any]) -> str:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body: bytes = environ["wsgi.input"].read(length) if length else b""
    return body.decode()


if __name__ == "__main__":
    from wsgiref.simple_server import make_server

    with Tracker.from_env() as tracker, make_server("127.0.0.1", 8000, Shop(tracker)) as server:
        print("http://127.0.0.1:8000/p/boots")
        server.serve_forever()
