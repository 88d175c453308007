"""Signatures: HMAC-SHA256 (RFC 2104), cut to 128 bits, keys derived per purpose, two secrets during a rotation."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence

MAC_CHARS = 22
"""128 bits in base64url."""
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class Keyring:
    """Signs with the first secret, verifies with any.

    ``purpose`` keeps the kinds of signatures apart: a cookie is never a valid token. Texts are signed as they are
    written, so no second spelling of the same bytes passes.
    """

    def __init__(self, secrets: Sequence[bytes], purpose: str) -> None:
        if not secrets or not all(secrets):
            raise ValueError("a keyring needs at least one secret, and none may be empty")
        self._keys = tuple(hmac.digest(secret, b"adserver/" + purpose.encode(), "sha256") for secret in secrets)
        self._ids = tuple(_ALPHABET[hashlib.sha256(key).digest()[0] & 63] for key in self._keys)

    def sign(self, body: str) -> str:
        """``<key id><body><mac>``; ``body`` must be ASCII without blanks."""
        named = self._ids[0] + body
        return named + _mac(self._keys[0], named)

    def verify(self, signed: str) -> str | None:
        """The body of a signed text, or None when no secret in use has signed it."""
        if len(signed) <= MAC_CHARS or not signed.isascii():
            return None
        named, mac = signed[:-MAC_CHARS], signed[-MAC_CHARS:]
        for key_id, key in zip(self._ids, self._keys, strict=True):
            if key_id == named[0] and hmac.compare_digest(_mac(key, named), mac):
                return named[1:]
        return None

    def is_current(self, signed: str) -> bool:
        """Whether the first secret signed this verified text (else it was made before a rotation)."""
        return signed[:1] == self._ids[0]


def _mac(key: bytes, text: str) -> str:
    return urlsafe_b64encode(hmac.digest(key, text.encode(), "sha256")[:16])[:MAC_CHARS].decode()
