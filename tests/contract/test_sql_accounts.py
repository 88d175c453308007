"""Applying accounts to a real database: all or nothing, idempotent, one at a time."""

import threading
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from adserver.model.access import Scope, ScopeKind, key_hash
from adserver.model.account import (
    Accounts,
    Advertiser,
    Campaign,
    ConsentDefault,
    Feed,
    Placement,
    Publisher,
    StrikeThrough,
)
from adserver.model.cap import Cap
from adserver.model.line_item import LineItem
from adserver.model.status import Status
from adserver.service.accounts_file import AccountsFile, parse_accounts
from adserver.service.api_keys import CreatedKey, create_key
from adserver.service.apply_accounts import ApplyResult, Change, apply_accounts
from adserver.storage.sql.accounts import SqlAccounts
from adserver.storage.sql.engine import reading, writing
from adserver.storage.sql.keys import SqlKeys

pytest_plugins = ["tests.contract.sql_servers"]

CAPS = (Cap(3, 86_400), Cap(10, 604_800))
FEED_GONE = {
    "advertiser": ("acme", None),
    "source": ("/srv/feed.xml", None),
    "every_s": (21_600, None),
    "max_age_s": (604_800, None),
    "max_loss": (0.3, None),
}
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)

FILE = """\
[advertisers.acme]
name = "Acme Shoes ±"
domains = ["shop.test", "xn--mller-kva.example"]
currency = "EUR"
locale = "de_DE"
consent_default = "allow"
[advertisers.acme.feed]
source = "feed.xml"
[campaigns.summer]
advertiser = "acme"
holdout = 0.25
[line_items.viewers]
campaign = "summer"
creative = "grid"
caps = ["10/week", "3/day"]
[publishers.daily]
name = "The Daily"
domains = ["news.test"]
[placements.rectangle]
publisher = "daily"
size = "300x250"
status = "paused"
"""


def parsed(toml: str) -> AccountsFile:
    file = parse_accounts(toml, base_dir=Path("/srv"))
    assert isinstance(file, AccountsFile), file
    return file


def apply(store: SqlAccounts, toml: str, *, prune: bool = False, dry_run: bool = False) -> ApplyResult:
    file = parsed(toml)
    return apply_accounts(
        store, file.accounts, prune=prune, dry_run=dry_run, known_creatives={"grid", "hero"}, lines=file.lines
    )


@pytest.fixture
def store(engine: Engine) -> SqlAccounts:
    return SqlAccounts(engine)


def test_what_is_applied_is_what_is_loaded(store: SqlAccounts) -> None:
    assert store.load() == (0, Accounts())
    result = apply(store, FILE)
    assert result.problems == ()
    assert [(change.kind, change.table, change.id) for change in result.changes] == [
        ("create", "advertisers", "acme"),
        ("create", "feeds", "acme"),
        ("create", "campaigns", "summer"),
        ("create", "line_items", "viewers"),
        ("create", "publishers", "daily"),
        ("create", "placements", "rectangle"),
    ]
    defaults = LineItem(id="viewers", campaign="summer", creative="grid")
    unnamed = {field.name: (None, getattr(defaults, field.name)) for field in fields(LineItem)}
    del unnamed["id"], unnamed["ref"]
    assert result.changes[3].fields == unnamed | {
        "campaign": (None, "summer"),
        "creative": (None, "grid"),
        "status": (None, Status.ACTIVE),
        "caps": (None, CAPS),
    }
    revision, accounts = store.load()
    assert revision == result.revision == store.revision() == 1
    assert accounts == Accounts(
        advertisers={
            "acme": Advertiser(
                id="acme",
                name="Acme Shoes ±",
                domains=("shop.test", "xn--mller-kva.example"),
                currency="EUR",
                locale="de_DE",
                consent_default=ConsentDefault.ALLOW,
                ref=1,
            )
        },
        feeds={"acme": Feed(advertiser="acme", source="/srv/feed.xml")},
        campaigns={"summer": Campaign(id="summer", advertiser="acme", holdout=0.25)},
        line_items={"viewers": LineItem(id="viewers", campaign="summer", creative="grid", caps=CAPS, ref=1)},
        publishers={"daily": Publisher(id="daily", name="The Daily", domains=("news.test",))},
        placements={"rectangle": Placement(id="rectangle", publisher="daily", size="300x250", status=Status.PAUSED)},
    )
    assert type(accounts.placements["rectangle"].status) is Status


@pytest.mark.parametrize("prune", [False, True])
def test_the_same_again_changes_nothing(store: SqlAccounts, prune: bool) -> None:
    apply(store, FILE)
    before = store.load()
    assert apply(store, FILE, prune=prune) == ApplyResult((), (), 1)
    assert store.load() == before


