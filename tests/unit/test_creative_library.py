"""Folders of creatives, and the document that a creative makes."""

import base64
import hashlib
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import lxml.html
import pytest

from adserver.creative.banner import Banner, Picture, Tile
from adserver.creative.creative import MAX_LANGUAGES, Frame
from adserver.creative.library import CreativeError, creative_folders, load_creative, load_creatives
from adserver.creative.manifest import FLUID, SIZES
from adserver.creative.words import shared_words

CREATIVES = Path(__file__).parents[2] / "creatives"
GRID = load_creatives()["grid"]


PICTURE = Picture("/media/1", "/media/2", 84, 100)


def tile(title: str = "Shoe", price: str = "129,00 €", picture: Picture | None = PICTURE) -> Tile:
    return Tile(title=title, price_text=price, was_price_text="", picture=picture, click_url="/c/token")


def banner(*tiles: Tile, size: str = "300x250", lang: str = "de") -> Banner:
    return Banner(
        size=size,
        advertiser_name="Acme",
        lang=lang,
        tiles=tiles,
        impression_url="/i/token",
        why_url="/why/token",
    )


@pytest.mark.parametrize("folder", creative_folders(), ids=lambda folder: folder.name)
def test_a_shipped_design_can_be_rendered_in_all_that_it_says(folder: Path) -> None:
    """The server does not try them at every start."""
    creative = load_creative(folder, rehearse=True)
    assert creative.sizes == set(SIZES)
    assert creative.min_products == int(creative.name != "house")


def test_the_shipped_grid_has_all_sizes_of_one_to_six_products() -> None:
    assert GRID.name == "grid"
    assert GRID.sizes == set(SIZES)
    assert GRID.min_products == 1
    assert [GRID.max_products(size) for size in SIZES] == [4, 4, 4, 6, 4, 6, 1, 2, 6]


def test_the_document_is_complete_and_holds_no_script() -> None:
    html = GRID.render(banner(tile())).decode()
    assert html.startswith('<!doctype html>\n<html lang="de" dir="ltr">')
    assert html.rstrip().endswith("</html>")
    for part in (
        '<meta charset="utf-8">',
        'name="viewport"',
        "<title>Anzeige: Acme</title>",
        'href="/why/token"',
        ">Anzeige<",
    ):
        assert part in html
    assert '<img class="seen" src="/i/token" width="1" height="1" alt="">' in html
    assert "<script" not in html
    assert " style=" not in html
    assert html.count('target="_blank" rel="noopener"') == html.count("<a ") == 4


@pytest.mark.parametrize("origin", ["", "https://ads.example"])
@pytest.mark.parametrize("size", sorted(GRID.sizes))
def test_the_policy_names_the_very_style_sheet_and_our_own_pictures(size: str, origin: str) -> None:
    grid = load_creatives(origin=origin)["grid"]
    html = grid.render(replace(banner(tile(), size=size), color="#0a5c36", ends_in=5)).decode()
    style = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    policy = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    assert len(style) == len(policy) == 1
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    fonts = "" if size == "320x50" else " font-src {0};"  # two of them outweigh that banner
    form = f"default-src 'none'; img-src {{0}};{fonts} style-src 'sha256-{{1}}'; form-action 'none'"
    assert policy[0] == form.format(origin or "https: http:", digest)
    assert html.count(f"url({origin}/media/adserver-sans-") == (2 if fonts else 0)
    assert html.count(f'<link rel="preload" as="font" type="font/woff2" href="{origin}/media/adserver-') == (
        2 if fonts else 0
    )
    header = grid.frame(replace(FRAME, size=size)).csp
    assert re.sub("sha256-[^']*", "sha256-", header) == form.format(origin or "'self'", "")


def test_the_colours_are_those_of_the_brand_and_can_be_read() -> None:
    html = GRID.render(replace(banner(tile()), color="#FFD400")).decode()
    assert "<style>:root{--accent:#ffd400;--on-accent:#000000}" in html
    for color in ("", "#12345", "red;}</style>"):
        assert (
            ":root{--accent:#161a21;--on-accent:#ffffff}" in GRID.render(replace(banner(tile()), color=color)).decode()
        )


