"""What is drawn, and what the server and the process that draws say to each other."""

import struct
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

ORDER = struct.Struct(">I")
"""Length of the packed BannerPicture that follows."""

ANSWER = struct.Struct(">BI")
"""1 for a picture and 0 for none, length of what follows: the picture, or why there is none."""

MAX_TEXT = 400
"""Characters of any text that are looked at; no size shows more."""

Kind = Literal["png", "webp", "jpeg"]


class PictureTile(NamedTuple):
    """One product. Texts are ready to be read; ``picture`` is a JPEG, PNG or WebP of ours, without one ``letter`` is
    drawn. ``badge`` is the discount (``-20 %``), empty for none."""

    title: str
    price_text: str
    was_price_text: str = ""
    badge: str = ""
    letter: str = "\N{BULLET}"
    picture: bytes | None = None


class BannerPicture(NamedTuple):
    """One decision, as it is drawn. ``size`` as placements name it, ``density`` pixels per CSS pixel (1 or 2), ``dir``
    ``ltr`` or ``rtl``, colours ``#rrggbb``. Texts are empty where there are none."""

    creative: str
    size: str
    density: int
    kind: Kind
    lang: str
    dir: str
    advertiser_name: str
    because: str
    headline: str
    offer_text: str
    coupon: str
    ends_text: str
    action: str
    ad_label: str
    accent: str
    on_accent: str
    accent_text: str
    tiles: tuple[PictureTile, ...]
    line: str = ""


class BannerNotDrawn(Exception):  # noqa: N818  a property of the banner, not a mistake in the program
    """No picture can be made of it."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(BannerPicture).decode


def packed(banner: BannerPicture) -> bytes:
    """With its length before it; texts are cut at MAX_TEXT, so that nobody has to send a megabyte."""
    tiles = tuple([tile._replace(**_cut_texts(tile._asdict())) for tile in banner.tiles])
    body = _encode(banner._replace(**_cut_texts(banner._asdict()))._replace(tiles=tiles))
    return ORDER.pack(len(body)) + body


def unpacked(body: bytes) -> BannerPicture:
    """Raises ValueError (msgspec's) for what is none."""
    return _decode(body)


def _cut_texts(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Half a character outside the basic plane, which JSON can hold, is no text."""
    return {
        name: value[:MAX_TEXT].encode("utf-8", "replace").decode()
        for name, value in fields.items()
        if isinstance(value, str)
    }
