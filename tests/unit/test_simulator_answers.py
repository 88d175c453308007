"""What a simulated page reads out of an answer, and how it asks."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from adserver.simulator.answers import AnswerReader, BadAnswer, Banner, Nothing
from adserver.simulator.client import Client, Reply, ServerGone
from adserver.tracking.keyring import Keyring
from adserver.tracking.token import Token, TokenKind, Tokens

SECRET = b"k7Qm2vXp9Lr4Ts8Wd1Zc6Nb3Hf5Jg0Ya"
TOKENS = Tokens(Keyring([SECRET], "token"))
READER = AnswerReader([SECRET], impression_ttl_s=3_600)


def token(kind: TokenKind, product: str = "", url: str = "") -> str:
    return TOKENS.mint(
        Token(
            kind=kind,
            expires=10_000,
            decision="d1",
            advertiser="acme",
            line_item="viewers",
            placement="slot",
            creative="grid",
            product=product,
            url=url,
        )
    )


def page(*entries: dict[str, str]) -> bytes:
    return json.dumps({"ads": entries}).encode()


def test_a_banner_says_what_its_links_are_signed_for() -> None:
    seen = token(TokenKind.IMPRESSION)
    clicks = [token(TokenKind.CLICK, product, "https://shop.test/") for product in ("P2", "P1")]
    html = "".join(f'<a href="/c/{click}"></a>' for click in clicks) + f'<img src="/i/{seen}"><a href="/c/{clicks[0]}">'
    banner, nothing = READER.page(page({"placement": "slot", "html": html}, {"placement": "b", "reason": "holdout"}))
    assert banner == Banner(
        placement="slot",
        line_item="viewers",
        creative="grid",
        decision="d1",
        decided_at=6_400,
        products=("P2", "P1"),
        impression=f"/i/{seen}",
        clicks=tuple(f"/c/{click}" for click in clicks),
    )
    assert nothing == Nothing("b", "holdout")


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"Internal error", "not what /ads answers"),
        (b"{}", "not what /ads answers"),
        (page({"placement": "slot", "html": "<p>"}), "0 impression links"),
        (page({"placement": "slot", "html": '"/i/abc"'}), "has not signed"),
    ],
)
def test_any_other_answer_is_a_complaint(body: bytes, what: str) -> None:
    with pytest.raises(BadAnswer, match=what):
        READER.page(body)


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def with_server(serve: Serve, use: Callable[[Client], Awaitable[None]]) -> None:
    ended: list[asyncio.Task[object]] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        ended.append(task)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await serve(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server:
        async with Client(host, port, connections=2) as client:
            await use(client)
        await asyncio.gather(*ended)


def test_answers_come_whole_with_their_cookies_and_reasons() -> None:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            asked.append(head)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nSet-Cookie: a=1; Path=/\r\nset-cookie: b=2\r\n")
            await writer.drain()
            writer.write(b"X-Adserver-Reason: consent\r\n\r\nab")
            await writer.drain()
            writer.write(b"cd")

    async def use(client: Client) -> None:
        replies = await asyncio.gather(*(client.get(f"/{number}", "a=1") for number in range(5)))
        assert replies == [Reply(200, "consent", "a=1; b=2", b"abcd")] * 5
        assert client.asked == 5

    asyncio.run(with_server(serve, use))
    assert {head.split(b" ")[1] for head in asked} == {b"/0", b"/1", b"/2", b"/3", b"/4"}
    assert all(b"\r\nCookie: a=1\r\n" in head for head in asked)


def test_a_connection_that_was_given_up_is_opened_anew() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async def use(client: Client) -> None:
        for _ in range(6):
            assert (await client.get("/")).status == 204
            while client.open_connections == 2:  # noqa: ASYNC110  until the end of it is noticed
                await asyncio.sleep(0)

    asyncio.run(with_server(serve, use))


def test_a_server_that_hangs_up_is_told() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async def use(client: Client) -> None:
        with pytest.raises(ServerGone, match="hung up"):
            await client.get("/")

    asyncio.run(with_server(serve, use))

    async def nobody() -> None:
        async with Client("127.0.0.1", 1):
            pass

    with pytest.raises(ServerGone):
        asyncio.run(nobody())
