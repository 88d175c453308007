"""The link against a real Valkey: killed, frozen, loading, behind a password, behind TLS, with a replica."""

import asyncio
import logging
import random
import signal
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
import trustme
from redis import Redis

from adserver.storage.interfaces import StoreTimeout, StoreUnavailable
from adserver.storage.valkey import connection as module
from adserver.storage.valkey.address import Address, address_of
from adserver.storage.valkey.connection import Reply
from adserver.storage.valkey.hot import greeting
from adserver.storage.valkey.library import Library
from adserver.storage.valkey.link import BACKOFF_S, Link
from adserver.storage.valkey.resp import pack
from tests.contract.eventually import eventually
from tests.contract.valkey_process import ValkeyProcess

if TYPE_CHECKING:
    from tests.contract.replica_pair import Pair

pytest_plugins = ["tests.contract.valkey_server", "tests.contract.leftovers", "tests.contract.replica_pair"]
pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("nothing_left")]

LONG_S = 20.0

NOTE = "redis.call('RPUSH', KEYS[1], ARGV[1]) return ARGV[1]"
"""Leaves a trace and answers with the name of its call."""


both_loops = pytest.mark.parametrize("anyio_backend", ["asyncio", "uvloop"], indirect=True)
"""For what transports do differently."""


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, object]]:
    """The loop that workers run on; by ``both_loops`` that of the standard library too."""
    return "asyncio", {"use_uvloop": getattr(request, "param", "uvloop") == "uvloop"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ValkeyProcess]:
    # With "everysec" a write may wait for an fsync under way, but its answer does not: a kill takes it back.
    found = ValkeyProcess(tmp_path, appendfsync="always")
    yield found.start()
    found.kill()


@asynccontextmanager
async def linked(url: str | Address, **options: Any) -> AsyncIterator[Link]:
    link = Link(address_of(url) if isinstance(url, str) else url, **options)
    try:
        await link.up(LONG_S)
        yield link
    finally:
        await link.close()


async def refuses(url: str, why: str, **options: Any) -> None:
    link = Link(address_of(url), **options)
    link.start()
    await eventually(lambda: why in link.trouble, what=why)
    with pytest.raises(StoreUnavailable, match=why):
        await link.up(0.01)
    await link.close()


def send(link: Link, *command: str | int, within: float = LONG_S) -> Reply:
    return link.send(pack(command), asyncio.get_running_loop().time() + within)


def ambiguous(error: object) -> bool:
    assert isinstance(error, StoreUnavailable), error
    return error.ambiguous


async def recovered(link: Link) -> None:
    await eventually(lambda: not link.trouble, what="a new connection")


