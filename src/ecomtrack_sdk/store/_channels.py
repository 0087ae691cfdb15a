"""Where a visit came from: source, medium, campaign and the channel they make.

Source: Google Analytics 4, default channel group (support.google.com/analytics/answer/9756891): first match wins,
case is ignored. Ours beside it: click ids stand in for missing tags; pages of
the shop itself, payment pages and sign-in pages are no referrer.

========================  ==============================================================================
channel                   rule (``PAID``: cpc, ppc, cpm, retargeting, paid…)
========================  ==============================================================================
Direct                    no tag, no foreign referrer; or source direct with medium (none), (not set)
Cross-network             campaign contains ``cross-network``
Paid Shopping             shopping site, or campaign names a shop, and medium PAID
Paid Search/Social/Video  search, social or video site and medium PAID
Display                   medium display, banner, expandable, interstitial, cpm
Paid Other                medium PAID
AI Assistant              assistant site, or medium ai-assistant (Google's since May 2026; the sites are our list)
Organic Shopping          shopping site, or campaign names a shop
Organic Social            social site, or medium social, social-network, social-media, sm, …
Organic Video             video site, or medium contains ``video``
Organic Search            search site, or medium organic
Referral                  medium referral, app, link
Email                     source or medium email, e-mail, e_mail, "e mail"
Affiliates, Audio, SMS    medium affiliate; medium audio; source or medium sms
Mobile Push Notifications medium ends in ``push`` or contains mobile, notification; source firebase
Unassigned                nothing matched
========================  ==============================================================================
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl

from ecomtrack_sdk.store._hosts import CLICK_IDS, is_gateway, lookup, registered_domain

__all__ = ["CHANNELS", "DIRECT", "Tags", "Touch", "channel_of", "classify", "host_of", "tags_of"]

CHANNELS = (
    "Direct",
    "Cross-network",
    "Paid Shopping",
    "Paid Search",
    "Paid Social",
    "Paid Video",
    "Display",
    "Paid Other",
    "AI Assistant",
    "Organic Shopping",
    "Organic Social",
    "Organic Video",
    "Organic Search",
    "Referral",
    "Email",
    "Affiliates",
    "Audio",
    "SMS",
    "Mobile Push Notifications",
    "Unassigned",
)
"""Every channel there is, in the order of the rules."""

_PAID = re.compile(r"(.*cp.*|ppc|retargeting|paid.*)")
_SHOP = re.compile(r"(.*(([^a-df-z]|^)shop|shopping).*)")
_DISPLAY = frozenset({"display", "banner", "expandable", "interstitial", "cpm"})
_SOCIAL = frozenset({"social", "social-network", "social-media", "sm", "social network", "social media"})
_REFERRAL = frozenset({"referral", "app", "link"})
_EMAIL = frozenset({"email", "e-mail", "e_mail", "e mail"})
_NO_MEDIUM = frozenset({"", "(none)", "(not set)"})
_NOT_SET = "(not set)"
# A host without a scheme, as people paste it; not the file of a relative address.
_BARE = re.compile(
    r"(?!(?:[^/?#]*\.)(?:html?|php|aspx?|jsp)(?:$|[/?#]))(?:[a-z0-9-]+\.)+[a-z]{2,}(?::\d+)?(?:$|[/?#])", re.IGNORECASE
)
_MEDIUM_OF = {"search": "organic", "assistant": "ai-assistant"}


class Touch(NamedTuple):
    """Where one event says its visitor came from."""

    source: str
    """Lower case: the tag, the search engine's name or the referring host; ``(direct)`` when there is none."""
    medium: str
    """Lower case: the tag, ``organic``, ``referral``, ``cpc`` …; ``(none)`` when there is none."""
    campaign: str | None
    """The tag as written."""
    channel: str
    """One of :data:`CHANNELS`."""


class Tags(NamedTuple):
    """The campaign tags of an address, as written; ``None`` where absent or empty."""

    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    term: str | None = None
    content: str | None = None
    click_id: str | None = None
    click_id_type: str | None = None


DIRECT = Touch("(direct)", "(none)", None, "Direct")
"""No tag and no foreign referrer."""
_NO_TAGS = Tags()


def host_of(url: str | None) -> str | None:
    """The host of *url* in lower case without ``www.`` and port, or ``None`` when there is none.

    ``android-app://com.example`` gives the name of the app; ``example.com/page`` without a scheme is taken for a host.
    """
    if not url:
        return None
    _, found, rest = url.partition("://")
    if not found:
        rest = url.removeprefix("//")
        if rest == url and not _BARE.match(url):
            return None
    for end in "/?#":
        rest = rest.partition(end)[0]
    host = rest.rpartition("@")[2]
    if not host.startswith("["):
        host = host.partition(":")[0]
    return host.lower().removeprefix("www.").rstrip(".") or None


def tags_of(url: str | None) -> Tags:
    """The campaign tags in the query of *url*; names ignore case, the first value of a name counts."""
    if not url or "?" not in url:
        return _NO_TAGS
    return _tags(url.partition("?")[2].partition("#")[0])


