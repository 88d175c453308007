"""The client of the hot path: reads that wait for nobody, and what it says of a call that was refused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from hiredis import ReplyError

from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.valkey.hot import HotValkey
from adserver.storage.valkey.library import Library
from adserver.storage.valkey.refusal import refusal_of
from adserver.storage.valkey.route import route_to
from tests.contract.eventually import eventually
from tests.contract.valkey_process import ValkeyProcess

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.replica_pair import Pair

pytest_plugins = ["tests.contract.leftovers", "tests.contract.replica_pair"]
pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("nothing_left")]


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """The loop that workers run on."""
    return "asyncio", {"use_uvloop": True}


class Halves(Library):
    """Functions that do what they do, and one that stops after its first write."""

    def __init__(self) -> None:
        self.version = "halves00"
        self.source = """#!lua name=adserver_halves00
redis.register_function('put_halves00', function(keys, args) return redis.call('SET', keys[1], args[1]) end)
redis.register_function('half_halves00', function(keys, args)
  redis.call('SET', keys[1], args[1])
  return redis.call(args[2], keys[1], 'more')
end)
"""


@asynccontextmanager
async def hot_to(url: str, *, replicas: int = 0) -> AsyncIterator[HotValkey]:
    hot = HotValkey(route_to(url, Halves(), replicas=replicas), Halves(), timeout_s=20)
    try:
        await hot.up()
        yield hot
    finally:
        await hot.close()


@asynccontextmanager
async def serving(folder: "Path", **options: str) -> AsyncIterator[ValkeyProcess]:
    server = ValkeyProcess(folder, **options).start()
    try:
        yield server
    finally:
        server.kill()


async def refusal(hot: HotValkey, function: str, *args: str) -> StoreUnavailable:
    with pytest.raises(StoreUnavailable) as caught:
        await hot.call(function, "key", *args)
    return caught.value


async def test_a_missing_replica_stops_writes_and_no_reads(pair: "Pair") -> None:
    async with hot_to(pair.primary.url(), replicas=1) as hot:
        assert await hot.call("put", "key", "1") == b"OK"
        assert await hot.command("GET", "key") == b"1"
        pair.replica.kill()
        writing = asyncio.ensure_future(hot.call("put", "key", "2"))
        await eventually(lambda: _reads(hot, b"2"), what="the write that no replica has")
        assert not writing.done()  # it still waits for a replica, and no read does
        with pytest.raises(StoreUnavailable, match="too few replicas") as loss:
            await writing
        assert loss.value.ambiguous
        await eventually(lambda: "too few replicas" in hot.trouble, what="an attempt that failed")
        assert not (await refusal(hot, "put", "3")).ambiguous
        assert await hot.command("GET", "key") == b"2"
        await asyncio.to_thread(pair.follow_again)
        await eventually(lambda: _writes(hot, "4"), what="a replica that is there again")
        assert await hot.command("GET", "key") == b"4"
        assert hot.trouble == ""


async def _reads(hot: HotValkey, expected: bytes) -> bool:
    return await hot.command("GET", "key") == expected


async def _writes(hot: HotValkey, value: str) -> bool:
    try:
        return await hot.call("put", "key", value) == b"OK"
    except StoreUnavailable:
        return False


async def test_a_replica_that_goes_is_noticed_though_nobody_calls(pair: "Pair") -> None:
    async with hot_to(pair.primary.url(), replicas=1) as hot:
        assert hot.trouble == ""
        pair.replica.kill()
        await eventually(lambda: "too few replicas" in hot.trouble, what="the loss")
        assert await hot.command("EXISTS", "replicated") == 1


async def test_who_has_been_answered_reads_what_he_wrote(pair: "Pair") -> None:
    async def one(hot: HotValkey, caller: int) -> None:
        for number in range(40):
            await hot.call("put", f"key {caller}", str(number))
            assert await hot.command("GET", f"key {caller}") == str(number).encode()

    async with hot_to(pair.primary.url(), replicas=1) as hot:
        await asyncio.gather(*(one(hot, caller) for caller in range(20)))


@pytest.mark.parametrize(("replicas", "connections"), [(0, 1), (1, 2)])
async def test_only_who_waits_for_replicas_needs_a_second_connection(
    pair: "Pair", replicas: int, connections: int
) -> None:
    with pair.primary.client() as client:
        before = {one["id"] for one in client.client_list()}
        async with hot_to(pair.primary.url(), replicas=replicas) as hot:
            assert await _writes(hot, "1")
            assert await _reads(hot, b"1")
            assert len({one["id"] for one in client.client_list()} - before) == connections


@pytest.mark.parametrize(
    ("args", "word"),
    [(("LPUSH",), "WRONGTYPE"), (("NONSENSE",), "ERR"), (("CLIENT",), "ERR")],
    ids=lambda each: each[0],
)
async def test_a_function_that_stopped_may_have_written(tmp_path: "Path", args: tuple[str], word: str) -> None:
    async with serving(tmp_path) as server, hot_to(server.url()) as hot:
        error = await refusal(hot, "half", "written", *args)
        assert str(error) == f"Valkey refused: {word}"
        assert (error.ambiguous, error.lasting) == (True, True)
        assert await hot.command("GET", "key") == b"written"


async def test_what_a_server_refuses_beforehand_is_not_written(tmp_path: "Path") -> None:
    async with serving(tmp_path) as server, hot_to(server.url()) as hot:
        with server.client() as client:
            for setting, value, word in (
                ("maxmemory", "1", "OOM"),
                ("min-replicas-to-write", "1", "NOREPLICAS"),
            ):
                before = client.config_get(setting)[setting]
                client.config_set(setting, value)
                error = await refusal(hot, "put", "x")
                client.config_set(setting, before)
                assert str(error) == f"Valkey refused: {word}"
                assert (error.ambiguous, error.lasting) == (False, False)
            client.replicaof("127.0.0.1", 1)
            assert str(await refusal(hot, "put", "x")) == "Valkey refused: READONLY"
            client.replicaof("NO", "ONE")
        assert await hot.command("EXISTS", "key") == 0


@pytest.mark.parametrize(
    "text",
    [
        *("LOADING Valkey is loading", "BUSY Valkey is busy", "CLUSTERDOWN The cluster is down", "MISCONF Errors"),
        *("MOVED 1 a:1", "ASK 1 a:1", "TRYAGAIN Multiple keys", "MASTERDOWN Link", "NOAUTH Authentication", "NOPERM U"),
        "ERR Function not found",
    ],
)
async def test_what_is_said_before_anything_is_done_is_certain(text: str) -> None:
    error = refusal_of(ReplyError(text))
    assert (error.ambiguous, error.lasting) == (False, False)
    assert str(error) == f"Valkey refused: {text.split(maxsplit=1)[0]}"


async def test_a_library_that_can_not_be_loaded_again_is_told(tmp_path: "Path") -> None:
    async with serving(tmp_path) as server, hot_to(server.url()) as hot:
        with server.client() as client:
            client.function_flush("SYNC")
            client.config_set("maxmemory", "1")
            error = await refusal(hot, "put", "x")
            assert str(error) == "Valkey refused: OOM"  # and not that there is no such function
            assert not error.ambiguous
            client.config_set("maxmemory", "0")
            assert await hot.call("put", "key", "x") == b"OK"
