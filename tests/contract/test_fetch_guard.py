"""What is never connected to, whichever way leads there, and what is said about it."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import cycle
from socket import AF_INET6, has_ipv6, socket

import httpcore2
import pytest
import trustme

from adserver.storage.fetch import Allowed, Fetcher, Limits
from adserver.storage.fetch.guard import MAX_ADDRESSES, GuardedBackend, HeadBudget
from adserver.storage.fetch.names import look_up
from adserver.storage.fetch.request import UNREACHABLE
from adserver.storage.interfaces import SourceUnavailable
from tests.contract.fetch_server import Exchange, Script, web

pytest_plugins = ["tests.contract.leftovers"]
pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("nothing_left")]

BODY = b"feed"
QUICK = Limits(connect_s=0.3, answer_s=0.3, pause_s=1.0)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Names:
    """A name server: each question gets the next of its answers, again and again. ``asked``: the questions."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = cycle(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        answer = next(self._answers)
        if not answer:
            raise OSError("no such name")
        return answer


async def feed(exchange: Exchange) -> None:
    await exchange.answer(BODY)


async def fetched(fetcher: Fetcher, url: str) -> bytes:
    async with fetcher.open_source(url) as source:
        assert source.stream is not None
        return source.stream.read()


async def refusal(fetcher: Fetcher, url: str) -> str:
    with pytest.raises(SourceUnavailable) as caught:
        await fetched(fetcher, url)
    return str(caught.value).removeprefix("the feed could not be fetched: ")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "localhost.", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]"]
)
async def test_this_machine_is_not_asked(host: str) -> None:
    async with web(feed) as server:
        fetcher = Fetcher(Allowed())
        assert await refusal(fetcher, f"http://{host}:{server.port}/") == UNREACHABLE
        assert await refusal(fetcher, f"http://{host}/") == UNREACHABLE
        assert server.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "shop.test"])
async def test_the_operator_opens_one_port_and_no_other(host: str) -> None:
    async with web(feed) as server, web(feed) as other:
        fetcher = Fetcher(Allowed.parse(f"{host}:{server.port}"), resolve=Names(["127.0.0.1"]))
        assert await fetched(fetcher, f"http://{host}:{server.port}/") == BODY
        assert await refusal(fetcher, f"http://{host}:{other.port}/") == UNREACHABLE
        assert other.connections == 0


async def test_the_name_stays_in_the_host_header() -> None:
    names = Names(["127.0.0.1"])
    async with web(feed) as server:
        fetcher = Fetcher(Allowed.parse("shop.test:*"), resolve=names)
        await fetched(fetcher, f"http://SHOP.test.:{server.port}/")
        assert server.heard[0].headers["host"] == f"shop.test:{server.port}"
        assert names.asked == ["shop.test"]


async def test_a_name_is_looked_up_once_and_its_next_answer_is_checked_anew() -> None:
    """First an address that may be asked, then, for the redirect to the same name, one that may not."""

    async def to_itself(exchange: Exchange) -> None:
        await exchange.redirect("/again")

    async with web(to_itself, host="127.0.0.2") as good, web(feed, port=good.port) as inside:
        names = Names(["127.0.0.2"], ["127.0.0.1"])
        fetcher = Fetcher(Allowed.parse(f"127.0.0.2:{good.port}"), resolve=names)
        assert await refusal(fetcher, f"http://shop.test:{good.port}/") == UNREACHABLE
        assert names.asked == ["shop.test", "shop.test"]
        assert (good.connections, inside.connections) == (1, 0)


async def test_answers_that_alternate_between_good_and_bad_never_lead_to_the_bad_one() -> None:
    async with web(feed, host="127.0.0.2") as good, web(feed, port=good.port) as inside:
        names = Names(["127.0.0.1"], ["127.0.0.2"])
        fetcher = Fetcher(Allowed.parse(f"127.0.0.2:{good.port}"), resolve=names)
        for _ in range(5):
            assert await refusal(fetcher, f"http://shop.test:{good.port}/") == UNREACHABLE
            assert await fetched(fetcher, f"http://shop.test:{good.port}/") == BODY
        assert (good.connections, inside.connections, len(names.asked)) == (5, 0, 10)


