"""What is asked of a line item's ledger, and what it tells."""

from typing import NamedTuple

from adserver.model.reason import LineItemReason

Curve = tuple[float, ...]
"""The share (0 to 1) of a day's traffic that has come by the end of each of its 24 hours; empty where nobody knows."""


class Terms(NamedTuple):
    """On what terms money is asked for: ``total`` and ``daily`` in micros, None for no limit; ``day`` is the number of
    a day (``date.toordinal``) in the advertiser's time zone; ``share`` (0 to 1) of that day's money may be gone by now;
    ``price`` in micros of one impression or click."""

    total: int | None
    daily: int | None
    day: int
    share: float
    price: int


class Ledger(NamedTuple):
    """Micros of one line item: spent ever and today, and held by leases that live, of all days and of today's.
    ``began``: when the ledger did, in seconds since 1970; 0 where it is the continuation of an older one."""

    spent: int = 0
    held: int = 0
    spent_today: int = 0
    held_today: int = 0
    began: int = 0


class Lent(NamedTuple):
    """``micros`` were lent. ``reason``: why nothing could be, None where it could. ``ledger`` is None where there is
    none, then nothing is lent."""

    micros: int
    reason: LineItemReason | None
    ledger: Ledger | None
