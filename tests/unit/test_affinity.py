"""What goes together: held against the same counted by brute force, and what it does with time and with too much."""

import json
import math
import random
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adserver.audience.affinity import HALF_LIFE_S, KEPT, MOST_POPULAR, Gains, fading, more_popular, score
from adserver.audience.visits import MOST_WAITING, PAUSE_S, REACH, Visits
from adserver.model.related import Kind, Popular, Standing

SESSIONS = Path(__file__).parents[2].parent / "shared" / "data" / "clickstream" / "otto_sessions_sample.jsonl"

PRODUCTS = st.sampled_from("ABCDEFGHIJKLMNO")
STREAM = st.lists(st.tuples(st.sampled_from("123"), PRODUCTS), max_size=60)


def learned(gains: Gains, now: int = 0, old: dict[str, Standing] | None = None) -> dict[str, Standing]:
    return (old or {}) | gains.put_to(old or {}, now)


def taken(visits: Visits, kind: Kind = Kind.VIEWED, names: dict[str, str] | None = None) -> Gains:
    """What waits, learned from; every product under its own name unless ``names`` says otherwise."""
    gains = Gains()
    for _, visit in visits.take(10_000):
        steps = visit.steps.get(kind)
        if steps:
            own = {product: product for product in steps.waiting}
            for product, before in steps.learn(own if names is None else names):
                gains.add(product, before)
    return gains


def by_brute_force(stream: list[tuple[str, str]]) -> tuple[Counter[str], Counter[tuple[str, str]]]:
    """Visits of each product, and of each ordered pair, with all that a visitor did at hand at once."""
    seen: dict[str, list[str]] = defaultdict(list)
    for visitor, product in stream:
        if product not in seen[visitor][-REACH:]:
            seen[visitor].append(product)
    single, pairs = Counter[str](), Counter[tuple[str, str]]()
    for products in seen.values():
        single.update(products)
        for i, one in enumerate(products):
            for other in products[max(0, i - REACH) : i]:
                pairs[one, other] += 1
                pairs[other, one] += 1
    return single, pairs


@given(STREAM, st.lists(st.integers(0, 60), max_size=5))
def test_whenever_it_is_learned_from_it_comes_to_the_same(stream: list[tuple[str, str]], breaks: list[int]) -> None:
    visits, standings = Visits(), dict[str, Standing]()
    for place, (visitor, product) in enumerate(stream):
        visits.hear(Kind.VIEWED, 0, "acme", visitor, [product])
        if place in breaks or place % MOST_WAITING == 0:
            standings = learned(taken(visits), 0, standings)
    standings = learned(taken(visits), 0, standings)
    single, pairs = by_brute_force(stream)
    assert {product: standing.visits for product, standing in standings.items()} == single
    assert {
        (product, other): partner[0]
        for product, standing in standings.items()
        for other, partner in standing.partners.items()
    } == pairs


@given(STREAM)
def test_together_is_never_more_often_than_alone(stream: list[tuple[str, str]]) -> None:
    visits = Visits()
    for visitor, product in stream:
        visits.hear(Kind.VIEWED, 0, "acme", visitor, [product])
    for product, standing in learned(taken(visits)).items():
        assert product not in standing.partners
        ranked = [score(partner) for partner in standing.partners.values()]
        assert ranked == sorted(ranked, reverse=True)


def both(times: int = 1) -> Gains:
    gains = Gains()
    for _ in range(times):
        gains.add("a", ())
        gains.add("b", ("a",))
    return gains


@given(st.floats(0.01, 10), st.integers(1, 9))
def test_all_that_counts_is_halved_by_the_half_life(lives: float, times: int) -> None:
    later = int(lives * HALF_LIFE_S)
    old = learned(both(times))
    new = learned(both(), later, old)["a"]
    left = 0.5 ** (later / HALF_LIFE_S)
    assert new.at == later
    assert math.isclose(new.visits, times * left + 1)
    assert math.isclose(new.partners["b"][0], times * left + 1)


