"""Writes the reference pages from the code: events, commands, reports, errors, limits.

The pages are kept in the repository so that they can be read there; a build of the documentation renews them, and a
test fails when they have fallen behind.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

from ecomtrack_sdk import _wire, errors, reports
from ecomtrack_sdk.cli._app import COMMANDS, EPILOG, root
from ecomtrack_sdk.cli.report import question_of
from ecomtrack_sdk.events import EVENT_CLASSES
from ecomtrack_sdk.reports._params import Params

sys.path.insert(0, str(Path(__file__).parent))

from licences import licences

DOCS = Path(__file__).parent
LICENCES_OF = (3, 11)
"""The Python whose packages are listed: later ones need fewer."""
PARTS = ("Item", "Product", "RefundItem", "Customer", "Context", "Address", "Acquisition")


def pages() -> dict[str, str]:
    """Every generated page: path below ``docs`` → text."""
    found = {
        "reference/events.md": events(),
        "reference/cli.md": commands(),
        "reference/errors.md": error_tree(),
        "reference/limits.md": limits(),
        "reports/index.md": report_index(),
    }
    if sys.version_info[:2] == LICENCES_OF:
        found["licences.md"] = licences()
    found["architecture.md"] = with_files((DOCS / "architecture.md").read_text(encoding="utf-8"))
    found |= {f"reports/{name}.md": report_page(name) for name in reports.REPORTS}
    return found


def main() -> None:
    """Write the pages that have changed and remove those whose report has gone."""
    wanted = pages()
    for name, text in wanted.items():
        path = DOCS / name
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in (DOCS / "reports").glob("*.md"):
        if f"reports/{path.name}" not in wanted:
            path.unlink()


# --- events ----------------------------------------------------------------------------------------------------------


def events() -> str:
    """One section per event with a table of its fields, then the parts they are made of."""
    from pydantic import TypeAdapter

    from ecomtrack_sdk.events import AnyEvent

    definitions = TypeAdapter(AnyEvent).json_schema()["$defs"]
    envelope = {"event_id", "occurred_at", "visitor_id", "customer", "context", "type"}
    first = definitions["ViewPage"]
    lines = [
        "# Events",
        "",
        "Every event is a frozen class of `ecomtrack_sdk`; its wire `type` is the name in snake case. Unknown fields",
        "are refused. Amounts are decimal strings in the event's `currency`; in Python `Decimal`, `str` and `int` will",
        "do, floats are refused. `ecomtrack schema` prints the JSON Schema of all of them.",
        "",
        "## The envelope",
        "",
        "What every event has.",
        "",
        *_fields(first, [name for name in first["properties"] if name in envelope - {"type"}]),
    ]
    for wire_type, cls in EVENT_CLASSES.items():
        schema = definitions[cls.__name__]
        own = [name for name in schema["properties"] if name not in envelope]
        if "customer" in schema.get("required", ()):
            own = ["customer", *own]
        lines += ["", f"## {cls.__name__}", "", f"Wire type `{wire_type}`. {_text(schema.get('description', ''))}", ""]
        lines += _fields(schema, own)
    lines += ["", "## Parts", "", "What events are made of."]
    for name in PARTS:
        schema = definitions[name]
        lines += [
            "",
            f"### {name}",
            "",
            _text(schema.get("description", "")),
            "",
            *_fields(schema, schema["properties"]),
        ]
    return "\n".join(lines) + "\n"


def _fields(schema: dict[str, Any], names: Any) -> list[str]:
    if not names:
        return ["No fields beside the envelope."]
    rows = []
    for name in names:
        info = schema["properties"][name]
        needed = " **required**" if name in schema.get("required", ()) else ""
        rows.append(f"| `{name}` | {_kind(info)}{needed} | {_cell(_text(info.get('description', '')))} |")
    return ["| field | | meaning |", "|---|---|---|", *rows]


def _kind(info: dict[str, Any]) -> str:
    """A word for a JSON type."""
    if "$ref" in info:
        name = info["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    options = [option for option in info.get("anyOf", ()) if option.get("type") != "null"]
    if options:
        return " or ".join(dict.fromkeys(_kind(option) for option in options))
    if info.get("type") == "array":
        return f"list of {_kind(info.get('items', {}))}"
    if "enum" in info or "const" in info:
        return " \\| ".join(f"`{word}`" for word in info.get("enum", [info.get("const")]))
    pattern = info.get("pattern", "")
    if "{1,14}" in pattern:
        return "amount"
    if "{8}-" in pattern:
        return "UUID"
    if pattern == "^[A-Z]{3}$":
        return "currency"
    return (
        "time"
        if info.get("format") == "date-time"
        else {"string": "text", "integer": "number"}.get(info.get("type", ""), info.get("type", "JSON"))
    )


# --- commands --------------------------------------------------------------------------------------------------------


def commands() -> str:
    """One section per command; reports, which are many, have pages of their own."""
    lines = ["# Command line", "", f"`ecomtrack COMMAND --help` says the same. {EPILOG}", ""]
    lines += [
        "Commands that talk to a collector find it by `--url` and `--key` (or `ECOMTRACK_URL` and `ECOMTRACK_KEY`), by",
        "`--data` (or `ECOMTRACK_DATA`), or, when none is given, the one that runs on the user's own data directory.",
    ]
    group = root()
    for name in COMMANDS:
        lines += _command(group.get_command(None, name), f"ecomtrack {name}")
    return "\n".join(lines) + "\n"


def _command(command: Any, path: str, level: int = 2) -> list[str]:
    lines = ["", f"{'#' * level} {path}", "", _text(command.help or "")]
    if path == "ecomtrack report":
        names = ", ".join(f"[{name}](../reports/{name}.md)" for name in reports.REPORTS)
        common = _options(command.get_command(None, next(iter(reports.REPORTS))))
        every = _command(command.get_command(None, "all"), f"{path} all", level + 1)
        return [*lines, "", f"Reports: {names}.", "", "What all of them take:", "", *common, *every]
    if hasattr(command, "list_commands"):
        for name in command.list_commands(None):
            lines += _command(command.get_command(None, name), f"{path} {name}", level + 1)
        return lines
    return [*lines, "", *_options(command)]


def _options(command: Any) -> list[str]:
    rows = []
    for parameter in command.params:
        if parameter.name == "help":
            continue
        if parameter.param_type_name == "argument":
            name = parameter.metavar or parameter.name.upper()
        else:
            taking = (
                ""
                if parameter.is_flag
                else f" {parameter.metavar or ('NUMBER' if isinstance(parameter.default, int | float) else 'TEXT')}"
            )
            name = f"{', '.join(parameter.opts)}{taking}"
        text = _text(getattr(parameter, "help", "") or "")
        default = parameter.default
        if parameter.param_type_name == "option" and isinstance(default, str | int) and not isinstance(default, bool):
            text += f" Default: `{default}`."
        rows.append(f"| `{_cell(name)}` | {_cell(text)} |")
    return ["| option | |", "|---|---|", *rows]


# --- reports ---------------------------------------------------------------------------------------------------------


def report_index() -> str:
    """The list of reports with the question each answers."""
    rows = [f"| [{name}]({name}.md) | {_cell(question)} |" for name, question in reports.REPORTS.items()]
    return "\n".join(
        [
            "# Reports",
            "",
            "Each is a command (`ecomtrack report NAME`), a route (`GET /v1/reports/NAME`) and a page of the console,",
            "with the same parameters and the same answer: `{report, query, rows, warnings}`. Amounts are decimal",
            "strings, times ISO 8601. A column keeps its name and meaning once released. Terms are defined in the",
            "[glossary](../glossary.md).",
            "",
            "| report | question |",
            "|---|---|",
            *rows,
            "",
            "```{toctree}",
            ":hidden:",
            *reports.REPORTS,
            "```",
            "",
        ]
    )


def report_page(name: str) -> str:
    """The report's own text, its parameters beyond those of all reports, its columns."""
    found = reports.get(name)
    own = [
        (info.alias or field, info)
        for field, info in found.params.model_fields.items()
        if field not in Params.model_fields
    ]
    lines = [f"# {name}", "", question_markdown(found), "", "## Parameters", ""]
    if own:
        lines += ["| parameter | default | meaning |", "|---|---|---|"]
        for field, info in own:
            default = "**required**" if info.is_required() else _default(info)
            lines.append(f"| `{field}` | {default} | {_cell(_text(info.description or ''))} |")
        lines += ["", "Beside these the parameters of every report: " + ", ".join(f"`{f}`" for f in _common()) + "."]
    else:
        lines.append("Those of every report: " + ", ".join(f"`{field}`" for field in _common()) + ".")
    if found.filters:
        lines += ["", f"`where` knows: {', '.join(f'`{field}`' for field in sorted(found.filters))}."]
    lines += ["", "## Columns", "", "| column | | meaning |", "|---|---|---|"]
    for field, info in found.row.model_fields.items():
        unit = found.units[field]
        lines.append(f"| `{field}` | {unit.kind if unit else ''} | {_cell(_text(info.description or ''))} |")
    return "\n".join(lines) + "\n"


