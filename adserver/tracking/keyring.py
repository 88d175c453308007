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
        keys = [hmac.digest(secret, b"adserver/" + purpose.encode(), "sha256") for secret in secrets]
        self._macs = tuple(_Mac(key) for key in keys)
        self._ids = tuple(_ALPHABET[hashlib.sha256(key).digest()[0] & 63] for key in keys)

    def sign(self, body: str) -> str:
        """``<key id><body><mac>``; ``body`` must be ASCII without blanks."""
        named = self._ids[0] + body
        return named + self._macs[0](named)

    def verify(self, signed: str) -> str | None:
        """The body of a signed text, or None when no secret in use has signed it."""
        if len(signed) <= MAC_CHARS or not signed.isascii():
            return None
        named, mac = signed[:-MAC_CHARS], signed[-MAC_CHARS:]
        for key_id, mac_of in zip(self._ids, self._macs, strict=True):
            if key_id == named[0] and hmac.compare_digest(mac_of(named), mac):
                return named[1:]
        return None

    def is_current(self, signed: str) -> bool:
        """Whether the first secret signed this verified text (else it was made before a rotation)."""
        return signed[:1] == self._ids[0]


class _Mac:
    """HMAC-SHA256 of one key, by its definition (RFC 2104 section 2), with both blocks of the key hashed ahead: that is
    half of what ``hmac.digest`` does for every text."""

    def __init__(self, key: bytes) -> None:
        block = key.ljust(hashlib.sha256().block_size, b"\0")  # a key is as long as a digest, never longer than a block
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def __call__(self, text: str) -> str:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text.encode())
        outer.update(inner.digest())
        return urlsafe_b64encode(outer.digest()[:16])[:MAC_CHARS].decode()
