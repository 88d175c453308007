"""Decisions written down for people: accounts as in an accounts file, who looks, and what comes of it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from adserver.audience.ladder import rung_of
from adserver.decision.viewer import Viewer
from adserver.model.account import Accounts
from adserver.model.cap import Level
from adserver.model.line_item import Device
from adserver.model.profile import EPOCH, Profile, Shopping, Window, counter_of
from adserver.model.reason import LineItemReason
from adserver.service.accounts_file.parse import AccountsFile, parse_accounts

GOLDEN = Path(__file__).parent / "golden" / "decisions"

SIZES = {
    "grid": frozenset({"300x250", "728x90"}),
    "cart": frozenset({"300x250", "728x90"}),
    "tower": frozenset({"160x600"}),
    "house": frozenset({"300x250", "160x600"}),
}
UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def accounts_of(toml: str) -> Accounts:
    """As the accounts file says, with refs in the order in which it names things."""
    parsed = parse_accounts(toml, base_dir=Path("/"))
    assert isinstance(parsed, AccountsFile), parsed
    accounts = parsed.accounts
    return replace(
        accounts,
        advertisers={a.id: replace(a, ref=ref) for ref, a in enumerate(accounts.advertisers.values(), 1)},
        line_items={i.id: replace(i, ref=ref) for ref, i in enumerate(accounts.line_items.values(), 1)},
    )


def seconds(time: str) -> int:
    """``30s``, ``5m``, ``2h``, ``1d``."""
    return int(time[:-1]) * UNITS[time[-1]]


def profile_of(written: Mapping[str, Any], accounts: Accounts, now: int) -> Profile:
    """``shopping``: by advertiser what was ``viewed``, ``carted``, ``bought``, ``visited`` and how long ago.
    ``seen``: by level and id, for each window (how many ads, how long ago the first)."""
    at = now - EPOCH
    shopping = {
        accounts.advertisers[name].ref: Shopping(
            **{
                what: {product: at - seconds(ago) for product, ago in did.get(what, {}).items()}
                for what in ("viewed", "carted", "bought")
            },
            visited_at=at - seconds(did["visited"]) if "visited" in did else 0,
        )
        for name, did in written.get("shopping", {}).items()
    }
    frequency = {
        counter_of(Level(level), _ref(Level(level), name, accounts)): tuple(
            Window(seconds(length), at - seconds(ago), count) for length, (count, ago) in windows.items()
        )
        for level, counters in written.get("seen", {}).items()
        for name, windows in counters.items()
    }
    return Profile(shopping, frequency)


def _ref(level: Level, name: str, accounts: Accounts) -> int | str:
    if level is Level.CAMPAIGN:
        return name
    return accounts.line_items[name].ref if level is Level.LINE_ITEM else accounts.advertisers[name].ref


def viewer_of(accounts: Accounts, profile: Profile, now: int, request: Mapping[str, Any] | None = None) -> Viewer:
    """``request`` says what is unlike a desktop nobody knows the place of, with everybody's consent and money."""
    asked: Mapping[str, Any] = request or {}
    advertisers = {advertiser.ref: advertiser for advertiser in accounts.advertisers.values()}
    rungs = {
        ref: rung
        for ref, shopping in profile.shopping.items()
        if ref in advertisers and (rung := rung_of(shopping, now, advertisers[ref].segment_days)) is not None
    }
    broke = {name: LineItemReason[reason.upper()] for name, reason in asked.get("broke", {}).items()}
    return Viewer(
        now=now,
        profile=profile,
        visitor="visitor",
        rungs=rungs,
        has_consent=lambda advertiser: advertiser.id not in asked.get("refuses", ()),
        is_member=lambda segment: segment in asked.get("segments", ()),
        is_listed=lambda ref, name: name in asked.get("lists", ()),
        arm_of=lambda experiment: str(asked.get("arms", {}).get(experiment, "")),
        device=lambda: Device(asked.get("device", "desktop")),
        geo=lambda: frozenset(asked.get("geo", ())),
        page_categories=frozenset(asked.get("categories", ())),
        is_fresh=lambda booking: booking.advertiser.id not in asked.get("stale", ()),
        can_pay=lambda booking: broke.get(booking.line_item.id),
    )


def moment(written: str) -> int:
    """Seconds since 1970 of ``2026-06-01T12:00:00+02:00``."""
    return int(datetime.fromisoformat(written).timestamp())
