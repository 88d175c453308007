"""The link against a server of ours that cuts, delays, garbles or multiplies its replies."""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import hiredis
import pytest

from adserver.storage.interfaces import StoreTimeout, StoreUnavailable
from adserver.storage.valkey import connection as module
from adserver.storage.valkey.address import address_of
from adserver.storage.valkey.connection import AT_ONCE, Connection, Reply
from adserver.storage.valkey.link import BACKOFF_S, Link
from adserver.storage.valkey.resp import pack
from tests.contract.eventually import eventually
from tests.contract.scripted_server import Conversation, scripted
from tests.contract.valkey_process import free_port

pytest_plugins = ["tests.contract.leftovers"]
pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("nothing_left")]

LONG_S = 20.0


both_loops = pytest.mark.parametrize("anyio_backend", ["asyncio", "uvloop"], indirect=True)
"""For what transports do differently."""


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, object]]:
    """The loop that workers run on; by ``both_loops`` that of the standard library too."""
    return "asyncio", {"use_uvloop": getattr(request, "param", "uvloop") == "uvloop"}


@asynccontextmanager
async def linked(url: str, **options: Any) -> AsyncIterator[Link]:
    link = Link(address_of(url), **options)
    try:
        await link.up(LONG_S)
        yield link
    finally:
        await link.close()


def echo(link: Link | Connection, word: str, within: float = LONG_S) -> Reply:
    return link.send(pack(("ECHO", word)), asyncio.get_running_loop().time() + within)


def ambiguous(error: object) -> bool:
    assert isinstance(error, StoreUnavailable), error
    return error.ambiguous


ANSWERS: list[tuple[bytes, object]] = [
    (b"$3\r\nabc\r\n", b"abc"),
    (b":42\r\n", 42),
    (b"-ERR said no\r\n", "ERR said no"),
    (b"*3\r\n*2\r\n$1\r\nx\r\n:7\r\n$-1\r\n*0\r\n", [[b"x", 7], None, []]),
    (b"$-1\r\n", None),
    (b"*-1\r\n", None),
    (b"$4\r\n\r\n\r\n\r\n", b"\r\n\r\n"),
    (b"+OK\r\n", b"OK"),
]
STREAM = b"".join(wire for wire, _ in ANSWERS)


def plain(reply: object) -> object:
    return str(reply) if isinstance(reply, hiredis.ReplyError) else reply


async def cut_at(position: int, *, reset: bool) -> list[object]:
    """What eight calls come to when the stream of their replies ends at ``position``."""

    async def script(talk: Conversation) -> None:
        await talk.greet()
        if talk.number:
            return await talk.echo()
        await talk.commands(len(ANSWERS))
        talk.say(STREAM[:position])
        return talk.reset() if reset else None

    async with scripted(script) as url, linked(url) as link:
        calls = [echo(link, str(number)) for number in range(len(ANSWERS))]
        results = await asyncio.gather(*calls, return_exceptions=True)
        await eventually(lambda: not link.trouble, what="a new connection")
        assert await echo(link, "after") == b"after"
    return results


@both_loops
@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
async def test_a_stream_cut_at_every_byte_loses_and_swaps_nothing(reset: bool) -> None:
    ends = [sum(len(wire) for wire, _ in ANSWERS[: number + 1]) for number in range(len(ANSWERS))]
    positions = range(len(STREAM)) if not reset else range(0, len(STREAM), 3)
    for first in range(0, len(positions), 16):
        some = positions[first : first + 16]
        for position, results in zip(
            some, await asyncio.gather(*(cut_at(position, reset=reset) for position in some)), strict=True
        ):
            for end, (_, expected), result in zip(ends, ANSWERS, results, strict=True):
                if isinstance(result, StoreUnavailable):
                    assert ambiguous(result)  # it was sent
                    assert reset or position < end  # a reset takes along what was not read yet
                else:
                    assert plain(result) == expected
                    assert position >= end


