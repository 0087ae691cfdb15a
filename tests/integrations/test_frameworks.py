"""Starlette, FastAPI, Flask and Django under their real servers: events carry visitor, page and customer."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ecomtrack_sdk import Customer, CustomEvent, Tracker
from ecomtrack_sdk.errors import ConfigError
from ecomtrack_sdk.integrations.starlette import EcomtrackMiddleware, VisitSettings

EXAMPLES = Path(__file__).parents[2] / "examples"
BROWSER = {"accept": "text/html", "user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/146.0"}


@pytest.fixture
def tracker(shop_environment):
    with Tracker.from_env() as tracker:
        yield tracker


@pytest.fixture
def anyio_backend():
    return "asyncio"


def by_type(events):
    return {event["type"]: event for event in events}


@pytest.mark.anyio
async def test_starlette_concurrent_requests(tracker, collector_process):
    """Requests served at once do not see each other's visitor, in threads neither."""
    import anyio

    async def page(request: Request) -> Response:
        await anyio.sleep(0.01)
        await run_in_threadpool(tracker.track, CustomEvent(name=request.path_params["name"]))
        return PlainTextResponse("ok")

    async def customer(request: Request) -> Customer:
        return Customer(id=request.cookies["cbuid"])

    app = Starlette(
        routes=[Route("/{name}", page)],
        middleware=[Middleware(EcomtrackMiddleware, tracker=tracker, customer=customer)],
    )
    visitors = [f"visitor-{number:03}" for number in range(20)]

    async def visit(visitor: str) -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop", cookies={"cbuid": visitor}) as client:
            assert (await client.get(f"/{visitor}", headers=BROWSER)).status_code == 200

    async with anyio.create_task_group() as group:
        for visitor in visitors:
            group.start_soon(visit, visitor)
    await tracker.aflush()
    for event in collector_process.wait_for(20):
        assert event["name"] == event["visitor_id"] == event["customer"]["id"]
        assert event["context"]["url"] == f"http://shop/{event['name']}"
    assert tracker.stats().accepted == 20


