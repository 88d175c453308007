"""Who may call the API: keys, and what each of them opens."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

KEY_MARK = "ak_"
"""How every secret begins, so that secret scanners and people recognise one."""

PREFIX_LENGTH = 8
"""Characters of a secret that are kept readable, to tell keys apart in a list."""


class ScopeKind(StrEnum):
    """What a key is bound to."""

    ADVERTISER = "advertiser"
    PUBLISHER = "publisher"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a key opens: one advertiser, one publisher, or (with an empty ``id``) everything."""

    kind: ScopeKind
    id: str = ""

    def covers(self, kind: ScopeKind, account: str) -> bool:
        """Whether this scope may act for that advertiser or publisher; the operator may for all of them."""
        return self.kind is ScopeKind.OPERATOR or (self.kind is kind and self.id == account)

    def __str__(self) -> str:
        """``advertiser:acme``, ``publisher:daily`` or ``operator``."""
        return f"{self.kind}:{self.id}" if self.id else str(self.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What is kept of a key: not the secret, only its hash, and ``prefix`` to recognise it. Times are UTC."""

    id: int
    label: str
    scope: Scope
    prefix: str
    created_at: datetime
    revoked_at: datetime | None = None


def key_hash(secret: str) -> str:
    """SHA-256 of the secret, as 64 hexadecimal digits.

    A secret is 256 random bits, so nothing slower is needed: there is no dictionary to try.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def scope_of(secret: str, live: Mapping[str, Scope]) -> Scope | None:
    """The scope of a presented secret, None for one that is unknown or revoked.

    ``live`` maps ``key_hash`` to scope. A plain dictionary lookup is enough: its timing could only tell about
    the hash of a guess, and from that nobody gets nearer to a secret whose hash is close by.
    """
    return live.get(key_hash(secret))