async def test_a_greeting_cut_at_every_byte_is_tried_again() -> None:
    words = b"+OK\r\n+OK\r\n+PONG\r\n"

    async def one(position: int) -> None:
        async def script(talk: Conversation) -> None:
            if talk.number:
                await talk.greet()
                return await talk.echo()
            await talk.commands(3)
            return talk.say(words[:position])

        async with scripted(script) as url, linked(url.replace("//", "//:pw@") + "/3") as link:
            assert await echo(link, str(position)) == str(position).encode()

    await asyncio.gather(*(one(position) for position in range(len(words))))


async def test_replies_may_come_byte_by_byte() -> None:
    async def script(talk: Conversation) -> None:
        await talk.greet()
        await talk.commands(len(ANSWERS))
        await talk.trickle(STREAM)
        await talk.echo()

    async with scripted(script) as url, linked(url) as link:
        replies = await asyncio.gather(*(echo(link, str(number)) for number in range(len(ANSWERS))))
        assert [plain(reply) for reply in replies] == [expected for _, expected in ANSWERS]
        assert await echo(link, "after") == b"after"


async def test_a_huge_reply_is_a_reply() -> None:
    huge = b"x" * 20_000_000

    async def script(talk: Conversation) -> None:
        await talk.greet()
        await talk.command()
        talk.say(b"$%d\r\n%b\r\n" % (len(huge), huge))
        await talk.echo()

    async with scripted(script) as url, linked(url) as link:
        first, second = echo(link, "huge"), echo(link, "small")
        assert await first == huge
        assert await second == b"small"


@pytest.mark.parametrize(
    "words",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\r\n",
        b"$-7\r\n",
        b":one\r\n",
        b"*99999999999999\r\n",
        b"%1\r\n*1\r\n+a\r\n+b\r\n",  # a map with a list for a key: the reader raises TypeError
        bytes(range(256)),
    ],
    ids=repr,
)
async def test_garbage_ends_the_connection_and_everybody_hears_of_it(words: bytes) -> None:
    async def script(talk: Conversation) -> None:
        await talk.greet()
        if talk.number:
            return await talk.echo()
        await talk.commands(3)
        talk.say(b"+fine\r\n" + words + b"+fine\r\n+fine\r\n")
        return await talk.gone()

    async with scripted(script) as url, linked(url) as link:
        first, *others = [echo(link, str(number)) for number in range(3)]
        assert await first == b"fine"
        for error in await asyncio.gather(*others, return_exceptions=True):
            assert ambiguous(error)
            assert str(error) == "Valkey answered what is no answer"
        await eventually(lambda: not link.trouble, what="a new connection")
        assert await echo(link, "after") == b"after"


async def test_a_false_is_a_reply_and_shifts_none_of_the_others() -> None:
    async def script(talk: Conversation) -> None:
        await talk.greet()
        await talk.commands(3)
        talk.say(b"#f\r\n:2\r\n+three\r\n")
        await talk.gone()

    async with scripted(script) as url, linked(url) as link:
        assert await asyncio.gather(*(echo(link, str(number)) for number in range(3))) == [False, 2, b"three"]


async def test_a_reply_that_nobody_asked_for_ends_the_connection() -> None:
    async def script(talk: Conversation) -> None:
        await talk.greet()
        if talk.number:
            return await talk.echo()
        await talk.command()
        talk.say(b"+one\r\n+extra\r\n")
        return await talk.gone()

    async with scripted(script) as url, linked(url) as link:
        assert await echo(link, "one") == b"one"
        await eventually(lambda: link.trouble, what="the end of the connection")
        await eventually(lambda: not link.trouble, what="a new connection")
        assert await echo(link, "two") == b"two"


