"""The keys of a line item."""

from typing import Any

from adserver.model.cap import Level
from adserver.model.line_item import (
    BidModel,
    Device,
    ExcludePurchased,
    Fatigue,
    Offer,
    Pacing,
    PurchaseScope,
    Recommend,
)
from adserver.model.status import Status
from adserver.service.accounts_file import money, values
from adserver.service.accounts_file.caps import caps
from adserver.service.accounts_file.keys import Key, reference, references, texts, whole
from adserver.service.accounts_file.mappings import options
from adserver.service.accounts_file.times import MOMENT, dayparts, moment, span
from adserver.service.accounts_file.wrong import Wrong

_MINUTE, _DAY = 60, 86_400

CAPS = 'a list of caps such as ["3/day", "2/30min"]'
STATUS = Key("status", '"active" or "paused"', values.one_of(Status))


def _offer(given: dict[str, Any]) -> object:
    return Offer(**given) if {"text", "coupon"} & given.keys() else Wrong("text, coupon or both in it")


_BID = (
    Key("model", '"CPM" or "CPC"', values.one_of(BidModel), optional=False),
    Key("amount", money.AMOUNT, money.amount(least=1), optional=False),
)
_BUDGET = (
    Key("total", money.AMOUNT, money.amount(least=1)),
    Key("daily", money.AMOUNT, money.amount(least=1)),
    Key("pacing", f"one of {', '.join(Pacing)}", values.one_of(Pacing)),
)
_FATIGUE = (
    Key("ads", "a whole number from 1 to 1,000", values.whole(1, 1_000), optional=False),
    whole("days", 1, 180),
)
_EXCLUDE_PURCHASED = (
    Key("scope", f"one of {', '.join(PurchaseScope)}", values.one_of(PurchaseScope)),
    whole("days", 1, 180),
)
_OFFER = (
    Key("text", "a text of 1 to 100 characters", values.text(100)),
    Key("coupon", "a code of 1 to 40 characters", values.text(40)),
    whole("after_ads", 0, 1_000),
    Key("after", 'a time from "1min" to "30d" such as "2h"', span(_MINUTE, 30 * _DAY), field="after_s"),
    Key("ends", MOMENT, moment),
)

WHOM = (
    Key(
        "segment",
        'a rung of the ladder, the id of a segment, or "" for every visitor with a history',
        values.matching("[A-Za-z0-9_-]{0,64}"),
    ),
    references("exclude_segments", "segments, or rungs of the ladder"),
    references("include_lists", "customer lists"),
    references("exclude_lists", "customer lists"),
    reference("experiment", "an experiment", optional=True),
    reference("arm", "an arm of the experiment", optional=True),
    Key("devices", f"a list of {', '.join(Device)}", values.each(values.one_of(Device))),
    Key("geo", 'a list of countries and parts of them such as ["DE", "AT-9"]', values.each(values.country)),
)
WHERE = (
    references("placements", "placements"),
    references("publishers", "publishers"),
    texts("exclude_page_categories", 'a list of categories of pages such as ["news"]', 100, folded=True),
)
WHEN = (
    Key("start", MOMENT, moment),
    Key("end", MOMENT, moment),
    Key("dayparts", 'a list of at most 50 parts of the week such as ["mon-fri 08:00-20:00"]', dayparts),
)
WHAT = (
    references("creatives", "creatives"),
    reference("product_set", "a product set", optional=True),
    Key("fill_up", "true or false", values.yes_or_no),
    Key("recommend", f"a list of {', '.join(Recommend)}", values.each(values.one_of(Recommend))),
    Key(
        "exclude_purchased",
        'a table such as { scope = "product", days = 30 }',
        lambda given: ExcludePurchased(**given),
        keys=_EXCLUDE_PURCHASED,
    ),
    Key("options", "a table such as [line_items.my-line-item.options]", options),
    Key("offer", 'a table such as { text = "10 % off" }', _offer, keys=_OFFER, empty=True),
)
HOW_MUCH = (
    whole("priority", 0, 1_000),
    whole("weight", 1, 1_000),
    Key("bid", 'a table such as { model = "CPM", amount = "4.00" }', money.bid, keys=_BID, empty=True),
    Key("budget", 'a table such as { daily = "50.00" }', money.budget, keys=_BUDGET, empty=True),
    Key("caps", CAPS, caps(Level.LINE_ITEM, *Level)),
    Key("min_gap", 'a time from "1s" to "24h" such as "30s", or "0s"', span(1, _DAY, zero="0s", seconds=True),
        field="min_gap_s"),
    Key("fatigue", "a table such as { ads = 6, days = 30 }", lambda given: Fatigue(**given), keys=_FATIGUE, empty=True),
)  # fmt: skip

LINE_ITEM = (
    reference("campaign", "a campaign"),
    reference("creative", "a creative"),
    STATUS,
    *WHOM,
    *WHERE,
    *WHEN,
    *WHAT,
    *HOW_MUCH,
)
