"""A feed from a path or from a web server that behaves: what comes, and when nothing has to."""

import gzip
import os
import resource
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from adserver.storage.fetch import Allowed, Fetcher, Source, Validators
from adserver.storage.interfaces import SourceUnavailable
from tests.contract.fetch_server import Exchange, Script, web

pytest_plugins = ["tests.contract.leftovers"]
pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("nothing_left")]

FEED = b"id\ttitle\n1\tShoe\n" * 10_000
HERE = Fetcher(Allowed.parse("127.0.0.1:*"))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def opened(url: str, known: Validators | None = None) -> tuple[bytes | None, Source]:
    """All of a source's bytes, None without a stream; and the source."""
    async with HERE.open_source(url, known=known) as source:
        if source.stream is None:
            return None, source
        assert source.stream.seekable()
        body = source.stream.read()
    assert source.stream.closed
    return body, source


async def refusal(url: str) -> str:
    with pytest.raises(SourceUnavailable) as caught:
        await opened(url)
    return str(caught.value)


@asynccontextmanager
async def serving(body: bytes = FEED, **headers: str) -> AsyncIterator[str]:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(body, **headers)

    async with web(script) as server:
        yield f"http://127.0.0.1:{server.port}/feed"


async def test_a_feed_from_the_web() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(FEED, etag='"1"', last_modified="Sun, 22 Nov 2026 10:00:00 GMT")

    async with web(script) as server:
        body, source = await opened(f"http://127.0.0.1:{server.port}/feed.tsv?shop=1")
        assert body == FEED
        assert source.size == len(FEED)
        assert source.validators == Validators('"1"', "Sun, 22 Nov 2026 10:00:00 GMT")
        (asked,) = server.heard
        assert asked.line == "GET /feed.tsv?shop=1 HTTP/1.1"
        assert asked.headers == {
            "host": f"127.0.0.1:{server.port}",
            "user-agent": "adserver",
            "accept": "*/*",
            "accept-encoding": "identity",
        }


@pytest.mark.parametrize(
    ("known", "sent"),
    [
        (Validators('"1"', ""), {"if-none-match": '"1"'}),
        (Validators("", "Sun, 22 Nov 2026 10:00:00 GMT"), {"if-modified-since": "Sun, 22 Nov 2026 10:00:00 GMT"}),
        (Validators('W/"1"', "yesterday"), {"if-none-match": 'W/"1"', "if-modified-since": "yesterday"}),
    ],
)
async def test_a_feed_that_did_not_change(known: Validators, sent: dict[str, str]) -> None:
    async def script(exchange: Exchange) -> None:
        if sent.items() <= exchange.headers.items():
            await exchange.answer(status="304 Not Modified")
        else:
            await exchange.answer(FEED, etag=known.etag, last_modified=known.last_modified)

    async with web(script) as server:
        url = f"http://127.0.0.1:{server.port}/feed"
        body, first = await opened(url)
        assert (body, first.validators) == (FEED, known)
        body, again = await opened(url, first.validators)
        assert (body, again) == (None, Source(None, known, 0))


async def test_a_304_may_bring_a_new_validator() -> None:
    async with serving(b"", status="304 Not Modified", etag='"2"') as url:
        _, source = await opened(url, Validators('"1"', "yesterday"))
        assert source == Source(None, Validators('"2"', "yesterday"), 0)


@pytest.mark.parametrize("known", [None, Validators()])
async def test_a_304_that_nobody_asked_for(known: Validators | None) -> None:
    async with serving(b"", status="304 Not Modified") as url:
        with pytest.raises(SourceUnavailable, match="status 304, expected 200"):
            await opened(url, known)


async def test_a_changed_feed_is_fetched_whatever_was_known() -> None:
    async with serving(etag='"2"') as url:
        body, source = await opened(url, Validators('"1"'))
        assert (body, source.validators.etag) == (FEED, '"2"')


