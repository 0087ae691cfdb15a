"""Privacy options: what is not to be kept is not in the log, and everything else is as it was."""

from __future__ import annotations

import json

import pytest

from ecomtrack_sdk import Customer, Identify, ViewPage
from ecomtrack_sdk._wire import Valid, encode_event, validate_event
from ecomtrack_sdk.collector import KeyRing, create_app
from ecomtrack_sdk.collector._keyfile import private_secret
from ecomtrack_sdk.collector._privacy import Privacy
from ecomtrack_sdk.errors import ConfigError
from ecomtrack_sdk.events import Context

AGENT = (
    "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.6778.81 Mobile Safari/537.36"
)


@pytest.mark.parametrize(
    ("address", "left"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("2001:db8:1:2:3::4", "2001:db8:1::"),
        (" 203.0.113.77 ", "203.0.113.0"),
        ("not an address", None),
        ("203.0.113.77:443", None),
    ],
)
def test_addresses_are_cut_to_their_network(address, left):
    """24 bits of IPv4, 48 of IPv6; what is no address is dropped rather than kept whole."""
    raw = encode_event(ViewPage(context=Context(ip=address, url="https://x.example")))
    context = json.loads(Privacy(ip="truncate").reduce(raw))["context"]
    assert context.get("ip") == left
    assert context["url"] == "https://x.example"


def test_user_agents_keep_browser_and_system():
    """The device model and the minor versions go, the rest tells bots and kinds of device as before."""
    raw = encode_event(ViewPage(context=Context(user_agent=AGENT)))
    left = json.loads(Privacy(user_agent="reduce").reduce(raw))["context"]["user_agent"]
    assert "SM-S918B" not in left
    assert "6778" not in left
    assert "Chrome/131.0.0.0 Mobile" in left
    assert "user_agent" not in json.loads(Privacy(user_agent="drop").reduce(raw))["context"]


def test_hashed_addresses_are_one_person_still():
    """The same address in any spelling gives the same digest; another secret gives another one."""
    one = Privacy(email="hash", secret=b"s1")
    raw = [encode_event(Identify(customer=Customer(email=email))) for email in ("Jane@X.example", "jane@x.example")]
    left = [json.loads(one.reduce(line))["customer"]["email"] for line in raw]
    assert left[0] == left[1] == one.digest("jane@x.example")
    assert "jane" not in left[0]
    assert one.digest(left[0]) == left[0]
    assert Privacy(email="hash", secret=b"s2").digest("jane@x.example") != left[0]


def test_what_is_reduced_is_still_a_valid_event():
    """The log holds events the models accept, whatever was taken out."""
    event = Identify(customer=Customer(id="c", email="a@x.example"), context=Context(ip="::1", user_agent=AGENT))
    reduced = Privacy("drop", "drop", "hash", b"s").reduce(encode_event(event))
    assert isinstance(validate_event(reduced), Valid)


def test_events_without_any_of_it_keep_their_bytes():
    """Nothing to take out, nothing rewritten."""
    for event in (ViewPage(), ViewPage(context=Context(url="https://x.example")), Identify(customer=Customer(id="c"))):
        raw = encode_event(event)
        assert Privacy("truncate", "reduce", "hash", b"s").reduce(raw) is raw


@pytest.mark.parametrize("text", ["ip", "ip=hash", "name=drop", "email=drop", "ip=truncate;email=hash"])
def test_wrong_words_are_named(text):
    """A misspelt option does not silently keep everything."""
    with pytest.raises(ConfigError, match="privacy"):
        Privacy.parse(text)


def test_options_are_read_from_text():
    """What is not named is kept; nothing named is nothing done."""
    assert Privacy.parse("ip=truncate, email=hash") == Privacy(ip="truncate", email="hash")
    assert not Privacy.parse("").active


def test_the_collector_stores_the_reduced_event(collector, tmp_path):
    """Accepted events are reduced before the log, refused ones keep their errors and not their content."""
    collector.app.close()
    collector.app = create_app(
        collector.store, KeyRing.of(collector.tokens), privacy=Privacy.parse("ip=drop,email=hash", b"secret")
    )
    collector.send(
        encode_event(Identify(customer=Customer(email="jane@needle.example"), context=Context(ip="203.0.113.77"))),
        b'{"type":"identify","customer":{"email":"jane@needle.example"},"nonsense":1}',
    )
    assert collector.store.counts() == (1, 1)
    assert collector.store.read_rejected(0, 1)[0].errors
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        assert b"needle" not in content
        assert b"203.0.113.77" not in content


def test_the_secret_of_a_directory_stays(tmp_path):
    """Made once, private, and the same at every start."""
    assert private_secret(tmp_path) == private_secret(tmp_path)
    assert len(private_secret(tmp_path)) == 32
