"""The shop's picture becomes the picture of a tile: cropped, fitted, small, and without anything else in it."""

import contextlib
import io
import random
from typing import Any

import pytest
from PIL import ExifTags, Image, ImageCms, ImageDraw

from adserver.creative.picture import MAX_BYTES, make_picture
from adserver.creative.picture_order import PictureRefused, Refusal
from tests.shop import encoded, shoe

RED, GREEN, WHITE = (200, 30, 30), (30, 160, 60), (255, 255, 255)


def made(raw: bytes | Image.Image, width: int = 300, height: int = 300, kind: str = "webp") -> Image.Image:
    body = make_picture(raw if isinstance(raw, bytes) else encoded(raw, "PNG"), width, height, kind)
    picture = Image.open(io.BytesIO(body))
    picture.load()
    return picture


def pixel(picture: Image.Image, x: float, y: float) -> tuple[int, int, int]:
    found = picture.convert("RGB").getpixel((int(x * (picture.width - 1)), int(y * (picture.height - 1))))
    assert isinstance(found, tuple)
    return found[0], found[1], found[2]


def near(one: tuple[int, ...], other: tuple[int, ...], by: int = 24) -> bool:
    return all(abs(a - b) <= by for a, b in zip(one, other, strict=True))


def refusal(raw: bytes) -> Refusal:
    with pytest.raises(PictureRefused) as refused:
        make_picture(raw, 300, 300, "webp")
    return refused.value.refusal


@pytest.mark.parametrize(("kind", "name"), [("webp", "WEBP"), ("jpeg", "JPEG")])
def test_a_picture_fits_its_box_and_keeps_its_ratio(kind: str, name: str) -> None:
    picture = made(encoded(Image.new("RGB", (1_500, 1_000), RED)), 300, 300, kind)
    assert (picture.format, picture.mode, picture.size) == (name, "RGB", (300, 200))
    assert near(pixel(picture, 0.5, 0.5), RED)


def test_a_picture_is_never_enlarged() -> None:
    assert made(Image.new("RGB", (60, 40), RED), 300, 300).size == (60, 40)


@pytest.mark.parametrize("size", [(3_000, 20), (20, 3_000)])
def test_a_strip_stays_a_strip(size: tuple[int, int]) -> None:
    picture = made(Image.new("RGB", size, RED), 300, 300)
    assert max(picture.size) == 300
    assert min(picture.size) in (1, 2)


@pytest.mark.parametrize("ground", ["white", "#f8f8f6"])
@pytest.mark.parametrize("quality", [60, 90])
def test_light_borders_go(ground: str, quality: int) -> None:
    picture = made(encoded(shoe(1_500, 1_000, ground), quality=quality), 300, 300)
    # The shoe takes 286 x 155 of its 600 x 400.
    assert picture.width == 300
    assert picture.height == pytest.approx(300 * 155 / 286, abs=8)


def test_a_border_that_is_not_white_fills_the_tile() -> None:
    picture = made(encoded(shoe(1_500, 1_000, "#dfe6ea")), 300, 300)
    assert picture.size == (300, 300)
    for corner in ((0.01, 0.01), (0.99, 0.01), (0.01, 0.99), (0.99, 0.99)):
        assert near(pixel(picture, *corner), (0xDF, 0xE6, 0xEA))


def test_a_border_that_is_not_white_leaves_a_margin() -> None:
    picture = made(encoded(shoe(1_500, 1_000, "#dfe6ea")), 320, 190)
    assert picture.width / picture.height == pytest.approx((286 + 34) / (155 + 34), abs=0.1)
    assert near(pixel(picture, 0.01, 0.5), (0xDF, 0xE6, 0xEA))


@pytest.mark.parametrize("ground", ["black", "#2f6fb3", "#b4b4b4"])
def test_other_borders_belong_to_the_picture(ground: str) -> None:
    assert made(encoded(shoe(1_500, 1_000, ground)), 300, 300).size == (300, 200)


