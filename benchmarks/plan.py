"""What is measured, in which order: one task, one process, one result."""

from __future__ import annotations

from typing import NamedTuple

PARTS = ("speed", "paced", "limits", "memory", "stall", "import", "collector", "loss", "million")
PACED_ROUNDS = 2
STALL_ROUNDS = 2
COLLECTOR_ROUNDS = 2
COLLECTOR_BATCHES = {"order": 12, "view": 40}
BARE = "bare loop"

IMPORTS = {
    "ecomtrack": ("import ecomtrack_sdk", "ecomtrack_sdk.ViewProduct(product=ecomtrack_sdk.Product(product_id='p'))"),
    "segment": ("import segment.analytics", ""),
    "posthog": ("import posthog", ""),
    "rudder": ("import rudderstack.analytics", ""),
    "snowplow": ("import snowplow_tracker", ""),
    "mixpanel": ("import mixpanel", ""),
    "amplitude": ("import amplitude", ""),
    "otel logs": (
        "import opentelemetry.sdk._logs.export, opentelemetry.exporter.otlp.proto.http._log_exporter",
        "",
    ),
}


class Task(NamedTuple):
    part: str
    section: str
    name: str
    round: int
    command: tuple[str, ...]
    """``sink`` stands for the address of the sink, ``nobody`` for one where nobody listens."""

    @property
    def key(self) -> str:
        return f"{self.section}|{self.name}|{self.round}"

    @property
    def label(self) -> str:
        return f"{self.section}: {self.name}, round {self.round}"


MILLION = Task("million", "million", "S2SClient.send", 1, ("million.py",))
"""Only when asked for: it takes minutes."""


def import_code(name: str) -> str:
    """A program that times the import, and the way to the first event, in milliseconds."""
    first, then = IMPORTS[name]
    return (
        "import time; start = time.perf_counter()\n"
        f"{first}\nmiddle = time.perf_counter()\n{then}\nend = time.perf_counter()\n"
        "import json; print(json.dumps({'import_ms': (middle - start) * 1e3, 'first_event_ms': (end - start) * 1e3}))"
    )


def tasks(names: list[str], rounds: int, faults: list[str], *, quick: bool, limit: str) -> list[Task]:
    """All tasks, the SDKs taking turns within each round."""
    scale = ("--scale", "0.2") if quick else ()
    sdks = [name for name in names if name != limit]
    found: list[Task] = []

    def add(part: str, section: str, name: str, round_: int, *command: str) -> None:
        found.append(Task(part, section, name, round_, command))

    for round_ in range(1, rounds + 1):
        for kind in ("order", "view"):
            for name in names:
                add("speed", f"speed {kind}", name, round_, "one.py", "speed", name, kind, "sink", *scale)
            add("limits", f"limits {kind}", "limits", round_, "floor.py", kind, "sink")
    for round_ in range(1, min(rounds, PACED_ROUNDS) + 1):
        for kind in ("order", "view"):
            for name in names:
                add("paced", f"paced {kind}", name, round_, "one.py", "paced", name, kind, "sink", *scale)
    for round_ in range(1, min(rounds, STALL_ROUNDS) + 1):
        for name in (BARE, *sdks):
            add("stall", "stall", name, round_, "stall.py", name, *scale)
    for name in sdks:
        add("memory", "memory", name, 1, "one.py", "memory", name, "order", "nobody", *scale)
    for round_ in range(rounds + 1):  # the first is for the byte code, and left out
        for name in (name for name in sdks if name in IMPORTS):
            add("import", "import" if round_ else "import, first", name, round_, "-c", import_code(name))
    for round_ in range(1, min(rounds, COLLECTOR_ROUNDS) + 1):
        for connections in (1, 2):
            for kind in ("order", "view"):
                name = f"{kind}s, {connections} connection{'s' * (connections > 1)}"
                batches = COLLECTOR_BATCHES[kind] // (4 if quick else 1)
                add("collector", "collector", name, round_, "ingest.py", kind, str(batches), str(connections))
    if not quick:
        for fault in faults:
            for name in sdks:
                add("loss", f"loss {fault}", name, 1, "loss.py", fault, name)
    return found
