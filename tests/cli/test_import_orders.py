"""``ecomtrack import orders``: real orders through a running collector, twice, and every way it can go wrong."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from urllib.request import Request, urlopen

from tests.cli.conftest import Command, Running

CDNOW = ("--map", "quantity=cds", "--map", "total=usd", "--currency", "USD", "--set", "status=completed")


def test_real_orders_twice(ecomtrack: Command, collector: Running, shared_data: Path):
    """6,919 real purchases imported twice count once: 244,091.94 over 18 months."""
    file = shared_data / "orders" / "cdnow_sample.csv"
    first = ecomtrack("import", "orders", file, *CDNOW, "--data", collector.data, "--json")
    assert (first.code, first.json()["accepted"], first.json()["duplicate"]) == (0, 6919, 0)
    second = ecomtrack("import", "orders", file, *CDNOW, "--data", collector.data, "--json")
    assert (second.code, second.json()["accepted"], second.json()["duplicate"]) == (0, 0, 6919)
    report = ecomtrack("report", "revenue", "--by", "month", "--data", collector.data, "--json").json()
    rows = report["rows"]
    assert len(rows) == 18
    assert sum(Decimal(row["gross"]) for row in rows) == Decimal("244091.94")
    assert sum(Decimal(row["net"]) for row in rows) == Decimal("244091.94")
    assert sum(row["orders"] for row in rows) == 6919
    assert {row["currency"] for row in rows} == {"USD"}
    assert report["warnings"] == []


ORDERS = """order_id,occurred_at,status,customer_email,product_id,product_name,category,quantity,price,discount,currency
1,2026-01-05T10:00:00+01:00,paid,a@mail.example,p1,Boots,Shoes > Boots,2,50.00,10.00,EUR
1,2026-01-05T10:00:00+01:00,paid,a@mail.example,p2,Socks,Shoes,1,5.00,,EUR
2,2026-01-06,canceled,b@mail.example,p1,Boots,Shoes > Boots,1,50,,EUR
"""


def test_named_columns_need_no_map(ecomtrack: Command, collector: Running, tmp_path: Path):
    """Columns with the names of the fields are found; lines of one order share its id."""
    file = tmp_path / "orders.csv"
    file.write_text(ORDERS)
    answer = ecomtrack("import", "orders", file, "--data", collector.data)
    assert answer.code == 0
    assert "2 orders" in answer.out
    assert "95.00 EUR" in answer.out  # the preview
    rows = ecomtrack("report", "revenue", "--data", collector.data, "--json").json()["rows"]
    assert [(row["gross"], row["cancelled"], row["net"], row["orders"], row["units"]) for row in rows] == [
        ("145.00", "50.00", "95.00", 1, 3)
    ]


def test_dry_run_sends_nothing(ecomtrack: Command, tmp_path: Path):
    """--dry-run needs no collector, tells what is wrong with which line, and ends with 3 when something is."""
    file = tmp_path / "orders.csv"
    file.write_text(ORDERS + "3,yesterday,paid,c@mail.example,p1,Boots,Shoes,1,50,,EUR\n")
    answer = ecomtrack("import", "orders", file, "--dry-run")
    assert answer.code == 3
    assert "Nothing was sent" in answer.out
    assert "line 5, order 3: occurred_at" in answer.out
    body = ecomtrack("import", "orders", file, "--dry-run", "--json").json()
    assert (body["orders"], body["events"], body["dry_run"]) == (3, 2, True)
    assert body["rejected"][0]["field"] == "occurred_at"


def test_bad_lines_do_not_stop_the_others(ecomtrack: Command, collector: Running, tmp_path: Path):
    """Orders that cannot be read are named, the others are imported, and the exit code is 3."""
    file = tmp_path / "orders.csv"
    file.write_text(ORDERS.replace("2,50.00", "-2,50.00").replace("5.00,,EUR", "5.00,,EUR"))
    body = ecomtrack("import", "orders", file, "--data", collector.data, "--json")
    assert body.code == 3
    assert body.json()["accepted"] == 1
    assert body.json()["rejected"][0]["field"] == "quantity"


def test_wrong_usage(ecomtrack: Command, tmp_path: Path):
    """An unknown field, column, time zone, status or file is wrong usage and says what there is."""
    file = tmp_path / "orders.csv"
    file.write_text(ORDERS)
    for words, says in (
        (("--map", "colour=status"), "is not a field"),
        (("--map", "total=sum"), "no column 'sum'"),
        (("--map", "total"), "NAME=VALUE"),
        (("--time-zone", "Mars"), "time zone"),
        (("--status", "bezahlt=payed"), "payed"),
    ):
        answer = ecomtrack("import", "orders", file, "--dry-run", *words)
        assert answer.code == 2, words
        assert says in answer.err
    assert ecomtrack("import", "orders", tmp_path / "none.csv", "--dry-run").code == 2


def test_interrupted_import_goes_on(ecomtrack: Command, collector: Running, tmp_path: Path):
    """An import killed half-way is continued by the next run, and every order is there once."""
    total = 8_000
    file = tmp_path / "many.csv"
    lines = "".join(f"{number},2026-01-05,p1,1,1.00,EUR\n" for number in range(total))
    file.write_text("order_id,occurred_at,product_id,quantity,price,currency\n" + lines)
    words = ["import", "orders", str(file), "--data", collector.data, "--json"]
    process = subprocess.Popen([sys.executable, "-m", "ecomtrack_sdk", *words], stdout=subprocess.DEVNULL)
    while _stored(collector) < 2_000 and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    answer = ecomtrack(*words).json()
    assert answer["skipped"] >= 1_000
    assert answer["accepted"] + answer["duplicate"] + answer["skipped"] == total
    assert _stored(collector) == total


def _stored(collector: Running) -> int:
    import json

    request = Request(collector.url + "/v1/inspect/all", headers={"Authorization": f"Bearer {collector.keys['read']}"})
    with urlopen(request, timeout=30) as answer:
        return int(json.load(answer)["good"])


def test_mapping_is_kept(ecomtrack: Command, collector: Running, tmp_path: Path):
    """A mapping saved by one run reads the next export alike; options beside it win; a wrong file is wrong usage."""
    file, mapping = tmp_path / "export.csv", tmp_path / "shop.json"
    file.write_text("Nr;Datum;Betrag;Stand\n1;05.01.2026 10:00;1.234,50;bezahlt\n")
    words = ["--map", "order_id=Nr", "--map", "occurred_at=Datum", "--map", "total=Betrag", "--map", "status=Stand"]
    words += ["--status", "bezahlt=paid", "--currency", "EUR", "--decimal-comma", "--date-format", "%d.%m.%Y %H:%M"]
    said = ecomtrack("import", "orders", file, *words, "--save-mapping", mapping, "--dry-run", "--json")
    assert (said.code, said.json()["events"]) == (0, 1)
    answer = ecomtrack("import", "orders", file, "--mapping", mapping, "--data", collector.data, "--json")
    assert (answer.code, answer.json()["accepted"]) == (0, 1)
    row = ecomtrack("report", "revenue", "--data", collector.data, "--json").json()["rows"][0]
    assert (row["gross"], row["currency"]) == ("1234.50", "EUR")
    again = ["import", "orders", file, "--mapping", mapping, "--data", collector.data, "--json"]
    assert ecomtrack(*again, "--source", "other-shop", "--currency", "USD").json()["accepted"] == 1
    assert ecomtrack(*again).json()["duplicate"] == 1
    mapping.write_text('{"colums": {}}')
    wrong = ecomtrack("import", "orders", file, "--mapping", mapping, "--dry-run")
    assert (wrong.code, "colums" in wrong.err) == (2, True)
