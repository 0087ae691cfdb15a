"""The transports of a disabled client: everything is taken, nothing is sent."""

from __future__ import annotations

from ecomtrack_sdk._delivery.flow import Answer, Send
from ecomtrack_sdk._wire import BatchVerdict

__all__ = ["AsyncNowhere", "Nowhere"]


class Nowhere:
    """A :class:`.transport.Transport` that accepts each line."""

    def send(self, request: Send) -> Answer:
        """A verdict that accepts all."""
        return Answer(200, BatchVerdict(accepted=request.body.count(b"\n")).to_json())

    def close(self) -> None:
        """Nothing to close."""


class AsyncNowhere:
    """As :class:`Nowhere`, awaited."""

    async def send(self, request: Send) -> Answer:
        """A verdict that accepts all."""
        return Nowhere().send(request)

    async def aclose(self) -> None:
        """Nothing to close."""