@pytest.mark.parametrize("etag", ['"' + "x" * 600 + '"', '"ä"', '"a\tb"'])
async def test_a_validator_that_can_not_be_sent_back_is_not_kept(etag: str) -> None:
    async with serving(etag=etag) as url:
        assert (await opened(url))[1].validators == Validators()


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", " GZip "])
async def test_a_body_packed_unasked_is_kept_as_it_came(encoding: str) -> None:
    packed = gzip.compress(FEED)
    async with serving(packed, content_encoding=encoding) as url:
        body, source = await opened(url)
        assert (body, source.size) == (packed, len(packed))


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "gzip, br", "nonsense", "compress"])
async def test_other_encodings_are_refused(encoding: str) -> None:
    async with serving(content_encoding=encoding) as url:
        assert "in an encoding that was not asked for, expected none or gzip" in await refusal(url)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("401 Unauthorized", "asks for a user name and a password (status 401)"),
        ("404 Not Found", "answered with status 404, expected 200"),
        ("204 No Content", "answered with status 204, expected 200"),
        ("206 Partial Content", "answered with status 206, expected 200"),
        ("302 Found", "answered with status 302, expected 200"),
        ("300 Multiple Choices", "answered with status 300, expected 200"),
        ("503 Service Unavailable", "answered with status 503, expected 200"),
    ],
)
async def test_an_answer_that_is_no_feed(status: str, text: str) -> None:
    async with serving(b"", status=status) as url:
        assert await refusal(url) == f"the feed could not be fetched: its address {text}"


async def test_the_forms_a_body_may_come_in() -> None:
    async def script(exchange: Exchange) -> None:
        head = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\n"
        if exchange.path == "/chunked":
            await exchange.say(
                f"{head}Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: v\r\n\r\n".encode()
            )
        elif exchange.path == "/until-the-end":
            await exchange.say(f"{head}\r\nabcde".encode())
        elif exchange.path == "/twice-the-same-length":
            await exchange.say(f"{head}Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde".encode())
        else:
            await exchange.say(b"HTTP/1.0 200 OK\r\n\r\nabcde")

    async with web(script) as server:
        for path in ("chunked", "until-the-end", "twice-the-same-length", "old"):
            assert (await opened(f"http://127.0.0.1:{server.port}/{path}"))[0] == b"abcde"


