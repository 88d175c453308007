"""What the doctor says of a feed."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from rich.console import Console

from adserver.commands.doctor_feeds import feed_findings
from adserver.commands.feed import check
from adserver.commands.feed_report import accept_command, size_of
from adserver.commands.finding import Level
from adserver.model.account import Advertiser, Feed
from adserver.model.feed_import import FeedImport, InUse, Outcome
from adserver.model.source import shown_source
from adserver.settings import Settings
from adserver.storage.sql.feeds import FeedState

NOW = datetime(2026, 6, 8, 12, tzinfo=UTC)
ACME = Advertiser(id="acme", name="Acme", domains=("shop.test",), currency="EUR", locale="de_DE")
FEED = Feed(advertiser="acme", source="https://me:secret@shop.test/feed.xml")
IN_USE = InUse(source=FEED.source, currency="EUR", products=7, imported_at=NOW, checked_at=NOW)
GOOD = FeedState(ACME, FEED, 0, IN_USE, None)


def ended(outcome: Outcome, reason: str = "the feed is empty") -> FeedImport:
    return FeedImport(
        number=1, advertiser="acme", source=FEED.source, began_at=NOW, ended_at=NOW, outcome=outcome, reason=reason
    )


def said(state: FeedState, now: datetime = NOW) -> list[tuple[Level, str]]:
    return [(finding.level, f"{finding.what} {finding.remedy}") for finding in feed_findings(state, now)]


def test_a_good_feed_shows_no_password() -> None:
    assert said(GOOD) == [(Level.GOOD, "acme has 7 products from https://me:***@shop.test/feed.xml. ")]


def test_a_feed_that_nobody_imported() -> None:
    new = GOOD._replace(in_use=None)
    assert said(new) == [(Level.NOTE, "The feed of acme was not imported yet. The server does so by itself.")]
    by_hand = new._replace(feed=replace(FEED, every_s=0))
    assert "Import it: adserver feed import acme" in said(by_hand)[0][1]


def test_a_failing_feed_tells_how_often() -> None:
    ((level, text),) = said(GOOD._replace(failures=3, last=ended(Outcome.REFUSED)))
    assert level is Level.BAD
    assert "failed 3 times in a row: the feed is empty. The products from before stay in use." in text


def test_a_feed_that_is_held_back_tells_what_accepts_it() -> None:
    ((level, text),) = said(GOOD._replace(last=ended(Outcome.HELD_BACK, "it has 1 product")))
    assert level is Level.BAD
    assert "is held back: it has 1 product." in text
    assert text.endswith("adserver feed import acme --accept")


@pytest.mark.parametrize(
    ("days", "max_age_s", "every_s", "levels"),
    [
        (1, 604_800, 21_600, [Level.GOOD]),
        (4, 604_800, 21_600, [Level.GOOD, Level.NOTE]),
        (8, 604_800, 21_600, [Level.GOOD, Level.BAD]),
        (800, 0, 21_600, [Level.GOOD]),
        (0, 86_400, 172_800, [Level.GOOD, Level.NOTE]),
    ],
)
def test_a_feed_gets_old(days: int, max_age_s: int, every_s: int, levels: list[Level]) -> None:
    state = GOOD._replace(feed=replace(FEED, max_age_s=max_age_s, every_s=every_s))
    assert [level for level, _ in said(state, NOW + timedelta(days=days))] == levels


@pytest.mark.parametrize(("hours", "told"), [(1.5, "90 minutes"), (3, "3 hours"), (47, "47 hours"), (60, "2 days")])
def test_an_age_is_told_in_a_unit_that_fits(hours: float, told: str) -> None:
    state = GOOD._replace(feed=replace(FEED, max_age_s=3_600))
    assert f" {told} ago" in said(state, NOW + timedelta(hours=hours))[-1][1]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("/srv/me@home/feed.xml", "/srv/me@home/feed.xml"),
        ("https://shop.test/a@b", "https://shop.test/a@b"),
        ("https://shop.test:443/a@b", "https://shop.test:443/a@b"),
        ("https://[::1]:443/a@b", "https://[::1]:443/a@b"),
        ("https://me@shop.test/", "https://me@shop.test/"),
        ("https://me:secret@shop.test:444/f?x=1", "https://me:***@shop.test:444/f?x=1"),
        ("https://me:12345@[::1]/a@b", "https://me:***@[::1]/a@b"),
        ("https://me:sec@ret:x@shop.test/", "https://me:***@shop.test/"),
        ("https://me:sec/ret@shop.test/", "https://me:***@shop.test/"),
        ("ftp://me:secret@127.0.0.1[/", "ftp://me:***@127.0.0.1[/"),
    ],
)
def test_passwords_are_not_shown(source: str, shown: str) -> None:
    assert shown_source(source) == shown


def test_the_command_that_accepts_holds_no_password() -> None:
    assert accept_command("acme", "https://me:secret@shop.test/f").split() == [
        *("adserver", "feed", "import", "acme"),
        *("'https://me:***@shop.test/f'", "--accept"),
    ]


@pytest.mark.parametrize(
    ("size", "shown"), [(0, "0 bytes"), (999, "999 bytes"), (1_500, "1.5 KB"), (540_000_000, "540 MB")]
)
def test_sizes_are_told_in_words(size: int, shown: str) -> None:
    assert size_of({"bytes": size}) == shown


def test_a_path_is_as_the_accounts_file_would_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(tmp_path)
    code = asyncio.run(check(Settings(), "away/../feed.xml", currency="EUR", as_json=True, console=Console()))
    assert code == 1
    assert f"'{tmp_path}/feed.xml'" in orjson.loads(capsysbinary.readouterr().out)["reason"]
