"""The pages of the console over real figures: people and what may be done to them, events, reports, live."""

from __future__ import annotations

import json
import os
import subprocess
from html import unescape
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from ecomtrack_sdk import testing
from ecomtrack_sdk.collector.console._event import as_code, as_curl
from ecomtrack_sdk.collector.console._live import Live
from ecomtrack_sdk.collector.console._mend import mend
from ecomtrack_sdk.collector.console._setup import CODE
from ecomtrack_sdk.reports import REPORTS, get

from .conftest import InProcess

OWN = {"host": "localhost", "origin": "http://localhost"}
ID = "01890000-0000-7000-8000-00000000000{}"
T = "2026-01-0{}T10:00:00Z"
JANE = {"id": "c-jane", "email": "jane@x.example"}
EVENTS: list[dict[str, Any]] = [
    {"type": "view_page", "event_id": ID.format(1), "occurred_at": T.format(1), "visitor_id": "v-1", "title": "Boots"},
    {"type": "identify", "event_id": ID.format(2), "occurred_at": T.format(2), "visitor_id": "v-1", "customer": JANE},
    {"type": "order", "event_id": ID.format(3), "occurred_at": T.format(3), "visitor_id": "v-1", "order_id": "o-1",
     "customer": {"id": "c-jane"}, "items": [{"product_id": "p1", "price": "20", "quantity": "2"}], "currency": "EUR"},
    {"type": "refund", "event_id": ID.format(4), "occurred_at": T.format(4), "refund_id": "r-1", "order_id": "o-1",
     "currency": "EUR", "amount": "15"},
    {"type": "view_page", "event_id": ID.format(5), "occurred_at": T.format(5), "visitor_id": "v-1", "title": "After"},
]  # fmt: skip


@pytest.fixture
def shop(local: InProcess) -> InProcess:
    """A collector with the life of one customer."""
    assert local.send(*EVENTS).json["accepted"] == len(EVENTS)
    return local


def page(shop: InProcess, path: str, status: int = 200) -> str:
    answer = shop.call("GET", path, host="localhost")
    assert answer.status == status, path
    return unescape(answer.body.decode())


def post(shop: InProcess, path: str, **form: str) -> Any:
    return shop.call("POST", path, urlencode(form).encode(), **OWN)


def test_products_without_a_name_go_by_their_id_on_the_overview(shop):
    """A shop that sends no names sees its ids, in the bars and in both tables; never a missing value's own word."""
    text = page(shop, "/?from=2026-01-01&to=2026-02-01")
    assert text.count("<td>p1</td>") == 2
    assert "<title>p1: " in text
    assert "None" not in text


# --- people ----------------------------------------------------------------------------------------------------------


def test_a_person_has_a_before_and_an_after(shop):
    """The timeline is parted at the first purchase; orders, devices and links stand beside it."""
    text = page(shop, "/console/people?person=jane@x.example")
    places = [
        text.index(f"<h2>{name}") for name in ("Orders", "Devices", "Links", "Before the", "The first", "After the")
    ]
    assert places == sorted(places)
    assert "25.00 EUR" in text
    assert text.count("Unlink …") == 2


def test_people_are_found_by_a_part_of_a_name(shop):
    """A part of an id, an address or a browser's id finds the person; what nobody has finds nobody."""
    for part in ("JAN", "x.exam", "v-"):
        assert 'href="/console/people?person=c-jane"' in page(shop, f"/console/people?person={part}")
    assert "Nobody has this in a name" in page(shop, "/console/people?person=zzz")


def test_export(shop):
    """The export is the whole of it, as a file."""
    answer = shop.call("GET", "/console/people/export?person=v-1", host="localhost")
    assert "attachment" in answer.headers["content-disposition"]
    assert [event["event_id"] for event in answer.json["events"]] == [ID.format(number) for number in range(1, 6)]
    assert shop.call("GET", "/console/people/export?person=nobody", host="localhost").status == 404


def test_erase_asks_first(shop):
    """Erasing shows what goes, needs the name once more, then forgets the person and keeps revenue."""
    asked = page(shop, "/console/people/erase?person=c-jane")
    assert "5 events, 2 of them orders" in asked
    assert shop.store.counts().good == 5
    wrong = post(shop, "/console/people/erase", person="c-jane", typed="c-jan", orders="keep")
    assert (wrong.status, shop.store.counts().good) == (400, 5)
    done = post(shop, "/console/people/erase", person="c-jane", typed="c-jane", orders="keep")
    assert (done.status, shop.store.counts().good) == (303, 2)
    assert "3 events erased, 2 kept without the person." in page(shop, done.headers["location"])
    assert "Nobody has this in a name" in page(shop, "/console/people?person=c-jane")
    assert "25.00 EUR" in page(shop, "/console/orders?order_id=o-1")
    assert post(shop, "/console/people/erase", person="c-jane", typed="c-jane").status == 404


def test_orders_go_too_when_asked(shop):
    """The other choice takes the orders as well."""
    assert post(shop, "/console/people/erase", person="v-1", typed="v-1", orders="erase").status == 303
    assert shop.store.counts().good == 0