def test_fading_in_steps_is_fading_at_once_and_never_grows() -> None:
    assert fading(0, HALF_LIFE_S) == 0.5
    assert math.isclose(fading(0, 1_000) * fading(1_000, 90_000), fading(0, 90_000))
    assert fading(10, 5) == 1.0


def test_partners_are_bounded_and_those_that_come_again_stay() -> None:
    standings = dict[str, Standing]()
    for day in range(100):
        gains = Gains()
        gains.add("a", ())
        gains.add("often", ("a",))
        gains.add(f"once-{day}", ("a",))
        gains.add(f"too-{day}", ("a",))
        standings = learned(gains, day * 86_400, standings)
        assert len(standings["a"].partners) <= KEPT
    assert next(iter(standings["a"].partners)) == "often"
    assert "once-99" in standings["a"].partners


def test_what_goes_with_everything_stands_behind_what_goes_with_this() -> None:
    gains = Gains()
    for number in range(50):
        gains.add(f"x{number}", ())
        gains.add("hit", (f"x{number}",))
    for _ in range(6):
        gains.add("shoe", ())
        gains.add("hit", ("shoe",))
    for _ in range(4):
        gains.add("shoe", ())
        gains.add("laces", ("shoe",))
    assert list(learned(gains)["shoe"].partners) == ["laces", "hit"]


def test_one_coincidence_stands_behind_what_came_again() -> None:
    gains = Gains()
    gains.add("shoe", ())
    gains.add("chance", ("shoe",))
    for _ in range(3):
        gains.add("shoe", ())
        gains.add("socks", ("shoe",))
    for _ in range(6):
        gains.add("socks", ())
    assert list(learned(gains)["shoe"].partners) == ["socks", "chance"]


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 86_400)), max_size=200))
def test_the_most_popular_are_the_same_as_of_all(gained: list[tuple[int, int]]) -> None:
    """Only products that gain are told to it, and the order is as if all were looked at."""
    popular, exact, now = Popular(), dict[str, tuple[int, float]](), 0
    for number, later in gained:
        now += later
        product = f"p{number}"
        since, visits = exact.get(product, (now, 0.0))
        exact[product] = (now, visits * fading(since, now) + 1)
        popular = more_popular(popular, {product: exact[product][1]}, now)
    counts = {product: visits * fading(since, now) for product, (since, visits) in exact.items()}
    expected = sorted(counts.values(), reverse=True)[:MOST_POPULAR]
    assert len(popular.visits) <= MOST_POPULAR
    assert list(popular.visits.values()) == pytest.approx(expected)
    for product, visits in popular.visits.items():
        assert visits == pytest.approx(counts[product])


def test_sizes_of_one_shoe_are_one_product_and_strangers_none() -> None:
    visits = Visits()
    visits.hear(Kind.VIEWED, 0, "acme", "1", ["shoe-42", "made up", "shoe-43", "socks"])
    gains = taken(visits, names={"shoe-42": "shoe", "shoe-43": "shoe", "socks": "socks"})
    assert gains.visits == {"shoe": 1, "socks": 1}
    assert gains.together == {"shoe": {"socks": 1}, "socks": {"shoe": 1}}


def test_a_long_pause_another_shop_and_another_kind_are_another_visit() -> None:
    visits = Visits()
    visits.hear(Kind.VIEWED, 0, "acme", "1", ["a"])
    taken(visits)
    visits.hear(Kind.VIEWED, PAUSE_S, "acme", "1", ["b"])
    assert taken(visits).together == {"b": {"a": 1}, "a": {"b": 1}}
    visits.hear(Kind.VIEWED, 2 * PAUSE_S + 1, "acme", "1", ["c"])
    visits.hear(Kind.VIEWED, 2 * PAUSE_S + 1, "boots", "1", ["d"])
    visits.hear(Kind.BOUGHT, 2 * PAUSE_S + 1, "acme", "1", ["e"])
    assert taken(visits).together == {"c": {}, "d": {}}


