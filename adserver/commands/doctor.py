"""``adserver doctor``: what is wrong with this installation, in words a shop owner understands."""

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlsplit

from rich.console import Console
from rich.text import Text

from adserver.commands.doctor_feeds import feed_findings
from adserver.commands.finding import Finding, Level
from adserver.commands.stores import find_database, find_valkey
from adserver.control import Control, open_control
from adserver.creative.library import CreativeError, load_creatives
from adserver.model.account import Accounts, ConsentDefault
from adserver.model.decision import HOUSE_CREATIVE
from adserver.model.line_item import LineItem
from adserver.model.status import Status
from adserver.secret import read_secrets
from adserver.settings import SettingError, Settings
from adserver.storage.interfaces import LogRecord, StoreUnavailable
from adserver.storage.sql import migrate
from adserver.storage.sql.feeds import FeedState
from adserver.storage.sql.unavailable import DatabaseUnavailable
from adserver.storage.valkey.embedded import socket_url

_LOW_DISK_BYTES = 1024**3
_FULL = 0.8
_OLDEST_REDIS = (7, 0)


_STYLE = {Level.GOOD: ("✓", "green"), Level.NOTE: ("!", "yellow"), Level.BAD: ("✗", "red")}


async def doctor(settings: Settings, *, console: Console) -> int:
    """Exit code 1 when something is bad, 0 when there are at most notes."""
    findings = [
        *_folder(settings),
        *_secret(settings),
        *_clock(settings),
        *_address(settings),
        *await _stores(settings),
    ]
    for finding in findings:
        mark, style = _STYLE[finding.level]
        console.print(Text(f"{mark} {finding.what}", style=style))
        if finding.remedy:
            console.print(Text(f"    {finding.remedy}"))
    bad = sum(finding.level is Level.BAD for finding in findings)
    mend = "1 thing" if bad == 1 else f"{bad} things"
    console.print(f"\n{mend} to mend." if bad else "\nNothing stands in the way.")
    return 1 if bad else 0


def _folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    if not folder.is_dir():
        yield Finding(Level.NOTE, f"The data folder {folder} is not there yet.", "adserver serve makes it.")
        return
    if not os.access(folder, os.W_OK):
        yield Finding(
            Level.BAD,
            f"The data folder {folder} can not be written.",
            "Give it to the user that runs the server.",
        )
    free = shutil.disk_usage(folder).free
    if free < _LOW_DISK_BYTES:
        yield Finding(
            Level.BAD,
            f"Only {free // 1024**2} MB are free on the disk of {folder}.",
            "Events can not be kept once it is full: make room.",
        )


def _secret(settings: Settings) -> Iterator[Finding]:
    if not settings.secret and not (settings.data_dir / "secret").exists():
        return
    try:
        read_secrets(settings.secret, settings.data_dir)
    except (SettingError, OSError) as error:
        yield Finding(Level.BAD, f"The secret that signs cookies and clicks can not be used. {error}")
    else:
        yield Finding(Level.GOOD, "The secret that signs cookies and clicks is in order.")


def _clock(settings: Settings) -> Iterator[Finding]:
    if settings.clock:
        yield Finding(
            Level.BAD,
            "ADSERVER_CLOCK is set: the server would not go by the true time.",
            "It is for simulations. Take it out of the environment, then restart the server.",
        )


def _address(settings: Settings) -> Iterator[Finding]:
    public = urlsplit(settings.public_url)
    if public.scheme == "https" or settings.ssl_certfile:
        yield Finding(Level.GOOD, "Browsers reach the server by HTTPS, as they ask of a cookie that crosses sites.")
    elif public.scheme == "http" and not (public.hostname or "").endswith("localhost"):
        yield Finding(
            Level.BAD,
            "The public address is plain http: browsers throw the visitor's cookie away.",
            "Set ADSERVER_PUBLIC_URL to an https:// address, or give --ssl-certfile and --ssl-keyfile.",
        )
    else:
        yield Finding(
            Level.NOTE,
            "No public https address is set: cookies work on this machine (localhost) only.",
            "Set ADSERVER_PUBLIC_URL=https://… before shops and publishers embed anything.",
        )


async def _stores(settings: Settings) -> list[Finding]:
    valkey_url = find_valkey(settings)
    findings = []
    if valkey_url is None:
        findings.append(Finding(Level.BAD, "The server is not running.", "Start it: adserver serve"))
    if not settings.database_url and not settings.data_dir.is_dir():
        return findings  # its first start makes the database
    try:
        async with open_control(find_database(settings), valkey_url or socket_url(settings.data_dir)) as control:
            if not migrate.is_current(control.engine):
                remedy = "Starting the server brings it up to date."
                return [*findings, Finding(Level.BAD, "The database is not up to date.", remedy)]
            findings.append(Finding(Level.GOOD, "The database answers and is up to date."))
            if valkey_url is not None:
                findings += await _valkey(control)
            _, accounts = control.accounts.load()
            findings += _accounts(settings, accounts)
            findings += _feeds(accounts, control.feeds.states())
            findings += _consent(settings, accounts)
            if valkey_url is not None and accounts.advertisers:
                findings += await _traffic(control, accounts)
    except DatabaseUnavailable as error:
        findings.append(Finding(Level.BAD, f"The database can not be used: {error}"))
    except StoreUnavailable as error:
        findings.append(Finding(Level.BAD, f"{error}.", "Look at its log, or at ADSERVER_VALKEY_URL."))
    return findings


