"""Why this ad: the trace of a decision in the words of the person who saw it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from babel.dates import format_date
from markupsafe import Markup

from adserver.creative.visitor_page import PAGE_WORDS, PageWords, render
from adserver.model.decision import Passed, Why
from adserver.model.profile import EPOCH, Receipt
from adserver.model.reason import LineItemReason


class ShownProduct(NamedTuple):
    """``at``: when the visitor did what ``why`` says (seconds since EPOCH), 0 where that is not known. ``hidden``: it
    will not be shown again."""

    title: str
    why: Why
    at: int
    id: str = ""
    hidden: bool = False


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
    list of the shop's customers, or in some countries. ``can_hide``: it is known for whom products would be hidden."""

    advertiser: str
    decided_at: int
    products: Sequence[ShownProduct]
    browser: Browser
    seen: Sequence[Seen]
    consent: Receipt | None
    passed: Sequence[Passed]
    by_list: bool = False
    by_place: bool = False
    can_hide: bool = False


class _Product(NamedTuple):
    id: str
    title: str
    why: str
    hidden: bool


class _Page(NamedTuple):
    paid: str
    products: list[_Product]
    can_hide: bool
    known: list[str]
    others: list[str]
    unused: str


_SILENCE = "d"
"""The receipt of those whom nobody asked. Receipts begin with a letter for who spoke."""

_OTHERS: Mapping[LineItemReason, str] = MappingProxyType(
    {
        **dict.fromkeys(LineItemReason, "not_here"),
        LineItemReason.CONSENT: "consent",
        LineItemReason.NO_HISTORY: "no_history",
        LineItemReason.SEGMENT: "not_you",
        LineItemReason.EXCLUDED_SEGMENT: "not_you",
        LineItemReason.CUSTOMER_LIST: "not_you",
        LineItemReason.OTHER_ARM: "not_you",
        LineItemReason.PURCHASED: "purchased",
        LineItemReason.FEED_STALE: "feed_stale",
        LineItemReason.ADVERTISER_CAP: "enough",
        LineItemReason.CAMPAIGN_CAP: "enough",
        LineItemReason.LINE_ITEM_CAP: "enough",
        LineItemReason.MIN_GAP: "enough",
        LineItemReason.PRODUCT_CAP: "enough",
        LineItemReason.LOST_RACE: "enough",
        LineItemReason.TOTAL_BUDGET: "money",
        LineItemReason.DAILY_BUDGET: "money",
        LineItemReason.PACING: "money",
        LineItemReason.NO_PRODUCT: "no_product",
        LineItemReason.HIDDEN: "hidden",
        LineItemReason.OUTRANKED: "outranked",
        LineItemReason.HOLDOUT: "holdout",
    }
)
"""Keys of the words about ads that were not shown."""

_UNITS = ((604_800, "week"), (86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
_LOCALES: Mapping[str, str] = MappingProxyType({"en": "en_GB"})


def why_page(why: WhyAd, language: str = "en") -> bytes:
    """One UTF-8 HTML document, in one of LANGUAGES."""
    return render("why.html", language, page=_Told(language).page(why))


class _Told:
    """The sentences of one page, in one language."""

    def __init__(self, language: str) -> None:
        self._words: PageWords = PAGE_WORDS[language]
        self._locale = _LOCALES.get(language, language)

    def page(self, why: WhyAd) -> _Page:
        advertiser = Markup("<bdi>{}</bdi>").format(why.advertiser)
        paid = Markup(self._words["page"]["paid"])  # noqa: S704  our own words; what they are filled with is escaped
        unused = "_and_".join(name for name, used in (("list", why.by_list), ("place", why.by_place)) if used) or "all"
        return _Page(
            paid=paid.format(advertiser=advertiser, day=self._day(why.decided_at)),
            products=[_Product(one.id, one.title, self._why(one), one.hidden) for one in why.products],
            can_hide=why.can_hide,
            known=[*self._used(why), *self._known(why)],
            others=self._others(why.passed),
            unused=self._words["unused"][unused],
        )

    def _why(self, shown: ShownProduct) -> str:
        """Without a day also for another browser than the one that saw the ad: nothing is said of who asks."""
        words = self._words["product"].get(shown.why.value) if shown.at else None
        return words.format(day=self._day(shown.at)) if words else self._words["product_without_day"][shown.why.value]

    def _used(self, why: WhyAd) -> list[str]:
        """What the choice was made by beside the products."""
        used = {"nothing": not why.products, "list": why.by_list, "place": why.by_place}
        return [self._words["used"][name] for name, holds in used.items() if holds]

    def _known(self, why: WhyAd) -> list[str]:
        if why.browser is not Browser.KNOWN:
            return [self._words["browser"][why.browser.value]]
        sentences = []
        if why.consent is not None:
            consent = self._words["consent"]
            words = consent.get(why.consent.text[:1].decode("latin-1"), consent[_SILENCE])
            sentences.append(words.format(day=self._day(why.consent.since)))
        sentences += [
            self._words["seen"]["ads"].format(ads=seen.ads, limit=seen.limit, span=self._span(seen.window_s))
            for seen in why.seen
        ]
        return sentences or ([self._words["used"]["shop"]] if why.products else [])

    def _others(self, passed: Iterable[Passed]) -> list[str]:
        counts, words = Counter(_OTHERS[one.reason] for one in passed), self._words["passed"]
        return [
            words["one" if count == 1 else "many"].format(count=count, why=words[name])
            for name, count in counts.most_common()
        ]

    def _day(self, at: int) -> str:
        day = datetime.fromtimestamp(EPOCH + at, UTC)
        pattern = self._words["day"]["first" if day.day == 1 else "any"]
        return format_date(day, pattern, locale=self._locale).replace(" ", "\xa0")

    def _span(self, seconds: int) -> str:
        length, unit = next((length, unit) for length, unit in _UNITS if seconds % length == 0)
        count = seconds // length
        return self._words["span"][f"{unit}_one" if count == 1 else f"{unit}_many"].format(count=count)