async def test_no_cookies_and_no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    async def script(exchange: Exchange) -> None:
        if exchange.path == "/a":
            await exchange.answer(status="302 Found", location="/b", set_cookie="a=b")
        else:
            await exchange.answer(FEED)

    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with web(script) as server:
        assert (await opened(f"http://127.0.0.1:{server.port}/a"))[0] == FEED
        assert [exchange.path for exchange in server.heard] == ["/a", "/b"]
        assert "cookie" not in server.heard[1].headers


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """What a full disk does, done by the system's limit on a file's size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_disk_that_does_not_take_it() -> None:
    async with serving(bytes(5 * 1024 * 1024)) as url:
        with files_of_at_most(2 * 1024 * 1024):
            text = await refusal(url)
        assert text == "the feed could not be fetched: this server could not keep it on its disk: File too large"
        assert (await opened(url))[1].size == 5 * 1024 * 1024


async def test_no_folder_for_temporary_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    async with serving() as url:
        assert "this server could not keep it on its disk: No such file or directory" in await refusal(url)


async def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "feed 1: new.tsv"
    path.write_bytes(FEED)
    body, source = await opened(str(path))
    assert (body, source.size) == (FEED, len(FEED))
    assert source.validators == Validators(str(len(FEED)), str(path.stat().st_mtime_ns))
    assert await opened(str(path), source.validators) == (None, Source(None, source.validators, 0))
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    assert (await opened(str(path), source.validators))[0] == FEED
    path.write_bytes(FEED + b"2\tBoot\n")
    os.utime(path, ns=(0, int(source.validators.last_modified)))
    assert (await opened(str(path), source.validators))[1].size == len(FEED) + 7


async def test_a_link_to_a_file(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(FEED)
    (tmp_path / "link").symlink_to("real")
    assert (await opened(str(tmp_path / "link")))[0] == FEED


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("missing.xml", "No such file or directory"),
        ("missing/feed.xml", "No such file or directory"),
        ("folder", "it is a folder"),
        ("pipe", "it is not a regular file"),
        ("link-to-pipe", "it is not a regular file"),
        ("link-to-itself", "Too many levels of symbolic links"),
        ("/dev/zero", "it is not a regular file"),
        ("nul\0byte", "no file has such a name"),
        ("a" * 300, "File name too long"),
        ("line\nbreak", "No such file or directory"),
    ],
)
async def test_what_is_not_a_file(tmp_path: Path, path: str, why: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link-to-pipe").symlink_to("pipe")
    (tmp_path / "link-to-itself").symlink_to("link-to-itself")
    text = await refusal(os.path.join(tmp_path, path))
    assert text.startswith(f"the feed's file can not be read: {why}: ")
    assert "\n" not in text


async def test_a_pipe_does_not_hang_even_while_somebody_writes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(FEED,))
    writer.start()
    assert "it is not a regular file" in await refusal(str(tmp_path / "pipe"))
    (tmp_path / "pipe").read_bytes()
    writer.join(10)


@pytest.mark.parametrize(
    "source",
    ["ftp://shop.test/feed.xml", "file:///etc/passwd", "s3://bucket/feed", " FILE:///etc/passwd", "sftp://a/b"],
)
async def test_an_address_that_is_not_of_the_web(source: str) -> None:
    assert "expected https://host/path or http://host/path" in await refusal(source)


async def test_a_body_of_many_writes_is_given_in_order() -> None:
    blocks = [bytes([number]) * 70_001 for number in range(100)]

    async def script(exchange: Exchange) -> None:
        await exchange.say(b"HTTP/1.1 200 OK\r\n\r\n")
        for block in blocks:
            await exchange.say(block)

    read: Script = script
    async with web(read) as server:
        body, source = await opened(f"http://127.0.0.1:{server.port}/")
        assert body == b"".join(blocks)
        assert source.size == 7_000_100


async def test_a_picture() -> None:
    async with serving(b"picture") as url:
        assert await HERE.fetch_picture(url, max_bytes=7, timeout_s=5) == b"picture"
        with pytest.raises(SourceUnavailable, match="the picture could not be fetched: it is larger than 6 bytes"):
            await HERE.fetch_picture(url, max_bytes=6, timeout_s=5)
        with pytest.raises(SourceUnavailable, match="a user name and a password in it"):
            await HERE.fetch_picture(url.replace("127", "me:pw@127"), max_bytes=7, timeout_s=5)
        with pytest.raises(SourceUnavailable, match="expected https://"):
            await HERE.fetch_picture("/etc/passwd", max_bytes=7, timeout_s=5)


@pytest.mark.parametrize(
    ("packed", "outcome"),
    [
        (gzip.compress(b"picture"), b"picture"),
        (gzip.compress(bytes(10_000_000)), "cut off, or larger than 50000 bytes unpacked"),
        (gzip.compress(bytes(50_000)), bytes(50_000)),
        (gzip.compress(b"picture")[:-3], "cut off, or larger than 50000 bytes unpacked"),
        (b"picture", "sent as gzip is none"),
        (b"", "cut off, or larger"),
    ],
    ids=["whole", "bomb", "at the bound", "cut off", "not gzip", "empty"],
)
async def test_a_picture_packed_unasked(packed: bytes, outcome: bytes | str) -> None:
    async with serving(packed, content_encoding="gzip") as url:
        if isinstance(outcome, bytes):
            assert await HERE.fetch_picture(url, max_bytes=50_000, timeout_s=5) == outcome
        else:
            with pytest.raises(SourceUnavailable, match=outcome):
                await HERE.fetch_picture(url, max_bytes=50_000, timeout_s=5)
