"""Tokens: they come back as they were minted, and nothing that was changed is ever read."""

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import astuple, fields, replace
from itertools import pairwise
from typing import Any

from hypothesis import assume, example, given
from hypothesis import strategies as st

from adserver.tracking.keyring import MAC_CHARS, Keyring
from adserver.tracking.token import MAX_TOKEN_CHARS, Token, TokenKind, Tokens

OLD, NEW = b"the older secret of a rotation, 32+", b"the newer secret of a rotation, 32+"
TOKENS = Tokens(Keyring([NEW], "token"))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
TOKEN = st.builds(
    Token,
    kind=st.sampled_from(TokenKind),
    expires=st.integers(0, 2**32 - 1),
    decision=TEXT,
    advertiser=TEXT,
    line_item=TEXT,
    placement=TEXT,
    product=TEXT,
    url=TEXT,
    creative=TEXT,
    lease=TEXT,
    micros=st.integers(0, 2**64 - 1),
    trace=st.binary(max_size=60),
    sealed=st.binary(max_size=30),
)
SAMPLE = Token(
    kind=TokenKind.CLICK,
    expires=2_000_000_000,
    decision="d1",
    advertiser="acme",
    line_item="acme-viewers",
    placement="daily",
    product="SKU1",
    url="https://shop.test/p/1",
    creative="cart",
    lease="7.AbCdEfGh",
    micros=4_000,
    trace=b"\x00\x07\xff",
    sealed=b"\xff\x00",
)
TEXT_FIELDS = [
    field.name for field in fields(Token) if field.name not in {"kind", "expires", "micros", "trace", "sealed"}
]


def read_any(tokens: Tokens, text: str) -> Token | None:
    return next((token for kind in TokenKind if (token := tokens.read(text, kind))), None)


def with_texts(texts: list[str]) -> Token:
    given_fields: dict[str, Any] = dict(zip(TEXT_FIELDS, texts, strict=True))
    return replace(SAMPLE, **given_fields)


@given(TOKEN)
def test_what_was_minted_is_read(token: Token) -> None:
    text = TOKENS.mint(token)
    assert TOKENS.read(text, token.kind) == token
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    (other,) = set(TokenKind) - {token.kind}
    assert TOKENS.read(text, other) is None


@given(TOKEN)
def test_a_token_that_costs_nothing_is_what_an_older_server_made(token: Token) -> None:
    token = replace(token, creative="", lease="", micros=0, trace=b"", sealed=b"")
    raw = struct.pack(">BI", token.kind, token.expires) + prefixed(token.decision)
    raw += bytes(-len(raw) % 3)
    for text in (token.advertiser, token.line_item, token.placement, token.product, token.url):
        raw += prefixed(text)
    made = Keyring([NEW], "token").sign(urlsafe_b64encode(raw).rstrip(b"=").decode())
    assert TOKENS.mint(token) == made
    assert TOKENS.read(made, token.kind) == token


def prefixed(text: str) -> bytes:
    return struct.pack(">H", len(text.encode())) + text.encode()


@given(TOKEN, TOKEN)
def test_two_different_tokens_are_two_different_texts(one: Token, other: Token) -> None:
    assert (TOKENS.mint(one) == TOKENS.mint(other)) == (one == other)


@given(st.lists(TEXT, min_size=8, max_size=8), st.integers(0, 6), st.integers(1, 60))
def test_a_byte_that_moves_to_the_next_field_is_another_token(values: list[str], at: int, length: int) -> None:
    moved = list(values)
    moved[at], moved[at + 1] = values[at][:-length], values[at][-length:] + values[at + 1]
    assume(moved != values)
    one, other = (with_texts(texts) for texts in (values, moved))
    assert TOKENS.mint(one) != TOKENS.mint(other)


def test_every_flipped_bit_is_refused() -> None:
    text = TOKENS.mint(SAMPLE).encode()
    for at in range(len(text)):
        for bit in range(8):
            flipped = bytearray(text)
            flipped[at] ^= 1 << bit
            assert read_any(TOKENS, flipped.decode("latin-1")) is None


