"""The hot path and the pools on a real cluster: slots that move, nodes that die, nodes that come back."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, cast

import pytest

from adserver.model.budget import Ledger, Terms
from adserver.model.product import Product
from adserver.model.profile import EPOCH, Window
from adserver.storage.interfaces import StoreTimeout, StoreUnavailable
from adserver.storage.valkey import keys
from adserver.storage.valkey.budgets import ValkeyBudgets
from adserver.storage.valkey.catalogs import ValkeyCatalogs
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.hot import HotValkey
from adserver.storage.valkey.ledgers import ValkeyLedgers
from adserver.storage.valkey.library import Library
from adserver.storage.valkey.mode import detect
from adserver.storage.valkey.profile_codec import profile_of
from adserver.storage.valkey.route import route_to
from tests.contract.claims_race import race
from tests.contract.writers import DEADLINE_S, STREAM, Keeping, Writers

if TYPE_CHECKING:
    from tests.contract.cluster import LiveCluster, Node

pytest_plugins = ["tests.contract.cluster"]
pytestmark = pytest.mark.anyio

TAGS = [f"tag{number}" for number in range(24)]
SLACK_S = 0.5
"""What a busy machine may add to a deadline."""


@asynccontextmanager
async def hot_to(url: str, *, replicas: int = 0, up: bool = True) -> AsyncIterator[HotValkey]:
    hot = HotValkey(route_to(url, Keeping(), replicas=replicas), Keeping())
    try:
        if up:
            await hot.up()
        yield hot
    finally:
        await hot.close()


async def eventually(true: Callable[[], bool], within_s: float = 10.0) -> None:
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110  other processes have no event
            await asyncio.sleep(0.01)


async def never_up(hot: HotValkey, why: str) -> None:
    waiting = asyncio.ensure_future(hot.up())
    await eventually(lambda: why in hot.trouble)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def answered(hot: HotValkey, command: str, key: str) -> object:
    """The answer as soon as there is one."""
    async with asyncio.timeout(10.0):
        while True:
            try:
                return await hot.command(command, key)
            except StoreUnavailable:
                await asyncio.sleep(0.01)


def empty(cluster: "LiveCluster") -> None:
    cluster.settled()
    for primary in cluster.primaries():
        primary.client.flushall()
        primary.client.function_flush("SYNC")
        primary.client.config_resetstat()


async def written_to_all_slots(hot: HotValkey) -> list[object]:
    return await asyncio.gather(*[hot.call("keep", f"u:{{{tag}}}", "x") for tag in TAGS])


async def test_every_key_is_found_by_way_of_any_node(cluster: "LiveCluster") -> None:
    empty(cluster)
    for node in (cluster.nodes[0], cluster.nodes[5]):
        async with hot_to(node.url) as hot:
            assert await written_to_all_slots(hot) == [b"x"] * len(TAGS)
            assert hot.trouble == ""
    assert sum(primary.ask("DBSIZE") for primary in cluster.primaries()) == len(TAGS)
    assert sum(node.said("MOVED") for node in cluster.nodes) == 0


async def test_a_library_that_was_dropped_is_loaded_where_the_key_is(cluster: "LiveCluster") -> None:
    empty(cluster)
    async with hot_to(cluster.nodes[0].url) as hot:
        for primary in cluster.primaries():
            primary.client.function_flush("SYNC")
        assert await written_to_all_slots(hot) == [b"x"] * len(TAGS)


async def test_a_slot_that_moved_costs_one_redirect(cluster: "LiveCluster") -> None:
    empty(cluster)
    slot = cluster.slot("u:{tag0}")
    source = cluster.primary_of(slot)
    target = next(node for node in cluster.primaries() if node is not source)
    async with hot_to(cluster.nodes[0].url) as hot:
        await asyncio.to_thread(cluster.move, slot, target)
        for _ in range(10):
            assert await hot.call("keep", "u:{tag0}", "x") == b"x"
        assert source.said("MOVED") == 1
        assert await hot.call("keep", ("u:{tag0}", "b:{tag0}"), "y") == b"y"


async def test_two_keys_of_a_slot_that_moves_wait_until_both_are_there(cluster: "LiveCluster") -> None:
    empty(cluster)
    slot = cluster.slot("a:{tag1}")
    source = cluster.primary_of(slot)
    target = next(node for node in cluster.primaries() if node is not source)
    loop = asyncio.get_running_loop()
    calls: list[asyncio.Task[object]] = []
    async with hot_to(cluster.nodes[0].url) as hot:
        await hot.call("keep", ("a:{tag1}", "b:{tag1}"), "x")

        def torn() -> None:
            source.ask("MIGRATE", "127.0.0.1", target.port, "a:{tag1}", 0, 5_000)
            loop.call_soon_threadsafe(
                lambda: calls.append(asyncio.ensure_future(hot.call("keep", ("a:{tag1}", "b:{tag1}"), "y")))
            )
            deadline = time.monotonic() + 10
            while source.said("TRYAGAIN") + target.said("TRYAGAIN") < 2 and time.monotonic() < deadline:
                time.sleep(0.01)

        await asyncio.to_thread(cluster.move, slot, target, between=torn)
        assert await calls[0] == b"y"
        assert source.said("TRYAGAIN") + target.said("TRYAGAIN") >= 2
        assert await hot.command("HKEYS", "b:{tag1}") == [b"x", b"y"]


async def test_new_keys_of_a_slot_that_moves_do_not_wait(cluster: "LiveCluster") -> None:
    empty(cluster)
    slot = cluster.slot("u:{tag2}")
    source = cluster.primary_of(slot)
    target = next(node for node in cluster.primaries() if node is not source)
    loop = asyncio.get_running_loop()
    replies: list[object] = []
    async with hot_to(cluster.nodes[0].url) as hot:

        async def a_hundred() -> None:
            # Calls on other slots of both nodes between them: no ASKING may be taken for another call's.
            ask = [hot.call("keep", f"u{number}:{{tag2}}", "x") for number in range(100)]
            replies.extend(await asyncio.gather(*ask, *[hot.call("keep", f"u:{{{tag}}}", "x") for tag in TAGS[3:]]))

        def while_moving() -> None:
            asyncio.run_coroutine_threadsafe(a_hundred(), loop).result(10.0)

        await asyncio.to_thread(cluster.move, slot, target, between=while_moving)
        assert replies == [b"x"] * (100 + len(TAGS[3:]))
        assert (source.said("ASK"), target.said("MOVED")) == (100, 0)


async def test_slots_move_under_load_and_nothing_is_refused_or_lost(cluster: "LiveCluster") -> None:
    empty(cluster)
    async with hot_to(cluster.nodes[0].url) as hot:
        writers = Writers(hot, TAGS[:6])
        writers.start()
        for key in (STREAM, *(f"u:{{{tag}}}" for tag in writers.tags)):
            slot = cluster.slot(key)
            source = cluster.primary_of(slot)
            target = next(node for node in cluster.primaries() if node is not source)
            asked = source.said("ASK")

            def asks(source: "Node" = source, asked: int = asked, wanted: int = int(key != STREAM)) -> None:
                deadline = time.monotonic() + 10
                while source.said("ASK") < asked + wanted and time.monotonic() < deadline:
                    time.sleep(0.01)

            await asyncio.to_thread(cluster.move, slot, target, between=asks)
            await writers.answers_again(5.0)
        await writers.stop()
        assert writers.refused == []
        assert sum(node.said("ASK") for node in cluster.nodes) >= len(writers.tags)
        assert sum(node.said("MOVED") for node in cluster.nodes) >= len(writers.tags)
        assert await writers.lost() == []
        assert writers.count > 1_000


async def test_a_planned_failover_refuses_nothing(cluster: "LiveCluster") -> None:
    empty(cluster)
    slot = cluster.slot(STREAM)
    before, after = cluster.primary_of(slot), cluster.replica_of(slot)
    async with hot_to(cluster.nodes[0].url) as hot:
        writers = Writers(hot, TAGS)
        writers.start()
        await writers.answers_again(10.0)
        after.ask("CLUSTER", "FAILOVER")
        await eventually(lambda: before.info("replication")["role"] == "slave")
        await asyncio.to_thread(cluster.settled)
        await writers.answers_again(10.0)
        await writers.stop()
        assert writers.refused == []
        assert await writers.lost() == []


@pytest.mark.parametrize("replicas", [1, pytest.param(0, marks=pytest.mark.long)])
async def test_a_primary_dies_under_load(cluster: "LiveCluster", replicas: int) -> None:
    empty(cluster)
    slot = cluster.slot(STREAM)
    victim = cluster.primary_of(slot)
    witness = next(node for node in cluster.nodes if node is not victim)
    async with hot_to(witness.url, replicas=replicas) as hot:
        writers = Writers(hot, TAGS)
        writers.start()
        await writers.answers_again(10.0)
        before = writers.count
        died = time.monotonic()
        await asyncio.to_thread(victim.kill)
        await eventually(lambda: cluster.primary_of(slot) is not victim)
        if replicas:
            # The new primary has no replica yet: what it can not give to two it does not answer.
            victim.spawn()
        again = await writers.answers_again(15.0) + time.monotonic() - died
        if not replicas:
            assert again < 5.0
            victim.spawn()
        await asyncio.to_thread(cluster.settled)
        assert victim.info("replication")["role"] == "slave"
        await writers.answers_again(10.0)
        await writers.stop()

        lost = await writers.lost()
        ambiguous = sum(error.ambiguous for error, _ in writers.refused)
        print(
            f"{writers.count} answered, {len(writers.refused)} refused ({ambiguous} ambiguous), {len(lost)} lost"
            f" up to {died - min(lost, default=died):.3f} s before; again after {again:.1f} s"
        )
        assert writers.count > before > 0
        assert writers.refused, "nobody noticed"
        assert max(took for _, took in writers.refused) < DEADLINE_S + SLACK_S
        if replicas:
            assert lost == []
        assert all(died - when < 1.0 for when in lost), "more than what was not replicated yet is gone"


@pytest.mark.parametrize("replicas", [1, pytest.param(0, marks=pytest.mark.long)])
async def test_a_primary_dies_before_its_replica_has_everything(cluster: "LiveCluster", replicas: int) -> None:
    empty(cluster)
    slot = cluster.slot("u:{tag0}")
    victim, replica = cluster.primary_of(slot), cluster.replica_of(slot)
    big = b"x" * 512 * 1024  # so many of them do not fit between two sockets
    async with hot_to(victim.url, replicas=replicas) as hot:
        os.kill(replica.pid, signal.SIGSTOP)
        writes = [hot.call("keep", "u:{tag0}", f"f{number}", big) for number in range(64)]
        answers = await asyncio.gather(*writes, return_exceptions=True)
        await asyncio.to_thread(victim.kill)
        os.kill(replica.pid, signal.SIGCONT)
        await eventually(lambda: cluster.primary_of(slot) is replica)
        victim.spawn()
        await asyncio.to_thread(cluster.settled)
        kept = await answered(hot, "HKEYS", "u:{tag0}")
        assert isinstance(kept, list)
        lost = {f"f{n}".encode() for n, answer in enumerate(answers) if answer == b"f%d" % n} - set(kept)
        if replicas:
            assert all(isinstance(answer, StoreUnavailable) and answer.ambiguous for answer in answers)
            assert not lost
        else:
            assert answers == [b"f%d" % number for number in range(64)]
            assert lost, "this test would not notice a loss"


async def test_a_missing_replica_stops_no_reads_wherever_they_are_sent(cluster: "LiveCluster") -> None:
    empty(cluster)
    slot = cluster.slot("u:{tag0}")
    target = next(node for node in cluster.primaries() if node is not cluster.primary_of(slot))
    theirs = next(tag for tag in TAGS if cluster.primary_of(cluster.slot(tag)) is target)
    replica = cluster.replica_of(cluster.slot(theirs))
    loop = asyncio.get_running_loop()
    async with hot_to(target.url, replicas=1) as hot:
        assert await hot.call("keep", "u:{tag0}", "x") == b"x"
        replica.kill()
        with pytest.raises(StoreUnavailable, match="too few replicas"):
            await hot.call("keep", f"u:{{{theirs}}}", "x")

        def asked() -> None:
            new = asyncio.run_coroutine_threadsafe(hot.command("HKEYS", "new:{tag0}"), loop)
            assert new.result(10.0) == []

        await asyncio.to_thread(cluster.move, slot, target, between=asked)
        assert target.said("MOVED") == 0  # ASK was asked for
        assert await hot.command("HKEYS", "u:{tag0}") == [b"x"]
        assert await hot.command("HKEYS", f"u:{{{theirs}}}") == [b"x"]
        with pytest.raises(StoreUnavailable, match="too few replicas"):
            await hot.call("keep", "u:{tag0}", "y", deadline=loop.time() + 0.1)
        replica.spawn()
        await asyncio.to_thread(cluster.settled)
        await eventually_kept(hot, "u:{tag0}", "z")
        assert b"z" in cast("list[bytes]", await hot.command("HKEYS", "u:{tag0}"))


async def eventually_kept(hot: HotValkey, key: str, name: str) -> None:
    async with asyncio.timeout(10.0):
        while True:
            with suppress(StoreUnavailable):
                await hot.call("keep", key, name)
                return
            await asyncio.sleep(0.01)


@pytest.mark.long
async def test_a_primary_that_hangs_is_left(cluster: "LiveCluster") -> None:
    empty(cluster)
    slot = cluster.slot(STREAM)
    victim = cluster.primary_of(slot)
    async with hot_to(victim.url) as hot:
        writers = Writers(hot, TAGS)
        writers.start()
        await writers.answers_again(10.0)
        os.kill(victim.pid, signal.SIGSTOP)
        try:
            await writers.answers_again(10.0)
        finally:
            os.kill(victim.pid, signal.SIGCONT)
        await asyncio.to_thread(cluster.settled)
        await writers.answers_again(10.0)
        await writers.stop()
        assert any(isinstance(error, StoreTimeout) for error, _ in writers.refused)
        assert max(took for _, took in writers.refused) < DEADLINE_S + SLACK_S
        assert await writers.lost() == []


async def test_redis_py_finds_its_way_as_well(cluster: "LiveCluster") -> None:
    empty(cluster)
    valkey = Valkey(cluster.nodes[4].url)
    try:
        await valkey.ping()
        await valkey.load_functions()
        for primary in cluster.primaries():
            assert valkey.version in str(primary.ask("FUNCTION", "LIST"))
        for ref in range(12):
            async with valkey.redis.pipeline(transaction=True) as pipe:
                pipe.hset(f"catalog:{{{ref}}}:1", mapping={"a": b"1", "b": b"2"})
                pipe.expire(f"catalog:{{{ref}}}:1", 60)
                assert await pipe.execute() == [2, True]
        found = [key async for key in valkey.redis.scan_iter(match="catalog:{*}:*", count=1_000)]
        assert sorted(found) == sorted(f"catalog:{{{ref}}}:1".encode() for ref in range(12))
        assert [await valkey.redis.ttl(key) for key in found] == [60] * 12
        assert await valkey.redis.hmget("catalog:{3}:1", ["b", "c"]) == [b"2", None]
        catalogs = ValkeyCatalogs(valkey)
        writer = await catalogs.begin(3)
        await writer.add(
            [Product(id="a", title="A", link="https://shop.test/a", image_link="", price=1, currency="EUR")]
        )
        assert await writer.swap(unless_swapped_since=True)
        assert await catalogs.count(3) == 1
        running = await catalogs.begin(3)
        assert set(await running.current(["a", "b"])) == {"a"}
        await running.add([product := Product("a", "New", "https://shop.test/a", "", 1, "EUR", item_group_id="g")])
        assert await catalogs.patch(3, "a", lambda one: one._replace(price=2)) is not None
        assert await catalogs.touch(3, 1_790_000_000)
        assert await running.swap(unless_swapped_since=True)
        assert await (await catalogs.begin(3)).current(["a"]) == {"a": product._replace(price=2)}
        await catalogs.tidy([3])
        assert "valkey_version" in await valkey.redis.info()
    finally:
        await valkey.close()


async def test_redis_py_goes_on_when_a_slot_has_moved(cluster: "LiveCluster") -> None:
    empty(cluster)
    slot = cluster.slot("catalog:{7}:1")
    target = next(node for node in cluster.primaries() if node is not cluster.primary_of(slot))
    valkey = Valkey(cluster.nodes[0].url)
    try:
        await valkey.redis.hset("catalog:{7}:1", "a", "1")
        await asyncio.to_thread(cluster.move, slot, target)
        async with valkey.redis.pipeline(transaction=True) as pipe:
            pipe.hset("catalog:{7}:1", "b", "2")
            pipe.expire("catalog:{7}:1", 60)
            await pipe.execute()
        assert await valkey.redis.hkeys("catalog:{7}:1") == [b"a", b"b"]
    finally:
        await valkey.close()


async def test_any_node_tells_that_it_is_one_of_a_cluster(cluster: "LiveCluster") -> None:
    assert [await detect(node.url) for node in cluster.nodes] == [True] * 6


async def test_the_password_of_the_url_opens_all_nodes(cluster: "LiveCluster") -> None:
    empty(cluster)
    secret = "s3cret-of-the-operator"
    try:
        for node in cluster.nodes:
            node.client.config_set("masterauth", secret)
            node.client.config_set("requirepass", secret)
        async with hot_to(cluster.nodes[0].url.replace("//", f"//:{secret}@")) as hot:
            assert await written_to_all_slots(hot) == [b"x"] * len(TAGS)
        async with hot_to(cluster.nodes[0].url, up=False) as hot:
            await never_up(hot, "refused the user name or password")
    finally:
        for node in cluster.nodes:
            node.client.auth(secret)
            node.client.config_set("requirepass", "")


async def test_a_database_of_a_cluster_is_refused(cluster: "LiveCluster") -> None:
    async with hot_to(f"{cluster.nodes[0].url}/3", up=False) as hot:
        await never_up(hot, "no database but 0")
    valkey = Valkey(f"{cluster.nodes[0].url}/3")
    with pytest.raises(StoreUnavailable, match="no database but 0"):
        await valkey.ping()
    await valkey.close()


async def test_the_oldest_redis_has_clusters_too(old_cluster: "LiveCluster") -> None:
    slot = old_cluster.slot("u:{tag0}")
    target = next(node for node in old_cluster.nodes if node is not old_cluster.primary_of(slot))
    async with hot_to(old_cluster.nodes[1].url) as hot:
        assert await written_to_all_slots(hot) == [b"x"] * len(TAGS)
        await asyncio.to_thread(old_cluster.move, slot, target)
        assert await written_to_all_slots(hot) == [b"x"] * len(TAGS)


@pytest.mark.parametrize("servers", ["cluster", "old_cluster"])
async def test_a_budget_holds_while_its_slot_moves(servers: str, request: pytest.FixtureRequest) -> None:
    live = cast("LiveCluster", request.getfixturevalue(servers))
    refs, limit, price = range(100, 103), 200, 4_000
    terms = Terms(limit * price, None, 739_000, 1.0, price)
    valkey = Valkey(live.nodes[0].url)
    ledgers = ValkeyLedgers(valkey)

    async def work(budgets: ValkeyBudgets, ref: int, worker: int) -> int:
        lease, billed, misses = f"{ref}.{worker}", 0, 0
        while misses < 3:
            lent = await budgets.lease(lease, terms, 10 * price, 1_000, 2_000)
            billed += sum([await budgets.spend(lease, price, 1_000) for _ in range(lent.micros // price)])
            misses = 0 if lent.micros else misses + 1
        return billed // price

    library = Library()
    async with AsyncExitStack() as stack:
        hots = [HotValkey(route_to(live.nodes[n].url, library, replicas=0), library) for n in range(3)]
        for hot in hots:
            stack.push_async_callback(hot.close)
            await hot.up()
        for ref in refs:
            assert await ledgers.seed(ref, 0, 739_000, 0, 0)
        works = [work(ValkeyBudgets(hot), ref, n) for n, hot in enumerate(hots) for ref in refs]
        slot = live.slot(keys.budget(101))
        target = next(node for node in live.primaries() if node is not live.primary_of(slot))
        *billed, _ = await asyncio.gather(*works, asyncio.to_thread(live.move, slot, target))
        spent = [await ledgers.read(ref, 739_000, 1_000) for ref in refs]
        await valkey.close()
    assert sum(filter(None, billed)) == limit * len(refs)
    assert spent == [Ledger(limit * price, 0, limit * price, 0, 0)] * len(refs)


async def test_nobody_decides_before_somebody_answers(lonely_node: "Node") -> None:
    valkey = Valkey(lonely_node.url)
    async with hot_to(lonely_node.url, up=False) as hot:
        with pytest.raises(StoreUnavailable):
            await hot.up()
        with pytest.raises(StoreUnavailable):
            await valkey.ping()
        assert "did not answer" in hot.trouble
        with pytest.raises(StoreUnavailable):
            await hot.call("keep", "k", "x")
        lonely_node.start(clustered=False)
        await eventually(lambda: not hot.trouble)
        assert await hot.call("keep", "k", "x") == b"x"
        await valkey.ping()
        assert await detect(lonely_node.url) is False
    await valkey.close()


async def test_the_caps_of_a_visitor_hold_while_the_slot_moves(cluster: "LiveCluster") -> None:
    empty(cluster)
    visitor = "annaannaannaannaannaan"
    key = f"u:{{{visitor}}}"
    slot = cluster.slot(key)
    target = next(node for node in cluster.primaries() if node is not cluster.primary_of(slot))
    won = await asyncio.to_thread(race, cluster.nodes[0].url, visitor, lambda: cluster.move(slot, target))
    assert sum(won) == 5
    assert cluster.primary_of(slot) is target
    began = 1_790_000_000 - EPOCH
    found = cast("dict[bytes, bytes]", target.client.hgetall(key))
    profile = profile_of([part for pair in found.items() for part in pair])
    assert profile.frequency["gsummer"] == (Window(3_600, began, 5), Window(86_400, began, 5))


async def test_two_hundred_at_once_get_five_on_a_cluster(cluster: "LiveCluster") -> None:
    empty(cluster)
    assert sum(await asyncio.to_thread(race, cluster.nodes[5].url, "by-way-of-another-node")) == 5
