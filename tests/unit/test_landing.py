"""Where a click may land, tried with everything that was ever tried on others."""

import json
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from adserver.tracking.landing import landing_location

STRINGS = Path(__file__).parents[2].parent / "shared" / "data" / "security" / "strings"
DOMAINS = ("shop.test",)


def lines() -> list[str]:
    if not STRINGS.is_dir():
        pytest.skip(f"the published hostile strings are not at hand ({STRINGS})")
    found: list[str] = json.loads((STRINGS / "blns.json").read_text("utf-8"))
    for folder in ("Open_Redirect", "CRLF_Injection", "XSS_Injection"):
        for file in sorted((STRINGS / "pat" / folder).rglob("*.txt")):
            found += file.read_text("utf-8", "replace").splitlines()
    return found


def check(url: str) -> None:
    """Either nowhere, or one line of plain ASCII that every reader takes to the shop."""
    location = landing_location(url, DOMAINS)
    if location is None:
        return
    assert location.isascii()
    assert location.isprintable()
    assert not set(location) & set(' <>"\\^`{|}')
    assert location.startswith(("https://", "http://"))
    parts = urlsplit(urljoin("https://ads.example/c/x", location))
    host = (parts.hostname or "").rstrip(".")
    assert host == "shop.test" or host.endswith(".shop.test")
    assert "@" not in parts.netloc
    assert unquote(location) == unquote(url)


def test_no_hostile_string_becomes_a_location() -> None:
    for line in lines():
        check(line)
        assert landing_location(line, DOMAINS) is None


def test_hostile_strings_around_a_good_link_stay_in_the_shop() -> None:
    good = "https://shop.test/p/1"
    for line in lines():
        for url in (good + line, f"{good}?x={line}", f"{good}#{line}", line + good, f"https://shop.test{line}"):
            check(url)
        for url in (f"https://{line}.shop.test/", f"https://{line}@shop.test/", f"https:{line}shop.test/"):
            check(url)


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("https://shop.test/p/1?a=b&c=d#e", "https://shop.test/p/1?a=b&c=d#e"),
        ("https://shop.test/caf%C3%A9", "https://shop.test/caf%C3%A9"),
        ("https://shop.test/café", "https://shop.test/caf%C3%A9"),
        ("https://shop.test/a|b{c}", "https://shop.test/a%7Cb%7Bc%7D"),
        ('https://shop.test/"<>^`', "https://shop.test/%22%3C%3E%5E%60"),
        ("https://shop.test/100%", "https://shop.test/100%"),
        ("https://shop.test/\u2028\u202e", "https://shop.test/%E2%80%A8%E2%80%AE"),
        ("https://shop.test/😀", "https://shop.test/%F0%9F%98%80"),
        ("https://www.shop.test:8443/[x]~!$&'()*+,;=:@", "https://www.shop.test:8443/[x]~!$&'()*+,;=:@"),
    ],
)
def test_a_good_link_is_encoded_as_little_as_possible(url: str, location: str) -> None:
    assert landing_location(url, DOMAINS) == location
    assert landing_location(location, DOMAINS) == location


@pytest.mark.parametrize(
    "url",
    [
        "", "javascript:alert(1)", "data:text/html,x", "vbscript:x", "//shop.test/", "/p/1", "https:shop.test",
        "http:/\\shop.test", " https://shop.test/", "https://shop.test/\r\nSet-Cookie: a=b", "https://shop.test/\n",
        "ht\ttps://shop.test/", "https://shop.test@evil.example/", "https://evil.example/shop.test",
        "https://shop.test.evil.example/", "https://shop.test%2eevil.example/", "https://evil.example%2f.shop.test/",
    ],
)  # fmt: skip
def test_everything_else_is_nowhere(url: str) -> None:
    assert landing_location(url, DOMAINS) is None


def test_without_domains_every_link_is_nowhere() -> None:
    assert landing_location("https://shop.test/", ()) is None
