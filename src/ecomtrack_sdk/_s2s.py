"""Send and know: ``S2SClient`` and ``AsyncS2SClient`` wait for the collector's verdict on what they send.

For CRM jobs, imports and anything that must know. Both are thin: batches, verdicts and checkpoints are
``_delivery/sending.py``, decisions are ``_delivery/flow.py``; what stands here twice is the waiting.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ecomtrack_sdk._delivery.drivers import arun, run
from ecomtrack_sdk._delivery.flow import Batch, Outcome, deliver
from ecomtrack_sdk._delivery.nowhere import AsyncNowhere, Nowhere
from ecomtrack_sdk._delivery.retry import RetryPolicy
from ecomtrack_sdk._delivery.sending import EventLike, Group, Sending, SendReport, Verdict, many, raise_unsent
from ecomtrack_sdk._delivery.transport import AsyncHttpTransport, HttpTransport
from ecomtrack_sdk._wire import LIMITS, encode_event
from ecomtrack_sdk.errors import ClientClosed, ConfigError, RejectedError
from ecomtrack_sdk.events.base import Event, EventWarning
from ecomtrack_sdk.events.order import Order, OrderUpdate, Refund

if TYPE_CHECKING:
    import httpx

__all__ = ["AsyncS2SClient", "S2SClient"]

S2S_RETRY = RetryPolicy(initial=0.5, ceiling=30.0, attempts=10)
"""About two minutes of trying: a caller waits for the answer, so there must be an end."""


class _Settings:
    """What both clients are made of."""

    def __init__(
        self, url: str | None, key: str | None, currency: str | None, *, batch: tuple[int, int], retry: RetryPolicy
    ) -> None:
        self.disabled = os.environ.get("ECOMTRACK_DISABLED") == "1"
        self.url = url or os.environ.get("ECOMTRACK_URL") or ("http://disabled.invalid" if self.disabled else "")
        self.key = key or os.environ.get("ECOMTRACK_KEY") or ("disabled" if self.disabled else "")
        if not self.url:
            raise ConfigError("url: give the address of the collector, or set ECOMTRACK_URL")
        if not self.key:
            raise ConfigError("key: give a server key of the collector, or set ECOMTRACK_KEY")
        self.batch_events, self.batch_bytes = batch
        if not 1 <= self.batch_events <= LIMITS.events:
            raise ConfigError(f"batch_events: must be 1 to {LIMITS.events:,}, the limit of the wire")
        if not 1 <= self.batch_bytes <= LIMITS.decompressed_bytes:
            raise ConfigError(f"batch_bytes: must be 1 to {LIMITS.decompressed_bytes:,}, the limit of the wire")
        self.currency = currency
        self.retry = retry

    def sending(self, checkpoint: str | Path | None, rejections: str | Path | None) -> Sending:
        return Sending(
            batch_events=self.batch_events,
            batch_bytes=self.batch_bytes,
            currency=self.currency,
            checkpoint=None if checkpoint is None else Path(checkpoint),
            rejections=None if rejections is None else Path(rejections),
        )

    def single(self, event: Event) -> Batch:
        """A batch of one; the key is the event's id, so that a repeated call repeats it."""
        return Batch(encode_event(event, default_currency=self.currency) + b"\n", event.event_id)


def _verdict(event: Event, outcome: Outcome) -> Verdict:
    """The yes to a single event, or the error that says why not."""
    if outcome.unsent:
        raise_unsent(outcome, f"{event.event_id} has no verdict", (event.event_id,))
    if outcome.rejected:
        errors = outcome.rejected[0].errors
        reason = (
            "; ".join(f"{error.loc}: {error.msg}" if error.loc else error.msg for error in errors) or "no reason given"
        )
        raise RejectedError(
            f"the collector refuses the event: {reason}",
            status=200,
            reason=reason,
            event_ids=(event.event_id,),
            attempts=outcome.attempts,
        )
    warnings = tuple(EventWarning(warning.code, warning.loc, warning.msg) for warning in outcome.warnings)
    return Verdict(event.event_id, outcome.duplicate > 0, warnings)


