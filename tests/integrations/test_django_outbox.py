"""Django's transactional outbox: an event exists if and only if its order row does, through rollbacks and crashes."""

from __future__ import annotations

import json
import signal
import textwrap
import time

import pytest

from tests.zygote import CLIENT, Zygote

pytest.importorskip("django")

SHOP = textwrap.dedent("""
    import json, os, signal, sys
    import django
    from django.conf import settings

    database, environment = json.loads(sys.argv[1]), json.loads(sys.argv[2])
    step = sys.argv[3]
    os.environ.update(environment)
    settings.configure(
        DATABASES={"default": database}, USE_TZ=True,
        INSTALLED_APPS=["ecomtrack_sdk.integrations.django_outbox"],
    )
    django.setup()
    from django.core.management import call_command
    from django.db import IntegrityError, connection, transaction
    from ecomtrack_sdk import Order, Tracker
    from ecomtrack_sdk.integrations.django import get_tracker
    from ecomtrack_sdk.integrations.django_outbox import add, relay

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    class DyingTracker(Tracker):
        def track(self, event):
            super().track(event)
            if event.order_id == "o2":
                die()

    def place(number, *, fail=False, before_commit=lambda: None):
        with get_tracker().visitor(visitor_id="v1"), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("insert into orders (number) values (%s)", [number])
            add(Order(order_id=number, items=[], currency="EUR", total="1.00"))
            before_commit()
            if fail:
                raise IntegrityError

    def orders():
        with connection.cursor() as cursor:
            cursor.execute("select number from orders order by number")
            return [number for number, in cursor.fetchall()]

    if step == "set up":
        call_command("migrate", verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute("drop table if exists orders")
            cursor.execute("create table orders (number varchar(20) primary key)")
            cursor.execute("delete from ecomtrack_outbox")
    elif step == "look":
        print(json.dumps(orders()))
    elif step == "relay":
        call_command("ecomtrack_relay", "--once")
    elif step == "roll back":
        call_command("makemigrations", "--check", "--dry-run", verbosity=0)
        place("o1")
        try:
            place("o2", fail=True)
        except IntegrityError:
            pass
        place("o3")
    else:
        place("o1")
        place("o2")
        place("o3", before_commit=die if step == "killed before the commit" else lambda: None)
        if step == "killed before the relay":
            die()
        relay(DyingTracker.from_env())
""")


@pytest.fixture(scope="module")
def django(tmp_path_factory):
    """Interpreters that have Django imported."""
    modules = ("django.core.management", "django.db.models", "django.db.backends.sqlite3.base", "psycopg")
    zygote = Zygote(tmp_path_factory.mktemp("django"), (*CLIENT, *modules))
    yield zygote
    zygote.close()


@pytest.fixture(params=["sqlite", "postgres"])
def shop(request, tmp_path, shop_environment, django):
    """A shop on either database: call it with the step it shall take, and get what it printed."""
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "shop.db")}
    if request.param == "postgres":
        socket = request.getfixturevalue("postgres")
        database = {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "shop", "HOST": socket}

    def take(step: str, code: int = 0) -> list[str]:
        child = django.start(SHOP, json.dumps(database), json.dumps(shop_environment), step)
        assert child.wait() == code, child.errors()
        return child.lines()

    take("set up")
    return take


def test_exists_if_and_only_if(shop, collector_process):
    """The migration is up to date; a rolled-back event is not told, the others once, with the request's visitor."""
    shop("roll back")
    assert shop("relay") == ["2 events handed over"]
    assert shop("relay") == ["0 events handed over"]
    events = collector_process.wait_for(2)
    assert [(event["order_id"], event["visitor_id"]) for event in events] == [("o1", "v1"), ("o3", "v1")]


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("killed before the commit", ["o1", "o2"]),
        ("killed before the relay", ["o1", "o2", "o3"]),
        ("killed in the relay, after handing over and before deleting", ["o1", "o2", "o3"]),
    ],
)
def test_killed(shop, collector_process, step, told):
    """kill -9 before the commit, before the relay, or in it: every order that exists is told, and told once."""
    shop(step, code=-signal.SIGKILL)
    deadline = time.monotonic() + 30
    while json.loads(shop("look")[0]) != told:  # a server sees the end of a killed client a moment later
        assert time.monotonic() < deadline
    shop("relay")
    events = collector_process.wait_for(len(told))
    assert sorted(event["order_id"] for event in events) == told
    assert shop("relay") == ["0 events handed over"]
