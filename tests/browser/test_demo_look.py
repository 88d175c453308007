"""The demo in a real Chromium, in both cookie worlds; the ad server is a stand-in that never has an ad."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import BrowserContext, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adserver.demo.sites import create_demo_app
from tests.browser.browsers import running_profile

pytestmark = pytest.mark.browser

TAG = "window.told=(window.adserver.q||[]).map(a=>Array.from(a));window.adserver=(...a)=>told.push(a);"
SLOT = (
    "document.querySelectorAll('[data-ad-placement]').forEach(slot=>"
    "slot.append(slot.querySelector('template').content.cloneNode(true)))"
)


async def script(request: Request) -> Response:
    return Response(TAG if request.url.path == "/tag.js" else SLOT, media_type="text/javascript")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    number: int = listener.getsockname()[1]
    ads = Starlette(routes=[Route("/tag.js", script), Route("/slot.js", script)])
    app = create_demo_app(ads, port=number, report_command="adserver report --data-dir demo")
    server = uvicorn.Server(uvicorn.Config(app, ws="none", log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    yield number
    server.should_exit = True
    thread.join(timeout=10)
    listener.close()


@pytest.fixture(params=["allowed", "blocked"])
def cookies(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def browser(cookies: str, tmp_path: Path) -> Iterator[BrowserContext]:
    allowed = cookies == "allowed"
    with running_profile(tmp_path, third_party_cookies=allowed, width=1280) as context:
        yield context


def fits(page: Page) -> bool:
    """No page is wider than its window, on a desk or in a hand."""
    widths = []
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        widths.append(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
    page.set_viewport_size({"width": 1280, "height": 900})
    return all(widths)


def test_the_journey_through_the_pages(browser: BrowserContext, cookies: str, port: int) -> None:
    errors: list[str] = []
    page = browser.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))

    page.goto(f"http://localhost:{port}/")
    expect(page.locator(".cookies")).to_have_attribute("data-state", cookies)
    hosts = "localhost" if cookies == "allowed" else "demo.localhost"
    shop = page.get_by_role("link", name="Open the shop")
    expect(shop).to_have_attribute("href", f"http://shop.{hosts}:{port}/")
    assert fits(page)

    shop.click()
    assert fits(page)
    page.get_by_role("link", name="Storm Lantern No. 4").click()
    page.get_by_role("button", name="Add to bag").click()
    expect(page.locator("[data-bag-count]")).to_have_text("1")
    told = page.evaluate("told")
    assert told[0] == ["event", "view_item", {"items": [{"id": "WND-104"}]}]
    assert told[1][1:] == [
        "add_to_cart",
        {"currency": "EUR", "value": 54, "items": [{"id": "WND-104", "price": 54, "quantity": 1}]},
    ]
    assert fits(page)

    page.get_by_role("link", name="Open the newspaper").click()
    assert page.url == f"http://news.{hosts}:{port}/"
    expect(page.get_by_text("Support local journalism").locator("visible=true")).to_have_count(3)
    assert fits(page)

    page.get_by_role("link", name="See the report").click()
    expect(page.locator("[data-command]")).to_have_text("adserver report --data-dir demo")
    expect(page.locator("[data-choose][aria-pressed=true]")).to_have_count(1)
    expect(shop).to_have_attribute("href", f"http://shop.{hosts}:{port}/")
    assert errors == []


def test_the_visitor_may_choose_the_other_way(browser: BrowserContext, port: int) -> None:
    page = browser.new_page()
    page.goto(f"http://localhost:{port}/")
    for name, host in (
        ("All under one site", "shop.demo.localhost"),
        ("Three different sites", "shop.localhost"),
    ):
        page.get_by_role("button", name=name).click()
        expect(page.get_by_role("link", name="Open the shop")).to_have_attribute("href", f"http://{host}:{port}/")