@pytest.mark.parametrize(
    "bad", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.2", "fe80::1%lo", "nonsense", "0x7f.1"]
)
async def test_one_bad_address_spoils_all(bad: str) -> None:
    async with web(feed, host="127.0.0.2") as server:
        for answer in (["127.0.0.2", bad], [bad, "127.0.0.2"]):
            fetcher = Fetcher(Allowed.parse("127.0.0.2:*"), resolve=Names(answer))
            assert await refusal(fetcher, f"http://shop.test:{server.port}/") == UNREACHABLE
        assert server.connections == 0


async def test_more_addresses_than_any_shop_has() -> None:
    async with web(feed) as server:
        many = Names(["127.0.0.1"] * (MAX_ADDRESSES + 1))
        assert await refusal(Fetcher(Allowed.parse("shop.test:*"), resolve=many), f"http://shop.test:{server.port}/")
        assert server.connections == 0


async def test_the_next_address_where_the_first_does_not_answer() -> None:
    async with web(feed, host="127.0.0.2") as server:
        fetcher = Fetcher(Allowed.parse("shop.test:*"), resolve=Names(["127.0.0.3", "127.0.0.2"]))
        assert await fetched(fetcher, f"http://shop.test:{server.port}/") == BODY


async def test_ipv6() -> None:
    if not _has_ipv6():
        pytest.skip("this machine has no IPv6 loopback")
    async with web(feed, host="::1") as server:
        assert await fetched(Fetcher(Allowed.parse(f"[::1]:{server.port}")), f"http://[::1]:{server.port}/") == BODY
        assert server.heard[0].headers["host"] == f"[::1]:{server.port}"
        named = Fetcher(Allowed.parse(f"[::1]:{server.port}"), resolve=Names(["::1"]))
        assert await fetched(named, f"http://shop.test:{server.port}/") == BODY
        assert await refusal(Fetcher(Allowed.parse("127.0.0.0/8:*")), f"http://[::1]:{server.port}/") == UNREACHABLE


def _has_ipv6() -> bool:
    if not has_ipv6:
        return False
    try:
        with socket(AF_INET6) as found:
            found.bind(("::1", 0))
    except OSError:
        return False
    return True


