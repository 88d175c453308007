"""Pictures of products in a real browser: sharp on every screen, and never a torn one."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from tests.browser.browsers import running_chromium
from tests.server import ACCOUNTS, Server, feed_xml, running_server
from tests.shop import Shop, encoded, running_shop, shoe

pytestmark = pytest.mark.browser

ARTIFACTS = Path(__file__).parents[2] / "artifacts" / "pictures"
RED = (0xAA, 0, 0)
SHOES = """() => [...document.querySelectorAll(".picture img")].map(image => ({
  source: image.currentSrc, width: image.naturalWidth, letter: getComputedStyle(image, "::after").content,
  box: [image.clientWidth, image.clientHeight], room: [image.width, image.height],
}))"""


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with running_shop() as running:
        running.pages["/img/SKU1.jpg"] = encoded(shoe(1_500, 1_000))
        running.pages["/img/SKU2.jpg"] = running.pages["/page.html"]
        yield running


@pytest.fixture(scope="module")
def server(shop: Shop) -> Iterator[Server]:
    """The first product's picture is good, the second is a web page, the third is not there."""
    accounts = ACCOUNTS.replace("[advertisers.acme]", '[advertisers.acme]\ncolor = "#aa0000"')
    feed = feed_xml(["SKU1", "SKU2", "SKU3"]).replace("https://shop.test/i", f"{shop.url}/i").replace(".png", ".jpg")
    with running_server(accounts=accounts, feed=feed, ADSERVER_FETCH_ALLOW="127.0.0.1:*") as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


def banner(chromium: Browser, server: Server, density: int) -> tuple[Page, list[str]]:
    page = chromium.new_page(viewport={"width": 300, "height": 250}, device_scale_factor=density)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text + message.location["url"]))
    for product in ("SKU3", "SKU2", "SKU1"):
        page.goto(f"{server.base_url}/pixel.gif?a=acme&e=view_item&p={product}")
    page.goto(f"{server.base_url}/ad?placement=daily-rectangle", wait_until="load")
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"broken-{density}x.png")
    return page, complaints


@pytest.mark.parametrize("density", [1, 2])
def test_a_broken_picture_shows_the_brands_colour_and_a_good_one_fits_the_screen(
    chromium: Browser, server: Server, density: int
) -> None:
    page, complaints = banner(chromium, server, density)
    good, *broken = page.evaluate(SHOES)
    assert 0.85 * 86 <= good["width"] <= 86  # in CSS pixels
    fine = page.locator(".picture img").first.get_attribute("srcset") or ""
    assert (fine.partition(" ")[0] in good["source"]) is (density == 2)
    assert all(image["width"] > 0 and image["letter"] == '"P"' for image in broken)
    painted = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    rooms = page.locator(".picture").all()
    assert len(rooms) == 3
    for number, room in enumerate(rooms):
        box = room.bounding_box()
        assert box is not None
        # Near three of its corners: brand's colour, or the white around a shoe that is wider than high.
        for x, y in ((0.12, 0.12), (0.88, 0.12), (0.12, 0.88)):
            at = int((box["x"] + x * box["width"]) * density), int((box["y"] + y * box["height"]) * density)
            assert painted.getpixel(at) == ((255, 255, 255) if number == 0 else RED), (number, at)
    assert [text for text in complaints if not text.endswith("/favicon.ico")] == []
    page.close()


def test_pictures_move_nothing_when_they_come(chromium: Browser, server: Server) -> None:
    page, _ = banner(chromium, server, 1)
    loaded = page.evaluate(
        "() => [...document.querySelectorAll('.tile, .picture')].map(e => e.getBoundingClientRect().toJSON())"
    )
    page.route("**/media/**", lambda route: route.abort())
    page.reload()
    without = page.evaluate(
        "() => [...document.querySelectorAll('.tile, .picture')].map(e => e.getBoundingClientRect().toJSON())"
    )
    assert loaded == without
    page.close()
