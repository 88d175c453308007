"""Files that were cut short, or rotted, are as good as missing."""

from hashlib import blake2b

_BYTES = 16


def sealed(body: bytes) -> bytes:
    """``body`` behind its checksum."""
    return blake2b(body, digest_size=_BYTES).digest() + body


def unsealed(kept: bytes) -> bytes | None:
    """The body, or None where the checksum is not that of the body."""
    body = kept[_BYTES:]
    return body if blake2b(body, digest_size=_BYTES).digest() == kept[:_BYTES] else None
