"""``/media/``: signed, made once, cached for long, and never broken."""

import io
import random
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from adserver.creative.font_files import font_files
from adserver.demo.pictures import picture as drawn
from adserver.service.picture_links import WEEK_S, PictureLinks
from adserver.tracking.keyring import Keyring
from tests.http.conftest import SECRET, Header, Reply, Wire, failures, wire_to
from tests.server import ACCOUNTS, Server, feed_xml, running_server, until
from tests.shop import Shop, encoded, running_shop, shoe

CHROMIUM = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
OLD_SAFARI = "image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5"
LINKS = PictureLinks(Keyring([SECRET.encode()], "picture"), base_url="")
HEAVY = ["PHOTO1", "PHOTO2", "PHOTO3"]
NOISE = ["NOISE1", "NOISE2", "NOISE3"]
PLAIN = ["SKU1", "SKU2", "SKU3"]


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with running_shop() as running:
        for number, name in enumerate(("WND-101", "WND-103", "WND-107"), 1):
            photo = Image.open(io.BytesIO(drawn(name))).convert("RGB").resize((900, 900))
            grain = Image.effect_noise((900, 900), 60).convert("RGB")
            running.pages[f"/img/PHOTO{number}.jpg"] = encoded(Image.blend(photo, grain, 0.2), quality=90)
            noise = random.Random(number).randbytes(700 * 700 * 3)
            running.pages[f"/img/NOISE{number}.jpg"] = encoded(Image.frombytes("RGB", (700, 700), noise), quality=95)
        running.pages |= {f"/img/SKU{n}.jpg": running.pages["/shoe.jpg"] for n in (1, 2)}
        yield running


@pytest.fixture(scope="module")
def media(shop: Shop) -> Iterator[Server]:
    """Two workers and a shop with a colour; its third plain product has no picture there.

    Nothing that made pictures is left when the server has ended.
    """
    accounts = ACCOUNTS.replace("[advertisers.acme]", '[advertisers.acme]\ncolor = "#aa0000"')
    feed = feed_xml([*PLAIN, *HEAVY, *NOISE]).replace("https://shop.test/i", f"{shop.url}/i").replace(".png", ".jpg")
    settings: dict[str, Any] = {
        "ADSERVER_SECRET": SECRET,
        "ADSERVER_FETCH_ALLOW": "127.0.0.1:*",
        "ADSERVER_AD_DEADLINE_MS": "5000",
    }
    with running_server("--workers", "2", accounts=accounts, feed=feed, **settings) as running:
        yield running
        assert failures(running) == []
        processes = picture_processes(running)
        assert processes
    until(lambda: not any(process.exists() for process in processes), what="the processes to end")


@pytest.fixture(scope="module")
def wire(media: Server) -> Wire:
    return wire_to(media)


def url(*sources: str, width: int = 86, height: int = 120, now: float | None = None) -> str:
    return LINKS.of(
        sources, letter="S", color="#aa0000", width=width, height=height, now=time.time() if now is None else now
    ).url


def banner(wire: Wire, *products: str) -> str:
    reply = wire.ad(wire.view(*products))
    assert reply.status == 200, reply
    return reply.text


def pictures(html: str) -> list[tuple[str, str, int, int]]:
    """URL, URL for fine screens, width and height of each."""
    found = re.findall(
        r'<img src="(/media/[^"]+)" srcset="(/media/[^"]+) 2x" width="(\d+)" height="(\d+)" alt=""', html
    )
    return [(one, two, int(width), int(height)) for one, two, width, height in found]


def opened(reply: Reply) -> Image.Image:
    assert reply.status == 200, reply
    image = Image.open(io.BytesIO(reply.body))
    image.load()
    return image


