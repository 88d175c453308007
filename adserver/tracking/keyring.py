"""Signatures: HMAC-SHA256 (RFC 2104), cut to 128 bits, keys derived per purpose, two secrets during a rotation."""

import hashlib
import hmac
from collections.abc import Sequence

from adserver.tracking.base64url import base64url
from adserver.tracking.mac import Mac

MAC_CHARS = 22
"""128 bits in base64url."""
_MAC_BYTES = 16
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class Keyring:
    """Signs with the first secret, verifies with any.

    ``purpose`` keeps the kinds of signatures apart: a cookie is never a valid token. Texts are signed as they are
    written, so no second spelling of the same bytes passes.
    """

    def __init__(self, secrets: Sequence[bytes], purpose: str) -> None:
        if not secrets or not all(secrets):
            raise ValueError("a keyring needs at least one secret, and none may be empty")
        keys = [hmac.digest(secret, b"adserver/" + purpose.encode(), "sha256") for secret in secrets]
        self._macs = tuple(Mac(key) for key in keys)
        self._ids = tuple(_ALPHABET[hashlib.sha256(key).digest()[0] & 63] for key in keys)
        self._first_id = self._ids[0].encode()

    def sign(self, body: str) -> str:
        """``<key id><body><mac>``; ``body`` must be ASCII without blanks."""
        return self.signed(body.encode()).decode()

    def signed(self, body: bytes) -> bytes:
        """The same as it stands in a document."""
        named = self._first_id + body
        return named + base64url(self._macs[0](named)[:_MAC_BYTES])

    def sign_each(self, head: bytes, tails: Sequence[bytes]) -> list[bytes]:
        """``signed`` of ``head`` with each of ``tails`` behind it."""
        named = self._first_id + head
        macs = self._macs[0].each(named, tails)
        return [named + tail + base64url(mac[:_MAC_BYTES]) for tail, mac in zip(tails, macs, strict=True)]

    def verify(self, signed: str) -> str | None:
        """The body of a signed text, or None when no secret in use has signed it."""
        if len(signed) <= MAC_CHARS or not signed.isascii():
            return None
        named, mac = signed[:-MAC_CHARS], signed[-MAC_CHARS:]
        for key_id, mac_of in zip(self._ids, self._macs, strict=True):
            if key_id == named[0] and hmac.compare_digest(base64url(mac_of(named.encode())[:_MAC_BYTES]), mac.encode()):
                return named[1:]
        return None

    def is_current(self, signed: str) -> bool:
        """Whether the first secret signed this verified text (else it was made before a rotation)."""
        return signed[:1] == self._ids[0]
