"""Pictures of banners: whatever the texts are, in every size, in bounded time."""

import io
import json
import time
from itertools import product
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from adserver.creative.raster import letters
from adserver.creative.raster.banner_picture import BannerNotDrawn, Kind, PictureTile, packed, unpacked
from adserver.creative.raster.colors import Brand, rgba
from adserver.creative.raster.draw import draw, drawn
from adserver.creative.raster.layout import LayoutError, find_layouts, read_layouts
from tests.banner_pictures import BANNER, DESIGNS, SHOE, TILE

STRINGS = Path(__file__).parents[2].parent / "shared" / "data" / "security" / "strings"
SIZES = ("300x250", "336x280", "728x90", "970x250", "160x600", "300x600", "320x50", "320x100", "fluid")
FILES: dict[Kind, str] = {"png": "PNG", "webp": "WEBP", "jpeg": "JPEG"}


def colors(image: Image.Image) -> set[tuple[int, ...]]:
    return {color for _, color in image.getcolors(1_000_000) or [] if isinstance(color, tuple)}


def unlike(one: Image.Image, two: Image.Image) -> float:
    return max(ImageStat.Stat(ImageChops.difference(one, two)).mean)


@pytest.mark.parametrize("creative", [*DESIGNS, "of the operator's own"])
@pytest.mark.parametrize("size", SIZES)
def test_every_design_has_a_picture_in_every_size(creative: str, size: str) -> None:
    image = drawn(BANNER._replace(creative=creative, size=size), DESIGNS)
    assert image.size == ((300, 250) if size == "fluid" else tuple(map(int, size.split("x"))))
    assert len(colors(image)) > 30  # neither empty nor one letter
    twice = drawn(BANNER._replace(creative=creative, size=size, density=2), DESIGNS)
    assert twice.size == (2 * image.width, 2 * image.height)
    assert unlike(twice.resize(image.size, Image.Resampling.BOX), image) < 8


@pytest.mark.parametrize("kind", FILES)
def test_it_is_a_file_of_the_kind_that_was_asked_for(kind: Kind) -> None:
    body = draw(BANNER._replace(kind=kind), DESIGNS)
    with Image.open(io.BytesIO(body)) as image:
        assert image.format == FILES[kind]
        assert image.size == (300, 250)
        assert unlike(image.convert("RGB"), drawn(BANNER, DESIGNS)) < 4
    assert len(body) < 40_000


def test_the_picture_follows_what_it_shows() -> None:
    first = drawn(BANNER, DESIGNS)
    changes = (
        {"tiles": (BANNER.tiles[1], BANNER.tiles[0], BANNER.tiles[2])},
        {"tiles": (TILE._replace(price_text="99.00 £"), *BANNER.tiles[1:])},
        {"tiles": (TILE._replace(was_price_text=""), *BANNER.tiles[1:])},
        {"tiles": (TILE._replace(picture=None), *BANNER.tiles[1:])},
        {"advertiser_name": "Southpeak"},
        {"coupon": "PEAK20"},
        {"ad_label": "Anzeige"},
        {"dir": "rtl"},
    )
    for change in changes:
        assert ImageChops.difference(first, drawn(BANNER._replace(**change), DESIGNS)).getbbox(), change
    assert not ImageChops.difference(first, drawn(BANNER, DESIGNS)).getbbox()


def test_from_right_to_left_everything_stands_mirrored() -> None:
    blank = BANNER._replace(advertiser_name="", headline="", offer_text="", coupon="", ends_text="", ad_label="")
    blank = blank._replace(
        creative="", tiles=(TILE._replace(title="", price_text="", was_price_text="", badge=""),) * 2
    )
    blank = blank._replace(tiles=(blank.tiles[0], blank.tiles[1]._replace(picture=None, letter="")))
    one, other = drawn(blank, DESIGNS), drawn(blank._replace(dir="rtl"), DESIGNS)
    assert unlike(one, other) > 3
    left, right = one.crop((0, 0, 150, 250)), other.crop((150, 0, 300, 250))
    assert unlike(left, right) < 2  # the first product, which is not itself turned round


def test_colors_follow_the_brand() -> None:
    brand = Brand("#102030", "#ffffff", "#0a0b0c")
    assert rgba("accent", brand) == (16, 32, 48, 255)
    assert rgba("accent*0.500+#808080", brand) == (136, 144, 152, 255)
    assert rgba("#01020380", brand) == (1, 2, 3, 128)
    assert rgba("", brand)[3] == rgba("red", brand)[3] == 0


