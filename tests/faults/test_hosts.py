"""Under the servers and workers shops run: pre-forked, threaded, green, recycled, ended by ``os._exit``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

import pytest

from ecomtrack_sdk._delivery import maintenance
from ecomtrack_sdk._delivery.transport import HttpTransport
from tests.faults.conftest import Collector, free_port

APP = """
import os, sys
from ecomtrack_sdk import CustomEvent, Tracker
tracker = Tracker.from_env(flush_interval=0.02)
at_start = tracker.track(CustomEvent(name="at import"))  # the worker's thread runs before the server forks
print("ID", at_start, flush=True)

def wsgi(environ, start_response):
    event_id = tracker.track(CustomEvent(name="request"))
    start_response("200 OK", [("Content-Length", str(len(event_id)))])
    return [event_id.encode()]

async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body = tracker.track(CustomEvent(name="request")).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
"""


@pytest.fixture
def site(tmp_path: Path, collector: Collector):
    """A folder with the application, and the environment that leads its tracker to the collector."""
    (tmp_path / "shop_app.py").write_text(APP)
    environment = {
        **os.environ,
        "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}",
        "ECOMTRACK_URL": collector.url,
        "ECOMTRACK_KEY": collector.key,
        "ECOMTRACK_OUTBOX": str(tmp_path / "outbox"),
    }
    environment.pop("ECOMTRACK_DISABLED", None)
    return tmp_path, environment


@contextmanager
def running(command: list[str], site: tuple[Path, dict[str, str]]) -> Iterator[subprocess.Popen[bytes]]:
    """*command* in a session of its own; whatever is left of it at the end is killed."""
    directory, environment = site
    with (directory / "log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=directory, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def check(collector: Collector, directory: Path, ids: list[str]) -> None:
    maintenance.drain(directory / "outbox", HttpTransport(collector.url, collector.key), timeout=60)
    stored = collector.stored()
    assert [event_id for event_id in ids if stored[event_id] != 1] == []
    assert maintenance.report(directory / "outbox").events == 0


SERVERS = {
    "gunicorn sync": ["gunicorn", "shop_app:wsgi", "--preload", "--workers=3", "--max-requests=20"],
    "gunicorn gthread": ["gunicorn", "shop_app:wsgi", "--preload", "--workers=2", "--threads=4"],
    "gunicorn gevent": ["gunicorn", "shop_app:wsgi", "--preload", "--workers=2", "--worker-class=gevent"],
    "gunicorn gevent, not preloaded": ["gunicorn", "shop_app:wsgi", "--workers=2", "--worker-class=gevent"],
    "uvicorn workers": ["uvicorn", "shop_app:asgi", "--workers=2"],
}


@pytest.mark.parametrize("name", SERVERS)
def test_web_servers(collector, site, name):
    """Every request's event is stored once, under each kind of worker, through a stop in the middle."""
    pytest.importorskip(SERVERS[name][0])
    if "gevent" in name:
        pytest.importorskip("gevent")
    port = free_port()
    place = [f"--bind=127.0.0.1:{port}"] if name.startswith("gunicorn") else [f"--port={port}"]
    ids: list[str] = []

    def get() -> None:
        with urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
            ids.append(answer.read().decode())

    with running([sys.executable, "-m", *SERVERS[name], *place], site) as server:
        deadline = time.monotonic() + 150
        while True:
            try:
                get()
                break
            except OSError:
                assert time.monotonic() < deadline, (site[0] / "log").read_text()
                time.sleep(0.05)
        with ThreadPoolExecutor(4) as pool:
            for result in [pool.submit(get) for _ in range(120)]:
                result.result()
        server.send_signal(signal.SIGTERM)
        server.wait(60)
    ids += [line.split()[1] for line in (site[0] / "log").read_text().splitlines() if line.startswith("ID ")]
    assert len(ids) >= 122
    check(collector, site[0], ids)


def test_celery_prefork(collector, site):
    """Tasks in forked, recycled pool processes lose nothing, through a warm shutdown."""
    pytest.importorskip("celery")
    directory, environment = site
    (directory / "tasks.py").write_text(
        textwrap.dedent(
            """
            import os
            from celery import Celery
            from shop_app import tracker
            from ecomtrack_sdk import CustomEvent
            app = Celery("tasks", broker="filesystem://")
            app.conf.broker_transport_options = {
                "data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control"}
            app.conf.worker_cancel_long_running_tasks_on_connection_loss = False
            @app.task
            def work():
                os.write(1, b"ID %b\\n" % tracker.track(CustomEvent(name="task")).encode())  # past celery's capture
            """
        )
    )
    for name in ("queue", "control"):
        (directory / name).mkdir()
    subprocess.run(
        [sys.executable, "-c", "import tasks\nfor _ in range(40): tasks.work.delay()"],
        cwd=directory, env={**environment, "ECOMTRACK_DISABLED": "1"}, check=True, capture_output=True,
    )  # fmt: skip
    log = directory / "log"

    def ids() -> list[str]:
        lines = log.read_text().splitlines() if log.exists() else []
        return [line.partition("ID ")[2].split()[0] for line in lines if "ID " in line]

    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "tasks",
        "worker",
        "-c",
        "2",
        "--max-tasks-per-child=7",
        "-l",
        "WARNING",
    ]
    with running([*command, "--without-gossip", "--without-mingle", "--without-heartbeat"], site) as worker:
        deadline = time.monotonic() + 150
        while len(ids()) < 41:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        worker.send_signal(signal.SIGTERM)
        worker.wait(60)
    assert len(ids()) >= 41
    check(collector, directory, ids())


def test_rq_work_horses(collector, site):
    """RQ runs each job in a fork that ends by ``os._exit``: what the horse tracked is delivered all the same."""
    pytest.importorskip("rq")
    pytest.importorskip("fakeredis")
    directory, _ = site
    (directory / "rq_jobs.py").write_text(
        "from shop_app import tracker\n"
        "from ecomtrack_sdk import CustomEvent\n"
        "def work():\n    print('ID', tracker.track(CustomEvent(name='job')), flush=True)\n"
    )
    (directory / "rq_run.py").write_text(
        textwrap.dedent(
            """
            import os
            from fakeredis import FakeStrictRedis
            from rq import Queue, Worker
            import rq_jobs
            connection = FakeStrictRedis()
            queue = Queue(connection=connection)
            for _ in range(8):
                queue.enqueue(rq_jobs.work)
            Worker([queue], connection=connection).work(burst=True)
            os._exit(0)  # past the threads of the stand-in for Redis, which would keep the process
            """
        )
    )
    with running([sys.executable, "rq_run.py"], site) as worker:
        code = worker.wait(120)
    log = (directory / "log").read_text()
    ids = [line.split()[1] for line in log.splitlines() if line.startswith("ID ")]
    assert code == 0, log
    assert len(ids) == 9, log
    check(collector, directory, ids)
