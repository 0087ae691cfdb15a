"""A result as a web page that needs no network: table, warnings, the question as understood, and its chart.

The chart's scripts (Vega, Vega-Lite) are written into the page; without the extra ``charts`` the page says what it
lacks and shows the table. Light or dark follows the reader's system, and changes with it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecomtrack_sdk.errors import MissingExtraError
from ecomtrack_sdk.reports import REPORTS
from ecomtrack_sdk.reports._charts import Spec, chart_of
from ecomtrack_sdk.reports._format import title_of
from ecomtrack_sdk.reports._render import html_table

if TYPE_CHECKING:
    from ecomtrack_sdk.reports._base import Result

__all__ = ["page", "picture", "write_pages"]

SCRIPT_FILE = "charts.js"
"""The scripts of a linked set of pages, beside them: once instead of 0.9 MB in each."""

_STYLE = """
:root { color-scheme: light dark; --ground: #fff; --text: #1c2430; --soft: #5d6875; --line: #e3e7ec; --mark: #3b6fd4;
  --note: #fff6e0; --note-line: #e5b94e; }
@media (prefers-color-scheme: dark) { :root {
  --ground: #14181e; --text: #e6eaf0; --soft: #98a3b0; --line: #2b323c;
  --mark: #7fa6f0; --note: #2e2714; --note-line: #8a6d22; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.5rem 4rem; max-width: 76rem; background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; }
.question { margin: 0 0 .3rem; font-size: 1.05rem; }
.query, .more, .empty, footer { color: var(--soft); }
.chart { margin: 1.6rem 0; width: 100%; min-height: 4rem; }
.chart > div { width: 100%; margin-bottom: 1rem; }
.warnings { list-style: none; margin: 1rem 0; padding: 0; }
.warnings li { background: var(--note); border-left: 3px solid var(--note-line); padding: .5rem .8rem;
  margin: .3rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .45rem .7rem; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
th { position: sticky; top: 0; background: var(--ground); white-space: nowrap; }
.number { text-align: right; }
.number, .nowrap { white-space: nowrap; }
td:not(.number) { min-width: 6.5em; }
tbody tr:hover { background: color-mix(in srgb, var(--mark) 8%, transparent); }
nav { margin-bottom: 1.5rem; display: flex; flex-wrap: wrap; gap: .3rem .9rem; }
a { color: var(--mark); }
nav a[aria-current] { color: var(--text); font-weight: 600; text-decoration: none; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1rem; padding: 0; }
.cards li { list-style: none; border: 1px solid var(--line); border-radius: .5rem; padding: 1rem; }
"""
_DRAW = """
const specs = JSON.parse(document.getElementById("specs").textContent);
const place = document.querySelector(".chart");
const scheme = window.matchMedia("(prefers-color-scheme: dark)");
async function draw() {
  const dark = scheme.matches, text = dark ? "#c9d2dc" : "#394452", line = dark ? "#2b323c" : "#e3e7ec";
  const config = {
    background: "transparent", font: "system-ui, sans-serif", view: {stroke: null},
    axis: {labelColor: text, titleColor: text, gridColor: line, domainColor: line, tickColor: line, labelFontSize: 12},
    legend: {labelColor: text, titleColor: text, labelFontSize: 12}, title: {color: text}, text: {color: text},
  };
  place.replaceChildren();
  for (const spec of specs) {
    const box = document.createElement("div");
    place.append(box);
    await vegaEmbed(box, spec, {actions: false, renderer: "svg", logLevel: 1, config});
  }
  document.documentElement.dataset.charts = String(specs.length);
}
scheme.addEventListener("change", draw);
draw();
"""


@cache
def _scripts() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script.

    Raises:
        MissingExtraError: ``vl-convert-python`` is not installed.
    """
    try:
        import vl_convert
    except ImportError:
        raise MissingExtraError("vl-convert-python", "charts") from None
    bundle: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]
    return bundle.replace("</script", "<\\/script")


def _specs(result: Result[Any]) -> list[Spec]:
    """The charts of a result, one below the other: several where amounts are in several currencies."""
    spec = chart_of(result)
    if spec is None:
        return []
    if "panels" not in spec:
        return [spec]
    shared = {name: value for name, value in spec.items() if name != "panels"}
    return [{**shared, **panel} for panel in spec["panels"]]


def _asked(result: Result[Any]) -> str:
    """The parameters that say something, as a sentence."""
    said = []
    for name, value in result.query.items():
        if value in (None, [], {}, (), "", False) or isinstance(value, dict):
            continue
        text = ", ".join(str(part) for part in value) if isinstance(value, list | tuple) else str(value)
        said.append(f"{name.replace('_', ' ')} {text}")
    return " · ".join(said)


def _head(title: str) -> str:
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<link rel="icon" href="data:,">\n<style>{_STYLE}</style>\n</head>\n<body>\n'
    )


def page(result: Result[Any], *, links: Mapping[str, str] | None = None, script: str | None = None) -> str:
    """*result* as one HTML document.

    Args:
        result: What to show.
        links: Title → address of the other pages of a set.
        script: Address of the chart scripts; written into the page when absent.
    """
    name = result.report.name
    nav = ""
    if links:
        here = f"{name}.html"
        items = [
            f'<a href="{escape(address)}"{" aria-current=page" if address == here else ""}>{escape(title)}</a>'
            for title, address in links.items()
        ]
        nav = f"<nav>{''.join(items)}</nav>\n"
    warnings = "".join(
        f'<li data-code="{escape(warning.code)}">{escape(warning.message[:1].upper() + warning.message[1:])}</li>'
        for warning in result.warnings
    )
    specs = _specs(result)
    chart, note = "", ""
    if specs:
        try:
            source = f'<script src="{escape(script)}"></script>' if script else f"<script>{_scripts()}</script>"
        except MissingExtraError as missing:
            note = f"<p>The chart is left out: {escape(str(missing))}</p>\n"
        else:
            # Data inside a script element ends at "</": no text of the shop's may end it early.
            data = json.dumps(specs, ensure_ascii=False).replace("</", "<\\/")
            chart = f'<script id="specs" type="application/json">{data}</script>\n{source}\n<script>{_DRAW}</script>\n'
    return (
        f"{_head(title_of(name))}{nav}<h1>{escape(title_of(name))}</h1>\n"
        f'<p class="question">{escape(REPORTS[name])}</p>\n<p class="query">{escape(_asked(result))}</p>\n'
        + (f'<ul class="warnings">{warnings}</ul>\n' if warnings else "")
        + ('<div class="chart"></div>\n' if chart else "")
        + f'<div class="scroll">{html_table(result)}</div>\n{note}{chart}</body>\n</html>\n'
    )


def picture(result: Result[Any], kind: str = "svg", *, width: int = 900) -> bytes:
    """The chart as SVG or PNG, for mails; *width* in pixels.

    Raises:
        MissingExtraError: ``vl-convert-python`` is not installed.
        ValueError: There is nothing to draw, or *kind* is neither ``svg`` nor ``png``.
    """
    try:
        import vl_convert
    except ImportError:
        raise MissingExtraError("vl-convert-python", "charts") from None
    specs = _specs(result)
    if not specs:
        raise ValueError(f"{result.report.name} has nothing to draw")
    spec = {**specs[0], "width": width, "background": "white"}
    if kind == "svg":
        return str(vl_convert.vegalite_to_svg(spec)).encode()
    if kind == "png":
        return bytes(vl_convert.vegalite_to_png(spec, scale=2))
    raise ValueError("kind must be svg or png")


def write_pages(results: Mapping[str, Result[Any] | str], directory: Path) -> Path:
    """A linked set of pages: ``index.html``, one page a report, the chart scripts once.

    Args:
        results: Name of a report → its result, or the reason why there is none.
        directory: Made where it does not exist; pages of the same names are replaced.

    Returns:
        The index.
    """
    directory.mkdir(parents=True, exist_ok=True)
    answered = {name: result for name, result in results.items() if not isinstance(result, str)}
    links = {"All reports": "index.html", **{title_of(name): f"{name}.html" for name in answered}}
    script: str | None = SCRIPT_FILE
    try:
        (directory / SCRIPT_FILE).write_text(_scripts(), encoding="utf-8")
    except MissingExtraError as missing:
        sys.stderr.write(f"{missing}\n")
        script = None
    for name, result in answered.items():
        (directory / f"{name}.html").write_text(page(result, links=links, script=script), encoding="utf-8")
    cards = ""
    for name, reason in results.items():
        title = f"<strong>{escape(title_of(name))}</strong>"
        if name in answered:
            cards += f'<li><a href="{escape(name)}.html">{title}</a><br>{escape(REPORTS[name])}</li>'
        else:
            cards += f'<li>{title}<br>{escape(REPORTS[name])}<br><span class="query">{escape(str(reason))}</span></li>'
    index = directory / "index.html"
    index.write_text(
        f'{_head("Reports")}<h1>Reports</h1>\n<ul class="cards">{cards}</ul>\n</body>\n</html>\n', encoding="utf-8"
    )
    return index
