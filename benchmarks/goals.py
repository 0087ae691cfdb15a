"""Ours against the goals of the project: what was measured, and whether that is enough."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from numbers_of import REFERENCE, Results, median, number, spread

OURS = "ecomtrack"
NOT_PEERS = ("ecomtrack", "ecomtrack, memory", "limit", "bare loop")


def best(found: Results, section: str, field: str, choose: Callable[..., float]) -> tuple[str, float] | None:
    """The peer that is best at *field*, and its median."""
    peers = {
        name: value
        for name in found.get(section, {})
        if name not in NOT_PEERS and (value := median(found, section, name, field)) is not None
    }
    if not peers:
        return None
    value = choose(peers.values())
    return next(name for name in peers if peers[name] == value), value


def goals(found: Results) -> tuple[list[str], list[list[str]]]:
    """Heads and cells."""
    return ["", "measured", "goal", "met"], [
        [title, shown, goal, "yes" if met else "**no**"] for title, shown, goal, met in _goals(found)
    ]


def _goals(found: Results) -> Iterator[tuple[str, str, str, bool]]:
    for kind, most in (("order", 0.5), ("view", 0.4)):
        section = f"speed {kind}"
        ours, theirs = median(found, section, OURS, "caller.p50"), median(found, section, REFERENCE, "caller.p50")
        if ours and theirs:
            pairs = found[section]
            shown = f"{ours:.0f} against {theirs:.0f} µs, {spread(pairs[OURS], pairs[REFERENCE], 'caller.p50')}"
            ratio = float(spread(pairs[OURS], pairs[REFERENCE], "caller.p50").split()[0])
            yield f"`track({kind})` p50, ratio to {REFERENCE}", shown, f"≤ {most}", ratio <= most
    for kind in ("order", "view"):
        ours = median(found, f"speed {kind}", OURS, "caller.p99.9")
        peer = best(found, f"speed {kind}", "caller.p99.9", min)
        if ours and peer:
            shown = f"{ours:,.0f} µs, best peer {peer[0]} {peer[1]:,.0f} µs"
            yield f"`track({kind})` p99.9 in a burst", shown, "below every peer", ours < peer[1]
    for kind, least in (("order", 2.2), ("view", 3.5)):
        section = f"speed {kind}"
        ours, peer = (
            median(found, section, OURS, "flow.events_per_second"),
            best(found, section, "flow.events_per_second", max),
        )
        if ours and peer:
            ratio = ours / peer[1]
            shown = f"{ours:,.0f} against {peer[1]:,.0f} ({peer[0]}), {ratio:.2f}x"
            yield f"{kind}s a second, end to end, over the best peer", shown, f"≥ {least}x", ratio >= least
    for kind in ("order", "view"):
        ours, limit = (
            median(found, f"speed {kind}", OURS, "flow.events_per_second"),
            median(found, f"limits {kind}", "limits", "sum_us"),
        )
        if ours and limit:
            took = 1e6 / ours
            shown = f"{took:.1f} against {limit:.1f} µs, {took / limit:.2f}x"
            yield f"time of one {kind} end to end, over the sum of the limits", shown, "≤ 1.25x", took / limit <= 1.25
    yield from _memory(found)
    yield from _stall(found)
    if (value := median(found, "import", OURS, "first_event_ms")) is not None:
        yield "import to the first typed event", f"{value:.0f} ms", "≤ 120 ms", value <= 120
    yield from _loss(found)


def _memory(found: Results) -> Iterator[tuple[str, str, str, bool]]:
    for title, field, form, goal, most in (
        ("resident memory with 100,000 orders waiting", "total_mb", "{:.0f} MB", "≤ 70 MB", 70),
        ("longest garbage collection meanwhile", "longest_gc_ms", "{:.1f} ms", "≤ 10 ms", 10),
    ):
        value = median(found, "memory", OURS, field)
        if value is not None:
            yield title, form.format(value), goal, value <= most


def _stall(found: Results) -> Iterator[tuple[str, str, str, bool]]:
    for title, field, most in (("p99", "p99_ms", 1.5), ("worst", "worst_ms", 5.0)):
        over = [
            (median(found, "stall", OURS, f"{when}_{field}"), median(found, "stall", "bare loop", f"{when}_{field}"))
            for when in ("up", "down", "back")
        ]
        if all(ours is not None and bare is not None for ours, bare in over):
            values = [max(0.0, (ours or 0.0) - (bare or 0.0)) for ours, bare in over]
            shown = " / ".join(number(1)(value) for value in values) + " ms (up / down / back)"
            yield f"loop standstill over the bare loop, {title}", shown, f"≤ {most} ms", max(values) <= most

    up, down = (median(found, "stall", OURS, f"{when}_call_p99_us") for when in ("up", "down"))
    if up and down:
        shown = f"{down:,.0f} against {up:,.0f} µs, {down / up:.1f}x"
        yield "`track(order)` p99 while the sink is down, over the usual", shown, "≤ 5x", down / up <= 5


def _loss(found: Results) -> Iterator[tuple[str, str, str, bool]]:
    rows = [rounds[0] for section, sdks in found.items() if section.startswith("loss ") for name, rounds in sdks.items()
            if name == OURS]  # fmt: skip
    if rows:
        lost, twice = sum(row["lost"] for row in rows), sum(row["doubled"] for row in rows)
        tracked = sum(row["tracked"] for row in rows)
        shown = f"{lost} lost and {twice} twice of {tracked:,}, {len(rows)} faults"
        yield "events lost or doubled under faults", shown, "0", lost == twice == 0