def test_visits_are_bounded_whatever_comes() -> None:
    visits = Visits(most=100, most_characters=10_000)
    for number in range(1_000):
        visits.hear(Kind.VIEWED, 0, "acme", str(number), [f"p{number}"])
    assert len(visits) == visits.waiting == 100
    for number in range(1_000):
        visits.hear(Kind.VIEWED, 0, "acme", str(number % 50), ["x" * 240])
    assert visits.waiting < 50
    for _ in range(1_000):
        visits.hear(Kind.VIEWED, 0, "acme", "1", ["y"])
    (visit,) = [visit for _, visit in visits.take(1_000) if visit.steps[Kind.VIEWED].waiting[-1] == "y"]
    assert visit.steps[Kind.VIEWED].waiting == ["y"] * MOST_WAITING


def test_nobody_is_not_remembered() -> None:
    visits = Visits()
    visits.hear(Kind.BOUGHT, 0, "acme", "", ["a", "b"])
    visits.hear(Kind.BOUGHT, 0, "acme", "", ["c"])
    assert taken(visits, Kind.BOUGHT).together == {"a": {"b": 1}, "b": {"a": 1}, "c": {}}
    assert len(visits) == 0
    visits.hear(Kind.VIEWED, 0, "acme", "tagged", ["a"])
    taken(visits)
    assert len(visits) == 1


def test_the_longest_waiting_is_first() -> None:
    visits = Visits()
    for visitor in "123":
        visits.hear(Kind.VIEWED, 0, "acme", visitor, ["a"])
    visits.hear(Kind.VIEWED, 1, "acme", "1", ["b"])
    (first,) = visits.take(1)
    assert first[1].steps[Kind.VIEWED].waiting == ["a", "b"]
    assert visits.waiting == 2


@pytest.mark.skipif(not SESSIONS.is_file(), reason=f"no clickstream in {SESSIONS}")
def test_real_sessions() -> None:
    """In the order of their times, from many visitors at once; against brute force."""
    lines = [json.loads(line) for line in SESSIONS.read_text("utf-8").splitlines()]
    events = sorted(
        (event["ts"] // 1_000, str(line["session"]), str(event["aid"]))
        for line in lines
        for event in line["events"]
        if event["type"] != "orders"
    )
    visits, standings = Visits(), dict[str, Standing]()
    visitors: dict[str, tuple[int, int]] = {}
    stream = []
    for number, (at, session, product) in enumerate(events):
        last, visit = visitors.get(session, (at, 0))
        visitors[session] = (at, visit + (at - last > PAUSE_S))
        stream.append((f"{session}/{visitors[session][1]}", product))
        visits.hear(Kind.VIEWED, at, "acme", session, [product])
        if number % 7 == 0:
            standings = learned(taken(visits), 0, standings)
    standings = learned(taken(visits), 0, standings)
    single, pairs = by_brute_force(stream)
    assert len(single) > 400
    assert {product: standing.visits for product, standing in standings.items()} == single
    for product, standing in standings.items():
        mine = {other: count for (one, other), count in pairs.items() if one == product}
        if len(mine) <= KEPT:
            assert {other: partner[0] for other, partner in standing.partners.items()} == mine


def test_half_of_what_is_told_belongs_together_where_a_third_of_all_views_is_chance() -> None:
    """Made-up visits with a truth that is known: 20 themes of 20 products each, some products wanted by everybody."""
    dice = random.Random(7)
    gains = Gains()
    for _ in range(2_000):
        theme, before = dice.randrange(20), list[str]()
        for _ in range(6):
            hit = dice.random() < 0.33
            product = f"0-{dice.randrange(10)}" if hit else f"{theme}-{dice.randrange(20)}"
            if product not in before:
                gains.add(product, before[-REACH:])
                before.append(product)
    standings = learned(gains)
    ordinary = [(product, standing) for product, standing in standings.items() if not product.startswith("0-")]
    shares = [
        sum(other.split("-")[0] == product.split("-")[0] for other in list(standing.partners)[:10]) / 10
        for product, standing in ordinary
    ]
    by_count = [
        sum(
            other.split("-")[0] == product.split("-")[0]
            for _, other in sorted((-together, other) for other, (together, _) in standing.partners.items())[:10]
        )
        / 10
        for product, standing in ordinary
    ]
    assert sum(shares) / len(shares) > 0.9
    assert sum(shares) > sum(by_count)