@lru_cache(maxsize=16_384)
def _tags(query: str) -> Tags:
    values: dict[str, str] = {}
    for name, value in parse_qsl(query):
        if value.strip():
            values.setdefault(name.lower(), value.strip())
    click = next((name for name in CLICK_IDS if name in values), None)
    return Tags(
        values.get("utm_source"),
        values.get("utm_medium"),
        values.get("utm_campaign"),
        values.get("utm_term"),
        values.get("utm_content"),
        values[click] if click else None,
        click,
    )


def classify(  # noqa: PLR0917  # one row of the log, column by column
    url: str | None,
    referrer: str | None,
    utm_source: str | None = None,
    utm_medium: str | None = None,
    utm_campaign: str | None = None,
    click_id: str | None = None,
    click_id_type: str | None = None,
) -> Touch:
    """The touch of one event.

    Tags given stand before tags in *url*; tags stand before a click id, and both before the referrer. A click id fills
    the source or medium that the tags leave out. A page inside the shop, reached by its own links, is *Direct*: the
    touch of a visit is that of its first event.

    Args:
        url: Address of the page.
        referrer: Address of the page before it. The shop's own host, payment and sign-in hosts are ignored.
        utm_source: Campaign tags, as written.
        utm_medium: As above.
        utm_campaign: As above.
        click_id: Value of an advertiser's click id.
        click_id_type: Its parameter's name, such as ``gclid``.
    """
    if not (utm_source or utm_medium or utm_campaign or click_id_type):
        tags = tags_of(url)
        utm_source, utm_medium, utm_campaign = tags.source, tags.medium, tags.campaign
        click_id, click_id_type = tags.click_id, tags.click_id_type
    if not (utm_source or utm_medium or utm_campaign or click_id_type or referrer):
        return DIRECT
    clicked = click_id_type.lower() if click_id_type and click_id else None
    return _touch(host_of(url), host_of(referrer), utm_source, utm_medium, utm_campaign, clicked)


@lru_cache(maxsize=65_536)
def _touch(  # noqa: PLR0917  # the key of the cache
    site: str | None,
    referrer: str | None,
    utm_source: str | None,
    utm_medium: str | None,
    utm_campaign: str | None,
    clicked: str | None,
) -> Touch:
    source = (utm_source or "").strip().lower()
    medium = (utm_medium or "").strip().lower()
    campaign = (utm_campaign or "").strip() or None
    implied = CLICK_IDS.get(clicked) if clicked else None
    if implied and (not source or _same_site(source, implied[0])):
        source, medium = source or implied[0], medium or implied[1]
    if not (source or medium or campaign):
        if referrer is None or _is_own(site, referrer) or is_gateway(referrer):
            return DIRECT
        known = lookup(referrer)
        source = known.source if known and known.category != "other" else referrer
        medium = _MEDIUM_OF.get(known.category, "referral") if known else "referral"
    source, medium = source or _NOT_SET, medium or _NOT_SET
    return Touch(source, medium, campaign, channel_of(source, medium, campaign))


def _same_site(source: str, name: str) -> bool:
    """Whether a tagged *source* (``google``, ``google.com``) is the site called *name*."""
    return source == name or source.startswith(f"{name}.") or name == "dfa"


def _is_own(site: str | None, referrer: str) -> bool:
    return site is not None and registered_domain(site) == registered_domain(referrer)


def channel_of(source: str | None, medium: str | None, campaign: str | None = None) -> str:
    """The channel of a source, medium and campaign; see the table at the top of this module.

    Args:
        source: A host or a name; ``None`` is the same as ``(not set)``.
        medium: As reported; ``None`` is the same as ``(not set)``.
        campaign: As reported.
    """
    site = (source or "").strip().lower()
    kind = (medium or "").strip().lower()
    name = (campaign or "").strip().lower()
    if site in {"direct", "(direct)"} and kind in _NO_MEDIUM:
        return "Direct"
    if "cross-network" in name:
        return "Cross-network"
    known = lookup(site.removeprefix("www.")) if site else None
    category = known.category if known else None
    shop = category == "shopping" or _SHOP.fullmatch(name) is not None
    if _PAID.fullmatch(kind):
        if shop:
            return "Paid Shopping"
        if category in {"search", "social", "video"}:
            return f"Paid {category.capitalize()}"
        return "Display" if kind in _DISPLAY else "Paid Other"
    if kind in _DISPLAY:
        return "Display"
    if category == "assistant" or kind == "ai-assistant":
        return "AI Assistant"
    if shop:
        return "Organic Shopping"
    if category == "social" or kind in _SOCIAL:
        return "Organic Social"
    if category == "video" or "video" in kind:
        return "Organic Video"
    if category == "search" or kind == "organic":
        return "Organic Search"
    return _by_medium(site, kind)


def _by_medium(source: str, medium: str) -> str:
    if medium in _REFERRAL:
        return "Referral"
    if source in _EMAIL or medium in _EMAIL:
        return "Email"
    if medium in {"affiliate", "affiliates"}:
        return "Affiliates"
    if medium == "audio":
        return "Audio"
    if "sms" in {source, medium}:
        return "SMS"
    if medium.endswith("push") or "mobile" in medium or "notification" in medium or source == "firebase":
        return "Mobile Push Notifications"
    return "Unassigned"