def test_the_mark_opens_a_menu_of_three_links_without_a_script() -> None:
    html = GRID.render(banner(tile())).decode()
    menu: Any = lxml.html.document_fromstring(html).xpath("//details[@class='corner']/nav/a")
    assert [(link.get("href"), link.text) for link in menu] == [
        ("/why/token", "Warum diese Anzeige?"),
        ("/why/token#hide", "Produkt ausblenden"),
        ("/privacy", "Anzeigen abstellen"),
    ]
    assert "#hide" not in HOUSE.render(house_banner()).decode()


@pytest.mark.parametrize(("lang", "direction"), [("de", "ltr"), ("ar-AE", "rtl"), ("he", "rtl"), ("fi", "ltr")])
def test_the_document_runs_in_the_direction_of_its_language(lang: str, direction: str) -> None:
    assert f'<html lang="{lang}" dir="{direction}">' in GRID.render(banner(tile(), lang=lang)).decode()


def test_an_offer_has_a_code_and_the_time_that_is_left() -> None:
    offered = replace(banner(tile()), offer_text="10 %", coupon="ALPIN", ends_in=1_505)
    found = lxml.html.document_fromstring(GRID.render(offered).decode()).iter("p")
    offer = next(element for element in found if element.get("class") == "offer")
    assert "".join(map(str, offer.itertext())).split() == ["10", "%Code", "ALPINEndet", "in", "1", "Tg.", "1", "Std."]
    assert 'class="offer"' not in GRID.render(banner(tile())).decode()


def test_a_size_carries_the_rules_of_no_other_size() -> None:
    html = GRID.render(banner(tile(), size="160x600")).decode()
    assert "width:160px;height:600px" in html
    assert ".s300x250" not in html
    assert ".s728x90" not in html


@pytest.mark.parametrize("text", ["{CLICK_URL}", "${AUCTION_PRICE}", "{{ 7*7 }}", "{% raw %}", "%%CLICK%%"])
def test_macros_in_a_title_stay_text(text: str) -> None:
    assert f'<span class="title">{text}</span>' in GRID.render(banner(tile(text))).decode()


def test_a_tile_without_a_picture_shows_its_letter() -> None:
    html = GRID.render(banner(tile(picture=None))).decode()
    assert '<span class="picture" data-letter="S"></span>' in html


def test_a_picture_keeps_its_room_and_has_more_pixels_for_finer_screens() -> None:
    html = GRID.render(banner(tile())).decode()
    assert 'src="/media/1" srcset="/media/2 2x" width="84" height="100" alt=""' in html


def test_there_is_room_for_a_picture_in_every_size_and_count() -> None:
    for size in GRID.sizes:
        wide, high = map(int, size.split("x")) if size != FLUID else (400, 400)
        for count in range(1, GRID.max_products(size) + 1):
            width, height = GRID.picture_box(size, count)
            assert 28 <= width <= wide
            assert 28 <= height <= high


def test_half_a_surrogate_pair_does_not_lose_the_ad() -> None:
    assert "Shoe ?" in GRID.render(banner(tile("Shoe \ud83d"))).decode("utf-8")


def test_tiles_beyond_the_most_are_left_out_oldest_first() -> None:
    html = GRID.render(banner(*(tile(f"Shoe {number}") for number in range(6)))).decode()
    assert re.findall(r"Shoe \d", html) == ["Shoe 0", "Shoe 1", "Shoe 2", "Shoe 3"]
    assert 'class="s300x250 n4 b-"' in html


def test_a_long_price_is_marked() -> None:
    assert 'class="s300x250 n1 b- long"' in GRID.render(banner(tile(price="1.299.000,00 €"))).decode()


def test_a_language_without_words_of_its_own_gets_english() -> None:
    assert ">Shop now<" in GRID.render(banner(tile(), lang="fi-FI")).decode()


