"""A picture and its link: tied by visitor, placement and cachebuster, while clicks count, and never too many."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest

from adserver.storage.interfaces import StoreUnavailable, Tied
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.hot import HotValkey
from adserver.storage.valkey.library import Library
from adserver.storage.valkey.route import route_to
from adserver.storage.valkey.ties import MOST_OF_VISITOR, ValkeyTies
from tests.contract.hot_link import hot_to

pytest_plugins = ["tests.contract.valkey_server", "tests.contract.redis_server"]
pytestmark = pytest.mark.anyio

NOW = 1_790_000_000
CLICK = "5gmsE4pUAEG8wZ" * 20
WHO = pytest.mark.parametrize("visitor", ["v1", ""], ids=["visitor", "stranger"])


@pytest.fixture(params=["valkey", "redis"])
def valkey_url(request: pytest.FixtureRequest, valkey_url: str) -> str:
    return valkey_url if request.param == "valkey" else str(request.getfixturevalue("redis_url"))


@pytest.fixture
async def hot(valkey_url: str, valkey: Valkey) -> AsyncIterator[HotValkey]:
    async with hot_to(valkey_url) as hot:
        yield hot


@WHO
async def test_the_last_one_is_found(hot: HotValkey, visitor: str) -> None:
    ties = ValkeyTies(hot, ttl_s=60)
    assert await ties.tied(visitor, "p", "cb", NOW) is None
    await ties.tie(visitor, "p", "cb", "old", NOW)
    await ties.tie(visitor, "p", "cb", CLICK, NOW + 1)
    assert await ties.tied(visitor, "p", "cb", NOW + 1) == Tied(CLICK, NOW + 1)


@WHO
async def test_all_three_have_to_be_the_same(hot: HotValkey, visitor: str) -> None:
    ties = ValkeyTies(hot, ttl_s=60, shelves=1)
    await ties.tie(visitor, "p", "cb", CLICK, NOW)
    for other in (("" if visitor else "v1", "p", "cb"), ("v2", "p", "cb"), ("v1p", "", "cb")):
        assert await ties.tied(*other, NOW) is None
    for placement, cachebuster in (("q", "cb"), ("p", "cb2"), ("pc", "b")):
        assert await ties.tied(visitor, placement, cachebuster, NOW) is None


@WHO
async def test_it_is_good_as_long_as_clicks_count(hot: HotValkey, valkey: Valkey, visitor: str) -> None:
    """Also where the shelf lives on, because others are tied there."""
    ties = ValkeyTies(hot, ttl_s=86_400, shelves=1)
    await ties.tie(visitor, "p", "cb", CLICK, NOW)
    await ties.tie(visitor, "p", "later", CLICK, NOW + 80_000)
    assert await ties.tied(visitor, "p", "cb", NOW + 86_399) is not None
    assert await ties.tied(visitor, "p", "cb", NOW + 86_400) is None
    assert await ties.tied(visitor, "p", "later", NOW + 86_400) is not None
    for key in cast("list[bytes]", await valkey.redis.keys("*")):
        assert key.startswith(b"t:{")
        assert 86_300 < await valkey.redis.ttl(key) <= 86_400


async def test_a_visitor_has_one_key_however_many_pictures_it_asks_for(hot: HotValkey, valkey: Valkey) -> None:
    ties = ValkeyTies(hot, ttl_s=60)
    for number in range(MOST_OF_VISITOR + 8):
        await ties.tie("v" * 22, "p" * 64, f"cb{number}", CLICK, NOW)
    (key,) = cast("list[bytes]", await valkey.redis.keys("*"))
    assert await valkey.redis.llen(key.decode()) == MOST_OF_VISITOR
    assert await ties.tied("v" * 22, "p" * 64, "cb7", NOW) is None
    assert await ties.tied("v" * 22, "p" * 64, "cb8", NOW) == Tied(CLICK, NOW)


async def test_strangers_never_take_more_than_their_shelves(hot: HotValkey, valkey: Valkey) -> None:
    """However many cachebusters somebody makes up."""
    ties = ValkeyTies(hot, ttl_s=60, shelves=4, most_on_shelf=50)
    sizes = []
    for flood in range(4):
        for first in range(0, 500, 100):
            await asyncio.gather(*[ties.tie("", "p", f"{flood}-{first + n}", CLICK, NOW) for n in range(100)])
        names = cast("list[bytes]", await valkey.redis.keys("*"))
        assert len(names) == 4 + 1  # what they are tied to is there once
        sizes.append(sum([cast("int", await valkey.redis.memory_usage(name)) for name in names]))
    assert max(sizes) < min(sizes) + 100  # the allocator rounds
    assert await ties.tied("", "p", "3-499", NOW) == Tied(CLICK, NOW)
    assert await ties.tied("", "p", "0-0", NOW) is None


async def test_a_stranger_costs_a_few_bytes(hot: HotValkey, valkey: Valkey) -> None:
    ties = ValkeyTies(hot, ttl_s=60, shelves=1)
    for first in range(0, 1_000, 100):
        await asyncio.gather(*[ties.tie("", "p", f"{first + n}", CLICK, NOW) for n in range(100)])
    names = cast("list[bytes]", await valkey.redis.keys("*"))
    sizes = [cast("int", await valkey.redis.memory_usage(name, samples=0)) for name in names]
    assert sum(sizes) < 32 * 1_000


async def test_of_each_placement_others_know_nothing(hot: HotValkey) -> None:
    ties = ValkeyTies(hot, ttl_s=60, shelves=2, most_on_shelf=3)
    await ties.tie("", "mine", "cb", CLICK, NOW)
    for number in range(50):
        await ties.tie("", "flooded", f"{number}", "another", NOW)
    assert await ties.tied("", "mine", "cb", NOW) == Tied(CLICK, NOW)


async def test_a_store_that_is_not_there() -> None:
    library = Library()
    hot = HotValkey(route_to("unix:///nowhere/valkey.sock", library), library)
    ties = ValkeyTies(hot, ttl_s=60)
    for visitor in ("v", ""):
        with pytest.raises(StoreUnavailable):
            await ties.tie(visitor, "p", "cb", CLICK, NOW)
        with pytest.raises(StoreUnavailable):
            await ties.tied(visitor, "p", "cb", NOW)
    await hot.close()
