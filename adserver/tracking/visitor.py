"""The visitor's id: 128 random bits, signed, so that a made-up one costs nothing."""

import re
from collections.abc import Iterable
from functools import lru_cache

from adserver.model.hit import CLAIM_CHARS
from adserver.tracking.keyring import Keyring

VISITOR_ID = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)

REMEMBERED = 16_384
"""Cookies whose check is remembered, at most 4 MB: one visit is a dozen requests with the same cookie."""


class VisitorCookies:
    """Values of the visitor cookie: always 45 characters, key id + visitor id + signature."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._owner = lru_cache(REMEMBERED)(self._verified)

    def issue(self, visitor: str) -> str:
        """The cookie value for a visitor id (22 characters of base64url)."""
        return self._keyring.sign(visitor)

    def visitor_of(self, claims: Iterable[str]) -> str | None:
        """The visitor of the first claim that verifies; forged ones beside it (cookie tossing) are ignored."""
        for claim in claims:
            if len(claim) == CLAIM_CHARS and (visitor := self._owner(claim)) is not None:
                return visitor
        return None

    def _verified(self, claim: str) -> str | None:
        visitor = self._keyring.verify(claim)
        return visitor if visitor is not None and VISITOR_ID.fullmatch(visitor) else None

    def is_current(self, claims: Iterable[str], visitor: str) -> bool:
        """Whether one of the claims of this verified visitor carries the signing secret's key id; else the cookie was
        made before a rotation and is to be issued anew."""
        for claim in claims:  # noqa: SIM110  a generator costs more than all the rest
            if visitor in claim and self._keyring.is_current(claim):
                return True
        return False
