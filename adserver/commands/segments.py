"""``adserver segment``: how many visitors are in a segment, before and after it is in use."""

import json
import random
import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from adserver.audience.rules import compile_rules
from adserver.commands.installation import expect_installation
from adserver.commands.segment_report import as_data, tell
from adserver.commands.stores import open_stores
from adserver.control import Control
from adserver.model.account import Accounts
from adserver.model.product import Product
from adserver.model.segment import Rung
from adserver.service.accounts_file import parse_accounts
from adserver.service.size_segments import Asked, Sizes, ask, size_segments
from adserver.settings import Settings
from adserver.storage.valkey.visitor_scan import VisitorScan


class _Wrong(ValueError):  # noqa: N818  in words for people
    """What was asked for can not be told."""


async def segments(
    settings: Settings,
    advertiser: str | None,
    names: Sequence[str],
    *,
    file: Path | None,
    sample: int,
    as_json: bool,
    console: Console,
) -> int:
    """The sizes of ``names``, and of two of them together; of every rung and every segment where none is named.

    ``file``: accounts that were not applied yet; ``sample``: most visitors that are looked at, 0 for all. Exit code 1
    where there is no such segment.
    """
    expect_installation(settings)
    async with open_stores(settings, wake_valkey=True) as control:
        _, applied = control.accounts.load()
        try:
            accounts = applied if file is None else _with_file(applied, file)
            asked = _asked(accounts, applied, advertiser, names)
        except _Wrong as error:
            Console(stderr=True).print(Text(f"adserver: {error}", style="red"), soft_wrap=True)
            return 1
        sizes = await _sizes(control, asked, sample)
    if as_json:
        console.print(json.dumps(as_data(asked, sizes)), soft_wrap=True)
    else:
        tell(asked, sizes, accounts=accounts, console=console)
    return 0


def _asked(accounts: Accounts, applied: Accounts, advertiser: str | None, names: Sequence[str]) -> list[Asked]:
    rules = compile_rules(applied)
    if advertiser is not None and advertiser not in applied.advertisers:
        known = ", ".join(sorted(applied.advertisers)) or "none yet; see: adserver apply"
        raise _Wrong(f'there is no advertiser "{advertiser}". Known: {known}')
    found = []
    for owner in accounts.advertisers.values():
        if advertiser in (None, owner.id):
            of_owner = [segment.id for segment in accounts.segments.values() if segment.advertiser == owner.id]
            for name in names or (*Rung, *of_owner):
                one = ask(accounts, owner, name, rules)
                if one is None:
                    expected = ", ".join((*Rung, *of_owner))
                    raise _Wrong(f'"{owner.id}" has no segment "{name}". Expected one of: {expected}')
                found.append(one)
    if not found:
        raise _Wrong("there are no accounts yet; see: adserver apply")
    return found


def _with_file(applied: Accounts, file: Path) -> Accounts:
    """What would be there if ``file`` were applied; whose visitors are not known yet is left out."""
    try:
        parsed = parse_accounts(file.read_bytes(), base_dir=file.absolute().parent)
    except OSError as error:
        raise _Wrong(f"{file}: {error.strerror}") from None
    if isinstance(parsed, list):
        raise _Wrong(f"{file}: {parsed[0]}")
    ours = parsed.accounts
    advertisers = {
        name: replace(ours.advertisers[name], ref=known.ref) if name in ours.advertisers else known
        for name, known in applied.advertisers.items()
    }
    return replace(
        applied,
        advertisers=advertisers,
        segments={**applied.segments, **ours.segments},
        product_sets={**applied.product_sets, **ours.product_sets},
        line_items={**applied.line_items, **ours.line_items},
    )


async def _sizes(control: Control, asked: Sequence[Asked], most: int) -> Sizes:
    now = int(time.time())
    scan = VisitorScan(control.valkey, random.Random(secrets.randbits(64)))  # noqa: S311  a fair sample, no secret
    sample = await scan.sample(most)

    async def products(ref: int, ids: Collection[str]) -> Mapping[str, Product]:
        return await (await control.catalogs.begin(ref)).current(list(ids))

    return await size_segments(asked, sample, scan.profiles(sample, now), products, now)
