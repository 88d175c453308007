"""Who asks for what: a population of visitors with cookies, products as popular as Zipf says, encoded beforehand."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple
from urllib.parse import quote

from benchmarks.address import Address
from benchmarks.answer import Answers, Kind, Kinds, values
from benchmarks.client import Client, LoadError
from benchmarks.consent import tc_string

PRODUCTS_PER_VISITOR = 10

SHED = ("overload", "deadline")
"""Reasons that a server may give under a load it can not carry."""

_REQUESTS = 20_000
"""Requests encoded beforehand; a round that needs more begins again."""

USER_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
CHROME = (
    "Connection: keep-alive",
    'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"',
    "sec-ch-ua-mobile: ?0",
    'sec-ch-ua-platform: "Windows"',
    f"User-Agent: {USER_AGENT}",
    "Sec-Fetch-Site: cross-site",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7",
)
IMAGE = (
    "Accept: image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
    "Sec-Fetch-Mode: no-cors",
    "Sec-Fetch-Dest: image",
)
_FRAME = (
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
    "Sec-Fetch-Mode: navigate",
    "Sec-Fetch-Dest: iframe",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Ids the server knows. ``shop_page`` and ``news_page`` are sent as Referer unless empty."""

    advertiser: str
    placement: str
    products: Sequence[str]
    shop_page: str = ""
    news_page: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How visitors ask. ``browser``: with all headers of a desktop Chrome, else with few of them.
    ``consent``: the share of visitors (0 to 1) whose pages send a consent string along."""

    browser: bool = True
    consent: float = 1.0


class Visitor(NamedTuple):
    """What a browser sends back, and what the consent platform on its pages says; either may be empty."""

    cookie: str
    consent: str


class Traffic:
    """Encoded requests to one server. The same ``seed`` asks every server for the same products in the same order."""

    def __init__(self, site: Site, address: Address, manner: Manner, *, seed: int) -> None:
        self.site = site
        self.address = address
        self._manner = manner
        self._random = Random(seed)
        self._weights = list(itertools.accumulate(1 / rank for rank in range(1, len(site.products) + 1)))

    def make_visitors(self, count: int, *, history: bool, connections: int) -> list[Visitor]:
        """``count`` visitors the server knows; with a ``history`` of ten viewed products, else of one or two.

        Raises LoadError unless every event of theirs was kept.
        """
        unknown = [Visitor("", self._consent()) for _ in range(count)]
        first = self._fetch([self.pixel(visitor) for visitor in unknown], connections)
        known = [Visitor(_cookies(answer), visitor.consent) for answer, visitor in zip(first, unknown, strict=True)]
        # A first event lives for an hour only; the second, with the cookie, makes a returning visitor.
        views = [
            self._view(p, visitor) for visitor in known for p in (self._history() if history else [self._product()])
        ]
        self._fetch(views, connections)
        return known

    def pixels(self, visitors: Sequence[Visitor]) -> list[bytes]:
        """Product views by visitors who return."""
        return [self.pixel(self._random.choice(visitors)) for _ in range(_REQUESTS)]

    def ads(self, visitors: Sequence[Visitor]) -> list[bytes]:
        """Requests for an ad by visitors with a history."""
        return [self.ad(self._random.choice(visitors)) for _ in range(_REQUESTS)]

    def newcomers(self) -> list[bytes]:
        """Product views by visitors without a cookie."""
        return [self.pixel(Visitor("", self._consent())) for _ in range(_REQUESTS // 10)]

    def pixel(self, visitor: Visitor) -> bytes:
        """One product view."""
        return self._view(self._product(), visitor)

    def ad(self, visitor: Visitor) -> bytes:
        """One slot."""
        target = f"/ad?placement={quote(self.site.placement)}{_consent_query(visitor)}"
        return self.request(target, _FRAME, self.site.news_page, visitor.cookie)

    def image(self, target: str) -> bytes:
        """An image of the banner's own, such as its impression."""
        return self.request(target, IMAGE, "", "")

    def frame(self, target: str) -> bytes:
        """A page that a click opens."""
        return self.request(target, _FRAME, "", "")

    def request(self, target: str, kind: Sequence[str], page: str, cookie: str) -> bytes:
        """One GET."""
        lines = [f"GET {target} HTTP/1.1", f"Host: {self.address}"]
        lines += (*CHROME, *kind) if self._manner.browser else (f"User-Agent: {USER_AGENT}",)
        lines += [f"Referer: {page}"] if page else []
        lines += [f"Cookie: {cookie}"] if cookie else []
        return "\r\n".join((*lines, "", "")).encode()

    def _view(self, product: str, visitor: Visitor) -> bytes:
        query = f"a={quote(self.site.advertiser)}&e=view_item&p={quote(product, safe='')}{_consent_query(visitor)}"
        return self.request(f"/pixel.gif?{query}", IMAGE, self.site.shop_page, visitor.cookie)

    def _fetch(self, requests: Sequence[bytes], connections: int) -> list[bytes]:
        return fetch_all(self.address, requests, connections=connections)

    def _consent(self) -> str:
        return tc_string(self._random) if self._random.random() < self._manner.consent else ""

    def _product(self) -> str:
        return self._random.choices(self.site.products, cum_weights=self._weights)[0]

    def _history(self) -> list[str]:
        products = self.site.products
        if len(products) <= PRODUCTS_PER_VISITOR:
            return list(products)
        drawn: dict[str, None] = {}
        while len(drawn) < PRODUCTS_PER_VISITOR:
            drawn[self._product()] = None
        return list(drawn)


def fetch_all(address: Address, requests: Sequence[bytes], *, connections: int, patience_s: float = 600) -> list[bytes]:
    """Every request once: whole answers, in the order of their arrival, which is not that of the requests.

    Raises LoadError unless each is a 200 without a reason, within ``patience_s`` all together.
    """
    taken: list[bytes] = []
    kinds = Kinds()
    answers = Answers("setting up", kinds, taken.append)
    with Client(address, connections) as client:
        log = client.closed_loop(((payload, answers) for payload in requests), patience_s, kinds)
    if faults := unexpected(log.count()):
        raise LoadError(f"{address}: {faults}")
    return taken


def unexpected(counts: Mapping[Kind, int], allowed: Sequence[str] = ()) -> dict[str, int]:
    """How often something was answered that should not have been: another status than 200 (302 to a click), or a
    reason that is not ``allowed``."""
    faults: dict[str, int] = {}
    for kind, count in counts.items():
        right = kind.status == (302 if kind.label == "click" else 200) and not kind.reason
        if not right and not (kind.status and kind.reason in allowed):
            faults[str(kind)] = faults.get(str(kind), 0) + count
    return faults


def shed(counts: Mapping[Kind, int]) -> int:
    """How many answers were given to get rid of load."""
    return sum(count for kind, count in counts.items() if kind.reason in SHED)


def _cookies(answer: bytes) -> str:
    """All cookies an answer sets, as a browser sends them back."""
    return "; ".join(value.partition(b";")[0].decode("latin-1") for value in values(answer, b"set-cookie"))


def _consent_query(visitor: Visitor) -> str:
    return f"&gdpr=1&gdpr_consent={visitor.consent}" if visitor.consent else ""
