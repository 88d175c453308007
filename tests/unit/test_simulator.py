"""The simulated world by itself: the same seed makes the same, and the truth is counted right."""

import tomllib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from adserver.model.cap import Cap, Level
from adserver.service.accounts_file import AccountsFile, parse_accounts
from adserver.simulator.accounts import PRICE_MICROS, accounts_toml, budget_micros, feed_xml, goal
from adserver.simulator.books import books_of
from adserver.simulator.caps import Broken, broken_caps, too_many
from adserver.simulator.laws import Books, Day, Findings, Learned, Lift, days_of, lift_of
from adserver.simulator.ledger import Ad, Arm, Ledger, Met
from adserver.simulator.server import SimulationError
from adserver.simulator.shoppers import PageVisit, ShopVisit, make_shoppers
from adserver.simulator.verdict import broken_laws, least_covered
from adserver.simulator.world import CATEGORIES, DAY_S, LEARNING, MEASURED, PACED, SHOPS, START, Truth, World

TRUTH = Truth(buys=0.2, factor=3.0, effect_days=1.0)


def test_the_same_seed_makes_the_same_world() -> None:
    world = World(seed=7, visitors=50)
    assert make_shoppers(world) == make_shoppers(world)
    assert make_shoppers(world) != make_shoppers(replace(world, seed=8))


