"""Who may see the console and who may change things with it: keys, sessions, the one-time link, foreign forms."""

from __future__ import annotations

import re

import pytest
from starlette.routing import Route

from ecomtrack_sdk.collector.console import _access, console_routes

from .conftest import TOKENS, InProcess


@pytest.mark.parametrize(
    ("client", "headers"),
    [
        ("192.0.2.7", {"host": "127.0.0.1:8400"}),
        ("127.0.0.1", {"host": "evil.example"}),
        ("127.0.0.1", {"host": "localhost:8400", "x_forwarded_for": "192.0.2.7"}),
        ("127.0.0.1", {}),
    ],
)
def test_not_for_others(local: InProcess, client: str, headers: dict[str, str]) -> None:
    """Another machine, a foreign name (DNS rebinding) and a proxied request are asked for a key."""
    local.client = (client, 1)
    answer = local.call("GET", "/", **headers)
    assert answer.status == 401
    assert b'name="key"' in answer.body


def test_a_read_key_opens_a_session_by_cookie(public: InProcess) -> None:
    """A read key opens a session by a cookie that scripts cannot read and other sites cannot send."""
    own = {"host": "collect.example", "origin": "http://collect.example"}
    assert public.call("GET", "/", **own).status == 401
    wrong = public.call("POST", "/console/login", b"key=" + TOKENS["site"].encode(), **own)
    assert wrong.status == 403
    assert "set-cookie" not in wrong.headers
    right = public.call("POST", "/console/login", b"key=" + TOKENS["read"].encode(), **own)
    assert right.status == 303
    cookie = right.headers["set-cookie"]
    assert "httponly" in cookie.lower()
    assert "samesite=strict" in cookie.lower()
    session = cookie.partition(";")[0]
    assert public.call("GET", "/", cookie=session, **own).status == 200
    assert public.call("POST", "/console/logout", cookie=session, **own).status == 303
    assert public.call("GET", "/", cookie=session, **own).status == 401


def test_foreign_forms_are_refused(local: InProcess) -> None:
    """A form that another site makes the browser send changes nothing, whatever its address."""
    forms = [
        route.path
        for route in console_routes(local.app)
        if isinstance(route, Route) and "POST" in (route.methods or ())
    ]
    assert len(forms) == 6
    for page in forms:
        _refuse_foreign(local, page)


def _refuse_foreign(local: InProcess, page: str) -> None:
    foreign = {"host": "127.0.0.1:8400", "origin": "https://evil.example"}
    assert local.call("POST", page, **foreign).status == 403
    assert local.call("POST", page, host="127.0.0.1:8400").status == 403
    assert local.call("POST", page, sec_fetch_site="cross-site", host="127.0.0.1:8400").status == 403


OWN = {"host": "collect.example", "origin": "http://collect.example"}


def _log_in(public: InProcess, kind: str) -> str:
    answer = public.call("POST", "/console/login", b"key=" + TOKENS[kind].encode(), **OWN)
    assert answer.status == 303
    return answer.headers["set-cookie"].partition(";")[0]


CHANGING = (
    ("GET", "/console/reset"),
    ("POST", "/console/reset"),
    ("POST", "/console/test-event"),
    ("GET", "/console/people/erase?person=v"),
    ("POST", "/console/people/erase"),
    ("GET", "/console/people/unlink?visitor=v&customer=c"),
    ("POST", "/console/people/unlink"),
)


def test_a_read_session_only_looks(public: InProcess) -> None:
    """Whoever came with a read key sees every page, is offered nothing that changes anything and may not ask."""
    public.send({"type": "identify", "visitor_id": "v", "customer": {"id": "c"}})
    reading, writing = _log_in(public, "read"), _log_in(public, "server")
    for method, path in CHANGING:
        answer = public.call(method, path, cookie=reading, **OWN)
        assert (answer.status, answer.json["code"]) == (403, "not-allowed"), path
    assert public.store.counts().good == 1
    page = "/console/people?person=c"
    assert "/console/people/erase" not in public.call("GET", page, cookie=reading, **OWN).body.decode()
    assert "/console/people/erase" in public.call("GET", page, cookie=writing, **OWN).body.decode()
    assert public.call("POST", "/console/test-event", cookie=writing, **OWN).status == 303


def test_the_printed_link_opens_the_console_once(public: InProcess) -> None:
    """The link opens a session that may change things; used again, looked at without opening, or guessed it is void."""
    code = public.app.console.invite()
    assert len(code) >= 43
    assert public.call("HEAD", f"/console/enter?code={code}", **OWN).status in (404, 405)
    first = public.call("GET", f"/console/enter?code={code}", **OWN)
    assert (first.status, first.headers["cache-control"]) == (200, "no-store")
    assert b'http-equiv="refresh"' in first.body
    cookie = first.headers["set-cookie"]
    assert re.search(r"httponly", cookie, re.IGNORECASE)
    assert re.search(r"samesite=strict", cookie, re.IGNORECASE)
    session = cookie.partition(";")[0]
    assert public.call("GET", "/", cookie=session, **OWN).status == 200
    assert public.call("POST", "/console/test-event", cookie=session, **OWN).status == 303
    for wrong in (code, "guessed", ""):
        again = public.call("GET", f"/console/enter?code={wrong}", **OWN)
        assert (again.status, "set-cookie" in again.headers) == (403, False)


def test_an_old_link_is_void(public: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link that nobody used within its time opens nothing."""
    monkeypatch.setattr(_access, "INVITATION_SECONDS", -1)
    code = public.app.console.invite()
    assert public.call("GET", f"/console/enter?code={code}", **OWN).status == 403
