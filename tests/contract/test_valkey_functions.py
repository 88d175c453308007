"""The function library and the connections under it."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator
from typing import cast

import pytest

from adserver.model.account import Advertiser
from adserver.model.event import Event
from adserver.model.event_name import EventName
from adserver.model.profile import Claim, Count
from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.valkey import keys
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.hot import HotValkey
from adserver.storage.valkey.library import Library
from adserver.storage.valkey.visitors import ValkeyVisitors
from tests.contract.hot_link import hot_to

pytest_plugins = ["tests.contract.valkey_server", "tests.contract.redis_server"]
pytestmark = pytest.mark.anyio

BATCHES = (keys.EVENTS, keys.batch_marker("w1"))


OTHER = """#!lua name=adserver_0ther000
redis.register_function('bill_0ther000', function(keys, args) return 'the other version' end)
"""


@pytest.fixture(params=["valkey", "redis"])
def valkey_url(request: pytest.FixtureRequest, valkey_url: str) -> str:
    return valkey_url if request.param == "valkey" else str(request.getfixturevalue("redis_url"))


@pytest.fixture
async def hot(valkey_url: str, valkey: Valkey) -> AsyncIterator[HotValkey]:
    async with hot_to(valkey_url) as hot:
        yield hot


async def test_two_versions_live_side_by_side(valkey: Valkey) -> None:
    await valkey.redis.function_load(OTHER)
    await valkey.load_functions()
    await valkey.load_functions()
    assert await valkey.call("bill", "b:{1}", "x", 60) == 1
    assert await valkey.redis.fcall("bill_0ther000", 1, "b:{1}") == b"the other version"
    assert len(await valkey.redis.function_list()) == 2


@pytest.mark.parametrize("how", ["function_flush", "flushall"])
async def test_calls_go_on_when_everything_was_flushed(valkey: Valkey, how: str) -> None:
    await getattr(valkey.redis, how)()
    assert await valkey.call("bill", "b:{1}", "x", 60) == 1


async def test_many_at_once_find_an_empty_server(valkey: Valkey) -> None:
    await valkey.redis.function_flush("SYNC")
    billed = await asyncio.gather(*(valkey.call("bill", "b:{1}", "x", 60) for _ in range(50)))
    assert billed.count(1) == 1


async def test_a_function_that_does_not_exist_is_not_loaded_for_ever(valkey: Valkey) -> None:
    with pytest.raises(StoreUnavailable):
        await valkey.call("nonsense", "k")


async def test_more_callers_than_connections(valkey_url: str, valkey: Valkey) -> None:
    few = Valkey(valkey_url, max_connections=2)
    try:
        billed = await asyncio.gather(*(few.call("bill", f"b:{{{n}}}", "x", 60) for n in range(500)))
        assert billed == [1] * 500
    finally:
        await few.close()


async def test_a_thousand_cancelled_calls_never_give_anothers_reply(valkey_url: str, valkey: Valkey) -> None:
    dice = random.Random(11)
    few = Valkey(valkey_url, max_connections=8)
    cancelled = 0

    async def echo(number: int) -> bytes:
        reply = await few.redis.echo(f"reply {number}")
        assert isinstance(reply, bytes)
        return reply

    async def given_up(number: int) -> None:
        nonlocal cancelled
        task = asyncio.create_task(echo(number))
        for _ in range(dice.randrange(12)):
            await asyncio.sleep(0)
        if task.cancel():
            cancelled += 1
        (result,) = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(result, asyncio.CancelledError) or result == f"reply {number}".encode()

    try:
        number = 0
        while cancelled < 1_000:
            batch = range(number, number + 40)
            number += 40
            kept = [asyncio.create_task(echo(n)) for n in batch if n % 2]
            await asyncio.gather(*(given_up(n) for n in batch if not n % 2))
            assert await asyncio.gather(*kept) == [f"reply {n}".encode() for n in batch if n % 2]
    finally:
        await few.close()


async def test_a_late_reply_is_never_taken_for_another_calls(valkey_url: str, valkey: Valkey) -> None:
    hasty = Valkey(valkey_url, max_connections=1, timeout_s=0.1)
    try:
        await hasty.ping()
        await valkey.redis.client_pause(60_000, all=False)
        with pytest.raises(StoreUnavailable, match=r"^Valkey did not answer: \w+$"):
            await hasty.call("bill", "b:{late}", "x", 60)
        await valkey.redis.client_unpause()
        assert await hasty.redis.echo("mine") == b"mine"
    finally:
        await valkey.redis.client_unpause()
        await hasty.close()


async def test_a_wrong_password_is_said_so(valkey_url: str, valkey: Valkey) -> None:
    await valkey.redis.config_set("requirepass", "s3cret-of-the-operator")
    strangers = [Valkey(valkey_url), Valkey(valkey_url.replace("unix://", "unix://:wrong@"))]
    try:
        for stranger in strangers:
            with pytest.raises(StoreUnavailable, match="refused the user name or password"):
                await stranger.ping()
    finally:
        await valkey.redis.execute_command("AUTH", "s3cret-of-the-operator")
        await valkey.redis.config_set("requirepass", "")
        for stranger in strangers:
            await stranger.close()


async def test_nobody_there_is_said_without_the_address() -> None:
    nobody = Valkey("redis://:pa55word@127.0.0.1:1/0")
    with pytest.raises(StoreUnavailable) as caught:
        await nobody.ping()
    await nobody.close()
    assert "pa55word" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)


class Next(Library):
    """The next version of the server's library: it differs in a comment."""

    def __init__(self) -> None:
        this = Library()
        self.version = hashlib.sha256(b"next" + this.version.encode()).hexdigest()[:8]
        self.source = this.source.replace(this.version, self.version) + "-- the next version\n"