class Crowd:
    """A hundred callers, a hundred calls each, every seventh given up somewhere on its way."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._dice = random.Random(7)  # the same in every run
        self.answered: set[str] = set()
        self.cancelled: set[str] = set()
        self.perhaps: set[str] = set()
        self.refused: set[str] = set()

    async def run(self) -> None:
        await asyncio.gather(*(self._caller(number) for number in range(100)))

    async def _caller(self, caller: int) -> None:
        for number in range(100):
            name = f"{caller}.{number}"
            call = asyncio.ensure_future(self._call(name))
            if self._dice.random() < 1 / 7:
                for _ in range(self._dice.randrange(4)):
                    await asyncio.sleep(0)
                call.cancel()
            try:
                assert await call == name.encode()
                self.answered.add(name)
            except asyncio.CancelledError:
                self.cancelled.add(name)
            except StoreUnavailable as error:
                (self.perhaps if ambiguous(error) else self.refused).add(name)
                await recovered(self._link)

    async def _call(self, name: str) -> object:
        return await send(self._link, "EVAL", NOTE, 1, "trace", name)


@both_loops
async def test_ten_thousand_calls_while_callers_give_up_and_the_server_is_killed(server: ValkeyProcess) -> None:
    async with linked(server.url()) as link:
        crowd = Crowd(link)
        running = asyncio.ensure_future(crowd.run())
        for part in (2_000, 5_000):
            await eventually(lambda part=part: len(crowd.answered) > part or running.done(), what="calls under way")
            server.send(signal.SIGSTOP)  # else it may have answered all that it was sent
            under_way = send(link, "ECHO", "perhaps")
            for _ in range(3):
                await asyncio.sleep(0)  # what a tick has sent is written at its end
            server.kill()
            await asyncio.to_thread(server.start)
            with pytest.raises(StoreUnavailable) as lost:
                await under_way
            assert ambiguous(lost.value)
        async with asyncio.timeout(LONG_S):
            await running
        assert len(crowd.answered) + len(crowd.cancelled) + len(crowd.perhaps) + len(crowd.refused) == 10_000
        assert await send(link, "ECHO", "after") == b"after"
        with server.client(decode_responses=True) as client:
            trace = cast("list[str]", client.lrange("trace", 0, -1))
    assert len(trace) == len(set(trace))  # nothing was carried out twice
    assert crowd.answered <= set(trace)  # what was answered is there
    assert not crowd.refused & set(trace)  # what was certainly not carried out is not
    assert len(crowd.answered) > 7_000
    assert len(crowd.cancelled) > 300


async def test_a_frozen_server_costs_nobody_much_and_goes_on_where_it_was(server: ValkeyProcess) -> None:
    async with linked(server.url()) as link:
        identity = await send(link, "CLIENT", "ID")
        server.send(signal.SIGSTOP)
        try:
            for number in range(5):
                with pytest.raises(StoreTimeout):
                    await send(link, "ECHO", f"late {number}", within=0.02)
            await eventually(lambda: "stalled" in link.trouble, what="a stall")
            for _ in range(100):
                with pytest.raises(StoreUnavailable, match="stalled") as refusal:
                    send(link, "ECHO", "at once")  # nothing is waited for
                assert not ambiguous(refusal.value)
        finally:
            server.send(signal.SIGCONT)
        await recovered(link)
        assert await send(link, "ECHO", "in time") == b"in time"
        assert await send(link, "CLIENT", "ID") == identity


async def test_a_server_that_hangs_is_noticed_though_nobody_calls(server: ValkeyProcess) -> None:
    async with linked(server.url()) as link:
        identity = await send(link, "CLIENT", "ID")
        server.send(signal.SIGSTOP)
        began = time.perf_counter()
        lag = 0.0
        try:
            while not link.trouble:
                before = time.perf_counter()
                await asyncio.sleep(0.01)
                lag = max(lag, time.perf_counter() - before)
                assert before - began < LONG_S, "nobody noticed"
            assert "stalled" in link.trouble
            assert time.perf_counter() - began < 1.0 + 5 * lag
        finally:
            server.send(signal.SIGCONT)
        await recovered(link)
        assert await send(link, "CLIENT", "ID") == identity


async def test_a_server_frozen_for_too_long_is_left_and_found_again(
    server: ValkeyProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GIVE_UP_S", 0.3)
    async with linked(server.url()) as link:
        identity = await send(link, "CLIENT", "ID")
        server.send(signal.SIGSTOP)
        try:
            with pytest.raises(StoreUnavailable, match="given up") as loss:
                await send(link, "ECHO", "lost")
            assert ambiguous(loss.value)
            await eventually(lambda: link.trouble, what="the loss")
        finally:
            server.send(signal.SIGCONT)
        await recovered(link)
        assert await send(link, "CLIENT", "ID") != identity
        assert await send(link, "ECHO", "after") == b"after"


async def test_a_killed_server_is_refused_at_once_and_found_again_soon(server: ValkeyProcess) -> None:
    async with linked(server.url()) as link:
        server.kill()
        await eventually(lambda: link.trouble, what="the loss")
        with pytest.raises(StoreUnavailable) as refusal:
            send(link, "ECHO", "away")  # nothing is waited for
        assert not ambiguous(refusal.value)
        began = time.perf_counter()
        await asyncio.to_thread(server.start)
        started = time.perf_counter()
        await link.up(LONG_S)
        # The longer it was away the longer are the pauses.
        assert time.perf_counter() - started < 3 * (started - began) + 2 * BACKOFF_S[1]
        assert await send(link, "ECHO", "back") == b"back"


async def test_a_server_that_loads_its_data_is_waited_for(tmp_path: Path) -> None:
    options = {"key_load_delay": "500", "loading_process_events_interval_bytes": "1024"}
    server = ValkeyProcess(tmp_path, **options).start()
    try:
        with server.client() as client:
            with client.pipeline(transaction=False) as pipe:
                for number in range(2_000):
                    pipe.set(f"key {number}", "x" * 100)
                pipe.execute()
            client.bgrewriteaof()
            await eventually(lambda: client.info("persistence")["aof_rewrite_in_progress"] == 0, what="the rewrite")
        server.kill()
        await asyncio.to_thread(server.start)
        link = Link(address_of(server.url()))
        try:
            link.start()
            await eventually(lambda: "LOADING" in link.trouble, what="a server that loads")
            await link.up(LONG_S)
            assert await send(link, "DBSIZE") == 2_000
        finally:
            await link.close()
    finally:
        server.kill()


@pytest.mark.parametrize("credentials", [":only-a-password@", "alice:her-p%40ssw%C3%B6rd@"])
async def test_passwords(server: ValkeyProcess, credentials: str, caplog: pytest.LogCaptureFixture) -> None:
    with server.client() as client:
        client.acl_setuser("alice", enabled=True, passwords=["+her-p@sswörd"], keys=["*"], commands=["+@all"])
        client.config_set("requirepass", "only-a-password")
    async with linked(server.url(credentials)) as link:
        assert await send(link, "ACL", "WHOAMI") == (b"alice" if "alice" in credentials else b"default")


@pytest.mark.parametrize("credentials", ["", ":never-tell@", "alice:never-tell@"])
async def test_wrong_passwords_are_told_once_and_never_shown(
    server: ValkeyProcess, credentials: str, caplog: pytest.LogCaptureFixture
) -> None:
    with server.client() as client:
        client.config_set("requirepass", "only-a-password")
    address = address_of(server.url(credentials))
    link = Link(address)
    with caplog.at_level(logging.DEBUG), server.client(password="only-a-password") as client:
        link.start()
        await eventually(lambda: refusals(client) > 1, what="a second attempt")
        with pytest.raises(StoreUnavailable, match="user name or password") as refusal:
            await link.up(0.01)
        await link.close()
    assert [record.getMessage() for record in caplog.records if record.name == Link.__module__] == [str(refusal.value)]
    assert "never-tell" not in caplog.text + str(refusal.value) + repr(address) + repr(link)


def refusals(client: Redis) -> int:
    told = cast("dict[str, dict[str, int]]", client.info("errorstats"))
    return sum(told.get(f"errorstat_{word}", {"count": 0})["count"] for word in ("NOAUTH", "WRONGPASS"))


async def test_a_password_where_none_is_asked_for(server: ValkeyProcess) -> None:
    await refuses(server.url(":unasked@"), "user name or password")


async def test_a_database(server: ValkeyProcess) -> None:
    async with linked(server.url(rest="/3")) as link:
        assert await send(link, "SET", "key", "value") == b"OK"
    with server.client(db=3) as client:
        assert client.get("key") == b"value"


@both_loops
async def test_a_unix_socket_and_a_library_that_is_there_already(valkey_url: str) -> None:
    library = Library()
    for _ in range(2):
        async with linked(valkey_url, greeting=greeting(library)) as link:
            found = await send(link, "FUNCTION", "LIST", "LIBRARYNAME", f"adserver_{library.version}")
            assert len(cast("list[object]", found)) == 1


@asynccontextmanager
async def tls_before(server: ValkeyProcess, authority: trustme.CA) -> AsyncIterator[int]:
    """The embedded Valkey speaks no TLS: something in front of it does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    busy: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(65536):
                writer.write(piece)
        except OSError:
            pass
        finally:
            writer.transport.abort()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inside = await asyncio.open_connection("127.0.0.1", server.port)
        except OSError:
            return writer.transport.abort()
        await asyncio.gather(pump(reader, inside[1]), pump(inside[0], writer))
        return None

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(relay(reader, writer))
        busy.add(task)
        task.add_done_callback(busy.discard)

    door = await asyncio.start_server(begin, "127.0.0.1", 0, ssl=context)
    try:
        yield int(door.sockets[0].getsockname()[1])
    finally:
        door.close()
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)
        await door.wait_closed()


