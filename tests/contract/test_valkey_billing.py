"""The function ``bill``: counted once, whoever else calls."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from adserver.storage.valkey import keys
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.hot import HotValkey
from tests.contract.hot_link import hot_to

pytest_plugins = ["tests.contract.valkey_server", "tests.contract.redis_server"]
pytestmark = pytest.mark.anyio


@pytest.fixture(params=["valkey", "redis"])
def valkey_url(request: pytest.FixtureRequest, valkey_url: str) -> str:
    return valkey_url if request.param == "valkey" else str(request.getfixturevalue("redis_url"))


@pytest.fixture
async def hot(valkey_url: str, valkey: Valkey) -> AsyncIterator[HotValkey]:
    async with hot_to(valkey_url) as hot:
        yield hot


async def bill(hot: HotValkey, decision: str, item: str, ttl_s: int, claim: str = "") -> bool:
    """A ``claim`` tells one caller from all others: a call that is made again with it is True again."""
    return await hot.call("bill", keys.billed(decision), item, ttl_s, claim) == 1


async def test_of_a_hundred_at_once_exactly_one_is_billed(hot: HotValkey, valkey_url: str) -> None:
    async with hot_to(valkey_url) as other:  # another worker
        callers = [hot, other]
        billed = await asyncio.gather(*(bill(callers[n % 2], "d1", "impression", 60) for n in range(100)))
        assert billed.count(True) == 1


async def test_things_of_one_decision_are_billed_each(hot: HotValkey) -> None:
    items = ["impression:", "click:a", "click:b"]
    assert [await bill(hot, "d1", item, 60) for item in items] == [True, True, True]
    assert [await bill(hot, "d1", item, 60) for item in items] == [False, False, False]
    assert await bill(hot, "d2", "click:a", 60)


async def test_it_is_remembered_as_long_as_the_longest_claim(hot: HotValkey, valkey: Valkey) -> None:
    for ttl, expected in ((60, 60), (3_600, 3_600), (30, 3_600)):
        await bill(hot, "d1", "click", ttl)
        assert expected - 30 < await valkey.redis.ttl(keys.billed("d1")) <= expected


async def test_a_claim_made_again_is_still_the_first(hot: HotValkey) -> None:
    assert [await bill(hot, "d1", "click", 60, claim) for claim in ("a", "b", "a", "", "b")] == [
        True,
        False,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("claim", ["1", "0", "-"])
async def test_no_claim_is_never_anybodys(hot: HotValkey, claim: str) -> None:
    assert await bill(hot, "d1", "click", 60)
    assert not await bill(hot, "d1", "click", 60)
    assert not await bill(hot, "d1", "click", 60, claim)


async def test_of_many_claims_at_once_one_is_billed_however_often_it_asks(hot: HotValkey, valkey_url: str) -> None:
    async with hot_to(valkey_url) as other:
        callers = [hot, other]
        billed = await asyncio.gather(
            *(bill(callers[n // 10 % 2], "d1", "click", 60, f"c{n % 10}") for n in range(100))
        )
        assert sorted(sum(billed[claim::10]) for claim in range(10)) == [0] * 9 + [10]
