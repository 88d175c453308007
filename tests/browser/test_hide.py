"""The why page with nothing but a keyboard: from the banner's link to a product that does not come back."""

import pytest
from playwright.sync_api import Page

from tests.browser.browsers import running_chromium
from tests.http.conftest import products_in, wire_to
from tests.http.test_why import why_in
from tests.journeys.inside import quick_server
from tests.server import feed_xml

pytestmark = pytest.mark.browser


def focused(page: Page) -> str:
    """The name of what has the focus."""
    return str(page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.innerText"))


def test_hidden_and_back_by_keyboard() -> None:
    with quick_server(feed=feed_xml(["SKU1", "SKU2"])) as server, running_chromium() as browser:
        wire = wire_to(server)
        cookie = wire.view("SKU1")
        wire.view("SKU2", cookie=cookie)
        ad = wire.ad(cookie)
        assert products_in(ad.text) == ["Product SKU2", "Product SKU1"]
        context = browser.new_context(locale="de-DE")
        name, _, value = cookie.partition("=")
        context.add_cookies([{"name": name, "value": value, "url": server.base_url}])
        page = context.new_page()
        page.goto(server.base_url + why_in(ad) + "#hide")
        page.keyboard.press("Tab")
        assert focused(page) == "Produkt ausblenden: Product SKU2", "the link leads to the first button"
        with page.expect_navigation(url="**#hide"):
            page.keyboard.press("Enter")
        assert page.get_by_text("Ausgeblendet: Sie sehen es nicht wieder.").count() == 1
        assert products_in(wire.ad(cookie).text) == ["Product SKU1"]
        page.keyboard.press("Tab")
        assert focused(page) == "Wieder anzeigen: Product SKU2"
        with page.expect_navigation(url="**#hide"):
            page.keyboard.press("Space")
        assert products_in(wire.ad(cookie).text) == ["Product SKU2", "Product SKU1"]
        context.close()