@pytest.mark.parametrize("prune", [False, True])
def test_a_dry_run_tells_all_and_changes_nothing(store: SqlAccounts, prune: bool) -> None:
    apply(store, FILE)
    before = store.load()
    changed = FILE.replace("[campaigns.summer]", "[campaigns.winter]").replace('"summer"', '"winter"')
    told = apply(store, changed, prune=prune, dry_run=True)
    assert store.load() == before
    done = apply(store, changed, prune=prune)
    assert (told.changes, told.problems) == (done.changes, done.problems)
    assert (told.revision, done.revision) == (1, 2)


def test_what_a_file_does_not_name_stays(store: SqlAccounts) -> None:
    apply(store, FILE)
    before = store.load()[1]
    result = apply(store, '[publishers.blog]\nname = "Blog"\ndomains = ["blog.test"]\n')
    assert [(change.kind, change.id) for change in result.changes] == [("create", "blog")]
    after = store.load()[1]
    assert set(after.publishers) == {"daily", "blog"}
    assert after.advertisers == before.advertisers
    assert after.placements == before.placements


LESS = (
    FILE.replace('consent_default = "allow"\n', "")
    .replace("holdout = 0.25\n", "")
    .replace('status = "paused"\n', "")
    .replace('caps = ["10/week", "3/day"]\n', "")
    .replace('[advertisers.acme.feed]\nsource = "feed.xml"\n', "")
)
"""The same accounts without one optional key."""


def test_a_key_that_a_file_does_not_name_keeps_its_value(store: SqlAccounts) -> None:
    apply(store, FILE.replace('creative = "grid"', 'creative = "grid"\nstatus = "paused"'))
    before = store.load()
    assert apply(store, LESS) == ApplyResult((), (), 1)
    assert store.load() == before
    changed = apply(store, LESS.replace("300x250", "728x90"))
    assert changed.changes == (Change("update", "placements", "rectangle", {"size": ("300x250", "728x90")}),)
    accounts = store.load()[1]
    assert accounts.placements["rectangle"].status is Status.PAUSED
    assert accounts.line_items["viewers"].status is Status.PAUSED
    assert accounts.line_items["viewers"].caps == CAPS
    assert accounts.campaigns["summer"].holdout == 0.25
    assert accounts.advertisers == before[1].advertisers
    assert accounts.feeds == before[1].feeds


def test_a_key_that_names_its_default_sets_it(store: SqlAccounts) -> None:
    apply(store, FILE)
    named = LESS + 'status = "active"\n'
    dry = apply(store, named, dry_run=True)
    assert dry.changes == apply(store, named).changes
    assert dry.changes == (Change("update", "placements", "rectangle", {"status": (Status.PAUSED, Status.ACTIVE)}),)


def test_a_new_row_gets_the_defaults(store: SqlAccounts) -> None:
    apply(store, LESS)
    accounts = store.load()[1]
    assert accounts.advertisers["acme"].consent_default is None
    assert (accounts.campaigns["summer"].status, accounts.campaigns["summer"].holdout) == (Status.ACTIVE, 0.05)
    assert accounts.line_items["viewers"].caps == ()
    assert accounts.placements["rectangle"].status is Status.ACTIVE


def test_caps_are_changed_and_taken_away(store: SqlAccounts) -> None:
    apply(store, FILE)
    assert apply(store, FILE.replace('"10/week", "3/day"', '"3/24hour", "10/7day"')).changes == ()
    fewer = FILE.replace('"10/week", "3/day"', '"1/30min"')
    assert apply(store, fewer).changes == (
        Change("update", "line_items", "viewers", {"caps": (CAPS, (Cap(1, 1_800),))}),
    )
    assert store.load()[1].line_items["viewers"].caps == (Cap(1, 1_800),)
    assert apply(store, fewer.replace('"1/30min"', "")).revision == 3
    assert store.load()[1].line_items["viewers"].caps == ()


def test_prune_takes_away_the_keys_that_are_not_named_too(store: SqlAccounts) -> None:
    apply(store, FILE)
    assert apply(store, LESS, prune=True).changes == (
        Change("update", "advertisers", "acme", {"consent_default": (ConsentDefault.ALLOW, None)}),
        Change("update", "campaigns", "summer", {"holdout": (0.25, 0.05)}),
        Change("update", "line_items", "viewers", {"caps": (CAPS, ())}),
        Change("update", "placements", "rectangle", {"status": (Status.PAUSED, Status.ACTIVE)}),
        Change("remove", "feeds", "acme", FEED_GONE),
    )