@pytest.mark.parametrize(("tiles", "size"), [((), "300x250"), ((tile(),), "1x1")])
def test_a_banner_that_the_creative_does_not_have_is_refused(tiles: tuple[Tile, ...], size: str) -> None:
    with pytest.raises(ValueError, match="creative grid"):
        GRID.render(banner(*tiles, size=size))


@pytest.mark.parametrize(
    ("file", "old", "new", "key"),
    [
        ("creative.toml", "[products]", "[products", "creative.toml"),
        ("creative.toml", 'name = "grid"', 'name = "a grid"', "name"),
        ("creative.toml", 'name = "grid"', "", "name"),
        ("creative.toml", 'name = "grid"', 'name = "grid"\nnmae = 1', "nmae"),
        ("creative.toml", 'sizes = ["300x250"', 'sizes = ["300*250"', "sizes"),
        ("creative.toml", "sizes = [", "sizes = [1, ", "sizes"),
        ("creative.toml", "min = 1", "min = 0", "products.min"),
        ("creative.toml", "min = 1", "min = true", "products.min"),
        ("creative.toml", '"300x250" = 4, ', "", "products.max"),
        ("creative.toml", '"300x250" = 4, ', '"300x250" = 21, ', "products.max.300x250"),
        ("creative.toml", "about = ", 'about = "" #', "about"),
        ("creative.toml", "[products]", "[products]\nmost = 1", "products.most"),
        ("creative.toml", "[products]", "[options.tone]\ntype = 'colour'\n[products]", "options.tone.type"),
        ("creative.toml", "[products]", "[options.tone]\ntype = 'color'\n[products]", "options.tone.help"),
        ("creative.toml", "[products]", "[labels]\nde = { a = 'A' }\n[products]", "labels.en"),
        ("creative.toml", "[products]", "[labels]\nen = { a = 'A' }\nde = { b = 'A' }\n[products]", "labels.de"),
        ("creative.toml", "[products]", "[labels]\nen = { a = 'A' }\nde = { a = '' }\n[products]", "labels.de.a"),
        ("creative.toml", "[products]", "[labels]\nen = { a = 'A' }\nGer = { a = 'B' }\n[products]", "labels.Ger"),
        ("product.html", "{{ ad.picture(tile) }}", "{% if tile %}", "product.html"),
        ("banner.html", "{{ ad.seen() }}", "", "banner.html"),
        ("banner.html", "{{ ad.corner() }}", "", "banner.html"),
        ("banner.css", "header {", "header ", "banner.css"),
        ("banner.html", "{{ products }}", "", "banner.html"),
        ("banner.html", "{{ dir }}", "{{ direction }}", "banner.html"),
        ("product.html", "{{ tile.title }}", "{{ tile.titel }}", "product.html"),
        ("banner.css", "header {", "</style> header {", "banner.css"),
    ],
)
def test_a_broken_creative_names_folder_and_key(tmp_path: Path, file: str, old: str, new: str, key: str) -> None:
    folder = tmp_path / "grid"
    shutil.copytree(CREATIVES / "grid", folder)
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(CreativeError) as caught:
        load_creatives(tmp_path)
    assert caught.value.folder == folder
    assert caught.value.key == key
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("file", ["banner.html", "product.html", "banner.css"])
def test_a_missing_file_names_itself(tmp_path: Path, file: str) -> None:
    shutil.copytree(CREATIVES / "grid", tmp_path / "grid")
    (tmp_path / "grid" / file).unlink()
    with pytest.raises(CreativeError) as caught:
        load_creatives(tmp_path)
    assert caught.value.key == file


def test_two_creatives_can_not_share_a_name(tmp_path: Path) -> None:
    shutil.copytree(CREATIVES / "grid", tmp_path / "one")
    shutil.copytree(CREATIVES / "grid", tmp_path / "two")
    with pytest.raises(CreativeError, match="taken"):
        load_creatives(tmp_path)


def test_a_missing_folder_is_an_error_and_a_stray_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    assert load_creatives(tmp_path) == {}
    with pytest.raises(CreativeError, match="a folder of creatives"):
        load_creatives(tmp_path / "none")


HOUSE = load_creatives()["house"]