async def test_a_late_reply_is_nobody_elses_and_deadlines_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STALL_S", LONG_S)
    release = asyncio.Event()
    overshoots, lags = [], []

    async def script(talk: Conversation) -> None:
        await talk.greet()
        held = [(await talk.command())[1] for _ in range(11)]
        await release.wait()
        talk.say(b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in held))
        await talk.echo()

    async with scripted(script) as url, linked(url) as link:
        for number in range(11):
            began = time.perf_counter()
            with pytest.raises(StoreTimeout) as caught:
                await echo(link, f"late {number}", 0.02)
            overshoots.append(time.perf_counter() - began - 0.02)
            assert ambiguous(caught.value)
            began = time.perf_counter()
            await asyncio.sleep(0.005)
            lags.append(time.perf_counter() - began - 0.005)
        assert not link.trouble
        next_one = echo(link, "in time")
        release.set()
        assert await next_one == b"in time"
    assert sorted(overshoots)[5] < 0.02 + 3 * max(lags)  # a busy machine delays whatever sleeps
    assert min(overshoots) > -0.001


async def test_each_call_has_its_own_deadline() -> None:
    hasty_has_given_up = asyncio.Event()

    async def script(talk: Conversation) -> None:
        await talk.greet()
        words = [(await talk.command())[1] for _ in range(3)]
        await hasty_has_given_up.wait()
        talk.say(b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words))
        await talk.gone()

    async with scripted(script) as url, linked(url) as link:
        calls = echo(link, "patient"), echo(link, "hasty", 0.03), echo(link, "also patient")
        calls[1].add_done_callback(lambda _: hasty_has_given_up.set())
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert results[0] == b"patient"
        assert isinstance(results[1], StoreTimeout)
        assert results[2] == b"also patient"


@both_loops
async def test_the_calls_of_a_tick_are_one_write() -> None:
    talks: list[Conversation] = []

    async def script(talk: Conversation) -> None:
        talks.append(talk)
        await talk.greet()
        await talk.echo()

    async with scripted(script) as url, linked(url) as link:
        before = talks[0].pieces
        for tick in range(10):
            words = [f"{tick}.{number}" for number in range(AT_ONCE)]
            assert await asyncio.gather(*(echo(link, word) for word in words)) == [word.encode() for word in words]
        assert talks[0].pieces - before == 10


@both_loops
async def test_the_calls_of_a_long_tick_leave_before_it_is_over() -> None:
    here, there = socket.socketpair()
    there.setblocking(False)
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: Connection(1_000, lambda why: None), sock=here)
    with there:
        calls = [echo(connection, str(number)) for number in range(AT_ONCE)]
        with pytest.raises(BlockingIOError):
            there.recv(65_536)
        calls += [echo(connection, "one more"), connection.send(lambda: pack(("ECHO", "all")), loop.time() + LONG_S)]
        assert there.recv(65_536) == b"".join(pack(("ECHO", str(number))) for number in range(AT_ONCE))
        connection.send(lambda: pack(("ECHO", "the next")), loop.time() + LONG_S)
        assert there.recv(65_536) == pack(("ECHO", "one more")) + pack(("ECHO", "all"))
        connection.close("enough")
    await asyncio.gather(*calls, return_exceptions=True)


@both_loops
async def test_whoever_is_called_back_may_call_again() -> None:
    async def script(talk: Conversation) -> None:
        await talk.greet()
        if talk.number:
            return await talk.echo()
        await talk.command()
        talk.say(b"+one\r\n")
        await talk.commands(2)
        return None  # closed with two calls under way

    heard: list[object] = []

    async with scripted(script) as url, linked(url) as link:

        def again(reply: Reply) -> None:
            heard.append(reply.exception() or reply.result())
            try:
                for _ in range(2 if len(heard) == 1 else 1):
                    echo(link, "again").add_done_callback(again)
            except StoreUnavailable as error:
                heard.append(error)

        echo(link, "first").add_done_callback(again)
        await eventually(lambda: len(heard) == 5, what="all callbacks")
        assert heard[0] == b"one"
        assert [ambiguous(error) for error in heard[1:]] == [True, False, True, False]


async def test_the_calls_that_wait_are_bounded_and_the_link_says_so() -> None:
    async def script(talk: Conversation) -> None:
        await talk.greet()
        await talk.gone()

    async with scripted(script) as url, linked(url, max_in_flight=50) as link:
        calls = [echo(link, str(number), 0.01) for number in range(50)]
        for _ in range(2):
            assert "too many" in link.trouble
            with pytest.raises(StoreUnavailable, match="too many") as caught:
                echo(link, "one more")
            assert not ambiguous(caught.value)
            await asyncio.gather(*calls, return_exceptions=True)  # past their deadline they still wait for the reply


