"""Rate limits: public keys are bounded by address, secret keys and this machine are not."""

from __future__ import annotations

import pytest
from limits import parse

from ecomtrack_sdk import ViewPage
from ecomtrack_sdk._wire import encode_event
from ecomtrack_sdk.collector import KeyRing, create_app
from ecomtrack_sdk.collector._rates import RateLimits, _source
from ecomtrack_sdk.errors import ConfigError


@pytest.fixture
def limited(collector):
    """A collector that takes three requests an hour of each address, asked from another machine."""
    collector.app.close()
    collector.app = create_app(collector.store, KeyRing.of(collector.tokens), site_rate="3/hour")
    collector.client = ("203.0.113.9", 5)
    yield collector
    collector.app.close()


def test_a_site_key_is_limited_by_address(limited):
    """The fourth request is 429 with Retry-After and stores nothing; another address goes on."""
    for _ in range(3):
        assert limited.send(encode_event(ViewPage()), key="site").status == 200
    refused = limited.send(encode_event(ViewPage()), key="site")
    assert (refused.status, refused.json["code"]) == (429, "too-many")
    assert 1 <= int(refused.headers["retry-after"]) <= 3600
    assert limited.store.counts().good == 3
    limited.client = ("203.0.113.10", 5)
    assert limited.send(encode_event(ViewPage()), key="site").status == 200


def test_a_site_key_is_limited_as_a_whole(limited, monkeypatch):
    """However many addresses use it, one site key ends at its bound; another key goes on."""
    monkeypatch.setattr("ecomtrack_sdk.collector._rates._KEY_ITEM", parse("2/hour"))
    statuses = []
    for number in range(4):
        limited.client = (f"203.0.113.{number}", 5)
        statuses.append(limited.send(encode_event(ViewPage()), key="site").status)
    assert statuses == [200, 200, 429, 429]
    assert limited.send(encode_event(ViewPage()), key="server").status == 200


def test_the_doors_share_one_count(limited):
    """What is refused at one door is not taken at the other."""
    for _ in range(3):
        limited.send(encode_event(ViewPage()), key="site")
    body = b'{"writeKey":"%s","type":"page","anonymousId":"a"}' % limited.tokens["site"].encode()
    assert limited.call("POST", "/v1/page", body, content_type="application/json").status == 429


def test_server_keys_and_this_machine_are_not_limited(limited):
    """A CRM job sends as fast as it can; so does a test on the same machine."""
    for _ in range(6):
        assert limited.send(encode_event(ViewPage()), key="server").status == 200
    limited.client = ("127.0.0.1", 5)
    for _ in range(6):
        assert limited.send(encode_event(ViewPage()), key="site").status == 200


def test_addresses_of_one_network_count_as_one():
    """An IPv6 customer cannot escape by changing the last 64 bits, nor an IPv4 one by writing it as IPv6."""
    assert _source("2001:db8::1") == _source("2001:db8::ffff:1") != _source("2001:db8:0:1::1")
    assert _source("::ffff:203.0.113.9") == "203.0.113.9"
    assert _source("::1") is None
    assert _source("") == "unknown"
    assert _source("testclient") == "testclient"


def test_a_wrong_rate_is_named():
    """Nonsense is refused at the start, None turns the limit off."""
    with pytest.raises(ConfigError, match="1200/minute"):
        RateLimits("often")
    RateLimits(None)
