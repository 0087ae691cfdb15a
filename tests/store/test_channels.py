"""Channels: GA4's rules, our lists of hosts, click ids, gateways, devices and bots."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from ecomtrack_sdk.store._agents import device_of, is_bot
from ecomtrack_sdk.store._channels import CHANNELS, DIRECT, channel_of, classify, host_of, tags_of
from ecomtrack_sdk.store._hosts import is_gateway, lookup, registered_domain

SHOP = "https://shop.example.com/p/1"


@pytest.mark.parametrize(
    ("source", "medium", "campaign", "channel"),
    [
        ("(direct)", "(none)", None, "Direct"),
        ("direct", "(not set)", None, "Direct"),
        ("google", "cpc", "PMax cross-network DE", "Cross-network"),
        ("google", "cpc", "spring shopping", "Paid Shopping"),
        ("amazon.de", "ppc", None, "Paid Shopping"),
        ("newsletter", "referral", "shop week", "Organic Shopping"),
        ("x-partner", "referral", "workshop", "Referral"),
        ("partner", "referral", "eshop", "Organic Shopping"),
        ("Google", "CPC", None, "Paid Search"),
        ("bing", "paidsearch", None, "Paid Search"),
        ("facebook", "paid_social", None, "Paid Social"),
        ("instagram", "cpm", None, "Paid Social"),
        ("youtube", "cpv-cpc", None, "Paid Video"),
        ("dfa", "cpm", None, "Display"),
        ("example.org", "banner", None, "Display"),
        ("facebook", "display", None, "Display"),
        ("example.org", "cpa-cpc", None, "Paid Other"),
        ("example.org", "retargeting", None, "Paid Other"),
        ("chatgpt.com", None, None, "AI Assistant"),
        ("somebody", "ai-assistant", None, "AI Assistant"),
        ("etsy.com", "referral", None, "Organic Shopping"),
        ("t.co", "referral", None, "Organic Social"),
        ("somebody", "Social-Network", None, "Organic Social"),
        ("youtube.com", "referral", None, "Organic Video"),
        ("youtube", "social", None, "Organic Social"),
        ("somebody", "product video", None, "Organic Video"),
        ("duckduckgo", "organic", None, "Organic Search"),
        ("an unknown engine", "organic", None, "Organic Search"),
        ("example.org", "referral", None, "Referral"),
        ("example.org", "link", None, "Referral"),
        ("crm", "E-Mail", None, "Email"),
        ("e_mail", "(not set)", None, "Email"),
        ("awin", "affiliate", None, "Affiliates"),
        ("spotify", "audio", None, "Audio"),
        ("sms", "x", None, "SMS"),
        ("crm", "sms", None, "SMS"),
        ("crm", "webpush", None, "Mobile Push Notifications"),
        ("firebase", "x", None, "Mobile Push Notifications"),
        ("crm", "mobile notification", None, "Mobile Push Notifications"),
        ("crm", "leaflet", None, "Unassigned"),
        (None, None, None, "Unassigned"),
    ],
)
def test_rules_of_ga4(source, medium, campaign, channel):
    """Each rule of the default channel group gives its channel, whatever the case, the first that matches."""
    assert channel_of(source, medium, campaign) == channel
    assert channel in CHANNELS


@pytest.mark.parametrize(
    ("referrer", "source", "medium", "channel"),
    [
        (None, "(direct)", "(none)", "Direct"),
        ("", "(direct)", "(none)", "Direct"),
        ("https://www.example.com/start", "(direct)", "(none)", "Direct"),
        ("https://www.paypal.com/checkoutnow?x=1", "(direct)", "(none)", "Direct"),
        ("https://checkout.stripe.com/pay/cs_1", "(direct)", "(none)", "Direct"),
        ("https://accounts.google.com/o/oauth2", "(direct)", "(none)", "Direct"),
        ("https://www.google.co.uk/", "google", "organic", "Organic Search"),
        ("https://cn.bing.com/search?q=tea", "bing", "organic", "Organic Search"),
        ("https://de.search.yahoo.com/", "yahoo", "organic", "Organic Search"),
        ("https://search.brave.com", "search.brave.com", "organic", "Organic Search"),
        ("android-app://com.google.android.googlequicksearchbox/", "google", "organic", "Organic Search"),
        ("https://mail.google.com/mail/u/0", "mail.google.com", "referral", "Referral"),
        ("https://gemini.google.com/app", "gemini.google.com", "ai-assistant", "AI Assistant"),
        ("https://L.Facebook.com:443/l.php?u=x", "facebook.com", "referral", "Organic Social"),
        ("https://www.pinterest.de/pin/1", "pinterest.de", "referral", "Organic Social"),
        ("https://m.youtube.com/watch?v=1", "youtube.com", "referral", "Organic Video"),
        ("https://www.amazon.de/dp/1", "amazon.de", "referral", "Organic Shopping"),
        ("https://blog.example.org/x", "blog.example.org", "referral", "Referral"),
        ("https://line.example.org/", "line.example.org", "referral", "Referral"),
        ("https://ask.cooking/", "ask.cooking", "referral", "Referral"),
    ],
)
def test_referrer_without_tags(referrer, source, medium, channel):
    """A referrer alone gives source, medium and channel; own, payment and sign-in hosts give none."""
    assert classify(SHOP, referrer) == (source, medium, None, channel)


def test_tags_stand_before_click_id_and_referrer():
    """The tags win; a click id fills what they leave out; the referrer is the last resort."""
    google = "https://www.google.com/"
    assert classify(SHOP, google, "News", "EMail", "May").source == "news"
    assert classify(SHOP, google, "News", "EMail", "May") == ("news", "email", "May", "Email")
    assert classify(SHOP, google, click_id="abc", click_id_type="gclid") == ("google", "cpc", None, "Paid Search")
    assert classify(f"{SHOP}?GCLID=abc", None).channel == "Paid Search"
    assert classify(SHOP, None, "google", None, "May", "abc", "gclid") == ("google", "cpc", "May", "Paid Search")
    assert classify(SHOP, None, "crm", None, "May", "abc", "gclid") == ("crm", "(not set)", "May", "Unassigned")
    assert classify(f"{SHOP}?utm_source=Face%20Book&utm_medium=x#y", None).source == "face book"
    assert classify(f"{SHOP}?fbclid=1", "https://l.facebook.com") == ("facebook", "referral", None, "Organic Social")
    assert classify(f"{SHOP}?utm_source=chatgpt.com", None).channel == "AI Assistant"


def test_tags_of_an_address():
    """Names ignore case, values are decoded, empty values are absent, the first of a name counts."""
    tags = tags_of(
        "https://x.y/?UTM_Source=a%20b&utm_source=c&utm_medium=&utm_term=t&utm_content=n&msclkid=9#utm_campaign=z"
    )
    assert tags == ("a b", None, None, "t", "n", "9", "msclkid")
    assert tags_of(None) == tags_of("https://x.y/?a=1") == (None,) * 7
    assert classify(None, None) is DIRECT


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://user:pw@WWW.Example.com:8080/x?y=http://z", "example.com"),
        ("//cdn.example.com/x", "cdn.example.com"),
        ("http://[2001:db8::1]:80/", "[2001:db8::1]:80"),
        ("/only/a/path", None),
        ("www.Google.com", "google.com"),
        ("example.co.uk:8080/x?y", "example.co.uk"),
        ("index.html?a=b.c", None),
        ("mailto:a@example.com", None),
        ("about:blank", None),
        (None, None),
    ],
)
def test_host_of_an_address(url, host):
    """The host comes without user, port and www, in lower case."""
    assert host_of(url) == host


def test_registered_domain():
    """Two-part endings and shared platforms keep one label more."""
    assert registered_domain("a.b.example.co.uk") == "example.co.uk"
    assert registered_domain("a.example.com") == "example.com"
    assert registered_domain("one.myshopify.com") == "one.myshopify.com"
    assert is_gateway("www.paypal.com")
    assert not is_gateway("notpaypal.com")


def test_lists_cover_what_google_lists(shared_data: Path):
    """Our short lists hold nearly all search, shopping and video sites of GA4's file and half of its social ones."""
    share: dict[str, list[bool]] = {}
    with (shared_data / "channels" / "ga4_source_categories.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            category = row["source_category"].rpartition("_")[2].lower()
            known = lookup(row["source"].lower())
            share.setdefault(category, []).append(known is not None and known.category == category)
    covered = {category: sum(hits) / len(hits) for category, hits in share.items()}
    assert covered["search"] > 0.95
    assert covered["shopping"] > 0.95
    assert covered["video"] > 0.95
    assert covered["social"] > 0.5


def test_lists_cover_assistants(shared_data: Path):
    """Every assistant host of Matomo's list is an assistant here too."""
    for line in (shared_data / "channels" / "AIAssistants.yml").read_text(encoding="utf-8").splitlines():
        if line.startswith("  - ") and "/" not in line:
            known = lookup(line.removeprefix("  - "))
            assert known is not None, line
            assert known.category == "assistant", line


CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (CHROME, "desktop"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Mobile/15E148 Safari/604.1", "mobile"),
        ("Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "mobile"),
        ("Mozilla/5.0 (Linux; Android 14; SM-X710) AppleWebKit/537.36 Chrome/140.0 Safari/537.36", "tablet"),
        ("Mozilla/5.0 (iPad; CPU OS 12_2 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148", "tablet"),
        ("Mozilla/5.0 (SMART-TV; Linux; Tizen 7.0) AppleWebKit/537.36", "other"),
        ("python-httpx/0.28", "other"),
        ("", None),
        (None, None),
    ],
)
def test_device(user_agent, device):
    """Desktop, phone and tablet are told apart; the rest is other; nothing is nothing."""
    assert device_of(user_agent) == device


def test_bots():
    """Crawlers and headless browsers are bots, browsers and backends without a user agent are not."""
    assert is_bot("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)")
    assert is_bot(
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)"
    )
    assert not is_bot(CHROME)
    assert not is_bot(None)
