"""Who asks for what: a population of visitors with cookies, products as popular as Zipf says, encoded beforehand."""

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from benchmarks.load import Address, fetch_all
from benchmarks.response import Response

PRODUCTS_PER_VISITOR = 10

_REQUESTS = 20_000
"""Requests encoded beforehand; a round that needs more begins again."""

_BROWSER = (
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: de-DE,de;q=0.9,en;q=0.8\r\n"
    "Sec-Fetch-Site: cross-site\r\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Ids the server knows. ``shop_page`` and ``news_page`` are sent as Referer unless empty."""

    advertiser: str
    placement: str
    products: Sequence[str]
    shop_page: str = ""
    news_page: str = ""


class Traffic:
    """Encoded requests to one server. The same ``seed`` asks every server for the same products in the same order."""

    def __init__(self, site: Site, address: Address, *, seed: int) -> None:
        self._site = site
        self._address = address
        self._random = random.Random(seed)
        self._weights = list(itertools.accumulate(1 / rank for rank in range(1, len(site.products) + 1)))

    async def make_visitors(self, count: int, *, connections: int) -> list[str]:
        """``count`` new visitors who looked at some products each; their Cookie headers."""
        first = [self._pixel(self._product(), "") for _ in range(count)]
        cookies = [_cookie(answer) for answer in await fetch_all(self._address, first, connections=connections)]
        views = [self._pixel(product, cookie) for cookie in cookies for product in self._history()]
        await fetch_all(self._address, views, connections=connections)
        return cookies

    def pixels(self, cookies: Sequence[str]) -> list[bytes]:
        """Product views by visitors who return."""
        return [self._pixel(self._product(), self._random.choice(cookies)) for _ in range(_REQUESTS)]

    def ads(self, cookies: Sequence[str]) -> list[bytes]:
        """Requests for an ad by visitors with a history."""
        return [self._ad(self._random.choice(cookies)) for _ in range(_REQUESTS)]

    def _product(self) -> str:
        return self._random.choices(self._site.products, cum_weights=self._weights)[0]

    def _history(self) -> list[str]:
        products = self._site.products
        if len(products) <= PRODUCTS_PER_VISITOR:
            return list(products)
        drawn: dict[str, None] = {}
        while len(drawn) < PRODUCTS_PER_VISITOR:
            drawn[self._product()] = None
        return list(drawn)

    def _pixel(self, product: str, cookie: str) -> bytes:
        query = f"a={quote(self._site.advertiser)}&e=view_item&p={quote(product, safe='')}"
        kind = "Accept: image/avif,image/webp,*/*;q=0.8\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n"
        return self._request(f"/pixel.gif?{query}", kind, self._site.shop_page, cookie)

    def _ad(self, cookie: str) -> bytes:
        kind = "Accept: text/html,*/*;q=0.8\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n"
        return self._request(f"/ad?placement={quote(self._site.placement)}", kind, self._site.news_page, cookie)

    def _request(self, target: str, kind: str, page: str, cookie: str) -> bytes:
        host = f"[{self._address.host}]" if ":" in self._address.host else self._address.host
        lines = f"GET {target} HTTP/1.1\r\nHost: {host}:{self._address.port}\r\n{_BROWSER}{kind}"
        lines += f"Referer: {page}\r\n" if page else ""
        lines += f"Cookie: {cookie}\r\n" if cookie else ""
        return f"{lines}\r\n".encode()


def _cookie(answer: Response) -> str:
    """All cookies an answer sets, as a browser sends them back."""
    return "; ".join(value.partition(b";")[0].decode("latin-1") for value in answer.values(b"set-cookie"))
