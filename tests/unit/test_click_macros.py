"""What may stand before our links, and what is only taken for it."""

from dataclasses import replace

import pytest

from adserver.model.account import Publisher
from adserver.service.click_macros import MAX_CHARACTERS, click_prefix

AD_SERVERS = ("adclick.g.doubleclick.net", "ad.doubleclick.net", "outer.doubleclick.net", "adnxs.com", "adzerk.net")
DAILY = Publisher(id="daily", name="The Daily", domains=("news.test",), click_hosts=("clicks.example", *AD_SERVERS))

GAM = "https://adclick.g.doubleclick.net/pcs/click?xai=AKAOjsv&sai=AMfl&sig=Cg0ArKJSz&fbs_aeid=%5Bgw_fbsaeid%5D&adurl="
GOOD = [
    GAM,
    "https://ad.doubleclick.net/ddm/clk/123456;654321;x?",
    "https://nym1-ib.adnxs.com/click?AAAAAAAAAAA./cpcpm=AAAA/bn=0/clickenc=",
    "https://e-1234.adzerk.net/r?e=eyJ2&s=x&url=",
    "https://news.test/track?to=",
    "http://www.news.test:8080/track/",
    "https://clicks.example/r?u=",
    "https://eu.clicks.example/r?u=",
    "https://outer.doubleclick.net/c?u=https%3A%2F%2Fnews.test%2Fc%3Fu%3D",
    "https://outer.doubleclick.net/c?u=https%253A%252F%252Fnews.test%252Fc%253Fu%253D",
    "https://news.test/" + "x" * (MAX_CHARACTERS - 20) + "/",
]
UNEXPANDED = ["%%CLICK_URL_UNESC%%", "%%CLICK_URL_ESC%%", "${CLICK_URL}", "{{click}}", "[CLICK_URL]", "{clickurl}"]
BAD = [
    "",
    " ",
    *UNEXPANDED,
    *(f"https://news.test/c?m={macro}&u=" for macro in UNEXPANDED[:5]),
    "javascript:alert(1)//?u=",
    "JavaScript://news.test/%0aalert(1)?u=",
    "data:text/html,<script>alert(1)</script>?u=",
    "vbscript:x?u=",
    "file:///etc/passwd?u=",
    "ftp://news.test/?u=",
    "//evil.example/?u=",
    "///evil.example/?u=",
    "/track?u=",
    "news.test/track?u=",
    "https:news.test/track?u=",
    "https:/news.test/track?u=",
    "https://evil.example/?u=",
    "https://evilnews.test/?u=",
    "https://news.test.evil.example/?u=",
    "https://adnxs.com.evil.example/?u=",
    "https://notadnxs.com/?u=",
    "https://googleads.g.doubleclick.net/aclk?adurl=",
    "https://tpc.googlesyndication.com/aclk?adurl=",
    "https://www.googleadservices.com/pagead/aclk?sa=L&ai=C&adurl=",
    "https://news.test@evil.example/?u=",
    "https://user:password@news.test/?u=",
    "https://evil.example\\@news.test/?u=",
    "https://evil.example#@news.test/?u=",
    "https://evil.example?@news.test/?u=",
    "https://news.test\t.evil.example/?u=",
    "https://news.test/\r\nSet-Cookie: x=1?u=",
    "https://news.test/\nu=",
    "https://news.test/?u=\n",
    "https://news.test/?u=\0",
    " https://news.test/?u=",
    "https://news.test/#?u=",
    "https://news.test:x/?u=",
    "https://[::1/?u=",
    "https://\N{FULLWIDTH LATIN SMALL LETTER N}ews.test/?u=",
    "https://news.test/" + "x" * MAX_CHARACTERS + "/",
    "https://news.test/?" + "\N{EURO SIGN}" * 1_000 + "u=",  # too long once it is encoded
    "https://news.test/click",
    GAM.partition("&")[0],  # pasted without being escaped: the rest of it became other fields
]


@pytest.mark.parametrize("url", GOOD)
def test_whose_it_is_is_known(url: str) -> None:
    assert click_prefix([url], DAILY) == url


@pytest.mark.parametrize("url", BAD, ids=[f"{n}-{url[:40]!a}" for n, url in enumerate(BAD)])
def test_everything_else_is_left_out(url: str) -> None:
    assert click_prefix([url], DAILY) == ""


def test_one_or_none() -> None:
    assert click_prefix([], DAILY) == ""
    assert click_prefix([GAM, GAM], DAILY) == ""


def test_hosts_are_those_of_the_publisher_that_is_asked_for() -> None:
    other = Publisher(id="weekly", name="The Weekly", domains=("weekly.test",))
    assert click_prefix(["https://news.test/track?to="], other) == ""
    assert click_prefix(["https://clicks.example/r?u="], other) == ""
    assert click_prefix(["https://weekly.test/track?to="], other)


@pytest.mark.parametrize("host", [*AD_SERVERS, "doubleclick.net", "googlesyndication.com", "googleadservices.com"])
def test_no_ad_server_is_trusted_that_the_publisher_has_not_named(host: str) -> None:
    """Anybody can have an account there, and a redirect to anywhere."""
    weekly = Publisher(id="weekly", name="The Weekly", domains=("weekly.test",))
    assert click_prefix([f"https://{host}/?u="], weekly) == ""
    assert click_prefix([f"https://x.{host}/?u="], weekly) == ""
    named = replace(weekly, click_hosts=(host,))
    assert click_prefix([f"https://{host}/?u="], named)
    assert click_prefix([f"https://x.{host}/?u="], named)
    assert not click_prefix([f"https://x{host}/?u="], named)
    assert not click_prefix([f"https://{host}.evil.example/?u="], named)


@pytest.mark.parametrize("sign", ['"', "<", ">", "`", "^", "|", "\N{EURO SIGN}", "\x7f", "\N{NEL}"])
def test_what_comes_out_is_plain(sign: str) -> None:
    prefix = click_prefix([f"https://news.test/a{sign}b?u="], DAILY)
    assert prefix.isascii()
    assert sign not in prefix
    assert not set(prefix) & set('"<>`^|{} \r\n')
