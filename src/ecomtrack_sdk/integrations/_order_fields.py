"""What a column of an order file may mean, and how its text is read: names, dates, amounts, statuses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ecomtrack_sdk._types import parse_amount
from ecomtrack_sdk.errors import ConfigError
from ecomtrack_sdk.events import STATUSES

__all__ = ["FIELDS", "LINE_FIELDS", "ORDER_FIELDS", "Columns", "Reading", "Unreadable", "resolve_columns"]

ORDER_FIELDS = {
    "order_id": "the shop's id of the order; without it every row is an order",
    "occurred_at": "when the order was placed",
    "updated_at": "when the row's state was reached; lets a later file correct an earlier one",
    "status": "one of the known statuses, or the shop's own word",
    "currency": "ISO 4217",
    "customer_id": "the shop's id of the customer",
    "customer_email": "their e-mail address",
    "customer_phone": "their phone number",
    "customer_first_name": "their first name",
    "customer_last_name": "their last name",
    "visitor_id": "the visitor cookie of the order, where the shop kept it",
    "subtotal": "sum of the lines after their discounts",
    "order_discount": "taken off the order as a whole",
    "shipping": "shipping charged",
    "tax": "tax on top of the prices",
    "total": "what the customer paid",
    "payment_method": "how it was paid",
    "coupons": "coupon codes, separated by commas",
    "country": "two-letter code of the delivery address",
    "region": "region of the delivery address",
    "city": "city of the delivery address",
    "postal_code": "postal code of the delivery address",
    "cart_id": "the cart the order came from",
    "source": "where the shop says the order came from: source",
    "medium": "the same: medium",
    "campaign": "the same: campaign",
}
"""Fields of an order, each with its meaning; the first row of an order that has a value decides."""

LINE_FIELDS = {
    "product_id": "the shop's id of the product",
    "variant_id": "size or colour",
    "sku": "stock keeping unit; stands in for a missing product_id",
    "product_name": "name of the product; stands in for a missing product_id and sku",
    "brand": "brand",
    "category": "category path, separated by '>'",
    "product_type": "kind of product",
    "quantity": "units; 1 when absent",
    "price": "price of one unit before discount",
    "line_total": "price of the whole line after discount, where the file has no unit price",
    "discount": "taken off the whole line",
    "line_tax": "tax of the whole line",
}
"""Fields of one line of an order."""

FIELDS = {**ORDER_FIELDS, **LINE_FIELDS}

ALIASES = {
    "date": "occurred_at",
    "order_date": "occurred_at",
    "created_at": "occurred_at",
    "email": "customer_email",
    "phone": "customer_phone",
    "first_name": "customer_first_name",
    "last_name": "customer_last_name",
    "product": "product_name",
    "categories": "category",
    "qty": "quantity",
    "unit_price": "price",
    "coupon": "coupons",
}
"""Other names a column may have; used where no column has the field's own name."""

STATUS_WORDS = {
    "canceled": "cancelled",
    "void": "cancelled",
    "voided": "cancelled",
    "complete": "completed",
    "closed": "completed",
    "fulfilled": "completed",
    "on-hold": "pending",
    "on_hold": "pending",
    "new": "pending",
    "open": "pending",
    "authorized": "pending",
    "sent": "shipped",
    "dispatched": "shipped",
}
"""Shops' words for the known statuses; the caller's own words come first."""


class Unreadable(ValueError):
    """A value that is not what its field needs; the message says what is."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column gives which field.

    Attributes:
        of: Field → column.
        unused: Columns that mean nothing to the import.
    """

    of: Mapping[str, str]
    unused: tuple[str, ...]


def resolve_columns(header: Iterable[str], given: Mapping[str, str]) -> Columns:
    """Columns by what the caller gave, then by the field's name, then by a common other name.

    Raises:
        ConfigError: *given* names a field or a column that does not exist.
    """
    names = list(header)
    for name, column in given.items():
        if name not in FIELDS:
            raise ConfigError(f"{name!r} is not a field of an order; the fields are {', '.join(FIELDS)}")
        if column not in names:
            raise ConfigError(f"the file has no column {column!r}; its columns are {', '.join(names)}")
    # JSON has nested objects: customer.email is found as customer_email.
    plain = {re.sub(r"[\s.-]+", "_", name.strip().lower()): name for name in reversed(names)}
    found = dict(given)
    for name in FIELDS:
        if name not in found and plain.get(name, "") not in ("", *found.values()):
            found[name] = plain[name]
    for alias, name in ALIASES.items():
        if name not in found and plain.get(alias, "") not in ("", *found.values()):
            found[name] = plain[alias]
    return Columns(found, tuple(name for name in names if name not in found.values()))


@dataclass(frozen=True, slots=True)
class Reading:
    """How the text of a file is understood.

    Attributes:
        time_zone: IANA name; where times without an offset are.
        date_format: As for ``strptime``; ISO 8601 when absent.
        decimal_comma: Amounts are written ``1.234,50``.
        statuses: The shop's words → our statuses.
    """

    time_zone: str = "UTC"
    date_format: str | None = None
    decimal_comma: bool = False
    statuses: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what could only fail later, row by row."""
        self.zone()
        for word, status in self.statuses.items():
            if status not in STATUSES:
                raise ConfigError(f"status {word}={status}: {status!r} is not one of {', '.join(STATUSES)}")

    def zone(self) -> ZoneInfo:
        """The time zone.

        Raises:
            ConfigError: There is none of that name.
        """
        try:
            return ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ConfigError(f"unknown time zone {self.time_zone!r}; write a name such as 'Europe/Berlin'") from None

    def moment(self, text: str) -> datetime:
        """An aware time; a date alone is its first moment in the time zone."""
        try:
            if self.date_format:
                moment = datetime.strptime(text, self.date_format)  # noqa: DTZ007 (the zone follows)
            else:
                # Shopify writes "2024-01-31 10:00:00 +0100": a space before the offset.
                moment = datetime.fromisoformat(re.sub(r"\s+(?=[+-]\d\d:?\d\d$)", "", text))
        except ValueError:
            like = self.date_format or "2026-01-31 or 2026-01-31T09:30:00+01:00"
            raise Unreadable(f"is not a time written like {like}; see --date-format") from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self.zone())
        return moment

    def amount(self, value: object) -> Decimal:
        """An exact amount; thousands separators and currency signs are passed over."""
        if isinstance(value, Decimal | int) and not isinstance(value, bool):
            return parse_amount(value)
        text = re.sub(r"[\s\u00a0\u202f€$£¥'\u2019]", "", str(value))
        comma = re.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d+)?", text)
        if self.decimal_comma:
            text = text.replace(".", "").replace(",", ".")
        elif comma:
            text = text.replace(",", "")
        elif re.fullmatch(r"-?\d+,\d+", text):
            raise Unreadable("has a comma: if it is a decimal comma, say --decimal-comma")
        if not re.fullmatch(r"-?\d+(\.\d+)?", text):
            raise Unreadable("is not an amount")
        # Spreadsheets write 19.900000: zeros at the end are no digits.
        return parse_amount(Decimal(text).normalize())

    def status(self, text: str) -> str:
        """The known status behind the shop's word, or the word itself."""
        word = text.strip()
        low = word.lower()
        return (
            self.statuses.get(word)
            or self.statuses.get(low)
            or STATUS_WORDS.get(low)
            or (low if low in STATUSES else word)
        )