def question_markdown(found: Any) -> str:
    """The docstring of the report; double backticks are code in Markdown as well."""
    text = found.doc or sys.modules[f"ecomtrack_sdk.reports.{found.name}"].__doc__ or question_of(found)
    return inspect.cleandoc(text)


def _default(info: Any) -> str:
    value = info.get_default(call_default_factory=True)
    return "" if value in (None, (), [], {}) else f"`{_cell(str(value))}`"


def _common() -> list[str]:
    return [info.alias or field for field, info in Params.model_fields.items()]


# --- errors and limits -----------------------------------------------------------------------------------------------


def error_tree() -> str:
    """The tree as drawn in the module, then each class with its sentence."""
    tree = inspect.cleandoc(errors.__doc__ or "").partition("::\n")[2]
    lines = [
        "# Errors",
        "",
        "Whose fault it is stands in the type.",
        "",
        "```text",
        inspect.cleandoc(tree).strip("\n"),
        "```",
        "",
    ]
    for name in errors.__all__:
        sentence = inspect.cleandoc(getattr(errors, name).__doc__ or "").split("\n\n")[0]
        lines += [f"`{name}`", f": {_text(sentence)}", ""]
    return "\n".join(lines)


def limits() -> str:
    """The limits of the wire with their reasons, from the source: a docstring under each field."""
    tree = ast.parse(inspect.getsource(_wire.Limits))
    body = tree.body[0].body  # type: ignore[attr-defined]
    rows = []
    for field, text in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            name = ast.unparse(field.target)
            rows.append(f"| `{name}` | {getattr(_wire.LIMITS, name):,} | {_cell(_text(str(text.value.value)))} |")
    lines = ["# Limits of the wire", "", "All in one table (`ecomtrack_sdk._wire.Limits`), each with its reason.", ""]
    return "\n".join([*lines, "| limit | value | why |", "|---|---:|---|", *rows]) + "\n"


