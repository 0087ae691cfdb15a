"""Small charts as SVG, drawn on the server: they need no script and obey the page's colours."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

__all__ = ["bars", "line"]

WIDTH, HEIGHT, PAD = 720, 180, 24
MAX_BARS = 40
"""Bars that can still be told apart at this width."""


def line(points: Sequence[tuple[str, float]], title: str, before: Sequence[float | None] | None = None) -> Markup:
    """A line over time.

    Args:
        points: (label, value) from left to right.
        title: What it shows.
        before: Values of the time before at the same places, drawn as a dashed line.
    """
    if len(points) < 2:
        return Markup("")
    values = [value for _, value in points]
    known = [*values, *(value for value in before or () if value is not None)]
    low, high = min(0.0, *known), max(0.0, *known)
    span = (high - low) or 1.0
    step = (WIDTH - 2 * PAD) / (len(points) - 1)

    def y(value: float) -> float:
        return PAD + (HEIGHT - 2 * PAD) * (high - value) / span

    path = " ".join(
        f"{'L' if index else 'M'}{PAD + index * step:.1f} {y(value):.1f}" for index, value in enumerate(values)
    )
    earlier = [
        f"{PAD + index * step:.1f} {y(value):.1f}" for index, value in enumerate(before or ()) if value is not None
    ]
    dashed = f'<polyline points="{" ".join(earlier)}" class="before"/>' if len(earlier) > 1 else ""
    area = f"{path} L{PAD + (len(values) - 1) * step:.1f} {y(0):.1f} L{PAD} {y(0):.1f} Z"
    marks = "".join(
        f'<circle cx="{PAD + index * step:.1f}" cy="{y(value):.1f}" r="6" class="hit">'
        f"<title>{escape(label)}: {value:,.2f}</title></circle>"
        for index, (label, value) in enumerate(points)
    )
    return Markup(  # noqa: S704  # labels are escaped above, all else are numbers
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f'<line x1="{PAD}" x2="{WIDTH - PAD}" y1="{y(0):.1f}" y2="{y(0):.1f}" class="axis"/>'
        f'<path d="{area}" class="area"/>{dashed}<path d="{path}" class="stroke"/>{marks}'
        f'<text x="{PAD}" y="{HEIGHT - 4}" class="tick">{escape(points[0][0])}</text>'
        f'<text x="{WIDTH - PAD}" y="{HEIGHT - 4}" class="tick end">{escape(points[-1][0])}</text>'
        f'<text x="{PAD}" y="14" class="tick">{high:,.0f}</text></svg>'
    )


def bars(points: Sequence[tuple[str, float]], title: str) -> Markup:
    """Horizontal bars, longest value as wide as the chart; at most 40 of them."""
    points = points[:MAX_BARS]
    high = max((value for _, value in points), default=0.0)
    if not points or high <= 0:
        return Markup("")
    row = 26
    label_width = 220
    parts = []
    for index, (label, value) in enumerate(points):
        y = index * row
        width = max(0.0, value) / high * (WIDTH - label_width - 90)
        short = label if len(label) <= 32 else label[:31] + "…"
        parts.append(
            f'<text x="0" y="{y + 17}" class="tick">{escape(short)}</text>'
            f'<rect x="{label_width}" y="{y + 5}" width="{width:.1f}" height="16" rx="3" class="bar">'
            f"<title>{escape(label)}: {value:,.2f}</title></rect>"
            f'<text x="{label_width + width + 6:.1f}" y="{y + 17}" class="tick">{value:,.4g}</text>'
        )
    height = len(points) * row
    return Markup(  # noqa: S704  # labels are escaped above, all else are numbers
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )
