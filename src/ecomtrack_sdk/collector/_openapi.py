"""The OpenAPI document: every route, the JSON Schema of all events, every report with its parameters."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import TypeAdapter

from ecomtrack_sdk import __version__
from ecomtrack_sdk._wire import JSON_TYPE, LIMITS, NDJSON_TYPE, BatchVerdict
from ecomtrack_sdk.collector._http import PROBLEM_TYPE
from ecomtrack_sdk.collector._openapi_schemas import BATCH, COUNTS, INSPECTED, PROBLEM

__all__ = ["document"]

_REF = "#/components/schemas/{model}"


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": _REF.format(model=name)}


def _answer(description: str, schema: dict[str, Any], content_type: str = JSON_TYPE) -> dict[str, Any]:
    return {"description": description, "content": {content_type: {"schema": schema}}}


def _problems(*statuses: int) -> dict[str, Any]:
    answers = {}
    for status in statuses:
        answer = _answer(_PROBLEMS[status], _ref("Problem"), PROBLEM_TYPE)
        if status in (429, 503):
            answer["headers"] = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
        answers[str(status)] = answer
    return answers


_PROBLEMS = {
    400: "The body or a parameter cannot be read.",
    401: "No key, or an unknown one.",
    403: "A key without rights to this route.",
    404: "There is nothing of that name.",
    408: "The body did not arrive in time.",
    413: "Larger than the limits allow: send smaller batches.",
    415: "A type or encoding the collector does not speak.",
    429: "Too many requests from this key or address.",
    503: "Not now: the disk or the memory is full for the moment.",
}

_READING: list[dict[str, list[str]]] = [{"bearer": []}]


@cache
def document() -> dict[str, Any]:
    """The document, made once."""
    events, event_models = _event_schemas()
    verdict = TypeAdapter(BatchVerdict).json_schema(mode="serialization", ref_template=_REF)
    verdict_models = verdict.pop("$defs", {})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ecomtrack collector",
            "version": __version__,
            "description": "Takes batches of shop events, keeps them durably and once, and answers reports.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": _linked(
            {**_event_paths(), **_inspect_paths(), **_report_paths(), **_customer_paths(), **_plain_paths()}
        ),
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "A site, server or read key."},
                "site": {"type": "apiKey", "in": "query", "name": "key", "description": "A site key, for beacons."},
            },
            "schemas": {
                **event_models,
                **verdict_models,
                "Event": events,
                "BatchVerdict": verdict,
                "Batch": BATCH,
                "Counts": COUNTS,
                "Inspected": INSPECTED,
                "Problem": PROBLEM,
            },
        },
    }


_LINKS = (
    ("/v1/events", "post", "inspect_event", "event_id", "$request.body#/events/0/event_id"),
    ("/v1/events", "post", "export_person", "who", "$request.body#/events/0/visitor_id"),
    ("/v1/inspect/good", "get", "inspect_event", "event_id", "$response.body#/0/event_id"),
    ("/v1/inspect/good", "get", "erase_person", "who", "$response.body#/0/event/visitor_id"),
    ("/v1/inspect/bad", "get", "inspect_event", "event_id", "$response.body#/0/event_id"),
    ("/v1/links", "get", "export_person", "who", "$response.body#/links/0/person"),
)
"""Path, method → operation that follows, its parameter, where its value stands; tools walk along them."""


def _linked(paths: dict[str, Any]) -> dict[str, Any]:
    """*paths* with what one answer says to ask next."""
    for path, method, operation, parameter, where in _LINKS:
        links = paths[path][method]["responses"]["200"].setdefault("links", {})
        links[f"{operation}_of_it"] = {"operationId": operation, "parameters": {parameter: where}}
    return paths


def _event_schemas() -> tuple[dict[str, Any], dict[str, Any]]:
    from ecomtrack_sdk.events import AnyEvent

    schema = TypeAdapter(AnyEvent).json_schema(ref_template=_REF)
    models = schema.pop("$defs")
    return schema, models


def _event_paths() -> dict[str, Any]:
    body = {
        "description": f"At most {LIMITS.events:,} events and {LIMITS.body_bytes:,} bytes "
        f"({LIMITS.decompressed_bytes:,} after decompression, {LIMITS.event_bytes:,} an event).",
        "required": True,
        "content": {
            JSON_TYPE: {"schema": _ref("Batch")},
            NDJSON_TYPE: {"schema": {"type": "string", "description": "One event a line."}},
            "text/plain": {"schema": {"type": "string", "description": "Either form; what browsers' beacons send."}},
        },
    }
    parameters = [
        _header("Content-Encoding", "How the body is compressed.", {"enum": ["gzip", "zstd", "identity"]}),
        _header("Idempotency-Key", "Id of the batch, the same on every delivery.", {"maxLength": 255}),
        _header("Sent-At", "When the batch left the sender.", {"format": "date-time"}),
    ]
    return {
        "/v1/events": {
            "post": {
                "operationId": "sendEvents",
                "summary": "Send a batch of events; every event gets its own verdict.",
                "security": [{"bearer": []}, {"site": []}],
                "parameters": parameters,
                "requestBody": body,
                "responses": {
                    "200": _answer("The batch was read; its events are durable or named.", _ref("BatchVerdict")),
                    **_problems(400, 401, 403, 408, 413, 415, 429, 503),
                },
            }
        }
    }


def _inspect_paths() -> dict[str, Any]:
    filters = [
        _query("event_type", "Wire type, or `custom:NAME`.", {"type": "string"}),
        _query("event_id", "One event.", {"type": "string"}),
        _query("visitor_id", "Events of one browser.", {"type": "string"}),
        _query("order_id", "Events of one order.", {"type": "string"}),
        _query("customer", "Events that name this customer id or e-mail address.", {"type": "string"}),
        _query("limit", "How many at most.", {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 1_000}),
        _query("before", "Only events older than this `seq`: the next page.", {"type": "integer", "minimum": 1}),
    ]
    listed = {"type": "array", "items": _ref("Inspected")}
    paths: dict[str, Any] = {}
    for name, summary, schema, parameters in (
        ("all", "How many events arrived, good and bad.", _ref("Counts"), []),
        ("good", "Accepted events, newest first.", listed, filters),
        ("bad", "Refused events with their errors, newest first.", listed, filters),
        ("reset", "Empty the store; server key and test mode only.", _ref("Counts"), []),
    ):
        statuses = (400, 401, 403) if parameters else (401, 403)
        paths[f"/v1/inspect/{name}"] = {
            method: {
                "operationId": f"inspect_{name}_{method}",
                "summary": summary,
                "security": _READING,
                "parameters": parameters,
                "responses": {"200": _answer(summary, schema), **_problems(*statuses)},
            }
            for method in ("get", "post")
        }
    event_id = {"name": "event_id", "in": "path", "required": True, "schema": {"type": "string"}}
    summary = "One event with its own verdict."
    paths["/v1/inspect/events/{event_id}"] = {
        "get": {
            "operationId": "inspect_event",
            "summary": summary,
            "security": _READING,
            "parameters": [event_id],
            "responses": {"200": _answer(summary, _ref("Inspected")), **_problems(401, 403, 404)},
        }
    }
    return paths


def _report_paths() -> dict[str, Any]:
    from ecomtrack_sdk.reports import REPORTS, get

    names = {"type": "object", "required": ["reports"], "properties": {"reports": {"type": "array"}}}
    paths: dict[str, Any] = {
        "/v1/reports": {
            "get": {
                "operationId": "list_reports",
                "summary": "Names of the reports.",
                "security": _READING,
                "responses": {"200": _answer("Names of the reports.", names), **_problems(401, 403)},
            }
        }
    }
    for name, question in REPORTS.items():
        report = get(name)
        schema = report.params.model_json_schema()
        rows = report.row.model_json_schema(mode="serialization")
        rows.pop("$defs", None)
        paths[f"/v1/reports/{name}"] = {
            "get": {
                "operationId": f"report_{name}",
                "summary": question,
                "security": _READING,
                "parameters": [
                    _query(
                        field,
                        info.get("description", ""),
                        _query_schema(info),
                        required=field in schema.get("required", ()),
                    )
                    for field, info in schema["properties"].items()
                ],
                "responses": {
                    "200": _answer("The figures.", _result_schema(list(rows.get("properties", {})))),
                    **_problems(400, 401, 403, 503),
                },
            }
        }
    return paths


def _customer_paths() -> dict[str, Any]:
    who = {
        "name": "who",
        "in": "path",
        "required": True,
        "description": "Customer id, e-mail address or visitor id.",
        "schema": {"type": "string", "minLength": 1},
    }
    number = {"type": "integer", "minimum": 0}
    erased = {"type": "object", "properties": {"erased": number, "anonymised": number}}
    orders = _query("orders", "Keep orders without the person, or erase them too.", {"enum": ["keep", "erase"]})
    return {
        "/v1/links": {
            "get": {
                "operationId": "list_links",
                "summary": "Which browsers, customer ids and addresses are held to be one person.",
                "security": _READING,
                "parameters": [_query("name", "Only links with this id, address or browser.", {"type": "string"})],
                "responses": {"200": _answer("The links.", _links_schema()), **_problems(401, 403, 404)},
            }
        },
        "/v1/customers/{who}": {
            "get": {
                "operationId": "export_person",
                "summary": "All that is known of a person.",
                "security": _READING,
                "parameters": [who],
                "responses": {"200": _answer("The events.", {"type": "object"}), **_problems(401, 403, 404)},
            },
            "delete": {
                "operationId": "erase_person",
                "summary": "Forget a person; server key only.",
                "security": _READING,
                "parameters": [who, orders],
                "responses": {"200": _answer("What was erased.", erased), **_problems(400, 401, 403, 404)},
            },
        },
    }


def _links_schema() -> dict[str, Any]:
    text = {"type": "string"}
    link = {
        "type": "object",
        "required": ["kind", "name", "person", "since", "verified"],
        "properties": {
            "kind": {"enum": ["visitor", "customer"]},
            "name": {**text, "description": "The browser, or the customer id."},
            "person": {**text, "description": "The person, or the e-mail address."},
            "since": {**text, "format": "date-time"},
            "verified": {"type": "boolean", "description": "False where only the browser itself says so."},
        },
    }
    return {"type": "object", "required": ["links"], "properties": {"links": {"type": "array", "items": link}}}


def _query_schema(info: dict[str, Any]) -> dict[str, Any]:
    """A parameter's schema as it travels in an address: text, or a list of texts, with its choices if it has some."""
    choices = [info, *info.get("anyOf", ())]
    for choice in choices:
        if choice.get("type") in ("array", "object"):
            return {"type": "array", "items": {"type": "string"}}
    for choice in choices:
        if "enum" in choice:
            return {"type": "string", "enum": choice["enum"]}
        if choice.get("type") in ("integer", "boolean"):
            return {"type": choice["type"]}
    return {"type": "string"}