def house_banner(size: str = "300x250", lang: str = "de") -> Banner:
    return Banner(
        size=size,
        advertiser_name="Acme",
        lang=lang,
        tiles=(),
        impression_url="/i/token",
        why_url="/why/token",
        click_url="/c/token?a&b",
    )


def test_the_shipped_house_ad_shows_no_products_and_is_one_link() -> None:
    assert HOUSE.sizes == GRID.sizes
    assert (HOUSE.min_products, [HOUSE.max_products(size) for size in sorted(HOUSE.sizes)]) == (0, [0] * 9)
    for size in HOUSE.sizes:
        html = HOUSE.render(house_banner(size)).decode()
        assert html.rstrip().endswith("</html>")
        assert html.count('href="/c/token?a&amp;b"') == 1
        assert html.count('target="_blank" rel="noopener"') == html.count("<a ") == 3
        assert 'src="/i/token"' in html
        assert ">Entdecken Sie etwas Neues<" in html
        assert "<click>" not in html
        assert "<script" not in html
    with pytest.raises(ValueError, match="shows no products"):
        HOUSE.fragment(tile(), "de", {})
    assert b"Shoe" not in HOUSE.render(replace(house_banner(), tiles=(tile(),)))


def test_the_house_ad_speaks_all_languages_and_each_has_all_words() -> None:
    shared = shared_words()
    assert shared.keys() == HOUSE.manifest.labels.keys() >= {"en", "de", "fr", "it", "es"}
    assert all(words.keys() == shared["en"].keys() and all(words.values()) for words in shared.values())


def test_any_creative_may_link_the_whole_banner(tmp_path: Path) -> None:
    folder = tmp_path / "grid"
    shutil.copytree(CREATIVES / "grid", folder)
    page = folder / "banner.html"
    name = '<p class="brand" dir="auto">{{ advertiser_name }}</p>'
    linked = '<p class="brand"><a href="{{ click_url }}">{{ advertiser_name }}</a></p>'
    page.write_text(page.read_text("utf-8").replace(name, linked), "utf-8")
    html = load_creatives(tmp_path)["grid"].render(replace(banner(tile()), click_url="/c/home")).decode()
    assert '<a href="/c/home">Acme</a>' in html
    assert 'class="tile" href="/c/token"' in html
    assert not GRID.frame(FRAME).linked
    with pytest.raises(ValueError, match="click_url"):
        replace(banner(tile()), click_url="javascript:alert(1)")


FRAME = Frame(
    size="300x250",
    count=1,
    long_prices=False,
    advertiser_name="Acme",
    lang="de",
    impression_url="/i/<token>",
    why_url="/",
    options=GRID.resolved({}),
)


@pytest.mark.parametrize(
    ("file", "old", "new", "key"),
    [
        ("creative.toml", "min = 0", "min = 1", "products.min"),
        ("creative.toml", '"728x90" = 0', '"728x90" = 1', "products.max.728x90"),
        ("creative.toml", 'name = "house"', 'name = "homely"', "products.min"),
        ("creative.toml", 'line = "Entdecken Sie etwas Neues", ', "", "labels.de"),
        ("creative.toml", 'line = "Entdecken Sie etwas Neues"', 'line = ""', "labels.de.line"),
        ("banner.html", "{{ click_url }}", "/", "banner.html"),
        ("banner.html", "{{ words.line }}", "{{ words.lines }}", "banner.html"),
    ],
)
def test_a_broken_house_ad_names_folder_and_key(tmp_path: Path, file: str, old: str, new: str, key: str) -> None:
    folder = tmp_path / "house"
    shutil.copytree(CREATIVES / "house", folder)
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(CreativeError) as caught:
        load_creatives(tmp_path)
    assert (caught.value.folder, caught.value.key) == (folder, key)


def test_made_up_languages_are_not_kept_for_ever() -> None:
    grid = load_creatives()["grid"]
    german = grid.words("de")
    for number in range(2 * MAX_LANGUAGES):
        grid.words(f"q{chr(97 + number // 26)}{chr(97 + number % 26)}")
        assert len(grid._speech) <= MAX_LANGUAGES
    assert grid.words("de") == german
