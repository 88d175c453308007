"""Bring the accounts to what a file says: what is missing is made, what differs is set, the rest stays."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any, Literal, Protocol

from adserver.model.account import Accounts
from adserver.service.accounts_file import Problem, dotted, nearest, quoted

# Parents before children: the order of the changes, and backwards that of removals.
_TABLES = ("advertisers", "feeds", "campaigns", "line_items", "publishers", "placements")

# (table, key, what it refers to)
_REFERENCES = (
    ("campaigns", "advertiser", "advertisers"),
    ("line_items", "campaign", "campaigns"),
    ("placements", "publisher", "publishers"),
)

# Not the file's business: the database gives it.
_NOT_COMPARED = {"id", "ref"}


class AccountStore(Protocol):
    """Where the accounts are kept."""

    def load(self) -> tuple[int, Accounts]:
        """The revision and the accounts of that revision."""

    def apply(self, plan: Callable[[Accounts], tuple[Accounts, Accounts]]) -> int:
        """Put and remove what ``plan`` answers for what is there, in one transaction; the revision then."""


@dataclass(frozen=True, slots=True)
class Change:
    """One row that is made, set or removed. ``fields`` that differ: (before, after), None: not there."""

    kind: Literal["create", "update", "remove"]
    table: str
    id: str
    fields: Mapping[str, tuple[object, object]]


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What was done, or with ``dry_run`` would be: nothing when there are problems. ``revision``: then."""

    changes: tuple[Change, ...]
    problems: tuple[Problem, ...]
    revision: int


def apply_accounts(
    store: AccountStore,
    desired: Accounts,
    *,
    prune: bool,
    dry_run: bool,
    known_creatives: Collection[str],
    lines: Mapping[str, int] | None = None,
) -> ApplyResult:
    """Bring every row that ``desired`` names to what it says, all or nothing; with ``prune`` remove all others.

    ``lines`` (of the parsed file) has every key that the file names. An optional key that it does not name keeps
    what is stored, unless ``prune`` sets it back to its default; without ``lines`` all keys count as named. It gives
    problems their line, too. References may point to what is kept already, unless ``prune`` removes it. Applying the
    same again changes nothing, and the revision stays.
    """
    outcome = ApplyResult((), (), 0)

    def plan(current: Accounts) -> tuple[Accounts, Accounts]:
        nonlocal outcome
        problems = tuple(_problems(current, desired, prune, known_creatives, lines or {}))
        wanted = desired if prune or lines is None else _with_what_is_kept(current, desired, lines)
        changes = () if problems else (*_puts(current, wanted), *(_removals(current, wanted) if prune else ()))
        outcome = ApplyResult(changes, problems, 0)
        gone = [change for change in changes if change.kind == "remove"]
        put = [change for change in changes if change.kind != "remove"]
        return _only(wanted, put), _only(current, gone)

    if dry_run:
        revision, current = store.load()
        plan(current)
    else:
        revision = store.apply(plan)
    return replace(outcome, revision=revision)


def _problems(
    current: Accounts,
    desired: Accounts,
    prune: bool,
    known_creatives: Collection[str],
    lines: Mapping[str, int],
) -> list[Problem]:
    found = []
    for table, key, target in _REFERENCES:
        known = set(getattr(desired, target)) | (set() if prune else set(getattr(current, target)))
        where = "in this file" if prune else "in this file or applied before"
        for account, noun in getattr(desired, table).items():
            reference = getattr(noun, key)
            if reference not in known:
                expected = f"the id of one of the {target} {where}{nearest(reference, sorted(known))}"
                found.append(_problem(lines, (table, account, key), expected, reference))
    for account, line_item in desired.line_items.items():
        if line_item.creative not in known_creatives:
            names = sorted(known_creatives)
            expected = f"one of {', '.join(names)}{nearest(line_item.creative, names)}"
            found.append(_problem(lines, ("line_items", account, "creative"), expected, line_item.creative))
    return sorted(found)


def _problem(lines: Mapping[str, int], path: tuple[str, ...], expected: str, found: str) -> Problem:
    key = dotted(path)
    return Problem(lines.get(key, 0), key, expected, quoted(found))


def _with_what_is_kept(current: Accounts, desired: Accounts, named: Collection[str]) -> Accounts:
    """``desired``, with the stored values of the optional keys that are not ``named``."""
    tables: dict[str, dict[str, Any]] = {}
    for table in _TABLES:
        before = getattr(current, table)
        tables[table] = {
            account: _keeping(before[account], noun, (table, account), named) if account in before else noun
            for account, noun in getattr(desired, table).items()
        }
    return Accounts(**tables)


def _keeping(before: Any, noun: Any, path: tuple[str, str], named: Collection[str]) -> Any:
    optional = [field.name for field in fields(noun) if field.default is not MISSING]
    kept = [key for key in optional if _written(path, key) not in named]
    return replace(noun, **{key: getattr(before, key) for key in kept})


def _written(path: tuple[str, str], key: str) -> str:
    """Where a file has the key; a feed stands in its advertiser, and its times without their unit."""
    table, account = path
    if table == "feeds":
        return dotted(("advertisers", account, "feed", key.removesuffix("_s")))
    return dotted((table, account, key))


def _puts(current: Accounts, desired: Accounts) -> list[Change]:
    changes = []
    for table in _TABLES:
        before = getattr(current, table)
        for account, noun in getattr(desired, table).items():
            differing = _differences(before.get(account), noun)
            if differing:
                changes.append(Change("update" if account in before else "create", table, account, differing))
    return changes


def _removals(current: Accounts, desired: Accounts) -> list[Change]:
    return [
        Change("remove", table, account, _differences(noun, None))
        for table in reversed(_TABLES)
        for account, noun in getattr(current, table).items()
        if account not in getattr(desired, table)
    ]


def _differences(before: Any, after: Any) -> dict[str, tuple[object, object]]:
    names = [field.name for field in fields(after if before is None else before) if field.name not in _NOT_COMPARED]
    pairs = {name: (getattr(before, name, None), getattr(after, name, None)) for name in names}
    return {name: pair for name, pair in pairs.items() if before is None or after is None or pair[0] != pair[1]}


def _only(accounts: Accounts, changes: list[Change]) -> Accounts:
    chosen: dict[str, dict[str, Any]] = {table: {} for table in _TABLES}
    for change in changes:
        chosen[change.table][change.id] = getattr(accounts, change.table)[change.id]
    return Accounts(**chosen)