def test_unlink_asks_first_and_can_be_undone(shop):
    """A link is taken back by an event after a question, and restored by another one."""
    assert "not one person" in page(shop, "/console/people/unlink?visitor=v-1&customer=c-jane")
    done = post(shop, "/console/people/unlink", visitor="v-1", customer="c-jane")
    assert done.status == 303
    after = page(shop, done.headers["location"])
    assert "Unlinked." in after
    assert "v-1" not in after.partition("<h2>Links")[2].partition("<h2>")[0]
    undo = page(shop, "/console/people/unlink?visitor=v-1&customer=c-jane&undo=1")
    assert "Restore this link?" in undo
    again = post(shop, "/console/people/unlink", visitor="v-1", customer="c-jane", undo="1")
    assert "browser v-1" in page(shop, again.headers["location"])
    assert shop.call("GET", "/console/people/unlink?visitor=v-1", host="localhost").status == 400
    assert post(shop, "/console/people/unlink", visitor="v-1").status == 400


# --- events ----------------------------------------------------------------------------------------------------------


def test_an_event_says_what_it_changed(shop):
    """Order, visit, person and link, each with the way there."""
    order = page(shop, f"/console/events/{ID.format(3)}")
    assert "Order o-1: status pending; total 40.00 EUR; net 40.00 EUR" in order
    assert "Person: counts for c-jane" in order
    refund = page(shop, f"/console/events/{ID.format(4)}")
    assert "Order o-1: refunded 0.00 EUR → 15.00 EUR; net 40.00 EUR → 25.00 EUR" in refund
    assert "Link: from here on v-1 is c-jane" in page(shop, f"/console/events/{ID.format(2)}")
    assert "Session: began a visit of v-1" in page(shop, f"/console/events/{ID.format(1)}")


def test_an_action_told_twice_says_so(shop):
    """An action that counts once already changed nothing."""
    twice = {"type": "order_update", "order_id": "o-1", "action_id": "a", "status": "paid", "occurred_at": T.format(6)}
    shop.send({**twice, "event_id": ID.format(6)}, {**twice, "event_id": ID.format(7), "occurred_at": T.format(7)})
    assert "status pending → paid" in page(shop, f"/console/events/{ID.format(6)}")
    assert "not counted" in page(shop, f"/console/events/{ID.format(7)}")
    assert "told before, counts once" in page(shop, "/console/orders?order_id=o-1")


def test_a_refused_event_without_an_id_has_a_page(shop):
    """What has no readable id is found by its place, with what to mend."""
    shop.send(b'{"type":"view_page","tilte":"x"}', b"no json at all")
    first, second = shop.store.read_rejected(0, 10)
    assert "Did you mean 'title'?" in page(shop, f"/console/refused/{first.seq}")
    assert "no JSON" in page(shop, f"/console/refused/{second.seq}")
    page(shop, "/console/refused/99", 404)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"type": "ordr"}, "Did you mean 'order'?"),
        ({"type": "order"}, "Add the field 'order_id'."),
        ({"type": "view_page", "visitor_id": 5}, "in quotes"),
        ({"type": "order", "items": [{"product_id": "p", "prise": "1"}]}, "Did you mean 'price'?"),
        ({"type": "custom", "name": "x", "value": "5"}, '"currency": "EUR"'),
        ({"type": "custom", "name": "x", "value": 5.5, "currency": "EUR"}, '"19.90"'),
        ({"type": "view_page", "occurred_at": "yesterday"}, "2026-01-31T09:30:00+01:00"),
        ({}, '"type": "view_page"'),
        ([1], "one JSON object"),
    ],
)
def test_every_mistake_has_a_remedy(shop, event, said):
    """The errors people make are answered with what to do about them."""
    (refused,) = shop.send(json.dumps(event).encode()).json["rejected"]
    assert any(said in mend(error, event) for error in refused["errors"]), refused["errors"]


def test_what_a_site_key_may_not_send_says_so(shop):
    """The remedy for a key without the right names the right key."""
    (refused,) = shop.send(EVENTS[2], key="site").json["rejected"]
    assert "server key" in mend(refused["errors"][0], EVENTS[2])


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event["type"])
def test_copied_code_sends_the_same(event, monkeypatch):
    """The code to copy runs as it is and makes an event of the same content."""
    sink = testing.MemoryTracker() if hasattr(testing, "MemoryTracker") else None
    tracked: list[Any] = []
    tracker = sink or SimpleNamespace(track=tracked.append, flush=lambda: None)
    monkeypatch.setattr("ecomtrack_sdk.Tracker", SimpleNamespace(from_env=lambda: tracker))
    exec(as_code(event), {})
    (made,) = tracked
    told = json.loads(made.model_dump_json(exclude_unset=True))
    wanted = {key: value for key, value in event.items() if key not in ("event_id", "type")}
    assert {key: told[key] for key in wanted if key not in ("occurred_at", "items")} == {
        key: value for key, value in wanted.items() if key not in ("occurred_at", "items")
    }
    assert made.type == event["type"]


