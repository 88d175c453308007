"""``adserver apply``: accounts from a file."""

from collections.abc import Sequence
from dataclasses import MISSING, fields
from pathlib import Path

from rich.console import Console
from rich.text import Text

from adserver.commands.stores import open_stores
from adserver.creative.library import load_creatives
from adserver.model.account import Accounts
from adserver.model.source import shown_source
from adserver.service.accounts_file import AccountsFile, Problem, key_of, parse_accounts, toml, written
from adserver.service.apply_accounts import ApplyResult, Change, apply_accounts
from adserver.service.suggest_defaults import suggest_defaults
from adserver.settings import Settings
from adserver.storage.interfaces import StoreUnavailable

_ALWAYS_TOLD = {"holdout"}
"""What nobody should have without knowing it."""

_MOST_NOTES = 10
"""So many suggestions are told one by one."""

_MARK = {"create": ("+", "green"), "update": ("~", "yellow"), "remove": ("-", "red")}


async def apply(settings: Settings, file: Path, *, dry_run: bool, prune: bool, console: Console) -> int:
    """Exit code 0 when the accounts are as the file says (or would be), 1 when nothing was changed."""
    parsed = _read(file)
    if isinstance(parsed, list):
        return _tell_problems(file, parsed, console)
    creatives = load_creatives(own=settings.own_creatives)
    async with open_stores(settings, wake_valkey=False) as control:
        result = apply_accounts(
            control.accounts,
            parsed.accounts,
            prune=prune,
            dry_run=dry_run,
            known_creatives=creatives.keys(),
            options={name: creative.options for name, creative in creatives.items()},
            lines=parsed.lines,
        )
        if result.problems:
            return _tell_problems(file, result.problems, console)
        for change in result.changes:
            console.print(_line(change, result.accounts))
        if dry_run:
            console.print(f"{_count(result)} would be made; nothing was changed.")
            return 0
        try:
            await control.publish()
            effect = "Running workers have it within two seconds."
        except StoreUnavailable:
            effect = "It takes effect when the server starts."
    console.print(f"{_count(result)} made. {effect}" if result.changes else "Everything is as the file says already.")
    _suggest(result, console)
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


def _line(change: Change, accounts: Accounts) -> Text:
    """Of what is made the values that are no defaults, of what changes before and after, of what goes everything."""
    mark, style = _MARK[change.kind]
    line = Text(f"{mark} {change.table}.{change.id}", style=style)
    noun = getattr(accounts, change.table).get(change.id)
    defaults = {each.name: each.default for each in fields(noun)} if change.kind == "create" else {}
    for name, (before, after) in change.fields.items():
        by_default = after == defaults.get(name, MISSING) or (change.kind == "create" and after == {})
        if by_default and name not in _ALWAYS_TOLD:
            continue
        was, becomes = _value(name, before), _value(name, after)
        line.append(f"\n    {key_of(name)}: {becomes if defaults else f'{was} -> {becomes}'}", style="default")
    return line


def _value(name: str, value: object) -> str:
    """As the accounts file writes it, but without a password."""
    if value is None:
        return "nothing"
    return toml(shown_source(value) if isinstance(value, str) and name == "source" else written(name, value))


def _suggest(result: ApplyResult, console: Console) -> None:
    """Of what was made or changed."""
    touched: dict[str, list[str]] = {"line_items": [], "campaigns": []}
    for change in result.changes:
        if change.kind != "remove" and change.table in touched:
            touched[change.table].append(change.id)
    notes = list(suggest_defaults(result.accounts, touched["line_items"], touched["campaigns"]))
    for note in notes[:_MOST_NOTES]:
        console.print(Text(f"Note: {note}.", style="dim"))
    if len(notes) > _MOST_NOTES:
        console.print(Text(f"Note: and {len(notes) - _MOST_NOTES} more like these.", style="dim"))


def _count(result: ApplyResult) -> str:
    number = len(result.changes)
    return f"{number} change" if number == 1 else f"{number} changes"