async def test_the_long_queue_of_a_silent_server_leaves_us_most_of_our_time() -> None:
    async def script(talk: Conversation) -> None:
        await talk.greet()
        await talk.gone()

    async with scripted(script) as url, linked(url) as link:
        calls = [echo(link, str(number), 0.01) for number in range(16_384)]
        with pytest.raises(StoreUnavailable, match="too many"):
            echo(link, "one more")
        await asyncio.gather(*calls, return_exceptions=True)
        began, worked = time.perf_counter(), time.thread_time()
        await asyncio.sleep(0.5)
        assert time.thread_time() - worked < 0.5 * (time.perf_counter() - began)


async def test_a_silent_server_is_given_up_and_connected_to_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STALL_S", 0.1)
    monkeypatch.setattr(module, "GIVE_UP_S", 0.3)

    async def script(talk: Conversation) -> None:
        await talk.greet()
        await (talk.echo() if talk.number else talk.gone())

    async with scripted(script) as url, linked(url) as link:
        call = echo(link, "lost")
        await eventually(lambda: "stalled" in link.trouble, what="a stall")
        with pytest.raises(StoreUnavailable, match="stalled") as refusal:
            echo(link, "at once")
        assert not ambiguous(refusal.value)
        with pytest.raises(StoreUnavailable, match="given up") as loss:
            await call
        assert ambiguous(loss.value)
        await eventually(lambda: not link.trouble, what="a new connection")
        assert await echo(link, "after") == b"after"


async def test_our_own_pauses_are_not_taken_for_the_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GIVE_UP_S", 0.2)
    monkeypatch.setattr(module, "STALL_S", 0.1)
    monkeypatch.setattr(module, "SWEEP_S", 0.05)  # the server of this test needs the same loop to answer

    async def script(talk: Conversation) -> None:
        await talk.greet()
        await talk.echo()

    async with scripted(script) as url, linked(url) as link:
        for number in range(3):
            call = echo(link, str(number), 0.15)
            await asyncio.sleep(0)
            time.sleep(0.3)  # noqa: ASYNC251  the loop sleeps, past the deadline and past giving up
            assert await call == str(number).encode()
            await asyncio.sleep(0.12)  # one pause, not one after the other
        assert not link.trouble


async def test_behind_our_own_pause_the_server_has_its_time_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GIVE_UP_S", 0.4)
    asked, release = asyncio.Event(), asyncio.Event()

    async def script(talk: Conversation) -> None:
        await talk.greet()
        await talk.command()
        asked.set()
        await release.wait()
        talk.say(b"+patient\r\n")
        await talk.gone()

    async with scripted(script) as url, linked(url) as link:
        call = echo(link, "patient")
        await asked.wait()
        time.sleep(0.6)  # noqa: ASYNC251  the loop sleeps, past giving up
        await asyncio.sleep(0.05)
        release.set()
        assert await call == b"patient"


async def test_deadlines_hold_even_where_every_tick_is_long() -> None:
    async def script(talk: Conversation) -> None:
        await talk.greet()
        await talk.gone()

    async with scripted(script) as url, linked(url) as link:
        call = echo(link, "late", 0.05)
        for _ in range(6):
            await asyncio.sleep(0)
            time.sleep(0.12)  # noqa: ASYNC251  a loop that is never in time
        assert call.done()
        assert isinstance(call.exception(), StoreTimeout)


@pytest.mark.parametrize("greets", [False, True], ids=["before the greeting", "after it"])
async def test_a_server_that_closes_at_once_is_not_hammered(greets: bool) -> None:
    attempts: list[float] = []

    async def script(talk: Conversation) -> None:
        attempts.append(time.perf_counter())
        if greets:
            await talk.greet()

    async with scripted(script) as url:
        link = Link(address_of(url))
        link.start()
        await eventually(lambda: len(attempts) >= 5, what="five attempts")
        await link.close()
    # Each pause is twice as long as the one before, and shortened by a half at most.
    assert attempts[4] - attempts[0] > 0.9 * sum(BACKOFF_S[0] / 2 * 2**number for number in range(4))


