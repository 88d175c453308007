"""``adserver list``: customers whom a shop names itself, to be reached or left out."""

import codecs
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from adserver.audience.customer_list import ListUnreadable, ReadList, read_list
from adserver.commands.installation import expect_installation
from adserver.commands.stores import open_stores
from adserver.control import Control
from adserver.service.customer_lists import ListRefused, put_list, remove_list, used_by
from adserver.settings import Settings
from adserver.storage.interfaces import StoreUnavailable

MAX_BYTES = 500_000_000
"""Room for two million rows of a large export."""

_ZIP, _OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"


async def upload(settings: Settings, advertiser: str, name: str, file: Path, *, console: Console) -> int:
    """Replace the list by what is in ``file``. Exit code 1, and nothing changed, where that holds nobody."""
    try:
        read = _read(file)
    except ListUnreadable as error:
        return _refused(ListRefused(f"{file}: {error}"), console)
    except OSError as error:
        return _refused(ListRefused(f"{file}: {error.strerror}"), console)
    expect_installation(settings)
    _tell_lines(read, console)
    async with open_stores(settings, wake_valkey=False) as control:
        kept = put_list(control.lists, advertiser, name, read.hashes, datetime.now(UTC))
        if isinstance(kept, ListRefused):
            return _refused(kept, console)
        effect = await _publish(control)
        users = used_by(control.accounts.load()[1], name)
    console.print(f'{advertiser} has {_addresses(kept.size)} on the list "{name}" now. {effect}')
    if not users:
        console.print(f'No line item asks for it yet: include_lists = ["{name}"], or exclude_lists.')
    return 0


async def show(settings: Settings, advertiser: str | None, *, console: Console) -> int:
    """All lists, or those of one advertiser."""
    expect_installation(settings)
    async with open_stores(settings, wake_valkey=False) as control:
        _, accounts = control.accounts.load()
        if advertiser is not None and advertiser not in accounts.advertisers:
            return _refused(ListRefused(f'there is no advertiser "{advertiser}"'), console)
        found = [kept for kept in control.lists.all() if advertiser in (None, kept.list.advertiser)]
    table = Table("Advertiser", "List")
    table.add_column("Addresses", justify="right")
    table.add_column("Uploaded")
    table.add_column("Used by")
    for entry, uploaded_at in found:
        users = ", ".join(used_by(accounts, entry.id)) or "-"
        table.add_row(entry.advertiser, entry.id, f"{entry.size:,}", f"{uploaded_at:%Y-%m-%d %H:%M}", users)
    console.print(table if found else "There are no lists yet.")
    return 0


async def remove(settings: Settings, advertiser: str, name: str, *, console: Console) -> int:
    """Forget a list, unless a line item asks for it."""
    expect_installation(settings)
    async with open_stores(settings, wake_valkey=False) as control:
        refused = remove_list(control.lists, control.accounts, advertiser, name)
        if refused is not None:
            return _refused(refused, console)
        await _publish(control)
    console.print(f'The list "{name}" of {advertiser} is gone.')
    return 0


def _read(file: Path) -> ReadList:
    """Raises ListUnreadable or OSError."""
    size = file.stat().st_size
    if size > MAX_BYTES:
        raise ListUnreadable(f"expected at most {MAX_BYTES:,} bytes, found {size:,}; leave out other columns")
    with file.open("rb") as raw:
        start = raw.read(4_096)
    if start.startswith((_ZIP, _OLD_EXCEL)):
        raise ListUnreadable("expected text or CSV, found a spreadsheet or an archive; save it as CSV")
    is_wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if b"\0" in start and not is_wide:
        raise ListUnreadable("expected text or CSV, found a binary file")
    # What is no UTF-8 is a name or a street in an old encoding: addresses and hashes are ASCII, nearly all of them.
    with file.open(encoding="utf-16" if is_wide else "utf-8-sig", errors="replace", newline="") as lines:
        return read_list(lines)


def _tell_lines(read: ReadList, console: Console) -> None:
    told = [f"{_addresses(read.taken)} read"]
    if read.header:
        told.append("the first line is a header")
    if read.repeated:
        told.append(f"{read.repeated:,} repeated")
    if read.refused:
        told.append(f"{read.refused:,} refused")
    console.print(f"{', '.join(told)}.")
    if read.refused:
        more = " ..." if read.refused > len(read.refused_at) else ""
        numbers = ", ".join(map(str, read.refused_at))
        console.print(f"Neither an e-mail address nor 64 hexadecimal digits of a SHA-256: line {numbers}{more}")


def _addresses(count: int) -> str:
    return "1 address" if count == 1 else f"{count:,} addresses"


async def _publish(control: Control) -> str:
    try:
        await control.publish()
    except StoreUnavailable:
        return "It takes effect when the server starts."
    return "Running workers have it within two seconds."


def _refused(refused: ListRefused, console: Console) -> int:
    console.print(Text(f"Nothing was changed: {refused.why}.", style="red"))
    return 1
