"""The tags of the browser script: what they say, and that nothing in them can break out."""

from __future__ import annotations

import base64
import hashlib

import pytest

from ecomtrack_sdk.errors import ConfigError
from ecomtrack_sdk.integrations import browser

URL, KEY = "https://collect.example.com", "ecomtrack_site_x"


def test_default():
    """An inline queue and one asynchronous tag with address, key and hash."""
    stub, tag = browser.snippet(URL + "/", KEY).split("\n")
    assert stub == f"<script>{browser.STUB}</script>"
    assert tag.startswith(
        f'<script async src="{URL}/ecomtrack.js" data-url="{URL}" data-key="{KEY}" integrity="sha384-'
    )
    assert 'crossorigin="anonymous"' in tag
    assert "data-consent" not in tag
    assert "nonce" not in stub + tag


def test_integrity():
    """The hash is that of the script's bytes."""
    algorithm, _, digest = browser.integrity().partition("-")
    assert algorithm == "sha384"
    assert base64.b64decode(digest) == hashlib.sha384(browser.script()).digest()


def test_options():
    """Every option is an attribute of the tag, so that a page without inline code can set them all."""
    tag = browser.snippet(
        URL, KEY, src="/static/e.js", nonce="n1", stub=False, consent="ask", auto_page=False, cookie_domain="a.example",
        with_integrity=False,
    )  # fmt: skip
    assert tag == (
        f'<script defer src="/static/e.js" data-url="{URL}" data-key="{KEY}" data-consent="ask" data-auto-page="false" '
        'data-cookie-domain="a.example" nonce="n1"></script>'
    )


def test_escaped():
    """No value can leave its attribute."""
    tags = browser.snippet(URL, '"><script>alert(1)</script>', nonce='"><b>', src="/a?b&c")
    assert "<script>alert" not in tags
    assert '"><b>' not in tags
    assert "/a?b&amp;c" in tags


@pytest.mark.parametrize("key", ["ecomtrack_server_x", "ecomtrack_read_x"])
def test_secret_keys_are_refused(key):
    """A key that is not public never gets into a page."""
    with pytest.raises(ConfigError, match="site key"):
        browser.snippet(URL, key)


@pytest.mark.parametrize("url", ["collect.example.com", "javascript:alert(1)", ""])
def test_address(url):
    """The collector's address is one a browser can send to."""
    with pytest.raises(ConfigError, match="url"):
        browser.snippet(url, KEY)
