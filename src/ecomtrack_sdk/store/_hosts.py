"""Well-known hosts by what a visit from there means: search, social, shopping, video, assistant, gateway.

Our own short lists. They hold the hosts that send measurable traffic to shops; a host that is missing makes its
visits a *Referral*, nothing worse. A *name* stands for a brand under any ending (``google`` is google.com and
google.co.uk, and also a bare ``utm_source=google``); a *host* stands for itself and everything below it.
"""

# ruff: noqa: SIM905  # word lists are read and extended by people
from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

__all__ = ["CLICK_IDS", "Category", "Known", "is_gateway", "lookup", "registered_domain"]

Category = Literal["search", "social", "shopping", "video", "assistant", "other"]
"""``other`` is a known host that none of the lists should claim, such as the web mail of a search engine."""


class Known(NamedTuple):
    """What a host or a source name is known as."""

    category: Category
    source: str
    """Name to report: the brand for search engines, the listed host or name for all others."""


_SEARCH_NAMES = """
    google bing yahoo yandex baidu duckduckgo ecosia qwant startpage naver daum seznam sogou haosou 360 ask aol
    lycos dogpile excite exalead rambler centrum onet virgilio terra globo alice babylon conduit comcast najdi eniro
    kvasir startsiden biglobe auone rakuten ukr avg incredimail search-results mojeek metager swisscows kagi ixquick
    lilo presearch gibiru searchencrypt cnn msn hotbot webcrawler info gigablast oceanhero
"""
_SEARCH_HOSTS = """
    search.brave.com ya.ru so.com 360.cn sm.cn m.sm.cn coccoc.com yep.com search.ch web.de suche.web.de
    suche.t-online.de t-online.de search.aol.com search.aol.co.uk suche.aol.de go.mail.ru nova.rambler.ru
    search.smt.docomo.ne.jp search.auone.jp sp-web.search.auone.jp search.rakuten.co.jp websearch.rakuten.co.jp
    search.ukr.net secureurl.ukr.net ntp.msn.com search.naver.com search.daum.net search.seznam.cz firmy.cz
    lens.google.com zen.yandex.ru dzen.ru webmaster.yandex.ru search.google.com play.google.com tut.by nate.com
    goo.ne.jp search.goo.ne.jp qip.ru meta.ua sputnik.ru zapmeta.com metacrawler.com search.com vinden.nl ilse.nl
    fireball.de search.walla.co.il freespoke.com searx.be cse.google.com syndicatedsearch.goog
    com.google.android.googlequicksearchbox com.duckduckgo.mobile.android com.microsoft.bing petalsearch.com
    entireweb.com search.lycos.com search.virgilio.it suche.freenet.de sapo.pt zoznam.sk bluewin.ch marginalia.nu
"""
_SOCIAL_NAMES = """
    facebook fb instagram ig twitter x linkedin pinterest reddit tiktok snapchat whatsapp messenger telegram threads
    bluesky mastodon tumblr quora vk vkontakte odnoklassniki weibo wechat line kakao viber discord xing meetup
    medium blogger blogspot wordpress typepad livejournal flickr flipboard foursquare goodreads yelp tripadvisor
    trustpilot stackoverflow stackexchange superuser serverfault slideshare scribd researchgate ravelry deviantart
    wattpad myspace badoo hi5 tagged nextdoor skyrock renren douban mixi hatena ameblo plurk digg instapaper pocket
    hootsuite buffer tweetdeck disqus social houzz glassdoor yammer skype weebly taringa tuenti classmates zalo
    clubhouse lemon8 truthsocial google+ googleplus feedspot hubpages allrecipes buzzfeed crunchyroll dzone fandom
    niconico secondlife librarything care2 photobucket imageshack wikihow ning netvibes mylife myheritage last-fm
    academia fark slashdot pixiv fotolog lastfm habbo gaiaonline cyworld classmates livedoorblog overblog over-blog
    canalblog bebo couchsurfing imgur diigo
"""
_SOCIAL_HOSTS = """
    fb.me fb.com facebook.com m.me instagram.com threads.net threads.com t.co twitter.com x.com lnkd.in linkedin.com
    pin.it pinterest.com redd.it reddit.com tiktok.com snapchat.com wa.me whatsapp.com web.telegram.org t.me
    telegram.me telegram.org bsky.app mastodon.social mastodon.online mstdn.social fosstodon.org hachyderm.io mas.to
    mstdn.jp pawoo.net tumblr.com t.umblr.com quora.com vk.com away.vk.com vkontakte.ru ok.ru odnoklassniki.ru
    odnoklassniki.ua my.mail.ru weibo.com weibo.cn t.cn wechat.com mp.weixin.qq.com open.weixin.qq.com weixin.qq.com
    qzone.qq.com line.me kakao.com discord.com discord.gg discordapp.com viber.com xiaohongshu.com xhslink.com
    xing.com meetup.com medium.com blogspot.com blogger.com draft.blogger.com wordpress.com wordpress.org
    typepad.com livejournal.com livejournal.ru flickr.com flipboard.com foursquare.com goodreads.com yelp.com
    tripadvisor.com tripadvisor.co.uk trustpilot.com stackoverflow.com stackexchange.com askubuntu.com
    news.ycombinator.com slideshare.net scribd.com academia.edu researchgate.net ravelry.com deviantart.com
    artstation.com dribbble.com behance.net github.com sourceforge.net wattpad.com myspace.com nextdoor.com
    skyrock.com renren.com douban.com mixi.jp hatena.ne.jp b.hatena.ne.jp ameblo.jp ameba.jp 5ch.net gree.jp mbga.jp
    nicovideo.jp blog.goo.ne.jp okwave.jp blog.naver.com cafe.naver.com kin.naver.com m.blog.naver.com
    m.cafe.naver.com m.kin.naver.com answers.yahoo.com chiebukuro.yahoo.co.jp groups.google.com plus.google.com
    plus.url.google.com url.google.com sites.google.com messages.google.com getpocket.com pocket.co instapaper.com
    pinboard.in mix.com stumbleupon.com scoop.it paper.li smartnews.com newsshowcase.google.com buffer.com
    hootsuite.com last.fm soundcloud.com gate.sc mewe.com minds.com gab.com parler.com truthsocial.com nk.pl
    wykop.pl goldenline.pl draugiem.lv suomi24.fi gutefrage.net studivz.net meneame.net babyblog.ru workplace.com
    l.workplace.com bit.ly goo.gl is.gd tinyurl.com twoo.com skype.com web.skype.com messenger.com l.messenger.com
    login.tagged.com v2ex.com lang-8.com identi.ca pixelfed.social irc-galleria.net copainsdavant.linternaute.com
    viadeo.com fc2.com glassdoor.com houzz.com ancestry.com internations.org myanimelist.net wikitravel.org
    niconico.jp zoo.gr com.facebook.katana com.instagram.android com.twitter.android com.reddit.frontpage
    com.pinterest com.linkedin.android secondlife.com librarything.com imvu.com italki.com mubi.com dianping.com
    tencent.com allnurses.com ssense.com listal.com chegg.com reverbnation.com sharethis.com techmeme.com kaneva.com
    cafemom.com interpals.net geni.com stardoll.com vg.no exblog.jp gulli.com googlegroups.com epicurious.com
    care.com hr.com wiki.answers.com twitcasting.tv huya.com douyu.com skyfeed.app mamot.fr chaos.social mstdn.io
    mstdn.party vis.social typo.social sfba.social universeodon.com mastodonapp.uk masto.ai c.im toot.community
    orkut.com pixelfed.de pixelfed.uno douyin.com com.snapchat.android com.zhiliaoapp.musically
    org.telegram.messenger org.joinmastodon.android com.google.android.apps.plus linkedin.android fetlife.com
    dailystrength.org care2.com jappy.com jappy.de
"""
_SHOPPING_NAMES = """
    amazon ebay etsy walmart alibaba aliexpress mercadolibre mercadolivre shopzilla shopping google-shopping
    igshopping shopify stripe target bestbuy wayfair rakuten-ichiba allegro zalando bol otto cdiscount fnac idealo
    pricerunner kelkoo billiger geizhals ceneo heureka pricespy shopee lazada flipkart temu shein wish tokopedia
    ozon wildberries taobao tmall jd kaufland emag trendyol skroutz
"""
_SHOPPING_HOSTS = """
    shop.app aax.amazon-adsystem.com aax-us-east.amazon-adsystem.com amazon-adsystem.com s3.amazonaws.com
    shopping.google.com shopping.naver.com cr.shopping.naver.com cr2.shopping.naver.com m.shopping.naver.com
    msearch.shopping.naver.com shopping.yahoo.com shopping.yahoo.co.jp store.shopping.yahoo.co.jp
    order.shopping.yahoo.co.jp shopping.net uk.shopping.net simplycodes.com market.yandex.ru toppreise.ch ricardo.ch
    marktplaats.nl leboncoin.fr kleinanzeigen.de one.walmart.com a.co amzn.to amzn.eu ebay.us
"""
_VIDEO_NAMES = """
    youtube yt vimeo twitch dailymotion netflix hulu disneyplus crackle curiositystream iqiyi youku ted veoh wistia
    utreon rumble bilibili rutube odysee
"""
_VIDEO_HOSTS = """
    youtube.com youtu.be youtube-nocookie.com vimeo.com twitch.tv justin.tv dailymotion.com dai.ly netflix.com
    hulu.com disneyplus.com iq.com iqiyi.com youku.com ted.com veoh.com wistia.com fast.wistia.net wistia.net d.tube
    rumble.com bilibili.com b23.tv rutube.ru odysee.com viadeo.journaldunet.com kick.com peertube.tv
    com.google.android.youtube
"""
_ASSISTANT_NAMES = "chatgpt openai perplexity claude gemini copilot deepseek grok mistral you-com poe qwen duck-ai"
_ASSISTANT_HOSTS = """
    chatgpt.com chat.openai.com labs.openai.com openai.com claude.ai gemini.google.com bard.google.com
    notebooklm.google.com copilot.microsoft.com copilot.cloud.microsoft m365.cloud.microsoft edgeservices.bing.com
    perplexity.ai chat.deepseek.com deepseek.com grok.com chat.mistral.ai meta.ai duck.ai you.com poe.com phind.com
    chat.qwen.ai qwen.ai tongyi.aliyun.com yiyan.baidu.com ai.baidu.com chatglm.cn kimi.com kimi.moonshot.cn
    doubao.com iask.ai app.jasper.ai app.writesonic.com chatplus.com chat-gpt.org pi.ai character.ai
    lechat.mistral.ai com.openai.chatgpt ai.perplexity.app.android
"""
_OTHER_HOSTS = """
    mail.google.com mail.yahoo.com mail.yandex.com outlook.live.com outlook.office.com outlook.office365.com
    e.mail.ru mail.ru mail.naver.com email.t-online.de com.google.android.gm docs.google.com drive.google.com
    classroom.google.com calendar.google.com meet.google.com chat.google.com translate.google.com
    googleads.g.doubleclick.net doubleclick.net tpc.googlesyndication.com googlesyndication.com googleadservices.com
    baike.baidu.com
"""
_GATEWAY_HOSTS = """
    paypal.com paypal.me stripe.com checkout.stripe.com hooks.stripe.com stripe.network klarna.com klarna.net
    adyen.com adyenpayments.com mollie.com sofort.com giropay.de ideal.nl payu.com payu.pl przelewy24.pl tpay.com
    dotpay.pl braintreegateway.com braintree-api.com authorize.net worldpay.com worldpay.co.uk sagepay.com opayo.com
    payments.amazon.com pay.amazon.com payments.amazon.de pay.google.com payments.google.com applepay.apple.com
    squareup.com checkout.com secure.checkout.com cybersource.com globalpay.com realexpayments.com 2checkout.com
    verifone.cloud multisafepay.com buckaroo.nl pay.nl docdata.nl sips-atos.com ogone.com wirecard.com computop.com
    computop-paygate.com heidelpay.com unzer.com concardis.com payone.com pay1.de novalnet.de saferpay.com
    datatrans.com datatrans.biz postfinance.ch twint.ch bluesnap.com afterpay.com clearpay.co.uk affirm.com
    sezzle.com zip.co clearsale.com riverty.com billie.io ratepay.com twisto.cz gopay.com gopay.cz comgate.cz
    barion.com simplepay.hu everypay.gr viva.com vivapayments.com skrill.com neteller.com paysafecard.com
    trustly.com tink.com gocardless.com liqpay.ua wayforpay.com portmone.com.ua fondy.eu monobank.ua privat24.ua
    yookassa.ru yoomoney.ru robokassa.ru cloudpayments.ru tinkoff.ru securepay.tinkoff.ru sberbank.ru qiwi.com
    unitpay.ru iyzico.com paytr.com razorpay.com paytm.com paytm.in phonepe.com billdesk.com ccavenue.com
    instamojo.com cashfree.com mercadopago.com mercadopago.com.ar mercadopago.com.br mercadopago.com.mx
    pagseguro.uol.com.br pagar.me alipay.com tenpay.com wx.tenpay.com unionpay.com paystack.com flutterwave.com
    payfast.co.za peachpayments.com mpesa.in vipps.no swish.nu mobilepay.dk nets.eu dibspayment.eu quickpay.net
    quickpay.dk bambora.com epay.dk paytrail.com 3dsecure.io cardinalcommerce.com arcot.com securesuite.net
    accounts.google.com appleid.apple.com login.live.com login.microsoftonline.com
"""

