"""The demo's hosts: who answers, what the pages carry, and the two answers of the cookie probe."""

from typing import Any, cast

import pytest
from lxml import html
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from adserver.demo.pages import page
from adserver.demo.products import PRODUCTS
from adserver.demo.sites import create_demo_app, host_of
from adserver.demo.world import WORLDS, World

PORT = 8123
HOSTILE = '</script><img src=x onerror=alert(1)>"><svg onload=alert(2)>'


class Ads:
    """Stands where the ad server stands and says so."""

    def __init__(self) -> None:
        self.started = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            self.started = True
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        await PlainTextResponse(f"ads {scope['path']}")(scope, receive, send)


@pytest.fixture
def client() -> TestClient:
    app = create_demo_app(Ads(), port=PORT, report_command=f"adserver report {HOSTILE}")
    return TestClient(app, base_url=f"http://localhost:{PORT}", follow_redirects=False)


def at(host: str, path: str = "/") -> str:
    return f"http://{host}:{PORT}{path}"


def found(text: str, xpath: str) -> list[Any]:
    return cast("list[Any]", html.fromstring(text).xpath(xpath))


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_the_host_decides_who_answers(client: TestClient, world: World) -> None:
    assert "Everything we make" in client.get(at(world.shop_host)).text
    assert "The Harbour Times" in client.get(at(world.news_host)).text
    assert client.get(at(world.ads_host, "/tag.js")).text == "ads /tag.js"
    assert client.get(at(world.ads_host, "/")).text == "ads /"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "demo.localhost", "LOCALHOST", "localhost."])
def test_the_start_page_is_on_the_plain_hosts(client: TestClient, host: str) -> None:
    answer = client.get("/", headers={"host": f"{host}:{PORT}"})
    assert "Look at it here." in answer.text
    assert client.get("/healthz", headers={"host": f"{host}:{PORT}"}).text == "ads /healthz"


def test_the_start_page_leads_to_the_preview(client: TestClient) -> None:
    (link,) = found(client.get(at("localhost")).text, "//a[normalize-space()='Open the preview']")
    assert link.get("href") == at(WORLDS[0].ads_host, "/preview")
    assert client.get(link.get("href")).text == "ads /preview"


@pytest.mark.parametrize("host", ["evil.test", "localhost.evil.test", "shop.localhost.evil.test", "", "["])
def test_an_unknown_host_is_a_small_404(client: TestClient, host: str) -> None:
    answer = client.get("/", headers={"host": host})
    assert answer.status_code == 404
    assert len(answer.content) < 1500


def test_an_unknown_host_is_escaped(client: TestClient) -> None:
    answer = client.get("/", headers={"host": "<b>bold</b>"})
    assert "<b>bold" not in answer.text
    assert "&lt;b&gt;bold" in answer.text


def test_host_without_a_header() -> None:
    assert host_of({"type": "http", "headers": [(b"accept", b"*/*")]}) == ""


def test_lifespan_goes_to_the_ad_server() -> None:
    ads = Ads()
    with TestClient(create_demo_app(ads, port=PORT)):
        assert ads.started


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_shop_pages_carry_the_tag(client: TestClient, world: World) -> None:
    for path in ("/", "/?kind=Camp", *(f"/p/{product.slug}" for product in PRODUCTS), "/nowhere"):
        (tag,) = found(client.get(at(world.shop_host, path)).text, "//script[@data-advertiser]")
        assert tag.get("src") == f"http://{world.ads_host}:{PORT}/tag.js"
        assert tag.get("data-advertiser") == world.advertiser


def test_a_product_page_reports_its_view(client: TestClient) -> None:
    text = client.get(at("shop.localhost", "/p/skylark-tent")).text
    assert """adserver('event', 'view_item', {"items": [{"id": "WND-107"}]});""" in text
    assert "€279.00" in text
    assert "€349.00" in text
    assert "view_item" not in client.get(at("shop.localhost")).text


def test_shop_lists_one_department(client: TestClient) -> None:
    kitchen = client.get(at("shop.localhost", "/?kind=Kitchen")).text
    assert len(found(kitchen, "//li[@class='card']")) == 3
    for odd in ("/?kind=%3Cscript%3E", "/?kind="):
        answer = client.get(at("shop.localhost", odd)).text
        assert len(found(answer, "//li[@class='card']")) == 12
        assert "<script>&" not in answer


