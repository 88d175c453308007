"""Which addresses and which URLs are fetched from at all."""

import base64
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adserver.settings import SettingError, load_settings
from adserver.storage.fetch.allowed import Allowed
from adserver.storage.fetch.networks import NOT_PUBLIC_4, NOT_PUBLIC_6, is_public
from adserver.storage.fetch.target import read_target
from adserver.storage.interfaces import SourceUnavailable

PRIVATE = """
0.0.0.0 0.1.2.3 10.0.0.0 10.255.255.255 100.64.0.0 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.255
168.63.129.16 169.254.0.1 169.254.169.254 172.16.0.0 172.31.255.255 192.0.0.1 192.0.0.170 192.0.0.192 192.0.2.1
192.88.99.1 192.168.0.0 192.168.255.255 198.18.0.0 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255
240.0.0.1 255.255.255.255
:: ::1 ::2 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:0:8.8.8.8 64:ff9b::8.8.8.8 64:ff9b::a00:1 64:ff9b:1::1
100::1 100:0:0:1::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:20::1 2001:1ff:ffff::1
2001:db8::1 2002:7f00:1::1 2002:808:808::1 2620:4f:8000::1 3ffe::1 3fff::1 3fff:fff::1 4000::1 5f00::1 fc00::1
fd00:ec2::254 fdff::1 fe80::1 fe80::1%eth0 febf::1 fec0::1 ff02::1 ff0e::1
2a00:1450::5efe:10.0.0.1 2a00:1450::200:5efe:127.0.0.1 2a00:1450::1%2
""".split()  # noqa: SIM905  a list of that length would take a page

