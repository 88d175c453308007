"""Segment rules as the accounts file writes them, against a truth table; what they cost and what they keep."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from adserver.audience.rules import NO_RULES, compile_rules
from adserver.collect.parse import parse_event
from adserver.model.account import Accounts
from adserver.model.event import Event
from adserver.model.event_name import EventName
from adserver.model.product import MICROS, Product
from adserver.service.accounts_file import parse_accounts
from tests.visitor_model import CountedVisitor

NOW = 1_790_000_000
SHOP = """
[advertisers.acme]
name = "Acme"
domains = ["shop.test"]
currency = "EUR"
locale = "de_DE"
"""
TABLE: dict[str, Any] = yaml.safe_load((Path(__file__).parents[1] / "golden/segments/rules.yaml").read_text("utf-8"))


def accounts_of(text: str) -> Accounts:
    parsed = parse_accounts(SHOP + text, base_dir=Path("/"))
    assert not isinstance(parsed, list), [str(problem) for problem in parsed]
    acme = replace(parsed.accounts.advertisers["acme"], ref=7)
    return replace(parsed.accounts, advertisers={"acme": acme})


def segment(rule: str, more: str = "") -> Accounts:
    return accounts_of(f'[segments.s]\nadvertiser = "acme"\n{more}\nrule = {rule}\n')


def product(product_id: str, category: str = "", price: str = "1", brand: str = "", group: str = "") -> Product:
    micros = round(float(price) * MICROS)
    return Product(
        product_id,
        "Title",
        "https://shop.test/p",
        "",
        micros,
        "EUR",
        brand=brand,
        item_group_id=group,
        category=category,
    )


PRODUCTS = {name: product(name, **fields) for name, fields in TABLE["products"].items()}


def event_of(accounts: Accounts, fields: dict[str, Any]) -> Event:
    values = {name: value if isinstance(value, list) else [value] for name, value in fields.items()}
    event = parse_event({"a": ["acme"], **values}, accounts.advertisers)
    assert isinstance(event, Event), (fields, event)
    return event


def seconds(ago: str) -> int:
    units = {"d": 86_400, "h": 3_600, "s": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([dhs])", ago))


ROWS = [(case["rule"], visitor) for case in TABLE["cases"] for visitor in case["visitors"]]


@pytest.mark.parametrize(("rule", "visitor"), ROWS)
def test_truth_table(rule: str, visitor: dict[str, Any]) -> None:
    sets = "".join(f'[product_sets.{name}]\nadvertiser = "acme"\n{terms}\n' for name, terms in TABLE["sets"].items())
    accounts = accounts_of(f'{sets}[segments.s]\nadvertiser = "acme"\nrule = {rule}\n')
    rules = compile_rules(accounts)
    counted = CountedVisitor(rules, PRODUCTS)
    for did in sorted(visitor["did"], key=lambda did: -seconds(did["ago"])):
        fields = {name: value for name, value in did.items() if name != "ago"}
        counted.does(event_of(accounts, fields), NOW - seconds(did["ago"]))
    assert rules.is_member("s", counted.profile, NOW) is visitor["in"]


def test_nobody_is_in_a_segment_that_is_not_there() -> None:
    accounts = segment('{ event = "purchase" }')
    event = event_of(accounts, {"e": "purchase"})
    assert not NO_RULES.watches(event)
    assert NO_RULES.counters(event, {}, NOW) == []
    visitor = CountedVisitor(compile_rules(accounts), {})
    visitor.does(event, NOW)
    assert compile_rules(accounts).is_member("s", visitor.profile, NOW)
    assert not NO_RULES.is_member("s", visitor.profile, NOW)
    assert not compile_rules(accounts).is_member("t", visitor.profile, NOW)


def test_the_same_event_and_filters_share_a_counter_that_keeps_enough_for_all() -> None:
    one, more, other = (
        '{ event = "view_item", category = "Shoes > Boots" }',
        '{ event = "view_item", category = "shoes>boots", min_count = 7, within = "1d" }',
        '{ event = "view_item", category = "shoes" }',
    )
    rules = compile_rules(
        accounts_of(
            "".join(f'[segments.s{n}]\nadvertiser = "acme"\nrule = {r}\n' for n, r in enumerate([one, more, other]))
        )
    )
    assert sorted(rules.keeps.values()) == [1, 7]
    assert all(re.fullmatch(r"[\w-]{8}", name) for name in rules.keeps)
    assert compile_rules(segment(one)).keeps.keys() < rules.keeps.keys()


def test_a_counter_begins_anew_when_its_product_set_is_another() -> None:
    def names(terms: str) -> set[str]:
        rule = '[segments.s]\nadvertiser = "acme"\nrule = { event = "view_item", product_set = "p" }\n'
        return set(compile_rules(accounts_of(f'[product_sets.p]\nadvertiser = "acme"\n{terms}\n{rule}')).keeps)

    assert names('brands = ["A"]') == names('brands = ["A"]')
    assert names('brands = ["A"]') != names('brands = ["B"]')


def test_the_catalog_is_asked_only_for_events_that_a_rule_about_products_counts() -> None:
    rules = compile_rules(
        segment('{ any = [{ event = "view_item", category = "Shoes" }, { event = "purchase" }, { event = "search" }] }')
    )
    assert [name for name in EventName if rules.needs_products("acme", name)] == [EventName.VIEW_ITEM]
    assert not rules.needs_products("boots", EventName.VIEW_ITEM)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("", 30),
        ('[segments.s]\nadvertiser = "acme"\ndays = 120\nrule = { event = "purchase" }', 120),
        ('[segments.s]\nadvertiser = "acme"\nrule = { not = { event = "purchase", within = "180d" } }', 180),
        (
            '[campaigns.c]\nadvertiser = "acme"\n[line_items.l]\ncampaign = "c"\ncreative = "grid"\n'
            'exclude_purchased = { scope = "all", days = 100 }',
            100,
        ),
        ('[campaigns.c]\nadvertiser = "acme"\nattribution = { click_days = 60, view_days = 1 }', 60),
    ],
)
def test_a_profile_lives_as_long_as_the_longest_window_in_use(text: str, days: int) -> None:
    assert compile_rules(accounts_of(text)).longest_s("acme") == days * 86_400
    assert compile_rules(accounts_of(text)).longest_s("nobody") == 0
