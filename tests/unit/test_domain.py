"""Hosts: which ones a domain covers, and which URLs name one beyond doubt."""

import tracemalloc

import pytest

from adserver.model.domain import covers, host_of


@pytest.mark.parametrize("host", ["shop.test", "www.shop.test", "a.b.shop.test"])
def test_a_domain_covers_itself_and_what_is_below(host: str) -> None:
    assert covers(["other.test", "shop.test"], host)


@pytest.mark.parametrize(
    "host", ["", "test", ".test", "evilshop.test", "shop.test.evil.example", "shop-test", "shop.tes", "hop.test"]
)
def test_a_domain_covers_nothing_else(host: str) -> None:
    assert not covers(["shop.test"], host)


def test_no_domains_cover_nothing() -> None:
    assert not covers([], "shop.test")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://shop.test", "shop.test"),
        ("https://shop.test/", "shop.test"),
        ("http://shop.test:8080/p?x=1#y", "shop.test"),
        ("https://SHOP.test/", "shop.test"),
        ("https://shop.test./", "shop.test"),
        ("https://xn--bcher-kva.test/é", "xn--bcher-kva.test"),
        ("https://a_b.shop.test/", "a_b.shop.test"),
        ("https://127.0.0.1:8000/", "127.0.0.1"),
        ("https://[::1]:8000/", "::1"),
        ("https://shop.test/@evil.example", "shop.test"),
        ("https://shop.test?@evil.example", "shop.test"),
        ("https://shop.test#@evil.example", "shop.test"),
    ],
)
def test_a_plain_url_names_its_host(url: str, host: str) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize(
    "url",
    [
        "", "shop.test", "/p/1", "//shop.test/", "https:", "https://", "https:///p", "https:shop.test",
        "https:/shop.test",
        "ftp://shop.test/", "javascript:alert(1)//shop.test", "data:text/html,//shop.test", "vbscript:x",
        "file://shop.test/",
        "HTTPS://shop.test/", " https://shop.test/", "https://shop.test/ ", "\thttps://shop.test", "ht\ttps://shop.test",
        "https://shop.test\n", "https://sh\rop.test/", "https://shop.test/\x00", "https://shop.test/\x7f",
        "https://evil.example\\@shop.test/", "https:\\\\shop.test\\", "https://shop.test\\.evil.example/",
        "https://user@shop.test/", "https://user:pw@shop.test/", "https://shop.test@evil.example/", "https://@shop.test/",
        "https://shop.test:x/", "https://shop.test:99999/", "https://shop.test:-1/", "https://[::1/", "https://[shop.test]/",
        "https://evil.example[v1.shop.test]/", "https://[v1.shop.test]/", "https://[::1].shop.test/",
        "https://evil.example%2f.shop.test/", "https://evil.example%00.shop.test/", "https://evil.example^.shop.test/",
        "https://evil.example<.shop.test/", 'https://evil.example".shop.test/', "https://evil.example,.shop.test/",
        "https://evil.example／.shop.test/", "https://evil.example。shop.test/", "https://ｓhop.test/", "https://shop．test/",
        "https://bücher.test/", "https://evil.example;.shop.test/", "https://evil.example|.shop.test/",
        "https://shop.test, https://evil.example", "null", "about:blank",
    ],
)  # fmt: skip
def test_what_readers_could_read_differently_names_no_host(url: str) -> None:
    assert host_of(url) == ""


def test_long_urls_of_clients_are_not_kept() -> None:
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(1_500):
            assert host_of(f"https://shop.test/{number}/" + "x" * 50_000) == "shop.test"
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 30_000_000  # the standard library keeps its last 128 of them
