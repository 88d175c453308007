"""Bring the accounts to what a file says: what is missing is made, what differs is set, the rest stays."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, Literal, Protocol

from adserver.creative.options import Options
from adserver.model.account import Accounts
from adserver.service.account_references import Broken, broken_references
from adserver.service.accounts_file import Problem, dotted, key_of

# Parents before children: the order of the changes, and backwards that of removals.
_TABLES = (
    "advertisers",
    "feeds",
    "segments",
    "product_sets",
    "experiments",
    "campaigns",
    "line_items",
    "publishers",
    "placements",
)

_NO_OPTIONS: Mapping[str, Options] = MappingProxyType({})

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
    """What was done, or with ``dry_run`` would be: nothing when there are problems. ``revision``: then. ``accounts``:
    all of them as they are after it."""

    changes: tuple[Change, ...]
    problems: tuple[Problem, ...]
    revision: int
    accounts: Accounts = field(default_factory=Accounts, compare=False)


def apply_accounts(
    store: AccountStore,
    desired: Accounts,
    *,
    prune: bool,
    dry_run: bool,
    known_creatives: Collection[str],
    options: Mapping[str, Options] = _NO_OPTIONS,
    lines: Mapping[str, int] | None = None,
) -> ApplyResult:
    """Bring every row that ``desired`` names to what it says, all or nothing; with ``prune`` remove all others.

    ``options``: what each creative can be told; line items may say nothing else.
    ``lines`` (of the parsed file) has every key that the file names. An optional key that it does not name keeps
    what is stored, unless ``prune`` sets it back to its default; without ``lines`` all keys count as named. It gives
    problems their line, too. References may point to what is kept already, unless ``prune`` removes it. Applying the
    same again changes nothing, and the revision stays.
    """
    outcome = ApplyResult((), (), 0)

    def plan(current: Accounts) -> tuple[Accounts, Accounts]:
        nonlocal outcome
        wanted = desired if prune or lines is None else _with_what_is_kept(current, desired, lines)
        after = _after(current, wanted, prune=prune)
        problems = tuple(_problems(current, desired, after, known_creatives, lines or {}, options=options, prune=prune))
        changes = () if problems else (*_puts(current, wanted), *(_removals(current, wanted) if prune else ()))
        outcome = ApplyResult(changes, problems, 0, after)
        gone = [change for change in changes if change.kind == "remove"]
        put = [change for change in changes if change.kind != "remove"]
        return _only(wanted, put), _only(current, gone)

    if dry_run:
        revision, current = store.load()
        plan(current)
    else:
        revision = store.apply(plan)
    return replace(outcome, revision=revision)


def _after(current: Accounts, wanted: Accounts, *, prune: bool) -> Accounts:
    """All accounts as they would be. Customer lists are no part of a file, and go with their advertiser."""
    tables = {
        table: dict(getattr(wanted, table)) if prune else {**getattr(current, table), **getattr(wanted, table)}
        for table in _TABLES
    }
    lists = {name: kept for name, kept in current.lists.items() if kept.advertiser in tables["advertisers"]}
    return Accounts(**tables, lists=lists)


def _problems(
    current: Accounts,
    desired: Accounts,
    after: Accounts,
    creatives: Collection[str],
    lines: Mapping[str, int],
    *,
    options: Mapping[str, Options],
    prune: bool,
) -> list[Problem]:
    """What would be broken: of accounts that the file names all of it, of the others what is not broken already."""
    where = "in this file" if prune else "in this file or applied before"
    broken = list(broken_references(after, creatives, options, where))
    others = {one for one in broken if one.id not in getattr(desired, one.table)}
    if others:
        before = {one[:3] for one in broken_references(current, creatives, options, where)}
        broken = [one for one in broken if one not in others or one[:3] not in before]
    return sorted(_problem(lines, one) for one in broken)


def _problem(lines: Mapping[str, int], one: Broken) -> Problem:
    key = dotted((one.table, one.id, *one.key.split(".")) if one.key else (one.table, one.id))
    return Problem(lines.get(key, lines.get(dotted((one.table, one.id)), 0)), key, one.expected, one.found)


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
    optional = [
        each.name for each in fields(noun) if each.default is not MISSING or each.default_factory is not MISSING
    ]
    kept = [key for key in optional if _written(path, key) not in named]
    return replace(noun, **{key: getattr(before, key) for key in kept})


def _written(path: tuple[str, str], key: str) -> str:
    """Where a file has the key; a feed stands in its advertiser."""
    table, account = path
    return dotted(("advertisers", account, "feed", key_of(key)) if table == "feeds" else (table, account, key_of(key)))


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
    names = [each.name for each in fields(after if before is None else before) if each.name not in _NOT_COMPARED]
    pairs = {name: (getattr(before, name, None), getattr(after, name, None)) for name in names}
    return {name: pair for name, pair in pairs.items() if before is None or after is None or pair[0] != pair[1]}


def _only(accounts: Accounts, changes: list[Change]) -> Accounts:
    chosen: dict[str, dict[str, Any]] = {table: {} for table in _TABLES}
    for change in changes:
        chosen[change.table][change.id] = getattr(accounts, change.table)[change.id]
    return Accounts(**chosen)
