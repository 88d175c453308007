"""Frequency caps: may this line item be shown to this visitor once more?"""

from collections.abc import Iterable, Sequence

from adserver.model.account import Cap
from adserver.model.profile import Window


def holds(caps: Iterable[Cap], windows: Sequence[Window], now: int) -> bool:
    """Whether every cap has room for one more ad at ``now`` (seconds since profile EPOCH).

    A first look, to leave candidates out early: the count is taken where it can not be raced, in Valkey.
    """
    counts = {window.window_s: window.count for window in windows if now < window.started_at + window.window_s}
    return all(counts.get(cap.window_s, 0) < cap.limit for cap in caps)
