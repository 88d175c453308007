"""The house ad in a real browser: every name fits every size, all of it is the link, and it can be read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page, Route

from adserver.creative.banner import Banner
from adserver.creative.library import load_creatives
from tests.browser.browsers import running_chromium

pytestmark = pytest.mark.browser

ARTIFACTS = Path(__file__).parents[2] / "artifacts" / "creative-house"
HOUSE = load_creatives()["house"]
SIZES = sorted(HOUSE.sizes)
SITE = "https://news.test"

# Name, language, and what the screenshot is called.
NAMES = [
    ("Bergwerk", "de", "short"),
    ("Müller-Lüdenscheidt & Söhne Bürotechnik", "pl", "long"),
    ("Donaudampfschifffahrtskapitänsmützen-AG", "nl", "word"),
    ("متجر الأحذية الرياضية الخفيفة للرجال", "ar_AE", "arabic"),
    ("חנות הספרים של ירושלים העתיקה והחדשה", "he_IL", "hebrew"),
    ("東京運動靴専門店株式会社オンラインショップ本店春夏秋冬新作モデル送料無料", "ja_JP", "japanese"),
    ("WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW", "pt", "wide"),
    ("👟👟👟 Schuh-Express 24", "fr", "emoji"),
    ("M" * 14, "en", "not-yet-wordy"),
]

# One line for each thing that leaves its box, is cut, or lies on top of another.
MISFITS = """() => {
  const found = [], root = document.documentElement;
  if (root.scrollWidth > innerWidth || root.scrollHeight > innerHeight) found.push("the document scrolls");
  const inside = (inner, outer) => inner.left >= outer.left - .5 && inner.right <= outer.right + .5
    && inner.top >= outer.top - .5 && inner.bottom <= outer.bottom + .5;
  const body = document.body.getBoundingClientRect();
  if (body.width !== innerWidth || body.height !== innerHeight) found.push("the body is not the slot");
  const home = document.querySelector(".home").getBoundingClientRect();
  if (home.width < innerWidth - 2 || home.height < innerHeight - 2) found.push("the link is not the whole banner");
  const parts = [...document.querySelectorAll(".brand, .line, .action, .notice")];
  for (const part of parts) {
    if (!inside(part.getBoundingClientRect(), body)) found.push("leaves the slot: " + part.className);
    if (part.scrollWidth > part.clientWidth || part.scrollHeight > part.clientHeight + 2)
      found.push("is cut: " + part.className);
    for (const other of parts) {
      const one = part.getBoundingClientRect(), two = other.getBoundingClientRect();
      if (part !== other && one.left < two.right - .5 && two.left < one.right - .5
          && one.top < two.bottom - .5 && two.top < one.bottom - .5)
        found.push("overlap: " + part.className + " and " + other.className);
    }
  }
  return found;
}"""

# WCAG 2.2, 1.4.3: (L1 + 0.05) / (L2 + 0.05) of a text on each colour that its ground is mixed of.
CONTRASTS = """() => {
  const light = channels => channels.map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const colours = text => [...text.matchAll(/rgba?\\(([^)]*)\\)/g)].map(m => m[1].split(/[ ,/]+/).map(Number))
    .filter(c => c.length === 3 || c[3] === 1);
  const ratio = (one, two) => (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
  const style = selector => getComputedStyle(document.querySelector(selector));
  const home = style(".home"), ground = colours(home.backgroundImage + home.backgroundColor);
  const least = (selector, grounds) =>
    Math.min(...grounds.map(g => ratio(light(colours(style(selector).color)[0]), light(g))));
  return {
    grounds: ground.length,
    brand: least(".brand", ground), line: least(".line", ground), notice: least(".notice", ground),
    action: least(".action", colours(style(".action").backgroundColor)),
  };
}"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


