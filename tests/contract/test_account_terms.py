"""The full example of the handbook, in a real database: kept, told, pruned; and names that lead nowhere."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, text

from adserver.creative.library import load_creatives
from adserver.model.account import Accounts, Campaign
from adserver.model.cap import Cap, Level
from adserver.model.line_item import Bid, BidModel, LineItem
from adserver.model.segment import CustomerList
from adserver.model.snapshot import Snapshot
from adserver.service.accounts_file import AccountsFile, parse_accounts
from adserver.service.accounts_file.tables import TABLES
from adserver.service.apply_accounts import ApplyResult, apply_accounts
from adserver.service.suggest_defaults import suggest_defaults
from adserver.storage.sql.accounts import SqlAccounts
from adserver.storage.sql.engine import writing
from adserver.storage.sql.tables import CustomerListRow
from adserver.storage.valkey.codec import pack_snapshot, unpack_snapshot

pytest_plugins = ["tests.contract.sql_servers"]

CREATIVES = load_creatives()
HANDBOOK = (Path(__file__).parents[2] / "docs" / "accounts.md").read_text()
EXAMPLE = re.search(r"## A full example.*?```toml\n(.*?)```", HANDBOOK, re.DOTALL)[1]  # type: ignore[index]
OTHER = '[advertisers.bolt]\nname = "B"\ndomains = ["b.test"]\ncurrency = "EUR"\nlocale = "de_DE"\n'


def parsed(toml: str) -> AccountsFile:
    file = parse_accounts(toml, base_dir=Path("/srv"))
    assert isinstance(file, AccountsFile), [str(problem) for problem in file]
    return file


def apply(store: SqlAccounts, toml: str, **options: Any) -> ApplyResult:
    file = parsed(toml)
    options = {"prune": False, "dry_run": False} | options
    told = {name: creative.options for name, creative in CREATIVES.items()}
    return apply_accounts(
        store, file.accounts, known_creatives={"grid", "hero"}, options=told, lines=file.lines, **options
    )


def upload(engine: Engine, name: str) -> None:
    with writing(engine) as connection:
        advertiser = connection.execute(text("SELECT ref FROM advertiser WHERE id = 'acme'")).scalar_one()
        when = "2026-06-01 12:00:00+00:00" if engine.dialect.name == "postgresql" else "2026-06-01 12:00:00"
        columns = {"id": name, "advertiser_ref": advertiser, "version": 1, "size": 1, "hashes": b"12345678"}
        statement = insert(CustomerListRow).values(columns | {"uploaded_at": text(f"'{when}'")})
        connection.execute(statement)


@pytest.fixture
def store(engine: Engine) -> SqlAccounts:
    """With the full example, and the list that it names."""
    store = SqlAccounts(engine)
    assert apply(store, EXAMPLE.replace('include_lists = ["regulars"]\n', "")).problems == ()
    upload(engine, "regulars")
    result = apply(store, EXAMPLE)
    assert (result.problems, len(result.changes)) == ((), 1)
    return store


def test_the_full_example_has_every_key() -> None:
    lines = parsed(EXAMPLE).lines
    for table in TABLES:
        account = next(key for key in lines if re.fullmatch(rf"{table.name}\.[^.]+", key))
        for key in table.keys:
            assert f"{account}.{key.name}" in lines
            for inner in key.keys if key.name == "feed" else ():
                assert f"{account}.{key.name}.{inner.name}" in lines


def test_the_full_example_is_kept(store: SqlAccounts) -> None:
    wanted = parsed(EXAMPLE).accounts
    _, kept = store.load()
    with_refs = {"acme-cart": replace(wanted.line_items["acme-cart"], ref=1)}
    advertisers = {"acme": replace(wanted.advertisers["acme"], ref=1)}
    lists = {"regulars": CustomerList(id="regulars", advertiser="acme", version=1, size=1, ref=1)}
    assert kept == replace(wanted, line_items=with_refs, advertisers=advertisers, lists=lists)
    assert unpack_snapshot(pack_snapshot(Snapshot(1, kept, {}, "salt"))) == Snapshot(1, kept, {}, "salt")


@pytest.mark.parametrize("prune", [False, True])
def test_the_same_again_changes_nothing(store: SqlAccounts, prune: bool) -> None:
    before = store.load()
    assert apply(store, EXAMPLE, prune=prune) == ApplyResult((), (), before[0])
    assert store.load() == before


def test_what_a_file_does_not_name_keeps_its_value(store: SqlAccounts) -> None:
    less = '[line_items.acme-cart]\ncampaign = "acme-summer"\ncreative = "grid"\n'
    less += '[product_sets.winter]\nadvertiser = "acme"\n'
    less += '[segments.big-spenders]\nadvertiser = "acme"\nrule.event = "login"\n'
    result = apply(store, less)
    assert [(change.id, list(change.fields)) for change in result.changes] == [("big-spenders", ["rule"])]


def test_tables_are_taken_away_as_a_whole(store: SqlAccounts) -> None:
    taken = '[line_items.acme-cart]\ncampaign = "acme-summer"\ncreative = "grid"\nbudget = { daily = "1.50" }\n'
    taken += 'bid = {}\noffer = {}\nfatigue = {}\nstart = 0\nsegment = ""\nmin_gap = "0s"\n'
    assert apply(store, taken).problems == ()
    item = store.load()[1].line_items["acme-cart"]
    assert (item.bid, item.offer, item.fatigue, item.start, item.segment, item.min_gap_s) == (
        None,
        None,
        None,
        0,
        "",
        0,
    )
    assert item.budget is not None
    assert (item.budget.total, item.budget.daily) == (None, 1_500_000)


def test_prune_takes_everything_away(store: SqlAccounts) -> None:
    assert apply(store, "", prune=True).problems == ()
    assert store.load()[1] == Accounts()


REFERENCES = [
    ('segment = "cart_abandoner"', 'segment = "big-spender"', "segment", 'mean "big-spenders"?'),
    ('segment = "cart_abandoner"', 'segment = "cart_abandonner"', "segment", 'mean "cart_abandoner"?'),
    ('exclude_segments = ["big-spenders"]', 'exclude_segments = ["x"]', "exclude_segments", "segments of acme"),
    ('include_lists = ["regulars"]', 'include_lists = ["fans"]', "include_lists", "list upload acme fans FILE"),
    ("exclude_lists = []", 'exclude_lists = ["regular"]', "exclude_lists", 'mean "regulars"?'),
    ('experiment = "banner"', 'experiment = "baner"', "experiment", 'mean "banner"?'),
    ('experiment = "banner"', "", "experiment", "both or none"),
    ('arm = "coupon"', 'arm = "cupon"', "arm", 'mean "coupon"?'),
    ('placements = ["daily-rectangle"]', 'placements = ["x"]', "placements", "one of the placements"),
    ('publishers = ["daily"]', 'publishers = ["dayly"]', "publishers", 'mean "daily"?'),
    ('creatives = ["grid"]', 'creatives = ["grid", "gird"]', "creatives", 'mean "grid"?'),
    ('product_set = "winter"\nrecommend', 'product_set = "summer"\nrecommend', "product_set", "product_sets of acme"),
    ("end = 2026", "end = 2025", "end", "a time after its start"),
    ("exclude_advertisers = []", 'exclude_advertisers = ["a"]', "publishers.daily.exclude_advertisers",
     "one of the advertisers"),
    ('product_set = "winter", min', 'product_set = "w", min', "segments.big-spenders.rule", "product_sets of acme"),
    ("[segments.big-spenders]",
     '[segments.visitor]\nadvertiser = "acme"\nrule.event = "login"\n[segments.big-spenders]',
     "segments.visitor", "no rung of the ladder"),
]  # fmt: skip


def test_a_name_that_leads_nowhere_changes_nothing(store: SqlAccounts) -> None:
    before = store.load()
    for old, new, key, expected in REFERENCES:
        assert EXAMPLE.count(old) == 1, old
        result = apply(store, EXAMPLE.replace(old, new), prune=True)
        (problem,) = result.problems
        assert problem.key == (key if "." in key else f"line_items.acme-cart.{key}")
        assert expected in problem.expected
        assert problem.line > 1
        assert result.changes == ()
    assert store.load() == before


REFERRED_TO = [
    (r"\[segments\.big-spenders\].*?(?=\[product_sets)", "line_items.acme-cart.exclude_segments"),
    (r"\[product_sets\.winter\].*?(?=\[experiments)", "line_items.acme-cart.product_set"),
    (r"\[experiments\.banner\].*?(?=\[campaigns)", "line_items.acme-cart.experiment"),
    (r"\[placements\..*", "line_items.acme-cart.placements"),
]


def test_what_is_referred_to_is_not_pruned(store: SqlAccounts) -> None:
    before = store.load()
    for pattern, key in REFERRED_TO:
        problems = apply(store, re.sub(pattern, "", EXAMPLE, flags=re.DOTALL), prune=True).problems
        assert key in [problem.key for problem in problems]
    assert store.load() == before


def test_what_others_refer_to_is_not_moved_away(store: SqlAccounts) -> None:
    """The line item is not in the file, and would have lost its arm and its product set."""
    moved = OTHER + '[experiments.banner]\nadvertiser = "acme"\narms = { a = 1, b = 1 }\n'
    moved += '[product_sets.winter]\nadvertiser = "bolt"\n'
    problems = apply(store, moved).problems
    assert {(problem.line, problem.key) for problem in problems} == {
        (0, "line_items.acme-cart.arm"),
        (0, "line_items.acme-cart.product_set"),
        (0, "segments.big-spenders.rule"),
    }


def test_what_is_broken_already_is_in_nobodys_way(engine: Engine, store: SqlAccounts) -> None:
    with writing(engine) as connection:
        connection.execute(text("DELETE FROM customer_list"))
    assert apply(store, OTHER).problems == ()
    assert [problem.key for problem in apply(store, EXAMPLE).problems] == ["line_items.acme-cart.include_lists"]


def test_the_trades_defaults_are_suggested_where_nothing_is_set() -> None:
    accounts = Accounts(
        advertisers=parsed(EXAMPLE.replace('caps = ["20/day"]\n', "")).accounts.advertisers,
        campaigns={
            "plain": Campaign(id="plain", advertiser="acme", holdout=0),
            "capped": Campaign(id="capped", advertiser="acme", caps=(Cap(9, 60, Level.CAMPAIGN),)),
        },
        line_items={
            "bare": LineItem(id="bare", campaign="plain", creative="grid"),
            "kept": LineItem(id="kept", campaign="plain", creative="grid", caps=(Cap(3, 86_400),)),
            "by-campaign": LineItem(id="by-campaign", campaign="capped", creative="grid"),
            "house": LineItem(id="house", campaign="plain", creative="house"),
            "rich": LineItem(
                id="rich", campaign="capped", creative="grid", bid=Bid(model=BidModel.CPC, amount=1_000_000)
            ),
        },
    )
    assert list(suggest_defaults(accounts, list(accounts.line_items), list(accounts.campaigns))) == [
        'line_items.bare has no cap: caps = ["3/day", "10/week", "6/week per product"] is usual',
        "campaigns.plain has no control group to tell what its ads cause: holdout = 0.05 is usual",
    ]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ('accnt = "#0a5c36"', "options.accnt: expected one of accent"),
        ('accent = "green"', 'options.accent: expected a colour such as "#0a5c36", or "" for none, found "green"'),
        ("accent = 7", "options.accent: expected a colour"),
    ],
)
def test_an_option_has_to_be_one_of_a_design_of_the_line_item(store: SqlAccounts, options: str, problem: str) -> None:
    wrong = EXAMPLE.replace('accent = "#0a5c36"', options)
    assert wrong != EXAMPLE
    found = apply(store, wrong)
    assert found.changes == ()
    assert [f": line_items.acme-cart.{problem}" in str(one) for one in found.problems] == [True]
