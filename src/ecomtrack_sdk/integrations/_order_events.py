"""The rows of one order to its events; everything a file can get wrong ends in one :class:`BadOrder`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from ecomtrack_sdk._types import source_id
from ecomtrack_sdk.events import Acquisition, Address, Customer, Item, Order, OrderUpdate
from ecomtrack_sdk.integrations._order_fields import LINE_FIELDS, Reading, Unreadable

__all__ = ["LINE", "BadOrder", "Row", "events_of"]

Row = Mapping[str, Any]
"""Field → value as it stands in the file, and under ``LINE`` the number of the line."""
LINE = ""

UNKNOWN_PRODUCT = "unknown"
"""Product of a line that names none: its units and money still count."""
ZERO = Decimal(0)
FOUR_PLACES = Decimal("0.0001")

T = TypeVar("T")


class BadOrder(ValueError):
    """An order that cannot be imported: which line and field, and why."""

    def __init__(self, line: int, field: str, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.field = field


def events_of(order_id: str, rows: Sequence[Row], reading: Reading, namespace: str) -> list[Order | OrderUpdate]:
    """The order, and its update where the rows say when their state was reached.

    Args:
        order_id: Id of the order.
        rows: Its rows, at least one, in their order.
        reading: How text is understood.
        namespace: Name of the system, part of every event id.

    Raises:
        BadOrder: Something in the rows cannot be read or makes no event.
    """
    head: dict[str, Any] = {}
    for row in reversed(rows):
        head.update(row)  # the first row that has a value decides
    line = int(head[LINE])
    try:
        values = {"order_id": order_id, **_order_values(head, reading)}
        updated_at = _read(head, "updated_at", lambda value: reading.moment(str(value)))
        lines = [_item(row, reading) for row in _priced(rows, values) if any(name in row for name in LINE_FIELDS)]
        items = [item for item, _ in lines]
        if "subtotal" not in values and any(total is not None for _, total in lines):
            # The unit prices were divided and rounded; the sum of the lines as they stand is exact.
            values["subtotal"] = sum([item.subtotal if total is None else total for item, total in lines], ZERO)
        order = Order(event_id=source_id(namespace, "order", order_id), items=items, **values)
        if updated_at is None or updated_at <= order.occurred_at:
            return [order]
        known = {name: value for name, value in values.items() if name in OrderUpdate.model_fields}
        content = order.model_dump_json(exclude={"event_id"})
        digest = hashlib.sha256(content.encode()).hexdigest()[:16]
        update = OrderUpdate(
            event_id=source_id(namespace, "update", order_id, updated_at.isoformat(), digest),
            **{**known, "occurred_at": updated_at, "items": items or None},
        )
    except ValidationError as error:
        raise _of_validation(line, error) from None
    return [order, update]


def _priced(rows: Sequence[Row], values: Mapping[str, Any]) -> Sequence[Row]:
    """The rows; a single line without a price gets what the order's total leaves for it."""
    if len(rows) > 1 or "total" not in values or "subtotal" in values or {"price", "line_total"} & rows[0].keys():
        return rows
    left = values["total"] + values.get("discount", ZERO) - values.get("shipping", ZERO) - values.get("tax", ZERO)
    return [{**rows[0], "line_total": left}] if left >= 0 and "quantity" in rows[0] else rows


def _order_values(row: Row, reading: Reading) -> dict[str, Any]:
    """Fields of an order as an event takes them; absent ones are left out."""
    values: dict[str, Any] = {
        "occurred_at": _read(row, "occurred_at", lambda value: reading.moment(str(value))),
        "discount": _read(row, "order_discount", reading.amount),
        "status": _read(row, "status", lambda value: reading.status(str(value))),
        "coupons": _read(row, "coupons", lambda value: _parts(value, ",")),
    }
    values |= {name: _read(row, name, reading.amount) for name in ("subtotal", "shipping", "tax", "total")}
    values |= {name: _read(row, name, str) for name in ("currency", "visitor_id", "payment_method", "cart_id")}
    customer: dict[str, Any] = {
        name: _read(row, f"customer_{name}", str) for name in ("id", "email", "phone", "first_name", "last_name")
    }
    if customer["id"] or customer["email"] or customer["phone"]:
        values["customer"] = Customer(**customer)
    address = {name: _read(row, name, str) for name in ("country", "region", "city", "postal_code")}
    if any(address.values()):
        values["shipping_address"] = Address(**address)
    acquisition = {name: _read(row, name, str) for name in ("source", "medium", "campaign")}
    if any(acquisition.values()):
        values["acquisition"] = Acquisition(**acquisition)
    return {name: value for name, value in values.items() if value is not None}


def _item(row: Row, reading: Reading) -> tuple[Item, Decimal | None]:
    """A line's item, and what the line adds to the order where the file says that instead of a unit price."""
    price, line_total = _read(row, "price", reading.amount), _read(row, "line_total", reading.amount)
    quantity = _read(row, "quantity", reading.amount)
    quantity = Decimal(1) if quantity is None else quantity
    if quantity <= 0:
        raise BadOrder(int(row[LINE]), "quantity", "must be above 0; what came back is a refund, not a line")
    discount = _read(row, "discount", reading.amount) or ZERO
    if price is None and line_total is not None:
        price = ((line_total + discount) / quantity).quantize(FOUR_PLACES)
    else:
        line_total = None
    try:
        item = Item(
            product_id=str(row.get("product_id") or row.get("sku") or row.get("product_name") or UNKNOWN_PRODUCT),
            variant_id=_read(row, "variant_id", str),
            sku=_read(row, "sku", str),
            name=_read(row, "product_name", str),
            brand=_read(row, "brand", str),
            categories=_parts(row.get("category", ""), ">"),
            product_type=_read(row, "product_type", str),
            price=price or ZERO,
            quantity=quantity,
            discount=discount,
            tax=_read(row, "line_tax", reading.amount) or ZERO,
        )
    except ValidationError as error:
        raise _of_validation(int(row[LINE]), error) from None
    return item, line_total


def _read(row: Row, name: str, parse: Callable[[Any], T]) -> T | None:
    """The field's value, or ``None`` when the row has none."""
    if name not in row:
        return None
    try:
        return parse(row[name])
    except Unreadable as error:
        raise BadOrder(int(row[LINE]), name, str(error)) from None
    except PydanticCustomError as error:
        raise BadOrder(int(row[LINE]), name, error.message()) from None


def _parts(value: object, separator: str) -> list[str]:
    return [part.strip() for part in str(value).split(separator) if part.strip()]


def _of_validation(line: int, error: ValidationError) -> BadOrder:
    entry = error.errors(include_url=False, include_input=False)[0]
    message = "is needed" if entry["type"] == "missing" else entry["msg"]
    return BadOrder(line, ".".join(map(str, entry["loc"])), message)
