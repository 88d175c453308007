"""A real banner inside the frames in which other ad servers and pages put creatives.

The SafeFrame here does what IAB's reference host and renderer do: the creative's HTML travels in the ``name`` of a
frame of another site, whose document offers ``$sf.ext`` and writes the HTML into itself.
"""

import html
import json
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import FrameLocator, Page

from tests.browser.stub_server import Answer, StubServer, Tab, running_stub
from tests.server import ACCOUNTS, Server, cookie_of, feed_xml, running_server

pytestmark = [pytest.mark.browser, pytest.mark.long]

SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
SCRIPTS = f"{SANDBOX} allow-scripts allow-same-origin allow-forms allow-top-navigation-by-user-activation"
SIZE = 'width="300" height="250" scrolling="no" frameborder="0"'
RENDERER = """<!doctype html><html><body style="margin:0"><script>
(function () {
  var given = JSON.parse(window.name);
  window.$sf = {ver: '1.1.0', ext: {
    register: function () {}, supports: function () { return {'exp-ovr': false, 'exp-push': false} },
    geom: function () { return null }, inViewPercentage: function () { return 100 }, status: function () { return '' },
    meta: function () { return null }, cookie: function () {}
  }};
  document.write(given.html);
  document.close();
})();
</script></body></html>"""


@pytest.fixture(scope="module")
def stub() -> Iterator[StubServer]:
    with running_stub() as running:
        running.page("/p/SKU1", "<h1>The shop</h1>")
        running.answers["/renderer"] = Answer(RENDERER.encode())
        yield running


@pytest.fixture(scope="module")
def server(stub: StubServer) -> Iterator[Server]:
    accounts = ACCOUNTS.replace("shop.test", "shop.localhost")
    feed = feed_xml(["SKU1", "SKU2"], base=stub.url("shop"))
    with running_server(accounts=accounts, feed=feed, ADSERVER_PUBLIC_URL=stub.url("ads")) as running:
        yield running


@pytest.fixture
def banner(server: Server, stub: StubServer) -> str:
    """The document of ``/ad`` for a visitor of its own. The stub stands before the server: it gives the document as
    ``/banner``, and hands on what the document asks for."""
    server.client.cookies.clear()
    seen = server.client.get("/pixel.gif", params={"a": "acme", "e": "view_item", "p": "SKU1"})
    answer = server.client.get("/ad", params={"placement": "daily-rectangle"}, headers={"Cookie": cookie_of(seen)})
    assert answer.status_code == 200, answer.headers
    stub.requests.clear()
    for path in set(re.findall(stub.url("ads") + r"(/[^\s\"'()<>]+)", answer.text)):
        stub.answers[path] = lambda request: from_server(server, request.path)
    named = {"Content-Security-Policy": answer.headers["content-security-policy"]}
    stub.answers["/banner"] = Answer(answer.content, answer.headers["content-type"], headers=named)
    return answer.text


def from_server(server: Server, path: str) -> Answer:
    given = server.client.get(path, headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0"})
    named = {name: given.headers[name] for name in ("location", "x-adserver-reason") if name in given.headers}
    assert "x-adserver-reason" not in named, named
    named["Access-Control-Allow-Origin"] = given.headers.get("access-control-allow-origin", "null")
    return Answer(given.content, given.headers.get("content-type", ""), given.status_code, named)


def sandboxed(stub: StubServer, document: str) -> str:
    """A plain frame of the ad server, as the docs have it."""
    return f'<iframe sandbox="{SANDBOX}" src="{stub.url("ads", "/banner")}" {SIZE}></iframe>'


def srcdoc(stub: StubServer, document: str) -> str:
    """An opaque origin that was given the document itself: slot.js, Prebid's renderers."""
    return f'<iframe sandbox="{SANDBOX}" srcdoc="{html.escape(document)}" {SIZE}></iframe>'


def friendly(stub: StubServer, document: str) -> str:
    """A frame of the page's own origin, written into: Prebid and older ad servers."""
    written = json.dumps(document).replace("</", "<\\/")
    return f"""<iframe id="own" {SIZE}></iframe><script>var inner = document.getElementById('own').contentDocument;
    inner.open(); inner.write({written}); inner.close();</script>"""


def safeframe(stub: StubServer, document: str) -> str:
    """A SafeFrame whose creative is the document."""
    named = html.escape(json.dumps({"html": document}))
    return f'<iframe sandbox="{SCRIPTS}" name="{named}" src="{stub.url("safeframe", "/renderer")}" {SIZE}></iframe>'


def ad_manager(stub: StubServer, document: str) -> str:
    """A SafeFrame whose creative is our frame: the third-party creative of the docs."""
    return safeframe(stub, f'<iframe src="{stub.url("ads", "/banner")}" {SIZE} style="border:0"></iframe>')


HOSTS = {make.__name__: make for make in (sandboxed, srcdoc, friendly, safeframe, ad_manager)}


def inside(page: Page, host: str) -> FrameLocator:
    outer = page.frame_locator("iframe")
    return outer.frame_locator("iframe") if host == "ad_manager" else outer


@pytest.mark.parametrize("host", HOSTS)
def test_the_banner_works_inside(stub: StubServer, tab: Tab, banner: str, host: str) -> None:
    stub.page("/story", "<p>text</p>" + HOSTS[host](stub, banner))
    asked: list[str] = []
    tab.page.context.on("request", lambda request: asked.append(request.url))
    page = tab.open(stub.url("news", "/story"))
    document = inside(page, host)
    tile = document.locator(".tile").first
    assert tile.is_visible()
    box = document.locator("body").bounding_box()
    assert box is not None
    assert (round(box["width"]), round(box["height"])) == (300, 250)
    with page.context.expect_page() as opened:
        tile.click()
    opened.value.wait_for_url("**/p/SKU1*")
    assert opened.value.inner_text("h1") == "The shop"
    assert page.url == stub.url("news", "/story")
    tab.quiet_for(100)
    counted = [request.path[:3] for request in stub.requests if request.path[:3] in {"/i/", "/c/"}]
    assert sorted(counted) == ["/c/", "/i/"]
    assert {urlsplit(url).port for url in asked if url.startswith("http")} == {stub.port}
    # A policy in a document that is written into the body of another one comes too late: see docs/slot.md.
    said = [
        line for line in tab.console if "Blocked script execution" not in line and "outside the document" not in line
    ]
    assert said == []
    assert len([line for line in tab.console if "outside the document" in line]) == (host == "safeframe")
