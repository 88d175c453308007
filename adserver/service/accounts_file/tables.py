"""What may stand in the file. A new key is one row (and a field of its noun), a new table one entry."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Final

from adserver.model.account import (
    ACCOUNT_ID_PATTERN,
    Advertiser,
    Campaign,
    ConsentDefault,
    Feed,
    LineItem,
    Placement,
    Publisher,
    Status,
    StrikeThrough,
)
from adserver.service.accounts_file import values


class _Required:
    """The default of a key that must be there."""


REQUIRED: Final = _Required()


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a table: its check answers the value to keep or ``Wrong``; ``keys`` make it a table.

    ``field`` is the noun's, where that has another name (``every`` is kept as ``every_s``).
    """

    name: str
    expected: str
    check: Callable[[Any], object] = lambda value: value
    default: object = REQUIRED
    keys: tuple["Key", ...] = ()
    field: str = ""


ID = "an id of 1 to 64 letters A-Z a-z, digits, _ or -"
_NAME = Key("name", "a name of 1 to 200 printable characters", values.printable)
_DOMAINS = Key("domains", 'a list of host names such as ["shop.example"]', values.hosts)
_STATUS = Key("status", '"active" or "paused"', values.one_of(Status), Status.ACTIVE)


def _reference(name: str, noun: str) -> Key:
    return Key(name, f"the id of {noun}, in letters A-Z a-z, digits, _ or -", values.matching(ACCOUNT_ID_PATTERN))


@dataclass(frozen=True, slots=True)
class Table:
    """``[<name>.<id>]``: its keys are the fields of ``noun``."""

    name: str
    noun: Callable[..., Any]
    keys: tuple[Key, ...]


_FEED_DEFAULTS = {field.name: field.default for field in fields(Feed)}
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_FEED_KEYS = (
    Key("source", "an http(s) URL or a path of at most 2048 characters", values.source),
    Key(
        "every",
        'a time from "5min" to "30d" such as "6h", or "never"',
        values.span(5 * _MINUTE, 30 * _DAY),
        _FEED_DEFAULTS["every_s"],
        field="every_s",
    ),
    Key(
        "max_age",
        'a time from "1h" to "365d" such as "7d", or "never"',
        values.span(_HOUR, 365 * _DAY),
        _FEED_DEFAULTS["max_age_s"],
        field="max_age_s",
    ),
    Key("max_loss", "a number from 0 to 1", values.share, _FEED_DEFAULTS["max_loss"]),
)

TABLES: tuple[Table, ...] = (
    Table(
        "advertisers",
        Advertiser,
        (
            _NAME,
            _DOMAINS,
            Key("currency", 'an ISO 4217 currency such as "EUR"', values.currency),
            Key("locale", 'a locale such as "de_DE"', values.locale),
            Key("consent_default", '"deny" or "allow"', values.one_of(ConsentDefault), None),
            Key(
                "strike_through",
                '"proven", "claimed" or "never"',
                values.one_of(StrikeThrough),
                None,
            ),
            Key("color", 'a colour such as "#0a5c36"', values.color, ""),
            Key("feed", "a table such as [advertisers.my-shop.feed]", default=None, keys=_FEED_KEYS),
        ),
    ),
    Table(
        "campaigns",
        Campaign,
        (
            _reference("advertiser", "an advertiser"),
            _STATUS,
            Key("holdout", "a number from 0 to 1", values.share, 0.0),
        ),
    ),
    Table(
        "line_items",
        LineItem,
        (
            _reference("campaign", "a campaign"),
            _reference("creative", "a creative"),
            _STATUS,
            Key("caps", 'a list of at most 6 caps such as ["3/day", "2/30min"]', values.caps, ()),
        ),
    ),
    Table("publishers", Publisher, (_NAME, _DOMAINS)),
    Table(
        "placements",
        Placement,
        (
            _reference("publisher", "a publisher"),
            Key("size", 'a size like "300x250"', values.matching(r"[1-9][0-9]{1,3}x[1-9][0-9]{1,3}")),
            _STATUS,
        ),
    ),
)
