"""``ecomtrack report NAME``: one command per report, made from its parameters."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic.fields import FieldInfo
from typer.core import TyperGroup

from ecomtrack_sdk.cli._output import Json, print_json, progress, said
from ecomtrack_sdk.cli._places import DataOption, KeyOption, UrlOption, data_directory, find_remote, running
from ecomtrack_sdk.errors import BadParameter, ConfigError, TransportError

METAVARS = {"from": "DATE", "to": "DATE", "where": "FIELD=VALUE", "rates": "CURRENCY=RATE", "time_zone": "NAME",
            "currency": "CODE", "convert": "CODE", "counted": "STATUS"}  # fmt: skip

ALL = "all"
"""Instead of a name: every report at once."""


class Dialect(StrEnum):
    """Engines there is SQL for."""

    DUCKDB = "duckdb"
    CLICKHOUSE = "clickhouse"


OUTPUT = {
    "as_json": Json,
    "as_csv": Annotated[bool, typer.Option("--csv", help="Print CSV.")],
    "as_markdown": Annotated[bool, typer.Option("--md", help="Print a Markdown table.")],
    "html": Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page with table and chart.")],
    "as_sql": Annotated[bool, typer.Option("--sql", help="Print the SQL instead of running it.")],
    "dialect": Annotated[
        Dialect, typer.Option("--dialect", metavar="duckdb|clickhouse", help="Whose SQL --sql prints.")
    ],
    "data": DataOption,
    "url": UrlOption,
    "key": KeyOption,
}


class Reports(TyperGroup):
    """A command for each report there is."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Names of the reports, and ``all`` of them."""
        from ecomtrack_sdk.reports import REPORTS

        return [*REPORTS, ALL]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """The command of one report.

        Raises:
            UnknownReport: There is none of that name.
        """
        from ecomtrack_sdk.reports import REPORTS, get

        if cmd_name == ALL:
            sub = typer.Typer(add_completion=False)
            sub.command(ALL)(everything)
            return typer.main.get_command(sub)
        command = _command(get(cmd_name))
        command.short_help = REPORTS[cmd_name]
        return command


app = typer.Typer(cls=Reports, add_completion=False, no_args_is_help=True)


@app.callback()
def report() -> None:
    """Ask for a report. It is answered by the collector running here, by --url, or from its files."""


def _command(found: Any) -> Any:
    """A Typer command whose options are the report's parameters."""

    def run(**given: Any) -> None:
        output = {name: given.pop(name) for name in OUTPUT}
        asked = {names[name]: value for name, value in given.items() if value not in (None, [], ())}
        _answer(found, asked, **output)

    names = {field: info.alias or field for field, info in found.params.model_fields.items()}
    parameters = [
        inspect.Parameter(field, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_option(names[field], info))
        for field, info in found.params.model_fields.items()
    ]
    defaults: dict[str, Any] = {"html": None, "data": None, "url": None, "key": None, "dialect": Dialect.DUCKDB}
    parameters += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=defaults.get(name, False), annotation=kind)
        for name, kind in OUTPUT.items()
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__doc__ = question_of(found)
    sub = typer.Typer(add_completion=False)
    sub.command(found.name)(run)
    return typer.main.get_command(sub)


def question_of(found: Any) -> str:
    """What a report says about itself: the text of its file, formulas as plain text."""
    text = found.doc or sys.modules[f"ecomtrack_sdk.reports.{found.name}"].__doc__ or ""
    return inspect.cleandoc(text).replace("``", "")


def _option(name: str, info: FieldInfo) -> Any:
    """The option of one parameter: repeatable for lists, a switch for booleans, else text that the report checks."""
    option = "--" + name.replace("_", "-")
    kinds = get_args(info.annotation) or (info.annotation,)
    default = info.get_default(call_default_factory=True) if not info.is_required() else None
    help_text = (info.description or "").replace("``", "")
    if default not in (None, (), [], {}, False):
        help_text += f" Default: {default}."
    if info.annotation is bool:
        return Annotated[bool | None, typer.Option(option, help=help_text)]
    many = get_origin(info.annotation) in (tuple, list, dict)
    metavar = METAVARS.get(name) or _choices(info) or ("NUMBER" if int in kinds else "TEXT")
    if many:
        return Annotated[list[str] | None, typer.Option(option, metavar=metavar, help=f"{help_text} Repeatable.")]
    return Annotated[str | None, typer.Option(option, metavar=metavar, help=help_text)]


def _choices(info: FieldInfo) -> str | None:
    """``day|week|month`` for a parameter that takes one of a few words."""
    for kind in (info.annotation, *get_args(info.annotation)):
        if get_origin(kind) is Literal:
            return "|".join(str(word) for word in get_args(kind))
    return None