class Elsewhere(httpcore2.AnyIOBackend):
    """A network on which connections end up at another address than the one they were made to."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def connect_tcp(self, host: str, port: int, *more: object, **named: object) -> httpcore2.AsyncNetworkStream:
        return await super().connect_tcp(self._address, port)


async def test_the_address_really_connected_to_is_compared() -> None:
    async with web(feed, listens_first=False) as server:
        for address, reached in (("127.0.0.2", False), ("127.0.0.1", True)):
            guard = GuardedBackend(
                Allowed.parse("127.0.0.0/8:*"), Names([address]), HeadBudget(), tcp=Elsewhere("127.0.0.1")
            )
            if reached:
                await (await guard.connect_tcp("shop.test", server.port, 5)).aclose()
            else:
                with pytest.raises(httpcore2.ConnectError):
                    await guard.connect_tcp("shop.test", server.port, 5)


async def test_the_systems_resolver() -> None:
    assert "127.0.0.1" in await look_up("localhost", 80)
    assert await look_up("shop.localhost", 80) == await look_up("localhost", 80)
    with pytest.raises(OSError):
        await look_up("no-such-name.invalid", 80)


async def silence(exchange: Exchange) -> None:
    await exchange.gone()


async def garbage(exchange: Exchange) -> None:
    await exchange.say(b"SSH-2.0-OpenSSH_9.9\r\n" * 10)
    await exchange.gone()


async def hang_up(exchange: Exchange) -> None:
    exchange.reset()


async def half_a_head(exchange: Exchange) -> None:
    await exchange.say(b"HTTP/1.1 200 OK\r\nContent-Le")


async def empty_line(exchange: Exchange) -> None:
    await exchange.say(b"\r\n\r\n")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_open_and_closed_ports_are_told_in_the_same_words(scheme: str) -> None:
    texts = []
    opened = Fetcher(Allowed.parse("127.0.0.1:*,shop.test:*"), resolve=Names([]), limits=QUICK)
    closed = Fetcher(Allowed())
    for script in (silence, garbage, hang_up, half_a_head, empty_line):
        async with web(script) as server:
            texts.append(await refusal(opened, f"{scheme}://127.0.0.1:{server.port}/"))
            texts.append(await refusal(closed, f"{scheme}://127.0.0.1:{server.port}/"))
    texts.append(await refusal(opened, f"{scheme}://127.0.0.1:{server.port}/"))  # nobody listens there any more
    texts.append(await refusal(opened, f"{scheme}://shop.test/"))
    texts.append(await refusal(closed, f"{scheme}://169.254.169.254/latest/meta-data/"))
    texts.append(await refusal(closed, f"{scheme}://8.8.8.8:6379/"))
    assert set(texts) == {UNREACHABLE}


@pytest.mark.parametrize("timeout_s", [0.05, 5.0])
async def test_the_same_of_pictures(timeout_s: float) -> None:
    texts = set()
    for script in (silence, hang_up):
        async with web(script) as server:
            fetcher = Fetcher(Allowed.parse("127.0.0.1:*"), limits=QUICK)
            for url in (f"http://127.0.0.1:{server.port}/", "http://127.0.0.1:1/", "http://10.0.0.1/"):
                with pytest.raises(SourceUnavailable) as caught:
                    await fetcher.fetch_picture(url, max_bytes=10, timeout_s=min(timeout_s, 0.3))
                texts.add(str(caught.value))
    assert texts == {f"the picture could not be fetched: {UNREACHABLE}"}


async def test_a_name_server_that_does_not_answer() -> None:
    async def never(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return ()

    began = time.monotonic()
    fetcher = Fetcher(Allowed(), resolve=never, limits=Limits(connect_s=0.1))
    assert await refusal(fetcher, "http://shop.test/") == UNREACHABLE
    assert time.monotonic() - began < 5


def redirecting(*locations: str, last: Callable[[Exchange], Awaitable[None]] = feed) -> Script:
    """One redirect after the other; the last place answers."""

    async def script(exchange: Exchange) -> None:
        step = int(exchange.path.strip("/").partition("-")[0] or 0)
        if step < len(locations):
            await exchange.redirect(locations[step])
        else:
            await last(exchange)

    return script


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/", "http://127.0.0.1/", "http://127.0.0.1:1/", "http://10.0.0.1/",
        "http://[::1]/", "http://[::ffff:169.254.169.254]/", "http://localhost/", "//127.0.0.1/", "http://192.168.0.1:80/",
        "http://[64:ff9b::7f00:1]/", "http://100.64.0.1/", "http://0.0.0.0/", "http://224.0.0.1/",
    ],
)  # fmt: skip
async def test_redirects_into_the_private_network(location: str) -> None:
    async with web(redirecting(location), host="127.0.0.2") as server:
        fetcher = Fetcher(Allowed.parse(f"127.0.0.2:{server.port}"))
        assert await refusal(fetcher, f"http://127.0.0.2:{server.port}/") == UNREACHABLE


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "FILE:///etc/passwd", "ftp://shop.test/", "gopher://shop.test/", "data:text/plain,x",
     "javascript:alert(1)", "http://2130706433/", "http://0177.0.0.1/", "http://127.1/", "http://a\\b/",
     "\\\\evil.test/", "http://me:secret@127.0.0.2/", "http://shop.test:0/", "http://[::1/", "http://shop\tx.test/"],
)  # fmt: skip
async def test_redirects_to_what_is_no_address_of_the_web(location: str) -> None:
    async with web(redirecting(location), host="127.0.0.2") as server:
        fetcher = Fetcher(Allowed.parse(f"127.0.0.2:{server.port}"))
        text = await refusal(fetcher, f"http://127.0.0.2:{server.port}/")
        assert text == "its address redirects to one that can not be used"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_three_redirects_and_no_more(status: int) -> None:
    async def script(exchange: Exchange) -> None:
        step = int(exchange.path[1:])
        if step:
            await exchange.answer(status=f"{status} Moved", location=f"/{step - 1}")
        else:
            await exchange.answer(BODY)

    async with web(script) as server:
        fetcher = Fetcher(Allowed.parse("127.0.0.1:*"))
        assert await fetched(fetcher, f"http://127.0.0.1:{server.port}/3") == BODY
        assert [exchange.path for exchange in server.heard] == ["/3", "/2", "/1", "/0"]
        text = await refusal(fetcher, f"http://127.0.0.1:{server.port}/4")
        assert text == "its address redirects more than 3 times"
        assert server.connections == 8


async def test_a_circle_of_redirects() -> None:
    async with web(redirecting("/0")) as server:
        text = await refusal(Fetcher(Allowed.parse("127.0.0.1:*")), f"http://127.0.0.1:{server.port}/")
        assert text == "its address redirects more than 3 times"
        assert server.connections == 4


@pytest.mark.parametrize(
    ("location", "asked"),
    [("1-next?a=1#top", "/1-next?a=1"), ("/1-größe 1.xml", "/1-gr%C3%B6%C3%9Fe%201.xml"), ("/1-%C3%A4", "/1-%C3%A4"),
     ("../../1-up", "/1-up"), ("//127.0.0.1:{port}/1-same", "/1-same"), ("http:1-odd", "/1-odd")],
)  # fmt: skip
async def test_where_a_redirect_leads(location: str, asked: str) -> None:
    async def script(exchange: Exchange) -> None:
        if exchange.path == "/":
            await exchange.redirect(location.format(port=server.port))
        else:
            await exchange.answer(BODY)

    async with web(script) as server:
        fetcher = Fetcher(Allowed.parse("127.0.0.1:*"))
        assert await fetched(fetcher, f"http://127.0.0.1:{server.port}/") == BODY
        assert server.heard[1].path == asked


async def test_credentials_stay_with_their_origin() -> None:
    async with web(feed) as other, web(redirecting("/1", f"http://127.0.0.1:{other.port}/")) as server:
        fetcher = Fetcher(Allowed.parse("127.0.0.1:*"))
        assert await fetched(fetcher, f"http://me:secret@127.0.0.1:{server.port}/") == BODY
        assert [exchange.headers.get("authorization") for exchange in server.heard] == ["Basic bWU6c2VjcmV0"] * 2
        assert "authorization" not in other.heard[0].headers


async def test_secrets_are_not_in_the_texts_of_errors() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(status="404 Not Found")

    async with web(script) as server:
        fetcher = Fetcher(Allowed.parse("127.0.0.1:*"))
        for port in (server.port, 1):
            assert "secret" not in await refusal(fetcher, f"http://me:secret@127.0.0.1:{port}/?key=secret")


@asynccontextmanager
async def https(script: Script, authority: trustme.CA, *names: str) -> AsyncIterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    async with web(script, tls=context) as server:
        yield server.port


def trusting(authority: trustme.CA, *answers: Sequence[str]) -> Fetcher:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return Fetcher(Allowed.parse("127.0.0.1:*,shop.test:*"), resolve=Names(*answers or (["127.0.0.1"],)), trust=context)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


async def test_https_with_the_name_of_the_host(authority: trustme.CA) -> None:
    """The connection goes to an address, the handshake names the host, and the certificate must be the host's."""
    async with https(feed, authority, "shop.test") as port:
        assert await fetched(trusting(authority), f"https://shop.test:{port}/") == BODY
        assert await fetched(trusting(authority), f"https://SHOP.test.:{port}/") == BODY
        text = await refusal(trusting(authority), f"https://127.0.0.1:{port}/")
        assert text.startswith("its certificate is not valid: IP address mismatch")