def test_accounts_that_come_from_no_file_name_every_key(store: SqlAccounts) -> None:
    apply(store, FILE)
    wanted = Accounts(campaigns={"summer": Campaign(id="summer", advertiser="acme")})
    result = apply_accounts(store, wanted, prune=False, dry_run=False, known_creatives={"grid"})
    assert result.changes == (Change("update", "campaigns", "summer", {"holdout": (0.25, 0.05)}),)


def test_children_move_to_other_parents(store: SqlAccounts) -> None:
    apply(store, FILE)
    moved = FILE.replace("acme", "bolt").replace("daily", "weekly")
    apply(store, moved)
    accounts = store.load()[1]
    assert set(accounts.advertisers) == {"acme", "bolt"}
    assert accounts.campaigns["summer"].advertiser == "bolt"
    assert accounts.placements["rectangle"].publisher == "weekly"
    result = apply(store, moved, prune=True)
    assert [(change.kind, change.table, change.id) for change in result.changes] == [
        ("remove", "publishers", "daily"),
        ("remove", "feeds", "acme"),
        ("remove", "advertisers", "acme"),
    ]
    assert result.changes[1].fields == FEED_GONE


def test_prune_removes_everything_else(store: SqlAccounts) -> None:
    apply(store, FILE)
    assert len(apply(store, "", prune=True).changes) == 6
    assert store.load() == (2, Accounts())


def test_a_number_of_an_advertiser_is_never_given_again(store: SqlAccounts) -> None:
    apply(store, FILE)
    apply(store, "", prune=True)
    apply(store, FILE)
    assert store.load()[1].advertisers["acme"].ref == 2
    apply(store, FILE.replace("Shoes", "Boots"))
    assert store.load()[1].advertisers["acme"].ref == 2


def test_a_number_of_a_line_item_is_never_given_again(store: SqlAccounts) -> None:
    more = '[line_items.second]\ncampaign = "summer"\ncreative = "hero"\n'
    apply(store, FILE + more)
    assert {item.id: item.ref for item in store.load()[1].line_items.values()} == {"viewers": 1, "second": 2}
    apply(store, FILE, prune=True)
    apply(store, FILE.replace('"grid"', '"hero"') + more)
    assert {item.id: item.ref for item in store.load()[1].line_items.values()} == {"viewers": 1, "second": 3}


REFERENCES = [
    (
        '"acme"',
        '"acmee"',
        "campaigns.summer.advertiser",
        'in this file or applied before (did you mean "acme"?)',
    ),
    ('"summer"', '"winter"', "line_items.viewers.campaign", "the id of one of the campaigns in this file or"),
    (
        '"daily"',
        '"weekly"',
        "placements.rectangle.publisher",
        "the id of one of the publishers in this file or",
    ),
    ('"grid"', '"gird"', "line_items.viewers.creative", 'one of grid, hero (did you mean "grid"?)'),
]


@pytest.mark.parametrize(("old", "new", "key", "expected"), REFERENCES)
def test_a_reference_to_nothing_changes_nothing(
    store: SqlAccounts, old: str, new: str, key: str, expected: str
) -> None:
    toml = FILE.replace(old, new)
    line = next(number for number, written in enumerate(toml.splitlines(), 1) if new in written)
    for dry_run in (True, False):
        result = apply(store, toml, dry_run=dry_run)
        assert [(problem.line, problem.key, problem.found) for problem in result.problems] == [(line, key, new)]
        assert expected in result.problems[0].expected
        assert result.changes == ()
    assert store.load() == (0, Accounts())


def test_references_may_point_to_what_is_applied_already(store: SqlAccounts) -> None:
    apply(store, FILE)
    more = '[line_items.second]\ncampaign = "summer"\ncreative = "hero"\n'
    assert apply(store, more).problems == ()
    pruned = apply(store, more, prune=True)  # which would remove that campaign
    assert [problem.key for problem in pruned.problems] == ["line_items.second.campaign"]
    assert "in this file" in pruned.problems[0].expected
    assert len(store.load()[1].line_items) == 2


