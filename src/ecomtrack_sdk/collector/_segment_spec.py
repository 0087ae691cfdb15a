"""The events of Segment's e-commerce spec v2 as ours, one builder for each name. Pure.

What our event has no place for (position, affiliation, the sums repeated by *Checkout Started*) is left out.

Source: Segment *Spec: E-commerce v2*, *Spec: B2B SaaS* for *Signed Up* and *Signed In*.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from ecomtrack_sdk._types import source_id
from ecomtrack_sdk.errors import EcomtrackError
from ecomtrack_sdk.events import (
    AddToCart,
    Customer,
    Event,
    Item,
    Login,
    Order,
    OrderUpdate,
    Product,
    Refund,
    RefundItem,
    Register,
    RemoveFromCart,
    Search,
    StartCheckout,
    ViewCart,
    ViewCategory,
    ViewProduct,
)

__all__ = ["TYPED", "NotTyped", "Properties", "amount_of", "currency_of", "customer_of", "id_of", "text_of"]

Properties = Mapping[str, Any]
PLACES = Decimal("0.0001")


class NotTyped(EcomtrackError):
    """The message lacks what the typed event needs."""


def id_of(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def text_of(value: Any, limit: int = 4096) -> str | None:
    return str(value)[:limit] if value not in (None, "") else None


def amount_of(value: Any) -> Decimal | None:
    """An amount from JSON's number or text; the shortest decimal that reads as the same float, to four places."""
    if value is None or value == "":
        return None
    number = Decimal(str(value))
    exponent = number.as_tuple().exponent
    return number.quantize(PLACES) if isinstance(exponent, int) and exponent < -4 else number


def currency_of(properties: Properties, fallback: str) -> str:
    return str(properties.get("currency") or fallback).upper()


def customer_of(user_id: Any, traits: Properties) -> Customer | None:
    email, phone = id_of(traits.get("email")), id_of(traits.get("phone"))
    known = id_of(user_id)
    if known is None and email is None and phone is None:
        return None
    if email is None and known is not None and "@" in known:
        email = known
    rest = {
        name: value
        for name, value in traits.items()
        if name not in ("email", "phone", "firstName", "first_name", "lastName", "last_name") and value is not None
    }
    return Customer(
        id=known,
        email=email,
        phone=phone,
        first_name=text_of(traits.get("firstName") or traits.get("first_name")),
        last_name=text_of(traits.get("lastName") or traits.get("last_name")),
        custom=rest or None,
    )


def _product(properties: Properties) -> dict[str, Any]:
    product_id = properties.get("product_id") or properties.get("id") or properties.get("sku")
    if not product_id:
        raise NotTyped("no product_id")
    category = properties.get("category")
    return {
        "product_id": str(product_id),
        "variant_id": id_of(properties.get("variant")),
        "sku": id_of(properties.get("sku")),
        "name": text_of(properties.get("name")),
        "brand": text_of(properties.get("brand")),
        "categories": (str(category),) if category else (),
        "price": amount_of(properties.get("price")),
        "url": text_of(properties.get("url"), 8192),
        "image_url": text_of(properties.get("image_url"), 8192),
    }


def _item(properties: Properties) -> Item:
    fields = {name: value for name, value in _product(properties).items() if value is not None}
    return Item(**fields, quantity=_quantity(properties), coupon=id_of(properties.get("coupon")))


def _quantity(properties: Properties) -> Decimal:
    """Units, 1 where the message does not say."""
    found = amount_of(properties.get("quantity"))
    return Decimal(1) if found is None else found


def _items(properties: Properties) -> list[Item]:
    return [_item(one) for one in properties.get("products") or ()]


def _product_event(cls: type[AddToCart | RemoveFromCart]) -> Callable[..., Event]:
    def build(properties: Properties, envelope: dict[str, Any], currency: str) -> Event:
        cart_id, money = id_of(properties.get("cart_id")), currency_of(properties, currency)
        return cls(**envelope, item=_item(properties), cart_id=cart_id, currency=money)

    return build


def _cart_event(cls: type[ViewCart | StartCheckout]) -> Callable[..., Event]:
    def build(properties: Properties, envelope: dict[str, Any], currency: str) -> Event:
        fields: dict[str, Any] = {"items": _items(properties), "cart_id": id_of(properties.get("cart_id"))}
        if properties.get("step") is not None:
            fields["step"] = str(properties["step"])
        return cls(**envelope, **fields, currency=currency_of(properties, currency))

    return build


def _view_product(properties: Properties, envelope: dict[str, Any], currency: str) -> Event:
    return ViewProduct(**envelope, product=Product(**_product(properties)), currency=currency_of(properties, currency))