def test_what_is_white_all_over_stays_as_it_is() -> None:
    assert made(Image.new("RGB", (400, 300), WHITE), 200, 200).size == (200, 150)


def test_a_small_product_on_a_large_ground_is_decoded_finer() -> None:
    image = Image.new("RGB", (3_000, 2_000), WHITE)
    image.paste(Image.new("RGB", (400, 300), RED), (1_200, 900))
    assert made(encoded(image, quality=90), 300, 300).size == pytest.approx((300, 225), abs=4)


def test_transparent_is_white_and_a_white_drawing_can_be_seen() -> None:
    logo = Image.new("RGBA", (400, 200), (0, 0, 0, 0))
    ImageDraw.Draw(logo).rectangle([100, 50, 300, 150], fill=(*GREEN, 255))
    picture = made(logo)
    assert picture.size == pytest.approx((201, 101), abs=8)
    assert near(pixel(picture, 0.5, 0.5), GREEN)
    ImageDraw.Draw(logo).rectangle([100, 50, 300, 150], fill=(255, 255, 255, 255))
    picture = made(logo)
    assert near(pixel(picture, 0.5, 0.5), WHITE)
    assert max(pixel(picture, 0, 0)) < 128


@pytest.mark.parametrize(
    ("kind", "image", "options"),
    [
        ("PNG", shoe().quantize(32), {}),
        ("GIF", shoe().quantize(32), {"transparency": 0}),
        ("GIF", shoe(), {"save_all": True, "append_images": [Image.new("RGB", (600, 400), "black")] * 3}),
        ("WEBP", shoe(), {"save_all": True, "append_images": [Image.new("RGB", (600, 400), "black")] * 3}),
        ("PNG", shoe(), {"save_all": True, "append_images": [Image.new("RGB", (600, 400), "black")] * 3}),
        ("WEBP", shoe(), {"lossless": True}),
        ("AVIF", shoe(), {"speed": 10}),
        ("JPEG", shoe().convert("CMYK"), {"quality": 90}),
        ("JPEG", shoe(), {"progressive": True}),
        ("PNG", shoe().convert("RGBA"), {}),
    ],
)
def test_every_kind_of_file_shows_the_shoe(kind: str, image: Image.Image, options: dict[str, Any]) -> None:
    picture = made(encoded(image, kind, **options))
    assert picture.size[0] == pytest.approx(286, abs=14)
    assert not getattr(picture, "is_animated", False)
    assert near(pixel(picture, 0.4, 0.7), (0x2F, 0x6F, 0xB3), by=40)


@pytest.mark.parametrize("mode", ["L", "LA", "1", "I;16"])
def test_grey_pictures_of_all_depths(mode: str) -> None:
    ramp = Image.linear_gradient("L").transpose(Image.Transpose.ROTATE_90)
    if mode == "I;16":
        ramp = ramp.convert("I").point(lambda value: value * 257).convert("I;16")
    picture = made(ramp.convert(mode) if mode != "I;16" else ramp)
    assert picture.mode == "RGB"
    assert pixel(picture, 0.05, 0.5)[0] < 90
    assert pixel(picture, 0.93, 0.5)[0] > 165


@pytest.mark.parametrize("turned", range(1, 9))
def test_a_picture_stands_as_its_exif_says(turned: int) -> None:
    image = Image.new("RGB", (400, 200), GREEN)
    image.paste(RED, (0, 0, 100, 50))  # the corner that is shown at the top left
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = turned
    stored = image.transpose(back[turned]) if turned in back else image
    picture = made(encoded(stored, "JPEG", exif=exif, quality=95), 300, 300)
    assert picture.size == (300, 150)
    assert near(pixel(picture, 0.08, 0.08), RED)
    assert near(pixel(picture, 0.9, 0.9), GREEN)


