"""Who can not see, can not use a mouse or is made ill by motion: every design is for them as well."""

import os
from collections.abc import Mapping
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from adserver.creative.creative import Creative
from tests.browser.design_exhibits import Exhibit, contents, exhibits
from tests.browser.design_fixtures import DESIGNS, chromium, creatives, sheet, stage
from tests.browser.design_sheets import LOOKED_INTO, hang
from tests.browser.design_stage import Stage, opened
from tests.needs import axe, fetch_axe

__all__ = ["chromium", "creatives", "sheet", "stage"]  # fixtures

pytestmark = pytest.mark.browser

LONGEST_MOTION_MS = 30_000

# What axe says of each frame. It is no page: a banner needs no landmarks, and no heading.
AXE = """async source => {
  const found = [];
  for (const frame of document.querySelectorAll("iframe")) {
    const win = frame.contentWindow;
    win.eval(source);
    const { violations } = await win.axe.run(win.document, {
      resultTypes: ["violations"], rules: { region: { enabled: false }, "page-has-heading-one": { enabled: false } },
    });
    found.push(violations.filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes[0].html.slice(0, 120)} ${nodes[0].failureSummary ?? ""}`));
  }
  return found;
}"""

MOTION = """() => [...document.querySelectorAll("iframe")].map(({ contentDocument }) => {
  const running = contentDocument.getAnimations()
    .filter(({ playState, effect }) => playState === "running" && !effect.target.closest(".ends"));
  return {
    running: running.length,
    end: Math.max(0, ...running.map(({ effect }) => effect.getComputedTiming().endTime)),
  };
})"""

FOCUSED = """() => {
  const element = document.querySelector("iframe").contentDocument.activeElement;
  return element.matches("summary") ? "corner" : element.closest("nav") ? "menu"
    : element.matches("a") ? "link" : "scroller";  // which the browser lets one scroll with the arrow keys
}"""


def usual(creative: Creative, stage: Stage, *, count: int = 0, sizes: tuple[str, ...] = ()) -> list[Exhibit]:
    content = contents()["short offer, coupon, hours"]._replace(counts=(count,))
    return list(exhibits(creative, "usual", content, url=stage.url, sizes=sizes))


@pytest.mark.parametrize("design", DESIGNS)
def test_axe_finds_nothing_serious(sheet: Page, stage: Stage, creatives: Mapping[str, Creative], design: str) -> None:
    complaint = fetch_axe()
    if complaint and not os.environ.get("CI"):
        pytest.skip(f"no axe: {complaint}")
    script = axe()
    assert script is not None, complaint
    shown = usual(creatives[design], stage)
    hang(sheet, shown, sandbox=None)
    found: list[list[str]] = sheet.evaluate(AXE, script.read_text(encoding="utf-8"))
    assert [f"{exhibit}: {text}" for exhibit, texts in zip(shown, found, strict=True) for text in texts] == []


def test_axe_would_find_it(sheet: Page) -> None:
    script = axe()
    if script is None:
        pytest.skip("no axe")
    html = "<!doctype html><html><title>a</title><body><a href='/c'></a><p style='color:#ccc'>grey</p>"
    hang(sheet, [Exhibit("bad", "300x250", 0, "bad", 300, 250, "", html)], sandbox=None)
    (found,) = sheet.evaluate(AXE, script.read_text(encoding="utf-8"))
    assert {text.partition(":")[0] for text in found} == {"color-contrast", "html-has-lang", "link-name"}


@pytest.mark.parametrize("design", DESIGNS)
def test_the_keyboard_goes_from_the_corner_to_the_products(
    chromium: Browser, stage: Stage, creatives: Mapping[str, Creative], design: str
) -> None:
    creative = creatives[design]
    page = opened(chromium, stage, width=1000, height=700)
    for exhibit in usual(creative, stage):
        hang(page, [exhibit], sandbox=LOOKED_INTO)
        links = page.frames[-1].locator("a:not(nav a):visible").count()
        assert links - (exhibit.products or 1) in {0, 1}, str(exhibit)  # one button may be there for all of it
        reached: list[str] = []
        while len(reached) < links + 1:
            page.keyboard.press("Tab")
            reached += [what for what in [page.evaluate(FOCUSED)] if what != "scroller"]
        assert reached == ["corner"] + ["link"] * links or (not exhibit.products and set(reached) == {"corner", "link"})
    page.close()


@pytest.mark.parametrize("design", DESIGNS)
def test_enter_opens_the_menu_and_closes_it(
    chromium: Browser, stage: Stage, creatives: Mapping[str, Creative], design: str
) -> None:
    page = opened(chromium, stage, width=1000, height=700)
    (exhibit,) = usual(creatives[design], stage, sizes=("300x250",))
    hang(page, [exhibit], sandbox=LOOKED_INTO)
    frame = page.frames[-1]
    frame.locator("summary").focus()
    page.keyboard.press("Enter")
    reached = []
    for way in frame.locator("nav a").all():
        assert way.is_visible()
        page.keyboard.press("Tab")
        reached.append(page.evaluate(FOCUSED))
    assert reached == ["menu"] * (3 if exhibit.products else 2)
    frame.locator("summary").focus()
    page.keyboard.press("Enter")
    assert not frame.locator("nav").is_visible()
    page.close()


@pytest.mark.parametrize("design", DESIGNS)
def test_motion_ends_and_stops_for_the_mouse_and_for_who_asks(
    chromium: Browser, stage: Stage, creatives: Mapping[str, Creative], design: str
) -> None:
    shown = usual(creatives[design], stage)
    page = opened(chromium, stage, width=1000, height=700)
    hang(page, shown)
    moves: list[dict[str, Any]] = page.evaluate(MOTION)
    for exhibit, motion in zip(shown, moves, strict=True):
        assert motion["end"] <= LONGEST_MOTION_MS, str(exhibit)
        if not motion["running"]:
            continue
        hang(page, [exhibit])
        page.mouse.move(exhibit.width / 2, exhibit.height / 2)
        page.wait_for_function(f"() => ({MOTION})()[0].running === 0")
        page.mouse.move(999, 699)
    page.emulate_media(reduced_motion="reduce")
    hang(page, shown)
    assert [motion["running"] for motion in page.evaluate(MOTION)] == [0] * len(shown)
    page.close()


def test_the_carousel_moves(chromium: Browser, stage: Stage, creatives: Mapping[str, Creative]) -> None:
    if "carousel" not in creatives:
        pytest.skip("there is no carousel")
    page = opened(chromium, stage, width=1000, height=700)
    shown = usual(creatives["carousel"], stage)
    hang(page, shown)
    still = [str(e) for e, motion in zip(shown, page.evaluate(MOTION), strict=True) if not motion["running"]]
    page.close()
    assert still == []
