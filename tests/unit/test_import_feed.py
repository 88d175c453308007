"""Importing feeds with a real Valkey, database and archive: what is in use afterwards, and what is told."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from adserver.control import Control, open_control
from adserver.model.account import Accounts, Advertiser, Feed
from adserver.model.feed_import import Outcome
from adserver.model.product import Product
from adserver.service import import_feed, keep_feeds
from adserver.storage.feed_archive import ArchiveDamaged, FeedArchive
from adserver.storage.sql import migrate
from adserver.storage.sql.engine import open_engine, reading, writing
from adserver.storage.sql.feeds import KEPT
from adserver.storage.valkey.catalog_writer import ValkeyCatalogWriter
from adserver.storage.valkey.client import Valkey

pytest_plugins = ["tests.contract.valkey_server"]
pytestmark = pytest.mark.anyio

ACME = Advertiser(id="acme", name="Acme", domains=("shop.test",), currency="EUR", locale="de_DE")
HEAD = "id\ttitle\tlink\tprice\n"


def table(prices: Mapping[str, str]) -> str:
    rows = (f"{i}\tProduct {i}\thttps://shop.test/{i}\t{price}\n" for i, price in prices.items())
    return HEAD + "".join(rows)


def many(count: int, price: str = "10.00 EUR") -> dict[str, str]:
    return {f"P{number}": price for number in range(count)}


class World:
    """One shop with a feed in a file."""

    def __init__(self, control: Control, folder: Path) -> None:
        self.control = control
        self.path = folder / "feed.tsv"
        self.folder = folder
        self.advertiser = ACME
        self.feed = Feed(advertiser="acme", source=str(self.path))
        self.apply()

    def apply(self, **feed: Any) -> None:
        self.feed = replace(self.feed, **feed)
        wanted = Accounts(advertisers={"acme": self.advertiser}, feeds={"acme": self.feed})
        self.control.accounts.apply(lambda _: (wanted, Accounts()))
        self.advertiser = self.control.accounts.load()[1].advertisers["acme"]

    @property
    def ref(self) -> int:
        return self.advertiser.ref

    async def imports(self, content: str | None = None, **how: Any) -> import_feed.Imported:
        if content is not None:
            self.path.write_text(content, "utf-8")
        return await self.control.import_feed(self.advertiser, str(self.path), feed=self.feed, **how)

    async def products(self, *ids: str) -> Mapping[str, Product]:
        return await (await self.control.catalogs.begin(self.ref)).current(ids)

    async def swaps(self) -> tuple[bytes | None, ...]:
        redis: Any = self.control.valkey.redis
        return tuple(await redis.hmget("catalogs:{control}", "swaps", "latest"))

    async def checked_at(self) -> int:
        redis: Any = self.control.valkey.redis
        return int(await redis.hget("checked:{control}", str(self.ref)))

    async def lose_valkey(self) -> None:
        await self.control.valkey.redis.flushall()


@pytest.fixture
async def world(valkey: Valkey, valkey_url: str, tmp_path: Path) -> AsyncIterator[World]:
    url = f"sqlite:///{tmp_path / 'adserver.db'}"
    engine = open_engine(url)
    migrate.upgrade(engine)
    engine.dispose()
    async with open_control(
        url, valkey_url, fetch_allow="127.0.0.1:*", feed_archive=str(tmp_path / "feeds")
    ) as control:
        yield World(control, tmp_path)


async def test_an_import_is_in_use_and_noted(world: World) -> None:
    imported = await world.imports(table({"A": "10.00 EUR", "B": "20.00 EUR", "C": "on request"}))
    assert (imported.outcome, imported.reason) == (Outcome.IMPORTED, "")
    assert (await world.products("A", "B", "C")).keys() == {"A", "B"}
    in_use = world.control.feeds.in_use(world.ref)
    assert in_use is not None
    assert (in_use.products, in_use.source, in_use.format) == (2, str(world.path), import_feed.CATALOG_FORMAT)
    (noted,) = world.control.feeds.imports(world.ref)
    assert (noted.number, noted.outcome, noted.reason) == (imported.number, Outcome.IMPORTED, "")
    assert noted.report == imported.report
    assert noted.report["bytes"] == world.path.stat().st_size
    assert (noted.report["products"], noted.report["left_out"]) == (2, 1)
    assert noted.report["format"] == "table with tabs"
    problem = noted.report["problems"][0]  # type: ignore[index]
    assert problem["field"] == "price"
    assert problem["examples"][0]["line"] == 4
    assert problem["examples"][0]["found"] == "on request"


@pytest.mark.parametrize("touched", [False, True])
async def test_an_unchanged_feed_writes_no_product(world: World, touched: bool) -> None:
    await world.imports(table(many(30)))
    before, known = await world.swaps(), world.control.feeds.in_use(world.ref)
    assert known is not None
    if touched:
        os.utime(world.path, (1, 1))
    imported = await world.imports()
    assert (imported.outcome, imported.summary.products) == (Outcome.UNCHANGED, 30)
    assert await world.swaps() == before
    after = world.control.feeds.in_use(world.ref)
    assert after is not None
    assert after.imported_at == known.imported_at
    assert after.checked_at > known.checked_at
    assert await world.checked_at() >= int(after.checked_at.timestamp())


async def test_unchanged_bytes_are_read_again_when_they_mean_something_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.imports(table({"A": "10.00"}))
    assert (await world.products("A"))["A"].currency == "EUR"
    world.advertiser = replace(world.advertiser, currency="USD")
    world.apply()
    assert (await world.imports()).outcome is Outcome.IMPORTED  # and no guard minds the other currency
    assert (await world.products("A"))["A"].currency == "USD"
    monkeypatch.setattr(import_feed, "CATALOG_FORMAT", import_feed.CATALOG_FORMAT + 1)
    assert (await world.imports()).outcome is Outcome.IMPORTED
    await world.lose_valkey()
    assert (await world.imports()).outcome is Outcome.IMPORTED
    assert (await world.imports()).outcome is Outcome.UNCHANGED


async def test_prices_seen_before_are_remembered(world: World) -> None:
    await world.imports(table({"A": "10.00 EUR", "B": "20.00 EUR"}))
    await world.imports(table({"A": "8.00 EUR", "B": "20.00 EUR", "C": "1.00 EUR"}))
    found = await world.products("A", "B", "C")
    assert [price for _, price in found["A"].history] == [10_000_000, 8_000_000]
    assert [price for _, price in found["B"].history] == [20_000_000]
    assert [price for _, price in found["C"].history] == [1_000_000]


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (many(10), many(6), "it has 6 products, 40% fewer than the 10 in use, and max_loss allows 30%"),
        (many(20), many(20, "1000.00 EUR"), "became 100 times what they were in the median"),
        (many(20), many(20, "10.00 USD"), "20 of the 20 products in use have a price in another currency now"),
    ],
)
async def test_what_was_hardly_meant_is_held_back_until_it_is_accepted(
    world: World, before: dict[str, str], after: dict[str, str], reason: str
) -> None:
    await world.imports(table(before))
    swaps = await world.swaps()
    for _ in range(2):
        imported = await world.imports(table(after))
        assert imported.outcome is Outcome.HELD_BACK
        assert reason in imported.reason
        assert await world.swaps() == swaps
    assert await world.control.catalogs.count(world.ref) == len(before)
    state = world.control.feeds.states()[0]
    assert state.last is not None
    assert (state.last.outcome, state.failures) == (Outcome.HELD_BACK, 0)
    assert (await world.imports(accept=True)).outcome is Outcome.IMPORTED
    assert await world.control.catalogs.count(world.ref) == len(after)
    assert (await world.imports()).outcome is Outcome.UNCHANGED


async def test_the_feed_says_how_much_it_may_lose(world: World) -> None:
    world.apply(max_loss=0.5)
    await world.imports(table(many(10)))
    assert (await world.imports(table(many(5)))).outcome is Outcome.IMPORTED
    assert (await world.imports(table(many(2)))).outcome is Outcome.HELD_BACK


async def test_an_id_that_comes_twice_counts_once(world: World) -> None:
    await world.imports(table(many(10)))
    halved = table(many(5)) + table(many(5)).removeprefix(HEAD)
    assert (await world.imports(halved)).outcome is Outcome.HELD_BACK


@pytest.mark.parametrize("accept", [False, True])
@pytest.mark.parametrize("content", ["", HEAD, table({"A": "on request"}), "<rss><channel>"])
async def test_a_feed_without_products_is_refused_whatever_is_said(world: World, content: str, accept: bool) -> None:
    await world.imports(table({"A": "10.00 EUR"}))
    imported = await world.imports(content, accept=accept)
    assert imported.outcome is Outcome.REFUSED
    assert imported.reason
    assert (await world.products("A")).keys() == {"A"}
    assert world.control.feeds.states()[0].failures == 1
    assert (await world.imports(table({"A": "10.00 EUR"}))).outcome is Outcome.UNCHANGED
    assert world.control.feeds.states()[0].failures == 0


async def test_the_last_twenty_imports_are_kept(world: World) -> None:
    world.path.write_text(table({"A": "10.00 EUR"}))
    numbers = [(await world.imports()).number for _ in range(KEPT + 3)]
    kept = world.control.feeds.imports(world.ref)
    assert [done.number for done in kept] == numbers[: -KEPT - 1 : -1]


async def test_while_another_import_runs_one_gives_way_and_one_waits(world: World) -> None:
    await world.imports(table({"A": "10.00 EUR"}))
    now = datetime.now(UTC)
    other = world.control.feeds.begin(world.ref, "elsewhere", now, now + timedelta(seconds=60))
    assert other is not None
    gave_way = await world.imports(table({"B": "10.00 EUR"}), give_way=True)
    assert (gave_way.outcome, gave_way.number) == (Outcome.REFUSED, 0)
    assert gave_way.reason == "another import of this feed is running"
    told = asyncio.Event()
    waiting = asyncio.create_task(world.imports(accept=True, waiting=told.set))
    await asyncio.wait_for(told.wait(), 10)
    assert (await world.products("A")).keys() == {"A"}
    world.control.feeds.forget(other)
    assert (await asyncio.wait_for(waiting, 10)).outcome is Outcome.IMPORTED
    assert (await world.products("A", "B")).keys() == {"B"}


async def test_the_turn_of_an_import_that_died_is_taken_over(world: World) -> None:
    long_ago = datetime.now(UTC) - timedelta(seconds=60)
    dead = world.control.feeds.begin(world.ref, str(world.path), long_ago, long_ago + timedelta(seconds=15))
    assert (await world.imports(table({"A": "10.00 EUR"}), give_way=True)).outcome is Outcome.IMPORTED
    told = {done.number: (done.outcome, done.reason) for done in world.control.feeds.imports(world.ref)}
    assert told[dead or 0] == (Outcome.BROKEN_OFF, "the process ended in mid-import")


async def test_an_import_that_is_broken_off_changes_nothing(world: World) -> None:
    await world.imports(table({"A": "10.00 EUR"}))
    redis: Any = world.control.valkey.redis
    before = {key async for key in redis.scan_iter(match="catalog:*")}
    world.path.write_text(table(many(3_000)))
    half = asyncio.Event()
    importing = asyncio.create_task(world.imports(progress=lambda _: half.set()))
    await asyncio.wait_for(half.wait(), 20)
    importing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await importing
    assert {key async for key in redis.scan_iter(match="catalog:*")} == before
    assert (await world.products("A")).keys() == {"A"}
    assert len(world.control.feeds.imports(world.ref)) == 1
    assert [path.name for path in (world.folder / "feeds").iterdir()] == [f"acme.{world.ref}.jsonl.zst"]


async def test_others_have_their_turn_between_two_batches(world: World) -> None:
    world.path.write_text(table(many(5_000)))
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    at_batches: list[int] = []
    task = asyncio.create_task(other())
    await world.imports(progress=lambda _: at_batches.append(turns))
    task.cancel()
    assert len(at_batches) >= 10
    assert all(later > earlier for earlier, later in itertools.pairwise(at_batches))


async def test_an_empty_valkey_is_filled_from_the_archive(world: World) -> None:
    await world.imports(table(many(700) | {"A": "10.00 EUR"}))
    await world.imports(table(many(700) | {"A": "8.00 EUR"}))
    before = await world.products("A", "P0", "P699")
    known = world.control.feeds.in_use(world.ref)
    assert known is not None
    await world.lose_valkey()
    assert await world.control.rebuild_feed(world.advertiser) == 701
    assert await world.products("A", "P0", "P699") == before
    assert len(before["A"].history) == 2
    assert world.control.feeds.in_use(world.ref) == known
    assert await world.checked_at() == int(known.checked_at.timestamp())  # as old as it was
    assert (await world.imports()).outcome is Outcome.UNCHANGED


async def test_what_valkey_loses_right_after_the_swap_is_known_to_be_missing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    swap = ValkeyCatalogWriter.swap

    async def swapped_and_lost(self: ValkeyCatalogWriter, **how: Any) -> bool:
        swapped = await swap(self, **how)
        await world.lose_valkey()
        return swapped

    monkeypatch.setattr(ValkeyCatalogWriter, "swap", swapped_and_lost)
    await world.imports(table(many(3)))
    monkeypatch.undo()
    in_use = world.control.feeds.in_use(world.ref)
    assert in_use is not None
    assert (in_use.products, await world.control.catalogs.count(world.ref)) == (3, 0)
    await looked(world)
    assert await world.control.catalogs.count(world.ref) == 3


async def test_a_damaged_archive_is_told_and_changes_nothing(world: World) -> None:
    await world.imports(table(many(2_000)))
    (archived,) = (world.folder / "feeds").iterdir()
    whole = archived.read_bytes()
    for damaged in (whole[:-20], whole[: len(whole) // 2], b"", b"no archive", whole[:100] + b"x" + whole[101:]):
        archived.write_bytes(damaged)
        with pytest.raises(ArchiveDamaged):
            await world.control.rebuild_feed(world.advertiser)
        assert await world.control.catalogs.count(world.ref) == 2_000
    archived.unlink()
    assert await world.control.rebuild_feed(world.advertiser) is None


async def test_an_archive_that_can_not_be_written_stops_no_import(world: World) -> None:
    (world.folder / "feeds").write_text("not a folder")
    assert (await world.imports(table({"A": "10.00 EUR"}))).outcome is Outcome.IMPORTED
    (world.folder / "feeds").unlink()
    assert (await world.imports()).outcome is Outcome.IMPORTED  # and makes good for it
    assert (await world.imports()).outcome is Outcome.UNCHANGED
    assert await world.control.rebuild_feed(world.advertiser) == 1


async def test_an_archive_may_be_at_any_url() -> None:
    archive = FeedArchive("memory://feeds")
    product = Product("A", "A title", "https://shop.test/", "", 10, "EUR", history=((1, 10), (2, 9)), labels=("x",))
    draft = archive.draft("acme", 1, digest="abc")
    draft.add([product])
    assert archive.open("acme", 1) is None
    draft.keep()
    found = archive.open("acme", 1)
    assert found is not None
    assert found.head["digest"] == "abc"
    assert list(found.batches()) == [[product]]
    found.close()
    archive.tidy({})
    assert archive.open("acme", 1) is None


async def test_archives_of_advertisers_that_are_gone_go(world: World) -> None:
    await world.imports(table({"A": "10.00 EUR"}))
    draft = world.folder / "feeds" / "acme.1.jsonl.zst.abc.new"
    draft.write_text("of a process that died")
    world.control.feed_archive.tidy({"acme": world.ref})
    assert {path.name for path in (world.folder / "feeds").iterdir()} == {f"acme.{world.ref}.jsonl.zst", draft.name}
    os.utime(draft, (1, 1))
    world.control.feed_archive.tidy({"acme": world.ref + 1})  # the same name, and another shop
    assert list((world.folder / "feeds").iterdir()) == []


async def looked(world: World) -> None:
    """Look once, and wait for what that began."""
    keeper = world.control.keep_feeds
    await keeper.look()
    await asyncio.gather(*keeper._running.values())


async def test_a_feed_is_looked_at_when_its_time_has_come(world: World) -> None:
    world.path.write_text(table({"A": "10.00 EUR"}))
    await looked(world)
    assert await world.control.catalogs.count(world.ref) == 1
    await looked(world)
    assert len(world.control.feeds.imports(world.ref)) == 1
    with writing(world.control.engine) as connection:
        connection.execute(text("UPDATE feed SET due_at = '2026-01-01 00:00:00'"))
    await looked(world)
    assert [done.outcome for done in world.control.feeds.imports(world.ref)] == [Outcome.UNCHANGED, Outcome.IMPORTED]
    with reading(world.control.engine) as connection:
        due = datetime.fromisoformat(connection.execute(text("SELECT due_at FROM feed")).scalar_one())
    assert 0.9 < (due.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds() / world.feed.every_s < 1.1


async def test_a_feed_that_is_looked_at_by_hand_only_is_left_alone(world: World) -> None:
    world.apply(every_s=0)
    world.path.write_text(table({"A": "10.00 EUR"}))
    await looked(world)
    assert world.control.feeds.imports(world.ref) == []


async def test_a_slow_feed_delays_no_other(world: World, tmp_path: Path) -> None:
    async with silent_shop() as url:
        world.apply(source=url)
        other = replace(ACME, id="quick")
        path = tmp_path / "quick.tsv"
        path.write_text(table({"A": "10.00 EUR"}))
        accounts = Accounts(advertisers={"quick": other}, feeds={"quick": Feed(advertiser="quick", source=str(path))})
        world.control.accounts.apply(lambda _: (accounts, Accounts()))
        ref = world.control.accounts.load()[1].advertisers["quick"].ref
        keeper = world.control.keep_feeds
        await keeper.look()
        slow = keeper._running[world.ref]
        await asyncio.wait_for(keeper._running[ref], 10)
        assert await world.control.catalogs.count(ref) == 1
        assert not slow.done()
        await asyncio.wait_for(keeper.stop(), 5)
        assert world.control.feeds.imports(world.ref) == []


async def test_a_catalog_that_valkey_lost_comes_back_by_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep_feeds, "CHECK_S", 0.0)
    world.path.write_text(table({"A": "10.00 EUR"}))
    await looked(world)
    world.path.unlink()  # the shop is away just now
    await world.lose_valkey()
    await looked(world)
    assert await world.control.catalogs.count(world.ref) == 1
    world.path.write_text(table({"B": "10.00 EUR"}))
    for archived in (world.folder / "feeds").iterdir():
        archived.unlink()
    await world.lose_valkey()
    await looked(world)  # finds no archive
    await looked(world)
    assert (await world.products("B")).keys() == {"B"}
    await looked(world)
    world.path.unlink()
    await world.lose_valkey()
    await looked(world)  # and from then on there is one again
    assert (await world.products("B")).keys() == {"B"}


class silent_shop:  # noqa: N801  used like a function
    """A shop's server that takes connections and says nothing."""

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._hold, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/feed.xml"

    async def _hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        writer.close()

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
