"""What a banner shows. Whatever is built here is safe to put into a page."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from adserver.model.line_item import OptionValue

# Browsers drop tabs and newlines inside a URL and read "\" as "/": "/\t/evil.example" would leave the site.
_OWN_URL = re.compile(r"(?:https?://[^\s/\\?#\x00-\x1f\x7f]|/(?![/\\]))[^\s\\\x00-\x1f\x7f]*", re.IGNORECASE)


class Picture(NamedTuple):
    """A picture that this server makes: its URLs for screens of one and of two pixels per CSS pixel, each absolute
    http(s) or root-relative, and the box it is made for, in CSS pixels."""

    url: str
    url_2x: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One product as shown.

    ``price_text`` and ``was_price_text`` are formatted; the second is empty where nothing is to be struck through, and
    only beside it stand ``discount`` (whole percent, 0: none) and its text, ``badge``. Without a ``picture`` ``letter``
    is shown. ``click_url`` is absolute http(s) or root-relative, as are the URLs of the picture; anything else raises
    ``ValueError``, because these are minted by this server and an odd one is a bug.
    """

    title: str
    price_text: str
    was_price_text: str = ""
    discount: int = 0
    badge: str = ""
    picture: Picture | None = None
    click_url: str

    def __post_init__(self) -> None:
        _refuse_foreign("click_url", self.click_url)
        if self.picture:
            _refuse_foreign("picture", self.picture.url)
            _refuse_foreign("picture", self.picture.url_2x)

    @property
    def letter(self) -> str:
        """See ``letter_of``."""
        return letter_of(self.title)


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """One decision as shown.

    ``size`` is ``<width>x<height>`` or ``fluid``, ``lang`` a language tag (``de``, ``de-DE`` or ``de_DE``), ``tiles``
    newest first. ``click_url`` is that of the whole banner, for creatives that have such a link. It,
    ``impression_url``, ``why_url`` and ``privacy_url`` are absolute http(s) or root-relative; anything else raises
    ``ValueError``. ``offer_text`` and ``coupon`` are the shop's offer, empty for none; ``ends_in`` are the whole
    minutes to its end, None where it has none. ``because`` (``cart``, ``price_drop``, ``viewed``, ``recommended``) is
    why the first product is shown. ``color`` is the brand's (``#rrggbb``), empty for none; ``options`` are what the
    design is told.
    """

    size: str
    advertiser_name: str
    lang: str
    tiles: tuple[Tile, ...]
    impression_url: str
    why_url: str
    click_url: str = "/"
    offer_text: str = ""
    coupon: str = ""
    privacy_url: str = "/privacy"
    because: str = ""
    ends_in: int | None = None
    color: str = ""
    options: Mapping[str, OptionValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _refuse_foreign("impression_url", self.impression_url)
        _refuse_foreign("why_url", self.why_url)
        _refuse_foreign("click_url", self.click_url)
        _refuse_foreign("privacy_url", self.privacy_url)
        if "_" in self.lang:  # browsers hyphenate by the tag, and know it with a hyphen only
            object.__setattr__(self, "lang", self.lang.replace("_", "-"))


def letter_of(title: str) -> str:
    """First letter or digit of a title, upper case; ``"•"`` when there is none."""
    for character in title:
        if character.isalnum():
            return character.upper()[0]
    return "•"


def _refuse_foreign(field: str, url: str) -> None:
    if not _OWN_URL.fullmatch(url):
        raise ValueError(f"{field}: expected an absolute http(s) or root-relative URL, got {url[:80]!r}")
