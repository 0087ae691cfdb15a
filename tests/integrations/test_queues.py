"""Celery and RQ: the visitor of the request is in the events of the task, in real workers."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator

import pytest

from ecomtrack_sdk import Context, Customer, CustomEvent, Tracker
from ecomtrack_sdk.integrations import _carried

SHOP = textwrap.dedent("""
    import os
    from celery import Celery
    from ecomtrack_sdk import CustomEvent, Tracker
    from ecomtrack_sdk.integrations.celery import connect

    app = Celery("shop", broker="filesystem://", broker_transport_options={
        "data_folder_in": os.environ["QUEUE"], "data_folder_out": os.environ["QUEUE"]})
    app.conf.update(worker_prefetch_multiplier=1, worker_hijack_root_logger=False)
    tracker = Tracker.from_env()
    connect(tracker)

    @app.task
    def ship(number):
        tracker.track(CustomEvent(name="shipped", properties={"number": number}))
""")

JOBS = textwrap.dedent("""
    from ecomtrack_sdk import CustomEvent, Tracker
    from ecomtrack_sdk.integrations.rq import EcomtrackJob

    class ShopJob(EcomtrackJob):
        tracker = Tracker.from_env()

    def ship(number):
        ShopJob.tracker.track(CustomEvent(name="shipped", properties={"number": number}))
""")


def by_number(events):
    return sorted((event["properties"]["number"], event.get("visitor_id")) for event in events)


def test_carried(shop_environment, collector_process):
    """What is taken off is put on again: visitor, customer and context; nonsense is as if nobody was told."""
    with Tracker.from_env() as tracker:
        assert _carried.carried() == {}
        context = Context(url="https://shop.example/ä", ip="192.0.2.1")
        with tracker.visitor(visitor_id='v"1', customer=Customer(id="c1"), context=context):
            told = _carried.carried()
        with _carried.within(tracker, told):
            tracker.track(CustomEvent(name="told"))
        for nonsense in (None, 7, [], {}, {"visitor_id": None}):
            with _carried.within(tracker, nonsense):
                tracker.track(CustomEvent(name="untold"))
        tracker.flush()
        events = collector_process.wait_for(6)
    (event,) = [event for event in events if event["name"] == "told"]
    assert (event["visitor_id"], event["customer"]["id"]) == ('v"1', "c1")
    assert event["context"] == {"url": "https://shop.example/ä", "ip": "192.0.2.1"}
    assert {event.get("visitor_id") for event in events if event["name"] == "untold"} == {None}


def test_celery(shop_environment, collector_process, tmp_path, monkeypatch):
    """Tasks sent from a request carry its visitor to a forked worker, tasks sent from elsewhere carry none."""
    pytest.importorskip("celery")
    (tmp_path / "shopapp.py").write_text(SHOP)
    (tmp_path / "queue").mkdir()
    environment = {**os.environ, "QUEUE": str(tmp_path / "queue"), "PYTHONPATH": str(tmp_path)}
    send = textwrap.dedent("""
        import shopapp
        with shopapp.tracker.visitor(visitor_id="v1"):
            shopapp.ship.delay(1)
        shopapp.ship.delay(2)
        with shopapp.tracker.visitor(visitor_id="v3"):
            shopapp.ship.delay(3)
    """)
    subprocess.run([sys.executable, "-c", send], env=environment, cwd=tmp_path, check=True, timeout=120)
    worker = [sys.executable, "-m", "celery", "-A", "shopapp", "worker", "--concurrency", "1", "--loglevel", "ERROR"]
    with subprocess.Popen([*worker, "--without-mingle", "--without-gossip"], env=environment, cwd=tmp_path) as process:
        try:
            events = collector_process.wait_for(3)
        finally:
            process.terminate()
            process.wait(60)
    assert by_number(events) == [(1, "v1"), (2, None), (3, "v3")]


@pytest.fixture
def redis(tmp_path) -> Iterator[str]:
    """A Redis server of its own, on a socket file only."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    place = tmp_path / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(place), "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen([program, *options], stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 30
        while True:
            try:
                with socket.socket(socket.AF_UNIX) as client:
                    client.connect(str(place))
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield f"unix://{place}"
        process.terminate()


def test_rq(shop_environment, collector_process, redis, tmp_path, monkeypatch):
    """Jobs carry the visitor; the work-horse, which ends with os._exit, has delivered by then."""
    pytest.importorskip("rq")
    (tmp_path / "shopjobs.py").write_text(JOBS)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "REDIS": redis}
    send = textwrap.dedent("""
        import os
        from redis import Redis
        from rq import Queue
        import shopjobs
        with Redis.from_url(os.environ["REDIS"]) as redis:
            queue = Queue(connection=redis, job_class=shopjobs.ShopJob)
            with shopjobs.ShopJob.tracker.visitor(visitor_id="v1"):
                queue.enqueue(shopjobs.ship, 1)
            queue.enqueue(shopjobs.ship, 2)
    """)
    subprocess.run([sys.executable, "-c", send], env=environment, cwd=tmp_path, check=True, timeout=120)
    worker = [
        "rq.cli",
        "worker",
        "--burst",
        "--url",
        redis,
        "--job-class",
        "shopjobs.ShopJob",
        "--logging_level",
        "ERROR",
    ]
    subprocess.run([sys.executable, "-m", *worker], env=environment, cwd=tmp_path, check=True, timeout=120)
    assert by_number(collector_process.wait_for(2)) == [(1, "v1"), (2, None)]
