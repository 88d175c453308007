"""What a banner says that a product costs, and for how long that is kept."""

import re
from dataclasses import replace
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest

from adserver.creative.library import load_creatives
from adserver.model.account import Advertiser, Campaign, Placement, StrikeThrough
from adserver.model.decision import Decision, Why
from adserver.model.line_item import LineItem, Offer
from adserver.model.product import MICROS, Product
from adserver.service import shelves
from adserver.service.picture_links import PictureLinks
from adserver.service.render_ad import RenderAd
from adserver.tracking.keyring import Keyring
from adserver.tracking.sealed import VisitorSeal
from adserver.tracking.token import Tokens

NOW = 1_795_000_000
CREATIVES = load_creatives()
PICTURES = PictureLinks(Keyring([b"k7Qm2vXp9Lr4Ts8Wd1Zc6Nb3Hf5Jg0Ya"], "picture"), base_url="")


@pytest.fixture
def render() -> RenderAd:
    tokens = Tokens(Keyring([b"k7Qm2vXp9Lr4Ts8Wd1Zc6Nb3Hf5Jg0Ya"], "token"))
    return RenderAd(
        CREATIVES,
        tokens,
        seal=VisitorSeal([b"k7Qm2vXp9Lr4Ts8Wd1Zc6Nb3Hf5Jg0Ya"]),
        pictures=PICTURES,
        base_url="",
        impression_ttl_s=60,
        click_ttl_s=60,
    )


def shoe(number: int = 1, **fields: Any) -> Product:
    values: dict[str, Any] = {"price": 100 * MICROS, "history": ((NOW - 9, 100 * MICROS),), **fields}
    link = f"https://shop.test/{number}"
    return Product(id=str(number), title="Shoe", link=link, image_link="", currency="EUR", **values)


def decision(*products: Product, rule: StrikeThrough | None = None) -> Decision:
    return Decision(
        id="decision-of-test",
        placement=Placement(id="slot", publisher="daily", size="300x250"),
        line_item=LineItem(id="viewers", campaign="all", creative="grid"),
        campaign=Campaign(id="all", advertiser="acme"),
        advertiser=Advertiser(
            id="acme", name="Acme", domains=("shop.test",), currency="EUR", locale="de_DE", strike_through=rule
        ),
        products=products,
        creative="grid",
    )


def prices(html: bytes) -> list[str]:
    """The price to pay and, behind it, the one struck through."""
    found = re.findall(r'<(?:b|b class="sale"|s) dir="auto">(?:<span class="sr">[^<]*</span>)?([^<]*)</', html.decode())
    return [text.replace("\xa0", " ") for text in found]


@pytest.mark.parametrize(
    ("rule", "fields", "expected"),
    [
        (None, {}, ["100,00 €"]),
        (None, {"sale_price": 80 * MICROS}, ["80,00 €"]),
        (StrikeThrough.CLAIMED, {"sale_price": 80 * MICROS}, ["80,00 €", "100,00 €"]),
        (StrikeThrough.NEVER, {"sale_price": 80 * MICROS}, ["80,00 €"]),
        (
            None,
            {"sale_price": 80 * MICROS, "history": ((NOW - 9, 100 * MICROS), (NOW - 5, 80 * MICROS))},
            ["80,00 €", "100,00 €"],
        ),
    ],
)
def test_prices(render: RenderAd, rule: StrikeThrough | None, fields: dict[str, Any], expected: list[str]) -> None:
    assert prices(render(decision(shoe(**fields), rule=rule), NOW).html) == expected


def test_what_is_kept_changes_with_the_sale(render: RenderAd) -> None:
    asked = decision(shoe(sale_price=80 * MICROS, sale_from=NOW, sale_until=NOW + 60))
    shown = [prices(render(asked, NOW + seconds).html) for seconds in (-1, -0.01, 0, 59.9, 60, 99)]
    assert shown == [["100,00 €"]] * 2 + [["80,00 €", "100,00 €"]] * 2 + [["100,00 €"]] * 2


