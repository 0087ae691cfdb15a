"""The whole error tree. Whose fault it is stands in the type.

::

    EcomtrackError
    ├─ ConfigError (ValueError)            the programmer: a setting or an argument is wrong
    ├─ MissingExtraError (ImportError)     the programmer: an optional dependency is not installed
    ├─ ClientClosed (RuntimeError)         the programmer: used after close()
    ├─ MissingCurrency (ValueError)        the programmer: an amount without a currency
    ├─ WireError                           the bytes
    │   ├─ TooLarge                        over a limit of the wire
    │   └─ Malformed                       cannot be read at all
    ├─ OutboxError                         this host
    │   ├─ OutboxFull                      the bound is reached and the policy is to say so
    │   └─ OutboxCorrupt                   a file of the outbox cannot be read
    ├─ DeliveryError                       the way to the collector
    │   ├─ TransportError                  no HTTP answer: worth another try
    │   ├─ RejectedError                   the collector said no: final
    │   └─ GaveUp                          tries or time used up
    ├─ CollectorError                      a request the collector refuses (becomes problem+json)
    ├─ StoreError                          the server's files
    │   └─ StoreBusy                       disk full or too much waiting: worth another try
    └─ ReportError                         the question asked of the reports
        ├─ UnknownReport
        └─ BadParameter
"""

from __future__ import annotations

__all__ = [
    "BadParameter",
    "ClientClosed",
    "CollectorError",
    "ConfigError",
    "DeliveryError",
    "EcomtrackError",
    "GaveUp",
    "Malformed",
    "MissingCurrency",
    "MissingExtraError",
    "OutboxCorrupt",
    "OutboxError",
    "OutboxFull",
    "RejectedError",
    "ReportError",
    "StoreBusy",
    "StoreError",
    "TooLarge",
    "TransportError",
    "UnknownReport",
    "WireError",
]


class EcomtrackError(Exception):
    """Base of every error this package raises on purpose."""


class ConfigError(EcomtrackError, ValueError):
    """A setting or argument is wrong; the message names it and says what is allowed."""


class MissingExtraError(EcomtrackError, ImportError):
    """An optional dependency is missing; the message is the exact command that installs it."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed. Run: pip install 'ecomtrack-sdk[{extra}]'")
        self.package = package
        self.extra = extra


class ClientClosed(EcomtrackError, RuntimeError):
    """The tracker or client was used after ``close()``."""


class MissingCurrency(EcomtrackError, ValueError):
    """An event carries an amount and no currency, and the configuration has no default."""

    def __init__(self, event_type: str, field: str) -> None:
        super().__init__(
            f"{event_type}: {field} is an amount, so 'currency' is needed (ISO 4217, for example 'EUR'); "
            "pass it or set a default currency in the configuration"
        )
        self.event_type = event_type
        self.field = field


class WireError(EcomtrackError):
    """Bytes that do not follow the wire format."""


class TooLarge(WireError):
    """Bytes over a limit of the wire.

    Attributes:
        limit: The limit that was passed, in bytes (or in events, if the message says so).
        field: The field that makes the event large, where one stands out.
    """

    def __init__(self, message: str, *, limit: int, field: str | None = None) -> None:
        super().__init__(message)
        self.limit = limit
        self.field = field


class Malformed(WireError):
    """Bytes that cannot be read: broken compression, not JSON, not a batch."""


class OutboxError(EcomtrackError):
    """The outbox of this host cannot do what was asked."""


class OutboxFull(OutboxError):
    """The outbox has reached its bound and the policy says to refuse."""


class OutboxCorrupt(OutboxError):
    """A file of the outbox cannot be read; it has been set aside under the name in the message."""


class DeliveryError(EcomtrackError):
    """Something between this process and the collector.

    Attributes:
        event_ids: The events concerned, where known.
        attempts: Requests made, the first one included.
    """

    def __init__(self, message: str, *, event_ids: tuple[str, ...] = (), attempts: int = 0) -> None:
        super().__init__(message)
        self.event_ids = event_ids
        self.attempts = attempts


class TransportError(DeliveryError):
    """No HTTP answer: refused, reset, timed out, or an answer that breaks off. Worth another try."""


class RejectedError(DeliveryError):
    """The collector's final no.

    Attributes:
        status: HTTP status, or 200 when a verdict inside the answer said no.
        reason: What the collector gave as its reason.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        reason: str,
        event_ids: tuple[str, ...] = (),
        attempts: int = 0,
    ) -> None:
        super().__init__(message, event_ids=event_ids, attempts=attempts)
        self.status = status
        self.reason = reason


class GaveUp(DeliveryError):
    """The tries or the time allowed are used up."""


class CollectorError(EcomtrackError):
    """A request the collector refuses; becomes one ``application/problem+json`` answer.

    Attributes:
        status: HTTP status of the answer.
        code: A stable word for machines, such as ``"too-large"``.
        retry_after: Seconds for the ``Retry-After`` header, where waiting helps.
    """

    def __init__(self, status: int, code: str, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after = retry_after


class StoreError(EcomtrackError):
    """The server's files cannot be opened, read or written; the message says what to do."""


class StoreBusy(StoreError):
    """The store cannot take more now: the disk is full, or too much is waiting for it. Worth another try later."""


class ReportError(EcomtrackError):
    """A question the reports cannot answer as asked."""


class UnknownReport(ReportError):
    """No report of that name; the message lists those there are."""


class BadParameter(ReportError, ValueError):
    """A report parameter is wrong; the message names it and says what is allowed."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