async def test_certificates_that_are_not_believed(authority: trustme.CA) -> None:
    async with https(feed, authority, "other.test") as port:
        text = await refusal(trusting(authority), f"https://shop.test:{port}/")
        assert text == "its certificate is not valid: Hostname mismatch, certificate is not valid for 'shop.test'."
    async with https(feed, trustme.CA(), "shop.test") as port:
        assert "its certificate is not valid: " in await refusal(trusting(authority), f"https://shop.test:{port}/")
        unknown = Fetcher(Allowed.parse("shop.test:*"), resolve=Names(["127.0.0.1"]))
        assert "its certificate is not valid: " in await refusal(unknown, f"https://shop.test:{port}/")


async def test_never_from_https_to_http(authority: trustme.CA) -> None:
    async with web(feed) as plain:
        async with https(redirecting(f"http://127.0.0.1:{plain.port}/1"), authority, "shop.test") as port:
            text = await refusal(trusting(authority), f"https://shop.test:{port}/")
            assert text == "its address redirects from https:// to http://, expected https://"
        assert plain.connections == 0


async def test_from_http_to_https(authority: trustme.CA) -> None:
    async with (
        https(feed, authority, "shop.test") as port,
        web(redirecting(f"https://shop.test:{port}/1")) as plain,
    ):
        assert await fetched(trusting(authority), f"http://shop.test:{plain.port}/") == BODY