def test_a_long_price_is_made_smaller_and_not_cut() -> None:
    """The end of it is what tells a thousand from a million."""
    for design, size in product(DESIGNS.keys() - {"house"}, ("300x250", "728x90", "160x600")):
        euros, dollars = (
            BANNER._replace(creative=design, size=size, tiles=(TILE._replace(price_text=price, was_price_text=""),) * 3)
            for price in ("1.299.000,00 €", "1.299.000,00 $")
        )
        assert ImageChops.difference(drawn(euros, DESIGNS), drawn(dollars, DESIGNS)).getbbox(), (design, size)


def test_hostile_strings_are_drawn_in_bounded_time() -> None:
    if not STRINGS.is_dir():
        pytest.skip(f"no lists of hostile strings in {STRINGS}")
    strings: list[str] = json.loads((STRINGS / "blns.json").read_text(encoding="utf-8"))
    for file in sorted((STRINGS / "pat").rglob("*.txt")):
        strings += file.read_text(encoding="utf-8", errors="replace").splitlines()[::20]
    assert len(strings) > 500
    began = time.process_time()
    for start in range(0, len(strings), 6):
        texts = (strings[start : start + 6] + ["x"] * 5)[:6]
        tiles = tuple(
            [PictureTile(text, text, text, text, text[:1], text.encode("utf-8", "replace")) for text in texts[:4]]
        )
        banner = BANNER._replace(
            advertiser_name=texts[0], offer_text=texts[1], coupon=texts[2], headline=texts[3], tiles=tiles
        )
        assert drawn(unpacked(packed(banner)[4:]), DESIGNS).size == (300, 250)
    assert time.process_time() - began < 0.1 * len(strings)


@pytest.mark.parametrize(
    "text",
    [
        "q" + "\u0323" * 10_000,
        "W" * 1_000_000,
        "\u202e\u2067" * 9_999,
        "漢" * 100_000,
        "👨‍👩‍👧‍👦" * 9_999,
        "ﷺ" * 999,
        "\ud800",
    ],
)
def test_texts_beyond_measure_are_drawn_in_bounded_time_and_memory(text: str) -> None:
    letters.forget()
    tiles = (PictureTile(text, text, text, text, text[:1]),) * 4
    banner = BANNER._replace(
        advertiser_name=text, headline=text, offer_text=text, coupon=text, ad_label=text, tiles=tiles
    )
    order = packed(banner._replace(action=text, ends_text=text, line=text))
    assert len(order) < 60_000
    began = time.process_time()
    assert drawn(unpacked(order[4:]), DESIGNS).size == (300, 250)
    assert time.process_time() - began < 2


def test_scripts_are_drawn_with_letters_of_theirs() -> None:
    """And not with the box that stands for a character that no font has."""
    missing = drawn(BANNER._replace(tiles=(TILE._replace(title="\u1680\u1681\u1682"),)), DESIGNS)
    for title in ("登山靴登", "حذاء", "נעל", "รองเท", "जूते", "등산화", "👟🏔🔥", "Обувь"):
        image = drawn(BANNER._replace(tiles=(TILE._replace(title=title),)), DESIGNS)
        assert ImageChops.difference(image, missing).getbbox()
        assert letters.Lettering(14, False).width(title) > 10


@pytest.mark.parametrize("raw", [b"", b"GIF89a", SHOE[:200], b"\x89PNG\r\n\x1a\n" + b"0" * 99])
def test_what_is_no_picture_is_drawn_as_a_letter(raw: bytes) -> None:
    with_letter = drawn(BANNER._replace(tiles=(TILE._replace(picture=None),)), DESIGNS)
    assert not ImageChops.difference(
        drawn(BANNER._replace(tiles=(TILE._replace(picture=raw),)), DESIGNS), with_letter
    ).getbbox()


@pytest.mark.parametrize(
    "change", [{"size": "0x0"}, {"size": "9999x9999"}, {"size": "none"}, {"density": 3}, {"density": 0}]
)
def test_what_can_not_be_drawn_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(BannerNotDrawn, match="expected"):
        draw(BANNER._replace(creative="none", **change), DESIGNS)  # type: ignore[arg-type]


def test_a_layout_that_can_not_be_used_is_named_and_does_without(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    file = tmp_path / "mine" / "raster.toml"
    for text in ("styles = 1", "nonsense", "styles = []\nkinds = []\nlayouts = []\nmore = 1"):
        file.write_text(text)
        with pytest.raises(LayoutError, match=r"mine/raster\.toml"):
            read_layouts(file)
        assert find_layouts([tmp_path]) == {}