def test_every_other_character_is_refused() -> None:
    text = TOKENS.mint(SAMPLE)
    for at in range(len(text)):
        for char in "ABCxyz019-_=+/ .%\x00é":
            if char != text[at]:
                assert read_any(TOKENS, text[:at] + char + text[at + 1 :]) is None


def test_every_cut_and_every_gap_is_refused() -> None:
    text = TOKENS.mint(SAMPLE)
    for at in range(len(text)):
        assert read_any(TOKENS, text[:at]) is None
        assert read_any(TOKENS, text[at + 1 :]) is None
        assert read_any(TOKENS, text[:at] + text[at + 1 :]) is None
        assert read_any(TOKENS, text[:at] + text[at] + text[at:]) is None


@given(TOKEN, st.data())
def test_any_altered_text_is_refused(token: Token, data: st.DataObject) -> None:
    text = TOKENS.mint(token)
    at = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(at, min(at + 5, len(text))))
    altered = text[:at] + data.draw(st.text(max_size=5)) + text[end:]
    assume(altered != text)
    assert read_any(TOKENS, altered) is None


@given(st.text(max_size=400))
@example("")
@example("A" * MAX_TOKEN_CHARS)
@example("A" * (MAX_TOKEN_CHARS + 1))
def test_no_text_makes_the_reading_fail(text: str) -> None:
    assert read_any(TOKENS, text) is None


@given(st.binary(max_size=200))
def test_a_signed_text_that_is_no_token_is_refused(raw: bytes) -> None:
    """Only someone with the secret could make one; it is still no reason to fail."""
    body = urlsafe_b64encode(raw).rstrip(b"=").decode()
    token = read_any(TOKENS, Keyring([NEW], "token").sign(body))
    assert token is None or isinstance(token, Token)


def test_swapped_neighbours_are_another_token() -> None:
    """The fields of a real one in another order, under the old signature."""
    text = TOKENS.mint(SAMPLE)
    for one, other in pairwise(TEXT_FIELDS):
        swapped: dict[str, Any] = {one: getattr(SAMPLE, other), other: getattr(SAMPLE, one)}
        forged = TOKENS.mint(replace(SAMPLE, **swapped))[:-MAC_CHARS] + text[-MAC_CHARS:]
        assert read_any(TOKENS, forged) is None


def test_a_dropped_field_under_the_old_signature_is_refused() -> None:
    text = TOKENS.mint(SAMPLE)
    body = text[1:-MAC_CHARS]
    raw = urlsafe_b64decode(body + "=" * (-len(body) % 4))
    without_last = raw[: -len(SAMPLE.url) - 2]
    forged = text[0] + urlsafe_b64encode(without_last).rstrip(b"=").decode() + text[-MAC_CHARS:]
    assert read_any(TOKENS, forged) is None


@given(TOKEN)
def test_two_secrets_during_a_rotation(token: Token) -> None:
    before = Tokens(Keyring([OLD], "token"))
    during = Tokens(Keyring([NEW, OLD], "token"))
    after = Tokens(Keyring([NEW], "token"))
    old, new = before.mint(token), during.mint(token)
    assert during.read(old, token.kind) == token
    assert after.read(new, token.kind) == token
    assert before.read(new, token.kind) is None
    assert after.read(old, token.kind) is None


@given(TOKEN)
def test_other_secrets_and_other_purposes_sign_nothing(token: Token) -> None:
    for keyring in (
        Keyring([OLD], "token"),
        Keyring([NEW], "visitor"),
        Keyring([NEW], ""),
        Keyring([NEW + b"x"], "token"),
    ):
        assert read_any(TOKENS, Tokens(keyring).mint(token)) is None


def test_every_field_counts() -> None:
    """No field of a token is left out of its text."""
    for field in fields(Token):
        value: Any = {"kind": TokenKind.IMPRESSION, "expires": 1, "micros": 1, "trace": b"1", "sealed": b"1"}.get(
            field.name, "other"
        )
        changed = replace(SAMPLE, **{field.name: value})
        assert astuple(changed) != astuple(SAMPLE)
        assert TOKENS.mint(changed) != TOKENS.mint(SAMPLE)
