"""The browser script from Python: its bytes, its integrity hash, and the tags a page needs.

The script is a file of this package. A collector serves it at ``/ecomtrack.js``; a shop may as well serve the same
bytes from its own address, which browsers and blockers treat as the shop's own.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from html import escape
from importlib.resources import files
from typing import Literal

from ecomtrack_sdk.errors import ConfigError

__all__ = ["STUB", "integrity", "script", "snippet"]

STUB = "window.ecomtrack=window.ecomtrack||function(){(ecomtrack.q=ecomtrack.q||[]).push(arguments)}"
"""Takes calls before the script has loaded; the script replays them in their order."""


@cache
def script() -> bytes:
    """The source of ``ecomtrack.js``, as a collector of this version serves it."""
    return (files("ecomtrack_sdk") / "collector" / "static" / "ecomtrack.js").read_bytes()


@cache
def integrity() -> str:
    """The Subresource Integrity value of :func:`script`. Source: W3C SRI, sha384."""
    return "sha384-" + base64.b64encode(hashlib.sha384(script()).digest()).decode()


def snippet(
    url: str,
    key: str,
    *,
    src: str | None = None,
    nonce: str | None = None,
    stub: bool = True,
    consent: Literal["granted", "ask"] = "granted",
    auto_page: bool = True,
    cookie_domain: str | None = None,
    with_integrity: bool = True,
) -> str:
    """The tags that belong into the ``<head>`` of every page.

    Args:
        url: Address of the collector, where events go.
        key: A *site* key: it stands in every page, so it may only send browsing events.
        src: Address of the script; the collector's ``/ecomtrack.js`` when absent. Another host than the page's needs
            CORS on that file when *with_integrity* is on; the collector has it.
        nonce: Nonce of the page's Content-Security-Policy, for the inline stub and the script.
        stub: Write the inline queue. Without it nothing is inline, the script is loaded with ``defer``, and the
            page's own calls must come from scripts deferred after it.
        consent: ``"granted"`` tracks unless the visitor said no; ``"ask"`` holds events in memory, without cookie or
            request, until the page calls ``ecomtrack("consent", true)``.
        auto_page: Send ``view_page`` for each page by itself, single-page navigation included.
        cookie_domain: Domain of the ``cbuid`` cookie, to share it between sub-domains.
        with_integrity: Write the hash of this version's script. Leave it off where the collector is upgraded on its
            own: a changed script would then be refused by the browser.

    Returns:
        HTML, all values escaped.

    Raises:
        ConfigError: A server or read key was given, or an address without ``http(s)://``.
    """
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"url: an address such as 'https://collect.example.com' is needed, not {url!r}")
    if key.startswith(("ecomtrack_server_", "ecomtrack_read_")):
        raise ConfigError("key: this is not a site key; a page shows its key to everybody")
    attributes = {"src": src or url.rstrip("/") + "/ecomtrack.js", "data-url": url.rstrip("/"), "data-key": key}
    if consent != "granted":
        attributes["data-consent"] = consent
    if not auto_page:
        attributes["data-auto-page"] = "false"
    if cookie_domain:
        attributes["data-cookie-domain"] = cookie_domain
    if with_integrity:
        attributes |= {"integrity": integrity(), "crossorigin": "anonymous"}
    if nonce:
        attributes["nonce"] = nonce
    written = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())
    tag = f"<script {'async' if stub else 'defer'}{written}></script>"
    if not stub:
        return tag
    mark = f' nonce="{escape(nonce)}"' if nonce else ""
    return f"<script{mark}>{STUB}</script>\n{tag}"
