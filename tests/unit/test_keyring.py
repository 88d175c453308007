"""Signatures."""

import base64
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adserver.tracking.base64url import base64url
from adserver.tracking.keyring import Keyring
from adserver.tracking.mac import Mac

KEYRING = Keyring([b"a secret of thirty-two bytes ......"], "token")
ASCII = st.text(st.characters(min_codepoint=33, max_codepoint=126))


@given(st.binary(min_size=1, max_size=64), st.binary(max_size=300))
def test_a_mac_is_what_the_standard_library_says(key: bytes, text: bytes) -> None:
    assert Mac(key)(text) == hmac.digest(key, text, "sha256")


@given(st.binary(max_size=200), st.lists(st.binary(max_size=200), max_size=6))
def test_macs_of_one_head_are_those_of_the_whole_texts(head: bytes, tails: list[bytes]) -> None:
    mac = Mac(b"key")
    assert mac.each(head, tails) == [mac(head + tail) for tail in tails]


def test_a_key_has_one_to_64_bytes() -> None:
    for key in (b"", bytes(65)):
        with pytest.raises(ValueError, match="1 to 64 bytes"):
            Mac(key)


@given(st.binary(max_size=100))
def test_base64url_is_that_of_the_standard_library_without_padding(raw: bytes) -> None:
    assert base64url(raw) == base64.urlsafe_b64encode(raw).rstrip(b"=")


@given(ASCII, st.lists(ASCII, max_size=6))
def test_signing_several_is_signing_each(head: str, tails: list[str]) -> None:
    signed = [one.decode() for one in KEYRING.sign_each(head.encode(), [tail.encode() for tail in tails])]
    assert signed == [KEYRING.sign(head + tail) for tail in tails]
    assert [KEYRING.verify(one) for one in signed] == [head + tail for tail in tails]
