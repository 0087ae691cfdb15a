"""One line of JSON for each request, without anything personal: no query, no ids, no keys, no address."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import TextIO

__all__ = ["access_logger", "log_to", "shown_path"]

access_logger = logging.getLogger("ecomtrack_sdk.access")
"""Silent unless somebody asks for INFO."""

_WITH_IDS = ("/v1/customers/", "/v1/inspect/events/", "/console/")
"""What follows these names a person, an event or an order."""


_KNOWN = re.compile(
    r"/|/[a-z]{2,12}(?:\.[a-z]{2,4})?|/v1/[a-z]{1,12}(?:/[a-z_]{1,20})?|/v1/matomo/[A-Z]{3}/matomo[.]php"
)
"""What an address of this collector looks like. Anything else is what somebody made up, and may name anybody."""


def shown_path(path: str) -> str:
    """A path fit for a log: ids replaced, length bounded."""
    for prefix in _WITH_IDS:
        if path.startswith(prefix):
            return prefix + "…"
    return path if _KNOWN.fullmatch(path) else "/…"


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """The record's fields as one JSON object."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = {name: getattr(record, name, None) for name in ("method", "path", "status", "milliseconds")}
        return json.dumps({"time": moment, **fields}, ensure_ascii=False)


def log_to(stream: TextIO = sys.stderr) -> logging.Handler:
    """Write the access log to *stream*, beside whatever logging the process has."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Lines())
    access_logger.addHandler(handler)
    access_logger.setLevel(logging.INFO)
    access_logger.propagate = False
    return handler