def test_a_banner_shows_our_own_pictures_and_no_others(wire: Wire) -> None:
    html = banner(wire, *PLAIN)
    found = pictures(html)
    assert len(found) == 3
    assert "127.0.0.1" not in html  # the shop's address is inside the signed text only
    for one, two, width, height in found[:0:-1]:  # the newest is SKU3
        fine, plain = opened(wire.get(two, ("Accept", CHROMIUM))), opened(wire.get(one, ("Accept", CHROMIUM)))
        assert 0.85 * width <= plain.width <= width
        assert plain.height <= height
        assert fine.size == pytest.approx((2 * plain.width, 2 * plain.height), abs=3)
    broken = wire.get(found[0][0], ("Accept", CHROMIUM))
    assert (broken.status, broken.header("content-type")) == (200, "image/svg+xml")
    assert b"#aa0000" in broken.body
    assert broken.header("cache-control") == "public, max-age=60"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (CHROMIUM, "image/webp"),
        ("image/webp", "image/webp"),
        ("IMAGE/WEBP;q=0.1", "image/webp"),
        ("image/webp;q=0", "image/jpeg"),
        ("image/webp; q=0.000, image/*", "image/jpeg"),
        (OLD_SAFARI, "image/jpeg"),
        ("*/*", "image/jpeg"),
        ("image/*", "image/jpeg"),
        ("", "image/jpeg"),
        ("image/webpx", "image/jpeg"),
    ],
)
def test_webp_for_those_who_name_it_and_jpeg_for_all_others(wire: Wire, shop: Shop, accept: str, kind: str) -> None:
    headers: list[Header] = [("Accept", accept)] if accept else []
    reply = wire.get(url(shop.url + "/shoe.jpg"), *headers)
    assert (reply.status, reply.header("content-type"), reply.header("vary")) == (200, kind, "Accept")
    assert f"image/{(opened(reply).format or '').lower()}" == kind


def test_a_picture_is_immutable_and_harmless(wire: Wire, shop: Shop) -> None:
    reply = wire.get(url(shop.url + "/shoe.jpg"))
    assert reply.header("cache-control") == "public, max-age=31536000, immutable"
    assert reply.header("x-content-type-options") == "nosniff"
    assert reply.header("content-security-policy") == "default-src 'none'; sandbox; frame-ancestors 'none'"
    assert reply.header("cross-origin-resource-policy") == "cross-origin"
    assert not reply.header("set-cookie")


def test_what_is_known_is_not_sent_again(wire: Wire, shop: Shop) -> None:
    target = url(shop.url + "/shoe.jpg")
    whole = wire.get(target)
    etag = whole.header("etag")
    assert re.fullmatch(r'"[0-9a-f]{32}"', etag)
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        reply = wire.get(target, ("If-None-Match", known))
        assert (reply.status, reply.body, reply.header("etag")) == (304, b"", etag)
        assert reply.header("vary") == "Accept"
        assert reply.header("cache-control") == whole.header("cache-control")
    for other in ('"other"', etag.strip('"')):
        assert wire.get(target, ("If-None-Match", other)).status == 200
    assert wire.get(target, ("If-None-Match", etag), ("Accept", CHROMIUM)).status == 200  # another picture


def test_head_is_get_without_the_picture(wire: Wire, shop: Shop) -> None:
    target = url(shop.url + "/shoe.jpg")
    whole = wire.get(target)
    with wire.connect() as connection, connection.makefile("rb") as stream:
        connection.sendall(f"HEAD {target} HTTP/1.1\r\nHost: ads.test\r\nConnection: close\r\n\r\n".encode())
        head, _, body = stream.read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert f"content-length: {len(whole.body)}".encode() in head.lower()
    assert body == b""
    refused = wire.get(target, method="POST")
    assert (refused.status, refused.header("allow")) == (405, "GET, HEAD")


def test_what_is_not_signed_by_us_is_not_found_and_nothing_is_fetched(wire: Wire, shop: Shop) -> None:
    good = url(shop.url + "/never.jpg")
    other = PictureLinks(Keyring([b"an0ther-s3cret-of-thirty-2-chars"], "picture"), base_url="")
    foreign = other.of([shop.url + "/never.jpg"], letter="S", color="", width=86, height=120, now=time.time()).url
    old = url(shop.url + "/never.jpg", now=time.time() - 4 * WEEK_S)
    middle = len(good) // 2
    swapped = good[:middle] + ("A" if good[middle] != "A" else "B") + good[middle + 1 :]
    for bad in (
        foreign,
        old,
        swapped,
        good[:-1],
        good + "x",
        good + "/x",
        "/media/",
        "/media/x",
        "/media/%00",
        "/media",
    ):
        reply = wire.get(bad)
        assert reply.status == 404, bad
        assert reply.header("cache-control") == "no-store"
    assert shop.asked["/never.jpg"] == 0


