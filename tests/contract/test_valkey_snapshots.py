"""The published snapshot never goes back, and reads as it was written."""

import asyncio
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from adserver.model.access import Scope, ScopeKind
from adserver.model.account import Accounts, Advertiser, Campaign, ConsentDefault, Feed, Placement, Publisher
from adserver.model.cap import Cap
from adserver.model.line_item import LineItem
from adserver.model.snapshot import Snapshot
from adserver.model.status import Status
from adserver.service.apply_accounts import apply_accounts
from adserver.service.customer_lists import PublishLists
from adserver.service.publish_snapshot import PublishSnapshot
from adserver.storage.sql.accounts import SqlAccounts
from adserver.storage.sql.engine import open_engine
from adserver.storage.sql.keys import SqlKeys
from adserver.storage.sql.lists import SqlLists
from adserver.storage.sql.migrate import upgrade
from adserver.storage.valkey import keys
from adserver.storage.valkey.client import Valkey
from adserver.storage.valkey.lists import ValkeyLists
from adserver.storage.valkey.snapshots import ValkeySnapshots

pytest_plugins = ["tests.contract.valkey_server"]
pytestmark = pytest.mark.anyio

ACCOUNTS = Accounts(
    advertisers={
        "acme": Advertiser(
            id="acme",
            name="Acme </script>",
            domains=("shop.test", "schuhe.test"),
            currency="EUR",
            locale="de_DE",
            consent_default=ConsentDefault.ALLOW,
            ref=1,
        ),
        "bolt": Advertiser(id="bolt", name="Bolt", domains=("b.test",), currency="EUR", locale="en", ref=2),
    },
    feeds={"acme": Feed(advertiser="acme", source="/feeds/acme.xml")},
    campaigns={"c": Campaign(id="c", advertiser="acme", status=Status.PAUSED, holdout=0.25)},
    line_items={
        "l": LineItem(id="l", campaign="c", creative="grid", caps=(Cap(2, 1_800), Cap(5, 86_400)), ref=7),
        "free": LineItem(id="free", campaign="c", creative="grid", ref=8),
    },
    publishers={"daily": Publisher(id="daily", name="Daily", domains=("news.test",))},
    placements={"p": Placement(id="p", publisher="daily", size="300x250", status=Status.PAUSED)},
)


def snapshot(revision: int) -> Snapshot:
    return Snapshot(revision, ACCOUNTS, {"ab" * 32: Scope(ScopeKind.ADVERTISER, "acme")})


async def test_it_reads_as_it_was_written(valkey: Valkey) -> None:
    snapshots = ValkeySnapshots(valkey)
    assert await snapshots.published_revision() == 0
    assert await snapshots.newer_than(0) is None
    assert await snapshots.publish(snapshot(4))
    assert await snapshots.newer_than(3) == snapshot(4)
    assert await snapshots.newer_than(4) is None


async def test_it_never_goes_back(valkey: Valkey) -> None:
    snapshots = ValkeySnapshots(valkey)
    assert await snapshots.publish(snapshot(9))
    for revision in (1, 8, 9):
        assert not await snapshots.publish(snapshot(revision))
    assert await snapshots.newer_than(0) == snapshot(9)
    assert await snapshots.publish(snapshot(10))


async def test_revisions_are_numbers_and_not_texts(valkey: Valkey) -> None:
    snapshots = ValkeySnapshots(valkey)
    assert [await snapshots.publish(snapshot(n)) for n in (9, 10, 99, 100, 2**31, 2**40)] == [True] * 6
    assert await snapshots.published_revision() == 2**40


async def test_the_newest_of_many_at_once_stays(valkey: Valkey) -> None:
    snapshots = ValkeySnapshots(valkey)
    await asyncio.gather(*(snapshots.publish(snapshot(n)) for n in (5, 3, 9, 1, 7, 9, 2)))
    assert await snapshots.newer_than(0) == snapshot(9)


async def test_old_workers_read_what_newer_ones_publish(valkey: Valkey) -> None:
    snapshots = ValkeySnapshots(valkey)
    await snapshots.publish(snapshot(1))
    packed = await valkey.redis.hget(keys.SNAPSHOT, "body")
    assert packed is not None
    body = orjson.loads(packed)
    body["later"] = {"x": 1}
    body["accounts"]["segments"] = {}
    body["accounts"]["campaigns"]["c"]["budget"] = 5
    body["accounts"]["line_items"]["l"]["caps"][0]["of"] = "the campaign"
    await valkey.redis.hset(keys.SNAPSHOT, mapping={"revision": 2, "body": orjson.dumps(body)})
    assert await snapshots.newer_than(1) == snapshot(1)


async def test_newer_workers_read_what_older_ones_publish(valkey: Valkey) -> None:
    snapshots = ValkeySnapshots(valkey)
    await snapshots.publish(snapshot(1))
    packed = await valkey.redis.hget(keys.SNAPSHOT, "body")
    assert packed is not None
    body = orjson.loads(packed)
    for line_item in body["accounts"]["line_items"].values():
        del line_item["caps"], line_item["ref"]
    await valkey.redis.hset(keys.SNAPSHOT, mapping={"revision": 2, "body": orjson.dumps(body)})
    read = await snapshots.newer_than(1)
    assert read is not None
    assert read.accounts.line_items["l"] == LineItem(id="l", campaign="c", creative="grid")
    assert read.accounts.advertisers == ACCOUNTS.advertisers


async def test_passwords_of_feeds_are_not_published(valkey: Valkey, tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'test.db'}")
    upgrade(engine)
    accounts = SqlAccounts(engine)
    source = "https://me:secret@shop.test/feed.xml"
    written = replace(ACCOUNTS, feeds={"acme": Feed(advertiser="acme", source=source)})
    apply_accounts(accounts, written, prune=False, dry_run=False, known_creatives={"grid"})
    snapshots = ValkeySnapshots(valkey)
    assert await PublishSnapshot(
        accounts, SqlKeys(engine), snapshots, PublishLists(SqlLists(engine), ValkeyLists(valkey))
    )()
    published = await snapshots.newer_than(0)
    kept = accounts.load()[1]
    engine.dispose()
    assert kept.feeds["acme"].source == source
    assert published is not None
    assert published.accounts == replace(
        kept, feeds={"acme": replace(kept.feeds["acme"], source=source.replace("secret", "***"))}
    )