def test_what_is_kept_is_bounded(render: RenderAd, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where one line item in one placement shows all there is."""
    monkeypatch.setattr(shelves, "MAX_KEPT", 50)
    asked = decision(shoe())
    for number in range(500):
        render(asked._replace(products=(shoe(number),)), NOW)
    assert sum(len(goods) for shelf in render._shelves for goods in shelf.goods.values()) <= 51
    assert prices(render(asked, NOW).html) == ["100,00 €"]


def offered(**fields: Any) -> Decision:
    asked = decision(shoe(1), shoe(2))
    return asked._replace(offer=Offer(text="10 %", **fields), why=(Why.CART, Why.BEST_SELLER))


def test_the_data_is_what_the_banner_shows(render: RenderAd) -> None:
    asked = offered(coupon="ALPIN", ends=NOW + 90)
    for _ in range(2):
        html, data = render(asked, NOW).html.decode(), render.data(asked, NOW)
        assert re.findall('href="(/c/[^"]*)"', html) == [tile.click_url for tile in data.tiles]
        assert f'src="{data.impression_url}"' in html
        assert f'href="{data.why_url}"' in html
        assert f'href="{data.hide_url}"' in html
        assert [tile.price_text for tile in data.tiles] == ["100,00\xa0€"] * 2
        assert [tile.why for tile in data.tiles] == list(asked.why)
        assert (data.because, data.coupon, data.ends_at, data.click_url) == (
            "cart", "ALPIN", NOW + 90, data.tiles[0].click_url,
        )  # fmt: skip
        assert data.words["ad"] == "Anzeige"
        assert " b-cart" in html


def test_the_time_left_of_an_offer_goes_down_and_old_frames_do_not_pile_up(render: RenderAd) -> None:
    asked = offered(ends=NOW + 3_600)
    left = [re.findall(r"--ends:(\d+)", render(asked, NOW + second).html.decode()) for second in (0, 59, 60, 3_599)]
    assert left == [["60"], ["60"], ["59"], ["1"]]
    assert [len(shelf.frames) for shelf in render._shelves] == [1]


def test_somebody_elses_click_tracker_stands_before_every_link() -> None:
    tracker = "https://clicks.example/?a=1&to="
    for base_url, is_used in (("https://ads.example", True), ("", False)):
        tokens = Tokens(Keyring([b"k7Qm2vXp9Lr4Ts8Wd1Zc6Nb3Hf5Jg0Ya"], "token"))
        seal = VisitorSeal([b"k7Qm2vXp9Lr4Ts8Wd1Zc6Nb3Hf5Jg0Ya"])
        render = RenderAd(
            CREATIVES, tokens, seal=seal, pictures=PICTURES, base_url=base_url, impression_ttl_s=60, click_ttl_s=60
        )
        house = decision()._replace(creative="house")
        for asked in (decision(shoe(1), shoe(2)), house):
            plain = [unescape(url) for url in re.findall('href="([^"]*/c/[^"]*)"', render(asked, NOW).html.decode())]
            html = render(asked, NOW, tracker).html.decode()
            links = [unescape(url) for url in re.findall('href="([^"]*(?:/c/|%2Fc%2F)[^"]*)"', html)]
            assert links == ([tracker + quote(url, safe="") for url in plain] if is_used else plain)
            assert links
            assert render.data(asked, NOW, tracker).click_url == links[0]


def test_a_fluid_banner_has_no_size_of_its_own(render: RenderAd) -> None:
    slot = Placement(id="slot", publisher="daily", size="fluid")
    if "fluid" not in CREATIVES["grid"].sizes:
        pytest.skip("the grid is not fluid")
    ad = render(decision(shoe())._replace(placement=slot), NOW)
    assert (ad.width, ad.height) == (0, 0)
    assert 'class="sfluid ' in ad.html.decode()


def test_what_a_line_item_says_goes_before_the_brand_and_what_does_not_fit_is_passed_over(render: RenderAd) -> None:
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"accent": "#0a5c36"}, "#0a5c36"),
        ({"accent": 7, "gone": "x"}, "#161a21"),
    )
    for given, accent in cases:
        asked = decision(shoe())
        asked = asked._replace(line_item=replace(asked.line_item, options=given))
        assert f"--accent:{accent};" in render(asked, NOW).html.decode()