PUBLIC = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 93.184.216.34 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0 192.167.255.255
192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 203.0.114.0 223.255.255.255
2001:200::1 2001:4860:4860::8888 2001:db7:ffff::1 2001:db9::1 2003::1 2606:4700::1111 2a00:1450:4001:82b::200e
2620:4f:7fff::1 3ffd::1 3fff:1000::1
""".split()  # noqa: SIM905  a list of that length would take a page


@pytest.mark.parametrize("text", PRIVATE)
def test_addresses_that_are_not_of_the_public_web(text: str) -> None:
    assert not is_public(ip_address(text))
    assert not Allowed().permits("shop.test", ip_address(text), 443)


@pytest.mark.parametrize("text", PUBLIC)
def test_addresses_of_the_public_web(text: str) -> None:
    assert is_public(ip_address(text))
    assert Allowed().permits("shop.test", ip_address(text), 443)


@given(st.sampled_from(NOT_PUBLIC_4), st.integers(0, 2**32 - 1), st.integers(0, 2**96 - 1))
def test_no_address_of_a_private_network_gets_through_in_any_wrapping(network: object, bits: int, prefix: int) -> None:
    assert isinstance(network, type(NOT_PUBLIC_4[0]))
    inside = int(network.network_address) | (bits & int(network.hostmask))
    assert not is_public(IPv4Address(inside))
    assert not is_public(IPv6Address(inside))
    assert not is_public(IPv6Address(0xFFFF << 32 | inside))
    assert not is_public(IPv6Address((0x0064FF9B << 96) | inside))
    assert not is_public(IPv6Address((0x2002 << 112) | (inside << 80) | (prefix & (2**80 - 1))))


@given(st.sampled_from(NOT_PUBLIC_6), st.integers(0, 2**128 - 1))
def test_no_address_of_a_special_network_gets_through(network: object, bits: int) -> None:
    assert isinstance(network, type(NOT_PUBLIC_6[0]))
    assert not is_public(IPv6Address(int(network.network_address) | (bits & int(network.hostmask))))


@given(st.ip_addresses(v=4))
def test_what_python_calls_private_is_never_public(address: IPv4Address) -> None:
    assert not (address.is_private and is_public(address))


@pytest.mark.parametrize("port", [0, 1, 22, 25, 79, 81, 442, 444, 6379, 8000, 8080, 65535])
def test_only_the_ports_of_the_web(port: int) -> None:
    assert not Allowed().permits("shop.test", ip_address("8.8.8.8"), port)


INTERNAL, LOOP, WEB = "10.1.2.3", "127.0.0.1", "8.8.8.8"


@pytest.mark.parametrize(
    ("text", "host", "address", "port", "permitted"),
    [
        ("", "shop.test", WEB, 443, True),
        ("shop.test", "shop.test", INTERNAL, 443, True),
        (" Shop.TEST. ,", "shop.test", INTERNAL, 80, True),
        ("shop.test", "shop.test", INTERNAL, 8080, False),
        ("shop.test", "www.shop.test", INTERNAL, 443, False),
        ("shop.test", "notshop.test", INTERNAL, 443, False),
        ("shop.test:8080", "shop.test", INTERNAL, 8080, True),
        ("shop.test:8080", "shop.test", WEB, 8080, True),
        ("shop.test:8080", "shop.test", INTERNAL, 80, False),
        ("shop.test:8080", "shop.test", WEB, 80, True),
        ("shop.test:*", "shop.test", INTERNAL, 1, True),
        ("grün.test", "xn--grn-ioa.test", INTERNAL, 443, True),
        ("10.0.0.0/8", "shop.test", INTERNAL, 443, True),
        ("10.0.0.0/8", "shop.test", INTERNAL, 444, False),
        ("10.0.0.0/8", "shop.test", "11.0.0.1", 443, True),
        ("10.0.0.0/8:9000", "shop.test", INTERNAL, 9000, True),
        ("10.0.0.0/8:9000", "shop.test", WEB, 9000, False),
        ("10.0.0.0/8", "shop.test", "::ffff:10.1.2.3", 443, False),
        ("127.0.0.1:9000", "shop.test", LOOP, 9000, True),
        ("127.0.0.1:9000", LOOP, LOOP, 9000, True),
        ("127.0.0.1:9000", LOOP, LOOP, 9001, False),
        ("127.0.0.1:9000", "127.0.0.2", "127.0.0.2", 9000, False),
        ("a.test,127.0.0.1:*, b.test", LOOP, LOOP, 65_535, True),
        ("::1", "::1", "::1", 80, True),
        ("[::1]", "::1", "::1", 80, True),
        ("[::1]:9000", "::1", "::1", 9000, True),
        ("[::1]:9000", "::1", "::1", 80, False),
        ("fd00::/8", "shop.test", "fd12::1", 443, True),
        ("[fd00::/8]:8080", "shop.test", "fd12::1", 8080, True),
        ("64:ff9b::/96", "shop.test", "64:ff9b::808:808", 443, True),
    ],
)
def test_what_the_operator_opens(text: str, host: str, address: str, port: int, permitted: bool) -> None:
    assert Allowed.parse(text).permits(host, ip_address(address), port) is permitted


@pytest.mark.parametrize(
    "entry",
    ["a b", "http://shop.test", "shop.test/", "shop.test:0", "shop.test:65536", "shop.test:x", "10.0.0.1/8", "1.2.3",
     "10.0.0.0/33", "*", "*.shop.test", "[::1", "::1]", "[shop.test]", "user@shop.test", "0x7f.1", "a..b",
     "[::1]:", ":80"],
)  # fmt: skip
def test_an_entry_that_can_not_be_read_stops_the_start(entry: str) -> None:
    with pytest.raises(SettingError, match="ADSERVER_FETCH_ALLOW: expected host names, addresses or networks"):
        load_settings({"ADSERVER_FETCH_ALLOW": f"good.test,{entry}"})


def test_the_setting_is_kept_as_it_was_written() -> None:
    assert load_settings({}).fetch_allow == ""
    assert (
        load_settings({"ADSERVER_FETCH_ALLOW": "10.0.0.0/8, shop.test:8080"}).fetch_allow
        == "10.0.0.0/8, shop.test:8080"
    )


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://shop.test", "shop.test", 443, "/"),
        ("http://shop.test/feed.xml?a=1&b=%20#top", "shop.test", 80, "/feed.xml?a=1&b=%20"),
        ("  HTTPS://Shop.TEST:443/Feed  ", "shop.test", 443, "/Feed"),
        ("https://shop.test./", "shop.test", 443, "/"),
        ("https://shop.test:/", "shop.test", 443, "/"),
        ("https://shop_1.test:8443/", "shop_1.test", 8443, "/"),
        ("https://grün.test/größe 1.jpg?ä", "xn--grn-ioa.test", 443, "/gr%C3%B6%C3%9Fe%201.jpg?%C3%A4"),
        ("https://1.2.3.4/", "1.2.3.4", 443, "/"),
        ("https://１.2.3.4/", "1.2.3.4", 443, "/"),
        ("http://[2001:4860:0:0::8888]:80/", "2001:4860::8888", 80, "/"),
        ("http://[::ffff:7f00:1]/", "::ffff:7f00:1", 80, "/"),
        ("https://shop.test?x", "shop.test", 443, "/?x"),
        ("https://shop.test/@evil.test/", "shop.test", 443, "/@evil.test/"),
        ("https://shop.test#@evil.test/", "shop.test", 443, "/"),
        ("https://127.0.0.1.nip.test/", "127.0.0.1.nip.test", 443, "/"),
        ("http://127.0.0.1:80/", "127.0.0.1", 80, "/"),
        ("http://localhost./", "localhost", 80, "/"),
    ],
)
def test_one_reading_of_a_url(url: str, host: str, port: int, path: str) -> None:
    target = read_target(url)
    mapped = target.host.replace("::ffff:127.0.0.1", "::ffff:7f00:1")  # Python 3.13 and later write it like this
    assert (mapped, target.port, target.path, target.authorization) == (host, port, path, "")


@pytest.mark.parametrize(
    "url",
    [
        "", "/feed.xml", "//shop.test/", "feed.xml", "shop.test/feed.xml", "https://", "https:///x", "https://:443/",
        "file:///etc/passwd", "ftp://shop.test/", "gopher://shop.test/", "data:text/plain,x", "javascript:alert(1)",
        "dict://shop.test/", "unix:///tmp/x", "http+unix://x/", "https:shop.test", "https:/shop.test/", "view-source:x",
        # one number, or fewer than four, or in another base
        "http://2130706433/", "http://127.1/", "http://127.0.1/", "http://0177.0.0.1/", "http://017700000001/",
        "http://0x7f.0.0.1/", "http://0x7f000001/", "http://127.0.0.0x1/", "http://127.0.0.01/", "http://0/", "http://1/",
        "http://127.0.0.1.2/", "http://256.0.0.1/", "http://1.2.3.4.5.6/",
        "http://127。1/", "http://１２７.1/", "http://⑫⑦.1/", "http://127.0.0.1../", "http://1.2.3.-4/",
        # hosts that are written so that two programs read them differently
        "http://[::1/", "http://::1/", "http://[::1]x/", "http://[::1]:x/", "http://[fe80::1%25eth0]/", "http://[v1.x]/",
        "http://[127.0.0.1]/", "http://[]/", "http://127%2e0%2e0%2e1/", "http://shop%2etest/", "http://shop.test%00.evil/",
        "http://shop.test\\@evil.test/", "http:\\\\shop.test/", "http://shop.test\\/x", "http://evil.test\\.shop.test/",
        "http://shop test/", "http://shop\ttest/", "http://shop.test\r\nX: y/", "ht\ntp://shop.test/", "http://shop.test/\x00",
        "http://shop.test/\x7f", "http://..test/", "http://-shop.test/", "http://.shop.test/", "http://shop..test/",
        "http://shop.test:0/", "http://shop.test:65536/", "http://shop.test:-1/", "http://shop.test:+80/",
        "http://shop.test:８０/", "http://shop.test:80:80/", "http://shop.test:80a/", "http://a@b@/",
        "http://shop.test,evil.test/", "http://shop.test;evil.test/", "http://shop.test|evil/", "http://shop℀.test/",
        "http://" + "a" * 64 + ".test/", "http://" + "a." * 127 + "test/", "https://shop.test/" + "a" * 4_096,
    ],
)  # fmt: skip
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(
        SourceUnavailable, match=r"its address (can not be used; expected https://|is longer than 4096)"
    ):
        read_target(url)


@pytest.mark.parametrize(
    ("url", "host", "pair"),
    [
        ("https://me:secret@shop.test/", "shop.test", b"me:secret"),
        ("https://me@shop.test/", "shop.test", b"me:"),
        ("https://m%40e:p%3A%C3%A4ss@shop.test/", "shop.test", "m@e:p:äss".encode()),
        ("https://shop.test@evil.test/", "evil.test", b"shop.test:"),
        ("https://shop.test:443@evil.test/", "evil.test", b"shop.test:443"),
        ("https://a@shop.test@evil.test/", "evil.test", b"a@shop.test:"),
    ],
)
def test_the_last_at_sign_ends_the_credentials(url: str, host: str, pair: bytes) -> None:
    target = read_target(url)
    assert target.host == host
    assert target.authorization == f"Basic {base64.b64encode(pair).decode()}"
