"""The main job: look at products in a shop, meet them again on a news site, click, land, find it in the report."""

import io
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Frame, Page

from tests.browser.sites import Sites, Visitor, make_certificate, new_visitor, running_sites
from tests.server import Server, feed_xml, running_server, until

pytestmark = pytest.mark.browser

ARTIFACTS = Path(__file__).parents[2] / "artifacts"
PRODUCTS = {
    "SKU1": "Trail runner, blue",
    "SKU2": "Winter boot </script><img src=x onerror=alert(1)>",
    "SKU3": 'Sandal "><svg onload=alert(2)>',
}
SLOT = """<h1>The Daily</h1>
<div id="slot" data-ad-placement="daily-rectangle" data-ad-size="300x250"
     data-ad-passback="passback"></div>
<script>window.told = []; function passback(element, reason) {{ told.push(reason) }}</script>
<script async src="{ads}/slot.js"></script>"""
PRODUCT = """<h1>{title}</h1><script async src="{ads}/tag.js" data-advertiser="acme"></script>
<script>window.adserver=window.adserver||function(){{(adserver.q=adserver.q||[]).push(arguments)}};
adserver('event','view_item',{{items:[{{id:'{sku}'}}]}})</script>"""
IMAGE_ONLY = """<h1>{title}</h1>
<img src="{ads}/pixel.gif?a=acme&e=view_item&p={sku}" alt="" width="1" height="1">"""


class World:
    """The three sites; ``ads`` is the ad server's address as pages write it."""

    def __init__(self, server: Server, sites: Sites) -> None:
        self.server = server
        self.sites = sites
        self.ads = f"https://ads.test:{urlsplit(server.base_url).port}"
        self.news = sites.page("news.test", "/", SLOT.format(ads=self.ads))
        for number, (sku, title) in enumerate(PRODUCTS.items()):
            values = {"ads": self.ads, "sku": sku, "title": title.replace("<", "&lt;")}
            sites.page("shop.test", f"/p/{sku}", PRODUCT.format(**values))
            sites.page("shop.test", f"/plain/{sku}", IMAGE_ONLY.format(**values))
            sites.picture("shop.test", f"/img/{sku}.png", _picture(("#2563eb", "#b45309", "#15803d")[number]))

    def look_at(self, visitor: Visitor, path: str) -> None:
        """Open a product page and stay until its view has been answered."""
        with visitor.context.expect_event("response", lambda r: "e=view_item" in r.url) as answered:
            page = visitor.open(self.sites.url("shop.test", path))
        assert answered.value.headers.get("x-adserver-reason") is None
        page.close()

    def visitors(self) -> int:
        """Visitors that Valkey knows."""
        with self.server.valkey() as valkey:
            return len(list(valkey.scan_iter("u:*")))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    certificate = make_certificate(tmp_path_factory.mktemp("tls"))
    tls = ("--ssl-certfile", str(certificate.certfile), "--ssl-keyfile", str(certificate.keyfile))
    with running_server(*tls, start=False) as server, running_sites(certificate) as sites:
        server.verify = False
        server.import_feed(feed_xml(list(PRODUCTS), base=sites.url("shop.test", ""), titles=PRODUCTS))
        server.start()
        yield World(server, sites)


@pytest.fixture(autouse=True)
def nobody_known(world: World) -> None:
    with world.server.valkey() as valkey:
        for key in valkey.scan_iter("u:*"):
            valkey.delete(key)


@pytest.mark.parametrize("path", ["/p/", "/plain/"], ids=["tag", "image"])
def test_seen_again_clicked_and_counted(world: World, tmp_path: Path, path: str) -> None:
    before = world.server.report()["totals"]
    with new_visitor(tmp_path, third_party_cookies=True) as visitor:
        world.look_at(visitor, f"{path}SKU1")
        world.look_at(visitor, f"{path}SKU2")
        page = visitor.open(world.news)
        banner = _banner(page)
        titles = banner.locator(".title").all_inner_texts()
        assert titles == [PRODUCTS["SKU2"], PRODUCTS["SKU1"]]
        assert [price.replace("\xa0", " ") for price in banner.locator(".prices").all_inner_texts()] == [
            "20,90 €",
            "10,90 €",
        ]
        until(lambda: banner.evaluate(_PICTURES_LOADED), what="the pictures")
        ARTIFACTS.mkdir(exist_ok=True)
        page.locator("#slot").screenshot(path=ARTIFACTS / f"slot-{path.strip('/')}.png")
        with visitor.context.expect_page() as opened:
            banner.locator("a.tile").first.click()
        landed = opened.value
        landed.wait_for_url("**/p/SKU2")
        assert landed.url == world.sites.url("shop.test", "/p/SKU2")
        assert visitor.errors == []
        assert world.visitors() == 1
    after = until(lambda: _counted(world, before, clicks=1), what="the click in the report", within=10)
    assert after["impressions"] == before["impressions"] + 1
    assert after["requests"] == before["requests"] + 1