@pytest.mark.parametrize("kind", ["webp", "jpeg"])
def test_nothing_but_the_picture_gets_through(kind: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Somebody Private"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (52.0, 31.0, 12.0)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    raw = (
        encoded(shoe(), "JPEG", exif=exif, comment=b"<?php evil ?>", icc_profile=profile) + b"<script>alert(1)</script>"
    )
    body = make_picture(raw, 300, 300, kind)
    for secret in (b"Somebody", b"Exif", b"php", b"script", b"ICC"):
        assert secret in raw or secret == b"ICC"
        assert secret not in body
    assert not Image.open(io.BytesIO(body)).getexif()


def test_colours_come_into_srgb() -> None:
    # In the colour space XYZ, connected as D50, these numbers are a green that sRGB writes otherwise.
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    image = Image.new("RGB", (100, 100), (60, 120, 40))
    with_profile = made(encoded(image, "JPEG", quality=95, icc_profile=profile))
    damaged = made(encoded(image, "JPEG", quality=95, icc_profile=profile[:200] + bytes(100)))
    assert near(pixel(damaged, 0.5, 0.5), (60, 120, 40))
    assert with_profile.mode == "RGB"


@pytest.mark.parametrize("kind", ["webp", "jpeg"])
@pytest.mark.parametrize("side", [172, 600])
def test_even_noise_is_small(kind: str, side: int) -> None:
    noise = Image.frombytes("RGB", (1_200, 1_200), random.Random(1).randbytes(1_200 * 1_200 * 3))
    assert len(make_picture(encoded(noise, quality=90), side, side, kind)) <= MAX_BYTES


def test_what_is_too_large_is_refused_before_it_is_decoded() -> None:
    header = encoded(Image.new("1", (8, 8)), "PNG")
    bomb = header[:16] + (50_000).to_bytes(4) * 2 + header[24:]
    assert refusal(bomb) in (Refusal.TOO_LARGE, Refusal.NOT_A_PICTURE)
    assert refusal(encoded(Image.new("1", (5_100, 5_100)), "PNG")) is Refusal.TOO_LARGE
    assert refusal(encoded(Image.new("L", (8_000, 8_000)), "JPEG")) is Refusal.TOO_LARGE


def test_a_spacer_is_no_picture() -> None:
    assert refusal(encoded(Image.new("RGB", (1, 1)), "GIF")) is Refusal.TOO_SMALL
    assert refusal(encoded(Image.new("RGB", (200, 3)), "PNG")) is Refusal.TOO_SMALL


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xd8\xff",
        b"<!doctype html><title>404</title>",
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        encoded(shoe(), "BMP"),
        encoded(shoe(), "TIFF"),
        encoded(shoe(), "PPM"),
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
    ],
)
def test_what_is_not_of_a_known_kind_is_refused(raw: bytes) -> None:
    assert refusal(raw) is Refusal.NOT_A_PICTURE


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
def test_a_file_cut_short_anywhere_is_a_picture_or_refused(kind: str) -> None:
    whole = encoded(shoe(120, 80), kind)
    shown = 0
    for length in range(0, len(whole), max(1, len(whole) // 40)):
        try:
            make_picture(whole[:length], 60, 60, "jpeg")
            shown += 1
        except PictureRefused as refused:
            assert refused.refusal in (Refusal.NOT_A_PICTURE, Refusal.DAMAGED)  # noqa: PT017
    assert shown < 20


def test_damaged_bytes_anywhere_end_in_a_picture_or_a_refusal() -> None:
    dice = random.Random(7)
    for kind in ("JPEG", "PNG", "WEBP", "GIF"):
        whole = encoded(shoe(120, 80), kind)
        for _ in range(40):
            damaged = bytearray(whole)
            for _ in range(8):
                damaged[dice.randrange(len(damaged))] = dice.randrange(256)
            with contextlib.suppress(PictureRefused):
                assert make_picture(bytes(damaged), 60, 60, "jpeg")
