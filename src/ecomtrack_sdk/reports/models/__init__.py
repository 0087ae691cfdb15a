"""The tables between events and reports: each one SELECT, one grain, built once and read by every report."""

from __future__ import annotations

from ecomtrack_sdk.reports.models.order_lines import ORDER_LINES
from ecomtrack_sdk.reports.models.order_money import ORDER_MONEY
from ecomtrack_sdk.reports.models.order_states import ORDER_STATES
from ecomtrack_sdk.reports.models.orders import ORDERS
from ecomtrack_sdk.reports.models.refund_lines import REFUND_LINES

__all__ = ["ORDERS", "ORDER_LINES", "ORDER_MONEY", "ORDER_STATES", "REFUND_LINES"]