_GATEWAYS = frozenset(_GATEWAY_HOSTS.split())

# Later lists win, so the particular stand last: gemini.google.com is no search although google is.
_HOSTS: dict[str, Category] = {
    **dict.fromkeys(_SEARCH_HOSTS.split(), "search"),
    **dict.fromkeys(_SOCIAL_HOSTS.split(), "social"),
    **dict.fromkeys(_SHOPPING_HOSTS.split(), "shopping"),
    **dict.fromkeys(_VIDEO_HOSTS.split(), "video"),
    **dict.fromkeys(_OTHER_HOSTS.split(), "other"),
    **dict.fromkeys(_ASSISTANT_HOSTS.split(), "assistant"),
}
_NAMES: dict[str, Category] = {
    **dict.fromkeys(_SEARCH_NAMES.split(), "search"),
    **dict.fromkeys(_SOCIAL_NAMES.split(), "social"),
    **dict.fromkeys(_SHOPPING_NAMES.split(), "shopping"),
    **dict.fromkeys(_VIDEO_NAMES.split(), "video"),
    **dict.fromkeys(_ASSISTANT_NAMES.split(), "assistant"),
}

# Names that are also plain words own only the hosts listed above, never example.com under another ending.
_WORDS = frozenset(
    """
    360 ask ig fb x info line medium meetup pocket social shopping target wish bol otto jd yt ted poe tagged buffer
    threads discord feedspot glassdoor terra globo alice cnn ukr avg ok clubhouse comcast conduit babylon centrum
    lilo mistral claude gemini copilot grok openai digg messenger
    """.split()
)
_WORD_DOMAINS = frozenset(
    """
    ask.com cnn.com terra.com.br terra.com globo.com alice.it avg.com centrum.cz comcast.net conduit.com babylon.com
    digg.com messenger.com lilo.org target.com wish.com bol.com otto.de jd.com tagged.com ukr.net info.com 360.cn
    shopping.com
    """.split()
)
# Below a search brand only these first labels are its search; mail.google.com or cloud.google.com are not.
_SEARCH_LABELS = frozenset(
    """
    search m www www2 wap images image news maps scholar video videos lens encrypted r l lite blogsearch cse ipv6
    html start safe noai suche ricerca malaysia espanol web mobile global
    """.split()
)
_TWO_PART_ENDINGS = frozenset(
    """
    co com net org ac gov edu ne or go gob web in
    """.split()
)
_SHARED_DOMAINS = frozenset(
    """
    myshopify.com github.io netlify.app vercel.app herokuapp.com web.app pages.dev
    """.split()
)