def _answer(
    found: Any,
    asked: dict[str, Any],
    *,
    as_json: bool,
    as_csv: bool,
    as_markdown: bool,
    html: Path | None,
    as_sql: bool,
    dialect: Dialect,
    data: Path | None,
    url: str | None,
    key: str | None,
) -> None:
    if sum((as_json, as_csv, as_markdown, as_sql)) > 1:
        raise ConfigError("choose one of --json, --csv, --md and --sql")
    params = found.parse(asked)
    if as_sql:
        from ecomtrack_sdk.store._dialect import CLICKHOUSE, DUCKDB

        typer.echo(found.to_sql(params, CLICKHOUSE if dialect is Dialect.CLICKHOUSE else DUCKDB))
        return
    from ecomtrack_sdk.cli._results import print_result, result_of

    payload = _ask(found, asked, data, url, key)
    if as_json:
        print_json(payload)
    elif as_csv or as_markdown or html is None:
        print_result(result_of(payload), as_csv=as_csv, as_markdown=as_markdown)
    if html is not None:
        from ecomtrack_sdk.reports._page import page

        html.write_text(page(result_of(payload)), encoding="utf-8")
        said(f"Written: {html}")


def everything(
    *,
    html: Annotated[Path, typer.Option("--html", metavar="DIR", help="Folder for the pages; made when missing.")],
    from_: Annotated[str | None, typer.Option("--from", metavar="DATE", help="First day that counts.")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="DATE", help="First day that no longer counts.")] = None,
    time_zone: Annotated[str | None, typer.Option(metavar="NAME", help="Where a day begins. Default: UTC.")] = None,
    currency: Annotated[str | None, typer.Option(metavar="CODE", help="Only this currency.")] = None,
    data: DataOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: Json = False,
) -> None:
    """Write a linked set of pages: every report that needs no parameter of its own."""
    from ecomtrack_sdk.cli._results import result_of
    from ecomtrack_sdk.reports import REPORTS, get
    from ecomtrack_sdk.reports._page import write_pages

    given = {"from": from_, "to": to, "time_zone": time_zone, "currency": currency}
    asked = {name: value for name, value in given.items() if value is not None}
    results: dict[str, Any] = {}
    with progress(quiet=as_json) as bar:
        for name in bar.track(REPORTS, description="reports"):
            found = get(name)
            known = {info.alias or field for field, info in found.params.model_fields.items()}
            here = {option: value for option, value in asked.items() if option in known}
            try:
                found.parse(here)
            except BadParameter as error:
                if error.name in given:
                    raise
                results[name] = f"needs --{error.name.replace('_', '-')}"
                continue
            results[name] = result_of(_ask(found, here, data, url, key))
    index = write_pages(results, html)
    if as_json:
        print_json(
            {"index": str(index), "reports": [name for name, one in results.items() if not isinstance(one, str)]}
        )
    else:
        said(f"Written: {index}")


def _ask(found: Any, asked: dict[str, Any], data: Path | None, url: str | None, key: str | None) -> Any:
    """The report as JSON: from the collector named, from the one running here, or from the files."""
    remote = find_remote(url, key, data, "read")
    if remote is None:
        return _from_files(found, asked, data_directory(data))
    pairs = [
        (name, str(one)) for name, value in asked.items() for one in (value if isinstance(value, list) else [value])
    ]
    try:
        return remote.get(f"/v1/reports/{found.name}", pairs)
    except TransportError:
        place = data_directory(data)
        if url is not None or running(place) is None:
            raise
        # Its process number may have gone to another program: the files are then free.
        return _from_files(found, asked, place)


def _from_files(found: Any, asked: dict[str, Any], data: Path) -> Any:
    from ecomtrack_sdk.store import SqliteStore
    from ecomtrack_sdk.store._duckdb import DuckDBWarehouse

    path = data / "events.db"
    if not path.exists():
        raise ConfigError(
            f"there is no event log in {data}. Start a collector with: ecomtrack collector --data {data}, "
            "or name one with --url and --key"
        )
    with SqliteStore(path) as store, ExitStack() as stack:
        update: Callable[[int, int], None] | None = None

        def loaded(done: int, total: int) -> None:
            nonlocal update
            if update is None:  # a bar only where there is something to load: on a warm projection it costs 0.2 s
                bar = stack.enter_context(progress())
                task = bar.add_task("loading events", total=total)
                update = lambda done, total: bar.update(task, completed=done, total=total)  # noqa: E731
            update(done, total)

        warehouse = DuckDBWarehouse(store, data, progress=loaded)
        stack.callback(warehouse.close)
        return found.run(warehouse, found.parse(asked)).to_dict()
