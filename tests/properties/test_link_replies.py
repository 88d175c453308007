"""However a stream of replies is cut into pieces, and whoever has given up: each call gets its own."""

import asyncio
import socket
from typing import cast

import hiredis
from hypothesis import given, settings
from hypothesis import strategies as st

from adserver.storage.valkey.connection import Connection, ReplicatedConnection, Reply

SCALARS = st.none() | st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=30) | st.from_regex(r"\AERR [a-z]*\Z")
REPLIES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4), max_leaves=12)


def wire(reply: object) -> bytes:
    match reply:
        case None:
            return b"$-1\r\n"
        case int():
            return b":%d\r\n" % reply
        case bytes():
            return b"$%d\r\n%b\r\n" % (len(reply), reply)
        case str():
            return b"-%b\r\n" % reply.encode()
    inner = cast("list[object]", reply)
    return b"*%d\r\n" % len(inner) + b"".join(wire(one) for one in inner)


def plain(reply: object) -> object:
    if isinstance(reply, list):
        return [plain(one) for one in reply]
    return str(reply) if isinstance(reply, hiredis.ReplyError) else reply


def pieces(words: bytes, cuts: list[int]) -> list[bytes]:
    ends = sorted({cut % (len(words) + 1) for cut in cuts} | {len(words)})
    return [words[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


async def talk(replies: list[object], cuts: list[int], given_up: set[int], *, barriers: bool) -> None:
    loop, (ours, theirs) = asyncio.get_running_loop(), socket.socketpair()
    lost: list[str] = []

    def protocol() -> Connection:
        if not barriers:
            return Connection(1_000, lost.append)
        return ReplicatedConnection(1_000, lost.append, replicas=1, wait_s=1)

    with theirs:
        _, connection = await loop.create_connection(protocol, sock=ours)
        calls: list[Reply] = []
        stream = b""
        for number, reply in enumerate(replies):
            calls.append(connection.send(b"", loop.time() + 20))
            stream += wire(reply)
            if barriers and number % 3 == 2:
                await asyncio.sleep(0)  # the tick ends, and with it goes a WAIT
                stream += b":1\r\n"
        await asyncio.sleep(0)
        if barriers and len(replies) % 3:
            stream += b":2\r\n"
        for number in given_up & set(range(len(calls))):
            calls[number].cancel()
        for piece in pieces(stream, cuts):
            connection.data_received(piece)
        for number, (call, reply) in enumerate(zip(calls, replies, strict=True)):
            assert call.done()
            assert call.cancelled() if number in given_up else plain(call.result()) == reply
        assert not lost
        connection.data_received(b"+one too many\r\n")
        assert lost == ["Valkey answered what is no answer"]


@settings(deadline=None, max_examples=150)
@given(
    st.lists(REPLIES, max_size=12), st.lists(st.integers(0, 2_000), max_size=12), st.sets(st.integers(0, 11)),
    st.booleans(),
)  # fmt: skip
def test_each_call_gets_its_own_reply(
    replies: list[object], cuts: list[int], given_up: set[int], barriers: bool
) -> None:
    asyncio.run(talk(replies, cuts, given_up, barriers=barriers))


@settings(deadline=None, max_examples=150)
@given(st.binary(min_size=1, max_size=40), st.integers(0, 5))
def test_no_noise_gets_out_of_the_connection(noise: bytes, waiting: int) -> None:
    async def listen() -> None:
        loop, (ours, theirs) = asyncio.get_running_loop(), socket.socketpair()
        unseen: list[object] = []
        loop.set_exception_handler(lambda _, context: unseen.append(context))
        with theirs:
            _, connection = await loop.create_connection(lambda: Connection(10, unseen.append), sock=ours)
            calls = [connection.send(b"x", loop.time() + 20) for _ in range(waiting)]
            connection.data_received(noise)
            unseen.clear()  # that it was lost is no secret
            connection.close("enough")
            assert all(call.done() for call in calls)
            await asyncio.sleep(0)
            assert not [one for one in unseen if not isinstance(one, str)]

    asyncio.run(listen())
