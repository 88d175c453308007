"""A shop's URLs: what is taken as it is, what is encoded, what is refused."""

import pytest

from adserver.catalog.link import is_public, read_link, read_links


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("https://shop.example/a?b=c&d=%20#e", None),
        ("http://localhost:8000/a", None),
        ("https://shop.example", None),
        ("https://shop.example?a=1", None),
        ("http://192.0.2.7/a", None),
        ("http://[2001:db8::1]:80/a", None),
        ("https://my_shop.a.b.c.d.e.example./x", None),
        ("HTTPS://Shop.Example/A", "https://shop.example/A"),
        (" https://shop.example/a b ", "https://shop.example/a%20b"),
        ("https://shop.example/ä?q=ü#ö", "https://shop.example/%C3%A4?q=%C3%BC#%C3%B6"),
        ("https://straße.example/%C3%A4", "https://xn--strae-oqa.example/%C3%A4"),
        ('https://shop.example/"><script>', "https://shop.example/%22%3E%3Cscript%3E"),
        ("https://shop.example/a\\b", "https://shop.example/a%5Cb"),
    ],
)
def test_links_as_a_browser_requests_them(text: str, link: str | None) -> None:
    assert read_link(text) == (text if link is None else link)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "shop.example/a",
        "//shop.example/a",
        "ftp://shop.example/a",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://",
        "https:///a",
        "https://user@shop.example/",
        "https://user:pass@shop.example/",
        "https://shop.example\\@evil.example/",
        "https://shop.example/a\nb",
        "https://shop.exam\tple/a",
        "https://shop.example/\x00",
        "https://sh op.example/",
        "https://-shop.example/",
        "https://shop..example/",
        "https://shop.example:99999/",
        "https://shop.example:x/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://ℂ∕ᵒ.example/",
        "https://" + "a" * 64 + ".example/",
        "https://" + "a." * 200 + "example:1/",
        "https://" + "ä" * 1900,
        "https://shop.example/" + "a" * 2000,
        "https://shop.example/" + "ä" * 700,
        "https://shop.example/\ud800",
    ],
)
def test_links_that_are_not_usable(text: str) -> None:
    assert read_link(text) == ""


def test_a_list_of_links_is_cut_where_the_next_one_begins() -> None:
    text = "https://a.example/1,2.jpg, https://a.example/3.jpg,nowhere | http://a.example/4.jpg\nhttps://a.example/5"
    assert read_links(text, 2) == ["https://a.example/1,2.jpg", "https://a.example/3.jpg,nowhere"]
    assert read_links("https://, /2.jpg;" + text, 1) == ["https://a.example/1,2.jpg"]
    assert read_links("", 2) == []
    assert read_links("1.jpg,2.jpg", 2) == []
    assert read_links("https://a.example/" + ",https://a.example/" * 100_000, 3) == ["https://a.example/"] * 3


@pytest.mark.parametrize(
    ("authority", "public"),
    [
        ("www.shop.example", True),
        ("shop.example:8443", True),
        ("93.184.215.14", True),
        ("localhost:8000", False),
        ("shop.localhost", False),
        ("nas.local", False),
        ("127.0.0.1:8000", False),
        ("10.1.2.3", False),
        ("192.168.0.1", False),
        ("[::1]:80", False),
        ("[2606:4700::1]", True),
    ],
)
def test_addresses_that_visitors_can_reach(authority: str, public: bool) -> None:
    assert is_public(authority) is public
