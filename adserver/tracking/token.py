"""Impression and click tokens: everything that an answer needs, signed, inside the URL.

A token is the base64url of a canonical byte string of length-prefixed fields, signed as text: flipping a bit,
dropping a field or moving a byte from one field to its neighbour makes another text.
"""

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from enum import IntEnum

from adserver.tracking.keyring import Keyring

MAX_TOKEN_CHARS = 4_096
_HEAD = struct.Struct(">BI")
_LENGTH = struct.Struct(">H")


class TokenKind(IntEnum):
    """What a token is good for; one kind is never taken for another."""

    IMPRESSION = 1
    CLICK = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """``expires`` is in seconds since 1970 UTC; ``url`` (clicks only) is where the click lands."""

    kind: TokenKind
    expires: int
    decision: str
    advertiser: str
    line_item: str
    placement: str
    product: str = ""
    url: str = ""


class Tokens:
    """Mints and reads tokens."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def mint(self, token: Token) -> str:
        """The token as it stands in a URL path: ``A-Z a-z 0-9 _ -`` only."""
        fields = (
            token.decision,
            token.advertiser,
            token.line_item,
            token.placement,
            token.product,
            token.url,
        )
        parts = [_HEAD.pack(token.kind, token.expires)]
        for value in fields:
            raw = value.encode()
            parts += (_LENGTH.pack(len(raw)), raw)
        return self._keyring.sign(urlsafe_b64encode(b"".join(parts)).rstrip(b"=").decode())

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
            fields = _fields(raw, _HEAD.size)
        except (Base64Error, struct.error, UnicodeDecodeError):
            return None
        if number != kind or len(fields) != 6:
            return None
        decision, advertiser, line_item, placement, product, url = fields
        return Token(
            kind=kind,
            expires=expires,
            decision=decision,
            advertiser=advertiser,
            line_item=line_item,
            placement=placement,
            product=product,
            url=url,
        )


def _fields(raw: bytes, at: int) -> list[str]:
    fields = []
    while at < len(raw):
        (length,) = _LENGTH.unpack_from(raw, at)
        at += _LENGTH.size
        if at + length > len(raw):
            raise struct.error("a field is longer than the token")
        fields.append(raw[at : at + length].decode())
        at += length
    return fields
