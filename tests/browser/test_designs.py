"""Every design in every size, count and content: nothing is cut, covered, empty, unreadable or out of reach."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from adserver.creative.banner import Picture
from adserver.creative.creative import Creative
from tests.browser.design_exhibits import Content, Exhibit, contents, everyday, exhibits, variants
from tests.browser.design_fixtures import DESIGNS, chromium, creatives, mostly_long, sheet, stage
from tests.browser.design_references import KINDS, compared, sheet_of
from tests.browser.design_sheets import breaches, hang
from tests.browser.design_stage import Stage

__all__ = ["chromium", "creatives", "sheet", "stage"]  # fixtures

pytestmark = pytest.mark.browser

ARTIFACTS = Path(__file__).parents[2] / "artifacts" / "designs"
SHOWN = 40

LETTERS = """() => [...document.querySelectorAll("iframe")].map(({contentDocument, contentWindow}) =>
  [...contentDocument.querySelectorAll(".picture img")]
    .map(image => contentWindow.getComputedStyle(image, "::after").content))"""


def filled(creative: Creative, stage: Stage, named: Mapping[str, Content]) -> list[Exhibit]:
    """A creative with all of these contents, in every size."""

    def each() -> Iterator[Iterator[Exhibit]]:
        for name, content in named.items():
            yield exhibits(creative, name, content, url=stage.url)

    return list(chain.from_iterable(each()))


def none_of(found: list[str], report: str) -> None:
    """Fails with one of each kind; all are written into a file."""
    file = ARTIFACTS / f"{report}.txt"
    file.unlink(missing_ok=True)
    if found:
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(found) + "\n", encoding="utf-8")
        kinds: dict[str, list[str]] = {}
        for line in found:
            size = line.partition(",")[0]
            kinds.setdefault(size + re.sub(r'".*?"|[\d.]+', "", line.partition(": ")[2]), []).append(line)
        some = "\n".join([f"{len(lines)} x {lines[0]}" for lines in list(kinds.values())[:SHOWN]])
        pytest.fail(f"{len(found)} breaches, all of them in {file}:\n{some}", pytrace=False)


@pytest.mark.parametrize("design", DESIGNS)
def test_whatever_it_shows_all_of_it_can_be_seen_and_read(
    sheet: Page, stage: Stage, creatives: Mapping[str, Creative], design: str
) -> None:
    creative = creatives[design]
    shown = [
        exhibit
        for name, content, sizes in everyday(creative)
        for exhibit in exhibits(creative, name, content, url=stage.url, sizes=sizes)
    ]
    assert {exhibit.content for exhibit in shown} == contents().keys()
    none_of(breaches(sheet, shown), f"{design}-layout")


@pytest.mark.long
@pytest.mark.parametrize("design", DESIGNS)
def test_whatever_it_shows_in_every_size_and_count(
    sheet: Page, stage: Stage, creatives: Mapping[str, Creative], design: str
) -> None:
    none_of(breaches(sheet, filled(creatives[design], stage, contents())), f"{design}-all")


@pytest.mark.parametrize("design", mostly_long(DESIGNS, {"deal"}))
def test_every_option_can_be_seen_and_read(
    sheet: Page, stage: Stage, creatives: Mapping[str, Creative], design: str
) -> None:
    creative = creatives[design]
    sizes = sorted(creative.sizes)
    shown = [
        exhibit
        for number, (name, content) in enumerate(variants(creative.options).items())
        for exhibit in exhibits(creative, name, content, url=stage.url, sizes=sizes[number % 3 :: 3])
    ]
    none_of(breaches(sheet, shown), f"{design}-options")


@pytest.mark.long
@pytest.mark.parametrize("design", DESIGNS)
def test_every_option_can_be_seen_and_read_in_every_size(
    sheet: Page, stage: Stage, creatives: Mapping[str, Creative], design: str
) -> None:
    creative = creatives[design]
    none_of(breaches(sheet, filled(creative, stage, variants(creative.options))), f"{design}-all-options")


def of_languages(creative: Creative, stage: Stage, *, part: int) -> list[Exhibit]:
    """Each language in every ``part``-th of the sizes, English in all."""
    sizes = sorted(creative.sizes)
    named = [(name, content) for name, content in contents().items() if re.fullmatch("words of .*, cart", name)]
    return [
        exhibit
        for number, (name, content) in enumerate(named)
        for exhibit in exhibits(
            creative,
            name,
            content._replace(counts=(0,)),
            url=stage.url,
            sizes=sizes[number % part :: part] if number else sizes,
        )
    ]


@pytest.mark.parametrize("design", DESIGNS)
def test_the_menu_and_the_focus_fit(sheet: Page, stage: Stage, creatives: Mapping[str, Creative], design: str) -> None:
    shown = of_languages(creatives[design], stage, part=4)
    none_of(breaches(sheet, shown, focus=True, menu=True), f"{design}-menu")


@pytest.mark.long
@pytest.mark.parametrize("design", DESIGNS)
def test_the_menu_and_the_focus_fit_in_every_language(
    sheet: Page, stage: Stage, creatives: Mapping[str, Creative], design: str
) -> None:
    shown = of_languages(creatives[design], stage, part=1)
    none_of(breaches(sheet, shown, focus=True, menu=True), f"{design}-languages")


@pytest.mark.parametrize("design", DESIGNS)
def test_a_picture_that_does_not_load_leaves_its_letter(
    sheet: Page, stage: Stage, creatives: Mapping[str, Creative], design: str
) -> None:
    creative = creatives[design]
    if not creative.min_products:
        pytest.skip("shows no products")
    content = contents()["typical"]
    gone = Picture("/gone", "/gone", 100, 100)
    tiles = tuple([replace(tile, picture=gone) for tile in content.sample.tiles])
    shown = list(exhibits(creative, "gone", Content(content.sample._replace(tiles=tiles), counts=(0,)), url=stage.url))
    found = breaches(sheet, shown)
    assert [line for line in found if "did not load" not in line] == []
    hang(sheet, shown, written=True)
    for exhibit, letters in zip(shown, sheet.evaluate(LETTERS), strict=True):
        assert letters == [f'"{tile.letter}"' for tile in tiles[: exhibit.products]], str(exhibit)


@pytest.mark.parametrize("kind", mostly_long(KINDS, {"typical", "rtl", "german"}))
@pytest.mark.parametrize("design", DESIGNS)
def test_it_looks_as_it_did(
    chromium: Browser, stage: Stage, creatives: Mapping[str, Creative], design: str, kind: str
) -> None:
    taken = sheet_of(chromium, creatives[design], kind, stage)
    if taken is not None:
        assert compared(taken, design, kind, ARTIFACTS) == []


def test_the_laws_know_a_breach(sheet: Page) -> None:
    """What each of them is for; a banner that breaks it is told."""
    html = """<!doctype html><html lang="en" dir="ltr">
<body style="margin:0;width:300px;height:250px;position:relative">
<p class="brand" style="color:#999;margin:0">Acme</p>
<a class="tile" href="/c" style="display:block;width:20px;height:20px;overflow:hidden;outline:none">
<span class="title">A very long title</span><span class="prices"><b style="font-size:8px">1.00</b></span></a>
<p class="offer" style="position:absolute;left:250px;top:200px;width:100px;height:20px"></p>
<p style="margin:-18px 0 0">on top</p>
</body></html>"""
    bad = Exhibit("bad", "300x250", 1, "breaches", 300, 250, "COUPON", html)
    told = "\n".join(breaches(sheet, [bad], focus=True, menu=True))
    for breach in (
        'p.brand "Acme" has a contrast of 2.85',
        "is a target of 20.0 x 20.0 px",
        "is cut",
        "does not show that it has the focus",
        "has text of 8 px",
        "is empty",
        "COUPON is not to be seen",
        ".corner is missing",
        "scrolls",
    ):
        assert breach in told, told
    assert told.startswith("bad 300x250, 1 of breaches: ")
