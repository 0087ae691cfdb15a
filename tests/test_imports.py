"""Importing the package costs a web process next to nothing: measured in modules, not in time."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("httpx", "httpcore", "tenacity", "starlette", "uvicorn", "duckdb", "sqlite3", "typer", "rich", "anyio",
         "hypothesis", "pytest", "jinja2", "clickhouse_connect", "http.client", "urllib.request")  # fmt: skip


def modules_after(code: str) -> set[str]:
    """The modules a fresh interpreter has after *code*, beyond those it starts with."""
    program = f"import sys\nbefore = set(sys.modules)\n{code}\nprint(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_importing_the_package_loads_almost_nothing() -> None:
    """Two modules of ours and of the standard library what it takes to write them; no pydantic yet."""
    loaded = modules_after("import ecomtrack_sdk")
    assert {name for name in loaded if name.startswith("ecomtrack_sdk")} == {"ecomtrack_sdk"}
    assert len(loaded) < 30, sorted(loaded)


@pytest.mark.parametrize(
    "code",
    [
        "from ecomtrack_sdk import Order, Item, ViewProduct",
        "from ecomtrack_sdk import RetryPolicy",
        "import ecomtrack_sdk; ecomtrack_sdk.ViewPage(title='Home')",
        "import ecomtrack_sdk.events",
    ],
)
def test_events_load_neither_http_nor_servers(code: str) -> None:
    """What a shop's models need is pydantic and nothing of the way out."""
    assert not modules_after(code) & set(HEAVY)


def test_the_clients_load_no_http_until_they_send() -> None:
    """httpx and tenacity come with the first request, on the thread that makes it."""
    code = (
        "from ecomtrack_sdk import Tracker, S2SClient, AsyncS2SClient, Config, ViewPage\n"
        "tracker = Tracker('http://127.0.0.1:9', key='k', outbox='memory')\n"
        "client = S2SClient('http://127.0.0.1:9', key='k')"
    )
    loaded = modules_after(code)
    assert not loaded & {"httpx", "httpcore", "tenacity", "asyncio", "starlette", "duckdb", "sqlite3", "typer", "rich"}


def test_the_first_event_builds_its_own_models_only() -> None:
    """Models are built when used: a page view must not pay for twenty-two other classes."""
    code = (
        "import ecomtrack_sdk\n"
        "ecomtrack_sdk.ViewPage(title='Home')\n"
        "from ecomtrack_sdk.events import EVENT_CLASSES\n"
        "built = [name for name, cls in EVENT_CLASSES.items() if cls.__pydantic_complete__]\n"
        "assert built == ['view_page'], built"
    )
    modules_after(code)


def test_a_family_of_events_loads_no_other() -> None:
    """A view of a product needs two files of events beside the base."""
    loaded = modules_after("from ecomtrack_sdk import ViewProduct, Product")
    families = {name for name in loaded if name.startswith("ecomtrack_sdk.events.")}
    assert families == {f"ecomtrack_sdk.events.{name}" for name in ("base", "item", "browse")}
