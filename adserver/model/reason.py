"""Why something was not counted or not shown. Each reason has a published number and one line in ``docs/reasons.md``.

The lower-case name travels in the ``X-Adserver-Reason`` header and labels the metrics: a closed set, so that neither
grows with what clients send. Numbers are never used twice.
"""

from enum import IntEnum


class Reason(IntEnum):
    """The base of all reasons."""

    @property
    def label(self) -> str:
        """The name as headers, metrics and reports write it."""
        return self.name.lower()


class EventReason(Reason):
    """Why an event was answered but not counted."""

    TOO_LONG = 100
    MALFORMED = 101
    MISSING_ADVERTISER = 102
    UNKNOWN_ADVERTISER = 103
    FOREIGN_PAGE = 104
    MISSING_EVENT = 105
    UNKNOWN_EVENT = 106
    MISSING_PRODUCT = 107
    TOO_MANY_PRODUCTS = 108
    BAD_PRODUCT_ID = 109
    BAD_QUANTITY = 110
    BAD_VALUE = 111
    BAD_CURRENCY = 112
    BAD_ORDER_ID = 113
    BAD_MAIL = 114
    PREFETCH = 120
    CONSENT = 121
    FORGED_COOKIE = 122
    BOT = 123
    STORE_UNAVAILABLE = 130
    STARTING = 131
    INTERNAL = 132
    RATE_LIMITED = 133
    OVERLOAD = 134
    SPOOL_FULL = 135


class NoAdReason(Reason):
    """Why a request for an ad got none."""

    MALFORMED = 201
    UNKNOWN_PLACEMENT = 202
    PLACEMENT_PAUSED = 203
    FOREIGN_PAGE = 204
    TOO_MANY_PLACEMENTS = 205
    RATE_LIMITED = 206
    BOT = 207
    OVERLOAD = 208
    CONSENT = 210
    NO_VISITOR = 211
    NO_HISTORY = 212
    NO_LINE_ITEM = 213
    NO_PRODUCT = 214
    CAPPED = 215
    FEED_STALE = 216
    HOLDOUT = 217
    BUDGET = 218
    TARGETING = 219
    DEADLINE = 220
    STORE_UNAVAILABLE = 221
    STARTING = 222
    PURCHASED = 223


class LineItemReason(Reason):
    """Why a line item was not chosen: the first that holds, in the order in which they are looked at."""

    PAUSED = 401
    CAMPAIGN_PAUSED = 402
    OTHER_PLACEMENT = 403
    OTHER_PUBLISHER = 404
    OTHER_SIZE = 405
    ADVERTISER_EXCLUDED = 406
    HOUSE = 407
    NOT_STARTED = 410
    ENDED = 411
    DAYPART = 412
    CONSENT = 420
    NO_HISTORY = 421
    PAGE_CATEGORY = 422
    DEVICE = 423
    GEO = 424
    SEGMENT = 425
    EXCLUDED_SEGMENT = 426
    CUSTOMER_LIST = 427
    OTHER_ARM = 428
    PURCHASED = 429
    FEED_STALE = 430
    ADVERTISER_CAP = 440
    CAMPAIGN_CAP = 441
    LINE_ITEM_CAP = 442
    MIN_GAP = 443
    TOTAL_BUDGET = 450
    DAILY_BUDGET = 451
    PACING = 452
    NO_PRODUCT = 460
    PRODUCT_CAP = 461
    HIDDEN = 462
    OUTRANKED = 470
    LOST_RACE = 471
    HOLDOUT = 472


class TokenReason(Reason):
    """Why an impression or a click was answered but not counted."""

    BAD_TOKEN = 301
    EXPIRED = 302
    DUPLICATE = 303
    PREFETCH = 304
    BOT = 305
    STORE_UNAVAILABLE = 310
