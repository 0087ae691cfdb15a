"""The collector as a process: one data directory, one port, a clean end."""

from __future__ import annotations

import contextlib
import gc
import ipaddress
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from ecomtrack_sdk._wire import validate_event
from ecomtrack_sdk.collector._app import Collector, create_app
from ecomtrack_sdk.collector._guard import GuardedProtocol
from ecomtrack_sdk.collector._keyadmin import FileKeyRing
from ecomtrack_sdk.collector._keyfile import KEYS_FILE, first_keys, private_secret, write_private
from ecomtrack_sdk.collector._keys import Kind, make_key, new_token
from ecomtrack_sdk.collector._privacy import Privacy
from ecomtrack_sdk.collector._rates import SITE_RATE
from ecomtrack_sdk.collector._webhooks import SYSTEMS
from ecomtrack_sdk.errors import ConfigError, MissingExtraError, StoreBusy, StoreError
from ecomtrack_sdk.store import SqliteStore

try:
    import uvicorn
except ImportError as error:  # pragma: no cover
    raise MissingExtraError("uvicorn", "collector") from error

__all__ = ["RUNNING_FILE", "discard_warehouse", "only_one", "serve", "webhook_secrets"]

LOG_FILE = "events.db"
RUNNING_FILE = "collector.json"
"""Address and keys of the running collector (mode 0600), so that commands beside it can ask it; it goes with it."""
LOCK_FILE = "collector.lock"
GRACE_SECONDS = 10
"""How long requests under way may take after SIGTERM; acknowledging a batch takes milliseconds."""
KEEP_ALIVE_SECONDS = 30
"""How long an idle connection stays: longer than the pause between two batches of a quiet shop's worker."""
BACKLOG = 2_048
"""Connections the kernel holds while the loop is busy: a burst of browsers."""


