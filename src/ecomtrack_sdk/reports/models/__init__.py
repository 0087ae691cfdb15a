"""The tables between events and reports: each one SELECT, one grain, built once and read by every report."""

from __future__ import annotations

from ecomtrack_sdk.reports.models.carts import CART_EVENTS, CARTS
from ecomtrack_sdk.reports.models.catalog import CATALOG
from ecomtrack_sdk.reports.models.oddities import ODDITIES
from ecomtrack_sdk.reports.models.order_lines import ORDER_LINES
from ecomtrack_sdk.reports.models.order_money import ORDER_MONEY
from ecomtrack_sdk.reports.models.order_people import ORDER_PEOPLE
from ecomtrack_sdk.reports.models.order_states import ORDER_STATES
from ecomtrack_sdk.reports.models.orders import ORDERS
from ecomtrack_sdk.reports.models.people import NAMES, VISITOR_PEOPLE
from ecomtrack_sdk.reports.models.refund_lines import REFUND_LINES
from ecomtrack_sdk.reports.models.session_events import SESSION_EVENTS
from ecomtrack_sdk.reports.models.sessions import PAGES, SESSION_ORDERS, SESSIONS
from ecomtrack_sdk.reports.models.touches import ORDER_TOUCH, TOUCHES
from ecomtrack_sdk.store._model import follow

__all__ = ["ALL", "ORDERS", "ORDER_LINES", "ORDER_MONEY", "ORDER_STATES", "REFUND_LINES"]

ALL = (
    ORDERS, ORDER_LINES, ORDER_MONEY, ORDER_STATES, REFUND_LINES, NAMES, VISITOR_PEOPLE, SESSION_EVENTS, SESSIONS,
    SESSION_ORDERS, PAGES, ORDER_PEOPLE, TOUCHES, ORDER_TOUCH, CART_EVENTS, CARTS, CATALOG, ODDITIES,
)  # fmt: skip
"""Every model there is, but those only other models need."""

follow(*ALL)