def test_copied_curl_sends_the_same(start, tmp_path):
    """The command line to copy runs in a shell as it is, whatever quotes the event has."""
    served = start()
    event = {**EVENTS[0], "title": 'it\'s "quoted" $HOME `id` \\ ü'}
    script = as_curl(served.url, event)
    done = subprocess.run(
        ["sh", "-c", script],
        capture_output=True,
        env={**os.environ, "ECOMTRACK_KEY": served.keys["server"]},
        check=True,
    )
    assert json.loads(done.stdout)["accepted"] == 1


def test_code_of_the_set_up_page_is_python():
    """Every snippet of Python can be compiled, and none lacks its place for the address."""
    for name, _, text in CODE:
        assert "{url}" in text, name
        if not text.startswith("curl"):
            compile(text, name, "exec")


# --- live ------------------------------------------------------------------------------------------------------------


def live(shop: InProcess, **asked: str) -> list[str]:
    """What the stream begins with."""
    query = {name: asked.get(name, "") for name in ("event_type", "visitor_id", "order_id", "verdict")}
    return [item["event_type"] for item in Live(shop.app)._start(query)[0]]


def test_live_filters_look_at_everything(shop, monkeypatch):
    """Filters are asked of the store: what fits is shown though much has arrived since."""
    monkeypatch.setattr("ecomtrack_sdk.collector.console._live.FIRST_ROWS", 3)
    shop.send(*({"type": "search", "query": str(number)} for number in range(10)), {"type": "order", "order_id": "o-1"})
    assert live(shop) == ["search", "search", "search", "order"]
    assert live(shop, verdict="rejected", order_id="o-1") == ["order"]
    assert live(shop, order_id="o-1", verdict="accepted") == ["order", "refund"]
    assert live(shop, visitor_id="v-1") == ["identify", "order", "view_page"]
    assert live(shop, event_type="view_page") == ["view_page", "view_page"]


def test_live_goes_on_from_where_it_began(shop):
    """What arrives later is shown once, if it fits."""
    stream = Live(shop.app)
    query = {"event_type": "search", "visitor_id": "", "order_id": "", "verdict": ""}
    _, good, bad = stream._start(query)
    shop.send({"type": "search", "query": "boots"}, {"type": "view_page"}, {"type": "search"})
    items, good, bad = stream._since(good, bad, query)
    assert [item["verdict"] for item in items] == ["accepted", "rejected"]
    assert stream._since(good, bad, query)[0] == []


def test_finding_by_id(shop):
    """An id leads to its event; an unknown one leads back with a word."""
    found = shop.call("GET", f"/console/find?event_id={ID.format(1)}", host="localhost")
    assert found.headers["location"] == f"/console/events/{ID.format(1)}"
    lost = shop.call("GET", "/console/find?event_id=nothing", host="localhost")
    assert "No event of the id nothing" in page(shop, lost.headers["location"])


def test_clearing_asks_first(shop):
    """The question names what would go; only the form clears."""
    assert "5 accepted and 0 refused" in page(shop, "/console/reset")
    assert shop.store.counts().good == 5
    assert post(shop, "/console/reset").status == 303
    assert shop.store.counts().good == 0


# --- reports ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_has_a_page_with_all_its_parameters(shop, name):
    """The form has a field for each parameter, filled with its default, and sent as it is it asks the same."""
    fields = get(name).params.model_fields
    text = page(shop, f"/console/reports/{name}?person=c-jane" if name == "profile" else f"/console/reports/{name}")
    for field, info in fields.items():
        assert f'name="{info.alias or field}"' in text
    assert 'role="alert"' not in text


def test_a_form_keeps_what_was_asked(shop):
    """Several values of one parameter stay several, and there is room for one more."""
    text = page(shop, "/console/reports/revenue?where=country%3DAT&where=country%3DDE&by=day&compare=")
    assert text.count('name="where"') == 3
    assert 'value="country=AT"' in text
    assert "<option selected>day</option>" in text
    traffic = page(shop, "/console/reports/traffic")
    assert traffic.count('<select name="dimension">') == 3


def test_figures_beside_those_of_the_time_before(shop):
    """A comparison shows both, the change between them and the dashed line; without a period it takes 30 days."""
    shop.send({**EVENTS[2], "event_id": ID.format(8), "order_id": "o-2", "occurred_at": T.format(5), "total": "60"})
    text = page(shop, "/console/reports/revenue?by=day&compare=previous&from=2026-01-05&to=2026-01-07")
    assert "Compared with 2026-01-03 to 2026-01-05" in text
    assert "net previous" not in text
    assert '60.00 EUR<br><small><span class="up">▲ 140%</span> was 25.00 EUR</small>' in text
    free = page(shop, "/console/reports/revenue?compare=previous")
    assert 'role="alert"' not in free
    assert "Compared with" in free
    assert page(shop, "/console/reports/revenue.csv?by=day&compare=previous&from=2026-01-04&to=2026-01-06").count(
        "_previous"
    )


def test_wrong_parameters_are_said_on_the_page(shop):
    """A wrong value is told above the form, which keeps it."""
    text = page(shop, "/console/reports/revenue?from=" + quote("<b>"))
    assert 'role="alert"' in text
    assert 'value="<b>"' in text
