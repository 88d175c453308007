"""Why this ad: the trace of a decision in the words of the person who saw it."""

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from hashlib import sha256
from importlib.resources import files
from types import MappingProxyType
from typing import NamedTuple

from babel.dates import format_date
from jinja2 import Environment, StrictUndefined

from adserver.model.decision import Passed, Why
from adserver.model.profile import EPOCH, Receipt
from adserver.model.reason import LineItemReason


class ShownProduct(NamedTuple):
    """``at``: when the visitor did what ``why`` says (seconds since EPOCH), 0 where that is not known."""

    title: str
    why: Why
    at: int


class Seen(NamedTuple):
    """Ads of the line item that the visitor has seen, at most so many, within so many seconds."""

    ads: int
    limit: int
    window_s: int


class Browser(Enum):
    """The browser that asks: one that is known, one that is not, one that does not want to be, or nobody can tell."""

    KNOWN = "known"
    NOT_KNOWN = "not_known"
    OBJECTS = "objects"
    NOT_READ = "not_read"


class WhyAd(NamedTuple):
    """``decided_at`` in seconds since EPOCH. What is told of the visitor is about the browser that asks; ``consent`` is
    the receipt that is kept of it, None where there is none. ``by_list``, ``by_place``: the ad is only for those on a
    list of the shop's customers, or in some countries."""

    advertiser: str
    decided_at: int
    products: Sequence[ShownProduct]
    browser: Browser
    seen: Sequence[Seen]
    consent: Receipt | None
    passed: Sequence[Passed]
    by_list: bool = False
    by_place: bool = False


class _Product(NamedTuple):
    title: str
    why: str


class _Page(NamedTuple):
    advertiser: str
    day: str
    products: list[_Product]
    known: list[str]
    others: list[str]
    unused: str


_TEMPLATE = files(__package__).joinpath("pages", "why.html").read_text("utf-8")
_STYLE = _TEMPLATE.partition("<style>")[2].partition("</style>")[0]

WHY_CSP = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page's Content-Security-Policy."""

_render = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(_TEMPLATE).render

_WHY: Mapping[Why, str] = MappingProxyType(
    {
        Why.CART: "You put it into your cart on {day}.",
        Why.PRICE_DROP: "You looked at it on {day}, and it cost more then.",
        Why.OFTEN: "You looked at it more than once, the last time on {day}.",
        Why.VIEWED: "You looked at it on {day}.",
    }
)
_WHY_WITHOUT_DAY: Mapping[Why, str] = MappingProxyType(
    {
        Why.CART: "It had been put into the cart.",
        Why.PRICE_DROP: "It had been looked at, and had cost more then.",
        Why.OFTEN: "It had been looked at more than once.",
        Why.VIEWED: "It had been looked at.",
        Why.BOUGHT_TOGETHER: "Others bought it together with something that was bought.",
        Why.UPSELL: "It is of the same kind as something that was looked at or bought.",
        Why.TOGETHER: "Others looked at it who looked at the same things.",
        Why.BEST_SELLER: "Many people buy it there.",
    }
)
"""Also for another browser than the one that saw the ad: nothing is said of who asks."""

_NOT_TOLD: Mapping[Browser, str] = MappingProxyType(
    {
        Browser.NOT_KNOWN: "This browser is not known to the server, so there is nothing else to tell.",
        Browser.OBJECTS: "This browser asks not to be known, so nothing was looked up.",
        Browser.NOT_READ: "What is known of this browser can not be read at the moment. Try again later.",
    }
)
_CONSENT: Mapping[bytes, str] = MappingProxyType(
    {
        b"t": "You consented on {day}, in a consent banner.",
        b"o": "You consented on {day}, as the shop's page has told.",
        b"n": "The shop's page said on {day} that where you are no consent is needed.",
        b"u": "On {day} you were asked, and did not object.",
        b"d": "Nobody asked you: the shop takes silence for a yes. First seen on {day}.",
    }
)
"""By the first byte of a receipt: who spoke."""

