"""Amounts of money, in micros of the advertiser's currency."""

import re
from typing import Any

from adserver.model.line_item import Bid, Budget
from adserver.service.accounts_file.wrong import Check, Wrong

_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,8})(?:\.([0-9]{1,6}))?", re.ASCII)
_LARGEST = 10**9

AMOUNT = 'an amount of money such as "4.00", of at most 6 decimals'


def amount(*, least: int = 0) -> Check:
    """``"4.00"``, or a whole number: micros, of at least ``least``. A float is not exact, and refused."""

    def check(value: Any) -> object:
        if isinstance(value, int) and not isinstance(value, bool):
            micros = value * 1_000_000 if 0 <= value < _LARGEST else -1
        else:
            parts = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
            micros = int(parts[1]) * 1_000_000 + int((parts[2] or "").ljust(6, "0")) if parts else -1
        if 0 <= micros < least:
            return Wrong(f'an amount of at least "{written(least)}"')
        return micros if micros >= 0 else Wrong()

    return check


def written(micros: int) -> str:
    """As the file writes it: ``4.00``, with more decimals only where it has them."""
    whole, rest = divmod(micros, 1_000_000)
    return f"{whole}.{f'{rest:06}'.rstrip('0').ljust(2, '0')}"


def bid(values: dict[str, Any]) -> object:
    """One impression or click has to cost at least a micro."""
    made = Bid(**values)
    return made if made.per_event else Wrong('an amount of at least "0.001" for 1,000 impressions', ("amount",))


def budget(values: dict[str, Any]) -> object:
    """It limits something."""
    return Budget(**values) if {"total", "daily"} & values.keys() else Wrong("total, daily or both in it")
