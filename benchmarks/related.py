"""How well rankings of related products tell what comes next: ``python -m benchmarks.related [SESSIONS.jsonl]``.

Made-up visits with a truth that is known: each product belongs to one of 100 themes, popularity follows Zipf's law, and
a share of all views is chance. A file of real sessions has lines like ``{"events": [{"aid": 1, "ts": 1659304800025}]}``
with times in milliseconds; each session in turn is asked about, learned from all others.
"""

import json
import math
import random
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from adserver.audience.affinity import Gains, score
from adserver.audience.visits import PAUSE_S, REACH

PRODUCTS, THEMES, TOLD = 2_000, 100, 20

Visit = Sequence[str]
Ranking = Callable[[float, float, float, float], float]
"""Visits with both products, with the one, with the other, and all together -> how much they belong together."""


def likelihood_ratio(both: float, one: float, other: float, total: float) -> float:
    """Dunning's, for what comes together more often than by chance."""
    if both * total <= one * other:
        return 0.0

    def entropy(*counts: float) -> float:
        return sum(count * math.log(count / sum(counts)) for count in counts if count > 0)

    rest, neither = (max(0.0, one - both), max(0.0, other - both)), max(0.0, total - one - other + both)
    rows, columns = entropy(both + rest[0], rest[1] + neither), entropy(both + rest[1], rest[0] + neither)
    return 2 * (entropy(both, *rest, neither) - rows - columns)


RANKINGS: dict[str, Ranking] = {
    "plain count": lambda both, one, other, total: both,
    "cosine": lambda both, one, other, total: both / math.sqrt(one * other),
    "log-likelihood ratio": likelihood_ratio,
    "count / visits": lambda both, one, other, total: both / other,
    "ours": lambda both, one, other, total: score((both, other)),
}


def made_up(dice: random.Random, visits: int, chance: float) -> list[Visit]:
    """Products are numbers, the most wanted first."""
    popularity = [1 / (rank + 1) ** 0.9 for rank in range(PRODUCTS)]
    themes = [[number for number in range(PRODUCTS) if theme_of(str(number)) == theme] for theme in range(THEMES)]
    weights = [[popularity[number] for number in theme] for theme in themes]
    totals = [sum(weight) for weight in weights]
    made: list[Visit] = []
    for _ in range(visits):
        theme, visit = dice.choices(range(THEMES), totals)[0], list[str]()
        for _ in range(1 + min(40, int(dice.expovariate(1 / 6)))):
            if dice.random() < 0.05:
                theme = dice.choices(range(THEMES), totals)[0]
            by_chance = dice.random() < chance
            pool, weight = (range(PRODUCTS), popularity) if by_chance else (themes[theme], weights[theme])
            visit.append(str(dice.choices(pool, weight)[0]))
        made.append(visit)
    return made


def theme_of(product: str) -> int:
    """The same in each run."""
    return int(product) * 7_919 % 2_003 % THEMES


def learned(visits: Iterable[Visit]) -> Gains:
    """As the background worker does, without bounds and fading."""
    gains = Gains()
    for visit in visits:
        last: list[str] = []
        for product in visit:
            if product not in last[-REACH:]:
                gains.add(product, last[-REACH:])
                last.append(product)
    return gains


def told(gains: Gains, ranking: Ranking) -> dict[str, list[str]]:
    """The best partners of each product."""
    total, visits = float(sum(gains.visits.values())), gains.visits
    return {
        product: sorted(
            partners, key=lambda other: (-ranking(partners[other], visits[product], visits[other], total), other)
        )[:TOLD]
        for product, partners in gains.together.items()
    }


def found(lists: dict[str, list[str]], visits: Iterable[Visit]) -> tuple[int, int]:
    """How often the next product was told, of how many times."""
    steps = [(one, other) for visit in visits for one, other in pairwise(visit) if one != other]
    return sum(other in lists.get(one, ()) for one, other in steps), len(steps)


def sessions_of(path: Path) -> list[list[Visit]]:
    """Of each session its visits, by our own pause."""
    sessions: list[list[Visit]] = []
    for line in path.read_text("utf-8").splitlines():
        visits: list[list[str]] = [[]]
        last = None
        for event in json.loads(line)["events"]:
            if last is not None and event["ts"] - last > PAUSE_S * 1_000:
                visits.append([])
            visits[-1].append(str(event["aid"]))
            last = event["ts"]
        sessions.append([*visits])
    return sessions


def main() -> None:
    """Print the numbers."""
    for count, chance in ((4_000, 0.25), (20_000, 0.5)):
        dice = random.Random(1)
        visits = made_up(dice, count + 1_000, chance)
        gains = learned(visits[:count])
        print(f"{count} made-up visits, {chance:.0%} of all views by chance")
        for name, ranking in RANKINGS.items():
            lists = told(gains, ranking)
            hits, of = found(lists, visits[count:])
            weights = {product: times for product, times in gains.visits.items() if times >= 3 and lists[product]}
            fitting = sum(
                times * sum(theme_of(o) == theme_of(product) for o in lists[product][:10]) / len(lists[product][:10])
                for product, times in weights.items()
            ) / sum(weights.values())
            named = len(set().union(*lists.values()))
            print(f"  {name:22} recall {hits / of:.3f}  fitting {fitting:.2f}  told {named}")
    if len(sys.argv) > 1:
        sessions = sessions_of(Path(sys.argv[1]))
        print(f"{len(sessions)} sessions of {sys.argv[1]}, each asked about in turn")
        for name, ranking in RANKINGS.items():
            rounds = [
                found(told(learned(v for other in sessions if other is not mine for v in other), ranking), mine)
                for mine in sessions
            ]
            print(f"  {name:22} {sum(hits for hits, _ in rounds)} of {sum(of for _, of in rounds)}")


if __name__ == "__main__":
    main()
