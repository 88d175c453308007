"""Who asks for what: requests as browsers write them, and a mix whose impressions and clicks were really served."""

from collections import Counter
from itertools import islice
from pathlib import Path
from random import Random
from urllib.parse import parse_qs, urlsplit

from adserver.model.tcf import purpose_consents
from adserver.service.accounts_file import AccountsFile, parse_accounts
from benchmarks.address import Address
from benchmarks.answer import Answers, Kinds
from benchmarks.consent import tc_string
from benchmarks.mix import Mix, Ratio
from benchmarks.stage import CAPPED_ACCOUNTS
from benchmarks.traffic import Manner, Site, Traffic, Visitor

SITE = Site(
    advertiser="acme",
    placement="daily-rectangle",
    products=[f"P&{number}" for number in range(1, 101)],
    shop_page="https://shop.test/",
    news_page="https://news.test/",
)
VISITOR = Visitor("adserver=abc", "CONSENT")


def traffic(manner: Manner | None = None, *, seed: int = 1) -> Traffic:
    return Traffic(SITE, Address(host="127.0.0.1", port=80), manner or Manner(), seed=seed)


def read(payload: bytes) -> tuple[str, dict[str, list[str]], dict[str, str]]:
    """Path, query and headers."""
    line, *fields = payload.decode().removesuffix("\r\n\r\n").split("\r\n")
    method, target, version = line.split(" ")
    assert (method, version) == ("GET", "HTTP/1.1")
    headers = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
    assert len(headers) == len(fields)
    return urlsplit(target).path, parse_qs(urlsplit(target).query), headers


def test_a_product_view_is_as_a_browser_sends_it() -> None:
    path, query, headers = read(traffic().pixel(VISITOR))
    assert path == "/pixel.gif"
    assert query["p"][0] in SITE.products
    assert query["gdpr_consent"] == ["CONSENT"]
    assert headers["cookie"] == "adserver=abc"
    assert headers["referer"] == SITE.shop_page
    assert "Chrome/" in headers["user-agent"]
    assert 12 <= len(headers) <= 15


def test_a_lean_visitor_says_little() -> None:
    path, query, headers = read(traffic(Manner(browser=False)).ad(Visitor("", "")))
    assert (path, query) == ("/ad", {"placement": [SITE.placement]})
    assert headers.keys() == {"host", "user-agent", "referer"}


def test_the_same_seed_asks_every_server_for_the_same() -> None:
    assert traffic().pixels([VISITOR]) == traffic().pixels([VISITOR])
    assert traffic().pixels([VISITOR]) != traffic(seed=2).pixels([VISITOR])


def test_products_are_as_popular_as_zipf_says() -> None:
    views = Counter(read(payload)[1]["p"][0] for payload in traffic().pixels([VISITOR]))
    harmonic = sum(1 / rank for rank in range(1, 101))
    for rank in (1, 2, 5):
        share = views[f"P&{rank}"] / views.total()
        assert abs(share * harmonic * rank - 1) < 0.1


def test_a_consent_string_gives_the_purposes_and_is_as_long_as_real_ones() -> None:
    rng = Random(1)
    strings = {tc_string(rng) for _ in range(20)}
    assert len(strings) == 20
    for string in strings:
        assert purpose_consents(string) == frozenset(range(1, 11))
        assert 200 <= len(string) <= 500


def test_a_mix_follows_the_tokens_of_ads_that_were_served_once_each() -> None:
    mix = Mix(traffic(), [VISITOR], [VISITOR], Ratio(pixel=4, newcomers=1, ad=2, impression=2, click=1), seed=1)
    asked: Counter[str] = Counter()
    tokens: list[str] = []
    served = 0
    for payload, answers in islice(mix.requests(Kinds()), 10_000):
        asked[answers.label] += 1
        path, _, headers = read(payload)
        if answers.label == "ad":
            served += 1
            _answer(answers, f'<a href="/c/C{served}"></a><img src="/i/I{served}">')
        elif answers.label in ("impression", "click"):
            tokens.append(path)
        assert ("cookie" in headers) == (answers.label in ("pixel", "ad"))
    assert len(tokens) == len(set(tokens)) > 2_000
    assert {token[:4] for token in tokens} == {"/i/I", "/c/C"}
    assert 0.17 < asked["ad"] / asked.total() < 0.23
    assert 0.15 < asked["impression"] / asked.total() < 0.23
    assert 0.07 < asked["click"] / asked.total() < 0.13


def _answer(answers: Answers, body: str) -> None:
    assert answers.take is not None
    answers.take(f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())


def test_our_servers_run_with_a_frequency_cap() -> None:
    found = parse_accounts(CAPPED_ACCOUNTS, base_dir=Path())
    assert isinstance(found, AccountsFile)
    assert all(item.caps for item in found.accounts.line_items.values())
