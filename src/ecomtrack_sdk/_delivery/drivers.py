"""The two drivers of :mod:`.flow`: they perform its steps and decide nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator

from ecomtrack_sdk._delivery.flow import Outcome, Reply, Send, Step, Stop
from ecomtrack_sdk._delivery.transport import AsyncTransport, Transport
from ecomtrack_sdk.errors import TransportError

__all__ = ["Flow", "arun", "run"]

Flow = Generator[Step, Reply, Outcome]


def run(flow: Flow, transport: Transport, sleep: Callable[[float], Stop | None]) -> Outcome:
    """Perform *flow*.

    Args:
        flow: From :func:`.flow.deliver`.
        transport: Makes the requests.
        sleep: Waits so many seconds; returns ``Stop`` to break off.
    """
    reply: Reply = None
    while True:
        try:
            step = flow.send(reply)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome
        if isinstance(step, Send):
            try:
                reply = transport.send(step)
            except TransportError as error:
                reply = error
        else:
            reply = sleep(step.seconds)


async def arun(flow: Flow, transport: AsyncTransport, sleep: Callable[[float], Awaitable[Stop | None]]) -> Outcome:
    """As :func:`run`, awaiting."""
    reply: Reply = None
    while True:
        try:
            step = flow.send(reply)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome
        if isinstance(step, Send):
            try:
                reply = await transport.send(step)
            except TransportError as error:
                reply = error
        else:
            reply = await sleep(step.seconds)