class S2SClient:
    """Send events and wait for the verdict. Safe to share between threads; after a fork it opens new connections.

    Args:
        url: Address of the collector; ``ECOMTRACK_URL`` when absent.
        key: Server key; ``ECOMTRACK_KEY`` when absent.
        currency: Default for events with amounts and no currency.
        batch_events: Most events in one request.
        batch_bytes: Most bytes in one request before compression.
        timeout: Seconds for connecting, for each piece sent, and for the whole answer.
        retry: When to try again and when to give up.
        encoding: ``"gzip"``, ``"zstd"`` (extra ``zstd``) or ``"identity"``.
        http_client: Anything with httpx's interface; it is not closed here.

    Raises:
        ConfigError: A setting is wrong or missing.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        key: str | None = None,
        currency: str | None = None,
        batch_events: int = 500,
        batch_bytes: int = 1_000_000,
        timeout: float = 10.0,
        retry: RetryPolicy = S2S_RETRY,
        encoding: str = "gzip",
        http_client: httpx.Client | None = None,
    ) -> None:
        self._settings = settings = _Settings(url, key, currency, batch=(batch_events, batch_bytes), retry=retry)
        transport = HttpTransport(settings.url, settings.key, timeout=timeout, encoding=encoding, client=http_client)
        self._transport = Nowhere() if settings.disabled else transport
        self._closed = False

    def send(
        self,
        events: Iterable[EventLike],
        *,
        checkpoint: str | Path | None = None,
        rejections: str | Path | None = None,
        progress: Callable[[SendReport], object] | None = None,
    ) -> SendReport:
        """Send every event of *events*, read lazily, in order, one batch at a time: memory stays constant.

        A refused event does not stop the others. With a checkpoint, a run that was interrupted goes on where it
        stopped; events between the last checkpoint and the interruption are sent again and count once, as long as
        they carry the same ids (events in wire form do; make others with ``Event.from_source``).

        Args:
            events: Events, or events in wire form: JSON text, bytes, mappings. Blank text is passed over.
            checkpoint: File that remembers how far a run came.
            rejections: File that refused events are appended to, each with its reasons; repaired it can be sent again.
            progress: Called after each batch with the report so far.

        Returns:
            Counts, and every rejection with its reason.

        Raises:
            RejectedError: The collector refuses the request as a whole: a wrong key or address.
            GaveUp: The retry policy's bounds are used up.
            ConfigError: The checkpoint cannot be read or belongs to other events; a single event was given.
        """
        job = self._settings.sending(checkpoint, rejections)
        for item in many(events):
            self._step(job, job.add(item), progress)
        self._step(job, job.rest(), progress)
        return job.report

    def _step(self, job: Sending, group: Group | None, progress: Callable[[SendReport], object] | None) -> None:
        if group is None:
            return
        batch = group.batch()
        job.book(group, None if batch is None else self._deliver(batch))
        if progress is not None:
            progress(job.report)

    def order(self, order: Order) -> Verdict:
        """Send one order. Errors as :meth:`send_one`."""
        return self.send_one(order)

    def update_order(self, update: OrderUpdate) -> Verdict:
        """Send one change of an order. Errors as :meth:`send_one`."""
        return self.send_one(update)

    def refund(self, refund: Refund) -> Verdict:
        """Send one refund. Errors as :meth:`send_one`."""
        return self.send_one(refund)

    def send_one(self, event: Event) -> Verdict:
        """Send one event of any kind.

        Raises:
            RejectedError: The collector refuses it; ``reason`` says why.
            GaveUp: No verdict within the bounds of the retry policy; sending it again later is safe.
            MissingCurrency: An amount, no currency, no default.
            TooLarge: Over the limit of the wire.
        """
        return _verdict(event, self._deliver(self._settings.single(event)))

    def _deliver(self, batch: Batch) -> Outcome:
        if self._closed:
            raise ClientClosed("the client is closed")
        return run(deliver(batch, self._settings.retry, hold=False), self._transport, time.sleep)

    def close(self) -> None:
        """Close the connections; safe to call twice."""
        self._closed = True
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncS2SClient:
    """As :class:`S2SClient`, under asyncio or trio. Takes the same arguments, with an ``httpx.AsyncClient``."""

    def __init__(
        self,
        url: str | None = None,
        *,
        key: str | None = None,
        currency: str | None = None,
        batch_events: int = 500,
        batch_bytes: int = 1_000_000,
        timeout: float = 10.0,
        retry: RetryPolicy = S2S_RETRY,
        encoding: str = "gzip",
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        self._settings = settings = _Settings(url, key, currency, batch=(batch_events, batch_bytes), retry=retry)
        transport = AsyncHttpTransport(
            settings.url, settings.key, timeout=timeout, encoding=encoding, client=http_client
        )
        self._transport = AsyncNowhere() if settings.disabled else transport
        self._closed = False

    async def send(
        self,
        events: Iterable[EventLike] | AsyncIterable[EventLike],
        *,
        checkpoint: str | Path | None = None,
        rejections: str | Path | None = None,
        progress: Callable[[SendReport], object] | None = None,
    ) -> SendReport:
        """As :meth:`S2SClient.send`; *events* may be an async iterable too."""
        job = self._settings.sending(checkpoint, rejections)
        if isinstance(events, AsyncIterable):
            async for item in events:
                await self._step(job, job.add(item), progress)
        else:
            for item in many(events):
                await self._step(job, job.add(item), progress)
        await self._step(job, job.rest(), progress)
        return job.report

    async def _step(self, job: Sending, group: Group | None, progress: Callable[[SendReport], object] | None) -> None:
        if group is None:
            return
        batch = group.batch()
        outcome = None if batch is None else await self._deliver(batch)
        if job.writes_files:
            from anyio.to_thread import run_sync

            await run_sync(job.book, group, outcome)
        else:
            job.book(group, outcome)
        if progress is not None:
            progress(job.report)

    async def order(self, order: Order) -> Verdict:
        """As :meth:`S2SClient.order`."""
        return await self.send_one(order)

    async def update_order(self, update: OrderUpdate) -> Verdict:
        """As :meth:`S2SClient.update_order`."""
        return await self.send_one(update)

    async def refund(self, refund: Refund) -> Verdict:
        """As :meth:`S2SClient.refund`."""
        return await self.send_one(refund)

    async def send_one(self, event: Event) -> Verdict:
        """As :meth:`S2SClient.send_one`."""
        return _verdict(event, await self._deliver(self._settings.single(event)))

    async def _deliver(self, batch: Batch) -> Outcome:
        if self._closed:
            raise ClientClosed("the client is closed")
        return await arun(deliver(batch, self._settings.retry, hold=False), self._transport, _asleep)

    async def aclose(self) -> None:
        """Close the connections; safe to call twice."""
        self._closed = True
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


async def _asleep(seconds: float) -> None:
    import anyio  # comes with httpx

    await anyio.sleep(seconds)
