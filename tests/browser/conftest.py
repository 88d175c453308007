"""What the tests of the tags and of frames share: a Chromium, the ad server's stand-in, and a tab to look at it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.browsers import running_chromium
from tests.browser.slots import running_newspaper
from tests.browser.stub_server import StubServer, Tab, new_tab


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for each module: where Playwright runs, no test can have an event loop of its own."""
    with running_chromium() as running:
        yield running


@pytest.fixture
def stub() -> Iterator[StubServer]:
    """It has an ad for every placement, and takes every pixel."""
    with running_newspaper() as running:
        yield running


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    """With cookies of its own; nothing that happens in it may be an error."""
    with new_tab(browser) as opened:
        yield opened
        opened.page.evaluate("1")
        assert opened.errors == []
