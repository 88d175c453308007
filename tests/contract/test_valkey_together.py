"""Calls of one turn of the loop, as one call: each gets its own answer, whatever becomes of the others."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import cast

import pytest
from redis import Redis

from adserver.storage.interfaces import StoreTimeout, StoreUnavailable
from adserver.storage.valkey.hot import HotValkey
from adserver.storage.valkey.library import Library
from adserver.storage.valkey.route import route_to
from adserver.storage.valkey.together import MAX_WAITING, MOST, MOST_ARGUMENTS
from tests.contract.eventually import eventually
from tests.contract.valkey_process import ValkeyProcess, free_port

pytest_plugins = ["tests.contract.leftovers"]
pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("nothing_left")]

TIMEOUT_S = 0.5


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """The loop that workers run on."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ValkeyProcess]:
    process = ValkeyProcess(tmp_path).start()
    yield process
    process.send(signal.SIGCONT)
    process.kill()


@pytest.fixture
async def hot(server: ValkeyProcess) -> AsyncIterator[HotValkey]:
    library = Library()
    valkey = HotValkey(route_to(server.url(), library), library, timeout_s=TIMEOUT_S)
    await valkey.up()
    yield valkey
    await valkey.close()


def view(hot: HotValkey, visitor: str, product: str, now: int = 1_000) -> Awaitable[object]:
    return hot.call("record_event", f"u:{{{visitor}}}", now, 3_600, 1, 256, b"d", 7, "v", product)


async def outcomes(*calls: Awaitable[object]) -> list[object]:
    return cast("list[object]", await asyncio.gather(*calls, return_exceptions=True))


def calls_of(redis: "Redis") -> int:
    return int(cast("dict[str, dict[str, int]]", redis.info("commandstats")).get("cmdstat_fcall", {}).get("calls", 0))


async def test_one_call_for_all_of_a_turn(hot: HotValkey, server: ValkeyProcess) -> None:
    with server.client() as redis:
        answers = await outcomes(*[view(hot, f"v{number}", "SKU") for number in range(20)])
        assert answers == [3] * 20  # time, receipt and product: each is new
        assert calls_of(redis) == 1
        assert await outcomes(*[view(hot, f"v{number}", "SKU") for number in range(20)]) == [0] * 20
        assert calls_of(redis) == 2
        assert redis.hget("u:{v3}", "v7:SKU") == str(1_001 + 2**29).encode()


async def test_the_same_visitor_twice_in_a_turn_is_written_in_order(hot: HotValkey, server: ValkeyProcess) -> None:
    await outcomes(*[view(hot, "anna", f"SKU{number}") for number in range(5)])
    with server.client() as redis:
        times = [int(cast("bytes", redis.hget("u:{anna}", f"v7:SKU{number}"))) for number in range(5)]
        assert times == [1_000, 1_001, 1_002, 1_003, 1_004]
        assert calls_of(redis) == 1


async def test_more_than_go_together_go_one_after_the_other(hot: HotValkey, server: ValkeyProcess) -> None:
    answers = await outcomes(*[view(hot, f"v{number}", "SKU") for number in range(2 * MOST + 1)])
    assert answers == [3] * (2 * MOST + 1)
    with server.client() as redis:
        assert calls_of(redis) == 3


