"""The function library and the connections under it."""

import asyncio
import random

import pytest

from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.valkey.client import Valkey

pytest_plugins = ["tests.contract.valkey_server"]
pytestmark = pytest.mark.anyio

OTHER = """#!lua name=adserver_0ther000
redis.register_function('bill_0ther000', function(keys, args) return 'the other version' end)
"""


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
        await valkey.redis.execute_command("AUTH", "s3cret-of-the-operator")  # type: ignore[no-untyped-call]
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
