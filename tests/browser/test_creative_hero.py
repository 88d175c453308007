"""The spotlight in a real browser: whatever the product is, it fits its slot."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from adserver.creative.banner import Banner, Tile
from adserver.creative.library import load_creatives
from tests.browser.test_creative_grid import MISFITS, _Site, chromium, odd, open_slot, ordinary, site

__all__ = ["chromium", "site"]  # fixtures

pytestmark = pytest.mark.browser

ARTIFACTS = Path(__file__).parents[2] / "artifacts" / "creative-spotlight"
SPOTLIGHT = load_creatives()["spotlight"]
SIZES = sorted(SPOTLIGHT.sizes)


def show(site: _Site, size: str, tile: Tile, lang: str, *, long_name: bool = False) -> str:
    name = "Elektrofachgeschäft Müller-Lüdenscheidt & Söhne GmbH" if long_name else "Bergwerk"
    path = f"/spotlight/{size}/{len(site.pages)}"
    banner = Banner(
        size=size, advertiser_name=name, lang=lang, tiles=(tile,), impression_url=f"/i{path}", why_url="/why/token"
    )
    site.pages[path] = ("text/html; charset=utf-8", SPOTLIGHT.render(banner))
    return site.url + path


@pytest.mark.parametrize("size", SIZES)
def test_every_product_fits_the_slot(chromium: Browser, site: _Site, size: str) -> None:
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page = open_slot(chromium, size)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    for number, tile in enumerate([*ordinary(site), *odd(site)]):
        page.goto(show(site, size, tile, "nl", long_name=number > 3), wait_until="load")
        page.screenshot(path=ARTIFACTS / f"{size}-{number}.png")
        assert page.evaluate(MISFITS) == [], tile.title
    assert [text for text in complaints if "404" not in text] == []
    page.close()


def test_the_keyboard_reaches_both_links(chromium: Browser, site: _Site) -> None:
    page = open_slot(chromium, "300x250")
    page.goto(show(site, "300x250", ordinary(site)[0], "de"), wait_until="load")
    reached = []
    for _ in range(2):
        page.keyboard.press("Tab")
        link = page.locator(":focus")
        reached.append((link.get_attribute("href"), link.evaluate("a => getComputedStyle(a).outlineStyle")))
    assert reached == [("/why/token", "solid"), ("/c/1", "solid")]
    page.close()
