"""The contact sheet in a real Chromium, open to everybody as in the demo: frames are ready at once, and load nothing
but what is ours."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from tests.journeys.inside import quick_server
from tests.server import ACCOUNTS, Server

pytestmark = pytest.mark.browser
ARTIFACTS = Path(os.environ["ADSERVER_TEST_ARTIFACTS"]) if os.environ.get("ADSERVER_TEST_ARTIFACTS") else None


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with quick_server(accounts=ACCOUNTS, ADSERVER_PREVIEW_OPEN="1") as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    yield page
    page.close()


def test_all_frames_of_a_sheet(server: Server, page: Page) -> None:
    asked: list[str] = []
    told: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: told.append(message.text))
    start = time.monotonic()
    page.goto(f"{server.base_url}/preview?sample=german&creative=grid", wait_until="load")
    took = time.monotonic() - start
    frames = page.locator("iframe")
    for number in range(frames.count()):
        frames.nth(number).scroll_into_view_if_needed()
        tile = page.frame_locator("iframe").nth(number).locator(".tile").first
        tile.wait_for()
        box = frames.nth(number).bounding_box()
        assert box is not None
        assert [str(round(box[side])) for side in ("width", "height")] == [
            frames.nth(number).get_attribute(side) for side in ("width", "height")
        ]
    hosts = {urlsplit(url).netloc for url in asked}
    assert hosts == {urlsplit(server.base_url).netloc}
    assert any(url.endswith("/preview/seen.gif") for url in asked)
    assert any("/preview/pictures/" in url for url in asked)
    assert told == []
    assert took < 10  # two seconds on a machine that does nothing else
    if ARTIFACTS:
        page.screenshot(path=ARTIFACTS / "preview.png")


def test_it_fits_a_phone_and_is_used_by_keyboard(server: Server, page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 700})
    page.goto(f"{server.base_url}/preview?size=728x90&size=300x250&creative=grid&ground=dark")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the banners"
    page.get_by_label("grid", exact=True).focus()
    page.keyboard.press("Space")  # it was ticked: now it is not
    page.get_by_label("Content").select_option("rtl")
    page.get_by_role("button", name="Show").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**sample=rtl**")
    assert page.url.endswith("/preview?size=300x250&size=728x90&sample=rtl&ground=dark")
    assert page.get_by_label("300x250", exact=True).is_checked()
    assert page.frame_locator("iframe").first.locator("html").get_attribute("dir") in {"rtl", None}
