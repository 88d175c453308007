"""Base64 for URLs (RFC 4648 section 5), without the layers of the standard library: a banner has ten of them."""

from binascii import b2a_base64

_FOR_URLS = bytes.maketrans(b"+/", b"-_")


def base64url(raw: bytes) -> bytes:
    """Without padding: ``A-Z a-z 0-9 _ -`` only."""
    return b2a_base64(raw, newline=False).translate(_FOR_URLS, b"=")
