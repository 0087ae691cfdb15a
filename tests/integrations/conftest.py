"""The example shops, imported from their files and set up for a running collector."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType

import pytest

from tests.databases import postgres_server
from tests.served import served

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def shop_environment(collector_process, tmp_path, monkeypatch) -> dict[str, str]:
    """The environment of a shop that delivers to a collector that has seen nothing yet."""
    collector_process.reset()
    environment = {
        "ECOMTRACK_URL": collector_process.url,
        "ECOMTRACK_KEY": collector_process.keys["server"],
        "ECOMTRACK_OUTBOX": str(tmp_path / "outbox"),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment


@pytest.fixture
def example(shop_environment) -> Callable[[str], ModuleType]:
    """An example's module, fresh."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"{name}_app", EXAMPLES / name / "app.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def serving(shop_environment) -> Callable[..., AbstractContextManager[str]]:
    """A server program run on a free port, for as long as the block lasts; it must end when told to."""
    return served


@pytest.fixture(scope="module")
def postgres(tmp_path_factory) -> Iterator[str]:
    """The folder of the socket of a PostgreSQL server with a database ``postgres`` of user ``shop``."""
    yield from postgres_server(tmp_path_factory.mktemp("postgres"))
