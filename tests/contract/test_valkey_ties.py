"""A picture and its link: tied by visitor, placement and cachebuster, for as long as clicks count."""

from collections.abc import AsyncIterator
from typing import cast

import pytest

from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.hot import HotValkey
from adserver.storage.valkey.library import Library
from adserver.storage.valkey.route import route_to
from adserver.storage.valkey.ties import ValkeyTies
from tests.contract.hot_link import hot_to

pytest_plugins = ["tests.contract.valkey_server", "tests.contract.redis_server"]
pytestmark = pytest.mark.anyio

URL = "https://ads.example/c/AQ"


@pytest.fixture(params=["valkey", "redis"])
def valkey_url(request: pytest.FixtureRequest, valkey_url: str) -> str:
    return valkey_url if request.param == "valkey" else str(request.getfixturevalue("redis_url"))


@pytest.fixture
async def hot(valkey_url: str, valkey: Valkey) -> AsyncIterator[HotValkey]:
    async with hot_to(valkey_url) as hot:
        yield hot


async def test_the_last_one_is_found(hot: HotValkey) -> None:
    ties = ValkeyTies(hot, ttl_s=60)
    assert await ties.tied("v1", "p", "cb") == ""
    await ties.tie("v1", "p", "cb", "https://ads.example/c/old")
    await ties.tie("v1", "p", "cb", URL)
    assert await ties.tied("v1", "p", "cb") == URL


async def test_all_three_have_to_be_the_same(hot: HotValkey) -> None:
    ties = ValkeyTies(hot, ttl_s=60)
    await ties.tie("v1", "p", "cb", URL)
    for other in (("", "p", "cb"), ("v2", "p", "cb"), ("v1", "q", "cb"), ("v1", "p", "cb2"), ("v1p", "", "cb")):
        assert await ties.tied(*other) == ""


async def test_each_key_is_small_and_lives_as_long_as_its_clicks(hot: HotValkey, valkey: Valkey) -> None:
    await ValkeyTies(hot, ttl_s=86_400).tie("v" * 22, "p" * 64, "\N{EURO SIGN}" * 128, URL)
    (key,) = cast("list[bytes]", await valkey.redis.keys("*"))
    assert len(key) == len("t:{}") + 32
    assert key.startswith(b"t:{")
    assert 86_300 < await valkey.redis.ttl(key) <= 86_400
    assert cast("int", await valkey.redis.memory_usage(key)) < 250


async def test_a_store_that_is_not_there() -> None:
    library = Library()
    hot = HotValkey(route_to("unix:///nowhere/valkey.sock", library), library)
    ties = ValkeyTies(hot, ttl_s=60)
    with pytest.raises(StoreUnavailable):
        await ties.tie("v", "p", "cb", URL)
    with pytest.raises(StoreUnavailable):
        await ties.tied("v", "p", "cb")
    await hot.close()
