"""What a visitor has hidden: bounded, with the visitor's key, and only of one that is known."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest

from adserver.storage.valkey import keys
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.visitors import MAX_ENTRIES, MAX_HIDDEN, ValkeyVisitors
from tests.contract.hot_link import hot_to
from tests.contract.test_valkey_visitors import ANNA, NEW_S, NOW, RETENTION_S, view

pytest_plugins = ["tests.contract.valkey_server", "tests.contract.redis_server"]
pytestmark = pytest.mark.anyio

BERTA = "bertabertabertabertabe"


@pytest.fixture(params=["valkey", "redis"])
def valkey_url(request: pytest.FixtureRequest, valkey_url: str) -> str:
    return valkey_url if request.param == "valkey" else str(request.getfixturevalue("redis_url"))


@pytest.fixture
async def visitors(valkey_url: str, valkey: Valkey) -> AsyncIterator[ValkeyVisitors]:
    async with hot_to(valkey_url) as hot:
        visitors = ValkeyVisitors(hot, retention_s=RETENTION_S, new_visitor_s=NEW_S)
        await visitors.record_event(ANNA, view("A"), NOW, returning=True)
        yield visitors


async def hidden(visitors: ValkeyVisitors, ref: int = 7) -> set[str]:
    found = (await visitors.read_visitor(ANNA, NOW)).hidden
    return set(found.get(ref, ()))


async def test_a_product_goes_by_its_group_and_its_own_name(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    assert await visitors.hide(ANNA, 7, "A", NOW)
    assert await visitors.hide(ANNA, 7, "B-40", NOW, "B")
    assert await visitors.hide(ANNA, 8, "a:b é\N{TEST TUBE}", NOW)
    assert await hidden(visitors) == {"A", "B", "B-40"}
    assert await hidden(visitors, 8) == {"a:b é\N{TEST TUBE}"}
    assert await hidden(visitors, 9) == set()
    fields = cast("list[bytes]", await valkey.redis.hkeys(keys.visitor(ANNA)))
    assert {field for field in fields if field.startswith(b"h7")} == {b"h7:A", b"h7:B"}


async def test_shown_again_however_it_was_hidden(visitors: ValkeyVisitors) -> None:
    await visitors.hide(ANNA, 7, "B-40", NOW)  # its group was not known then
    await visitors.hide(ANNA, 7, "B-41", NOW, "B")
    await visitors.hide(ANNA, 7, "A", NOW)
    await visitors.unhide(ANNA, 7, "B-40", "B")
    assert await hidden(visitors) == {"A"}
    for _ in range(2):
        await visitors.unhide(ANNA, 7, "A")
        assert await hidden(visitors) == set()


async def test_nothing_is_written_of_an_unknown_visitor(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    assert not await visitors.hide(BERTA, 7, "A", NOW)
    await visitors.unhide(BERTA, 7, "A")
    assert not await valkey.redis.exists(keys.visitor(BERTA))


async def test_the_newest_are_kept_and_the_one_just_hidden_is_among_them(visitors: ValkeyVisitors) -> None:
    for number in range(MAX_HIDDEN):
        await visitors.hide(ANNA, number % 3 + 1, f"P{number}", NOW + number)
    await visitors.hide(ANNA, 1, "P0", NOW + 1_000)  # once more: it is the newest now, and nothing is forgotten
    assert sum([len(await hidden(visitors, ref)) for ref in (1, 2, 3)]) == MAX_HIDDEN
    await visitors.hide(ANNA, 7, "Q", NOW - 1_000)  # by a clock that is behind
    assert await hidden(visitors) == {"Q"}
    assert "P1" not in await hidden(visitors, 2)
    assert {"P0", "P3"} <= await hidden(visitors, 1)


async def test_many_at_once_never_pass_the_bound(visitors: ValkeyVisitors, valkey: Valkey) -> None:
    await asyncio.gather(*[visitors.hide(ANNA, 7, f"P{number}", NOW + number % 7) for number in range(4 * MAX_HIDDEN)])
    assert len(await hidden(visitors)) == MAX_HIDDEN
    assert len(await valkey.redis.hkeys(keys.visitor(ANNA))) == MAX_HIDDEN + 2, "the view, and the newest time"


async def test_it_lives_as_long_as_the_visitor_and_outlives_any_flood_of_views(
    visitors: ValkeyVisitors, valkey: Valkey
) -> None:
    await valkey.redis.expire(keys.visitor(ANNA), 1_000)
    await visitors.hide(ANNA, 7, "A", NOW)
    assert 990 <= await valkey.redis.ttl(keys.visitor(ANNA)) <= 1_000
    for number in range(MAX_ENTRIES + 20):
        await visitors.record_event(ANNA, view(f"V{number}"), NOW + number, returning=True)
    assert await hidden(visitors) == {"A"}