async def test_a_dead_port_is_found_alive_again() -> None:
    port = free_port()
    link = Link(address_of(f"redis://127.0.0.1:{port}"))

    async def script(talk: Conversation) -> None:
        await talk.greet()
        await talk.echo()

    try:
        with pytest.raises(StoreUnavailable, match="ConnectionRefused") as caught:
            await link.up(0.3)
        assert not ambiguous(caught.value)
        with pytest.raises(StoreUnavailable, match="ConnectionRefused") as refusal:
            echo(link, "away")  # nothing is waited for
        assert not ambiguous(refusal.value)
        async with scripted(script, port):
            await link.up(5 * BACKOFF_S[1])
            assert await echo(link, "back") == b"back"
            await link.close()
    finally:
        await link.close()


async def test_a_server_that_loads_its_data_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    async def script(talk: Conversation) -> None:
        if talk.number >= 3:
            await talk.greet()
            return await talk.echo()
        await talk.command()
        return talk.say(b"-LOADING Valkey is loading the dataset in memory\r\n")

    with caplog.at_level(logging.WARNING):
        async with scripted(script) as url, linked(url) as link:
            assert await echo(link, "loaded") == b"loaded"
    assert [record.getMessage() for record in caplog.records] == ["Valkey did not answer: LOADING"]  # told once


@both_loops
async def test_closing_while_calls_wait_and_while_it_connects() -> None:
    async def script(talk: Conversation) -> None:
        if talk.number == 0:
            await talk.greet()
        await talk.gone()

    async with scripted(script) as url:
        link = Link(address_of(url))
        await link.up(LONG_S)
        calls = [echo(link, str(number)) for number in range(10)]
        await link.close()
        for error in await asyncio.gather(*calls, return_exceptions=True):
            assert ambiguous(error)
        with pytest.raises(StoreUnavailable, match="closed"):
            echo(link, "too late")
        await link.close()  # twice is once
        with pytest.raises(StoreUnavailable, match="closed"):
            await link.up(0.01)

        connecting = Link(address_of(url))
        waits = asyncio.ensure_future(connecting.up(LONG_S))
        await asyncio.sleep(0.02)  # the handshake hangs
        assert connecting.trouble
        await connecting.close()
        waits.cancel()
        await asyncio.gather(waits, return_exceptions=True)

        unused = Link(address_of(url))
        await unused.close()


@both_loops
async def test_a_connection_says_once_that_it_is_lost() -> None:
    lost: list[str] = []

    async def script(talk: Conversation) -> None:
        await talk.command()
        talk.say(b"nonsense\r\nnonsense\r\n")

    async with scripted(script) as url:
        address = address_of(url)
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: Connection(10, lost.append), address.host, address.port)
        call = echo(connection, "one")
        with pytest.raises(StoreUnavailable):
            await call
        connection.close("again")
        connection.data_received(b"+late\r\n")
        connection.connection_lost(None)
        await asyncio.sleep(0.01)
        assert lost == ["Valkey answered what is no answer"]
        with pytest.raises(StoreUnavailable, match="no answer"):
            echo(connection, "two")


@both_loops
async def test_what_was_not_sent_yet_has_certainly_not_been_carried_out() -> None:
    heard: list[list[bytes]] = []

    async def script(talk: Conversation) -> None:
        while True:
            heard.append(await talk.command())

    async with scripted(script) as url:
        address = address_of(url)
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: Connection(10, print), address.host, address.port)
        sent = [echo(connection, "sent"), echo(connection, "sent too")]
        await eventually(lambda: len(heard) == 2, what="two commands")
        unsent = [echo(connection, "unsent"), echo(connection, "unsent too")]
        connection.close("enough")
        assert [ambiguous(call.exception()) for call in [*sent, *unsent]] == [True, True, False, False]
        await asyncio.sleep(0.05)
        assert len(heard) == 2
