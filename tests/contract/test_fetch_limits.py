"""Servers that stall, drip, lie about lengths, never end or break off; and a fetch that is given up."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
import trustme

from adserver.storage.fetch import Allowed, Fetcher, Limits
from adserver.storage.fetch.request import UNREACHABLE
from adserver.storage.interfaces import SourceUnavailable
from tests.contract.eventually import eventually
from tests.contract.fetch_server import Exchange, Script, Web, web

pytest_plugins = ["tests.contract.leftovers"]
pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("nothing_left")]

MIB = 1024 * 1024
HERE = Allowed.parse("127.0.0.1:*,shop.test:*")
HEAD = b"HTTP/1.1 200 OK\r\n"
BROKEN_OFF = "the connection broke off before the end"


both_loops = pytest.mark.parametrize("anyio_backend", ["asyncio", "uvloop"], indirect=True)
"""The background worker runs on the one, the workers on the other."""


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, object]]:
    return "asyncio", {"use_uvloop": getattr(request, "param", "") == "uvloop"}


async def fetched(script: Script, limits: Limits) -> bytes:
    async with (
        web(script) as server,
        asyncio.timeout(10),
        Fetcher(HERE, limits=limits).open_source(f"http://127.0.0.1:{server.port}/") as source,
    ):
        assert source.stream is not None
        return source.stream.read()


async def refusal(script: Script, limits: Limits) -> str:
    with pytest.raises(SourceUnavailable) as caught:
        await fetched(script, limits)
    return str(caught.value).removeprefix("the feed could not be fetched: ")


def saying(*words: bytes, then: Callable[[Exchange], Awaitable[None]] | None = None) -> Script:
    async def script(exchange: Exchange) -> None:
        for word in words:
            await exchange.say(word)
        if then is not None:
            await then(exchange)

    return script


async def stall(exchange: Exchange) -> None:
    await exchange.gone()


async def drip(exchange: Exchange) -> None:
    while True:
        await exchange.say(b"x")
        await asyncio.sleep(0.01)


async def flood(exchange: Exchange) -> None:
    while True:
        await exchange.say(bytes(65_536))


async def reset(exchange: Exchange) -> None:
    exchange.reset()


async def test_a_body_that_stops_coming() -> None:
    limits = Limits(pause_s=0.2, bytes_per_s=100)
    script = saying(HEAD, b"Content-Length: 100\r\n\r\nabc", then=stall)
    assert await refusal(script, limits) == "it comes too slowly: less than 100 bytes a second over 0.2 seconds"


@both_loops
async def test_a_body_that_drips() -> None:
    """Every pause is short, and still it would take for ever."""
    limits = Limits(pause_s=0.3, bytes_per_s=1_000)
    assert "it comes too slowly: less than 1000 bytes" in await refusal(saying(HEAD, b"\r\n", then=drip), limits)


async def test_a_slow_body_that_is_quick_enough() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.say(HEAD + b"\r\n")
        for _ in range(8):
            await exchange.say(bytes(100))
            await asyncio.sleep(0.05)

    assert len(await fetched(script, Limits(pause_s=0.3, bytes_per_s=300))) == 800


async def test_a_body_without_end_is_cut_off_by_time() -> None:
    limits = Limits(total_s=0.3, max_bytes=1 << 60)
    assert await refusal(saying(HEAD, b"\r\n", then=flood), limits) == "it was not complete after 0.3 seconds"


@pytest.mark.parametrize("head", [b"\r\n", b"Transfer-Encoding: chunked\r\n\r\n" + b"f00000\r\n"])
async def test_a_body_without_end_is_cut_off_by_size(head: bytes) -> None:
    limits = Limits(max_bytes=3 * MIB)
    assert await refusal(saying(HEAD, head, then=flood), limits) == f"it is larger than {3 * MIB} bytes"


async def test_a_body_that_announces_too_much_is_not_read() -> None:
    script = saying(HEAD, b"Content-Length: 1001\r\n\r\n", then=stall)
    assert await refusal(script, Limits(max_bytes=1_000)) == "it is larger than 1000 bytes"
    script = saying(HEAD, b"Content-Length: 99999999999999999999\r\n\r\n", then=stall)
    assert await refusal(script, Limits()) == f"it is larger than {4 * 1024**3} bytes"


async def test_a_body_at_the_bound() -> None:
    assert await fetched(saying(HEAD, b"Content-Length: 4\r\n\r\nfeed"), Limits(max_bytes=4)) == b"feed"


async def test_what_comes_after_the_announced_length_is_not_read() -> None:
    assert await fetched(saying(HEAD, b"Content-Length: 4\r\n\r\nfeedmore"), Limits()) == b"feed"


@pytest.mark.parametrize(
    "body",
    [b"Content-Length: 100\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
     b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
     b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n", b"Transfer-Encoding: chunked\r\n\r\n-1\r\nx"],
)  # fmt: skip
async def test_a_body_that_ends_too_early(body: bytes) -> None:
    assert await refusal(saying(HEAD, body), Limits()) == BROKEN_OFF


@both_loops
async def test_a_connection_that_is_reset() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.say(HEAD + b"\r\n" + bytes(MIB))
        exchange.reset()

    assert await refusal(script, Limits()) == BROKEN_OFF


@pytest.mark.parametrize(
    "head",
    [b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", b"Content-Length: -1\r\n\r\n", b"Content-Length: x\r\n\r\n",
     b"Content-Length: 5, 6\r\n\r\n", b"Transfer-Encoding: gzip\r\n\r\n", b"A\x00B: c\r\n\r\n", b": x\r\n\r\n",
     b"Content-Length: 0x5\r\n\r\n", b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n"],
)  # fmt: skip
async def test_heads_that_can_not_be_read(head: bytes) -> None:
    assert await refusal(saying(HEAD, head, b"abcde"), Limits()) == UNREACHABLE


async def headers_without_end(exchange: Exchange) -> None:
    await exchange.say(HEAD)
    while True:
        await exchange.say(b"A: b\r\n" * 1_000)


async def header_without_end(exchange: Exchange) -> None:
    await exchange.say(HEAD + b"A: ")
    while True:
        await exchange.say(b"b" * 65_536)


async def interim_answers_without_end(exchange: Exchange) -> None:
    while True:
        await exchange.say(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 100)


async def first_line_without_end(exchange: Exchange) -> None:
    while True:
        await exchange.say(b"HTTP/1.1 200 " + b"O" * 65_536)


@both_loops
@pytest.mark.parametrize(
    "script", [headers_without_end, header_without_end, interim_answers_without_end, first_line_without_end]
)
async def test_a_head_without_end(script: Script) -> None:
    began = time.monotonic()
    assert await refusal(script, Limits()) == UNREACHABLE
    assert time.monotonic() - began < 5


async def test_trailers_without_end() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.say(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n")
        while True:
            await exchange.say(b"A: b\r\n" * 1_000)

    assert await refusal(script, Limits()) == BROKEN_OFF


async def test_a_large_head_within_the_bound() -> None:
    assert await fetched(saying(HEAD, b"A: bcd\r\n" * 7_000, b"\r\n", b"feed"), Limits()) == b"feed"


async def test_a_head_that_drips() -> None:
    began = time.monotonic()
    assert await refusal(saying(HEAD, b"A: ", then=drip), Limits(answer_s=0.3)) == UNREACHABLE
    assert time.monotonic() - began < 5


async def test_all_redirects_share_one_time() -> None:
    async def script(exchange: Exchange) -> None:
        await asyncio.sleep(0.2)
        await exchange.redirect("/")

    began = time.monotonic()
    assert await refusal(script, Limits(total_s=0.3)) == UNREACHABLE
    assert time.monotonic() - began < 0.8


@both_loops
async def test_a_redirects_body_is_not_waited_for() -> None:
    async def script(exchange: Exchange) -> None:
        if exchange.path == "/":
            await exchange.say(b"HTTP/1.1 302 Found\r\nLocation: /1\r\nContent-Length: 1000000\r\n\r\n")
            await exchange.gone()
        else:
            await exchange.answer(b"feed")

    assert await fetched(script, Limits()) == b"feed"


async def test_a_picture_that_takes_too_long() -> None:
    async with web(saying(HEAD, b"Content-Length: 100\r\n\r\nabc", then=drip)) as server:
        began = time.monotonic()
        with pytest.raises(SourceUnavailable, match=r"picture could not be fetched: it was not complete after 0\.2 s"):
            await Fetcher(HERE).fetch_picture(f"http://127.0.0.1:{server.port}/", max_bytes=100, timeout_s=0.2)
        assert time.monotonic() - began < 5


@asynccontextmanager
async def stalling(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Web]:
    """A server, and at the end of it no connection that the client still holds."""
    left = 0

    async def watched(exchange: Exchange) -> None:
        nonlocal left
        try:
            await script(exchange)
        finally:
            left += 1

    async with web(watched, tls=tls, listens_first=False) as server:
        yield server
        await eventually(lambda: left == server.connections, within=3, what="connections closed by the client")


async def given_up(fetcher: Fetcher, url: str, when: Callable[[], object]) -> None:
    """Starts a fetch, and cancels it when it has come as far as ``when`` says."""

    async def fetch() -> None:
        async with fetcher.open_source(url):
            pytest.fail("there is nothing to open")

    task = asyncio.create_task(fetch())
    await eventually(when, within=5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@both_loops
async def test_given_up_while_the_name_is_looked_up() -> None:
    asked = asyncio.Event()

    async def never(host: str, port: int) -> Sequence[str]:
        asked.set()
        await asyncio.Event().wait()
        return ()

    await given_up(Fetcher(HERE, resolve=never), "http://shop.test/", asked.is_set)


@both_loops
@pytest.mark.parametrize(
    "words",
    [b"", HEAD, HEAD + b"\r\n", HEAD + b"Content-Length: 3000000\r\n\r\n" + bytes(2 * MIB)],
    ids=["silent", "in its head", "after its head", "in its body"],
)
async def test_given_up_while_the_server_answers(words: bytes) -> None:
    said = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.hear()
        await exchange.say(words)
        said.set()
        await exchange.gone()

    async with stalling(script) as server:
        await given_up(Fetcher(HERE), f"http://127.0.0.1:{server.port}/", said.is_set)


@both_loops
async def test_given_up_in_the_middle_of_a_tls_handshake() -> None:
    async with stalling(stall) as server:
        await given_up(Fetcher(HERE), f"https://127.0.0.1:{server.port}/", lambda: server.connections)


@both_loops
async def test_given_up_over_tls() -> None:
    authority, theirs, ours = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(theirs)
    authority.configure_trust(ours)
    said = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.hear()
        await exchange.say(HEAD + b"Content-Length: 9\r\n\r\nabc")
        said.set()
        await exchange.gone()

    async with stalling(script, theirs) as server:
        await given_up(Fetcher(HERE, trust=ours), f"https://127.0.0.1:{server.port}/", said.is_set)


async def test_given_up_by_whoever_reads_the_feed() -> None:
    """What goes wrong inside is not taken for a fault of the source, and the file is closed."""
    kept = []

    async def read(url: str) -> None:
        async with Fetcher(HERE).open_source(url) as source:
            kept.append(source.stream)
            raise ZeroDivisionError

    async with web(saying(HEAD, b"\r\nfeed")) as server:
        with pytest.raises(ZeroDivisionError):
            await read(f"http://127.0.0.1:{server.port}/")
    (stream,) = kept
    assert stream is not None
    assert stream.closed


@both_loops
async def test_many_at_a_time() -> None:
    async with web(saying(HEAD, b"\r\npicture")) as server:
        fetcher, url = Fetcher(HERE), f"http://127.0.0.1:{server.port}/"
        pictures = [fetcher.fetch_picture(url, max_bytes=100, timeout_s=10) for _ in range(50)]
        assert await asyncio.gather(*pictures) == [b"picture"] * 50
