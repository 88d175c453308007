"""``adserver apply``: accounts from a file."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from adserver.commands.stores import open_stores
from adserver.creative.library import load_creatives
from adserver.model.account import Cap, span
from adserver.model.source import shown_source
from adserver.service.accounts_file import AccountsFile, Problem, parse_accounts
from adserver.service.apply_accounts import ApplyResult, Change, apply_accounts
from adserver.settings import Settings
from adserver.storage.interfaces import StoreUnavailable

_TIMES = {"every_s": "every", "max_age_s": "max_age"}
"""Fields of a feed in seconds, and their keys in the accounts file."""

_MARK = {"create": ("+", "green"), "update": ("~", "yellow"), "remove": ("-", "red")}


async def apply(settings: Settings, file: Path, *, dry_run: bool, prune: bool, console: Console) -> int:
    """Exit code 0 when the accounts are as the file says (or would be), 1 when nothing was changed."""
    parsed = _read(file)
    if isinstance(parsed, list):
        return _tell_problems(file, parsed, console)
    async with open_stores(settings, wake_valkey=False) as control:
        result = apply_accounts(
            control.accounts,
            parsed.accounts,
            prune=prune,
            dry_run=dry_run,
            known_creatives=load_creatives().keys(),
            lines=parsed.lines,
        )
        if result.problems:
            return _tell_problems(file, result.problems, console)
        for change in result.changes:
            console.print(_line(change))
        if dry_run:
            console.print(f"{_count(result)} would be made; nothing was changed.")
            return 0
        try:
            await control.publish()
            effect = "Running workers have it within two seconds."
        except StoreUnavailable:
            effect = "It takes effect when the server starts."
    console.print(f"{_count(result)} made. {effect}" if result.changes else "Everything is as the file says already.")
    return 0


def _read(file: Path) -> AccountsFile | list[Problem]:
    try:
        data = file.read_bytes()
    except OSError as error:
        return [Problem(line=0, key="file", expected="a file that can be read", found=str(error.strerror))]
    return parse_accounts(data, base_dir=file.absolute().parent)


def _tell_problems(file: Path, problems: Sequence[Problem], console: Console) -> int:
    for problem in problems:
        console.print(Text(f"{file}: {problem}", style="red"))
    console.print("Nothing was changed.")
    return 1


def _line(change: Change) -> Text:
    mark, style = _MARK[change.kind]
    line = Text(f"{mark} {change.table}.{change.id}", style=style)
    for name, (before, after) in change.fields.items():
        was, becomes = (_time(part) if name in _TIMES else _value(part) for part in (before, after))
        shown = becomes if change.kind == "create" else f"{was} -> {becomes}"
        line.append(f"\n    {_TIMES.get(name, name)}: {shown}", style="default")
    return line


def _value(value: object) -> str:
    """As the accounts file writes it, but without a password."""
    if isinstance(value, tuple):
        return f"[{', '.join(_value(part) for part in value)}]"
    if isinstance(value, str):
        return f'"{shown_source(value)}"'
    return "nothing" if value is None else f'"{value}"' if isinstance(value, Cap) else str(value)


def _time(seconds: object) -> str:
    return _value(span(seconds) if isinstance(seconds, int) else seconds)


def _count(result: ApplyResult) -> str:
    number = len(result.changes)
    return f"{number} change" if number == 1 else f"{number} changes"
