"""What may stand in the file. A new key is one row (and a field of its noun), a new table one entry."""

from typing import Any

from adserver.model.account import (
    Advertiser,
    Attribution,
    Campaign,
    ConsentDefault,
    NoHistory,
    Placement,
    Publisher,
    StrikeThrough,
)
from adserver.model.cap import Level
from adserver.model.experiment import Experiment
from adserver.model.line_item import LineItem
from adserver.model.product_set import ProductSet
from adserver.model.segment import Segment
from adserver.service.accounts_file import money, values
from adserver.service.accounts_file.caps import caps
from adserver.service.accounts_file.keys import Key, Table, reference, references, texts, whole
from adserver.service.accounts_file.line_item_keys import CAPS, LINE_ITEM, STATUS
from adserver.service.accounts_file.mappings import arms, labels
from adserver.service.accounts_file.rules import rule
from adserver.service.accounts_file.times import ever, time_zone

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_NAME = Key("name", "a name of 1 to 200 printable characters", values.text(200), optional=False)
_DOMAINS = Key("domains", 'a list of host names such as ["shop.example"]', values.hosts, optional=False)
_ADVERTISER = reference("advertiser", "an advertiser")

_FEED_KEYS = (
    Key("source", "an http(s) URL or a path of at most 2048 characters", values.source, optional=False),
    Key(
        "every",
        'a time from "5min" to "30d" such as "6h", or "never"',
        ever(5 * _MINUTE, 30 * _DAY),
        field="every_s",
    ),
    Key(
        "max_age",
        'a time from "1h" to "365d" such as "7d", or "never"',
        ever(_HOUR, 365 * _DAY),
        field="max_age_s",
    ),
    Key("max_loss", "a number from 0 to 1", values.share),
)


def _attribution(given: dict[str, Any]) -> object:
    return Attribution(**given)


TABLES: tuple[Table, ...] = (
    Table(
        "advertisers",
        Advertiser,
        (
            _NAME,
            _DOMAINS,
            Key("currency", 'an ISO 4217 currency such as "EUR"', values.currency, optional=False),
            Key("locale", 'a locale such as "de_DE"', values.locale, optional=False),
            Key("consent_default", '"deny" or "allow"', values.one_of(ConsentDefault)),
            Key("strike_through", '"proven", "claimed" or "never"', values.one_of(StrikeThrough)),
            Key("color", 'a colour such as "#0a5c36"', values.color),
            Key("time_zone", 'a time zone such as "Europe/Berlin"', time_zone),
            whole("segment_days", 1, 180),
            Key("caps", CAPS, caps(Level.ADVERTISER, Level.PRODUCT)),
            Key("feed", "a table such as [advertisers.my-shop.feed]", keys=_FEED_KEYS),
        ),
    ),
    Table(
        "segments",
        Segment,
        (
            _ADVERTISER,
            Key("rule", 'a rule such as { event = "purchase", within = "90d" }', rule, optional=False),
            whole("days", 1, 180),
        ),
    ),
    Table(
        "product_sets",
        ProductSet,
        (
            _ADVERTISER,
            texts("categories", 'a list of categories such as ["Shoes > Boots"]', 750),
            texts("brands", "a list of brands", 200),
            Key("labels", 'a table such as { 0 = ["sale"] }, of the numbers 0 to 4', labels),
            Key("min_price", money.AMOUNT, money.amount()),
            Key("max_price", money.AMOUNT, money.amount()),
            Key("on_sale", "true or false", values.yes_or_no),
            Key("products", "a list of product ids", values.each(values.product_id)),
            Key("exclude", "a list of product ids", values.each(values.product_id)),
        ),
    ),
    Table(
        "experiments",
        Experiment,
        (_ADVERTISER, Key("arms", "a table of two to eight arms such as { a = 50, b = 50 }", arms, optional=False)),
    ),
    Table(
        "campaigns",
        Campaign,
        (
            _ADVERTISER,
            STATUS,
            Key("holdout", "a number from 0 to 1", values.share),
            Key(
                "attribution",
                "a table such as { click_days = 7, view_days = 1 }",
                _attribution,
                keys=(whole("click_days", 0, 90), whole("view_days", 0, 30)),
            ),
            Key("caps", CAPS, caps(Level.CAMPAIGN, Level.ADVERTISER, Level.PRODUCT)),
        ),
    ),
    Table("line_items", LineItem, LINE_ITEM),
    Table(
        "publishers",
        Publisher,
        (
            _NAME,
            _DOMAINS,
            references("exclude_advertisers", "advertisers"),
            Key("click_hosts", 'a list of host names such as ["clicks.example"]', values.some_hosts),
        ),
    ),
    Table(
        "placements",
        Placement,
        (
            reference("publisher", "a publisher"),
            Key(
                "size",
                'a size like "300x250", or "fluid"',
                values.matching(r"[1-9][0-9]{1,3}x[1-9][0-9]{1,3}|fluid"),
                optional=False,
            ),
            STATUS,
            texts("categories", 'a list of categories of its pages such as ["news"]', 100, folded=True),
            Key("no_history", f"one of {', '.join(NoHistory)}", values.one_of(NoHistory)),
        ),
    ),
)
