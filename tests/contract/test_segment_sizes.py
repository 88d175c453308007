"""Sizes and overlaps of segments over a real Valkey, against asking every visitor one by one."""

import random
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass

import pytest

from adserver.audience.estimate import interval
from adserver.audience.ladder import rung_of
from adserver.audience.rules import NO_RULES, Rules, compile_rules
from adserver.model.account import Accounts, Advertiser
from adserver.model.event import Event
from adserver.model.event_name import EventName
from adserver.model.product import Product
from adserver.model.segment import Happened, Rule, Rung, Segment
from adserver.service.size_segments import Asked, Sizes, ask, size_segments
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.visitor_scan import VisitorScan
from adserver.storage.valkey.visitors import ValkeyVisitors
from tests.contract.hot_link import hot_to

pytest_plugins = ["tests.contract.valkey_server"]
pytestmark = pytest.mark.anyio

NOW = 1_790_000_000
DAY = 86_400
VISITORS = 300
ACME = Advertiser(id="acme", name="Acme", domains=("shop.test",), currency="EUR", locale="de_DE", ref=7)
BOOTS = Product("a", "a", "https://shop.test", "", 10, "EUR", category="Shoes > Boots")


def happened(event: EventName, **filters: object) -> Rule:
    return Rule(happened=Happened(event=event, **filters))  # type: ignore[arg-type]


SEGMENTS = {
    "viewers": happened(EventName.VIEW_ITEM, min_count=2),
    "booted": happened(EventName.VIEW_ITEM, category="shoes"),
    "spenders": happened(EventName.PURCHASE, min_value=50),
    "seekers": happened(EventName.SEARCH, within_s=20 * DAY),
    "losers": Rule(all=(happened(EventName.ADD_TO_CART), Rule(negated=happened(EventName.PURCHASE)))),
}
ACCOUNTS = Accounts(
    advertisers={"acme": ACME},
    segments={name: Segment(id=name, advertiser="acme", rule=rule) for name, rule in SEGMENTS.items()},
)
RULES = compile_rules(ACCOUNTS)


async def products(ref: int, ids: Collection[str]) -> Mapping[str, Product]:
    assert ref == 7
    return {"a": BOOTS} if "a" in ids else {}


@dataclass
class Shop:
    visitors: ValkeyVisitors
    valkey: Valkey

    async def asked(self, *names: str, most: int = 0, applied: Rules = RULES, seed: int = 1) -> Sizes:
        """The sizes of ``names``."""
        asked = [found for name in names if (found := ask(ACCOUNTS, ACME, name, applied)) is not None]
        assert len(asked) == len(names)
        return await self.sizes(asked, most, seed)

    async def sizes(self, asked: list[Asked], most: int, seed: int) -> Sizes:
        scan = VisitorScan(self.valkey, random.Random(seed))
        sample = await scan.sample(most)
        return await size_segments(asked, sample, scan.profiles(sample, NOW), products, NOW)

    async def members(self, name: str) -> set[int]:
        """Who is in, by asking as a request for an ad does."""
        found = set()
        for number in range(VISITORS):
            profile = await self.visitors.read_visitor(visitor(number), NOW)
            shopping = profile.shopping.get(7)
            on_rung = shopping is not None and rung_of(shopping, NOW, 30) == name
            if on_rung or RULES.is_member(name, profile, NOW):
                found.add(number)
        return found


def visitor(number: int) -> str:
    return f"visitor{number:015}"


async def history(valkey: Valkey, visitors: ValkeyVisitors) -> None:
    """Three hundred visitors with up to six events each, some of them long ago, and keys of other kinds."""
    dice = random.Random(5)
    names = [EventName.VIEW_ITEM] * 4 + [EventName.ADD_TO_CART, EventName.PURCHASE, EventName.SEARCH]
    for number in range(VISITORS):
        for ago in sorted((dice.randrange(60 * DAY) for _ in range(dice.randrange(1, 7))), reverse=True):
            name = dice.choice(names)
            shown = () if name is EventName.SEARCH else (dice.choice("abc"),)
            event = Event(name, ACME, shown, value=dice.choice([None, 40, 60]))
            known = await products(7, shown)
            counted = RULES.counters(event, known, NOW - ago)
            await visitors.record_event(visitor(number), event, NOW - ago, returning=True, happened=counted)
    await valkey.redis.set("catalog:{7}:u", "no visitor")