def test_applies_at_the_same_time_queue(engine: Engine, open_again: Callable[[], Engine]) -> None:
    """Each of 8 calls renames what all of them share and adds its own: nothing is lost."""
    apply(SqlAccounts(engine), FILE)
    stores = [SqlAccounts(open_again()) for _ in range(8)]
    results: list[ApplyResult] = []
    start = threading.Barrier(len(stores))

    def run(number: int, store: SqlAccounts) -> None:
        toml = FILE.replace("The Daily", f"Daily {number}")
        toml += f'[placements.p{number}]\npublisher = "daily"\nsize = "728x90"\n'
        start.wait()
        results.append(apply(store, toml))

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(result.revision for result in results) == list(range(2, 10))
    names = ["The Daily"]
    for result in sorted(results, key=lambda each: each.revision):
        before, after = result.changes[0].fields["name"]
        assert before == names[-1]  # each saw what the one before it had left
        names.append(str(after))
    revision, accounts = SqlAccounts(engine).load()
    assert (revision, accounts.publishers["daily"].name) == (9, names[-1])
    assert len(accounts.placements) == 9


def test_a_removed_account_keeps_no_key(engine: Engine, store: SqlAccounts) -> None:
    apply(store, FILE)
    keys = SqlKeys(engine)
    secrets = {}
    for scope in (
        Scope(ScopeKind.ADVERTISER, "acme"),
        Scope(ScopeKind.PUBLISHER, "daily"),
        Scope(ScopeKind.OPERATOR),
    ):
        created = create_key(keys, label="test", scope=scope, now=NOON)
        assert isinstance(created, CreatedKey)
        secrets[scope.kind] = key_hash(created.secret)
    apply(store, "", prune=True)
    assert set(keys.live_hashes()) == {secrets[ScopeKind.OPERATOR]}
    apply(store, FILE)
    assert set(keys.live_hashes()) == {secrets[ScopeKind.OPERATOR]}


def test_a_feed_that_changes_is_due_at_once(engine: Engine, store: SqlAccounts) -> None:
    apply(store, FILE)
    with writing(engine) as connection:
        connection.execute(text("UPDATE feed SET due_at = '2030-01-01 00:00:00', failures = 2"))
    query = text("SELECT due_at IS NULL, failures FROM feed")
    apply(store, FILE.replace("Shoes", "Boots"))
    with reading(engine) as connection:
        assert [(bool(due), failures) for due, failures in connection.execute(query)] == [(False, 2)]
    apply(store, FILE.replace("feed.xml", "feed.tsv"))
    with reading(engine) as connection:
        assert [(bool(due), failures) for due, failures in connection.execute(query)] == [(True, 0)]


def test_a_feed_keeps_what_a_file_does_not_name(store: SqlAccounts) -> None:
    apply(store, FILE.replace('feed.xml"', 'feed.xml"\nevery = "15min"\nmax_age = "never"\nmax_loss = 0.5'))
    kept = Feed(advertiser="acme", source="/srv/feed.xml", every_s=900, max_age_s=0, max_loss=0.5)
    assert store.load()[1].feeds == {"acme": kept}
    assert apply(store, FILE).changes == ()
    assert apply(store, FILE.replace("feed.xml", "feed.tsv")).changes[0].fields == {
        "source": ("/srv/feed.xml", "/srv/feed.tsv")
    }
    (back,) = apply(store, FILE, prune=True).changes
    assert back.fields.keys() == {"source", "every_s", "max_age_s", "max_loss"}
    assert store.load()[1].feeds == {"acme": Feed(advertiser="acme", source="/srv/feed.xml")}


def test_the_look_of_an_advertiser_is_kept(store: SqlAccounts) -> None:
    look = 'consent_default = "allow"\nstrike_through = "never"\ncolor = "#0A5C36"'
    apply(store, FILE.replace('consent_default = "allow"', look))
    acme = store.load()[1].advertisers["acme"]
    assert (acme.strike_through, acme.color) == (StrikeThrough.NEVER, "#0a5c36")
    assert apply(store, FILE).changes == ()


def test_the_revision_can_be_raised(store: SqlAccounts) -> None:
    assert store.raise_revision(41) == 42
    assert store.raise_revision(7) == 42
    assert store.revision() == 42


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE campaign SET status = 'gone'",
        "UPDATE line_item SET status = ''",
        "UPDATE placement SET status = 'Active'",
        "UPDATE campaign SET holdout = 1.5",
        "UPDATE advertiser SET consent_default = 'maybe'",
        "UPDATE line_item SET campaign = 'winter'",
        "UPDATE line_item SET caps = NULL",
        "INSERT INTO line_item (id, campaign, creative, status, caps) SELECT id, campaign, creative, status, caps"
        " FROM line_item",
        "DELETE FROM advertiser",
        "INSERT INTO revision (id, value) VALUES (2, 0)",
    ],
)
def test_the_database_keeps_its_own_order(engine: Engine, store: SqlAccounts, statement: str) -> None:
    apply(store, FILE)

    def spoil() -> None:
        with writing(engine) as connection:
            connection.execute(text(statement))

    with pytest.raises(IntegrityError):
        spoil()