@both_loops
async def test_tls(server: ValkeyProcess, tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    right, wrong = tmp_path / "right.pem", tmp_path / "wrong.pem"
    authority.cert_pem.write_to_path(str(right))
    stranger.cert_pem.write_to_path(str(wrong))
    async with tls_before(server, authority) as port:
        for host, query in (
            ("localhost", f"ssl_ca_certs={right}"),
            ("127.0.0.1", f"ssl_ca_certs={right}&ssl_check_hostname=false"),
            ("127.0.0.1", "ssl_cert_reqs=none"),
        ):
            async with linked(f"rediss://{host}:{port}/0?{query}") as link:
                words = [f"word {number}" * 1_000 for number in range(100)]
                replies = await asyncio.gather(*(send(link, "ECHO", word) for word in words))
                assert replies == [word.encode() for word in words]
        for host, query in (
            ("localhost", f"ssl_ca_certs={wrong}"),
            ("localhost", ""),
            ("127.0.0.1", f"ssl_ca_certs={right}"),  # the certificate is not for that name
            ("127.0.0.1", f"ssl_ca_certs={right}&ssl_cert_reqs=optional"),
        ):
            await refuses(f"rediss://{host}:{port}/0?{query}", "SSLCertVerificationError")


@both_loops
async def test_tls_that_dies_under_way(server: ValkeyProcess) -> None:
    async with (
        tls_before(server, trustme.CA()) as port,
        linked(f"rediss://127.0.0.1:{port}?ssl_cert_reqs=none") as link,
    ):
        calls = [send(link, "BLPOP", "nothing", 0), *(send(link, "ECHO", "behind it") for _ in range(10))]
        await asyncio.sleep(0.01)
        server.kill()
        assert all(ambiguous(error) for error in await asyncio.gather(*calls, return_exceptions=True))
        await asyncio.to_thread(server.start)
        await recovered(link)
        assert await send(link, "ECHO", "after") == b"after"


async def kept(link: Link, *command: str | int) -> bool:
    """Whether a replica has it. One that is there again may still be catching up."""
    try:
        return await send(link, *command) == b"OK"
    except StoreUnavailable:
        return False


REPLICATED: dict[str, Any] = {"replicas": 1, "replica_wait_s": 0.3}


async def test_an_answered_call_is_on_the_replica(pair: "Pair") -> None:
    primary, replica = pair.primary, pair.replica
    async with linked(primary.url(), **REPLICATED) as link:
        with replica.client() as client:
            for tick in range(20):
                calls = [send(link, "RPUSH", f"list {tick}", number) for number in range(50)]
                assert await asyncio.gather(*calls) == list(range(1, 51))
                assert client.llen(f"list {tick}") == 50
        refusal = await send(link, "INCR", "list 1")
        assert str(refusal).startswith("WRONGTYPE")  # a value, as without replicas


@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_what_no_replica_has_is_not_answered(pair: "Pair", how: str) -> None:
    primary, replica = pair.primary, pair.replica
    async with linked(primary.url(), **REPLICATED) as link:
        assert await send(link, "SET", "key", 1) == b"OK"
        if how == "killed":
            replica.kill()
        else:
            replica.send(signal.SIGSTOP)
        first = send(link, "SET", "key", 2)
        await asyncio.sleep(0.05)
        behind = [send(link, "SET", f"behind {number}", 2) for number in range(10)]
        for error in await asyncio.gather(first, *behind, return_exceptions=True):
            assert ambiguous(error)
            assert "too few replicas" in str(error)
        with primary.client() as client:
            assert client.get("key") == b"2"
        if how == "killed":
            await eventually(lambda: "too few replicas" in link.trouble, what="an attempt that failed")
            with pytest.raises(StoreUnavailable, match="too few replicas") as refusal:
                send(link, "SET", "key", 3)
            assert not ambiguous(refusal.value)
            await asyncio.to_thread(pair.follow_again)
        else:
            replica.send(signal.SIGCONT)
        await eventually(lambda: kept(link, "SET", "key", 4), what="a replica that follows again")
        with replica.client() as client:
            assert client.get("key") == b"4"


async def test_without_a_replica_nothing_is_begun(server: ValkeyProcess) -> None:
    await refuses(server.url(), "too few replicas", **REPLICATED)


async def test_a_deadline_and_a_caller_that_gives_up_while_the_replica_is_waited_for(pair: "Pair") -> None:
    primary, replica = pair.primary, pair.replica
    async with linked(primary.url(), replicas=1, replica_wait_s=LONG_S) as link:
        replica.send(signal.SIGSTOP)
        hasty, given_up, patient = (send(link, "INCR", "n", within=s) for s in (0.05, LONG_S, LONG_S))
        with primary.client() as client:
            await eventually(lambda: client.get("n") == b"3", what="three calls carried out")
        given_up.cancel()
        with pytest.raises(StoreTimeout):
            await hasty
        assert not patient.done()
        replica.send(signal.SIGCONT)
        assert await patient == 3
        assert await send(link, "INCR", "n") == 4


async def test_closing_while_the_replica_is_waited_for(pair: "Pair") -> None:
    primary, replica = pair.primary, pair.replica
    link = Link(address_of(primary.url()), replicas=1, replica_wait_s=LONG_S)
    await link.up(LONG_S)
    replica.send(signal.SIGSTOP)
    call = send(link, "INCR", "n")
    with primary.client() as client:
        await eventually(lambda: client.get("n") == b"1", what="a call carried out")
    await link.close()
    assert ambiguous(call.exception())
    replica.send(signal.SIGCONT)
