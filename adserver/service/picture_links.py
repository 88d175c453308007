"""The URLs of pictures: all that is needed to make one stands in it, signed.

``/media/<signed>``: the box in pixels, the week, the brand's colour, the product's letter and up to two pictures of the
shop. Only what this server has signed is ever fetched.
"""

import re
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

from adserver.tracking.keyring import Keyring

PATH = "/media/"

WEEK_S = 604_800
"""How long a picture's URL stays the same. With the next one the shop is asked again."""

KEPT_WEEKS = 2
"""How many weeks after its own a URL is still answered."""

MAX_SOURCE_BYTES = 2_000
"""Longer URLs of pictures are as good as none."""

_MAX_SIDE = 4_000
_HEAD = struct.Struct(">HHH")  # whole groups of base64
_LENGTH = struct.Struct(">H")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


class PictureUrls(NamedTuple):
    """One picture for screens of one and of two pixels per CSS pixel.

    ``until``: the second since 1970 from which on other URLs are right.
    """

    url: str
    url_2x: str
    until: int


class PictureRequest(NamedTuple):
    """What a URL asks for. ``sources`` are the shop's pictures, the first choice first; ``color`` is ``#rrggbb`` or
    empty; ``width`` and ``height`` are pixels; ``week`` counts weeks since 1970, with a beginning that differs from
    picture to picture."""

    sources: tuple[str, ...]
    letter: str
    color: str
    width: int
    height: int
    week: int


class PictureLinks:
    """Makes and reads them. ``base_url`` goes before the path, as with all URLs in banners."""

    def __init__(self, keyring: Keyring, *, base_url: str) -> None:
        self._sign, self._verify = keyring.sign, keyring.verify
        self._start = base_url + PATH

    def of(
        self, sources: Sequence[str], *, letter: str, color: str, width: int, height: int, now: float
    ) -> PictureUrls:
        """URLs for a box of ``width`` x ``height`` CSS pixels. Of ``sources`` (absolute URLs) the first two count;
        without any, the URLs are those of the placeholder."""
        usable = [source for source in sources if len(source.encode("utf-8", "replace")) <= MAX_SOURCE_BYTES][:2]
        offset = _offset(usable[0]) if usable else 0
        week = (int(now) + offset) // WEEK_S
        tail = urlsafe_b64encode(_tail(usable, letter, color)).rstrip(b"=").decode()

        def url(density: int) -> str:
            head = _HEAD.pack(min(_MAX_SIDE, width * density), min(_MAX_SIDE, height * density), week)
            return self._start + self._sign(urlsafe_b64encode(head).decode() + tail)

        return PictureUrls(url(1), url(2), (week + 1) * WEEK_S - offset)

    def read(self, signed: str, now: float) -> PictureRequest | None:
        """What a URL asks for; None for one that is not ours, or whose weeks are over."""
        body = self._verify(signed)
        if body is None:
            return None
        try:
            request = _request(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        except (Base64Error, struct.error, UnicodeDecodeError, IndexError):
            return None  # signed by a version that wrote it otherwise
        week = (int(now) + (_offset(request.sources[0]) if request.sources else 0)) // WEEK_S
        return request if week - KEPT_WEEKS <= request.week <= week + 1 else None


def _offset(source: str) -> int:
    """Weeks begin at different seconds, so that not all pictures of all shops are fetched at once."""
    return crc32(source.encode("utf-8", "replace")) % WEEK_S


def _tail(sources: Sequence[str], letter: str, color: str) -> bytes:
    rgb = bytes.fromhex(color[1:]) if _COLOR.fullmatch(color) else b""
    raw = [bytes([len(rgb)]), rgb, _field(letter[:1])]
    if sources:
        raw.append(_field(sources[0]))
    if len(sources) > 1:  # mostly the two begin alike
        shared = _alike(*sources)
        raw += [_LENGTH.pack(shared), _field(sources[1][shared:])]
    return b"".join(raw)


def _alike(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _request(raw: bytes) -> PictureRequest:
    width, height, week = _HEAD.unpack_from(raw)
    at = _HEAD.size + 1
    end = at + raw[at - 1]
    color = f"#{raw[at:end].hex()}" if end > at else ""
    letter, at = _read(raw, end)
    sources = []
    if at < len(raw):
        first, at = _read(raw, at)
        sources.append(first)
    if at < len(raw):
        (shared,) = _LENGTH.unpack_from(raw, at)
        rest, at = _read(raw, at + _LENGTH.size)
        sources.append(sources[0][:shared] + rest)
    return PictureRequest(tuple(sources), letter, color, width, height, week)


def _field(value: str) -> bytes:
    raw = value.encode("utf-8", "replace")
    return _LENGTH.pack(len(raw)) + raw


def _read(raw: bytes, at: int) -> tuple[str, int]:
    (length,) = _LENGTH.unpack_from(raw, at)
    start = at + _LENGTH.size
    if start + length > len(raw):
        raise struct.error("a field is longer than the URL")
    return raw[start : start + length].decode(), start + length