async def test_events_with_many_products_count_for_several(hot: HotValkey, server: ValkeyProcess) -> None:
    products = [f"SKU{number}" for number in range(20)]
    calls = [
        hot.call("record_event", f"u:{{v{n}}}", 1_000, 3_600, 1, 256, b"d", 7, "v", *products) for n in range(MOST)
    ]
    assert await outcomes(*calls) == [22] * MOST
    with server.client() as redis:
        assert calls_of(redis) == -(-MOST // -(-MOST_ARGUMENTS // (1 + 7 + 20)))


async def test_what_fails_for_one_fails_for_nobody_else(hot: HotValkey, server: ValkeyProcess) -> None:
    with server.client() as redis:
        redis.set("u:{odd}", "no hash")
        before, odd, behind = await outcomes(view(hot, "a", "SKU"), view(hot, "odd", "SKU"), view(hot, "b", "SKU"))
        assert (before, behind) == (3, 3)
        assert isinstance(odd, StoreUnavailable)
        assert odd.lasting
        assert "WRONGTYPE" in str(odd)
        assert redis.get("u:{odd}") == b"no hash"
    words = hot.call("record_event", "u:{c}", "no number", 3_600, 1, 256, b"d", 7, "v", "SKU")
    wrong, right = await outcomes(words, view(hot, "d", "SKU"))
    assert isinstance(wrong, StoreUnavailable)
    assert (wrong.lasting, right) == (True, 3)


async def test_who_gives_up_takes_nobody_along(hot: HotValkey, server: ValkeyProcess) -> None:
    calls = [asyncio.ensure_future(view(hot, f"v{number}", "SKU")) for number in range(3)]
    calls[1].cancel()
    assert await calls[0] == 3
    assert await calls[2] == 3
    with server.client() as redis:
        assert redis.exists("u:{v1}")  # it was under way


async def test_the_library_is_loaded_again(hot: HotValkey, server: ValkeyProcess) -> None:
    with server.client() as redis:
        redis.function_flush()
        assert await outcomes(*[view(hot, f"v{number}", "SKU") for number in range(3)]) == [3, 3, 3]


async def test_a_refusal_of_all_is_told_to_each(hot: HotValkey, server: ValkeyProcess) -> None:
    with server.client() as redis:
        redis.config_set("maxmemory", 1)
        found = await outcomes(*[view(hot, f"v{number}", "SKU") for number in range(3)])
        redis.config_set("maxmemory", 0)
    assert [(type(error), str(error)) for error in found] == [(StoreUnavailable, "Valkey refused: OOM")] * 3
    assert len({id(error) for error in found}) == 3  # raised by each, with a traceback of his own
    assert not any(cast("StoreUnavailable", error).ambiguous for error in found)


async def test_a_server_that_is_silent(hot: HotValkey, server: ValkeyProcess) -> None:
    server.send(signal.SIGSTOP)
    found = await outcomes(*[view(hot, f"v{number}", "SKU") for number in range(3)])
    server.send(signal.SIGCONT)
    assert [type(error) for error in found] == [StoreTimeout] * 3
    assert all(cast("StoreUnavailable", error).ambiguous for error in found)


async def test_a_server_that_dies(hot: HotValkey, server: ValkeyProcess) -> None:
    server.send(signal.SIGSTOP)
    sent = [asyncio.ensure_future(view(hot, f"v{number}", "SKU")) for number in range(3)]
    await asyncio.sleep(0)  # the turn is over: they are under way
    await asyncio.sleep(0)
    server.kill()
    found = await outcomes(*sent)
    assert all(isinstance(error, StoreUnavailable) and error.ambiguous for error in found)
    with pytest.raises(StoreUnavailable) as refusal:  # here, and not only when it is awaited
        view(hot, "v", "SKU")
    assert not refusal.value.ambiguous


async def test_the_number_of_those_that_wait_is_bounded(hot: HotValkey, server: ValkeyProcess) -> None:
    server.send(signal.SIGSTOP)
    waiting = [view(hot, f"v{number}", "SKU") for number in range(MAX_WAITING)]
    with pytest.raises(StoreUnavailable, match="too many calls") as refusal:
        view(hot, "one more", "SKU")
    assert not refusal.value.ambiguous
    server.send(signal.SIGCONT)
    await outcomes(*waiting)
    assert await view(hot, "one more", "SKU") == 3


async def test_what_can_not_be_sent_stops_nothing_else(hot: HotValkey) -> None:
    before, broken, behind = view(hot, "v1", "SKU"), view(hot, "v2", "\ud800"), view(hot, "v3", "SKU")
    beside = hot.command("GET", "key")
    with pytest.raises(StoreUnavailable, match="can not be sent") as refusal:
        await broken
    assert not refusal.value.ambiguous
    assert await outcomes(before, behind, beside) == [3, 3, None]
    with pytest.raises(StoreUnavailable, match="can not be sent"):  # alone in its turn
        await view(hot, "v4", "\ud800")
    assert await view(hot, "v2", "SKU") == 3


async def test_not_on_a_cluster(tmp_path: Path) -> None:
    server = ValkeyProcess(tmp_path, cluster_enabled="yes", cluster_port=str(free_port())).start()
    library = Library()
    hot = HotValkey(route_to(server.url(), library), library, timeout_s=10)
    try:
        with server.client() as redis:
            redis.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16_383)
            await eventually(
                lambda: "cluster_state:ok" in str(redis.execute_command("CLUSTER", "INFO")), what="a cluster"
            )
            await hot.up()
            assert await outcomes(*[view(hot, f"v{number}", "SKU") for number in range(5)]) == [3] * 5
            assert calls_of(redis) == 5  # each of these keys may be on another node
    finally:
        await hot.close()
        server.kill()
