"""The loss table: what became of the events under each fault, counted at the sink."""

from __future__ import annotations

from adapters import ADAPTERS
from loss import FAULTS
from numbers_of import Results

TEXT = (
    "Events whose call had returned and that never arrived, of all that were tracked (product views, defaults of each "
    "SDK, the fault proxy of the test suite between SDK and sink). *twice*: arrived more than once and cannot be told "
    "from two events, for want of an id that stays the same; *again*: arrived more than once under one id, which a "
    "collector can leave out (ours does). *raised*: calls that raised, which are not counted as tracked. *hangs*: the "
    "program did not end and was killed. Ours is started once more at the end, as a service manager would."
)


def cell(result: dict) -> str:
    lost = result["lost"]
    notes = [
        f"**{lost:,}** of {result['tracked']:,}" if lost else "0",
        *([f"**{result['doubled']:,} twice**"] if result["doubled"] else []),
        *([f"{result['sent_again']:,} again"] if result["sent_again"] > result["doubled"] else []),
        *([f"raised {result['raised']:,}x"] if result["raised"] else []),
        *(["hangs"] if result.get("hung") else []),
    ]
    return ", ".join(notes)


def loss_table(found: Results) -> tuple[str, str, list[str], list[list[str]]] | None:
    """Title, text, heads and cells; ``None`` when nothing was measured."""
    shown = {name: fault for name, fault in FAULTS.items() if f"loss {name}" in found}
    if not shown:
        return None
    names = [name for name in ADAPTERS if any(name in found[f"loss {fault}"] for fault in shown)]
    lines = []
    for fault, (title, _) in shown.items():
        results = found[f"loss {fault}"]
        lines.append([title, *(cell(results[name][0]) if name in results else "" for name in names)])
    return "Lost events", TEXT, ["", *names], lines
