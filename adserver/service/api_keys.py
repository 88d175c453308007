"""API keys: made once and shown once, listed, revoked."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from adserver.model.access import KEY_MARK, PREFIX_LENGTH, ApiKey, Scope, ScopeKind, key_hash
from adserver.model.account import ACCOUNT_ID_PATTERN


class KeyStore(Protocol):
    """Where keys are kept, without their secrets."""

    def add(self, *, label: str, scope: Scope, digest: str, prefix: str, now: datetime) -> ApiKey | None:
        """Keep a key; None when there is no such advertiser or publisher."""

    def keys(self) -> Sequence[ApiKey]:
        """All keys, revoked ones too, oldest first."""

    def revoke(self, which: str, *, now: datetime) -> Sequence[ApiKey]:
        """The one live key with that id or prefix, revoked; several candidates, untouched; or nothing."""


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A new key and its secret: the only time that it is seen."""

    key: ApiKey
    secret: str


@dataclass(frozen=True, slots=True)
class KeyRefused:
    """Why nothing was done, in words for people."""

    why: str


def read_scope(text: str) -> Scope | KeyRefused:
    """``operator``, ``advertiser:ID`` or ``publisher:ID``."""
    kind, _, account = text.partition(":")
    if kind == ScopeKind.OPERATOR and text == kind:
        return Scope(ScopeKind.OPERATOR)
    bound = {ScopeKind.ADVERTISER.value, ScopeKind.PUBLISHER.value}
    if kind in bound and re.fullmatch(ACCOUNT_ID_PATTERN, account):
        return Scope(ScopeKind(kind), account)
    return KeyRefused('a scope is "operator", "advertiser:ID" or "publisher:ID"')


def create_key(store: KeyStore, *, label: str, scope: Scope, now: datetime) -> CreatedKey | KeyRefused:
    """Make a key of 256 random bits. ``label`` (1 to 200 printable characters) says what it is for."""
    label = label.strip()
    if not 1 <= len(label) <= 200 or not label.isprintable():
        return KeyRefused("a label is 1 to 200 printable characters")
    secret = KEY_MARK + secrets.token_urlsafe(32)
    key = store.add(label=label, scope=scope, digest=key_hash(secret), prefix=secret[:PREFIX_LENGTH], now=now)
    return KeyRefused(f'there is no {scope.kind} "{scope.id}"') if key is None else CreatedKey(key, secret)


def list_keys(store: KeyStore) -> Sequence[ApiKey]:
    """All keys, revoked ones too, oldest first."""
    return store.keys()


def revoke_key(store: KeyStore, which: str, *, now: datetime) -> ApiKey | KeyRefused:
    """Revoke a key by its id or by the first characters of its secret."""
    if not re.fullmatch(rf"[0-9]{{1,10}}|{KEY_MARK}[A-Za-z0-9_-]{{{PREFIX_LENGTH - len(KEY_MARK)}}}", which):
        return KeyRefused(f"a key is named by its number or by the first {PREFIX_LENGTH} characters of its secret")
    found = store.revoke(which, now=now)
    if len(found) > 1:
        return KeyRefused(f"several keys begin so; name one by its number: {', '.join(str(key.id) for key in found)}")
    return found[0] if found else KeyRefused(f"there is no live key {which}")
