"""The client of the hot path, to one node."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adserver.storage.valkey.address import address_of
from adserver.storage.valkey.hot import HotValkey, OneNode, greeting
from adserver.storage.valkey.library import Library
from adserver.storage.valkey.link import Link


@asynccontextmanager
async def hot_to(url: str, library: Library | None = None) -> AsyncIterator[HotValkey]:
    """A connection of its own, with this version's library or another one."""
    library = library or Library()
    hot = HotValkey(OneNode(Link(address_of(url), greeting=greeting(library))), library)
    await hot.up()
    yield hot
    await hot.close()