def open_slot(chromium: Browser, size: str, scheme: Any = "light") -> tuple[Page, list[str]]:
    """A page of the slot's size, and all that it has asked for."""
    width, height = map(int, size.split("x"))
    page = chromium.new_page(viewport={"width": width, "height": height}, device_scale_factor=2, color_scheme=scheme)
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=204)

    page.route("**/*", answer)
    return page, asked


def show(page: Page, size: str, name: str, lang: str) -> None:
    html = HOUSE.render(
        Banner(
            size=size,
            advertiser_name=name,
            lang=lang,
            tiles=(),
            impression_url=f"{SITE}/i/token",
            why_url=f"{SITE}/privacy",
            click_url=f"{SITE}/c/token",
        )
    )
    page.set_content(html.decode(), wait_until="load")


@pytest.mark.parametrize(("name", "lang", "called"), NAMES, ids=[called for _, _, called in NAMES])
@pytest.mark.parametrize("size", SIZES)
def test_every_name_fits_the_slot(chromium: Browser, size: str, name: str, lang: str, called: str) -> None:
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page, asked = open_slot(chromium, size)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    show(page, size, name, lang)
    page.screenshot(path=ARTIFACTS / f"{size}-{called}.png")
    assert page.evaluate(MISFITS) == []
    assert page.locator(".brand").text_content() == name
    assert asked == [f"{SITE}/i/token"]
    assert complaints == []
    page.close()


@pytest.mark.parametrize("lang", ["cs", "da", "de", "en", "es", "fr", "it", "nl", "pl", "pt", "sv"])
@pytest.mark.parametrize("size", SIZES)
def test_the_words_of_every_language_fit(chromium: Browser, size: str, lang: str) -> None:
    page, _ = open_slot(chromium, size)
    show(page, size, "Elektrofachgeschäft Müller-Lüdenscheidt", lang)
    assert page.evaluate(MISFITS) == []
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_everything_can_be_read(chromium: Browser, size: str, scheme: str) -> None:
    page, _ = open_slot(chromium, size, scheme)
    show(page, size, "Bergwerk", "de")
    found = page.evaluate(CONTRASTS)
    assert found.pop("grounds") == 3
    assert min(found.values()) >= 4.5, found
    page.close()


@pytest.mark.parametrize("size", SIZES)
def test_mouse_and_keyboard_reach_the_shop_and_the_reason(chromium: Browser, size: str) -> None:
    width, height = map(int, size.split("x"))
    page, _ = open_slot(chromium, size)
    show(page, size, "Bergwerk", "de")
    reached = []
    for _ in range(2):
        page.keyboard.press("Tab")
        link = page.locator(":focus")
        reached.append((link.get_attribute("href"), link.evaluate("a => getComputedStyle(a).outlineStyle")))
    assert reached == [(f"{SITE}/c/token", "solid"), (f"{SITE}/privacy", "solid")]
    hit = "([x, y]) => document.elementFromPoint(x, y).closest('a').className"
    corners = [(2, 2), (2, height - 3), (width - 3, height - 3), (width // 2, height // 2)]
    assert [page.evaluate(hit, corner) for corner in corners] == ["home"] * 4
    why = page.locator(".why").bounding_box()
    assert why is not None
    assert min(why["width"], why["height"]) >= 24  # WCAG 2.2, 2.5.8
    assert page.evaluate(hit, (why["x"] + 12, why["y"] + 12)) == "why"
    page.close()


@pytest.mark.parametrize("size", SIZES)
def test_a_hostile_name_runs_nothing(chromium: Browser, size: str) -> None:
    name = '"><svg onload=alert(1)></title></style><script>alert(1)</script><click><seen>'
    context = chromium.new_context(bypass_csp=True)  # so that the escaping stands alone
    page = context.new_page()
    ran: list[str] = []

    def note(dialog: Dialog) -> None:
        ran.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    page.route("**/*", lambda route: route.fulfill(status=204))
    show(page, size, name, "de")
    assert page.locator("svg, iframe, script, click, seen").count() == 0
    assert page.locator(".brand").text_content() == name
    assert ran == []
    context.close()
