"""What a banner says that a product costs, and for how long that is kept."""

import re
from typing import Any

import pytest

from adserver.creative.library import load_creatives
from adserver.model.account import Advertiser, Campaign, Placement, StrikeThrough
from adserver.model.decision import Decision
from adserver.model.line_item import LineItem
from adserver.model.product import MICROS, Product
from adserver.service import render_ad
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
    found = re.findall(r'<(?:b|b class="sale"|s) dir="auto">([^<]*)</', html.decode())
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
    monkeypatch.setattr(render_ad, "MAX_KEPT", 50)
    asked = decision(shoe())
    for number in range(500):
        render(asked._replace(products=(shoe(number),)), NOW)
    assert sum(len(goods) for shelf in render._shelves.values() for goods in shelf.goods.values()) <= 51
    assert prices(render(asked, NOW).html) == ["100,00 €"]
