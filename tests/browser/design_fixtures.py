"""What the tests of the designs share: a stage, a Chromium, and all creatives that there are."""

from collections.abc import Iterable, Iterator, Mapping, Set

import pytest
from _pytest.mark import ParameterSet
from playwright.sync_api import Browser, Page

from adserver.creative.creative import Creative
from adserver.creative.library import load_creatives
from tests.browser.design_stage import Stage, chromium_with_our_fonts, opened, running_stage

DESIGNS = sorted(load_creatives())


def mostly_long(names: Iterable[str], everyday: Set[str]) -> list[ParameterSet]:
    """Parameters: all but the ``everyday`` ones are for ``make test-long``."""
    return [pytest.param(name, marks=[] if name in everyday else pytest.mark.long) for name in names]


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """Where pictures and fonts come from."""
    with running_stage() as running:
        yield running


@pytest.fixture(scope="module")
def creatives(stage: Stage) -> Mapping[str, Creative]:
    """All designs, of a server that is the stage."""
    return load_creatives(origin=stage.url)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """With the fonts of this package."""
    with chromium_with_our_fonts() as browser:
        yield browser


@pytest.fixture(scope="module")
def sheet(chromium: Browser, stage: Stage) -> Page:
    """A page for many banners."""
    return opened(chromium, stage, bypass_csp=True)
