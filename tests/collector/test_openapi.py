"""The OpenAPI document: complete, true, and the source of the fuzz tests.

The fuzzing here is a short round; ``ECOMTRACK_FUZZ_ROUNDS`` makes it longer. The whole tool, states carried from call
to call included::

    schemathesis run http://127.0.0.1:8400/openapi.json -H "Authorization: Bearer $KEY" --max-examples 1000
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ecomtrack_sdk import Item, Order, ViewPage
from ecomtrack_sdk._wire import encode_event
from ecomtrack_sdk.collector import KeyRing, create_app
from ecomtrack_sdk.collector._openapi import document
from ecomtrack_sdk.events import EVENT_CLASSES
from ecomtrack_sdk.reports import REPORTS
from ecomtrack_sdk.store import SqliteStore
from ecomtrack_sdk.store._duckdb import DuckDBWarehouse

KEY = "server-key-for-fuzz-tests"
ROUNDS = int(os.environ.get("ECOMTRACK_FUZZ_ROUNDS", "8"))
"""Examples for each operation."""


def test_the_document_is_valid_and_complete():
    """Every event, every report and every route of the API is described."""
    described = document()
    assert described["openapi"].startswith("3.1")
    assert {f"/v1/reports/{name}" for name in REPORTS} <= set(described["paths"])
    for cls in EVENT_CLASSES.values():
        assert cls.__name__ in described["components"]["schemas"]
    text = json.dumps(described)
    for reference in {part.split('"')[0] for part in text.split('"$ref": "#/components/schemas/')[1:]}:
        assert reference in described["components"]["schemas"], reference


@pytest.mark.parametrize(
    "event",
    [
        ViewPage(title="x"),
        Order(order_id="o1", items=[Item(product_id="p", price="9.90", quantity=2)], currency="EUR", shipping=1),
    ],
)
def test_real_events_fit_the_schema(event):
    """What the SDK sends is what the document describes."""
    described = document()
    schema = {"$ref": "#/components/schemas/Event", "components": described["components"]}
    jsonschema.Draft202012Validator(schema).validate(json.loads(encode_event(event)))


@pytest.mark.parametrize("broken", [{"type": "order"}, {"type": "nonsense"}, {"type": "view_page", "nonsense": 1}])
def test_wrong_events_do_not_fit_the_schema(broken):
    """The schema is strict where the collector is."""
    described = document()
    schema = {"$ref": "#/components/schemas/Event", "components": described["components"]}
    assert not jsonschema.Draft202012Validator(schema).is_valid(broken)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[schemathesis.BaseSchema]:
    data = tmp_path_factory.mktemp("fuzz")
    with SqliteStore(data / "events.db") as store:
        app = create_app(
            store, KeyRing.of({"server": KEY}), open_warehouse=lambda: DuckDBWarehouse(store, data), test_mode=True
        )
        yield schemathesis.openapi.from_asgi("/openapi.json", app)
        app.close()


OPERATIONS = [(method, path) for path, methods in document()["paths"].items() for method in methods]


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[f"{method} {path}" for method, path in OPERATIONS])
def test_nothing_the_document_allows_breaks_the_collector(fuzzed, method, path):
    """No 5xx, and every answer has a status, type and shape that the document names."""
    operation = fuzzed[path][method]

    @given(operation.as_strategy())
    @settings(
        max_examples=ROUNDS,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    def attack(case: schemathesis.Case) -> None:
        case.call_and_validate(
            headers={"Authorization": f"Bearer {KEY}"},
            checks=[
                not_a_server_error,
                status_code_conformance,
                content_type_conformance,
                response_schema_conformance,
            ],
        )

    attack()


def test_calls_in_a_row_break_nothing(fuzzed):
    """Schemathesis follows the document's links from call to call: what one answer names, the next call asks for."""
    machine = fuzzed.as_state_machine()

    class Calls(machine):
        def get_call_kwargs(self, case):
            return {"headers": {"Authorization": f"Bearer {KEY}"}}

        def validate_response(self, response, case, **_):
            case.validate_response(response, checks=[not_a_server_error, status_code_conformance])

    hypothesis_settings = settings(
        max_examples=max(2, ROUNDS // 2),
        stateful_step_count=6,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    Calls.run(settings=hypothesis_settings)
