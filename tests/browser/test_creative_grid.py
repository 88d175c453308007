"""The grid in a real browser: every size and count fits its slot, and no feed makes it run code."""

import io
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Dialog, Page

from adserver.creative.banner import Banner, Picture, Tile
from adserver.creative.library import load_creatives
from adserver.creative.money import format_price
from tests.browser.browsers import running_chromium

pytestmark = pytest.mark.browser

REPOSITORY = Path(__file__).parents[2]
ARTIFACTS = REPOSITORY / "artifacts" / "creative-grid"
STRINGS = REPOSITORY.parent / "shared" / "data" / "security" / "strings"
GRID = load_creatives()["grid"]
SIZES = sorted(GRID.sizes)

# One line for each thing that leaves its box, is cut, or is too small to see.
MISFITS = """() => {
  const found = [], root = document.documentElement;
  if (root.scrollWidth > innerWidth || root.scrollHeight > innerHeight) found.push("the document scrolls");
  const inside = (inner, outer) => inner.left >= outer.left - .5 && inner.right <= outer.right + .5
    && inner.top >= outer.top - .5 && inner.bottom <= outer.bottom + .5;
  const body = document.body.getBoundingClientRect();
  if (body.width !== innerWidth || body.height !== innerHeight) found.push("the body is not the slot");
  for (const element of document.querySelectorAll("header, header *, main, main *")) {
    const box = element.getBoundingClientRect();
    const home = element.closest(".tile") ?? document.body;
    const name = element.tagName + "." + element.className + " " + element.textContent.slice(0, 20);
    if (box.width && !inside(box, home.getBoundingClientRect())) found.push("leaves its box: " + name);
    if (element.matches(".prices > *, .action, .notice")
        && (element.scrollWidth > element.clientWidth || element.scrollHeight > element.clientHeight + 1))
      found.push("is cut: " + name);
    const smaller = (width, height) => box.width < width || box.height < height;
    if (element.matches(".prices > b") && smaller(10, 10)) found.push("no price: " + name);
    if (element.matches(".picture") && smaller(38, 30)) found.push("too small: " + name);
  }
  for (const tile of document.querySelectorAll(".tile")) {
    const parts = [...tile.querySelectorAll(".picture, .title, .prices, .action")]
      .map(part => part.getBoundingClientRect()).filter(box => box.width);
    parts.forEach((one, index) => parts.slice(index + 1).forEach(two => {
      if (one.left < two.right - .5 && two.left < one.right - .5
          && one.top < two.bottom - .5 && two.top < one.bottom - .5)
        found.push("overlap in " + tile.textContent);
    }));
  }
  return found;
}"""

# The element and attribute names of documents, by the browser's own parser (which runs nothing).
TREES = """documents => documents.map(html => {
  const elements = new DOMParser().parseFromString(html, "text/html").querySelectorAll("*");
  const names = element => [element.tagName, ...element.getAttributeNames()].join(" ");
  return [...elements].map(names).join("\\n");
})"""


