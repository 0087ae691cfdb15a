"""What is measured: our tracker, the peers, and what no SDK can be faster than, behind the same five methods."""

from __future__ import annotations

from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ClassVar, Protocol

from peers import PEERS

QUEUE_BYTES = 2 << 30


class Adapter(Protocol):
    package: str

    def __init__(self, url: str, directory: str, *, large: bool) -> None: ...
    def order(self, row: dict) -> object: ...
    def view(self, row: dict) -> object: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


class Ours:
    """Typed models built inside the call, money exact, crash-safe before the call returns (the default)."""

    package = "ecomtrack-sdk"
    settings: ClassVar[dict[str, Any]] = {}

    def __init__(self, url: str, directory: str, *, large: bool) -> None:
        import ecomtrack_sdk as sdk

        self.sdk = sdk
        room = {"max_bytes": QUEUE_BYTES} if large else {}
        self.tracker = sdk.Tracker(url, key="benchmark", outbox=directory, **room, **self.settings)

    def order(self, row: dict) -> object:
        sdk = self.sdk
        return self.tracker.track(
            sdk.Order(
                order_id=row["order_id"],
                currency=row["currency"],
                status=row["status"],
                items=[sdk.Item(**line) for line in row["items"]],
                discount=row["discount"],
                shipping=row["shipping"],
                coupons=row["coupons"],
                payment_method=row["payment_method"],
                shipping_address=sdk.Address(**row["shipping_address"]),
                billing_address=sdk.Address(**row["billing_address"]),
                customer=sdk.Customer(**row["customer"]),
                visitor_id=row["visitor_id"],
                context=sdk.Context(**row["context"]),
            )
        )

    def view(self, row: dict) -> object:
        sdk = self.sdk
        return self.tracker.track(
            sdk.ViewProduct(
                product=sdk.Product(**row["product"]),
                currency=row["currency"],
                visitor_id=row["visitor_id"],
                context=sdk.Context(**row["context"]),
            )
        )

    def flush(self) -> None:
        self.tracker.flush(120)

    def close(self) -> None:
        self.tracker.close()


class OursInMemory(Ours):
    """The same without the disk, as the peers do it."""

    settings: ClassVar[dict[str, Any]] = {"durability": "memory"}


class Limit:
    """No SDK: plain pydantic models of the same fields, built of their parts, serialised, and one ``write()``."""

    package = "pydantic"

    def __init__(self, url: str, directory: str, *, large: bool) -> None:
        import os

        self.sdk = bare_models()
        self.write = os.write
        self.file = os.open(f"{directory}.limit", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self.tracker = self

    def track(self, event: Any) -> None:
        self.write(self.file, self.encode(event) + b"\n")

    @staticmethod
    def encode(event: Any) -> bytes:
        return event.__pydantic_serializer__.to_json(event, exclude_none=True)

    order = Ours.order
    view = Ours.view

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


def bare_models() -> Any:
    """Models with the fields of the rows, amounts as decimals, and no rule of ours."""
    from types import SimpleNamespace

    from pydantic import create_model

    def model(title: str, **fields: Any) -> Any:
        return create_model(title, **{field: (kind | None, None) for field, kind in fields.items()})

    def texts(*names: str) -> dict[str, Any]:
        return dict.fromkeys(names, str)

    item = model(
        "Item", **texts("product_id", "variant_id", "sku", "name", "brand", "url"), categories=list[str],
        price=Decimal, quantity=int, discount=Decimal, tax=Decimal,
    )  # fmt: skip
    product = model("Product", **texts("product_id", "name"), categories=list[str], price=Decimal)
    address = model("Address", **texts("name", "line1", "city", "region", "postal_code", "country"))
    customer = model("Customer", **texts("id", "email", "first_name", "last_name"))
    context = model("Context", **texts("url", "referrer", "user_agent", "ip", "locale"))
    shared = {
        **texts("event_id", "occurred_at", "currency", "visitor_id"),
        "context": context,
        "customer": customer,
    }
    order = model(
        "Order", **shared, **texts("order_id", "status", "payment_method"), items=list[item], coupons=list[str],
        discount=Decimal, shipping=Decimal, shipping_address=address, billing_address=address,
    )  # fmt: skip
    view = model("ViewProduct", **shared, product=product)
    return SimpleNamespace(
        Item=item, Product=product, Address=address, Customer=customer, Context=context, Order=order, ViewProduct=view
    )


OURS = ("ecomtrack", "ecomtrack, memory")
LIMIT = "limit"
ADAPTERS: dict[str, type] = {"ecomtrack": Ours, "ecomtrack, memory": OursInMemory, **PEERS, LIMIT: Limit}


def installed() -> dict[str, str]:
    """Adapter → version of its package, of those that are there."""
    found = {}
    for name, adapter in ADAPTERS.items():
        try:
            found[name] = version(adapter.package)
        except PackageNotFoundError:
            continue
    return found
