"""An ad becomes a picture: drawn once, kept under its digest, and never kept as whole when it is not."""

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from adserver.creative.banner import Picture
from adserver.creative.library import load_creatives
from adserver.creative.raster.banner_picture import BannerNotDrawn, BannerPicture
from adserver.creative.words import words_of
from adserver.model.product import MICROS
from adserver.service import draw_ad
from adserver.service.ad_to_draw import ad_to_draw
from adserver.service.draw_ad import DrawAd, Drawn
from adserver.service.picture_links import PictureLinks
from adserver.service.picture_pool import PicturePool
from adserver.service.render_ad import AdData, DataTile
from adserver.service.shop_pictures import ShopPictures
from adserver.service.show_picture import ShowPicture
from adserver.storage.fetch import Allowed, Fetcher
from adserver.storage.pictures import PictureFolder, open_pictures
from adserver.tracking.keyring import Keyring
from adserver.wiring.services import recipe_of
from tests.shop import Shop, running_shop

pytestmark = pytest.mark.anyio

LINKS = PictureLinks(Keyring([b"k7Qm2vXp9Lr4Ts8Wd1Zc6Nb3Hf5Jg0Ya"], "picture"), base_url="https://ads.example")
NOW = time.time()
CREATIVES = load_creatives()
GRID = CREATIVES["grid"].resolved({})


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """As the server runs."""
    return "asyncio"


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with running_shop() as running:
        yield running


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[PicturePool]:
    running = PicturePool(1, deadline_s=20)
    yield running
    await running.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PictureFolder]:
    opened = open_pictures("", tmp_path, max_bytes=10_000_000)
    assert isinstance(opened, PictureFolder)
    yield opened
    opened.close()


