"""Impression and click tokens: everything that an answer needs, signed, inside the URL.

A token is the base64url of a canonical byte string of length-prefixed fields, signed as text: flipping a bit,
dropping a field or moving a byte from one field to its neighbour makes another text.
"""

import struct
from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from adserver.tracking.base64url import base64url
from adserver.tracking.keyring import Keyring

MAX_TOKEN_CHARS = 4_096
_HEAD = struct.Struct(">BI")
_NAMED_HEAD = struct.Struct(">BIH")
_LENGTH = struct.Struct(">H")
_MICROS = struct.Struct(">Q")

_PRICED = 0x80
"""Added to the kind of a token that carries creative, lease, micros and trace; those of an older server do not."""


class TokenKind(IntEnum):
    """What a token is good for; one kind is never taken for another."""

    IMPRESSION = 1
    CLICK = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """``expires`` is in seconds since 1970 UTC; ``url`` (clicks only) is where the click lands. It costs ``micros``
    (0 to 2^64 - 1), out of ``lease`` where there is one; ``creative`` is the design that was shown, ``trace`` says in
    few bytes what was decided, ``sealed`` whose caps it took (``VisitorSeal``)."""

    kind: TokenKind
    expires: int
    decision: str
    advertiser: str
    line_item: str
    placement: str
    product: str = ""
    url: str = ""
    creative: str = ""
    lease: str = ""
    micros: int = 0
    trace: bytes = b""
    sealed: bytes = b""


class Tokens:
    """Mints and reads tokens."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def mint(self, token: Token) -> str:
        """The token as it stands in a URL path: ``A-Z a-z 0-9 _ -`` only."""
        tail = token_tail(token.advertiser, token.line_item, token.placement, token.product, token.url)
        priced = (token.creative, token.lease, token.micros, token.trace, token.sealed)
        terms = token_terms(*priced) if any(priced) else b""
        head = token_head(token.kind, token.expires, token.decision, terms)
        return self.sign(head, tail).decode()

    def sign(self, head: bytes, tail: bytes) -> bytes:
        """The token of two halves that were made before: of one decision, and of one product in one placement."""
        return self._keyring.signed(head + tail)

    def sign_each(self, head: bytes, tails: Sequence[bytes]) -> list[bytes]:
        """The tokens of one decision's head with each of ``tails``."""
        return self._keyring.sign_each(head, tails)

    def read(self, text: str, kind: TokenKind) -> Token | None:
        """The token, or None when it is not ours or of another kind. Expiry is for the caller to judge."""
        if len(text) > MAX_TOKEN_CHARS:
            return None
        body = self._keyring.verify(text)
        if body is None:
            return None
        try:
            raw = urlsafe_b64decode(body + "=" * (-len(body) % 4))
            number, expires = _HEAD.unpack_from(raw)
            (decision,), end = _fields(raw, _HEAD.size, 1)
            creative, lease, micros, trace, sealed = "", "", 0, b"", b""
            if number & _PRICED:
                (creative, lease), end = _fields(raw, end, 2)
                (micros,) = _MICROS.unpack_from(raw, end)
                trace, end = _bytes(raw, end + _MICROS.size)
                sealed, end = _bytes(raw, end)
            fields, end = _fields(raw, end + -end % 3, 5)
        except (Base64Error, struct.error, UnicodeDecodeError):
            return None
        if number & ~_PRICED != kind or end != len(raw):
            return None
        advertiser, line_item, placement, product, url = fields
        return Token(
            kind=kind,
            expires=expires,
            decision=decision,
            advertiser=advertiser,
            line_item=line_item,
            placement=placement,
            product=product,
            url=url,
            creative=creative,
            lease=lease,
            micros=micros,
            trace=trace,
            sealed=sealed,
        )


def token_head(kind: TokenKind, expires: int, decision: str, terms: bytes = b"") -> bytes:
    """The half that each decision has anew. It fills whole groups of base64, so that the other half can follow."""
    name = decision.encode()
    raw = _NAMED_HEAD.pack(kind | _PRICED if terms else kind, expires, len(name)) + name + terms
    return base64url(raw + bytes(-len(raw) % 3))


def token_terms(creative: str, lease: str = "", micros: int = 0, trace: bytes = b"", sealed: bytes = b"") -> bytes:
    """What a head says of the ad beside its decision; of clicks the same for all ads of a line item in one design."""
    pack = _LENGTH.pack
    return _priced(creative, lease, micros) + pack(len(trace)) + trace + pack(len(sealed)) + sealed


def token_tail(advertiser: str, line_item: str, placement: str, product: str = "", url: str = "") -> bytes:
    """The half that is the same whenever this product is shown there."""
    raw = b"".join([_field(value) for value in (advertiser, line_item, placement, product, url)])
    return base64url(raw)


@lru_cache(4_096)
def _priced(creative: str, lease: str, micros: int) -> bytes:
    """The same for all ads that are paid from one lease."""
    return _field(creative) + _field(lease) + _MICROS.pack(micros)


def _field(value: str) -> bytes:
    raw = value.encode()
    return _LENGTH.pack(len(raw)) + raw


def _fields(raw: bytes, at: int, count: int) -> tuple[list[str], int]:
    """``count`` fields that begin at ``at``, and where the last of them ends."""
    fields = []
    for _ in range(count):
        field, at = _bytes(raw, at)
        fields.append(field.decode())
    return fields, at


def _bytes(raw: bytes, at: int) -> tuple[bytes, int]:
    (length,) = _LENGTH.unpack_from(raw, at)
    at += _LENGTH.size
    if at + length > len(raw):
        raise struct.error("a field is longer than the token")
    return raw[at : at + length], at + length