def test_with_third_party_cookies_blocked(world: World, tmp_path: Path) -> None:
    with new_visitor(tmp_path, third_party_cookies=False) as visitor:
        world.look_at(visitor, "/p/SKU1")
        world.look_at(visitor, "/p/SKU2")
        page = visitor.open(world.news)
        page.wait_for_function("told.length > 0")
        assert page.evaluate("told") == ["no_visitor"]
        assert page.locator("#slot iframe").count() == 0
        assert visitor.errors == []
        assert world.visitors() == 1


def test_without_a_tag_the_frame_shows_it_too(world: World, tmp_path: Path) -> None:
    frame = f'<iframe src="{world.ads}/ad?placement=daily-rectangle" width=300 height=250></iframe>'
    url = world.sites.page("news.test", "/frame", frame)
    with new_visitor(tmp_path, third_party_cookies=True) as visitor:
        world.look_at(visitor, "/p/SKU3")
        page = visitor.open(url)
        banner = page.frame_locator("iframe")
        assert banner.locator(".title").all_inner_texts() == [PRODUCTS["SKU3"]]
        assert visitor.errors == []


def test_global_privacy_control_leaves_nothing_behind(world: World, tmp_path: Path) -> None:
    with new_visitor(tmp_path, third_party_cookies=True, headers={"Sec-GPC": "1"}) as visitor:
        with visitor.context.expect_event("response", lambda r: "e=view_item" in r.url) as answered:
            visitor.open(world.sites.url("shop.test", "/plain/SKU1"))
        assert answered.value.headers["x-adserver-reason"] == "consent"
        assert visitor.context.cookies() == []
        assert world.visitors() == 0


def test_opting_out_on_the_privacy_page(world: World, tmp_path: Path) -> None:
    with new_visitor(tmp_path, third_party_cookies=True) as visitor:
        world.look_at(visitor, "/p/SKU1")
        page = visitor.open(f"{world.ads}/privacy")
        page.get_by_role("button").click()
        page.get_by_role("heading", name="You are opted out").wait_for()
        news = visitor.open(world.news)
        news.wait_for_function("told.length > 0")
        assert news.evaluate("told") == ["consent"]
        names = {cookie.get("name") for cookie in visitor.context.cookies(world.ads)}
        assert "adserver-opt-out" in names
        assert "__Host-adserver" not in names
        assert visitor.errors == []


def test_a_page_of_another_site_reads_nothing(world: World, tmp_path: Path) -> None:
    ask = f"<script>fetch('{world.ads}/ads?placement=daily-rectangle',{{credentials:'include'}})"
    ask += ".then(r=>r.text(),e=>'refused').then(t=>window.got=t)</script>"
    url = world.sites.page("evil.test", "/", ask)
    with new_visitor(tmp_path, third_party_cookies=True) as visitor:
        world.look_at(visitor, "/p/SKU1")
        page = visitor.open(url)
        page.wait_for_function("window.got")
        assert page.evaluate("got") == "refused"


def test_two_first_views_at_once_make_one_visitor(world: World, tmp_path: Path) -> None:
    """The tag sends page_view and view_item: the second waits for the cookie of the first."""
    with new_visitor(tmp_path, third_party_cookies=True) as visitor:
        world.look_at(visitor, "/p/SKU1")
        assert world.visitors() == 1


_PICTURES_LOADED = "() => [...document.querySelectorAll('.picture img')].every(i => i.complete && i.naturalWidth > 0)"


def _banner(page: Page) -> Frame:
    handle = page.wait_for_selector("#slot iframe")
    assert handle is not None
    frame = handle.content_frame()
    assert frame is not None
    frame.wait_for_selector(".tile")
    return frame


def _counted(world: World, before: dict[str, int], *, clicks: int) -> dict[str, int] | None:
    totals: dict[str, int] = world.server.report()["totals"]
    return totals if totals["clicks"] >= before["clicks"] + clicks else None


def _picture(colour: str) -> bytes:
    image = Image.new("RGB", (400, 400), "white")
    ImageDraw.Draw(image).ellipse((60, 120, 340, 300), fill=colour)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