class Easel:
    """In place of the processes that draw: a picture is what it was to be drawn of."""

    def __init__(self) -> None:
        self.drawn: list[BannerPicture] = []
        self.error: Exception | None = None

    async def __call__(self, banner: BannerPicture) -> bytes:
        self.drawn.append(banner)
        if self.error:
            raise self.error
        return repr(banner).encode()


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shop is as slow as the machine is busy."""
    monkeypatch.setattr(draw_ad, "PRODUCTS_S", 30)
    monkeypatch.setattr(draw_ad, "LONGEST_S", 30)


@pytest.fixture
def easel() -> Easel:
    return Easel()


@pytest.fixture
async def worker(store: PictureFolder, pool: PicturePool, easel: Easel) -> AsyncIterator[DrawAd]:
    made = worker_of(store, pool, easel)
    yield made
    await made.close()


def worker_of(store: PictureFolder, pool: PicturePool, easel: Easel, recipe: str = "1") -> DrawAd:
    shops = ShopPictures(Fetcher(Allowed.parse("127.0.0.1:*")))
    return DrawAd(CREATIVES, ShowPicture(LINKS, shops, store, pool.make), store, easel, recipe=recipe)


def tile(source: str = "", **fields: Any) -> DataTile:
    urls = LINKS.of([source] if source else [], letter="S", color="", width=86, height=120, now=NOW)
    values: dict[str, Any] = {
        "product_id": "SKU1",
        "title": "Shoe",
        "brand": "",
        "price_text": "10,90\xa0€",
        "was_price_text": "",
        "discount": 0,
        "price_micros": 10 * MICROS,
        "currency": "EUR",
        "picture": Picture(urls.url, urls.url_2x, 86, 120),
        "letter": "S",
        "click_url": "https://ads.example/c/x",
        "why": None,
    }
    return DataTile(**{**values, **fields})


def ad(*tiles: DataTile, **fields: Any) -> AdData:
    values: dict[str, Any] = {
        "decision": "d",
        "placement": "daily-rectangle",
        "size": "300x250",
        "width": 300,
        "height": 250,
        "creative": "grid",
        "lang": "de-DE",
        "dir": "ltr",
        "advertiser": "Acme",
        "because": "viewed",
        "options": GRID,
        "color": "#aa0000",
        "offer_text": "",
        "coupon": "",
        "ends_at": 0,
        "tiles": tiles or (tile(),),
        "click_url": "https://ads.example/c/x",
        "impression_token": "i",
        "impression_url": "https://ads.example/i/i",
        "why_url": "https://ads.example/why/i",
        "hide_url": "https://ads.example/why/i#hide",
        "privacy_url": "https://ads.example/privacy",
        "words": words_of("de", {}),
    }
    return AdData(**{**values, **fields})


async def test_the_same_ad_is_drawn_once_whoever_asks(
    worker: DrawAd, store: PictureFolder, pool: PicturePool, easel: Easel
) -> None:
    asked = await asyncio.gather(*[worker(ad(decision=f"d{n}"), "png", 1, NOW) for n in range(20)])
    assert len(set(asked)) == len(easel.drawn) == 1
    assert worker.known(ad(impression_token="other"), "png", 1, NOW) == asked[0]
    other = worker_of(store, pool, easel)
    assert other.known(ad(), "png", 1, NOW) is None
    assert await other(ad(), "png", 1, NOW) == asked[0]
    assert other.known(ad(), "png", 1, NOW) == asked[0]
    assert len(easel.drawn) == 1
    anew = worker_of(store, pool, easel, recipe="2")
    await anew(ad(), "png", 1, NOW)
    assert len(easel.drawn) == 2


async def test_what_is_behind_an_address_is_what_the_address_says(
    worker: DrawAd, store: PictureFolder, shop: Shop
) -> None:
    drawn = await worker(ad(tile(shop.url + "/shoe.jpg")), "jpeg", 1, NOW)
    shown = await worker.shown(drawn.name)
    assert shown
    assert drawn.name == hashlib.sha256(shown.body).hexdigest() + ".jpg"
    assert (shown.media_type, shown.etag) == ("image/jpeg", drawn.name[:32])
    kept = {path.name for kind in ("made", "drawn") for path in (store._folder / kind).rglob("*") if path.is_file()}
    assert len(kept) == 2  # the product's picture is kept as well
    for name in (*kept, "0" * 64):
        assert await worker.shown(f"{name}.jpg") is None
    assert await worker.shown(drawn.name.replace("jpg", "png")) is None
    for name in (
        "",
        ".png",
        drawn.name[:64],
        drawn.name + "x",
        drawn.name.upper(),
        f"../{drawn.name}",
        "a" * 64 + ".gif",
    ):
        assert await worker.shown(name) is None


SEEN: list[AdData] = [
    ad(size="728x90"),
    ad(creative="hero"),
    ad(lang="fr-FR"),
    ad(dir="rtl"),
    ad(advertiser="Boots"),
    ad(because="cart"),
    ad(options={**GRID, "headline": "Only today"}),
    ad(color="#00aa00"),
    ad(offer_text="-10 %"),
    ad(coupon="SAVE10"),
    ad(ends_at=int(NOW) + 90_000),
    ad(words=words_of("fr", {})),
    ad(tile(title="Boot")),
    ad(tile(price_text="11,90\xa0€")),
    ad(tile(was_price_text="20,00\xa0€")),
    ad(tile(was_price_text="20,00\xa0€", discount=45)),
    ad(tile(letter="B")),
    ad(tile("https://shop.test/other.jpg")),
    ad(tile(), tile()),
]


def test_whatever_is_seen_makes_another_picture_and_nothing_else() -> None:
    keys = {draw_ad._seen(data, "png", 1, NOW) for data in SEEN}
    keys |= {draw_ad._seen(ad(), kind, density, NOW) for kind in ("png", "webp", "jpeg") for density in (1, 2)}
    assert len(keys) == len(SEEN) + 6
    unseen = ad(tile(click_url="/c/y", product_id="SKU2"), decision="d2", impression_token="j", click_url="/c/y")
    assert draw_ad._seen(unseen, "png", 1, NOW + 9) in keys


async def test_what_is_known_costs_little(worker: DrawAd) -> None:
    """A picture that is known is answered within 100 µs of a processor, and this is only a part of that."""
    data = ad(*[tile(title=f"Product {n} with a long name") for n in range(4)])
    await worker(data, "png", 1, NOW)
    rounds = []
    for _ in range(20):
        began = time.process_time()
        for _ in range(100):
            assert worker.known(data, "png", 1, NOW)
        rounds.append(time.process_time() - began)
    assert min(rounds) / 100 < 50e-6


async def test_product_pictures_in_their_order_and_for_the_screen(worker: DrawAd, shop: Shop, easel: Easel) -> None:
    shop.pages["/red.jpg"] = shop.pages["/shoe.jpg"]
    tiles = [tile(shop.url + "/shoe.jpg"), tile(), tile(shop.url + "/red.jpg", picture=None)]
    await worker(ad(*tiles), "png", 1, NOW)
    await worker(ad(*tiles), "png", 2, NOW)
    plain, fine = easel.drawn
    assert [bool(one.picture) for one in plain.tiles] == [True, False, False]
    assert plain.tiles[0].picture
    assert plain.tiles[0].picture.startswith(b"\xff\xd8")  # a JPEG
    assert fine.tiles[0].picture != plain.tiles[0].picture
    assert worker.known(ad(*tiles), "png", 1, NOW)


async def test_without_a_product_picture_it_is_drawn_and_soon_drawn_again(
    worker: DrawAd, shop: Shop, store: PictureFolder, pool: PicturePool, easel: Easel
) -> None:
    shop.pages.pop("/later.jpg", None)
    data = ad(tile(shop.url + "/later.jpg"))
    first = await worker(data, "png", 1, NOW)
    assert first.name
    assert easel.drawn[0].tiles[0].picture is None
    assert worker.known(data, "png", 1, NOW + 59) == first
    assert worker.known(data, "png", 1, NOW + 61) is None
    shop.pages["/later.jpg"] = shop.pages["/shoe.jpg"]
    second = await worker_of(store, pool, easel)(data, "png", 1, NOW)
    assert easel.drawn[1].tiles[0].picture
    assert second.name != first.name
    assert await worker.shown(first.name)  # who was sent there still finds it
    assert worker.known(data, "png", 1, NOW) == first


async def test_a_slow_shop_is_not_waited_for(
    worker: DrawAd, shop: Shop, easel: Easel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draw_ad, "PRODUCTS_S", 0.2)
    shop.pages["/slow.jpg"] = shop.pages["/shoe.jpg"]
    data = ad(*[tile(f"{shop.url}/slow.jpg?{n}") for n in range(4)])
    shop.slow_s = 1.0
    try:
        began = time.monotonic()
        drawn = await worker(data, "png", 1, NOW)
        assert time.monotonic() - began < 0.9
    finally:
        shop.slow_s = 0.0
    assert drawn.name
    assert [one.picture for one in easel.drawn[0].tiles] == [None] * 4
    assert worker.known(data, "png", 1, NOW + 4) == drawn
    assert worker.known(data, "png", 1, NOW + 6) is None


async def test_it_is_looked_now_and_then_whether_a_picture_is_still_there(
    worker: DrawAd, store: PictureFolder, easel: Easel
) -> None:
    drawn = await worker(ad(), "png", 1, NOW)
    assert worker.known(ad(), "png", 1, NOW + draw_ad.KNOWN_S - 1) == drawn
    assert worker.known(ad(), "png", 1, NOW + draw_ad.KNOWN_S) is None
    for path in (store._folder / "drawn").rglob("*"):
        if path.is_file():
            path.unlink()
    assert await worker.shown(drawn.name) is None
    assert await worker(ad(), "png", 1, NOW + draw_ad.KNOWN_S) == drawn
    assert len(easel.drawn) == 2
    assert await worker.shown(drawn.name)


async def test_what_can_not_be_kept_is_handed_over(
    tmp_path: Path, pool: PicturePool, easel: Easel, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = open_pictures(str(tmp_path / "file"), tmp_path, max_bytes=10_000_000)
    assert isinstance(store, PictureFolder)
    worker = worker_of(store, pool, easel)
    drawn = await worker(ad(), "png", 1, NOW)
    assert drawn.body == repr(easel.drawn[0]).encode()
    assert worker.known(ad(), "png", 1, NOW) is None
    assert "pictures are shown and not kept" in caplog.text
    store.close()


async def test_what_is_not_drawn_is_not_tried_again_and_again(
    worker: DrawAd, easel: Easel, caplog: pytest.LogCaptureFixture
) -> None:
    easel.error = BannerNotDrawn("there is no layout")
    assert await worker(ad(), "png", 1, NOW) == Drawn()
    assert worker.known(ad(), "png", 1, NOW) == Drawn()
    assert "grid in 300x250 is not drawn as a picture: there is no layout" in caplog.text
    assert worker.known(ad(), "png", 1, NOW + 60) is None


async def test_what_went_wrong_is_tried_again_soon(
    worker: DrawAd, easel: Easel, caplog: pytest.LogCaptureFixture
) -> None:
    easel.error = RuntimeError("no process")
    assert await worker(ad(), "png", 1, NOW) == Drawn()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert worker.known(ad(), "png", 1, NOW + 6) is None
    easel.error = None
    assert (await worker(ad(), "png", 1, NOW + 6)).name


async def test_what_is_known_by_heart_is_bounded(worker: DrawAd, easel: Easel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draw_ad, "MAX_KNOWN", 3)
    for number in range(5):
        await worker(ad(coupon=f"C{number}"), "png", 1, NOW)
    known = [worker.known(ad(coupon=f"C{number}"), "png", 1, NOW) is not None for number in range(5)]
    assert known == [False, False, True, True, True]
    monkeypatch.setattr(draw_ad, "MAX_UNDER_WAY", 0)
    assert await worker(ad(coupon="one more"), "png", 1, NOW) == Drawn()


@pytest.mark.parametrize(
    ("fields", "headline"),
    [
        ({}, "Noch interessiert?"),
        ({"because": "cart", "words": words_of("fr", {}), "lang": "fr-FR"}, "Toujours dans votre panier"),
        ({"options": {**GRID, "headline": "Only today & <b>now</b>"}}, "Only today & <b>now</b>"),
        ({"creative": "house", "tiles": (), "because": "", "options": CREATIVES["house"].resolved({})}, ""),
    ],
)
async def test_it_says_what_the_design_says(
    worker: DrawAd, easel: Easel, fields: dict[str, Any], headline: str
) -> None:
    data = ad(**fields)
    assert (await worker(data, "png", 1, NOW)).name
    (drawn,) = easel.drawn
    assert drawn.headline == headline
    assert drawn.line == ("Entdecken Sie etwas Neues" if data.creative == "house" else "")
    assert drawn.action


@pytest.mark.parametrize(
    ("left_s", "text"),
    [
        (3 * 86_400 - 1, "Endet in 2\xa0Tg."),
        (86_400, "Endet in 1\xa0Tg."),
        (86_399, "Endet in 23\xa0Std."),
        (3_600, "Endet in 1\xa0Std."),
        (3_599, "Endet in 59\xa0Min."),
        (59, "Endet in 0\xa0Min."),
        (-5, "Endet in 0\xa0Min."),
    ],
)
def test_the_end_of_an_offer_is_told_in_whole_units(left_s: int, text: str) -> None:
    banner = ad_to_draw(ad(ends_at=int(NOW) + left_s), "png", 1, int(NOW))
    assert banner.ends_text == text
    assert ad_to_draw(ad(), "png", 1, NOW).ends_text == ""


@pytest.mark.parametrize("name", ["banner.html", "creative.toml", "raster.toml"])
def test_a_design_that_says_something_else_is_drawn_anew(tmp_path: Path, name: str) -> None:
    design = tmp_path / "own"
    design.mkdir()
    for file in ("banner.html", "creative.toml", "raster.toml"):
        (design / file).write_text("before")
    before = recipe_of([tmp_path])
    assert recipe_of([tmp_path]) == before
    (design / name).write_text("after")
    assert recipe_of([tmp_path]) != before
