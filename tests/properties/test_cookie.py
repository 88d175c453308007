"""The visitor cookie: signed, of one length, and worthless when changed."""

import hmac
import secrets
from base64 import urlsafe_b64encode

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adserver.tracking.keyring import Keyring
from adserver.tracking.visitor import VisitorCookies
from adserver.web.cookies import own_cookies

OLD, NEW = b"the older secret of a rotation, 32+", b"the newer secret of a rotation, 32+"
COOKIES = VisitorCookies(Keyring([NEW], "visitor"))
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
VISITOR = st.text(ALPHABET, min_size=22, max_size=22)
CLAIMS = st.lists(st.text(max_size=60) | st.text(ALPHABET, min_size=45, max_size=45), max_size=8)


@given(VISITOR)
def test_what_was_issued_is_recognised(visitor: str) -> None:
    value = COOKIES.issue(visitor)
    assert len(value) == 45
    assert set(value) <= set(ALPHABET)
    assert COOKIES.visitor_of([value]) == visitor


@given(VISITOR, VISITOR)
def test_two_visitors_have_two_values(one: str, other: str) -> None:
    assert (COOKIES.issue(one) == COOKIES.issue(other)) == (one == other)


@given(VISITOR, st.data())
def test_any_altered_value_is_refused(visitor: str, data: st.DataObject) -> None:
    value = COOKIES.issue(visitor)
    at = data.draw(st.integers(0, len(value)))
    end = data.draw(st.integers(at, min(at + 4, len(value))))
    altered = value[:at] + data.draw(st.text(max_size=4) | st.text(ALPHABET, max_size=4)) + value[end:]
    assume(altered != value)
    assert COOKIES.visitor_of([altered]) is None


def test_every_flipped_bit_is_refused() -> None:
    value = COOKIES.issue(secrets.token_urlsafe(16)).encode()
    for at in range(len(value)):
        for bit in range(8):
            flipped = bytearray(value)
            flipped[at] ^= 1 << bit
            assert COOKIES.visitor_of([flipped.decode("latin-1")]) is None


@given(VISITOR, CLAIMS, CLAIMS)
def test_forged_claims_beside_a_real_one_are_ignored(visitor: str, before: list[str], after: list[str]) -> None:
    assert COOKIES.visitor_of([*before, COOKIES.issue(visitor), *after]) == visitor


@given(CLAIMS)
def test_no_claims_make_it_fail(claims: list[str]) -> None:
    assert COOKIES.visitor_of(claims) is None


@given(VISITOR)
def test_two_secrets_during_a_rotation(visitor: str) -> None:
    before, during = VisitorCookies(Keyring([OLD], "visitor")), VisitorCookies(Keyring([NEW, OLD], "visitor"))
    assert during.visitor_of([before.issue(visitor)]) == visitor
    assert COOKIES.visitor_of([during.issue(visitor)]) == visitor
    assert COOKIES.visitor_of([before.issue(visitor)]) is None
    assert before.visitor_of([COOKIES.issue(visitor)]) is None


@given(st.text(max_size=40).filter(str.isascii))
def test_only_ids_of_our_own_form_are_visitors(body: str) -> None:
    """Even with our signature: what becomes part of a key is 22 characters of base64url."""
    found = COOKIES.visitor_of([Keyring([NEW], "visitor").sign(body)])
    assert found is None or (found == body and len(body) == 22 and set(body) <= set(ALPHABET))


@pytest.mark.parametrize("found", [[], [b""], [b"", NEW], [NEW, b""]])
def test_an_empty_secret_signs_nothing(found: list[bytes]) -> None:
    with pytest.raises(ValueError, match="secret"):
        Keyring(found, "visitor")


NAMES = [b"adserver", b"adserver-p", b"__Host-adserver", b"__Host-adserver-p", b"adserver-opt-out", b"a", b"__proto__"]


@given(st.lists(st.tuples(st.sampled_from(NAMES), VISITOR), max_size=10), st.booleans())
def test_values_are_found_in_their_order(pairs: list[tuple[bytes, str]], secure: bool) -> None:
    header = b"; ".join(name + b"=" + value.encode() for name, value in pairs)
    found = own_cookies(header, secure=secure)
    prefix = b"__Host-" if secure else b""
    assert found.visitor == [value for name, value in pairs if name == prefix + b"adserver"]
    assert found.copies == [value for name, value in pairs if name == prefix + b"adserver-p"]
    assert found.opted_out == (b"adserver-opt-out" in dict(pairs))


@given(st.binary(max_size=300))
def test_no_header_makes_the_reading_fail(header: bytes) -> None:
    for found in own_cookies(header + b"; adserver=" + header, secure=False).visitor:
        assert COOKIES.visitor_of([found]) is None


@given(st.binary(min_size=1, max_size=100), st.text(st.characters(codec="ascii", exclude_characters=" "), max_size=400))
def test_the_signature_is_hmac_sha256_cut_to_128_bits(secret: bytes, body: str) -> None:
    key = hmac.digest(secret, b"adserver/law", "sha256")
    signed = Keyring([secret], "law").sign(body)
    named, mac = signed[:-22], signed[-22:]
    assert mac == urlsafe_b64encode(hmac.digest(key, named.encode(), "sha256")[:16]).decode().rstrip("=")
