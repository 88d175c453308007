"""API keys: the secret is seen once, a revoked one opens nothing."""

import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from adserver.model.access import PREFIX_LENGTH, Scope, ScopeKind, key_hash, scope_of
from adserver.model.account import Accounts, Advertiser
from adserver.service.api_keys import CreatedKey, KeyRefused, create_key, list_keys, read_scope, revoke_key
from adserver.storage.sql.accounts import SqlAccounts
from adserver.storage.sql.engine import reading
from adserver.storage.sql.keys import SqlKeys

pytest_plugins = ["tests.contract.sql_servers"]

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 6, 2, 8, 30, 0, 123456, tzinfo=UTC)
OPERATOR = Scope(ScopeKind.OPERATOR)
ACME = Scope(ScopeKind.ADVERTISER, "acme")


@pytest.fixture
def store(engine: Engine) -> SqlKeys:
    shop = Advertiser(id="acme", name="Acme", domains=("shop.test",), currency="EUR", locale="de_DE")
    SqlAccounts(engine).apply(lambda _: (Accounts(advertisers={"acme": shop}), Accounts()))
    return SqlKeys(engine)


def created(store: SqlKeys, scope: Scope = OPERATOR, label: str = "test") -> CreatedKey:
    key = create_key(store, label=label, scope=scope, now=NOON)
    assert isinstance(key, CreatedKey)
    return key


def test_a_key_opens_its_scope_until_it_is_revoked(engine: Engine, store: SqlKeys) -> None:
    revision = SqlAccounts(engine).revision()
    key = created(store, ACME, " shop server ")
    assert re.fullmatch(r"ak_[A-Za-z0-9_-]{43}", key.secret)
    assert (key.key.label, key.key.prefix) == ("shop server", key.secret[:PREFIX_LENGTH])
    assert SqlAccounts(engine).revision() == revision + 1
    assert scope_of(key.secret, store.live_hashes()) == ACME
    assert scope_of(key.secret + "x", store.live_hashes()) is None
    revoked = revoke_key(store, str(key.key.id), now=LATER)
    assert not isinstance(revoked, KeyRefused)
    assert (revoked.created_at, revoked.revoked_at) == (NOON, LATER)
    assert SqlAccounts(engine).revision() == revision + 2
    assert scope_of(key.secret, store.live_hashes()) is None
    assert list_keys(store) == (revoked,)


def test_the_secret_is_nowhere_in_the_database(engine: Engine, store: SqlKeys) -> None:
    key = created(store)
    with reading(engine) as connection:
        row = connection.execute(text("SELECT * FROM api_key")).one()
    assert not any(key.secret[PREFIX_LENGTH:] in str(value) for value in row)
    assert key_hash(key.secret) in row


def test_a_key_is_revoked_by_its_prefix(store: SqlKeys) -> None:
    first, second = created(store), created(store)
    revoked = revoke_key(store, first.key.prefix, now=LATER)
    assert not isinstance(revoked, KeyRefused)
    assert revoked.id == first.key.id
    assert list(store.live_hashes()) == [key_hash(second.secret)]
    assert isinstance(revoke_key(store, first.key.prefix, now=LATER), KeyRefused)


def test_keys_that_begin_alike_are_not_guessed_between(engine: Engine, store: SqlKeys) -> None:
    for digest in ("a" * 64, "b" * 64):
        store.add(label="twin", scope=OPERATOR, digest=digest, prefix="ak_twins", now=NOON)
    revision = SqlAccounts(engine).revision()
    assert revoke_key(store, "ak_twins", now=LATER) == KeyRefused("several keys begin so; name one by its number: 1, 2")
    assert (len(store.live_hashes()), SqlAccounts(engine).revision()) == (2, revision)


@pytest.mark.parametrize("which", ["", "0", "9999999999", "ak_abcde", "ak_", "acme", "1 OR 1=1", "ak_\x00abcd", "é"])
def test_what_names_no_key_is_refused(engine: Engine, store: SqlKeys, which: str) -> None:
    created(store)
    revision = SqlAccounts(engine).revision()
    assert isinstance(revoke_key(store, which, now=LATER), KeyRefused)
    assert SqlAccounts(engine).revision() == revision


@pytest.mark.parametrize(
    ("label", "scope"),
    [
        ("", OPERATOR),
        ("  ", OPERATOR),
        ("a\nb", OPERATOR),
        ("a\x00b", OPERATOR),
        ("x" * 201, OPERATOR),
        ("test", Scope(ScopeKind.ADVERTISER, "nobody")),
        ("test", Scope(ScopeKind.PUBLISHER, "acme")),
    ],
)
def test_no_key_for_nobody_or_nothing(store: SqlKeys, label: str, scope: Scope) -> None:
    assert isinstance(create_key(store, label=label, scope=scope, now=NOON), KeyRefused)
    assert list_keys(store) == ()


def test_scopes_are_read_and_written_alike() -> None:
    for written in ("operator", "advertiser:acme", "publisher:the_daily-1"):
        assert str(read_scope(written)) == written
    for written in (
        "",
        "operator:",
        "operator:x",
        "advertiser",
        "advertiser:",
        "advertiser:a b",
        "root",
        "a:b:c",
    ):
        assert isinstance(read_scope(written), KeyRefused)


def test_a_scope_covers_its_own_account_only() -> None:
    assert ACME.covers(ScopeKind.ADVERTISER, "acme")
    assert not ACME.covers(ScopeKind.ADVERTISER, "bolt")
    assert not ACME.covers(ScopeKind.PUBLISHER, "acme")
    assert OPERATOR.covers(ScopeKind.PUBLISHER, "daily")


def test_any_presented_secret_is_only_looked_up() -> None:
    for secret in ("", "\udcff", "x" * 100_000):
        assert scope_of(secret, {}) is None