# --- files -----------------------------------------------------------------------------------------------------------

ROOMS = (
    "",
    "events",
    "_delivery",
    "integrations",
    "store",
    "store/models",
    "reports",
    "reports/models",
    "collector",
    "cli",
)


def with_files(text: str) -> str:
    """The architecture page with its list of files renewed: the first line of each module."""
    head, mark, rest = text.partition("<!-- files: written by docs/generate.py -->\n")
    tail = rest.partition("<!-- end of files -->")
    return head + mark + "\n".join(_files()) + "\n" + tail[1] + tail[2]


def _files() -> list[str]:
    source = DOCS.parent / "src" / "ecomtrack_sdk"
    folders = {path.parent.relative_to(source).as_posix().removeprefix(".") for path in source.rglob("*.py")}
    lines: list[str] = []
    for room in sorted(folders, key=lambda room: (ROOMS.index(room) if room in ROOMS else len(ROOMS), room)):
        lines += ["", f"`{room}/`" if room else "`ecomtrack_sdk/`", ""]
        for path in sorted((source / room).glob("*.py")):
            doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            sentence = _text(doc.split("\n\n")[0])
            lines.append(f"- `{path.name}`: {sentence}")
    return [*lines, ""]


# --- text ------------------------------------------------------------------------------------------------------------


def _text(text: str) -> str:
    """A docstring as one paragraph of Markdown."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text)
    text = re.sub(r"``([^`]+)``", r"`\1`", text)
    return re.sub(r"\s+", " ", text).strip()


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    main()
