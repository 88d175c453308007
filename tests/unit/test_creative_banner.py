"""What a tile and a banner accept."""

import pytest

from adserver.creative.banner import Banner, Picture, Tile

FOREIGN = [
    "",
    "javascript:alert(1)",
    " javascript:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "//evil.example/",
    "/\\evil.example/",
    "/\t/evil.example/",
    "\\\\evil.example",
    "http:evil.example",
    "https://",
    "https:///evil.example",
    "ftp://shop.example/",
    "c/token",
    "/c/to ken",
    "/c/token\n",
]
OWN = ["/", "/c/token", "https://ads.example/c/token?x=1#y", "HTTP://127.0.0.1:8000/i/token"]


def banner(impression_url: str = "/i/t", why_url: str = "/why/t", lang: str = "de") -> Banner:
    return Banner(
        size="300x250",
        advertiser_name="Acme",
        lang=lang,
        tiles=(),
        impression_url=impression_url,
        why_url=why_url,
    )


@pytest.mark.parametrize("url", FOREIGN)
def test_urls_of_our_own_are_refused_when_they_lead_elsewhere(url: str) -> None:
    with pytest.raises(ValueError, match="click_url"):
        Tile(title="Shoe", price_text="€1.00", click_url=url)
    with pytest.raises(ValueError, match="impression_url"):
        banner(impression_url=url)
    with pytest.raises(ValueError, match="why_url"):
        banner(why_url=url)
    for picture in (Picture(url, "/media/2", 8, 8), Picture("/media/1", url, 8, 8)):
        with pytest.raises(ValueError, match="picture"):
            Tile(title="Shoe", price_text="€1.00", click_url="/c/t", picture=picture)


@pytest.mark.parametrize("url", OWN)
def test_urls_of_our_own_are_kept_as_they_are(url: str) -> None:
    assert Tile(title="Shoe", price_text="€1.00", click_url=url).click_url == url
    assert banner(impression_url=url, why_url=url).why_url == url


@pytest.mark.parametrize(
    ("title", "letter"),
    [
        ("shoe", "S"),
        ("🎧 Kopfhörer", "K"),
        ("ßtraße", "S"),
        ("حذاء", "ح"),
        ("靴", "靴"),
        ("4K TV", "4"),
        ("🔥", "•"),
        ("", "•"),
    ],
)
def test_the_letter_is_the_first_one_of_the_title(title: str, letter: str) -> None:
    assert Tile(title=title, price_text="€1.00", click_url="/c/t").letter == letter


def test_a_locale_becomes_a_language_tag() -> None:
    assert banner(lang="de_DE").lang == "de-DE"
