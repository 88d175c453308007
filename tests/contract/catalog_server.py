"""The clients that tests of catalogs need, in their modules with ``pytest_plugins``, as the server's."""

from collections.abc import AsyncIterator

import pytest

from adserver.storage.valkey.catalogs import ValkeyCatalogs
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.hot import HotValkey
from tests.contract.hot_link import hot_to


@pytest.fixture
async def hot(valkey: Valkey, valkey_url: str) -> AsyncIterator[HotValkey]:
    """The hot path's client of the emptied server."""
    async with hot_to(valkey_url) as client:
        yield client


@pytest.fixture
def catalogs(valkey: Valkey) -> ValkeyCatalogs:
    """Of the emptied server."""
    return ValkeyCatalogs(valkey)
