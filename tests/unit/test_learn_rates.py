"""From the hours of the report to what workers draw designs by: real SQL, real Valkey."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adserver.decision.learn import Learner, shrunk
from adserver.model.account import Accounts, Advertiser, Campaign, Placement, Publisher
from adserver.model.line_item import LineItem
from adserver.model.rates import FIRST_GUESS, Designs, Rates, Rotation, Tally
from adserver.service.learn_rates import HALF_LIFE_DAYS, LearnRates, decayed
from adserver.service.live import Live, follow_rates
from adserver.storage.interfaces import StoreUnavailable
from adserver.storage.sql.accounts import SqlAccounts
from adserver.storage.sql.engine import open_engine
from adserver.storage.sql.migrate import upgrade
from adserver.storage.sql.rollups import START, SqlRollups
from adserver.storage.valkey import keys
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.rates import AT_ONCE, ValkeyRates, pack_rates, unpack_rates

pytest_plugins = ["tests.contract.valkey_server"]

SIZES = {name: frozenset({"300x250"}) for name in ("grid", "hero", "house")} | {"wide": frozenset({"728x90"})}
TWO = ("grid", "hero")
ACCOUNTS = Accounts(
    advertisers={"acme": Advertiser(id="acme", name="Acme", domains=(), currency="EUR", locale="de_DE")},
    campaigns={name: Campaign(id=name, advertiser="acme") for name in ("summer", "winter")},
    line_items={
        "viewers": LineItem(id="viewers", campaign="summer", creative="grid", creatives=("hero", "wide"), ref=1),
        "carts": LineItem(id="carts", campaign="summer", creative="grid", ref=2),
        "snow": LineItem(id="snow", campaign="winter", creative="grid", ref=3),
        "house": LineItem(id="house", campaign="winter", creative="house", ref=4),
    },
    publishers={"daily": Publisher(id="daily", name="Daily", domains=())},
    placements={
        "rectangle": Placement(id="rectangle", publisher="daily", size="300x250"),
        "banner": Placement(id="banner", publisher="daily", size="728x90"),
    },
)
MEANS = st.floats(1e-6, 0.999)
TALLIES = st.builds(Tally, st.floats(0, 1e9), st.floats(0, 1e9))


@given(TALLIES, MEANS)
def test_a_shrunk_rate_is_between_what_was_seen_and_the_mean(tally: Tally, mean: float) -> None:
    seen = min(tally.clicks, tally.impressions) / tally.impressions if tally.impressions else mean
    low, high = sorted((seen, mean))
    assert low * (1 - 1e-9) - 1e-12 <= shrunk(tally, mean) <= high * (1 + 1e-9) + 1e-12
    assert 0 < shrunk(tally, mean) < 1


def test_thin_data_says_little_and_much_data_says_all() -> None:
    assert shrunk(Tally(), 0.004) == pytest.approx(0.004)
    assert shrunk(Tally(10, 1), 0.004) == pytest.approx(0.005, abs=0.0001)
    assert shrunk(Tally(1e7, 1e5), 0.004) == pytest.approx(0.01, rel=0.001)


def test_nothing_counted_yet() -> None:
    rates = Learner()(ACCOUNTS, {}, SIZES)
    assert rates.overall == pytest.approx(FIRST_GUESS)
    assert rates.rotations.keys() == {(1, TWO)}  # of three designs two come in one size, and one alone needs no draw
    assert rates.rotations[1, TWO].propensities == pytest.approx((0.5, 0.5))


def test_each_level_leans_on_the_next_larger_one() -> None:
    tallies = {
        ("viewers", "grid"): Tally(100_000, 500),
        ("viewers", "hero"): Tally(100_000, 1_000),
        ("snow", "grid"): Tally(100_000, 100),
        ("house", "house"): Tally(1e9, 1e8),
        ("gone", "grid"): Tally(1e9, 1e8),
    }
    rates = Learner()(ACCOUNTS, tallies, SIZES)
    assert rates.overall == pytest.approx(1_600 / 300_000, rel=0.01)
    assert rates.campaigns == pytest.approx({"summer": 0.0075, "winter": 0.001}, rel=0.05)
    assert rates.line_items.keys() == {1, 3}
    assert rates.line_items[1] == pytest.approx(0.0075, rel=0.01)
    rotation = rates.rotations[1, TWO]
    assert rotation.propensities == pytest.approx((0.01, 0.99))
    assert rotation.click_rate == pytest.approx(0.01 * 0.005 + 0.99 * 0.01, rel=0.01)


def test_more_clicks_than_impressions_break_nothing() -> None:
    rates = Learner()(ACCOUNTS, {("viewers", "grid"): Tally(3, 9), ("viewers", "hero"): Tally(0, 2)}, SIZES)
    assert 0 < rates.line_items[1] < 1
    assert sum(rates.rotations[1, TWO].propensities) == pytest.approx(1, abs=1e-9)
    Learner()(ACCOUNTS, {("viewers", "grid"): Tally(1e6, 1e6), ("viewers", "hero"): Tally(1e6, 1e6)}, SIZES)


def test_the_same_again_is_the_same_to_the_byte() -> None:
    tallies = {("viewers", "grid"): Tally(1_000, 5), ("snow", "grid"): Tally(1_000, 3)}
    learner = Learner()
    first = pack_rates(learner(ACCOUNTS, tallies, SIZES))
    assert pack_rates(learner(ACCOUNTS, dict(reversed(tallies.items())), SIZES)) == first
    assert pack_rates(Learner()(ACCOUNTS, tallies, SIZES)) == first


@pytest.mark.parametrize(("rates", "impressions"), [((0.005, 0.01), 20_000), ((0.02, 0.03, 0.02, 0.02), 20_000)])
def test_it_finds_the_better_design_and_pays_less_for_it_than_an_even_split(
    rates: tuple[float, ...], impressions: int
) -> None:
    """Ten made-up line items each, seeded; clicks lost stay below half of those that an even split loses."""
    designs = tuple(f"d{place}" for place in range(len(rates)))
    item = LineItem(id="viewers", campaign="summer", creative=designs[0], creatives=designs[1:], ref=1)
    accounts = replace(ACCOUNTS, line_items={"viewers": item})
    sizes = dict.fromkeys(designs, frozenset({"300x250"}))
    lost, at_once = 0.0, 500
    for seed in range(10):
        dice, learner = random.Random(seed), Learner()
        counted = dict.fromkeys(designs, Tally())
        for _ in range(impressions // at_once):
            learned = learner(accounts, {("viewers", name): tally for name, tally in counted.items()}, sizes)
            drawn = dice.choices(range(len(rates)), learned.rotations[1, designs].propensities, k=at_once)
            for place in drawn:
                shown, clicks = counted[designs[place]]
                counted[designs[place]] = Tally(shown + 1, clicks + (dice.random() < rates[place]))
                lost += max(rates) - rates[place]
    evenly = 10 * impressions * (max(rates) - sum(rates) / len(rates))
    assert lost < evenly / 2


@pytest.mark.anyio
async def test_what_is_packed_comes_out_again() -> None:
    rotations: dict[Designs, Rotation] = {
        (ref, TWO): Rotation((0.25, 0.75), 0.1 + 0.2) for ref in range(1, 2 * AT_ONCE + 2)
    }
    rates = Rates(rotations, {1: 1 / 3}, {"summer": 1e-7}, 0.002)
    assert await unpack_rates(pack_rates(rates)) == rates
    assert await unpack_rates(pack_rates(Rates())) == Rates()


def test_older_hours_count_less() -> None:
    now = datetime(2026, 6, 30, tzinfo=UTC)
    old = now - timedelta(days=HALF_LIFE_DAYS)
    rows = [(old, "viewers", "grid", 100, 4), (now, "viewers", "grid", 10, 1), (now, "viewers", "hero", 1, 0)]
    assert decayed(rows, now) == {("viewers", "grid"): Tally(60, 3), ("viewers", "hero"): Tally(1, 0)}


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[tuple[SqlAccounts, SqlRollups]]:
    engine = open_engine(f"sqlite:///{tmp_path / 'a.db'}")
    upgrade(engine)
    accounts = SqlAccounts(engine)
    accounts.apply(lambda _: (ACCOUNTS, Accounts()))
    yield accounts, SqlRollups(engine)
    engine.dispose()


@pytest.mark.anyio
async def test_workers_see_what_was_counted(valkey: Valkey, stores: tuple[SqlAccounts, SqlRollups]) -> None:
    accounts, rollups = stores
    hour = datetime(2026, 6, 1, 12, tzinfo=UTC)
    ref = accounts.load()[1].line_items["viewers"].ref
    learn = LearnRates(accounts, rollups, ValkeyRates(valkey), lambda: SIZES)
    live = Live(SIZES)
    await follow_rates(live, ValkeyRates(valkey))
    assert live.rates == Rates()
    assert await learn(hour.timestamp())
    assert not await learn(hour.timestamp())
    await follow_rates(live, ValkeyRates(valkey))
    assert live.rates.rotations[ref, TWO].propensities == pytest.approx((0.5, 0.5))
    before = live.rates
    await follow_rates(live, ValkeyRates(valkey))
    assert live.rates is before  # so that what is worked out from it need not be worked out again
    offset = START
    for number, (at, creative, clicks) in enumerate(
        [(hour - timedelta(days=2), "grid", 40), (hour - timedelta(days=3), "hero", 10), (hour, "grid", 9)], 1
    ):
        row = (at, "viewers", "rectangle", "", creative, 0, 4_000, clicks, 0)
        assert rollups.commit("events", offset, offset := f"{number}-0", [row])
    # What came into closed hours is seen with the next one at the latest.
    assert await learn((hour + timedelta(hours=1)).timestamp())
    await follow_rates(live, ValkeyRates(valkey))
    grid, hero = live.rates.rotations[ref, TWO].propensities
    assert grid > 0.9 > 0.1 > hero
    assert live.rates.line_items[ref] == pytest.approx(59 / 12_000, rel=0.2)
    await valkey.redis.delete(keys.RATES)
    assert await learn((hour + timedelta(hours=1)).timestamp())  # an emptied Valkey gets it again
    carts = replace(ACCOUNTS.line_items["carts"], creatives=("hero",))
    accounts.apply(lambda _: (Accounts(line_items={"carts": carts}), Accounts()))
    assert await learn((hour + timedelta(hours=1)).timestamp())  # and a new design a place in the draw


@pytest.mark.anyio
async def test_it_says_when_valkey_is_away(stores: tuple[SqlAccounts, SqlRollups]) -> None:
    nobody = Valkey("redis://127.0.0.1:1/0")
    with pytest.raises(StoreUnavailable):
        await LearnRates(*stores, ValkeyRates(nobody), lambda: SIZES)(1e9)
    await nobody.close()