def _result_schema(columns: list[str]) -> dict[str, Any]:
    text = {"type": "string"}
    warning = {"type": "object", "required": ["code", "message"], "properties": {"code": text, "message": text}}
    row = {"type": "object", "description": "Columns: " + ", ".join(columns)}
    return {
        "type": "object",
        "required": ["report", "query", "rows", "warnings"],
        "properties": {
            "report": text,
            "query": {"type": "object", "description": "The parameters as they were understood."},
            "rows": {"type": "array", "items": row},
            "warnings": {"type": "array", "items": warning},
        },
    }


def _plain_paths() -> dict[str, Any]:
    def path(name: str, summary: str, content_type: str, schema: dict[str, Any], *statuses: int) -> dict[str, Any]:
        answers = {"200": _answer(summary, schema, content_type), **_problems(*statuses)}
        return {"get": {"operationId": name, "summary": summary, "security": [], "responses": answers}}

    state = {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}}
    text = {"type": "string"}
    return {
        "/health": path("health", "The process lives.", JSON_TYPE, state),
        "/ready": path("ready", "The log can be read and written.", JSON_TYPE, state, 503),
        "/metrics": path("metrics", "Counters in Prometheus' text form.", "text/plain", text),
        "/openapi.json": path("openapi", "This document.", JSON_TYPE, {"type": "object"}),
        "/ecomtrack.js": path("script", "The browser script.", "text/javascript", text),
    }


def _query(name: str, description: str, schema: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "required": required, "schema": schema}


def _header(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string", **schema}}
