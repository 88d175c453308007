"""Whose ad it was, inside the ad's own token, readable by this server only.

The image that tells that an ad was seen may come without the visitor's cookie: frames without an origin of their own
send it in some browsers only.
"""

import hmac
from collections.abc import Sequence

from adserver.tracking.mac import Mac
from adserver.tracking.visitor import VISITOR_ID

_BYTES = 22


class VisitorSeal:
    """Each decision has a key stream of its own: HMAC-SHA256 of its random id, so the same visitor looks different in
    every token. It hides only; that nobody changes it is the token's signature's business. The first secret seals."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        if not secrets or not all(secrets):
            raise ValueError("a seal needs at least one secret, and none may be empty")
        self._macs = [Mac(hmac.digest(secret, b"adserver/seal", "sha256")) for secret in secrets]

    def seal(self, visitor: str, decision: str) -> bytes:
        """22 bytes for a visitor id of as many characters of base64url."""
        return _mixed(visitor.encode(), self._macs[0], decision)

    def unseal(self, sealed: bytes, decision: str) -> list[str]:
        """Whose it is: nobody's where no secret in use has sealed it, or it is not 22 bytes long."""
        if len(sealed) != _BYTES:
            return []
        opened = [_mixed(sealed, mac, decision).decode("latin-1") for mac in self._macs]
        return [visitor for visitor in opened if VISITOR_ID.fullmatch(visitor)]


def _mixed(raw: bytes, mac: Mac, decision: str) -> bytes:
    stream = mac(decision.encode())[:_BYTES]
    return (int.from_bytes(raw) ^ int.from_bytes(stream)).to_bytes(_BYTES)
