"""Addresses of a Valkey, as they are written in a URL."""

import ssl
from pathlib import Path

import pytest
import trustme

from adserver.storage.valkey.address import Address, address_of


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://", Address(host="localhost", port=6379)),
        ("redis://valkey", Address(host="valkey", port=6379)),
        ("redis://:pw@valkey:1/4", Address(host="valkey", port=1, password="pw", database=4)),
        ("redis://valkey?db=4", Address(host="valkey", port=6379, database=4)),
        ("redis://u:p%40%2F@[::1]:7000", Address(host="::1", port=7000, username="u", password="p@/")),
        ("unix:///run/a%20b.sock", Address(path="/run/a b.sock")),
        ("unix://u:pw@/a.sock?db=3", Address(path="/a.sock", username="u", password="pw", database=3)),
    ],
)
def test_urls(url: str, expected: Address) -> None:
    assert address_of(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://valkey",
        "valkey",
        "unix://",
        "redis://valkey:99999",
        "redis://u:never/tell@valkey:1",
        "redis://valkey?db=first",
        "rediss://valkey?ssl_cert_reqs=perhaps",
        "rediss://valkey?ssl_validate_ocsp=true",
        "rediss://valkey?ssl_ca_certs=/nowhere/ca.pem",
    ],
)
def test_what_is_no_address_is_refused_and_no_password_shown(url: str) -> None:
    with pytest.raises(ValueError) as caught:
        address_of(url)
    assert "never" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_a_password_is_not_shown() -> None:
    assert "never-tell" not in repr(address_of("redis://alice:never-tell@valkey"))


@pytest.mark.parametrize(
    ("query", "name_checked", "mode"),
    [
        ("", True, ssl.CERT_REQUIRED),
        ("?ssl_cert_reqs=required", True, ssl.CERT_REQUIRED),
        ("?ssl_cert_reqs=optional", True, ssl.CERT_OPTIONAL),
        ("?ssl_check_hostname=false", False, ssl.CERT_REQUIRED),
        ("?ssl_cert_reqs=none", False, ssl.CERT_NONE),
        ("?ssl_cert_reqs=none&ssl_check_hostname=true", False, ssl.CERT_NONE),
    ],
)
def test_how_certificates_are_checked(query: str, name_checked: bool, mode: ssl.VerifyMode) -> None:
    context = address_of(f"rediss://valkey{query}").tls
    assert context is not None
    assert (context.check_hostname, context.verify_mode) == (name_checked, mode)


def test_certificates_of_ones_own(tmp_path: Path) -> None:
    authority = trustme.CA()
    mine = authority.issue_cert("client")
    ca, cert, key = (tmp_path / name for name in ("ca.pem", "cert.pem", "key.pem"))
    authority.cert_pem.write_to_path(str(ca))
    mine.cert_chain_pems[0].write_to_path(str(cert))
    mine.private_key_pem.write_to_path(str(key))
    context = address_of(f"rediss://valkey?ssl_ca_certs={ca}&ssl_certfile={cert}&ssl_keyfile={key}").tls
    assert context is not None
    assert len(context.get_ca_certs()) == 1  # that one and no other
    with pytest.raises(ValueError, match="certificate"):
        address_of(f"rediss://valkey?ssl_certfile={ca}&ssl_keyfile={key}")


def test_plain_addresses_have_no_tls() -> None:
    assert address_of("redis://valkey?ssl_cert_reqs=none").tls is None


def test_another_node_is_entered_the_same_way() -> None:
    first = address_of("rediss://alice:pw@valkey:7000/3?ssl_cert_reqs=none")
    other = first.beside("10.0.0.2", 7001)
    assert (other.host, other.port, other.database) == ("10.0.0.2", 7001, 0)
    assert (other.username, other.password, other.tls) == (first.username, first.password, first.tls)