_UNUSED: Mapping[tuple[bool, bool], str] = MappingProxyType(
    {
        (False, False): "No name, e-mail or address of yours was used",
        (True, False): "No name and no address of yours was used",
        (False, True): "No name and no e-mail of yours was used",
        (True, True): "No name of yours was used",
    }
)
"""By whether the ad is for a list of customers, and for some places only."""

_NOT_HERE = "meant for another place, time or device"
_NOT_YOU = "meant for other visitors"
_ENOUGH = "you have seen as many as you should"
_MONEY = "the money set aside for it is spent for now"
_OTHERS: Mapping[LineItemReason, str] = MappingProxyType(
    {
        **dict.fromkeys(LineItemReason, _NOT_HERE),
        LineItemReason.CONSENT: "you did not consent to it",
        LineItemReason.NO_HISTORY: "you have not been to that shop",
        **dict.fromkeys(
            (
                LineItemReason.SEGMENT,
                LineItemReason.EXCLUDED_SEGMENT,
                LineItemReason.CUSTOMER_LIST,
                LineItemReason.OTHER_ARM,
            ),
            _NOT_YOU,
        ),
        LineItemReason.PURCHASED: "you have bought there lately",
        LineItemReason.FEED_STALE: "its prices may be out of date",
        **dict.fromkeys(
            (
                LineItemReason.ADVERTISER_CAP,
                LineItemReason.CAMPAIGN_CAP,
                LineItemReason.LINE_ITEM_CAP,
                LineItemReason.MIN_GAP,
                LineItemReason.PRODUCT_CAP,
                LineItemReason.LOST_RACE,
            ),
            _ENOUGH,
        ),
        **dict.fromkeys((LineItemReason.TOTAL_BUDGET, LineItemReason.DAILY_BUDGET, LineItemReason.PACING), _MONEY),
        LineItemReason.NO_PRODUCT: "nothing in it is available at the moment",
        LineItemReason.OUTRANKED: "this one came first",
        LineItemReason.HOLDOUT: "held back, to find out what ads really do",
    }
)
_UNITS = ((604_800, "week"), (86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def why_page(why: WhyAd) -> bytes:
    """One UTF-8 HTML document."""
    page = _Page(
        advertiser=why.advertiser,
        day=_day(why.decided_at),
        products=[_Product(shown.title, _why(shown)) for shown in why.products],
        known=[*_used(why), *_known(why)],
        others=_others(why.passed),
        unused=_UNUSED[why.by_list, why.by_place],
    )
    return _render(page=page).encode("utf-8", "replace")


def _why(shown: ShownProduct) -> str:
    words = _WHY.get(shown.why) if shown.at else None
    return words.format(day=_day(shown.at)) if words else _WHY_WITHOUT_DAY[shown.why]


def _used(why: WhyAd) -> list[str]:
    """What the choice was made by beside the products."""
    sentences = []
    if not why.products:
        sentences.append("Nothing about you was needed to choose it.")
    if why.by_list:
        sentences.append("It is for customers whom the shop has named, by a code made of their e-mail address.")
    if why.by_place:
        sentences.append("It is for some countries or regions. Where you are was told by your network address.")
    return sentences


def _known(why: WhyAd) -> list[str]:
    if why.browser is not Browser.KNOWN:
        return [_NOT_TOLD[why.browser]]
    sentences = []
    if why.consent is not None:
        words = _CONSENT.get(why.consent.text[:1], _CONSENT[b"d"])
        sentences.append(words.format(day=_day(why.consent.since)))
    sentences += [
        f"You have seen {seen.ads} of at most {seen.limit} of these ads within {_span(seen.window_s)}."
        for seen in why.seen
    ]
    return sentences or (["What you did in this shop, and nothing else."] if why.products else [])


def _others(passed: Iterable[Passed]) -> list[str]:
    counts = Counter(_OTHERS[one.reason] for one in passed)
    return [f"{'One ad' if count == 1 else f'{count} ads'}: {words}." for words, count in counts.most_common()]


def _day(at: int) -> str:
    return format_date(datetime.fromtimestamp(EPOCH + at, UTC), "d\xa0MMMM\xa0y", locale="en_GB")


def _span(seconds: int) -> str:
    length, unit = next((length, unit) for length, unit in _UNITS if seconds % length == 0)
    count = seconds // length
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
