"""Ids, titles and the words of ``availability``, as a feed writes them and as they are kept."""

import re

from adserver.model.product import PRODUCT_ID_MAX_BYTES, Availability

TITLE_CHARACTERS = 150
"""Longest title kept, in characters; Google's own limit."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")
"""Control characters, and those that turn the reading direction of what follows them."""

_NOT_A_LETTER = re.compile(r"[^a-z]+")
_AVAILABILITY = {
    "": Availability.IN_STOCK,
    "instock": Availability.IN_STOCK,
    "available": Availability.IN_STOCK,
    "outofstock": Availability.OUT_OF_STOCK,
    "soldout": Availability.OUT_OF_STOCK,
    "unavailable": Availability.OUT_OF_STOCK,
    "notavailable": Availability.OUT_OF_STOCK,
    "discontinued": Availability.OUT_OF_STOCK,
    "preorder": Availability.PREORDER,
    "backorder": Availability.BACKORDER,
    "availablefororder": Availability.BACKORDER,
}
_AS_USUAL = {"in stock": Availability.IN_STOCK, "in_stock": Availability.IN_STOCK}


def read_id(text: str) -> str:
    """The id without surrounding white space, else as the shop wrote it; empty where it is not usable."""
    text = text.strip()
    if text.isascii() and text.isprintable() and len(text) <= PRODUCT_ID_MAX_BYTES:
        return text
    try:
        long = len(text.encode()) > PRODUCT_ID_MAX_BYTES
    except UnicodeEncodeError:
        return ""
    return "" if long or _CONTROL.search(text) else text


def read_title(text: str) -> str:
    """One line of at most ``TITLE_CHARACTERS``: white space collapsed, control characters dropped.

    Markup and entities stay what they are: text. A longer title ends in an ellipsis.
    """
    text = " ".join(text.split())
    if not text.isprintable():
        text = " ".join(_INVISIBLE.sub("", text).split())
    if len(text) > TITLE_CHARACTERS:
        text = text[: TITLE_CHARACTERS - 1].rstrip() + "…"
    return text


def read_availability(text: str) -> Availability | None:
    """Google's, Meta's and schema.org's words in any spelling; none means in stock, an unknown one None."""
    usual = _AS_USUAL.get(text)
    if usual is not None:
        return usual
    word = re.sub(r"^https?://schema\.org/", "", text.strip().lower())
    letters = _NOT_A_LETTER.sub("", word)
    if not letters and word:
        return None
    return _AVAILABILITY.get(letters)