class _Site(ThreadingHTTPServer):
    """Documents by path, one picture at ``/shoe.png``; what was asked for is in ``asked``."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.pages: dict[str, tuple[str, bytes]] = {"/shoe.png": ("image/png", _shoe())}
        self.asked: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        site = self.server
        assert isinstance(site, _Site)
        site.asked.append(self.path)
        kind, body = site.pages.get(self.path, ("", b""))
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", kind or "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        pass


def _shoe() -> bytes:
    image = Image.new("RGB", (600, 400), "white")
    draw = ImageDraw.Draw(image)
    draw.polygon([(80, 250), (200, 110), (280, 120), (330, 190), (540, 250), (550, 300), (80, 300)], fill="#2f6fb3")
    draw.rounded_rectangle([70, 295, 560, 330], 16, fill="#f0e9dc")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def site() -> Iterator[_Site]:
    with _Site() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


def open_slot(chromium: Browser, size: str) -> Page:
    width, height = map(int, size.split("x"))
    return chromium.new_page(viewport={"width": width, "height": height}, device_scale_factor=2)


def picture_at(url: str) -> Picture:
    return Picture(url, url, 84, 100)


def ordinary(site: _Site) -> list[Tile]:
    picture = picture_at(f"{site.url}/shoe.png")
    return [
        Tile(
            title="Laufschuh Aero 3",
            price_text="129,00 €",
            was_price_text="159,90 €",
            picture=picture,
            click_url="/c/1",
        ),
        Tile(title="Isolierflasche 0,75 l", price_text="24,95 €", picture=picture, click_url="/c/2"),
        Tile(
            title="Rucksack Metro 18 l",
            price_text="89,00 €",
            was_price_text="119,00 €",
            picture=picture,
            click_url="/c/3",
        ),
        Tile(title="Tischleuchte Luna", price_text="59,90 €", picture=picture, click_url="/c/4"),
    ]


def odd(site: _Site) -> list[Tile]:
    """Long words, other scripts, long prices, pictures that are missing or do not load."""
    much = format_price(1_299_000_000_000, "EUR", "de_DE")
    return [
        Tile(
            title="Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen mit handgefertigter Stickerei",
            price_text=much,
            was_price_text=format_price(12_990_000_000_000, "EUR", "de_DE"),
            picture=picture_at(f"{site.url}/shoe.png"),
            click_url="/c/1",
        ),
        Tile(
            title="حذاء رياضي رجالي خفيف الوزن مناسب للجري لمسافات طويلة",
            price_text=format_price(1_299_000_000, "AED", "ar_AE"),
            was_price_text=format_price(1_599_000_000, "AED", "ar_AE"),
            click_url="/c/2",
        ),
        Tile(
            title="メンズランニングシューズ超軽量防水二〇二六年春夏新作モデル送料無料",
            price_text=much,
            picture=picture_at(f"{site.url}/gone.png"),
            click_url="/c/3",
        ),
        Tile(
            title="🎧🎧🔥 WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW",
            price_text="IDR 129.900.000,00",
            was_price_text="IDR 159.900.000,00",
            click_url="/c/4",
        ),
    ]


def show(site: _Site, page: Page, size: str, tiles: list[Tile], name: str, lang: str = "de") -> str:
    """Publish a banner on the site, go there, and give its path."""
    path = f"/{size}/{len(site.pages)}"
    banner = Banner(
        size=size,
        advertiser_name=name,
        lang=lang,
        tiles=tuple(tiles),
        impression_url=f"/i{path}",
        why_url="/why/token",
    )
    site.pages[path] = ("text/html; charset=utf-8", GRID.render(banner))
    page.goto(site.url + path, wait_until="load")
    return path


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("size", SIZES)
def test_everything_fits_the_slot(chromium: Browser, site: _Site, size: str, count: int) -> None:
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page = open_slot(chromium, size)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    path = show(site, page, size, ordinary(site)[:count], "Bergwerk")
    page.screenshot(path=ARTIFACTS / f"{size}-{count}.png")
    assert page.evaluate(MISFITS) == []
    loaded = "() => [...document.images].map(image => image.complete && image.naturalWidth > 0)"
    assert page.evaluate(loaded) == [True] * count + [False]  # the last is the impression, which answers 404 here
    assert f"/i{path}" in site.asked
    assert [text for text in complaints if "404" not in text] == []  # no word of the policy either
    page.close()


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("size", SIZES)
def test_odd_products_fit_too(chromium: Browser, site: _Site, size: str, count: int) -> None:
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    tiles = odd(site)
    page = open_slot(chromium, size)
    name = "Elektrofachgeschäft Müller-Lüdenscheidt & Söhne GmbH"
    for first in range(4 if count < 4 else 1):
        show(site, page, size, (tiles[first:] + tiles[:first])[:count], name, lang="nl")
        assert page.evaluate(MISFITS) == []
    page.screenshot(path=ARTIFACTS / f"{size}-{count}-odd.png")
    page.close()


@pytest.mark.parametrize("size", SIZES)
def test_the_keyboard_reaches_every_link_and_shows_where_it_is(chromium: Browser, site: _Site, size: str) -> None:
    page = open_slot(chromium, size)
    show(site, page, size, ordinary(site), "Bergwerk")
    reached = []
    for _ in range(5):
        page.keyboard.press("Tab")
        link = page.locator(":focus")
        reached.append((link.get_attribute("href"), link.evaluate("a => getComputedStyle(a).outlineStyle")))
    assert reached == [(url, "solid") for url in ("/why/token", "/c/1", "/c/2", "/c/3", "/c/4")]
    page.close()


def test_a_picture_that_does_not_load_leaves_its_letter(chromium: Browser, site: _Site) -> None:
    page = open_slot(chromium, "300x250")
    tile = Tile(title="Lampe", price_text="1,00 €", picture=picture_at(f"{site.url}/gone.png"), click_url="/c/1")
    show(site, page, "300x250", [tile], "Bergwerk")
    letter = "() => getComputedStyle(document.querySelector('.picture img'), '::after').content"
    assert page.evaluate(letter) == '"L"'
    # What is painted: the letter's grey ground, where a torn icon would stand on white.
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    assert image.getpixel((60, 100)) == (0xF1, 0xF3, 0xF6)
    page.close()


def noting(ran: list[str]) -> Callable[[Dialog], None]:
    def note(dialog: Dialog) -> None:
        ran.append(dialog.message)
        dialog.dismiss()

    return note


@pytest.mark.parametrize("size", SIZES)
def test_hostile_products_run_nothing(chromium: Browser, site: _Site, size: str) -> None:
    hostile = [
        "</script><img src=x onerror=alert(1)>",
        '"><svg onload=alert(1)>',
        "</style><script>alert(1)</script>",
        "<iframe srcdoc='<script>parent.alert(1)</script>'>",
    ]
    tiles = [
        Tile(title=text, price_text=text, was_price_text=text, picture=picture_at("/" + quote(text)), click_url="/c/1")
        for text in hostile
    ]
    # Once as sent, and once without the policy, so that the escaping stands alone.
    for without_policy in (False, True):
        context = chromium.new_context(bypass_csp=without_policy)
        page = context.new_page()
        ran: list[str] = []
        page.on("dialog", noting(ran))
        show(site, page, size, tiles, hostile[1])
        assert page.locator("svg, iframe, script").count() == 0
        assert page.locator(".title").all_text_contents() == hostile
        assert ran == []
        context.close()


def test_the_browser_reads_no_element_out_of_known_attacks(chromium: Browser) -> None:
    if not STRINGS.is_dir():
        pytest.skip(f"no lists of hostile strings in {STRINGS}")
    attacks: list[str] = json.loads((STRINGS / "blns.json").read_text(encoding="utf-8"))
    for file in sorted((STRINGS / "pat").rglob("*.txt")):
        attacks += file.read_text(encoding="utf-8", errors="replace").splitlines()

    def document(text: str) -> str:
        tile = Tile(
            title=text,
            price_text=text,
            was_price_text="1",
            picture=picture_at("/media/" + quote(text, errors="replace")),
            click_url="/c/1",
        )
        common: dict[str, Any] = {"size": "300x250", "impression_url": "/i/t", "why_url": "/why/t"}
        return GRID.render(Banner(advertiser_name=text, lang=text, tiles=(tile,), **common)).decode()

    page = chromium.new_page()
    trees: list[str] = page.evaluate(TREES, [document(text) for text in ["harmless", *sorted(set(attacks))]])
    page.close()
    assert len(trees) > 1_000
    assert set(trees) == {trees[0]}