CLICK_IDS: dict[str, tuple[str, str]] = {
    "gclid": ("google", "cpc"),
    "gbraid": ("google", "cpc"),
    "wbraid": ("google", "cpc"),
    "gad_source": ("google", "cpc"),
    "dclid": ("dfa", "cpm"),
    "msclkid": ("bing", "cpc"),
    "yclid": ("yandex", "cpc"),
    "ttclid": ("tiktok", "cpc"),
    "twclid": ("twitter", "cpc"),
    "li_fat_id": ("linkedin", "cpc"),
    "sccid": ("snapchat", "cpc"),
    "epik": ("pinterest", "cpc"),
    "rdt_cid": ("reddit", "cpc"),
    "vmcid": ("yahoo", "cpc"),
    "irclickid": ("impact", "affiliate"),
    "awc": ("awin", "affiliate"),
    "cjevent": ("cj", "affiliate"),
    "tduid": ("tradedoubler", "affiliate"),
    "mc_eid": ("mailchimp", "email"),
    "_kx": ("klaviyo", "email"),
    "_hsenc": ("hubspot", "email"),
    # These mark every outgoing link of the site, paid or not, so they name the site and no payment.
    "fbclid": ("facebook", "referral"),
    "igshid": ("instagram", "referral"),
    "igsh": ("instagram", "referral"),
    "srsltid": ("google", "organic"),
    "ysclid": ("yandex", "organic"),
}
"""Parameter of a click id, in lower case → source and medium it stands for."""