async def _valkey(control: Control) -> list[Finding]:
    await control.valkey.ping()
    info = await control.valkey.redis.info()
    return [*_version(info), *_memory(info), *_durability(info)]


def _version(info: Mapping[str, Any]) -> Iterator[Finding]:
    version = str(info.get("valkey_version", info.get("redis_version", "0.0")))
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST_REDIS:
        yield Finding(Level.BAD, f"Redis {version} is too old.", "7.0 is the oldest that has functions.")
    else:
        yield Finding(Level.GOOD, f"Valkey answers (version {version}).")


def _memory(info: Mapping[str, Any]) -> Iterator[Finding]:
    limit, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if not limit:
        yield Finding(
            Level.NOTE,
            "Valkey has no bound on its memory: it grows until the system ends it.",
            "Set maxmemory to what the machine can spare.",
        )
        return
    if used > limit * _FULL:
        yield Finding(
            Level.BAD,
            f"Valkey is {used * 100 // limit} % full; when it is full, no event is kept.",
            "Give it more memory (ADSERVER_VALKEY_MEMORY_MB, or maxmemory of your own Valkey).",
        )
    if policy != "noeviction":
        yield Finding(
            Level.BAD,
            f"Valkey drops data by itself when its memory is full ({policy}).",
            "Set maxmemory-policy noeviction: profiles end by their time to live anyway.",
        )


def _durability(info: Mapping[str, Any]) -> Iterator[Finding]:
    if not int(info.get("aof_enabled", 0)):
        yield Finding(
            Level.NOTE, "Valkey keeps no append-only file: a restart forgets all visitors.", "Set appendonly yes."
        )
    elif str(info.get("aof_last_write_status", "ok")) != "ok":
        yield Finding(Level.BAD, "Valkey can not write its append-only file.", "Is the disk full?")


def _accounts(settings: Settings, accounts: Accounts) -> Iterator[Finding]:
    if not accounts.advertisers:
        yield Finding(
            Level.NOTE,
            "There are no accounts yet.",
            "Write an accounts file and run: adserver apply FILE.toml",
        )
        return
    try:
        creatives = load_creatives(own=settings.own_creatives)
    except CreativeError as error:
        yield Finding(Level.BAD, f"A creative can not be used: {error}.", "adserver creative check says all of it.")
        return
    sizes = {placement.size for placement in accounts.placements.values() if placement.status is Status.ACTIVE}
    for advertiser in accounts.advertisers.values():
        running = [
            item
            for item in accounts.line_items.values()
            if item.status is Status.ACTIVE
            and (campaign := accounts.campaigns[item.campaign]).status is Status.ACTIVE
            and campaign.advertiser == advertiser.id
        ]
        drawn = {size for item in running if item.creative in creatives for size in creatives[item.creative].sizes}
        if not running:
            yield Finding(
                Level.NOTE,
                f"{advertiser.id} has no active line item, so none of its products is ever shown.",
                "Add [line_items.…] with one of its campaigns, both with status active.",
            )
        elif sizes and not drawn & sizes:
            yield Finding(
                Level.BAD,
                f"No placement has a size that the creatives of {advertiser.id} can be drawn in.",
                f"Sizes there are: {', '.join(sorted(drawn))}.",
            )
    if not sizes:
        yield Finding(Level.NOTE, "There is no active placement, so nothing can be shown.", "Add [placements.…].")


def _feeds(accounts: Accounts, states: list[FeedState]) -> Iterator[Finding]:
    for state in states:
        yield from feed_findings(state, datetime.now(UTC))
    for advertiser in accounts.advertisers.keys() - accounts.feeds.keys():
        items = [item for item in accounts.line_items.values() if _advertiser(accounts, item) == advertiser]
        if items and all(item.creative == HOUSE_CREATIVE for item in items):
            continue  # a house ad shows no products
        yield Finding(
            Level.NOTE,
            f"The account of {advertiser} names no feed.",
            f"Add [advertisers.{advertiser}.feed], or import by hand: adserver feed import {advertiser} FILE_OR_URL",
        )


def _advertiser(accounts: Accounts, item: LineItem) -> str:
    return accounts.campaigns[item.campaign].advertiser


def _consent(settings: Settings, accounts: Accounts) -> Iterator[Finding]:
    denied = [
        advertiser.id
        for advertiser in accounts.advertisers.values()
        if (advertiser.consent_default or settings.consent_default) is ConsentDefault.DENY
    ]
    if denied:
        yield Finding(
            Level.NOTE,
            f"Without a consent signal nothing is kept about visitors of {', '.join(sorted(denied))}.",
            "One of three things opens it: a consent banner (CMP) on the page, whose answer the tag passes on; the "
            "tag's own call adserver('consent', true) once the visitor agreed; or, where the law allows, "
            'consent_default = "allow" in the account (ADSERVER_CONSENT_DEFAULT=allow for all).',
        )


async def _traffic(control: Control, accounts: Accounts) -> list[Finding]:
    newest = await control.events.newest()
    return [_seen(advertiser, newest) for advertiser in sorted(accounts.advertisers)]


def _seen(advertiser: str, records: list[LogRecord]) -> Finding:
    found = next((r for r in records if r[0] == "event" and r[2] == advertiser), None)
    if found is None:
        return Finding(
            Level.NOTE,
            f"No recent event of {advertiser}.",
            "Is the tag on its pages? X-Adserver-Reason in the answer of /pixel.gif says why an event was not kept.",
        )
    return Finding(
        Level.GOOD,
        f"The last event of {advertiser} came {max(0, int(time.time()) - cast('int', found[1]))} seconds ago.",
    )
