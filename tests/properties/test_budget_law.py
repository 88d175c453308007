"""Whatever workers do and whichever of them die: what is spent and what is held never pass a limit, to the micro."""

import asyncio
from collections.abc import Iterator
from typing import NamedTuple, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adserver.model.budget import Terms
from adserver.storage.valkey import keys
from adserver.storage.valkey.address import address_of
from adserver.storage.valkey.budgets import ValkeyBudgets
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.hot import HotValkey, OneNode, greeting
from adserver.storage.valkey.ledgers import ValkeyLedgers
from adserver.storage.valkey.library import Library
from adserver.storage.valkey.link import Link

pytest_plugins = ["tests.contract.valkey_server"]

NOW, DAY, DAY_S = 1_790_000_000, 739_000, 600
LIFE_S = 1_000

LEASES = st.sampled_from([f"7.{name}" for name in "abc"])
PRICES = st.sampled_from([1, 3, 400, 4_000])
STEPS = st.one_of(
    st.tuples(st.just("lease"), LEASES, st.integers(1, 100_000), PRICES, st.floats(0, 1)),
    st.tuples(st.just("lease"), LEASES, st.just(100_000), PRICES, st.just(1.0)),
    st.tuples(st.just("spend"), LEASES, PRICES),
    st.tuples(st.just("spend"), LEASES, PRICES),
    st.tuples(st.just("click"), PRICES),
    st.tuples(st.just("back"), LEASES, st.integers(0, 100_000)),
    st.tuples(st.just("wait"), st.integers(1, 700)),
)
LIMITS = st.one_of(st.none(), st.sampled_from([0, 5, 9_000, 200_000]))


class Valkeys(NamedTuple):
    """A loop of its own, and both ways to the server."""

    runner: asyncio.Runner
    hot: HotValkey
    valkey: Valkey


@pytest.fixture(scope="module")
def valkeys(valkey_url: str) -> Iterator[Valkeys]:
    library = Library()
    with asyncio.Runner() as runner:
        hot = HotValkey(OneNode(Link(address_of(valkey_url), greeting=greeting(library))), library)
        valkey = Valkey(valkey_url)
        runner.run(hot.up())
        yield Valkeys(runner, hot, valkey)
        runner.run(hot.close())
        runner.run(valkey.close())


@given(total=LIMITS, daily=LIMITS, seeded=st.integers(0, 5_000), steps=st.lists(STEPS, min_size=20, max_size=60))
@settings(max_examples=120, deadline=None)
def test_no_limit_is_ever_passed(
    valkeys: Valkeys,
    total: int | None,
    daily: int | None,
    seeded: int,
    steps: list[tuple],  # type: ignore[type-arg]
) -> None:
    valkeys.runner.run(walk(valkeys, total, daily, seeded, steps))


async def walk(valkeys: Valkeys, total: int | None, daily: int | None, seeded: int, steps: list[tuple]) -> None:  # type: ignore[type-arg]
    budgets, ledgers = ValkeyBudgets(valkeys.hot), ValkeyLedgers(valkeys.valkey)
    await valkeys.valkey.redis.delete(keys.budget(7))
    await ledgers.seed(7, seeded, DAY, seeded // 2, NOW)
    now, billed = NOW, seeded
    for kind, *args in steps:
        day = DAY + (now - NOW) // DAY_S
        before = await raw(valkeys)
        if kind == "lease":
            lease, asked, price, share = args
            lent = await budgets.lease(lease, Terms(total, daily, day, share, price), asked, now, now + LIFE_S)
            assert lent.micros % price == 0
            assert lent.micros == 0 or lent.reason is None
        elif kind == "spend":
            billed += await budgets.spend(args[0], args[1], now)
        elif kind == "click":
            billed += await budgets.spend_click(7, Terms(total, daily, day, 1.0, args[0]))
        elif kind == "back":
            await budgets.give_back(*args)
        else:
            now += args[0]
        after = await raw(valkeys)
        holds(after, total, daily, seeded, day)
        assert after["s"] == billed
        if kind in ("spend", "back"):
            assert held(after) <= held(before)


async def raw(valkeys: Valkeys) -> dict[str, int | list[int]]:
    read = cast("dict[bytes, bytes]", await valkeys.valkey.redis.hgetall(keys.budget(7)))
    numbers = {name.decode(): list(map(int, value.split())) for name, value in read.items()}
    return {name: value if name[0] == "l" else value[0] for name, value in numbers.items()}


def held(ledger: dict[str, int | list[int]], day: int | None = None) -> int:
    leases = [value for name, value in ledger.items() if isinstance(value, list)]
    return sum(left for left, of, _ in leases if day is None or of == day)


def holds(ledger: dict[str, int | list[int]], total: int | None, daily: int | None, seeded: int, today: int) -> None:
    """The law, above what the ledger was seeded with; and that its sums are those of the leases. Those that have ended
    and were not swept yet are held as well."""
    assert ledger.get("h", 0) == held(ledger)
    assert all(value > 0 for name, value in ledger.items() if isinstance(value, list) for value in value[:1])
    if total is not None:
        assert ledger["s"] + held(ledger) <= max(total, seeded)  # type: ignore[operator]
    for day in range(today - 3, today + 1):
        assert ledger.get(f"h{day}", 0) == held(ledger, day)
        if daily is not None:
            spent = ledger.get(f"s{day}", 0)
            assert spent + held(ledger, day) <= max(daily, seeded // 2 if day == DAY else 0)  # type: ignore[operator]
