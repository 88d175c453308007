"""What accounts say of each other: every name has to be that of something that is there."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from adserver.creative.options import Options
from adserver.model.account import Accounts
from adserver.model.line_item import LineItem
from adserver.model.segment import Rule, Rung
from adserver.service.accounts_file import nearest, quoted

_RUNGS = tuple(rung.value for rung in Rung)

# (table, key, what it refers to): one id, or a list of them.
_REFERENCES = (
    ("segments", "advertiser", "advertisers"),
    ("product_sets", "advertiser", "advertisers"),
    ("experiments", "advertiser", "advertisers"),
    ("campaigns", "advertiser", "advertisers"),
    ("line_items", "campaign", "campaigns"),
    ("line_items", "placements", "placements"),
    ("line_items", "publishers", "publishers"),
    ("publishers", "exclude_advertisers", "advertisers"),
    ("placements", "publisher", "publishers"),
)

# Of a line item, and of the same advertiser as its campaign.
_OF_THE_ADVERTISER = (
    ("product_set", "product_sets"),
    ("experiment", "experiments"),
    ("segment", "segments"),
    ("exclude_segments", "segments"),
    ("include_lists", "lists"),
    ("exclude_lists", "lists"),
)


class Broken(NamedTuple):
    """A name that leads nowhere, or values that do not go together. ``key`` has a dot before a part of it, ``found`` is
    as the file would write it."""

    table: str
    id: str
    key: str
    expected: str
    found: str


def broken_references(
    accounts: Accounts, creatives: Collection[str], options: Mapping[str, Options], where: str
) -> Iterator[Broken]:
    """All that is broken. ``options`` are those of each creative, ``where`` says where something would have to be:
    ``in this file``."""
    for table, key, target in _REFERENCES:
        known = getattr(accounts, target).keys()
        for account, noun in getattr(accounts, table).items():
            for name in _names(getattr(noun, key)):
                if name not in known:
                    yield Broken(table, account, key, _one_of(target, known, where, name), quoted(name))
    owned = _by_advertiser(accounts)
    yield from _segments(accounts, owned, where)
    for line_item in accounts.line_items.values():
        yield from _creatives(line_item, creatives)
        yield from _options(line_item, options)
        if line_item.end and line_item.end <= line_item.start:
            yield Broken("line_items", line_item.id, "end", "a time after its start", "one that is not")
        yield from _arm(accounts, line_item)
        campaign = accounts.campaigns.get(line_item.campaign)
        if campaign is not None:
            yield from _of_advertiser(line_item, campaign.advertiser, owned, where)


_Owned = Mapping[tuple[str, str], Collection[str]]
"""(table, advertiser) -> ids."""


def _by_advertiser(accounts: Accounts) -> _Owned:
    owned: dict[tuple[str, str], dict[str, None]] = {}
    for table in ("segments", "product_sets", "experiments", "lists"):
        for noun in getattr(accounts, table).values():
            owned.setdefault((table, noun.advertiser), {})[noun.id] = None
    return owned


def _segments(accounts: Accounts, owned: _Owned, where: str) -> Iterator[Broken]:
    for segment in accounts.segments.values():
        if segment.id in _RUNGS:
            expected = f"an id that is no rung of the ladder ({', '.join(_RUNGS)})"
            yield Broken("segments", segment.id, "", expected, quoted(segment.id))
        known = owned.get(("product_sets", segment.advertiser), ())
        for name in _product_sets(segment.rule):
            if name not in known:
                expected = _one_of(f"product_sets of {segment.advertiser}", known, where, name)
                yield Broken("segments", segment.id, "rule", expected, quoted(name))


def _product_sets(rule: Rule) -> Iterator[str]:
    if rule.happened and rule.happened.product_set:
        yield rule.happened.product_set
    for part in (*rule.all, *rule.any, *((rule.negated,) if rule.negated else ())):
        yield from _product_sets(part)


def _creatives(item: LineItem, creatives: Collection[str]) -> Iterator[Broken]:
    for key, names in (("creative", (item.creative,)), ("creatives", item.creatives)):
        for name in names:
            if name not in creatives:
                expected = f"one of {', '.join(sorted(creatives))}{nearest(name, sorted(creatives))}"
                yield Broken("line_items", item.id, key, expected, quoted(name))


def _options(item: LineItem, options: Mapping[str, Options]) -> Iterator[Broken]:
    """Each has to be one of a design of the line item, and right for all of them that have it."""
    designs = [options.get(name, {}) for name in item.designs]
    known = sorted({name for design in designs for name in design})
    for name, value in item.options.items():
        key, found = f"options.{name}", quoted(value) if isinstance(value, str) else str(value).lower()
        asked = [design[name] for design in designs if name in design]
        if not asked:
            which = f"one of {', '.join(known)}{nearest(name, known)}" if known else "no options"
            expected = f"{which}: that is what {', '.join(item.designs)} can be told"
            yield Broken("line_items", item.id, key, expected, quoted(name))
        wrong = next((option for option in asked if not option.fits(value)), None)
        if wrong:
            yield Broken("line_items", item.id, key, wrong.expected, found)


def _of_advertiser(item: LineItem, advertiser: str, owned: _Owned, where: str) -> Iterator[Broken]:
    """What has to be of the advertiser whose campaign it is."""
    for key, target in _OF_THE_ADVERTISER:
        known = owned.get((target, advertiser), ())
        for name in _names(getattr(item, key)):
            if name not in known and not (target == "segments" and name in _RUNGS):
                yield Broken(
                    "line_items", item.id, key, _expected(target, advertiser, known, where, name), quoted(name)
                )


def _expected(target: str, advertiser: str, known: Collection[str], where: str, name: str) -> str:
    if target == "lists":
        upload = f"adserver list upload {advertiser} {name} FILE"
        return f"a list that was uploaded ({upload}){nearest(name, sorted(known))}"
    if target == "segments":
        near = nearest(name, [*_RUNGS, *sorted(known)])
        return f"one of {', '.join(_RUNGS)}, or of the segments of {advertiser} {where}{near}"
    return _one_of(f"{target} of {advertiser}", known, where, name)


def _arm(accounts: Accounts, item: LineItem) -> Iterator[Broken]:
    if bool(item.experiment) != bool(item.arm):
        missing = "arm" if item.experiment else "experiment"
        yield Broken("line_items", item.id, missing, "experiment and arm, both or none of them", "nothing")
    experiment = accounts.experiments.get(item.experiment)
    if experiment and item.arm and item.arm not in experiment.arms:
        arms = sorted(experiment.arms)
        expected = f"an arm of {experiment.id}: {', '.join(arms)}{nearest(item.arm, arms)}"
        yield Broken("line_items", item.id, "arm", expected, quoted(item.arm))


def _names(value: str | Sequence[str]) -> Iterable[str]:
    return ([value] if value else []) if isinstance(value, str) else value


def _one_of(target: str, known: Collection[str], where: str, name: str) -> str:
    return f"the id of one of the {target} {where}{nearest(name, sorted(known))}"
