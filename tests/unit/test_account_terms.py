"""Whom, where, when, how often and for how much: what the accounts file may say of it, and how it is written back."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adserver.model.account import Attribution, NoHistory
from adserver.model.cap import Cap, Level
from adserver.model.event_name import EventName
from adserver.model.line_item import (
    Bid,
    BidModel,
    Budget,
    Daypart,
    Device,
    ExcludePurchased,
    Fatigue,
    LineItem,
    Offer,
    Pacing,
    PurchaseScope,
    Recommend,
)
from adserver.model.segment import Happened, Rule
from adserver.model.snapshot import Snapshot
from adserver.service.accounts_file import AccountsFile, Problem, key_of, parse_accounts, toml, written
from adserver.service.accounts_file.tables import TABLES
from adserver.storage.valkey.codec import pack_snapshot, unpack_snapshot

ADVERTISER = '[advertisers.acme]\nname = "Acme"\ndomains = ["shop.test"]\ncurrency = "EUR"\nlocale = "de_DE"\n'
HEADS = {
    "advertisers": ADVERTISER,
    "campaigns": '[campaigns.acme]\nadvertiser = "acme"\n',
    "line_items": '[line_items.acme]\ncampaign = "acme"\ncreative = "grid"\n',
    "segments": '[segments.acme]\nadvertiser = "acme"\n',
    "product_sets": '[product_sets.acme]\nadvertiser = "acme"\n',
    "experiments": '[experiments.acme]\nadvertiser = "acme"\n',
    "publishers": '[publishers.acme]\nname = "A"\ndomains = ["a.test"]\n',
    "placements": '[placements.acme]\npublisher = "a"\nsize = "300x250"\n',
}
DAY = 86_400


def parsed(table: str, line: str) -> AccountsFile | list[Problem]:
    return parse_accounts(HEADS[table] + line, base_dir=Path("/srv"))


def kept(table: str, line: str) -> Any:
    file = parsed(table, line)
    assert isinstance(file, AccountsFile), file
    return getattr(file.accounts, table)["acme"]


def happened(**values: Any) -> Rule:
    return Rule(happened=Happened(**values))


GOOD: list[tuple[str, str, str, object]] = [
    ("advertisers", 'time_zone = "Europe/Berlin"', "time_zone", "Europe/Berlin"),
    ("advertisers", "segment_days = 180", "segment_days", 180),
    ("advertisers", 'caps = ["20/day"]', "caps", (Cap(20, DAY, Level.ADVERTISER),)),
    ("campaigns", 'caps = ["6/week per product", "9/h"]', "caps",
     (Cap(9, 3_600, Level.CAMPAIGN), Cap(6, 7 * DAY, Level.PRODUCT))),
    ("campaigns", "attribution = { click_days = 30 }", "attribution", Attribution(click_days=30)),
    ("campaigns", "", "holdout", 0.05),
    ("line_items", 'bid = { model = "CPM", amount = "4.00" }', "bid", Bid(model=BidModel.CPM, amount=4_000_000)),
    ("line_items", 'bid = { model = "CPC", amount = "0.000001" }', "bid", Bid(model=BidModel.CPC, amount=1)),
    ("line_items", 'bid = { model = "CPC", amount = 2 }', "bid", Bid(model=BidModel.CPC, amount=2_000_000)),
    ("line_items", "bid = {}", "bid", None),
    ("line_items", 'budget = { daily = "50.5" }', "budget", Budget(daily=50_500_000)),
    ("line_items", 'budget = { total = 1000, pacing = "learned" }', "budget",
     Budget(total=10**9, pacing=Pacing.LEARNED)),
    ("line_items", "start = 2026-01-01T00:00:00+01:00", "start", 1_767_222_000),
    ("line_items", "end = 2026-01-01T00:00:00Z", "end", 1_767_225_600),
    ("line_items", "start = 0", "start", 0),
    ("line_items", 'dayparts = ["mon-fri 08:00-20:00"]', "dayparts", (Daypart((0, 1, 2, 3, 4), 480, 1_200),)),
    ("line_items", 'dayparts = ["sat,sun 22:00-02:00"]', "dayparts",
     (Daypart((5, 6), 1_320, 1_440), Daypart((0, 6), 0, 120))),
    ("line_items", 'dayparts = ["Fri-Mon 9:30-24:00"]', "dayparts", (Daypart((0, 4, 5, 6), 570, 1_440),)),
    ("line_items", 'dayparts = ["sun 22:00-00:00"]', "dayparts", (Daypart((6,), 1_320, 1_440),)),
    ("line_items", 'devices = ["tv", "phone"]', "devices", (Device.TV, Device.PHONE)),
    ("line_items", 'geo = ["DE", "at-9"]', "geo", ("DE", "AT-9")),
    ("line_items", 'exclude_page_categories = ["News"]', "exclude_page_categories", ("news",)),
    ("line_items", 'caps = [{ limit = 3, window = "1d" }, { per = "product", limit = 6, window = "7d" }]', "caps",
     (Cap(3, DAY), Cap(6, 7 * DAY, Level.PRODUCT))),
    ("line_items", 'caps = ["3/day per product", "3/day", "3/day per advertiser"]', "caps",
     (Cap(3, DAY, Level.ADVERTISER), Cap(3, DAY), Cap(3, DAY, Level.PRODUCT))),
    ("line_items", 'min_gap = "30s"', "min_gap_s", 30),
    ("line_items", 'min_gap = "24h"', "min_gap_s", DAY),
    ("line_items", 'min_gap = "0s"', "min_gap_s", 0),
    ("line_items", "fatigue = { ads = 6 }", "fatigue", Fatigue(ads=6)),
    ("line_items", 'exclude_purchased = { scope = "all", days = 180 }', "exclude_purchased",
     ExcludePurchased(scope=PurchaseScope.ALL, days=180)),
    ("line_items", 'offer = { coupon = "A", after = "2h" }', "offer", Offer(coupon="A", after_s=7_200)),
    ("line_items", 'recommend = ["upsell"]', "recommend", (Recommend.UPSELL,)),
    ("line_items", "recommend = []", "recommend", ()),
    ("line_items", 'segment = ""', "segment", ""),
    ("segments", 'rule = { event = "page_view" }', "rule", happened(event=EventName.PAGE_VIEW)),
    ("segments", 'rule = { not = { event = "purchase", min_value = "200.00", within = "90d" } }', "rule",
     Rule(negated=happened(event=EventName.PURCHASE, min_value=200_000_000, within_s=90 * DAY))),
    ("segments", 'rule.any = [{ event = "search" }, { all = [{ event = "login", min_count = 50 }] }]', "rule",
     Rule(any=(happened(event=EventName.SEARCH), Rule(all=(happened(event=EventName.LOGIN, min_count=50),))))),
    ("product_sets", 'labels = { 4 = ["b"], 0 = ["sale", "sale"] }', "labels", {"0": ("sale",), "4": ("b",)}),
    ("product_sets", 'min_price = "20"', "min_price", 20_000_000),
    ("product_sets", "on_sale = true", "on_sale", True),
    ("experiments", "arms = { b = 1, a = 1000 }", "arms", {"a": 1_000, "b": 1}),
    ("publishers", 'exclude_advertisers = ["a", "a"]', "exclude_advertisers", ("a",)),
    ("placements", 'categories = ["News", "news"]', "categories", ("news",)),
    ("placements", 'no_history = "best_sellers"', "no_history", NoHistory.BEST_SELLERS),
]  # fmt: skip


@pytest.mark.parametrize(("table", "line", "field", "value"), GOOD)
def test_what_is_written_is_kept_and_written_back(table: str, line: str, field: str, value: object) -> None:
    noun = kept(table, line)
    assert getattr(noun, field) == value
    shown = written(field, value)
    again = f"{key_of(field)} = {toml({} if shown is None else shown)}"
    assert getattr(kept(table, again), field) == value


MONEY = "an amount of money"
# Table, what is written, the key below the account, a part of what was expected, what was found.
WRONG: list[tuple[str, str, str, str, str]] = [
    ("advertisers", 'time_zone = "Europe/Berlni"', "time_zone", 'did you mean "Europe/Berlin"', '"Europe/Berlni"'),
    ("advertisers", 'time_zone = "../../etc/passwd"', "time_zone", "a time zone such as", '"../../etc/passwd"'),
    ("advertisers", 'time_zone = "Europe"', "time_zone", "a time zone such as", '"Europe"'),
    ("advertisers", "segment_days = 181", "segment_days", "a whole number from 1 to 180", "181"),
    ("advertisers", 'caps = ["3/day per campaign"]', "caps", "per advertiser, product", '"3/day per campaign"'),
    ("campaigns", "attribution = { click_days = 91 }", "attribution.click_days", "from 0 to 90", "91"),
    ("campaigns", "attribution = { clicks = 1 }", "attribution.clicks", 'mean "click_days"?', '"clicks"'),
    ("line_items", 'bid = { model = "CPA", amount = "1" }', "bid.model", '"CPM" or "CPC"', '"CPA"'),
    ("line_items", 'bid = { model = "CPM" }', "bid.amount", MONEY, "nothing"),
    ("line_items", 'bid = { model = "CPM", amount = 4.0 }', "bid.amount", MONEY, "4.0"),
    ("line_items", 'bid = { model = "CPM", amount = "4,00" }', "bid.amount", MONEY, '"4,00"'),
    ("line_items", 'bid = { model = "CPM", amount = "0.0009" }', "bid.amount", 'at least "0.001"', '"0.0009"'),
    ("line_items", 'bid = { model = "CPC", amount = "-1" }', "bid.amount", MONEY, '"-1"'),
    ("line_items", 'bid = "4.00"', "bid", "a table such as", '"4.00"'),
    ("line_items", 'budget = { pacing = "even" }', "budget", "total, daily or both", "a table"),
    ("line_items", 'budget = { daily = "0" }', "budget.daily", 'at least "0.000001"', '"0"'),
    ("line_items", 'budget = { total = "1", pacing = "evne" }', "budget.pacing", 'mean "even"?', '"evne"'),
    ("line_items", "start = 2026-01-01T00:00:00", "start", "with its offset", "a date and time without an offset"),
    ("line_items", 'start = "2026-01-01T00:00:00Z"', "start", "without quotes", '"2026-01-01T00:00:00Z"'),
    ("line_items", "end = 2026-01-01", "end", "a date and time with its offset", "a date or time"),
    ("line_items", "end = 1969-12-31T00:00:00Z", "end", "a date and time with its offset", "a date or time"),
    ("line_items", 'dayparts = ["mon", "monday 08:00-20:00"]', "dayparts", "a part of the week", '"mon"'),
    ("line_items", 'dayparts = ["mon 08:00-24:01"]', "dayparts", "from 00:00 to 24:00", '"mon 08:00-24:01"'),
    ("line_items", 'dayparts = ["mon 08:60-09:00"]', "dayparts", "from 00:00 to 24:00", '"mon 08:60-09:00"'),
    ("line_items", 'dayparts = ["mon 08:00-08:00"]', "dayparts", "ends at another time", '"mon 08:00-08:00"'),
    ("line_items", 'devices = ["phone", "desktpo"]', "devices", 'mean "desktop"?', '"desktpo"'),
    ("line_items", 'geo = ["UKR"]', "geo", "a list of countries", '"UKR"'),
    ("line_items", 'geo = ["QQ"]', "geo", "a list of countries", '"QQ"'),
    ("line_items", "priority = 1001", "priority", "from 0 to 1,000", "1001"),
    ("line_items", "weight = 0", "weight", "from 1 to 1,000", "0"),
    ("line_items", "weight = true", "weight", "from 1 to 1,000", "true"),
    ("line_items", 'caps = ["3/day", "3/24h"]', "caps", 'other than that of "3/day"', '"3/24h"'),
    ("line_items", 'caps = ["3/day per prodct"]', "caps", 'mean "product"?', '"3/day per prodct"'),
    ("line_items", 'caps = [{ limit = 0, window = "1d" }]', "caps.0.limit", "1 to 1000 ads", "0"),
    ("line_items", "caps = [{ limit = 1 }]", "caps.0.window", "a window such as", "nothing"),
    ("line_items", 'caps = [{ limit = 1, window = "1min" }, { limit = 1, window = "181d" }]', "caps.1.window",
     "one minute to 180 days", '"181d"'),
    ("line_items", 'caps = [{ limit = 1, window = "1d", pre = "product" }]', "caps.0.pre", 'mean "per"?', '"pre"'),
    ("line_items", 'min_gap = "25h"', "min_gap", 'from "1s" to "24h"', '"25h"'),
    ("line_items", 'min_gap = "never"', "min_gap", 'from "1s" to "24h"', '"never"'),
    ("line_items", "fatigue = { days = 3 }", "fatigue.ads", "from 1 to 1,000", "nothing"),
    ("line_items", "offer = { after_ads = 1 }", "offer", "text, coupon or both", "a table"),
    ("line_items", 'exclude_purchased = { scope = "brand" }', "exclude_purchased.scope", "one of product", '"brand"'),
    ("line_items", 'recommend = ["best_seller"]', "recommend", 'mean "best_sellers"?', '"best_seller"'),
    ("line_items", 'placements = "all"', "placements", "a list of ids of placements", '"all"'),
    ("line_items", 'segmnet = "x"', "segmnet", 'mean "segment"?', '"segmnet"'),
    ("segments", "", "rule", "a rule such as", "nothing"),
    ("segments", "rule = {}", "rule", "one of all, any, not or event", "an empty table"),
    ("segments", 'rule = { event = "buy" }', "rule.event", "one of page_view, view_item_list", '"buy"'),
    ("segments", 'rule = { event = "purchse" }', "rule.event", 'mean "purchase"?', '"purchse"'),
    ("segments", 'rule = { evnt = "purchase" }', "rule.evnt", 'mean "event"?', '"evnt"'),
    ("segments", 'rule = { all = [{ event = "search" }], event = "search" }', "rule.event",
     'nothing beside "all"', '"event"'),
    ("segments", "rule = { all = [] }", "rule.all", "a list of rules", "an empty array"),
    ("segments", 'rule = { any = [{ event = "search" }, { not = { event = "login", min_count = 51 } }] }',
     "rule.any.1.not.min_count", "from 1 to 50", "51"),
    ("segments", 'rule = { event = "search", within = "90m" }', "rule.within", "a time from", '"90m"'),
    ("segments", 'rule = { event = "search", urll = "x" }', "rule.urll", 'mean "url"?', '"urll"'),
    ("segments", 'rule = { event = "purchase", min_value = 3, max_value = "2.99" }', "rule.max_value",
     "at least min_value", '"2.99"'),
    ("segments", "rule = { any = [" + "{ event = 'search' }, " * 101 + "] }", "rule", "at most 100", '"101"'),
    ("segments", "rule = " + "{ not = " * 10 + "{ event = 'search' }" + " }" * 10, f"rule{'.not' * 10}",
     "at most 10 rules inside each other", "a table"),
    ("product_sets", 'labels = { 5 = ["x"] }', "labels.5", "from 0 to 4", '"5"'),
    ("product_sets", 'labels = { 1 = "x" }', "labels.1", "a list of values", '"x"'),
    ("product_sets", 'products = ["a\\nb"]', "products", "a list of product ids", '"a\\nb"'),
    ("product_sets", 'on_sale = "yes"', "on_sale", "true or false", '"yes"'),
    ("experiments", "arms = { a = 1 }", "arms", "two to eight arms", "a table"),
    ("experiments", "arms = { a = 1, b = 0 }", "arms.b", "a weight from 1 to 1,000", "0"),
    ("experiments", 'arms = { a = 1, "b c" = 1 }', 'arms."b c"', "a name of letters", '"b c"'),
    ("placements", 'no_history = "none"', "no_history", "one of best_sellers, house, passback", '"none"'),
]  # fmt: skip


@pytest.mark.parametrize(("table", "line", "key", "expected", "found"), WRONG)
def test_what_is_wrong_is_told_where_it_stands(table: str, line: str, key: str, expected: str, found: str) -> None:
    problems = parsed(table, line)
    assert isinstance(problems, list)
    (problem,) = problems
    assert problem.key == f"{table}.acme.{key}"
    assert problem.line == (HEADS[table].count("\n") + 1 if line else 1)
    assert expected in problem.expected
    assert problem.found == found


def test_a_part_of_a_rule_has_its_own_line() -> None:
    nested = (
        'rule = { all = [\n{ event = "search" },\n{ not = { any = [\n{ event = "login" },\n{ event = "x" },\n]}},]}'
    )
    problems = parsed("segments", nested)
    assert isinstance(problems, list)
    assert [(one.line, one.key) for one in problems] == [(7, "segments.acme.rule.all.1.not.any.1.event")]


def test_every_field_of_a_noun_has_its_key() -> None:
    given_elsewhere = {"id", "ref"}
    for table in TABLES:
        named = {key.field or key.name for key in table.keys} - {"feed"}
        assert named == {field.name for field in fields(table.noun)} - given_elsewhere  # type: ignore[arg-type]


MICROS = st.integers(1_000, 10**14)
RULES = st.recursive(
    st.builds(
        happened,
        event=st.sampled_from(EventName),
        min_count=st.integers(1, 50),
        within_s=st.integers(1, 180 * 24 * 60).map(lambda minutes: minutes * 60),
        min_value=st.none() | MICROS,
        url=st.sampled_from(["", "/a", 'b"\\ü']),
    ),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: Rule(all=tuple(parts)))
        | st.lists(inner, min_size=1, max_size=3).map(lambda parts: Rule(any=tuple(parts)))
        | inner.map(lambda part: Rule(negated=part))
    ),
    max_leaves=5,
)
ITEMS = st.builds(
    LineItem,
    id=st.just("acme"),
    campaign=st.just("acme"),
    creative=st.just("grid"),
    start=st.just(0) | st.integers(10**9, 2 * 10**9),
    dayparts=st.lists(
        st.builds(
            Daypart,
            days=st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days))),
            from_minute=st.integers(0, 700),
            to_minute=st.integers(701, 1_440),
        ),
        unique=True,
        max_size=3,
    ).map(tuple),
    bid=st.none() | st.builds(Bid, model=st.sampled_from(BidModel), amount=MICROS),
    budget=st.none() | st.builds(Budget, total=MICROS, daily=st.none() | MICROS, pacing=st.sampled_from(Pacing)),
    offer=st.none() | st.builds(Offer, text=st.just("10 %"), after_ads=st.integers(0, 9)),
    min_gap_s=st.integers(0, DAY),
)


@settings(max_examples=50, deadline=None)
@given(ITEMS, RULES)
def test_what_is_written_back_and_what_is_published_read_the_same(item: LineItem, rule: Rule) -> None:
    lines = [
        f"{key_of(field.name)} = {toml(written(field.name, getattr(item, field.name)))}"
        for field in fields(item)
        if field.name not in {"id", "ref"} and getattr(item, field.name) is not None
    ]
    text = "[line_items.acme]\n" + "\n".join(lines)
    text += f"\n[segments.acme]\nadvertiser = 'acme'\nrule = {toml(written('rule', rule))}\n"
    file = parse_accounts(text, base_dir=Path("/srv"))
    assert isinstance(file, AccountsFile), (file, text)
    assert file.accounts.line_items == {"acme": item}
    assert file.accounts.segments["acme"].rule == rule
    snapshot = Snapshot(3, file.accounts)
    assert unpack_snapshot(pack_snapshot(snapshot)) == snapshot
