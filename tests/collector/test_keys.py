"""Keys: rights, files, rotation, revocation while the collector runs."""

from __future__ import annotations

import json
import stat
import time

import pytest

from ecomtrack_sdk.collector import KeyRing
from ecomtrack_sdk.collector import _keyadmin as admin
from ecomtrack_sdk.collector._keyfile import first_keys, read_keys
from ecomtrack_sdk.collector._keys import KINDS, digest_of, make_key, new_token
from ecomtrack_sdk.errors import ConfigError, StoreError
from ecomtrack_sdk.events import BROWSER_TYPES, EVENT_CLASSES


def test_rights_of_the_three_kinds():
    """Site keys send browsing events, server keys send and read everything, read keys only read."""
    site, server, read = (make_key(kind, kind, new_token(kind)) for kind in KINDS)
    for event_type in EVENT_CLASSES:
        assert site.may_send(event_type) == (event_type in BROWSER_TYPES)
        assert server.may_send(event_type)
        assert not read.may_send(event_type)
    assert [(key.sends, key.reads) for key in (site, server, read)] == [(True, False), (True, True), (False, True)]
    assert not site.may_send("order")
    assert not site.may_send("refund")


def test_tokens_are_long_random_and_named():
    """192 random bits behind a prefix that says what was found."""
    tokens = {new_token("site") for _ in range(100)}
    assert len(tokens) == 100
    assert all(token.startswith("ecomtrack_site_") and len(token) == 47 for token in tokens)


@pytest.mark.parametrize("token", ["short", "with space in the middle", "ümlaut-is-not-ascii-at-all", ""])
def test_weak_tokens_are_refused(token):
    """A key given by a person must be long and plain enough for a header."""
    with pytest.raises(ConfigError):
        KeyRing.of({"server": token})


@pytest.mark.parametrize("token", ["", "wrong", "\x00", "\udcff", "ä" * 100, "x" * 100_000])
def test_unknown_tokens_are_unknown(token):
    """Whatever stands in the header, the answer is None."""
    assert KeyRing.of({"server": "a-server-key-for-tests"}).find(token) is None


def test_first_keys_are_made_once_and_kept_as_digests(tmp_path):
    """The first call makes three keys; later calls know them; the file of digests holds no token."""
    ring, tokens = first_keys(tmp_path)
    again, same = first_keys(tmp_path)
    assert tokens == same
    assert {ring.find(token).kind for token in tokens.values()} == set(KINDS)
    assert {again.find(token).kind for token in tokens.values()} == set(KINDS)
    text = (tmp_path / "keys.json").read_text()
    assert not any(token in text for token in tokens.values())
    assert digest_of(tokens["site"]) in text
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_create_list_rotate_revoke(tmp_path):
    """A key is shown once, listed without its token, replaced with an overlap, and ended at once."""
    first_keys(tmp_path)
    key, token = admin.create_key(tmp_path, "site", label="blog", origins=["https://Blog.example/"])
    assert (key.id, key.label, key.origins) == ("site-2", "blog", ("https://blog.example",))
    assert [one.id for one in admin.list_keys(tmp_path)] == ["site-1", "server-1", "read-1", "site-2"]
    new, new_token_ = admin.rotate_key(tmp_path, "site-2", overlap=60)
    assert (new.id, new.origins, new.label) == ("site-3", key.origins, "blog")
    ring = KeyRing(read_keys(tmp_path))
    assert ring.find(token).id == "site-2"
    assert ring.find(new_token_).id == "site-3"
    admin.revoke_key(tmp_path, "site-2")
    assert KeyRing(read_keys(tmp_path)).find(token) is None
    with pytest.raises(ConfigError, match="site-2"):
        admin.revoke_key(tmp_path, "site-2")


def test_a_rotated_key_ends_with_its_overlap(tmp_path):
    """Without overlap the old key is void at once, and is no longer listed."""
    _, tokens = first_keys(tmp_path)
    _, fresh = admin.rotate_key(tmp_path, "server-1", overlap=0)
    ring, known = first_keys(tmp_path)
    assert ring.find(tokens["server"]) is None
    assert known["server"] == fresh
    assert "server-1" not in [key.id for key in admin.list_keys(tmp_path)]


@pytest.mark.parametrize(
    ("kind", "origins"),
    [("server", ["https://x.example"]), ("site", ["shop.example"]), ("site", ["https://x.example/path"]), ("boss", [])],
)
def test_wrong_keys_are_not_made(tmp_path, kind, origins):
    """Unknown kinds and origins that are none are refused before anything is written."""
    with pytest.raises(ConfigError):
        admin.create_key(tmp_path, kind, origins=origins)
    assert list(tmp_path.iterdir()) == []


def test_a_running_ring_follows_the_file(tmp_path, monkeypatch):
    """Keys made, and keys revoked, take effect without a restart; an unreadable file changes nothing."""
    monkeypatch.setattr(admin, "LOOK_SECONDS", 0.0)
    _, tokens = first_keys(tmp_path)
    extra = make_key("local", "read", "a-local-key-for-tests")
    ring = admin.FileKeyRing(tmp_path, [extra])
    assert ring.find(tokens["read"]).id == "read-1"
    _, token = admin.create_key(tmp_path, "read")
    assert ring.find(token).id == "read-2"
    admin.revoke_key(tmp_path, "read-1")
    assert ring.find(tokens["read"]) is None
    (tmp_path / "keys.json").write_text("{ torn")
    assert ring.find(token).id == "read-2"
    assert ring.find("a-local-key-for-tests").id == "local"


@pytest.mark.parametrize("text", ["{", "[]", '{"keys": [{}]}', '{"keys": [{"id": "x", "kind": "boss", "sha256": ""}]}'])
def test_a_broken_key_file_is_named(tmp_path, text):
    """A collector does not start with keys it cannot read."""
    (tmp_path / "keys.json").write_text(text)
    with pytest.raises(StoreError, match=r"keys\.json"):
        read_keys(tmp_path)


def test_a_revoked_key_stops_working_in_a_running_collector(start, tmp_path):
    """``revoke`` ends a key within seconds, without a restart."""
    import http.client

    served = start()
    data = tmp_path / "data"

    def status() -> int:
        connection = http.client.HTTPConnection(*served.address, timeout=60)
        connection.request("GET", "/v1/inspect/all", headers={"Authorization": f"Bearer {served.keys['read']}"})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status

    assert status() == 200
    admin.revoke_key(data, "read-1")
    deadline = time.monotonic() + 60
    while status() == 200 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert status() == 401
    assert json.loads((data / "keys.json").read_text())["keys"][0]["id"] == "site-1"
