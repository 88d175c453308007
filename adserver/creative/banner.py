"""What a banner shows. Whatever is built here is safe to put into a page."""

import re
from dataclasses import dataclass

# Browsers drop tabs and newlines inside a URL and read "\" as "/": "/\t/evil.example" would leave the site.
_OWN_URL = re.compile(r"(?:https?://[^\s/\\?#\x00-\x1f\x7f]|/(?![/\\]))[^\s\\\x00-\x1f\x7f]*", re.IGNORECASE)
_IMAGE_URL = re.compile(r"https?://[^\s/\\?#\x00-\x1f\x7f][^\x00-\x1f\x7f]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One product as shown.

    ``price_text`` and ``was_price_text`` are formatted; the second is empty where nothing is to be struck
    through. ``image_url`` is an absolute http(s) URL; anything else becomes ``""``, which shows ``letter``
    instead. ``click_url`` is absolute http(s) or root-relative; anything else raises ``ValueError``, because
    click URLs are minted by this server and an odd one is a bug.
    """

    title: str
    price_text: str
    was_price_text: str = ""
    image_url: str = ""
    click_url: str

    def __post_init__(self) -> None:
        _refuse_foreign("click_url", self.click_url)
        if self.image_url and not _IMAGE_URL.fullmatch(self.image_url):
            object.__setattr__(self, "image_url", "")

    @property
    def letter(self) -> str:
        """First letter or digit of the title, upper case; ``"•"`` when there is none."""
        for character in self.title:
            if character.isalnum():
                return character.upper()[0]
        return "•"

    def picture(self, insecure_images: bool) -> str:
        """``image_url``, or ``""`` where the page's policy would block it anyway (an ``http:`` picture)."""
        if insecure_images or self.image_url[:6].lower() == "https:":
            return self.image_url
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """One decision as shown.

    ``size`` is ``<width>x<height>``, ``lang`` a language tag (``de``, ``de-DE`` or ``de_DE``), ``tiles``
    newest first. ``click_url`` is that of the whole banner, for creatives that have such a link. It,
    ``impression_url`` and ``privacy_url`` are absolute http(s) or root-relative; anything else raises
    ``ValueError``. ``insecure_images`` lets pictures, the impression's too, come by plain http.
    """

    size: str
    advertiser_name: str
    lang: str
    tiles: tuple[Tile, ...]
    impression_url: str
    privacy_url: str
    click_url: str = "/"
    insecure_images: bool = False

    def __post_init__(self) -> None:
        _refuse_foreign("impression_url", self.impression_url)
        _refuse_foreign("privacy_url", self.privacy_url)
        _refuse_foreign("click_url", self.click_url)
        if "_" in self.lang:  # browsers hyphenate by the tag, and know it with a hyphen only
            object.__setattr__(self, "lang", self.lang.replace("_", "-"))


def _refuse_foreign(field: str, url: str) -> None:
    if not _OWN_URL.fullmatch(url):
        raise ValueError(f"{field}: expected an absolute http(s) or root-relative URL, got {url[:80]!r}")