@pytest.mark.anyio
async def test_starlette_shutdown_delivers(tracker, collector_process):
    """When the application shuts down, what waits is delivered before the server goes."""

    async def page(_: Request) -> Response:
        tracker.track(CustomEvent(name="last"))
        return PlainTextResponse("ok", headers={"cache-control": "public"})

    app = Starlette(routes=[Route("/", page)], middleware=[Middleware(EcomtrackMiddleware, tracker=tracker)])
    sent = []

    async def send(message):
        sent.append(message["type"])

    steps = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive():
        message = next(steps)
        if message["type"] == "lifespan.shutdown":
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
                answer = await client.get("/", headers=BROWSER)
                # A shared cache may keep this answer: no cookie for everybody.
                assert "set-cookie" not in answer.headers
        return message

    await app({"type": "lifespan", "state": {}}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert tracker.stats().pending == 0
    assert [event["name"] for event in collector_process.events()] == ["last"]


@pytest.mark.anyio
async def test_starlette_automatic_pages(tracker, collector_process):
    """With auto_page a page opened by a person is a ViewPage; files, calls, errors and prefetches are none."""

    async def page(request: Request) -> Response:
        kind = request.query_params.get("kind", "text/html")
        return Response("x", int(request.query_params.get("status", "200")), media_type=kind)

    app = Starlette(
        routes=[Route("/", page), Route("/static/a", page)],
        middleware=[
            Middleware(
                EcomtrackMiddleware,
                tracker=tracker,
                auto_page=True,
                settings=VisitSettings(trusted_proxies=["127.0.0.1"]),
            )
        ],
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop", headers=BROWSER) as client:
        await client.get("/?a=1", headers={"x-forwarded-for": "198.51.100.1", "x-forwarded-proto": "https"})
        await client.get("/?kind=application/json")
        await client.get("/?status=404")
        await client.get("/static/a")
        await client.get("/", headers={"accept": "*/*"})
        await client.get("/", headers={"sec-purpose": "prefetch"})
        await client.head("/")
    await tracker.aflush()
    (event,) = collector_process.wait_for(1)
    assert event["type"] == "view_page"
    assert event["context"]["url"] == "https://shop/?a=1"
    assert event["context"]["ip"] == "198.51.100.1"


def visit(url, log_in, collector):
    """A visit of one of the small shops, page by page to the order; its events are one visitor's, each on its page."""
    with httpx.Client(base_url=url, headers=BROWSER) as client:
        home = client.get("/?utm_source=news")
        assert home.headers["set-cookie"].startswith("cbuid=")
        client.get("/p/tee", headers={"x-forwarded-for": "198.51.100.9"})
        client.post("/cart", headers={"referer": f"{url}/p/tee", "accept": "*/*"})
        log_in(client)
        order_id = client.post("/order").json()["order_id"]
        visitor = client.cookies["cbuid"]
        events = collector.wait_for(6)
    actions = [event["type"] for event in events if event["type"] != "view_page"]
    assert actions == ["view_product", "add_to_cart", "login", "order"]
    found = by_type(events)
    pages = sorted(urlsplit(event["context"]["url"]).path for event in events if event["type"] == "view_page")
    # The readiness probe of this test asks for no HTML, so it is no page.
    assert pages == ["/", "/p/tee"]
    assert {event["visitor_id"] for event in events} == {visitor}
    assert urlsplit(found["add_to_cart"]["context"]["url"]).path == "/p/tee"
    assert found["view_product"]["context"]["ip"] == "198.51.100.9"
    assert found["order"]["order_id"] == order_id
    assert found["order"]["customer"]["id"] == "ann"
    assert "customer" not in found["add_to_cart"]


def test_flask_under_gunicorn(serving, collector_process):
    """The Flask shop under gunicorn: pages, cart, login and order are one visitor."""
    command = ("gunicorn", "--chdir", str(EXAMPLES / "flask_shop"), "app:create_app()")
    with serving(*command, port_option="--bind 127.0.0.1:{port}", SHOP_SECRET="s") as url:
        visit(url, lambda client: client.post("/login", data={"name": "ann"}), collector_process)


FASTAPI = str(EXAMPLES / "fastapi_shop")


@pytest.mark.parametrize(
    ("command", "port_option"),
    [
        (("uvicorn", "--app-dir", FASTAPI, "app:app", "--log-level", "warning"), "--port {port}"),
        (
            ("gunicorn", "--chdir", FASTAPI, "--worker-class", "uvicorn_worker.UvicornWorker", "app:app"),
            "--bind 127.0.0.1:{port}",
        ),
    ],
    ids=["uvicorn", "gunicorn"],
)
def test_fastapi(serving, collector_process, command, port_option):
    """The FastAPI shop under uvicorn, and under gunicorn with uvicorn's worker: the same one visitor."""

    def log_in(client):
        client.cookies["session"] = client.post("/login", json={"name": "ann"}).json()["session"]

    with serving(*command, port_option=port_option) as url:
        visit(url, log_in, collector_process)


def test_starlette_under_gunicorn(serving, shop_environment, collector_process):
    """The Starlette shop in two preloaded processes under gunicorn: what is told in each of them arrives."""
    command = (
        "gunicorn",
        "--chdir",
        str(EXAMPLES / "starlette_shop"),
        "--worker-class",
        "uvicorn_worker.UvicornWorker",
    )
    options = ("--workers", "2", "--preload", "app:create_app()")
    with (
        serving(*command, *options, port_option="--bind 127.0.0.1:{port}", SHOP_SITE_KEY="ecomtrack_site_x") as url,
        httpx.Client(base_url=url, headers=BROWSER) as client,
    ):
        assert "cbuid=" in client.get("/").headers["set-cookie"]
        for _ in range(4):
            assert "Your order is" in client.post("/order").text
        visitor = client.cookies["cbuid"]
        events = collector_process.wait_for(4)
    assert {(event["type"], event["visitor_id"]) for event in events} == {("order", visitor)}


def test_flask_snippet(example, monkeypatch):
    """The template helper writes the tags; without a site key it says what is missing."""
    monkeypatch.setenv("SHOP_SITE_KEY", "ecomtrack_site_public")
    app = example("flask_shop").create_app()
    body = app.test_client().get("/", headers=BROWSER).text
    assert 'data-key="ecomtrack_site_public"' in body
    assert "integrity=" in body
    extension = app.extensions["ecomtrack"]
    extension.site_key = None
    with app.app_context(), pytest.raises(ConfigError, match="site_key"):
        extension.snippet()
    extension.tracker.close()


def test_flask_requests_leave_nothing_behind(example, collector_process):
    """After a request, also a failing one, the thread's next event carries no visitor."""
    app = example("flask_shop").create_app()
    tracker = app.extensions["ecomtrack"].tracker

    @app.get("/fail")
    def fail():
        raise RuntimeError

    client = app.test_client()
    assert client.get("/fail", headers=BROWSER).status_code == 500
    tracker.track(CustomEvent(name="outside"))
    tracker.close()
    (event,) = collector_process.events(event_type="custom")
    assert "visitor_id" not in event
    assert "context" not in event


def test_django_under_gunicorn(serving, collector_process, tmp_path):
    """The Django shop under gunicorn: an order rolled back has no event, a committed one has; one visitor."""
    command = ("gunicorn", "--chdir", str(EXAMPLES / "django_shop"), "app:application")
    with (
        serving(*command, port_option="--bind 127.0.0.1:{port}", SHOP_DB=str(tmp_path / "shop.db")) as url,
        httpx.Client(base_url=url, headers=BROWSER) as client,
    ):
        assert client.get("/").headers["set-cookie"].startswith("cbuid=")
        client.get("/cart")
        assert client.get("/order?fail").status_code == 500
        order_id = client.get("/order").json()["order_id"]
        visitor = client.cookies["cbuid"]
        events = collector_process.wait_for(3)
    found = by_type(events)
    assert set(found) == {"view_page", "add_to_cart", "order"}
    assert found["order"]["order_id"] == order_id
    assert found["add_to_cart"]["currency"] == "EUR"
    assert {event["visitor_id"] for event in events} == {visitor}


def test_django_under_uvicorn(serving, collector_process):
    """The same shop under ASGI: the middleware is asynchronous there, and events are the same."""
    command = ("uvicorn", "--app-dir", str(EXAMPLES / "django_shop"), "app:asgi_application", "--log-level", "warning")
    with (
        serving(*command, port_option="--port {port}", SHOP_SITE_KEY="ecomtrack_site_public") as url,
        httpx.Client(base_url=url, headers=BROWSER) as client,
    ):
        assert 'data-key="ecomtrack_site_public"' in client.get("/").text
        client.get("/order")
        visitor = client.cookies["cbuid"]
        (order,) = collector_process.wait_for(1)
    assert order["visitor_id"] == visitor
    assert urlsplit(order["context"]["url"]).path == "/order"
