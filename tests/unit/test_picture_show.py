"""A picture's URL becomes a picture: with a real shop, real processes and a real folder."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from adserver.service import show_picture
from adserver.service.picture_links import WEEK_S, PictureLinks
from adserver.service.picture_pool import PicturePool, PicturesBusy
from adserver.service.shop_pictures import REST_S, ShopPictures
from adserver.service.show_picture import YEAR_S, Outcome, Shown, ShowPicture
from adserver.storage.fetch import Allowed, Fetcher
from adserver.storage.pictures import open_pictures
from adserver.tracking.keyring import Keyring
from tests.shop import Shop, encoded, running_shop, shoe

pytestmark = pytest.mark.anyio

LINKS = PictureLinks(Keyring([b"k7Qm2vXp9Lr4Ts8Wd1Zc6Nb3Hf5Jg0Ya"], "picture"), base_url="")
NOW = time.time()


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """As the server runs."""
    return "asyncio"


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with running_shop() as running:
        yield running


@pytest.fixture
def pages(shop: Shop) -> Iterator[Shop]:
    """The shop, as it was at first."""
    before = dict(shop.pages)
    shop.asked.clear()
    yield shop
    shop.pages, shop.slow_s = before, 0.0


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[PicturePool]:
    running = PicturePool(1, deadline_s=20)
    yield running
    await running.close()


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Worker:
    """What one worker of the server has."""

    show: ShowPicture
    clock: Clock

    async def __call__(
        self, *sources: str, width: int = 86, webp: bool = True, now: float = NOW, weeks: int = 0
    ) -> Shown:
        made = LINKS.of(sources, letter="S", color="#aa0000", width=width, height=120, now=now)
        signed = made.url.removeprefix("/media/")
        shown = await self.show(signed, webp=webp, now=now + weeks * WEEK_S)
        assert shown is not None
        return shown


def originals(folder: Path) -> list[Path]:
    return list(folder.glob("original/*/*"))


Make = Callable[[bytes, int, int, str], Awaitable[bytes]]


@asynccontextmanager
async def worker(folder: Path, make: Make) -> AsyncIterator[Worker]:
    clock = Clock()
    store = open_pictures("", folder, max_bytes=10_000_000)
    show = ShowPicture(LINKS, ShopPictures(Fetcher(Allowed.parse("127.0.0.1:*")), clock), store, make)
    try:
        yield Worker(show, clock)
    finally:
        await show.close()
        store.close()


async def test_a_picture_is_fetched_once_and_made_once_per_size_and_kind(
    pages: Shop, tmp_path: Path, pool: PicturePool
) -> None:
    source = pages.url + "/shoe.jpg"
    async with worker(tmp_path, pool.make) as show:
        first = await show(source)
        assert (first.outcome, first.media_type, first.max_age) == (Outcome.MADE, "image/webp", YEAR_S)
        again = await show(source)
        assert again == first._replace(outcome=Outcome.MEMORY)
        other = await show(source, webp=False)
        assert (other.outcome, other.media_type) == (Outcome.MADE, "image/jpeg")
        assert other.etag != first.etag
        assert (await show(source, width=54)).outcome is Outcome.MADE
    async with worker(tmp_path, pool.make) as show:  # after a restart
        assert await show(source) == first._replace(outcome=Outcome.STORED)
        assert (await show(source, width=54)).outcome is Outcome.STORED
        assert (await show(source, width=55)).outcome is Outcome.MADE
    assert pages.asked == {"/shoe.jpg": 1}


async def test_many_who_ask_at_once_cost_one_fetch_in_all_workers(
    pages: Shop, tmp_path: Path, pool: PicturePool
) -> None:
    pages.slow_s = 0.1
    source = pages.url + "/shoe.jpg"
    async with worker(tmp_path, pool.make) as one, worker(tmp_path, pool.make) as two:
        asked = [(one, two)[n % 2](source, width=(86, 54)[n // 2 % 2], webp=n % 3 > 0) for n in range(24)]
        shown = await asyncio.gather(*asked)
    assert {one.media_type for one in shown} == {"image/webp", "image/jpeg"}
    assert {one.max_age for one in shown} == {YEAR_S}
    assert pages.asked == {"/shoe.jpg": 1}


async def test_next_week_the_shop_is_asked_again(pages: Shop, tmp_path: Path, pool: PicturePool) -> None:
    source = pages.url + "/shoe.jpg"
    async with worker(tmp_path, pool.make) as show:
        before = await show(source)
        pages.pages["/shoe.jpg"] = encoded(shoe(ground="#dfe6ea"))
        assert (await show(source)).body == before.body
        # The old URL stays what it was.
        assert (await show(source, now=NOW, weeks=1)).body == before.body
        after = await show(source, now=NOW + WEEK_S)
        assert after.body != before.body
        assert pages.asked == {"/shoe.jpg": 2}
        # What has not changed is not made again.
        assert (await show(source, now=NOW + 2 * WEEK_S)).body == after.body
    assert pages.asked == {"/shoe.jpg": 3}


@pytest.mark.parametrize(
    ("path", "outcome"),
    [
        ("/gone.jpg", Outcome.UNAVAILABLE),
        ("/lies.jpg", Outcome.UNAVAILABLE),
        ("/large.jpg", Outcome.UNAVAILABLE),
        ("/to-private.jpg", Outcome.UNAVAILABLE),
        ("/to-other-port.jpg", Outcome.UNAVAILABLE),
        ("/page.html", Outcome.REFUSED),
        ("/drawing.svg", Outcome.REFUSED),
        ("/empty.jpg", Outcome.REFUSED),
        ("/cut.jpg", Outcome.REFUSED),
    ],
)
async def test_what_can_not_be_shown_gets_a_placeholder_and_is_not_asked_for_again_and_again(
    pages: Shop, tmp_path: Path, pool: PicturePool, path: str, outcome: Outcome
) -> None:
    async with worker(tmp_path, pool.make) as show:
        for width in (86, 86, 54):
            shown = await show(pages.url + path, width=width)
            assert (shown.outcome, shown.media_type) == (outcome, "image/svg+xml")
            assert b"#aa0000" in shown.body
            assert shown.max_age <= 60
        assert pages.asked == {path: 1}
        show.clock.now += 601
        await show(pages.url + path)
        assert pages.asked == {path: 2}
    assert not originals(tmp_path)  # what is no picture is not kept


async def test_a_picture_that_came_back_is_shown(pages: Shop, tmp_path: Path, pool: PicturePool) -> None:
    async with worker(tmp_path, pool.make) as show:
        assert (await show(pages.url + "/new.jpg")).outcome is Outcome.UNAVAILABLE
        pages.pages["/new.jpg"] = encoded(shoe())
        show.clock.now += 61
        assert (await show(pages.url + "/new.jpg")).outcome is Outcome.MADE


async def test_the_next_picture_of_the_product_stands_in(pages: Shop, tmp_path: Path, pool: PicturePool) -> None:
    async with worker(tmp_path, pool.make) as show:
        shown = await show(pages.url + "/gone.jpg", pages.url + "/shoe.jpg")
        assert (shown.outcome, shown.media_type) == (Outcome.OTHER, "image/webp")
        assert shown.max_age == 3_600  # the first may come back
        assert (await show(pages.url + "/page.html", pages.url + "/gone.jpg")).outcome is Outcome.UNAVAILABLE


async def test_no_picture_at_all_is_a_placeholder(tmp_path: Path, pool: PicturePool) -> None:
    async with worker(tmp_path, pool.make) as show:
        assert (await show()).outcome is Outcome.MISSING


async def test_a_private_address_is_never_asked(tmp_path: Path, pool: PicturePool) -> None:
    async with worker(tmp_path, pool.make) as show:
        for source in ("http://169.254.169.254/a.jpg", "http://10.0.0.1/a.jpg", "file:///etc/passwd", "http://[::1]/a"):
            assert (await show(source)).outcome is Outcome.UNAVAILABLE


async def test_a_url_that_is_not_ours_fetches_nothing(pages: Shop, tmp_path: Path, pool: PicturePool) -> None:
    foreign = PictureLinks(Keyring([b"an0ther-s3cret-of-thirty-2-chars"], "picture"), base_url="")
    made = foreign.of([pages.url + "/shoe.jpg"], letter="S", color="", width=86, height=120, now=NOW)
    async with worker(tmp_path, pool.make) as show:
        assert await show.show(made.url.removeprefix("/media/"), webp=True, now=NOW) is None
        own = LINKS.of([pages.url + "/shoe.jpg"], letter="S", color="", width=86, height=120, now=NOW)
        assert await show.show(own.url.removeprefix("/media/"), webp=True, now=own.until + 2 * WEEK_S) is None
    assert not pages.asked


async def test_a_shop_that_stalls_keeps_nobody_waiting_for_long(
    pages: Shop, tmp_path: Path, pool: PicturePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adserver.service.shop_pictures.TIMEOUT_S", 0.4)
    async with worker(tmp_path, pool.make) as show:
        monkeypatch.setattr(show_picture, "WAIT_S", 0.1)
        began = time.monotonic()
        assert (await show(pages.url + "/stall.jpg")).outcome is Outcome.SLOW
        assert time.monotonic() - began < 0.4
        show.show._shops._clock = time.monotonic
        monkeypatch.setattr(show_picture, "WAIT_S", 5.0)
        stalling = ["/stall.jpg", *(f"/stall-{number}.jpg" for number in range(2))]
        shown = await asyncio.gather(*(show(pages.url + path) for path in stalling))
        assert {one.outcome for one in shown} == {Outcome.UNAVAILABLE}
        # Its other pictures are not even tried for a moment.
        assert (await show(pages.url + "/shoe.jpg")).outcome is Outcome.UNAVAILABLE
        assert pages.asked == dict.fromkeys(stalling, 1)
        show.show._shops._clock = lambda: time.monotonic() + REST_S
        assert (await show(pages.url + "/shoe.jpg")).outcome is Outcome.MADE


async def test_a_visitor_who_did_not_wait_finds_the_picture_next_time(
    pages: Shop, tmp_path: Path, pool: PicturePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages.slow_s = 0.2
    monkeypatch.setattr(show_picture, "WAIT_S", 0.05)
    async with worker(tmp_path, pool.make) as show:
        slow = await show(pages.url + "/shoe.jpg")
        assert (slow.outcome, slow.max_age) == (Outcome.SLOW, 5)
        await asyncio.gather(*show.show._under_way.values())
        assert (await show(pages.url + "/shoe.jpg")).outcome is Outcome.MEMORY
    assert pages.asked == {"/shoe.jpg": 1}


async def test_more_than_can_be_made_get_the_placeholder_at_once(pages: Shop, tmp_path: Path) -> None:
    async def busy(*_: object) -> bytes:
        raise PicturesBusy

    async with worker(tmp_path, busy) as show:
        shown = await show(pages.url + "/shoe.jpg")
        assert (shown.outcome, shown.max_age) == (Outcome.BUSY, 5)


async def test_without_a_disk_pictures_are_shown_nevertheless(pages: Shop, tmp_path: Path, pool: PicturePool) -> None:
    for kind in ("made", "seen", "original", "claims"):
        (tmp_path / kind).write_text("a file where a folder should be")
    async with worker(tmp_path, pool.make) as show:
        assert (await show(pages.url + "/shoe.jpg")).outcome is Outcome.MADE
        assert (await show(pages.url + "/shoe.jpg")).outcome is Outcome.MEMORY


async def test_an_original_that_was_let_go_is_fetched_again(pages: Shop, tmp_path: Path, pool: PicturePool) -> None:
    async with worker(tmp_path, pool.make) as show:
        await show(pages.url + "/shoe.jpg")
        for file in originals(tmp_path):
            file.unlink()
        assert (await show(pages.url + "/shoe.jpg", width=54)).outcome is Outcome.MADE
    assert pages.asked == {"/shoe.jpg": 2}


async def test_memory_is_bounded(
    pages: Shop, tmp_path: Path, pool: PicturePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with worker(tmp_path, pool.make) as show:
        first = await show(pages.url + "/shoe.jpg")
        monkeypatch.setattr(show_picture, "MEMORY_BYTES", 3 * (len(first.body) + 1_000))
        for width in range(60, 68):
            await show(pages.url + "/shoe.jpg", width=width)
        assert show.show._kept._bytes <= 3 * (len(first.body) + 1_000)
        assert (await show(pages.url + "/shoe.jpg")).outcome is Outcome.STORED
        assert (await show(pages.url + "/shoe.jpg", width=67)).outcome is Outcome.MEMORY
