"""The shop's picture -> the picture of a tile: cropped to the product, small, and ours.

What comes in may be hostile, so this runs in a process of its own (``picture_process``) and nowhere else.
"""

import io
import warnings

from PIL import AvifImagePlugin, Image, UnidentifiedImageError

from adserver.creative.picture_crop import as_shown, opaque, product_box
from adserver.creative.picture_order import PictureRefused, Refusal

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
"""What is read, told by content."""

MAX_PIXELS = 25_000_000
"""Of a picture that has to be decoded as a whole."""

MAX_JPEG_PIXELS = 60_000_000
"""A JPEG is decoded at a fraction of its size; a progressive one of that size runs into the limit of memory."""

MIN_SIDE = 8
"""Pixels; what is smaller is a spacer and no picture of a product."""

MAX_BYTES = 15_000
"""Of a picture of a tile: three of them and the banner around them stay under 60 KB."""

_QUALITIES = {"webp": (78, 60, 40, 20), "jpeg": (80, 62, 42, 22)}
_SHRINK = 0.7
_COARSE = 0.85
"""A product with fewer than this share of the pixels asked for is decoded again, finer, where there are more."""

# Set for the process: anything that gets past the checks below is refused by Pillow itself.
Image.MAX_IMAGE_PIXELS = MAX_JPEG_PIXELS
AvifImagePlugin.DEFAULT_MAX_THREADS = 1


def make_picture(raw: bytes, width: int, height: int, kind: str) -> bytes:
    """``raw`` as a ``kind`` (``webp`` or ``jpeg``) that fits into ``width`` x ``height`` pixels.

    Turned as its EXIF says, on white where it was transparent, without light borders, never stretched and never
    enlarged, in sRGB, without any metadata; of an animation the first frame. At most about MAX_BYTES long. Raises
    PictureRefused for anything that can not be shown.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)  # of damaged EXIF, which does not matter here
            with Image.open(io.BytesIO(raw), formats=FORMATS) as image:
                _check_size(image)
                return _encoded(_fitted(image, raw, width, height), kind)
    except UnidentifiedImageError as error:
        raise PictureRefused(Refusal.NOT_A_PICTURE) from error
    except (MemoryError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureRefused(Refusal.TOO_LARGE) from error
    except PictureRefused:
        raise
    except Exception as error:  # decoders raise whatever they like
        raise PictureRefused(Refusal.DAMAGED) from error


def _check_size(image: Image.Image) -> None:
    """Before anything is decoded."""
    pixels = image.width * image.height
    if pixels > (MAX_JPEG_PIXELS if image.format in ("JPEG", "MPO") else MAX_PIXELS):
        raise PictureRefused(Refusal.TOO_LARGE)
    if min(image.size) < MIN_SIDE:
        raise PictureRefused(Refusal.TOO_SMALL)


def _fitted(image: Image.Image, raw: bytes, width: int, height: int) -> Image.Image:
    turned = _orientation(image)
    if turned in (5, 6, 7, 8):
        width, height = height, width
    profile = image.info.get("icc_profile")
    whole = image.size
    picture = opaque(_decoded(image, width, height))
    box = product_box(picture, width / height)
    if picture.size != whole and _is_coarse(box, width, height):
        # The product is a small part of the picture: once more, with as many pixels as it needs.
        finer = min(width / (box[2] - box[0]), height / (box[3] - box[1]))
        with Image.open(io.BytesIO(raw), formats=FORMATS) as again:
            picture = opaque(_decoded(again, round(picture.width * finer), round(picture.height * finer)))
        box = product_box(picture, width / height)
    size = _fit(box[2] - box[0], box[3] - box[1], width, height)
    return as_shown(picture.resize(size, Image.Resampling.LANCZOS, box=box, reducing_gap=2.0), turned, profile)


def _orientation(image: Image.Image) -> int:
    try:
        turned = image.getexif().get(0x0112, 1)
    except Exception:  # damaged EXIF is no reason to lose the picture
        return 1
    return turned if turned in range(1, 9) else 1


def _decoded(image: Image.Image, width: int, height: int) -> Image.Image:
    """A JPEG is decoded at the smallest of its scales that still has the pixels."""
    image.draft(None, _fit(image.width, image.height, width, height))
    image.load()
    return image


def _is_coarse(box: tuple[int, int, int, int], width: int, height: int) -> bool:
    return box[2] - box[0] < _COARSE * width and box[3] - box[1] < _COARSE * height


def _fit(wide: int, high: int, width: int, height: int) -> tuple[int, int]:
    """The largest size with the ratio of ``wide`` x ``high`` that fits, and is not larger than that."""
    scale = min(width / wide, height / high, 1.0)
    return max(1, round(wide * scale)), max(1, round(high * scale))


def _encoded(picture: Image.Image, kind: str) -> bytes:
    """As good as the bytes allow: quality goes first, then pixels."""
    while True:
        step = 0
        while step < len(_QUALITIES[kind]):
            body = _saved(picture, kind, _QUALITIES[kind][step])
            if len(body) <= MAX_BYTES:
                return body
            step += min(3, 1 + len(body) // (2 * MAX_BYTES))  # much too long: what would not do is not tried
        smaller = max(1, round(picture.width * _SHRINK)), max(1, round(picture.height * _SHRINK))
        picture = picture.resize(smaller, Image.Resampling.LANCZOS)


def _saved(picture: Image.Image, kind: str, quality: int) -> bytes:
    file = io.BytesIO()
    if kind == "webp":
        picture.save(file, "WEBP", quality=quality, method=2)
    else:
        picture.save(file, "JPEG", quality=quality, progressive=True, optimize=True)
    return file.getvalue()
