"""How ``adserver segment`` tells what it found: as a table with its doubts, or as data."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from adserver.audience.estimate import interval
from adserver.model.account import Accounts
from adserver.service.size_segments import ACTIVE_DAYS, SMALLEST, Asked, Size, Sizes


def as_data(asked: Sequence[Asked], sizes: Sizes) -> dict[str, Any]:
    """For programs; ``both`` where two were asked for."""
    segments = [
        {"advertiser": one.advertiser.id, "segment": one.name, "not_counted_yet": list(one.uncounted)}
        | _numbers(size, sizes)
        for one, size in zip(asked, sizes.of, strict=True)
    ]
    told = {"visitors": sizes.total, "looked_at": sizes.looked_at, "segments": segments}
    return told | ({"both": _numbers(sizes.both, sizes)} if len(asked) == 2 else {})


def tell(asked: Sequence[Asked], sizes: Sizes, *, accounts: Accounts, console: Console) -> None:
    """For people."""
    between = ("95 % between",) if _is_sample(sizes) else ()
    table = Table("Advertiser", "Segment")
    for title in ("Visitors", *between, "Not known yet", f"In {ACTIVE_DAYS} days"):
        table.add_column(title, justify="right")
    table.add_column("Used by")
    for one, size in zip(asked, sizes.of, strict=True):
        users = ", ".join(_users(one, accounts)) or "-"
        table.add_row(one.advertiser.id, one.name, *_cells(size, sizes), users)
    if len(asked) == 2:
        table.add_row(asked[0].advertiser.id, "both", *_cells(sizes.both, sizes), "")
    console.print(table)
    console.print(_base(sizes))
    if len(asked) == 2:
        for one, size in zip(asked, sizes.of, strict=True):
            share = sizes.both.members / size.members if size.members else 0.0
            console.print(f"{share:.1%} of {one.name} are in both.")
    for one, size in zip(asked, sizes.of, strict=True):
        if one.uncounted:
            console.print(Text(f"{one.name}: {_doubt(one, size)}", style="yellow"))
    small = [one.name for one, size in zip(asked, sizes.of, strict=True) if _is_small(size, sizes)]
    if small:
        told = (
            f"Fewer than {SMALLEST} members in {ACTIVE_DAYS} days: {', '.join(small)}. So small a group says too much"
        )
        console.print(Text(f"{told} about each of its members; take a longer window or a wider rule.", style="yellow"))


def _numbers(size: Size, sizes: Sizes) -> dict[str, Any]:
    return {
        "members": _scaled(size.members, sizes),
        "interval": list(_range(size.members, sizes)),
        "not_known": _scaled(size.unknown, sizes),
        f"active_{ACTIVE_DAYS}_days": _scaled(size.active, sizes),
    }


def _users(one: Asked, accounts: Accounts) -> list[str]:
    """The line items of that advertiser that ask for the segment, or leave it out."""
    campaigns = accounts.campaigns
    return [
        item.id
        for item in accounts.line_items.values()
        if one.name in (item.segment, *item.exclude_segments)
        and item.campaign in campaigns
        and campaigns[item.campaign].advertiser == one.advertiser.id
    ]


def _cells(size: Size, sizes: Sizes) -> list[str]:
    low, high = _range(size.members, sizes)
    between = [f"{low:,} and {high:,}"] if _is_sample(sizes) else []
    unknown = f"{_scaled(size.unknown, sizes):,}" if size.unknown else "-"
    return [f"{_scaled(size.members, sizes):,}", *between, unknown, f"{_scaled(size.active, sizes):,}"]


def _base(sizes: Sizes) -> str:
    if not _is_sample(sizes):
        return f"Counted over all {sizes.total:,} visitors."
    return f"Estimated from {sizes.looked_at:,} of {sizes.total:,} visitors; --sample 0 counts all of them."


def _doubt(one: Asked, size: Size) -> str:
    if size.unknown:
        how = "of some visitors it is not known yet whether they are in"
    else:
        how = "what visitors viewed, have in the cart and bought was enough to tell"
    return f"such events ({', '.join(one.uncounted)}) are counted once the rule is applied; {how}."


def _is_small(size: Size, sizes: Sizes) -> bool:
    """For certain: nobody is left out who may be in."""
    return _range(size.active + size.unknown, sizes)[1] < SMALLEST


def _is_sample(sizes: Sizes) -> bool:
    return sizes.looked_at < sizes.total


def _scaled(hits: int, sizes: Sizes) -> int:
    return round(hits * sizes.total / sizes.looked_at) if sizes.looked_at else 0


def _range(hits: int, sizes: Sizes) -> tuple[int, int]:
    return interval(hits, sizes.looked_at, sizes.total)