def test_many_at_once_cost_the_shop_one_request(wire: Wire, shop: Shop) -> None:
    shop.pages["/once.jpg"] = encoded(shoe(1_500, 1_000))
    targets = [url(shop.url + "/once.jpg", width=80 + number % 2) for number in range(20)]
    shop.slow_s = 0.3
    try:
        with ThreadPoolExecutor(20) as threads:
            replies = list(threads.map(wire.get, targets))
    finally:
        shop.slow_s = 0.0
    assert {(reply.status, reply.header("content-type")) for reply in replies} == {(200, "image/jpeg")}
    assert shop.asked["/once.jpg"] == 1


def test_whatever_the_shop_does_there_is_a_picture_to_see(wire: Wire, shop: Shop) -> None:
    paths = [
        "gone",
        "lies",
        "large.jpg",
        "to-private",
        "to-other-port",
        "page.html",
        "drawing.svg",
        "empty.jpg",
        "cut.jpg",
    ]
    sources = [f"{shop.url}/{path}" for path in paths]
    sources += ["http://169.254.169.254/x.jpg", "http://[::1]/x.jpg", "ftp://127.0.0.1/x", f"{shop.url}/stall"]
    began = time.monotonic()
    with ThreadPoolExecutor(len(sources)) as threads:
        replies = dict(zip(sources, threads.map(lambda source: wire.get(url(source)), sources), strict=True))
    assert time.monotonic() - began < 10
    for source, reply in replies.items():
        assert (reply.status, reply.header("content-type")) == (200, "image/svg+xml"), source
        assert reply.header("cache-control") in ("public, max-age=60", "public, max-age=5"), source
    shop.open.set()


@pytest.mark.parametrize("products", [HEAVY, NOISE])
@pytest.mark.parametrize("accept", [CHROMIUM, OLD_SAFARI])
def test_a_banner_of_three_products_is_light(wire: Wire, products: list[str], accept: str) -> None:
    html = banner(wire, *products)
    found = pictures(html)
    assert len(found) == 3
    for targets in ([one for one, *_ in found], [two for _, two, *_ in found]):
        replies = [wire.get(target, ("Accept", accept)) for target in targets]
        assert {reply.header("content-type") for reply in replies} <= {"image/webp", "image/jpeg"}
        assert len(html) + sum(len(reply.body) for reply in replies) < 60_000


def test_pictures_are_counted_and_kept_in_the_data_folder(wire: Wire, media: Server, shop: Shop) -> None:
    wire.get(url(shop.url + "/shoe.jpg"))
    counted = media.client.get("/metrics").text
    for outcome in ("made", "memory", "unavailable", "refused"):
        assert re.search(rf'adserver_pictures_total{{outcome="{outcome}"}} [1-9]', counted), outcome
    kept = {path.name for path in (media.data_dir / "pictures").iterdir()}
    assert kept == {"seen", "made", "original", "claims"}


def picture_processes(server: Server) -> list[Path]:
    """Of this server: children of its workers."""
    assert server.process is not None
    workers = children(server.process.pid)
    return [Path(f"/proc/{child}") for worker in workers for child in children(worker) if is_for_pictures(child)]


def children(pid: int) -> list[int]:
    return [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]


def is_for_pictures(pid: int) -> bool:
    return b"picture_process" in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_the_fonts_of_banners_are_kept_for_ever_and_given_to_every_site(wire: Wire) -> None:
    for name, content in font_files().items():
        reply = wire.get(f"/media/{name}")
        assert (reply.status, reply.body, reply.header("content-type")) == (200, content, "font/woff2")
        assert reply.header("cache-control") == "public, max-age=31536000, immutable"
        assert reply.header("access-control-allow-origin") == "*"
        again = wire.get(f"/media/{name}", ("If-None-Match", str(reply.header("etag"))))
        assert (again.status, again.body) == (304, b"")
    assert len(font_files()) == 2
    assert all(len(content) <= 22_000 for content in font_files().values())
