"""Ids, titles, descriptions and other plain text, as a feed writes it and as it is kept."""

import html
import re
from collections.abc import Sequence
from operator import itemgetter

from adserver.model.product import PRODUCT_ID_MAX_BYTES

TITLE_CHARACTERS = 150
"""Longest title kept, in characters; Google's own limit."""

NAME_CHARACTERS = 100
"""Longest brand, colour, size or label kept, in characters; Google's own limit for most of them."""

CATEGORY_CHARACTERS = 150
"""Longest category kept, in characters."""

DESCRIPTION_CHARACTERS = 90
"""Longest description kept, in characters: what a banner has room for."""

_LOOKED_AT = 3_000
"""Characters of any text that are looked at; of a description, markup may take most of them."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")
"""Control characters, and those that turn the reading direction of what follows them."""

_UNSEEN = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*(?:>|\Z)")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_NONE = frozenset({"null", "none", "nil", "nan", "n/a", "#n/a", "#ref!", "undefined", "__null__", "-", "--"})
_LONGEST_NONE = max(map(len, _NONE))
_PLACEHOLDER = re.compile(
    r"\{\{[^{}]*\}\}|\{%[^{}]*%\}|\$?\{[^{}]*\}|<%[^<>]*%>|<\?[^<>]*\?>|\[\[[^\[\]]*\]\]"
    r"|#[a-z_][\w.]*#|%[a-z_][\w.]*%",
    re.IGNORECASE,
)
_PLACEHOLDER_BEGINS = "{$<[#%"
_PRINTABLE = bytes(range(0x20, 0x7F))
_FIRST, _LAST = itemgetter(slice(0, 1)), itemgetter(slice(-1, None))
_UNPLAIN_BEGINS = frozenset({"", " ", *_PLACEHOLDER_BEGINS})


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


def read_line(text: str) -> str:
    """The text in one line: white space collapsed, control characters dropped, HTML's entities resolved once.

    Markup stays what it is: text.
    """
    text = text[:_LOOKED_AT]
    if text.isprintable() and "  " not in text and ("&" not in text or ";" not in text):
        return text.strip()
    text = unescaped(text)
    return " ".join(_INVISIBLE.sub("", " ".join(text.split())).split())


def read_description(text: str) -> str:
    """The beginning of a description in one line of at most ``DESCRIPTION_CHARACTERS``, without its markup."""
    begin = text[: 2 * DESCRIPTION_CHARACTERS]
    line = "" if "<" in begin or "&" in begin else read_line(begin)
    if len(line) <= DESCRIPTION_CHARACTERS and (not line or len(text) > len(begin)):
        line = read_line(_without_markup(unescaped(_without_markup(text[:_LOOKED_AT]))))
    return line if len(line) <= DESCRIPTION_CHARACTERS else _first_words(line)


def read_descriptions(texts: Sequence[str]) -> list[str]:
    """The same for many: most have neither markup nor unusual characters, which is told of all of them at once."""
    begins = [text[: 2 * DESCRIPTION_CHARACTERS] for text in texts]
    together = "".join(begins)
    if "<" in together or "&" in together or "  " in together or not are_printable(together):
        return list(map(read_description, texts))
    return [
        _first_words(line) if len(line := begin.strip()) > DESCRIPTION_CHARACTERS else read_description(text)
        for begin, text in zip(begins, texts, strict=True)
    ]


def read_name(text: str) -> str:
    """A brand, colour, size or label: one line of at most ``NAME_CHARACTERS``; empty where there is none."""
    return "" if means_none(text) else shortened(read_line(text), NAME_CHARACTERS)


def read_category(text: str) -> str:
    """A path of categories in one line of at most ``CATEGORY_CHARACTERS``; empty where there is none."""
    if means_none(text):
        return ""
    return shortened(read_line(unescaped(text[:_LOOKED_AT])), CATEGORY_CHARACTERS)


def unescaped(text: str) -> str:
    """HTML's entities resolved once; those without their semicolon are text, as in ``salt&notes``."""
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), text) if "&" in text else text


def shortened(text: str, longest: int) -> str:
    """The text or, with an ellipsis, so much of it as fits."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def means_none(text: str) -> bool:
    """Whether the text is blank, or a word with which programs write that there is nothing."""
    if len(text) > _LONGEST_NONE and text[0] > " " < text[-1]:
        return False
    return not text or text.isspace() or text.strip().lower() in _NONE


def is_placeholder(text: str) -> bool:
    """Whether the text is a template that nobody has filled: ``{{ product.id }}``, ``#price#``, ``%brand%``."""
    if not text or (text[0] > " " and text[0] not in _PLACEHOLDER_BEGINS):
        return False
    text = text.strip()
    if text[:1] not in _PLACEHOLDER_BEGINS or len(text) > _LOOKED_AT:
        return False
    rest, filled = _PLACEHOLDER.subn("", text)
    return filled > 0 and not any(map(str.isalnum, rest))


def is_nothing(text: str) -> bool:
    """Whether the text says nothing: none of it, a word for none, or a template that nobody has filled."""
    return means_none(text) or is_placeholder(text)


def has_placeholder(text: str) -> bool:
    """Whether a part of the text is a template that nobody has filled; for text that is no use as it is."""
    return _PLACEHOLDER.search(text[:_LOOKED_AT]) is not None


def are_plain(texts: Sequence[str]) -> bool:
    """Whether each of the texts says something, and is what ``read_line`` makes of it, but for HTML's entities."""
    together = "".join(texts)
    return (
        _UNPLAIN_BEGINS.isdisjoint(map(_FIRST, texts))
        and " " not in set(map(_LAST, texts))
        and "  " not in together
        and are_printable(together)
        and _NONE.isdisjoint(map(str.lower, texts))
    )


def are_printable(text: str) -> bool:
    """``str.isprintable``, which asks for each character, several times as fast: most of them are of ASCII."""
    others = text.encode("utf-8", "surrogatepass").translate(None, _PRINTABLE)
    return not others or others.decode("utf-8", "surrogatepass").isprintable()


def _first_words(line: str) -> str:
    """So many of them as fit, and an ellipsis."""
    line = line[: DESCRIPTION_CHARACTERS - 1]
    last_word = line.rfind(" ", DESCRIPTION_CHARACTERS // 2)
    return (line if last_word < 0 else line[:last_word]).rstrip(" ,;:.-\u2013") + "…"


def _without_markup(text: str) -> str:
    if "<" not in text:
        return text
    return _TAG.sub(" ", _UNSEEN.sub(" ", text))
