"""One class for each SDK, with its defaults except where a line says otherwise. Each is handed the same plain row.

The queue of each peer is made large enough to hold the run, so that none is fast by dropping events.
"""

from __future__ import annotations

import logging
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ClassVar, Protocol

QUEUE = 1_000_000


class Adapter(Protocol):
    package: str
    path: str

    def __init__(self, url: str, directory: str) -> None: ...
    def order(self, row: dict) -> object: ...
    def view(self, row: dict) -> object: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


class Ours:
    """Typed models built inside the call, money exact, crash-safe before the call returns (the default)."""

    package = "ecomtrack-sdk"
    settings: ClassVar[dict[str, Any]] = {}

    def __init__(self, url: str, directory: str) -> None:
        import ecomtrack_sdk as sdk

        self.sdk = sdk
        self.tracker = sdk.Tracker(url, key="benchmark", outbox=directory, **self.settings)

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
        self.tracker.close(120)


class OursInMemory(Ours):
    """The same without the disk, as the peers do it."""

    settings: ClassVar[dict[str, Any]] = {"durability": "memory"}


class Segment:
    package = "segment-analytics-python"

    def __init__(self, url: str, directory: str) -> None:
        from segment.analytics.client import Client

        self.client = Client("benchmark", host=url, max_queue_size=QUEUE)

    def order(self, row: dict) -> object:
        context = {"page": row["context"], "traits": row["customer"]}
        return self.client.track(row["customer"]["id"], "Order Completed", row, context, anonymous_id=row["visitor_id"])

    def view(self, row: dict) -> object:
        return self.client.track(
            None, "Product Viewed", row["product"], {"page": row["context"]}, anonymous_id=row["visitor_id"]
        )

    def flush(self) -> None:
        self.client.flush()

    def close(self) -> None:
        self.client.flush()
        self.client.join()


class Rudder(Segment):
    package = "rudder-sdk-python"

    def __init__(self, url: str, directory: str) -> None:
        from rudderstack.analytics.client import Client

        self.client = Client("benchmark", host=url, max_queue_size=QUEUE)


class Posthog:
    package = "posthog"

    def __init__(self, url: str, directory: str) -> None:
        from posthog import Posthog as Client

        self.client = Client("benchmark", host=url, max_queue_size=QUEUE, disable_geoip=False)

    def order(self, row: dict) -> object:
        return self.client.capture("Order Completed", distinct_id=row["customer"]["id"], properties=row)

    def view(self, row: dict) -> object:
        return self.client.capture("Product Viewed", distinct_id=row["visitor_id"], properties=row)

    def flush(self) -> None:
        self.client.flush()

    def close(self) -> None:
        self.client.flush()
        self.client.shutdown()


class Limit:
    """No SDK: the models built, encoded, and appended to a file with one write() each. What nothing can beat."""

    package = "pydantic"

    def __init__(self, url: str, directory: str) -> None:
        import os

        import ecomtrack_sdk as sdk
        from ecomtrack_sdk._wire import encode_event

        self.sdk, self.encode, self.write = sdk, encode_event, os.write
        self.file = os.open(f"{directory}.limit", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self.tracker = self

    def track(self, event: Any) -> None:
        self.write(self.file, self.encode(event) + b"\n")

    order = Ours.order
    view = Ours.view

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


ADAPTERS: dict[str, type] = {
    "ecomtrack": Ours,
    "ecomtrack, memory": OursInMemory,
    "segment": Segment,
    "posthog": Posthog,
    "rudder": Rudder,
    "limit": Limit,
}


def installed() -> dict[str, str]:
    """Adapter → version of its package, of those that are there."""
    found = {}
    for name, adapter in ADAPTERS.items():
        try:
            found[name] = version(adapter.package)
        except PackageNotFoundError:
            logging.getLogger(__name__).info("%s is not installed, left out", adapter.package)
    return found
