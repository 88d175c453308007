"""Hostile texts in every field of every design, in a real browser: no script runs, and no request leaves."""

from collections.abc import Iterator, Mapping
from functools import partial

import pytest
from playwright.sync_api import Browser, Dialog, Page

from adserver.creative.creative import Creative
from tests.browser.design_attacks import BY_HAND, attacks, packed
from tests.browser.design_exhibits import Exhibit, contents, exhibits
from tests.browser.design_fixtures import DESIGNS, chromium, creatives, mostly_long, stage
from tests.browser.design_sheets import SANDBOX, hang
from tests.browser.design_stage import Stage, opened
from tests.server import until

__all__ = ["chromium", "creatives", "stage"]  # fixtures

pytestmark = pytest.mark.browser

_TRAPS = """for (const name of ["alert", "confirm", "prompt", "print", "open"])
  window[name] = () => { window.ran = true; console.error("ran: " + name); };"""

# The element and attribute names of documents, by the browser's own parser (which runs nothing).
TREES = """documents => documents.map(html => {
  const elements = new DOMParser().parseFromString(html, "text/html").querySelectorAll("*");
  const names = element => [element.tagName, ...element.getAttributeNames()].join(" ");
  return [...elements].map(names).join("\\n");
})"""


class Watched:
    """A page of which all is noted that an attack could do: ``noted`` has scripts that ran, dialogs, and requests for
    anything that is not the stage's."""

    def __init__(self, page: Page, stage: Stage) -> None:
        self.page = page
        self.noted: list[str] = []
        page.on("console", lambda message: self.noted.append(message.text))
        page.on("pageerror", lambda error: self.noted.append(str(error)))
        page.on("dialog", self._dismiss)
        page.on("request", lambda request: self._note(request.url, ("data:", "about:", stage.url), "asked for"))

    def _dismiss(self, dialog: Dialog) -> None:
        self.noted.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _note(self, url: str, allowed: tuple[str, ...], what: str) -> None:
        if not url.startswith(allowed):
            self.noted.append(f"{what} {url}")

    def told(self, what: str) -> bool:
        """Whether it has been noted by now; a question lets the browser go on."""
        self.page.evaluate("1")
        return any(what in text for text in self.noted)

    def after(self, shown: list[Exhibit], sandbox: str | None) -> list[str]:
        """What was noted while these were shown; what the stage does not have is no news."""
        self.noted.clear()
        for start in range(0, len(shown), 40):
            hang(self.page, shown[start : start + 40], sandbox=sandbox)
        return [text for text in self.noted if "404" not in text]


@pytest.fixture(scope="module")
def unguarded(chromium: Browser, stage: Stage) -> Iterator[Watched]:
    """Without sandbox and policy, so that the escaping stands alone."""
    page = opened(chromium, stage, bypass_csp=True)
    page.add_init_script(_TRAPS)
    page.goto(stage.url)
    yield Watched(page, stage)
    page.close()


def hostile(creative: Creative, size: str, texts: list[str], url: str) -> list[Exhibit]:
    """Banners full of these texts."""
    width, height = (320, 250) if size == "fluid" else map(int, size.split("x"))
    return [
        Exhibit(creative.name, size, len(bad.tiles), "attacks", width, height, "", creative.render(bad).decode())
        for bad, _ in packed(creative, size, texts, url=url)
    ]


def test_the_traps_catch(unguarded: Watched) -> None:
    for caught, html in (
        ("ran: alert", "<img src=/x onerror=alert(1)>"),
        ("asked for http://evil.example/", "<img src=http://evil.example/>"),
        ("asked for http://evil.example/next", "<meta http-equiv=refresh content='0;url=http://evil.example/next'>"),
    ):
        unguarded.after([Exhibit("bad", "300x250", 0, "attack", 300, 250, "", html)], None)
        until(partial(unguarded.told, caught), what=caught)


@pytest.mark.parametrize("design", mostly_long(DESIGNS, {"cart"}))
def test_no_attack_runs(unguarded: Watched, stage: Stage, creatives: Mapping[str, Creative], design: str) -> None:
    creative = creatives[design]
    size = max(sorted(creative.sizes), key=creative.max_products)
    shown = hostile(creative, size, attacks(), stage.url)
    assert unguarded.after(shown, None) == []


@pytest.mark.parametrize("design", DESIGNS)
def test_the_browser_reads_no_element_out_of_an_attack(
    unguarded: Watched, stage: Stage, creatives: Mapping[str, Creative], design: str
) -> None:
    creative = creatives[design]
    for size in sorted(creative.sizes):
        pairs = list(packed(creative, size, list(BY_HAND)))
        documents = [[creative.render(banner).decode() for banner in pair] for pair in pairs]
        bad, good = (unguarded.page.evaluate(TREES, list(side)) for side in zip(*documents, strict=True))
        assert bad == good, (design, size)


@pytest.mark.parametrize("design", DESIGNS)
def test_its_policy_and_the_sandbox_have_nothing_to_say(
    chromium: Browser, stage: Stage, creatives: Mapping[str, Creative], design: str
) -> None:
    """What a publisher's page gives it: no complaint on the console, no request but for the stage."""
    watched = Watched(opened(chromium, stage), stage)
    creative = creatives[design]
    content = contents()["german"]._replace(counts=(0,))
    before = len(stage.asked)
    usual = list(exhibits(creative, "german", content, url=stage.url))
    assert watched.after([*usual, *hostile(creative, "300x250", list(BY_HAND), stage.url)], SANDBOX) == []
    assert len(stage.asked) > before
    watched.page.close()
