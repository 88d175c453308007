"""The pages for visitors say the same in every language, and have words for everything that may happen."""

import re
from base64 import b64encode
from hashlib import sha256
from string import Formatter

import lxml.html
import pytest

from adserver.creative.privacy_page import opted_out_page, privacy_page
from adserver.creative.visitor_page import LANGUAGES, PAGE_CSP, PAGE_WORDS
from adserver.creative.why_page import Browser, Seen, ShownProduct, WhyAd, why_page
from adserver.creative.words import shared_words
from adserver.model.decision import Passed, Why
from adserver.model.profile import EPOCH, Receipt
from adserver.model.reason import LineItemReason
from adserver.web.languages import preferred

OTHERS = [language for language in LANGUAGES if language != "en"]
DAY = 86_400
FIRST_OF_MAY = 1_777_593_600 - EPOCH


def told(language: str, **fields: object) -> str:
    """What a person reads of an ad about which everything was known."""
    values: dict[str, object] = {
        "advertiser": "Acme <Shoes> {day}",
        "decided_at": FIRST_OF_MAY,
        "products": [ShownProduct(why.value, why, at, why.value, at > 0) for why in Why for at in (0, FIRST_OF_MAY)],
        "browser": Browser.KNOWN,
        "seen": [Seen(2, 5, span) for length in (1, 60, 3_600, DAY, 7 * DAY) for span in (length, 2 * length)],
        "consent": Receipt(5, b"t"),
        "passed": [Passed(1, reason) for reason in LineItemReason],
        "can_hide": True,
    }
    page = why_page(WhyAd(**{**values, **fields}), language).decode()  # type: ignore[arg-type]
    return read(page.encode())


def read(page: bytes) -> str:
    """The text of its body."""
    body = lxml.html.document_fromstring(page.decode()).find("body")
    assert body is not None
    return " ".join(" ".join(map(str, body.itertext())).split())


@pytest.mark.parametrize("language", OTHERS)
def test_each_language_has_the_same_words_with_the_same_blanks(language: str) -> None:
    english, other = PAGE_WORDS["en"], PAGE_WORDS[language]
    assert english.keys() == other.keys()
    for section, words in english.items():
        assert words.keys() == other[section].keys(), section
        for key, text in words.items():
            blanks = [
                {blank for _, blank, _, _ in Formatter().parse(one) if blank} for one in (text, other[section][key])
            ]
            assert blanks[0] == blanks[1], f"{section}.{key}"
            if section not in {"day", "span"}:
                assert text != other[section][key], f"{section}.{key} is not translated"


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_that_may_happen_has_words(language: str) -> None:
    page = told(language)
    for browser in Browser:
        for receipt in (None, Receipt(5, b""), *(Receipt(5, who.encode()) for who in "tonudx")):
            assert told(language, browser=browser, consent=receipt, products=(), by_list=True, by_place=True)
    assert "Acme <Shoes> {day}" in page
    assert "2026" in page
    assert shared_words()[language]["hide"] in page
    assert "{" not in page.replace("{day}", "")


@pytest.mark.parametrize(
    ("language", "first", "span"),
    [
        ("en", "1 May 2026", "within 2 weeks"),
        ("de", "1. Mai 2026", "(Zeitraum: 2 Wochen)"),
        ("fr", "1er mai 2026", "(période : 2 semaines)"),
        ("it", "1º maggio 2026", "(periodo: 2 settimane)"),
        ("es", "1 de mayo de 2026", "(periodo: 2 semanas)"),
    ],
)
def test_days_and_spans_as_they_are_written_there(language: str, first: str, span: str) -> None:
    page = told(language)
    assert first in page
    assert span in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_style_one_policy_and_no_number_that_a_setting_could_change(language: str) -> None:
    for page in (privacy_page(language), opted_out_page(language)):
        (style,) = re.findall(rb"<style>(.*?)</style>", page, re.DOTALL)
        assert b64encode(sha256(style).digest()).decode() in PAGE_CSP
        root = lxml.html.document_fromstring(page.decode())
        assert root.get("lang") == language
        assert not re.search(r"\d", read(page))


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("DE-at, en;q=0.9", "de"),
        ("ja, fr ; q=0.3, it;q=0.4", "it"),
        ("de;q=0, es;q=0.001", "es"),
        ("*", "en"),
        ("*, de;q=0.5", "de"),
        ("de;q=2, de;q=x, de;q, de;level=1", "en"),
        (",;,=", "en"),
        ("x," * 40 + "de", "en"),
    ],
)
def test_the_language_a_browser_likes_best(asked: str, language: str) -> None:
    assert preferred(asked, LANGUAGES) == language