def test_a_day_has_its_curve_and_every_shop_its_visits() -> None:
    visits = [visit for shopper in make_shoppers(World(visitors=2_000)) for visit in shopper.visits]
    assert all(START <= visit.at < START + DAY_S for visit in visits)
    hours = Counter(int(visit.at - START) // 3_600 for visit in visits)
    assert hours[19] > 8 * hours[3]
    pages = sum(isinstance(visit, PageVisit) for visit in visits)
    assert 11_500 < pages < 12_500
    of_shops = Counter(visit.shop.name for visit in visits if isinstance(visit, ShopVisit))
    assert 6_700 < of_shops[MEASURED.name] < 7_300
    assert min(of_shops.values()) > 2_600


def test_visits_are_in_order_and_true_to_taste() -> None:
    for shopper in make_shoppers(World(visitors=50, days=3)):
        times = [visit.at for visit in shopper.visits]
        assert times == sorted(times)
    shoppers = make_shoppers(World(visitors=500))
    feed = feed_xml(MEASURED)
    assert feed.count("<item>") == 120
    viewed = [(s.taste, p) for s in shoppers for v in s.visits if isinstance(v, ShopVisit) for p in v.viewed]
    true_to_taste = sum(_category(product) == taste for taste, product in viewed)
    assert 0.7 < true_to_taste / len(viewed) < 0.8  # seven in ten, and a sixth of the others by chance


def _category(product: str) -> str:
    return CATEGORIES[int(product.rpartition("-")[2]) % len(CATEGORIES)]


def test_the_accounts_are_such_as_the_server_takes() -> None:
    text = accounts_toml(World())
    assert set(tomllib.loads(text)["advertisers"]) == {shop.name for shop in SHOPS}
    parsed = parse_accounts(text.encode(), base_dir=Path())
    assert isinstance(parsed, AccountsFile), parsed
    accounts = parsed.accounts
    assert accounts.campaigns[MEASURED.campaign].holdout == 0.4
    budget = accounts.line_items[PACED.name].budget
    assert budget is not None
    assert budget.daily == budget_micros(World())
    assert abs(budget_micros(World()) / PRICE_MICROS - goal(World())) <= 3


def test_both_fates_of_a_shopper_are_decided_by_the_same_dice() -> None:
    treated, ghost = Met(Arm.TREATED), Met(Arm.GHOST)
    for met in (treated, ghost):
        met.sees(100.0, luck=0.5)
    assert treated.visits(200.0, 0.5, TRUTH)  # below 0.2 x 3
    assert not ghost.visits(200.0, 0.5, TRUTH)
    assert (treated.converts_with, treated.converts_without) == (ghost.converts_with, ghost.converts_without)
    assert (treated.has_bought, ghost.has_bought) == (True, False)


def test_ads_that_were_not_rendered_or_are_long_gone_cause_nothing() -> None:
    met = Met(Arm.TREATED)
    met.sees(100.0, luck=0.95)
    assert not met.visits(200.0, 0.5, TRUTH)
    met.sees(300.0, luck=0.1)
    assert not met.visits(301.0 + DAY_S, 0.5, TRUTH)
    assert met.visits(300.0 + DAY_S, 0.5, TRUTH)
    assert not Met(Arm.TREATED).visits(0.0, 0.5, TRUTH)


def test_a_rarer_purchase_in_a_longer_world() -> None:
    assert World(days=10).truth.buys == pytest.approx(0.02)


def ad(at: int, *, seen: bool = True, shopper: int = 1, line_item: str = "a", products: tuple[str, ...] = ()) -> Ad:
    return Ad(shopper, line_item, "grid", products, at, at, at, rendered=seen, seen_at=at, billable=seen)


@pytest.mark.parametrize(
    ("times", "over"),
    [
        ([0, 10, 20], [20]),
        ([0, 10, 59], [59]),
        ([0, 10, 60], []),  # the window has ended on its last second
        ([0, 59, 60, 118, 119], [119]),  # the next one begins with its first ad
        ([0, 10, 20, 30], [20, 30]),
    ],
)
def test_windows_begin_with_their_first_ad(times: list[int], over: list[int]) -> None:
    assert [a.decided_at for a in too_many(map(ad, times), Cap(2, 60), 30)] == over


def test_an_ad_that_nobody_saw_in_time_counts_no_more() -> None:
    cap = Cap(1, 3_600)
    assert [a.decided_at for a in too_many([ad(0, seen=False), ad(29)], cap, 30)] == [29]
    assert not list(too_many([ad(0, seen=False), ad(30)], cap, 30))


def test_each_level_counts_its_own() -> None:
    parsed = parse_accounts(accounts_toml(World()).encode(), base_dir=Path())
    assert isinstance(parsed, AccountsFile)
    courier, gazette = f"{LEARNING.name}-courier", f"{LEARNING.name}-gazette"
    hour = 3_600
    assert not broken_caps(
        [ad(0, line_item=courier), ad(hour, line_item=courier)], parsed.accounts, given_back_after_s=60
    )
    gap = broken_caps([ad(0, line_item=courier), ad(599, line_item=courier)], parsed.accounts, given_back_after_s=60)
    assert [found.per for found in gap] == ["gap"]
    campaign = [ad(at, line_item=item) for at, item in ((0, courier), (1, gazette), (700, courier), (701, gazette))]
    assert {found.per for found in broken_caps(campaign, parsed.accounts, given_back_after_s=60)} == {"campaign"}
    others = [ad(at, line_item=item, shopper=at % 2) for at, item in ((0, courier), (1, courier), (2, gazette))]
    assert not broken_caps(others, parsed.accounts, given_back_after_s=60)
    product = [ad(n * 3 * hour, line_item=gazette if n % 2 else courier, products=("p",)) for n in range(5)]
    assert [found.per for found in broken_caps(product, parsed.accounts, given_back_after_s=60)] == [
        Level.PRODUCT.value
    ]


def test_money_is_counted_by_the_day() -> None:
    world = World(days=2)
    ledger = Ledger(ads=[ad(START + second, line_item=PACED.name) for second in (0, DAY_S - 1, DAY_S)])
    ledger.ads.append(ad(START, line_item=PACED.name, seen=False))
    days = days_of(world, ledger, Books({0: 8_000}, 0, 0, 0, {}))
    assert [(day.seen, day.billed) for day in days] == [(2 * PRICE_MICROS, 8_000), (PRICE_MICROS, 0)]


def test_the_lift_is_that_of_everybody() -> None:
    ledger = Ledger()
    for number in range(100):
        ledger.met[number] = Met(
            Arm.GHOST if number < 40 else Arm.TREATED, converts_with=number % 2 == 0, converts_without=number % 4 == 0
        )
    lift = lift_of(ledger, Books({}, 0.9, 0.5, 1.4, {"ghost": (40, 10), "treated": (60, 30)}))
    assert lift.true == pytest.approx(1.0)
    assert lift.known == lift.reported
    assert (lift.is_covered, lift.is_telling) == (True, True)
    assert not lift._replace(low=1.01).is_covered
    assert not lift._replace(low=-0.5).is_telling


def test_the_reports_are_read_as_they_are_printed() -> None:
    rows = [
        {"line_item": PACED.name, "cost": "1.004"},
        {"line_item": MEASURED.name, "cost": "9.00"},
        {"line_item": None, "cost": None},
    ]
    lift = {
        "name": MEASURED.campaign,
        "arms": [{"arm": "ghost", "visitors": 4, "buyers": 1}, {"arm": "treated", "visitors": 6, "buyers": 3}],
        "lifts": [{"relative": 1.0, "relative_interval": [0.5, 1.5]}],
    }
    books = books_of({0: {"rows": rows}}, {"measurements": [lift]})
    assert books == Books({0: 1_004_000}, 1.0, 0.5, 1.5, {"ghost": (4, 1), "treated": (6, 3)})
    with pytest.raises(SimulationError, match="do not tell"):
        books_of({}, {"measurements": []})


GOOD = Findings(
    seed=1,
    requests=100,
    ads=50,
    refused={},
    wrong_times=0,
    broken=[],
    days=[Day(0, 1_000, 980, 980)],
    lift=Lift(1.0, 0.9, 0.6, 1.3, {"ghost": (4, 1)}, {"ghost": (4, 1)}),
    learned=Learned({"grid": 10, "hero": 90}, 0.2),
)


def test_a_world_in_order_has_no_complaints() -> None:
    assert GOOD.complaints() == []
    assert broken_laws([GOOD] * 20) == []
    assert GOOD.learned.best == 0.9


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"refused": {"pixel: consent": 3}}, "3 x pixel: consent"),
        ({"wrong_times": 2}, "not the simulation's"),
        ({"broken": [Broken("a", "gap", 1, 60, 7, START)]}, "1 ads over a cap"),
        ({"days": [Day(0, 1_000, 1_001, 1_001)]}, "1001 micros spent of 1000"),
        ({"days": [Day(0, 1_000, 990, 1_000)]}, "1000 micros were billed for what is worth 990"),
        ({"days": [Day(0, 1_000, 949, 949)]}, "94.9% of the budget"),
        ({"learned": Learned({"grid": 50}, 0.5)}, "50% of the clicks"),
        ({"lift": GOOD.lift._replace(low=0.2)}, "wider than the lift"),
        ({"lift": GOOD.lift._replace(reported={"ghost": (4, 2)})}, "the report says"),
    ],
)
def test_every_broken_law_is_told(change: dict[str, object], told: str) -> None:
    (complaint,) = replace(GOOD, **change).complaints()  # type: ignore[arg-type]
    assert told in complaint


def test_of_twenty_intervals_seventeen_have_to_hold() -> None:
    assert [least_covered(worlds) for worlds in (1, 5, 20, 50)] == [0, 3, 17, 44]
    missed = replace(GOOD, lift=GOOD.lift._replace(low=1.1, high=1.5))
    assert broken_laws([GOOD] * 17 + [missed] * 3) == []
    (told,) = broken_laws([GOOD] * 16 + [missed] * 4)
    assert "in 16 of 20 intervals" in told