def serve(
    host: str,
    port: int,
    data: str | Path,
    *,
    keys: Mapping[Kind, str] | None = None,
    origins: tuple[str, ...] = (),
    test_mode: bool | None = None,
    webhooks: Mapping[str, str] | None = None,
    site_rate: str | None = SITE_RATE,
    privacy: str | None = None,
    on_ready: Callable[[dict[str, Any]], None] | None = None,
) -> None:
    """Run a collector until SIGTERM or Ctrl-C, then commit, answer and return.

    Args:
        host: Address to listen on. Beyond this machine it needs *keys*, or keys made before.
        port: Port; 0 picks a free one.
        data: The data directory; made (mode 0700) when missing.
        keys: Tokens to honour beside those kept in *data*; the kinds given here are not made or printed from *data*.
        origins: Pages that may use the site key given in *keys*; empty means any.
        test_mode: Allow emptying the store over HTTP; unless told only on a loopback address.
        webhooks: Shop system → secret of its webhooks; unless told from ``ECOMTRACK_SHOPIFY_SECRET`` and
            ``ECOMTRACK_WOOCOMMERCE_SECRET``.
        site_rate: Requests one address may make with a site key, such as ``1200/minute``; ``None`` for no limit.
        privacy: What is taken out before events are kept: ``ip=truncate,user_agent=reduce,email=hash``; unless told
            from ``ECOMTRACK_PRIVACY``.
        on_ready: Called with ``{"url", "data", "keys", "console"}`` once the port accepts connections; ``console`` is a
            link that opens the console once.

    Raises:
        ConfigError: Not a loopback address and no keys.
        StoreError: Another collector runs on *data*, or its files cannot be used.
        OSError: The port cannot be had.
    """
    data = Path(data)
    loopback = _is_loopback(host)
    if not loopback and not keys and not (data / KEYS_FILE).exists():
        raise ConfigError(f"{host} can be reached from other machines: make keys first, or give them")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    reduction = os.environ.get("ECOMTRACK_PRIVACY", "") if privacy is None else privacy
    Privacy.parse(reduction)  # a wrong word is told before anything is opened
    with contextlib.ExitStack() as stack:
        stack.enter_context(only_one(data))
        _, tokens = first_keys(data)
        local = new_token("read")  # for commands beside the collector; lives as long as it does
        given = [make_key("local", "read", local, label="for commands on this machine, until it stops")]
        for kind, token in (keys or {}).items():
            given.append(make_key(f"given-{kind}", kind, token, origins=origins if kind == "site" else ()))
            tokens[kind] = token
        ring = FileKeyRing(data, given)
        store = stack.enter_context(SqliteStore(data / LOG_FILE))
        listener = stack.enter_context(_listen(host, port))
        app = create_app(
            store,
            ring,
            open_warehouse=lambda: _open_warehouse(store, data, lambda: app.closing),
            discard_warehouse=lambda: discard_warehouse(data),
            test_mode=loopback if test_mode is None else test_mode,
            webhooks=webhook_secrets() if webhooks is None else webhooks,
            open_on_loopback=loopback,
            site_rate=site_rate,
            privacy=Privacy.parse(reduction, private_secret(data)) if reduction else None,
        )
        stack.callback(app.close)
        url = _url(host, listener.getsockname()[1])

        def ready() -> None:
            running = {"url": url, "pid": os.getpid(), "data": str(data), "keys": {"read": local, **tokens}}
            write_private(data / RUNNING_FILE, running)
            if on_ready is not None:
                link = f"{url}/console/enter?code={app.console.invite()}"
                on_ready({"url": url, "data": str(data), "keys": tokens, "console": link})

        stack.callback((data / RUNNING_FILE).unlink, missing_ok=True)
        _run(app, listener, ready)


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a record of the server is worth a line: bytes that are no HTTP come with every open port."""
    return record.msg != "Invalid HTTP request received."


def _run(app: Collector, listener: socket.socket, ready: Callable[[], None]) -> None:
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    config = uvicorn.Config(
        app,
        http=GuardedProtocol,
        ws="none",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=GRACE_SECONDS,
        backlog=BACKLOG,
    )
    _Server(config, ready).run(sockets=[listener])


class _Server(uvicorn.Server):
    """uvicorn, with a word when it is ready and an orderly end: SIGTERM is a request to leave, not a failure."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; the streams of the console end by themselves when they see it."""
        self.config.app.closing = True  # type: ignore[union-attr]  # the application is a Collector
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        _tune_memory()
        await super().startup(sockets=sockets)
        if self.started:
            self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _tune_memory() -> None:
    """Keep Python's cycle collector away from the models of every batch: worth a quarter of the throughput.

    Models are built first, so that they are frozen with the rest.
    """
    validate_event(b"{}")
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)


def webhook_secrets() -> dict[str, str]:
    """Shop system → secret of its webhooks, as the environment has them."""
    found = {name: os.environ.get(f"ECOMTRACK_{name.upper()}_SECRET", "") for name in SYSTEMS}
    return {name: secret for name, secret in found.items() if secret}


def _open_warehouse(store: SqliteStore, data: Path, closing: Callable[[], bool]) -> Any:
    from ecomtrack_sdk.store._duckdb import DuckDBWarehouse

    def stop_when_closing(_done: int, _total: int) -> None:
        # A first load of many events takes a minute; SIGTERM must not wait for it. What is loaded so far stays.
        if closing():
            raise StoreBusy("the collector is stopping")

    return DuckDBWarehouse(store, data, progress=stop_when_closing)


def discard_warehouse(data: Path) -> None:
    """Delete the projection of a data directory; it is built anew when it is next asked."""
    from ecomtrack_sdk.store._duckdb import PROJECTION_FILE

    for name in (PROJECTION_FILE, PROJECTION_FILE + ".wal"):
        (data / name).unlink(missing_ok=True)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _url(host: str, port: int) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"


@contextlib.contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the directory's lock: the kernel lets go of it whenever and however the process ends."""
    descriptor = os.open(data / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            if os.name == "posix":
                import fcntl

                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            else:  # pragma: no cover
                import msvcrt

                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            raise StoreError(f"another collector is running on {data}") from None
        yield
    finally:
        os.close(descriptor)
