"""A Django shop in one file: pages, cart and an order that is told when its transaction commits.

Run a collector, then the shop::

    export ECOMTRACK_URL=http://127.0.0.1:8400 ECOMTRACK_KEY=ecomtrack_server_…
    gunicorn --chdir examples/django_shop app:application
"""

from __future__ import annotations

import os
import secrets

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import engines
from django.urls import path

if not settings.configured:
    settings.configure(
        SECRET_KEY=os.environ.get("SHOP_SECRET") or secrets.token_hex(),
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("SHOP_DB", ":memory:")}},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "ecomtrack_sdk.integrations.django.EcomtrackConfig",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "ecomtrack_sdk.integrations.django.EcomtrackMiddleware",
        ],
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {"libraries": {"ecomtrack": "ecomtrack_sdk.integrations.django"}},
            }
        ],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        ECOMTRACK={
            "site_key": os.environ.get("SHOP_SITE_KEY", ""),
            "auto_page": not os.environ.get("SHOP_SITE_KEY"),
            "currency": "EUR",
        },
    )
    django.setup()

from ecomtrack_sdk import AddToCart, Item, Order
from ecomtrack_sdk.integrations.django import track, track_on_commit

PAGE = "{% load ecomtrack %}<!doctype html><title>Shop</title>{% if tagged %}{% ecomtrack_snippet %}{% endif %}"
TEE = {"product_id": "tee", "name": "Plain tee", "price": "19.90"}


def home(_: HttpRequest) -> HttpResponse:
    """The page, with the browser script where the shop has a site key."""
    tagged = bool(settings.ECOMTRACK["site_key"])
    return HttpResponse(engines["django"].from_string(PAGE).render({"tagged": tagged}))


def add(_: HttpRequest) -> JsonResponse:
    """Put a tee into the cart."""
    return JsonResponse({"event_id": track(AddToCart(item=Item.model_validate(TEE)))})


@transaction.atomic  # type: ignore[untyped-decorator]  # Django has no types of its own
def order(request: HttpRequest) -> JsonResponse:
    """Order the tee: the event exists when the order does. ``?fail`` rolls both back."""
    order_id = f"order-{secrets.token_hex(4)}"
    track_on_commit(Order(order_id=order_id, items=[Item.model_validate(TEE)], currency="EUR"))
    if "fail" in request.GET:
        raise ValueError("the payment was refused")
    return JsonResponse({"order_id": order_id})


urlpatterns = [path("", home), path("cart", add), path("order", order)]
application = get_wsgi_application()
asgi_application = get_asgi_application()