def _view_category(properties: Properties, envelope: dict[str, Any], currency: str) -> Event:
    products = [Product(**_product(one)) for one in properties.get("products") or ()]
    category = properties.get("category")
    return ViewCategory(
        **envelope,
        category_id=id_of(properties.get("list_id") or category) or "",
        name=text_of(category),
        products=products,
        currency=currency_of(properties, currency),
    )


def _sums(properties: Properties) -> dict[str, Any]:
    """Sums, content and coupon that are there. Segment's subtotal is after the discount, ours before it."""
    found = {name: amount_of(properties.get(name)) for name in ("discount", "shipping", "tax", "total")}
    if properties.get("products") is not None:
        found["items"] = _items(properties)  # type: ignore[assignment]
    elif properties.get("subtotal") is not None:
        found["subtotal"] = amount_of(properties["subtotal"] + (properties.get("discount") or 0))
    if properties.get("coupon"):
        found["coupons"] = (str(properties["coupon"]),)  # type: ignore[assignment]
    if properties.get("payment_method"):
        found["payment_method"] = str(properties["payment_method"])  # type: ignore[assignment]
    return {name: value for name, value in found.items() if value is not None}


def _order(properties: Properties, envelope: dict[str, Any], currency: str) -> Event:
    sums = _sums(properties)
    if "total" not in sums and "items" not in sums and properties.get("revenue") is not None:
        parts = [amount_of(properties.get(name)) or Decimal(0) for name in ("revenue", "shipping", "tax")]
        sums["total"] = sum(parts, Decimal(0))
    return Order(
        **envelope,
        order_id=id_of(properties.get("order_id")) or "",
        currency=currency_of(properties, currency),
        cart_id=id_of(properties.get("cart_id")),
        **{"items": (), **sums},
    )


def _update(status: str | None) -> Callable[..., Event]:
    def build(properties: Properties, envelope: dict[str, Any], currency: str) -> Event:
        # A cancelled order keeps its content: what the message repeats of it changes nothing.
        sums = _sums(properties) if status is None else {}
        return OrderUpdate(
            **envelope,
            order_id=id_of(properties.get("order_id")) or "",
            status=status or id_of(properties.get("status")),
            reason=text_of(properties.get("reason")),
            currency=currency_of(properties, currency) if sums else None,
            **sums,
        )

    return build


def _refund(properties: Properties, envelope: dict[str, Any], currency: str) -> Event:
    """Money back, or, where the message names neither sum nor products, the whole order taken back.

    Source: the spec names ``order_id`` only; total and products are in its example.
    """
    order_id = id_of(properties.get("order_id")) or ""
    total = amount_of(properties.get("total", properties.get("revenue")))
    if total is None and not properties.get("products"):
        return OrderUpdate(**envelope, order_id=order_id, status="cancelled", reason="refunded in full")
    items = [
        RefundItem(
            product_id=str(one.get("product_id") or one.get("sku")),
            variant_id=id_of(one.get("variant")),
            quantity=_quantity(one),
        )
        for one in properties.get("products") or ()
    ]
    return Refund(
        **envelope,
        refund_id=id_of(properties.get("refund_id"))
        or envelope.get("event_id")
        or source_id("segment", "refund", order_id),
        order_id=order_id,
        currency=currency_of(properties, currency),
        amount=total,
        items=items,
        reason=text_of(properties.get("reason")),
    )


def _search(properties: Properties, envelope: dict[str, Any], _: str) -> Event:
    return Search(**envelope, query=str(properties.get("query") or ""))


def _named(cls: type[Register | Login]) -> Callable[..., Event]:
    def build(properties: Properties, envelope: dict[str, Any], _: str) -> Event:
        customer = envelope.get("customer") or customer_of(None, properties)
        if customer is None:
            raise NotTyped("nobody is named")
        return cls(
            **{**envelope, "customer": customer}, method=id_of(properties.get("method") or properties.get("type"))
        )

    return build


TYPED: dict[str, Callable[[Properties, dict[str, Any], str], Event]] = {
    "Products Searched": _search,
    "Product List Viewed": _view_category,
    "Product Viewed": _view_product,
    "Product Added": _product_event(AddToCart),
    "Wishlist Product Added to Cart": _product_event(AddToCart),
    "Product Removed": _product_event(RemoveFromCart),
    "Cart Viewed": _cart_event(ViewCart),
    "Checkout Started": _cart_event(StartCheckout),
    "Checkout Step Viewed": _cart_event(StartCheckout),
    "Order Completed": _order,
    "Order Updated": _update(None),
    "Order Cancelled": _update("cancelled"),
    "Order Refunded": _refund,
    "Signed Up": _named(Register),
    "Signed In": _named(Login),
}
"""Segment's event names that become typed events; all others become ``CustomEvent``."""
