"""``ecomtrack report``: the same answer from a collector and from its files, in every form."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from ecomtrack_sdk.reports import REPORTS
from tests.cli.conftest import Command, Running

COLUMNS = [
    "period",
    "currency",
    "orders",
    "units",
    "customers",
    "gross",
    "discounts",
    "shipping",
    "tax",
    "refunds",
    "cancelled",
    "net",
    "aov",
]
"""Of revenue; scripts rely on them."""


@pytest.fixture
def filled(ecomtrack: Command, collector: Running, orders_jsonl: Path) -> Running:
    """A collector that has two orders and a refund."""
    assert ecomtrack("send", orders_jsonl, "--data", collector.data).code == 0
    return collector


def test_contract(ecomtrack: Command, filled: Running):
    """JSON is report, query, rows and warnings; the columns of revenue are those promised."""
    body = ecomtrack("report", "revenue", "--by", "month", "--data", filled.data, "--json").json()
    assert list(body) == ["report", "query", "rows", "warnings"]
    assert body["report"] == "revenue"
    assert body["query"]["by"] == "month"
    assert [list(row) for row in body["rows"]] == [COLUMNS, COLUMNS]
    assert [(row["period"], row["gross"], row["refunds"], row["net"]) for row in body["rows"]] == [
        ("2026-01-01", "39.80", "19.90", "19.90"),
        ("2026-02-01", "100.00", "0.00", "100.00"),
    ]


def test_same_answer_from_collector_address_and_files(ecomtrack: Command, own_collector: Running, orders_jsonl: Path):
    """By address, through the data directory, and from the files of a collector that has gone."""
    ecomtrack("send", orders_jsonl, "--data", own_collector.data)
    options = ("--by", "month", "--basis", "action", "--time-zone", "Europe/Vienna", "--json")
    there = ecomtrack(
        "report", "revenue", *options, "--url", own_collector.url, "--key", own_collector.keys["read"]
    ).json()
    beside = ecomtrack("report", "revenue", *options, "--data", own_collector.data).json()
    assert own_collector.stop() == 0
    alone = ecomtrack("report", "revenue", *options, "--data", own_collector.data).json()
    assert there == beside == alone
    assert [row["refunds"] for row in alone["rows"]] == ["0.00", "19.90"]


def test_bounds_are_half_open(ecomtrack: Command, filled: Running):
    """--to is exclusive."""
    words = ("report", "revenue", "--from", "2026-01-01", "--data", filled.data, "--json")
    assert len(ecomtrack(*words, "--to", "2026-02-05").json()["rows"]) == 1
    assert len(ecomtrack(*words, "--to", "2026-02-06").json()["rows"]) == 2


def test_every_form(ecomtrack: Command, filled: Running, tmp_path: Path):
    """CSV has a heading and the JSON's values, Markdown a table, HTML a page; a table needs no option."""
    words = ("report", "revenue", "--data", filled.data)
    lines = list(csv.DictReader(io.StringIO(ecomtrack(*words, "--csv").out)))
    assert lines[0]["net"] == "19.90"
    assert ecomtrack(*words, "--md").out.startswith("| Period")
    assert "€19.90" in ecomtrack(*words).out
    page = tmp_path / "revenue.html"
    assert ecomtrack(*words, "--html", page).code == 0
    assert "€19.90" in page.read_text(encoding="utf-8")


def test_sql(ecomtrack: Command):
    """--sql prints statements and needs no collector."""
    answer = ecomtrack("report", "revenue", "--sql", "--by", "week")
    assert answer.code == 0
    assert "select" in answer.out.lower()
    assert answer.out.rstrip().endswith(";")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("revnue",), "revenue"),
        (("revenue", "--by", "fortnight"), "by"),
        (("revenue", "--from", "yesterday"), "2026-01-31"),
        (("revenue", "--time-zone", "Mars"), "time zone"),
        (("revenue", "--where", "colour=red"), "colour"),
        (("revenue", "--currency", "EURO"), "ISO 4217"),
        (("revenue", "--json", "--csv"), "choose one"),
    ],
)
def test_wrong_usage(ecomtrack: Command, filled: Running, words: tuple[str, ...], says: str):
    """An unknown report or a wrong option is wrong usage and says what is allowed."""
    answer = ecomtrack("report", *words, "--data", filled.data)
    assert answer.code == 2
    assert says in answer.err
    assert answer.out == ""


def test_nothing_there(ecomtrack: Command, tmp_path: Path):
    """Without files it says how to begin; a collector that does not answer is a failure."""
    missing = ecomtrack("report", "revenue", "--data", tmp_path / "none")
    assert missing.code == 2
    assert "ecomtrack collector" in missing.err
    silent = ecomtrack("report", "revenue", "--url", "http://127.0.0.1:9", "--key", "k")
    assert silent.code == 1
    assert "no collector answers" in silent.err


def test_every_report_has_a_command(ecomtrack: Command):
    """The list names each report with its question, and each has a help of its own."""
    overview = ecomtrack("report", "--help").out
    for name in REPORTS:
        assert name in overview
        answer = ecomtrack("report", name, "--help")
        assert answer.code == 0, name
        assert "--time-zone" in answer.out


def test_all_reports_as_pages(ecomtrack: Command, filled: Running, tmp_path: Path):
    """``report all`` writes a linked set: an index, and a page for each report that needs no parameter."""
    answer = ecomtrack("report", "all", "--html", tmp_path / "out", "--data", filled.data, "--json")
    assert answer.code == 0, answer.err
    names = answer.json()["reports"]
    assert {"revenue", "orders"} <= set(names)
    index = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert all(f'href="{name}.html"' in index and (tmp_path / "out" / f"{name}.html").exists() for name in names)
    wrong = ecomtrack("report", "all", "--html", tmp_path / "out", "--data", filled.data, "--time-zone", "Mars")
    assert (wrong.code, "time_zone" in wrong.err) == (2, True)


def test_unlink_is_an_event(ecomtrack: Command, filled: Running):
    """A link is taken back by an event; without two ends it is wrong usage."""
    assert ecomtrack("unlink", "--visitor", "v1", "--email", "a@mail.example", "--data", filled.data).code == 0
    (event,) = ecomtrack("inspect", "--type", "custom", "--data", filled.data, "--json").json()["events"]
    assert (event["event"]["visitor_id"], event["event"]["customer"]["email"]) == ("v1", "a@mail.example")
    assert ecomtrack("unlink", "--visitor", "v1", "--data", filled.data).code == 2


def test_links_are_listed(ecomtrack: Command, filled: Running):
    """Browsers and customers held to be one person, all or those with a name; claims of a browser are told."""
    from ecomtrack_sdk import Customer, Identify, S2SClient

    for key, visitor in (("server", "v-said"), ("site", "v-claimed")):
        with S2SClient(filled.url, key=filled.keys[key]) as client:
            assert client.send([Identify(visitor_id=visitor, customer=Customer(id="c-links"))]).accepted == 1
    found = ecomtrack("links", "c-links", "--data", filled.data, "--json").json()["links"]
    assert [(link["kind"], link["name"], link["person"], link["verified"]) for link in found] == [
        ("visitor", "v-said", "c-links", True),
        ("visitor", "v-claimed", "c-links", False),
    ]
    table = ecomtrack("links", "--data", filled.data).out
    assert "the browser only" in table
    assert "No links with that name" in ecomtrack("links", "nobody", "--data", filled.data).out