async def test_two_versions_serve_one_visitor_at_once(valkey_url: str, valkey: Valkey) -> None:
    async with hot_to(valkey_url) as this, hot_to(valkey_url, Next()) as following:
        assert len(await valkey.redis.function_list()) == 2
        versions = [this, following]
        visitors = [ValkeyVisitors(version, retention_s=86_400, new_visitor_s=60) for version in versions]
        shop = Advertiser(id="shop", name="Shop", domains=("shop.test",), currency="EUR", locale="de_DE", ref=7)
        views = [Event(name=EventName.VIEW_ITEM, advertiser=shop, products=(f"p{n}",)) for n in range(100)]
        await asyncio.gather(
            *(visitors[n % 2].record_event("anna", view, 1_790_000_000, returning=True) for n, view in enumerate(views))
        )
        for known in visitors:
            viewed = (await known.read_visitor("anna", 1_790_000_000)).shopping[7].viewed
            assert len(viewed) == len(set(viewed.values())) == 100
        claims = [Claim((Count("f1", ((5, 3_600), (9, 86_400))),))]
        reserved = await asyncio.gather(*(visitors[n % 2].reserve("anna", claims, 1_790_000_000) for n in range(40)))
        places = [one.place for one in reserved]
        assert (places.count(0), places.count(-1)) == (5, 35)
        billed = await asyncio.gather(
            *(versions[n % 2].call("bill", keys.billed("d"), "click", 60, "") for n in range(40))
        )
        assert billed.count(1) == 1
        appended = [await versions[n % 2].call("append_events", BATCHES, n // 2, b"x", 100, 60) for n in range(2, 8)]
        assert appended == [1, 0] * 3


async def batches(valkey: Valkey) -> list[bytes]:
    entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", await valkey.redis.xrange(keys.EVENTS))
    return [fields[b"b"] for _, fields in entries]


async def test_a_batch_is_appended_once_however_often_it_is_sent(hot: HotValkey, valkey: Valkey) -> None:
    other = (keys.EVENTS, keys.batch_marker("w2"))
    sent = [(1, b"one"), (1, b"one"), (2, b"\x00two\r\n\xff"), (1, b"one"), (5, b"five"), (4, b"four"), (5, b"five")]
    appended = [await hot.call("append_events", BATCHES, seq, payload, 100, 60) for seq, payload in sent]
    assert appended == [1, 0, 1, 0, 1, 0, 0]
    assert await hot.call("append_events", other, 1, b"another writer", 100, 60) == 1
    assert await batches(valkey) == [b"one", b"\x00two\r\n\xff", b"five", b"another writer"]


async def test_big_numbers_of_batches_are_told_apart(hot: HotValkey) -> None:
    big = 2**53 - 2
    assert [await hot.call("append_events", BATCHES, seq, b"x", 100, 60) for seq in (big, big + 1, big)] == [1, 1, 0]


async def test_of_many_replays_at_once_one_is_appended(hot: HotValkey) -> None:
    appended = await asyncio.gather(*(hot.call("append_events", BATCHES, 7, b"x", 100, 60) for _ in range(50)))
    assert (appended.count(1), appended.count(0)) == (1, 49)


async def test_the_stream_is_bounded_and_the_marker_forgotten(hot: HotValkey, valkey: Valkey) -> None:
    for seq in range(1, 1_001):
        await hot.call("append_events", BATCHES, seq, b"x", 100, 60)
    assert 100 <= await valkey.redis.xlen(keys.EVENTS) < 300
    assert 30 < await valkey.redis.ttl(keys.batch_marker("w1")) <= 60


def test_the_marker_is_in_the_streams_slot() -> None:
    assert [key.partition("{")[2].partition("}")[0] for key in BATCHES] == ["0", "0"]