def registered_domain(host: str) -> str:
    """The part of *host* somebody registered: ``shop.example.co.uk`` gives ``example.co.uk``.

    A rule of thumb instead of the public suffix list: a two-letter ending with a short generic part before it
    counts as one ending. Hosts of shared platforms (``*.myshopify.com``) keep one label more.
    """
    labels = host.split(".")
    keep = 3 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _TWO_PART_ENDINGS else 2
    domain = ".".join(labels[-keep:])
    return ".".join(labels[-keep - 1 :]) if domain in _SHARED_DOMAINS else domain


@lru_cache(maxsize=16_384)
def lookup(source: str) -> Known | None:
    """What *source*, a lower-case host or a bare name, is known as; ``None`` when no list has it."""
    name = source.replace(" ", "-")
    if "." not in name:
        category = _NAMES.get(name)
        return Known(category, source) if category else None
    rest = name.removeprefix("www.")
    while "." in rest:
        category = _HOSTS.get(rest)
        if category == "search":
            return Known(category, _brand(rest) or rest)
        if category:
            return Known(category, rest)
        rest = rest.partition(".")[2]
    return _by_brand(name)


def _brand(host: str) -> str | None:
    """The name of the search engine *host* belongs to, where one is listed."""
    # The name of an app is a host turned round: com.google.android.
    label = host.split(".")[1] if host.startswith("com.") else registered_domain(host).partition(".")[0]
    return label if _NAMES.get(label) == "search" else None


def _by_brand(host: str) -> Known | None:
    domain = registered_domain(host)
    label = domain.partition(".")[0]
    category = _NAMES.get(label)
    if category is None or (label in _WORDS and domain not in _WORD_DOMAINS):
        return None
    if category != "search":
        return Known(category, domain)
    below = host.removesuffix(domain).rstrip(".")
    if all(part in _SEARCH_LABELS or len(part) == 2 for part in below.split(".") if part):
        return Known(category, label)
    return Known("other", host)


def is_gateway(host: str) -> bool:
    """Whether *host* is a payment page or a sign-in page: coming back from there is no new visit."""
    rest = host
    while "." in rest:
        if rest in _GATEWAYS:
            return True
        rest = rest.partition(".")[2]
    return False