@pytest.mark.parametrize(
    ("host", "path"), [("shop.localhost", "/p/none"), ("shop.localhost", "/x"), ("news.localhost", "/x")]
)
def test_missing_pages_stay_in_style(client: TestClient, host: str, path: str) -> None:
    answer = client.get(at(host, path))
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_the_newspaper_has_three_slots_with_a_passback(client: TestClient, world: World) -> None:
    text = client.get(at(world.news_host)).text
    slots = {slot.get("data-ad-placement"): slot for slot in found(text, "//div[@data-ad-placement]")}
    assert set(slots) == set(world.placements.values())
    assert {slot.get("data-ad-size") for slot in slots.values()} == {"300x250", "728x90", "160x600"}
    assert all(slot.xpath("./template[@data-ad-passback]//a") for slot in slots.values())
    assert found(text, "//script[@async]/@src") == [f"http://{world.ads_host}:{PORT}/slot.js"]


def test_pages_are_not_stored_and_ask_nobody_else(client: TestClient) -> None:
    for url in (
        at("localhost"),
        at("shop.localhost"),
        at("shop.localhost", "/p/five-panel-cap"),
        at("news.localhost"),
    ):
        answer = client.get(url)
        assert answer.headers["cache-control"] == "no-store"
        for address in found(answer.text, "//@src | //link/@href"):
            assert address.startswith(("/", "data:")) or f".localhost:{PORT}/" in address


def test_assets_and_pictures(client: TestClient) -> None:
    for host, path, kind in (
        ("shop.localhost", "/shop.css", "text/css"),
        ("shop.localhost", "/shop.js", "text/javascript"),
        ("shop.localhost", "/guide.css", "text/css"),
        ("shop.localhost", "/img/WND-102.webp", "image/webp"),
        ("news.localhost", "/news.css", "text/css"),
        ("news.localhost", "/guide.css", "text/css"),
        ("news.localhost", "/img/bakery.webp", "image/webp"),
        ("localhost", "/start.css", "text/css"),
        ("localhost", "/start.js", "text/javascript"),
        ("localhost", "/img/WND-101.webp", "image/webp"),
    ):
        answer = client.get(at(host, path))
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
    assert client.get(at("shop.localhost", "/img/WND-999.webp")).status_code == 404


def test_the_start_page_offers_both_worlds_and_the_report(client: TestClient) -> None:
    text = client.get(at("localhost")).text
    (command,) = found(text, "//code[@data-command]")
    assert command.text_content() == f"adserver report {HOSTILE}"
    assert not found(text, "//svg | //img[@onerror]")
    shop = found(text, "//a[@class='go']")[0]
    assert (shop.get("data-apart"), shop.get("data-together")) == (
        at("shop.localhost"),
        at("shop.demo.localhost"),
    )


def test_templates_escape_text_and_script_data() -> None:
    body = page("probe_frame.html", {"origins": [HOSTILE]}).body
    assert bytes(body).count(b"</script>") == 1
    assert b"<img" not in bytes(body)


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_the_probe_answers_twice(client: TestClient, world: World) -> None:
    url = at(world.ads_host, "/demo/cookie-probe")
    first = client.get(url, headers={"origin": f"http://localhost:{PORT}"})
    assert first.json() == {"third_party_cookies": False}
    cookie = {part.strip().lower() for part in first.headers["set-cookie"].split(";")}
    assert cookie == {"demo_probe=1", "secure", "httponly", "samesite=none", "path=/demo/", "max-age=60"}
    assert first.headers["access-control-allow-origin"] == f"http://localhost:{PORT}"
    assert first.headers["access-control-allow-credentials"] == "true"
    second = client.get(url, headers={"cookie": "demo_probe=1", "origin": f"http://localhost:{PORT}"})
    assert second.json() == {"third_party_cookies": True}


@pytest.mark.parametrize("origin", ["http://evil.test", "null", f"http://localhost:{PORT}.evil.test", ""])
def test_the_probe_tells_nobody_else(client: TestClient, origin: str) -> None:
    answer = client.get(at("ads.localhost", "/demo/cookie-probe"), headers={"origin": origin})
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["vary"] == "Origin"
