"""What a preview may be asked: every parameter is judged, and the mistake is told by its name."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from adserver.creative.creative import Creative
from adserver.creative.options import Option, OptionType
from adserver.creative.sample_pictures import SAMPLE_PICTURES
from adserver.creative.samples import PICTURE_PATH, SAMPLES, fitted
from adserver.service.preview_banner import judge_options, options_of
from adserver.service.preview_wish import BadWishError, Wish, wish_of

SIZES = {"grid": ["300x250", "728x90"], "house": ["300x250", "fluid"]}


def wish(**fields: str | Sequence[str]) -> Wish:
    return wish_of({name: [value] if isinstance(value, str) else value for name, value in fields.items()}, SIZES)


def test_nothing_said_is_nothing_wished() -> None:
    assert wish() == Wish()
    assert wish(lang="", creative="", product=["", ""], **{"option.headline": ""}) == Wish()


def test_everything_said_is_understood() -> None:
    asked = wish(
        creative=["grid", "house", "grid"],
        size="fluid",
        ground="dark",
        advertiser="acme",
        product=["SKU 1", "ÄÖ/2", "SKU 1"],
        segment="cart_abandoner",
        lang="de-AT",
        because="price_drop",
        color="#0B6b4f",
        offer="20 % auf alles",
        coupon="A&B",
        ends="90",
        **{"option.headline": "Hallo <b>"},
    )
    assert asked == Wish(
        creatives=("grid", "house"),
        sizes=("fluid",),
        ground="dark",
        advertiser="acme",
        products=("SKU 1", "ÄÖ/2"),
        segment="cart_abandoner",
        lang="de-AT",
        because="price_drop",
        color="#0B6b4f",
        offer="20 % auf alles",
        coupon="A&B",
        ends=90,
        options={"headline": "Hallo <b>"},
    )


@pytest.mark.parametrize(
    ("parameter", "fields"),
    [
        ("creative", {"creative": "spot"}),
        ("creative", {"creative": ["grid", "<script>"]}),
        ("size", {"size": "300X250"}),
        ("ground", {"ground": "grey"}),
        ("sample", {"sample": "typical2"}),
        ("sample", {"sample": "typical", "advertiser": "acme"}),
        ("sample", {"sample": "typical", "placement": "slot"}),
        ("advertiser", {"advertiser": "a/b"}),
        ("advertiser", {"product": "SKU1"}),
        ("advertiser", {"count": "3"}),
        ("advertiser", {"segment": "visitor"}),
        ("product", {"advertiser": "acme", "product": [str(n) for n in range(11)]}),
        ("product", {"advertiser": "acme", "product": "ä" * 121}),
        ("count", {"advertiser": "acme", "count": "0"}),
        ("count", {"advertiser": "acme", "count": "11"}),
        ("count", {"advertiser": "acme", "count": "٣"}),
        ("count", {"advertiser": "acme", "count": "-1"}),
        ("segment", {"advertiser": "acme", "segment": "in the cart"}),
        ("segment", {"advertiser": "acme", "placement": "slot"}),
        ("placement", {"placement": "no such/one"}),
        ("placement", {"visitor": "A" * 22}),
        ("visitor", {"visitor": "somebody", "placement": "slot"}),
        ("visitor", {"visitor": "A" * 22, "placement": "slot", "advertiser": "acme", "segment": "visitor"}),
        ("lang", {"lang": "de_"}),
        ("lang", {"lang": '"><script>'}),
        ("because", {"because": "you like it"}),
        ("color", {"color": "red"}),
        ("color", {"color": "#0b6b4f;}body{"}),
        ("offer", {"offer": "x" * 121}),
        ("offer", {"offer": "a\nb"}),
        ("coupon", {"coupon": "x" * 41}),
        ("ends", {"ends": "1.5"}),
        ("ends", {"ends": "525601"}),
        ("lang", {"lang": ["de", "fr"]}),
        ("option.headline", {"option.headline": ["a", "b"]}),
        ("option.<name>", {f"option.{n}": "a" for n in range(21)}),
        ("creativ", {"creativ": "grid"}),
        ("x" * 40 + "…", {"x" * 41: "1"}),
    ],
)
def test_a_mistake_is_told_by_its_name(parameter: str, fields: dict[str, Any]) -> None:
    with pytest.raises(BadWishError) as caught:
        wish(**fields)
    assert caught.value.parameter == parameter
    assert caught.value.expected


def test_a_query_that_can_not_be_read() -> None:
    with pytest.raises(BadWishError):
        wish_of(None, SIZES)


OPTIONS = {
    option.name: option
    for option in (
        Option(name="headline", type=OptionType.TEXT, default="", most=10, help="It."),
        Option(name="tone", type=OptionType.CHOICE, default="calm", choices=("calm", "loud"), help="It."),
        Option(name="prices", type=OptionType.YES_NO, default=True, help="It."),
        Option(name="seconds", type=OptionType.NUMBER, default=4, least=1, most=9.5, help="It."),
        Option(name="accent", type=OptionType.COLOR, default="", help="It."),
    )
}
LOUD = cast("Creative", SimpleNamespace(options=OPTIONS))
QUIET = cast("Creative", SimpleNamespace(options={}))


def test_options_are_of_their_types() -> None:
    given = {"headline": "Hi", "tone": "loud", "prices": "No", "seconds": "2", "accent": "#ffcc00"}
    judge_options([QUIET, LOUD], given)
    expected = {"headline": "Hi", "tone": "loud", "prices": False, "seconds": 2, "accent": "#ffcc00"}
    assert options_of(LOUD, given) == expected
    assert options_of(QUIET, given) == {}
    assert options_of(LOUD, {"seconds": "9.5"}) == {"seconds": 9.5}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("headline", "x" * 11),
        ("tone", "shrill"),
        ("prices", "perhaps"),
        ("seconds", "10"),
        ("seconds", "nan"),
        ("seconds", "inf"),
        ("seconds", "many"),
        ("accent", "red"),
        ("footer", "x"),
    ],
)
def test_an_option_that_does_not_fit(name: str, value: str) -> None:
    with pytest.raises(BadWishError) as caught:
        judge_options([QUIET, LOUD], {name: value})
    assert caught.value.parameter == f"option.{name}"


def test_samples_show_what_they_promise() -> None:
    assert list(SAMPLES) == ["typical", "german", "rtl", "cjk", "no_pictures", "one_product", "prices"]
    for sample in SAMPLES.values():
        for tile in sample.tiles:
            assert bool(tile.was_price_text) == bool(tile.discount) == bool(tile.badge)
            if tile.picture:
                assert tile.picture.url.removeprefix(PICTURE_PATH).removesuffix(".svg") in SAMPLE_PICTURES
    assert not any(tile.picture for tile in SAMPLES["no_pictures"].tiles)
    assert len(SAMPLES["one_product"].tiles) == 1
    assert len({tile.price_text.strip("0123456789., ’\xa0\u200f") for tile in SAMPLES["prices"].tiles}) == 10
    box = fitted(SAMPLES["typical"].tiles, 120, 90, base_url="https://ads.example")[0].picture
    assert box is not None
    assert (box.url, box.width, box.height) == ("https://ads.example/preview/pictures/boot.svg", 120, 90)
