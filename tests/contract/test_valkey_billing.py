"""Counted once, whoever else calls."""

import asyncio

import pytest

from adserver.storage.valkey import keys
from adserver.storage.valkey.billing import ValkeyBilling
from adserver.storage.valkey.client import Valkey

pytest_plugins = ["tests.contract.valkey_server"]
pytestmark = pytest.mark.anyio


async def test_of_a_hundred_at_once_exactly_one_is_billed(valkey: Valkey, valkey_url: str) -> None:
    other = Valkey(valkey_url)  # another worker
    try:
        billings = [ValkeyBilling(valkey), ValkeyBilling(other)]
        billed = await asyncio.gather(*(billings[n % 2].bill("d1", "impression", 60) for n in range(100)))
        assert billed.count(True) == 1
    finally:
        await other.close()


async def test_things_of_one_decision_are_billed_each(valkey: Valkey) -> None:
    billing = ValkeyBilling(valkey)
    items = ["impression:", "click:a", "click:b"]
    assert [await billing.bill("d1", item, 60) for item in items] == [True, True, True]
    assert [await billing.bill("d1", item, 60) for item in items] == [False, False, False]
    assert await billing.bill("d2", "click:a", 60)


async def test_it_is_remembered_as_long_as_the_longest_claim(valkey: Valkey) -> None:
    billing = ValkeyBilling(valkey)
    for ttl, expected in ((60, 60), (3_600, 3_600), (30, 3_600)):
        await billing.bill("d1", "click", ttl)
        assert expected - 30 < await valkey.redis.ttl(keys.billed("d1")) <= expected
