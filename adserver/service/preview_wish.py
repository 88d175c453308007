"""What somebody wants to look at, read from a query: every parameter is judged, and an odd one is told by its name."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from adserver.creative.samples import SAMPLES
from adserver.model.account import ACCOUNT_ID_PATTERN
from adserver.model.hit import Fields
from adserver.model.product import PRODUCT_ID_MAX_BYTES
from adserver.model.segment import Rung

MAX_PRODUCTS = 10
MAX_OPTIONS = 20
OPTION = "option."
"""How a parameter begins that sets an option of the creative."""

THIS_BROWSER = "me"
"""As a visitor: whoever asks, by the cookie."""

GROUNDS = ("light", "dark")
BECAUSE = ("cart", "price_drop", "viewed", "recommended")
DEFAULT_SAMPLE = "typical"

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,2}")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_ID = re.compile(ACCOUNT_ID_PATTERN)
_VISITOR = re.compile(r"(?:[A-Za-z0-9_-]{22}){1,2}[A-Za-z0-9_-]?")
_NUMBER = re.compile(r"[0-9]{1,6}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class BadWishError(ValueError):
    """A parameter that can not be used, and what was expected of it. What was found is not repeated."""

    def __init__(self, parameter: str, expected: str) -> None:
        super().__init__(f"{parameter}: expected {expected}")
        self.parameter = parameter
        self.expected = expected


class Wish(NamedTuple):
    """All of it; what is empty, or 0, was not said. ``creatives`` and ``sizes``: only these. Content is that of
    ``sample``, or ``how_many`` products of ``advertiser``, or its ``products`` by id, or what a visitor of ``segment``
    there would get, or whoever ``visitor`` (an id, the value of a cookie, or THIS_BROWSER) names in ``placement``.
    The rest takes the place of what the content says; ``ends`` is in minutes, ``options`` as they were written."""

    creatives: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    ground: str = GROUNDS[0]
    sample: str = ""
    advertiser: str = ""
    products: tuple[str, ...] = ()
    how_many: int = 0
    segment: str = ""
    visitor: str = ""
    placement: str = ""
    lang: str = ""
    because: str = ""
    color: str = ""
    offer: str = ""
    coupon: str = ""
    ends: int = 0
    options: Mapping[str, str] = MappingProxyType({})


def wish_of(fields: Fields | None, sizes: Mapping[str, Collection[str]]) -> Wish:
    """``sizes`` by creative. Raises ``BadWishError``."""
    if fields is None:
        raise BadWishError("the query", "UTF-8, at most 8192 bytes and 256 parameters")
    known_sizes = tuple(dict.fromkeys(size for listed in sizes.values() for size in sorted(listed)))
    reader = _Reader(fields)
    wish = Wish(
        creatives=reader.several("creative", sizes),
        sizes=reader.several("size", known_sizes),
        ground=reader.one_of("ground", GROUNDS) or GROUNDS[0],
        sample=reader.one_of("sample", SAMPLES),
        advertiser=reader.match("advertiser", _ID, "the id of an advertiser"),
        products=reader.products(),
        how_many=reader.number("count", 1, MAX_PRODUCTS),
        segment=reader.match("segment", _ID, f"one of {', '.join(Rung)}, or the id of a segment"),
        visitor=reader.visitor(),
        placement=reader.match("placement", _ID, "the id of a placement"),
        lang=reader.match("lang", _LANGUAGE, "a language such as de or de-AT"),
        because=reader.one_of("because", BECAUSE),
        color=reader.match("color", _COLOR, "a colour such as #0b6b4f"),
        offer=reader.text("offer", 120),
        coupon=reader.text("coupon", 40),
        ends=reader.number("ends", 1, 525_600, "minutes"),
        options=reader.options(),
    )
    reader.refuse_others()
    _refuse_contradictions(wish)
    return wish


def _refuse_contradictions(wish: Wish) -> None:
    if wish.sample and (wish.advertiser or wish.visitor or wish.placement):
        raise BadWishError("sample", "no advertiser, visitor or placement beside it: it is content of its own")
    if wish.visitor and not wish.placement:
        raise BadWishError("placement", "the placement in which the visitor looks, beside a visitor")
    if wish.visitor and (wish.segment or wish.advertiser):
        raise BadWishError("visitor", "no segment and no advertiser beside it: what is known of the visitor tells")
    if wish.segment and not wish.advertiser:
        raise BadWishError("advertiser", "the advertiser that the segment is of, beside a segment")
    if wish.advertiser and wish.placement and not wish.segment:
        raise BadWishError("segment", "a segment of the advertiser, beside an advertiser and a placement")
    if (wish.products or wish.how_many) and not wish.advertiser:
        raise BadWishError("advertiser", "the advertiser whose products are wanted")


class _Reader:
    """Takes one parameter after the other; an empty value, as forms send it, is as good as none."""

    def __init__(self, fields: Fields) -> None:
        self._fields = {
            name: found for name, values in fields.items() if (found := [value for value in values if value])
        }
        self._asked: set[str] = set()

    def refuse_others(self) -> None:
        """Whatever nobody has asked for is a mistake of the sender."""
        for name in self._fields:
            if name not in self._asked and not name.startswith(OPTION):
                raise BadWishError(_shown(name), f"one of {', '.join(sorted(self._asked))}, {OPTION}<name>")

    def several(self, name: str, known: Iterable[str]) -> tuple[str, ...]:
        values = self._all(name)
        if not set(values) <= set(known):
            raise BadWishError(name, f"one of {', '.join(known)}")
        return tuple(dict.fromkeys(values))

    def one_of(self, name: str, known: Collection[str]) -> str:
        value = self._one(name)
        if value and value not in known:
            raise BadWishError(name, f"one of {', '.join(known)}")
        return value

    def match(self, name: str, pattern: re.Pattern[str], expected: str) -> str:
        value = self._one(name)
        if value and not pattern.fullmatch(value):
            raise BadWishError(name, expected)
        return value

    def number(self, name: str, least: int, most: int, unit: str = "") -> int:
        value = self._one(name)
        if value and not (_NUMBER.fullmatch(value) and least <= int(value) <= most):
            raise BadWishError(name, f"a whole number from {least} to {most}{unit and ' '}{unit}")
        return int(value or 0)

    def text(self, name: str, most: int) -> str:
        value = self._one(name)
        if len(value) > most or _CONTROL.search(value):
            raise BadWishError(name, f"a text of at most {most} characters without control characters")
        return value

    def visitor(self) -> str:
        value = self._one("visitor")
        if value and value != THIS_BROWSER and not _VISITOR.fullmatch(value):
            raise BadWishError("visitor", f"the id of a visitor, the value of its cookie, or {THIS_BROWSER}")
        return value

    def products(self) -> tuple[str, ...]:
        values = self._all("product")
        if len(values) > MAX_PRODUCTS or any(len(value.encode()) > PRODUCT_ID_MAX_BYTES for value in values):
            raise BadWishError(
                "product", f"at most {MAX_PRODUCTS} ids of products, each of at most {PRODUCT_ID_MAX_BYTES} bytes"
            )
        return tuple(dict.fromkeys(values))

    def options(self) -> Mapping[str, str]:
        names = [name for name in self._fields if name.startswith(OPTION)]
        if len(names) > MAX_OPTIONS:
            raise BadWishError(f"{OPTION}<name>", f"at most {MAX_OPTIONS} options")
        return {name.removeprefix(OPTION): self._one(name) for name in names}

    def _all(self, name: str) -> Sequence[str]:
        self._asked.add(name)
        return self._fields.get(name, ())

    def _one(self, name: str) -> str:
        values = self._all(name)
        if len(values) > 1:
            raise BadWishError(_shown(name), "to be there once")
        return values[0] if values else ""


def _shown(name: str) -> str:
    """A parameter's name as a page may repeat it."""
    return name if len(name) <= 40 else f"{name[:40]}…"
