"""``Tracker``: track and forget, durably."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from importlib import import_module
from types import TracebackType
from typing import Any, Self

from ecomtrack_sdk._config import Config
from ecomtrack_sdk._delivery.courier import Courier
from ecomtrack_sdk._delivery.fallback import FallbackOutbox, SpillingOutbox
from ecomtrack_sdk._delivery.hooks import Hooks
from ecomtrack_sdk._delivery.memory import MemoryOutbox
from ecomtrack_sdk._delivery.notices import Notices, logger
from ecomtrack_sdk._delivery.outbox import Outbox, Stats
from ecomtrack_sdk._delivery.process import importing, watch
from ecomtrack_sdk._delivery.spool import Spool
from ecomtrack_sdk._delivery.transport import HttpTransport
from ecomtrack_sdk._delivery.worker import FlushResult, Worker
from ecomtrack_sdk._wire import encode_event
from ecomtrack_sdk.errors import ClientClosed, ConfigError
from ecomtrack_sdk.events.base import Context, Customer, Event

__all__ = ["FlushResult", "Stats", "Tracker"]

_visitor: ContextVar[Mapping[str, bytes] | None] = ContextVar("ecomtrack_visitor", default=None)


class Tracker:
    """Records what happens in a shop. Make one for the process and share it between threads.

    Args:
        url: Address of the collector; by default ``ECOMTRACK_URL``.
        key: Server key; by default ``ECOMTRACK_KEY``.
        config: All settings at once, in place of everything else.
        settings: Fields of :class:`~ecomtrack_sdk.Config`, over the environment.

    Raises:
        ConfigError: A setting is missing or wrong.
    """

    def __init__(
        self, url: str | None = None, *, key: str | None = None, config: Config | None = None, **settings: Any
    ) -> None:
        if config is None:
            config = Config.from_env(url=url, key=key, **settings)
        elif url is not None or key is not None or settings:
            raise ConfigError("config: give either a Config or single settings")
        self.config = config
        self._currency = config.currency
        self._closed = False
        self._forked = False
        self._notices = Notices()
        self._hooks = Hooks(self._notices, config.on_delivered, config.on_rejected, config.on_dropped)
        self._outbox = self._make_outbox()
        self._worker = Worker(
            self._outbox,
            self._make_courier,
            batch_events=config.batch_events,
            batch_bytes=config.batch_bytes,
            flush_interval=config.flush_interval,
            notices=self._notices,
        )
        if not config.disabled:
            watch(self)

    @classmethod
    def from_env(cls, **settings: Any) -> Tracker:
        """A tracker from ``ECOMTRACK_URL``, ``ECOMTRACK_KEY``, ``ECOMTRACK_OUTBOX`` and ``ECOMTRACK_DISABLED``."""
        return cls(**settings)

    def _make_outbox(self) -> Outbox:
        config = self.config
        directory = config.directory
        shared: dict[str, Any] = {
            "max_events": config.max_events,
            "on_full": config.on_full,
            "block_timeout": config.block_timeout,
            "on_dropped": self._hooks.dropped,
            "on_refused": self._hooks.rejected,
        }
        memory = MemoryOutbox(spill=directory, max_bytes=config.max_bytes or 128 << 20, **shared)
        if directory is None:
            return memory
        sync = config.durability == "disk"
        spool = Spool(directory, sync=sync, max_bytes=config.max_bytes or 1 << 30, **shared)
        kind = SpillingOutbox if config.durability == "memory" else FallbackOutbox
        return kind(spool, memory, self._notices)

    def _make_courier(self) -> Courier:
        """The way out of this process; called on the worker's thread."""
        config = self.config
        client: Any = config.http_client
        if client is not None and callable(client) and not hasattr(client, "build_request"):
            client = client()
        elif client is not None and self._forked:
            # Connections of the parent must not be used here: two processes would read each other's answers.
            logger.warning("client.not_shared_over_fork", extra={"pid": os.getpid()})
            client = None
        transport = HttpTransport(
            config.url, config.key, timeout=config.timeout, encoding=config.encoding, client=client
        )
        with importing():
            for name in ("tenacity", "encodings.idna"):
                import_module(name)
            transport.prepare()
        policy = replace(config.retry, attempts=None, give_up_after=None)
        return Courier(transport, policy, self._hooks, self._notices)

    def track(self, event: Event) -> str:
        """Record *event*. When this returns, the event is safe as the durability says; it is sent in the background.

        A plain call of some microseconds, also inside coroutines: it does not wait for the network.

        Returns:
            The event's id.

        Raises:
            MissingCurrency: The event has an amount and no currency, and there is no default.
            TooLarge: The event is over the limit of the wire.
            OutboxFull: The outbox is at its bound, under ``on_full="raise"`` only.
            TypeError: Not an event.
            ClientClosed: After :meth:`close`.
        """
        try:
            line = encode_event(event, default_currency=self._currency, fill=_visitor.get())
        except AttributeError:
            is_event: bool = isinstance(event, Event)
            if is_event:
                raise
            kind = type(event).__name__
            raise TypeError(
                f"track() takes an event such as Order(...), not {kind}; S2SClient.send takes JSON"
            ) from None
        if self._closed:
            raise ClientClosed("the tracker is closed")
        if self.config.disabled:
            return event.event_id
        self._outbox.put(line)
        worker = self._worker
        if self._outbox.pending >= worker.wake_at or self._outbox.pending_bytes >= worker.wake_bytes:
            worker.wake()
        return event.event_id

    @contextmanager
    def visitor(
        self,
        *,
        visitor_id: str | None = None,
        customer: Customer | None = None,
        context: Context | None = None,
    ) -> Iterator[None]:
        """Within this block events carry who it is, where they do not say so themselves; nested blocks add up.

        Follows the context of threads and tasks (``contextvars``) and holds for every tracker.

        Args:
            visitor_id: The ``cbuid`` cookie.
            customer: Who it is, where the shop knows.
            context: Page, campaign, device.
        """
        given = Event(visitor_id=visitor_id, customer=customer, context=context)
        fields = dict(_visitor.get() or {})
        for name in ("visitor_id", "customer", "context"):
            if getattr(given, name) is not None:
                text = given.model_dump_json(include={name}, exclude_none=True)
                fields[name] = text.partition(":")[2][:-1].encode()
        token = _visitor.set(fields)
        try:
            yield
        finally:
            _visitor.reset(token)

    def flush(self, timeout: float = 10.0) -> FlushResult:
        """Send what waits now.

        Args:
            timeout: Longest wait in seconds.

        Returns:
            True when everything tracked before has its fate; what still waits is not lost.
        """
        return self._worker.flush(timeout)

    async def aflush(self, timeout: float = 10.0) -> FlushResult:  # noqa: ASYNC109 - the same meaning as in flush()
        """As :meth:`flush`, without blocking the event loop of asyncio or trio."""
        from anyio import to_thread

        return await to_thread.run_sync(self.flush, timeout, abandon_on_cancel=True)

    def stats(self) -> Stats:
        """The balance of this process at this moment."""
        return self._outbox.stats()

    def close(self, timeout: float = 10.0) -> FlushResult:
        """Send what waits, end the thread, and leave what could not be sent to the outbox. A second call does nothing.

        Args:
            timeout: Longest wait in seconds.
        """
        if self._closed:
            return FlushResult(0, 0, self._outbox.pending, complete=self._outbox.pending == 0)
        self._closed = True
        result = self._worker.flush(timeout)
        self._end(timeout=max(1.0, timeout))
        return replace(result, pending=self._outbox.pending)

    def at_exit(self) -> None:
        """Deliver for a moment while the interpreter ends; on disk the rest is safe, so a troubled way is not tried."""
        if not self._closed:
            limit = self.config.exit_timeout
            self._worker.flush(limit, patient=self.config.directory is None)
            self._end(timeout=limit)

    def _end(self, timeout: float) -> None:
        # While a request is on its way its events stay locked: the outbox is closed when the thread is done with it.
        stopped = self._worker.stop(timeout, self._outbox.close)
        memory = getattr(self._outbox, "memory", self._outbox)
        if not stopped and isinstance(memory, MemoryOutbox):
            memory.close()
        self._hooks.close(min(timeout, 1.0))

    def after_fork_in_child(self) -> None:
        """Begin anew in the child; the parent's events, files and connections stay the parent's."""
        self._forked = True
        self._worker.after_fork_in_child()
        self._hooks.after_fork_in_child()
        self._outbox.after_fork_in_child()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
