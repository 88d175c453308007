"""What a banner weighs when a browser loads it from a real server, and that nothing in it jumps."""

import random
from collections.abc import Iterator

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Request

from adserver.creative.check_weight import MOST_REQUESTS, limit_kb
from adserver.creative.library import load_creatives
from tests.browser.browsers import running_chromium
from tests.browser.design_fixtures import mostly_long
from tests.server import ACCOUNTS, Server, feed_xml, running_server
from tests.shop import encoded, running_shop

pytestmark = pytest.mark.browser

KB = 1_000
CREATIVES = load_creatives()
IDS = [f"SKU{number}" for number in range(1, 7)]

# Chromium counts a shift when something that was painted moves between two frames.
_WATCH = """window.shifts = []; window.wrote = 0;
new PerformanceObserver(list => list.getEntries().forEach(entry => shifts.push(entry.value)))
  .observe({ type: "layout-shift", buffered: true });
for (const name of ["write", "writeln", "open"]) document[name] = () => { wrote++; };"""


def _accounts() -> str:
    """A line item for each design, on placements of its own."""
    base = ACCOUNTS.partition("[line_items")[0]
    parts = [base, '[publishers.daily]\nname = "The Daily"\ndomains = ["news.test"]\n']
    for design, creative in CREATIVES.items():
        names = [f"{design}-{size}" for size in sorted(creative.sizes)]
        parts += [
            f'[line_items.acme-{design}]\ncampaign = "acme-summer"\ncreative = "{design}"\nplacements = {names}\n'
            'offer = { text = "10 % off today", coupon = "BACK10" }\n'.replace("'", '"')
        ]
        parts += [
            f'[placements.{design}-{size}]\npublisher = "daily"\nsize = "{size}"\n' for size in sorted(creative.sizes)
        ]
    return "\n".join(parts)


def _photo(seed: int) -> bytes:
    """A picture that is as heavy as a photograph: many colours, and no plain ground."""
    source = random.Random(seed)
    small = Image.frombytes("RGB", (40, 30), source.randbytes(40 * 30 * 3))
    return encoded(small.resize((1_200, 900), Image.Resampling.BICUBIC))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_shop() as shop:
        for number, product in enumerate(IDS):
            shop.pages[f"/img/{product}.png"] = _photo(number)
        feed = feed_xml(IDS).replace("https://shop.test/i", f"{shop.url}/i")
        with running_server(accounts=_accounts(), feed=feed, ADSERVER_FETCH_ALLOW="127.0.0.1:*") as running:
            yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


def opened_by_a_visitor(chromium: Browser, server: Server) -> Page:
    """Of somebody who has looked at all products, on a screen of two pixels per CSS pixel."""
    page = chromium.new_page(device_scale_factor=2)
    page.add_init_script(_WATCH)
    for product in IDS:
        page.goto(f"{server.base_url}/pixel.gif?a=acme&e=view_item&p={product}")
    return page


@pytest.mark.parametrize("design", mostly_long(sorted(CREATIVES), {"carousel"}))
def test_it_is_light_and_nothing_jumps(chromium: Browser, server: Server, design: str) -> None:
    page = opened_by_a_visitor(chromium, server)
    finished: list[Request] = []

    def note(request: Request) -> None:
        finished.append(request)

    page.on("requestfinished", note)
    page.on("requestfailed", note)
    wrong = []
    for size in sorted(CREATIVES[design].sizes):
        width, height = (320, 480) if size == "fluid" else map(int, size.split("x"))
        page.set_viewport_size({"width": width, "height": height})
        finished.clear()
        page.context.new_cdp_session(page).send("Network.clearBrowserCache")
        page.goto(f"{server.base_url}/ad?placement={design}-{size}", wait_until="load")
        assert page.locator("body").get_attribute("class"), f"{design} {size}: no ad"
        page.evaluate("() => document.fonts.ready.then(() => new Promise(requestAnimationFrame))")
        asked = [request for request in finished if not request.url.endswith("/favicon.ico")]
        sizes = [request.sizes() for request in asked]
        weight = sum(one["responseBodySize"] + one["responseHeadersSize"] for one in sizes)
        foreign = [request.url for request in asked if not request.url.startswith(server.base_url)]
        shifts, wrote = page.evaluate("[shifts, wrote]")
        print(f"{design} {size}: {weight / KB:.1f} kB in {len(asked)} requests")
        wrong += [f"{design} {size}: {weight} bytes"] * (weight > limit_kb(size) * KB)
        wrong += [f"{design} {size}: {len(asked)} requests"] * (len(asked) > MOST_REQUESTS)
        wrong += [f"{design} {size}: layout shifts {shifts}"] * bool(shifts)
        wrong += [f"{design} {size}: document.write"] * bool(wrote)
        wrong += [f"{design} {size}: asks {url}" for url in foreign]
    page.close()
    assert wrong == []