@pytest.fixture
async def shop(valkey_url: str, valkey: Valkey) -> AsyncIterator[Shop]:
    async with hot_to(valkey_url) as hot:
        visitors = ValkeyVisitors(hot, retention_s=90 * DAY, new_visitor_s=3_600)
        await history(valkey, visitors)
        yield Shop(visitors, valkey)


async def test_sizes_and_overlaps_are_those_of_brute_force(shop: Shop) -> None:
    names = (*Rung, *SEGMENTS)
    members = {name: await shop.members(name) for name in names}
    sizes = await shop.asked(*names)
    assert (sizes.total, sizes.looked_at) == (VISITORS, VISITORS)
    assert {name: size.members for name, size in zip(names, sizes.of, strict=True)} == {
        name: len(found) for name, found in members.items()
    }
    assert all(0 < len(found) < VISITORS for found in members.values()), {n: len(m) for n, m in members.items()}
    assert not any(size.unknown for size in sizes.of)
    for first, second in (("booted", "losers"), (Rung.PAST_BUYER, "spenders"), (Rung.VISITOR, Rung.PAST_BUYER)):
        both = (await shop.asked(first, second)).both
        assert both.members == len(members[first] & members[second])


async def test_before_it_is_applied_a_rule_is_told_exactly_or_not_at_all(shop: Shop) -> None:
    for name in SEGMENTS:
        truth = len(await shop.members(name))
        (size,) = (await shop.asked(name, applied=NO_RULES)).of
        assert size.members <= truth <= size.members + size.unknown, name
        asked = ask(ACCOUNTS, ACME, name, NO_RULES)
        assert asked is not None
        assert asked.uncounted
    (booted,) = (await shop.asked("booted", applied=NO_RULES)).of
    assert (booted.members, booted.unknown) == (len(await shop.members("booted")), 0)
    (seekers,) = (await shop.asked("seekers", applied=NO_RULES)).of
    assert seekers.members == 0
    assert 0 < seekers.unknown < VISITORS


async def test_a_sample_says_how_sure_it_is(shop: Shop) -> None:
    truth = len(await shop.members(Rung.PRODUCT_VIEWER))
    inside = 0
    for seed in range(40):
        sizes = await shop.asked(Rung.PRODUCT_VIEWER, most=60, seed=seed)
        assert (sizes.total, sizes.looked_at) == (VISITORS, 60)
        low, high = interval(sizes.of[0].members, 60, VISITORS)
        assert 0 <= low < high <= VISITORS
        inside += low <= truth <= high
    assert inside >= 34  # fewer happen once in ten thousand


def test_an_interval_of_all_is_a_number() -> None:
    assert interval(7, 20, 20) == (7, 7)
    assert interval(0, 0, 0) == (0, 0)
    assert interval(0, 10, 1_000)[0] == 0
    assert interval(10, 10, 1_000)[1] == 1_000


async def test_nobody_is_there_yet(valkey: Valkey) -> None:
    sizes = await Shop(None, valkey).asked(Rung.VISITOR)  # type: ignore[arg-type]
    assert (sizes.total, sizes.looked_at, sizes.of[0].members) == (0, 0, 0)


def test_what_is_neither_rung_nor_segment_of_the_advertiser() -> None:
    other = Advertiser(id="boots", name="B", domains=("b.test",), currency="EUR", locale="de_DE", ref=8)
    assert ask(ACCOUNTS, ACME, "nothing", RULES) is None
    assert ask(ACCOUNTS, other, "booted", RULES) is None
    assert ask(ACCOUNTS, other, "visitor", RULES) is not None
