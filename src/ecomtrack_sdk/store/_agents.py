"""What a user agent says about its device: a robot or a person, and on what kind of screen."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Literal

from ecomtrack_sdk.errors import MissingExtraError

__all__ = ["Device", "device_of", "is_bot"]

Device = Literal["desktop", "mobile", "tablet", "other"]

_TABLET = re.compile(r"ipad|tablet|kindle|silk/|playbook|nexus (?:7|9|10)\b|sm-t\d|android(?!.*mobile)", re.IGNORECASE)
_MOBILE = re.compile(r"mobi|iphone|ipod|android|windows phone|blackberry|bb10|opera mini|webos", re.IGNORECASE)
_DESKTOP = re.compile(r"windows nt|macintosh|mac os x|x11|linux|cros ", re.IGNORECASE)
# A television or console answers to Linux or Android too.
_OTHER = re.compile(r"smart-?tv|appletv|googletv|hbbtv|tizen.*tv|web0s|roku|playstation|xbox|nintendo", re.IGNORECASE)


@lru_cache(maxsize=16_384)
def is_bot(user_agent: str | None) -> bool:
    """Whether *user_agent* is a crawler's, a monitor's or a headless browser's, by the list of ``crawler-user-agents``.

    Nothing given is no bot: events of a backend have no user agent.

    Raises:
        MissingExtraError: ``crawler-user-agents`` is not installed.
    """
    if not user_agent:
        return False
    return _crawlers().search(user_agent) is not None


@cache
def _crawlers() -> re.Pattern[str]:
    try:
        from crawleruseragents import CRAWLER_USER_AGENTS_DATA
    except ImportError:
        raise MissingExtraError("crawler-user-agents", "collector") from None
    return re.compile("|".join(f"(?:{entry['pattern']})" for entry in CRAWLER_USER_AGENTS_DATA))


@lru_cache(maxsize=16_384)
def device_of(user_agent: str | None) -> Device | None:
    """The kind of device behind *user_agent*; ``None`` when there is none, ``other`` when it cannot be told.

    An iPad that asks for desktop pages says it is a Macintosh and counts as one.
    """
    if not user_agent:
        return None
    if _OTHER.search(user_agent):
        return "other"
    if _TABLET.search(user_agent):
        return "tablet"
    if _MOBILE.search(user_agent):
        return "mobile"
    return "desktop" if _DESKTOP.search(user_agent) else "other"
