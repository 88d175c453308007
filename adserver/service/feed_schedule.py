"""When a feed's next turn is."""

from adserver.model.account import Feed
from adserver.model.feed_import import Outcome

RETRY_S = (60, 120, 300, 900, 1_800, 3_600)
"""After so many failures in a row; longer than the feed's own pause it never takes."""

_JITTER = 0.05


def pause_s(feed: Feed, outcome: Outcome, failures: int, dice: float) -> float:
    """Seconds up to the next turn after an import that ended with ``outcome``.

    ``failures`` in a row are 0 after a good one. ``dice`` (0 to 1) spreads the turns of many feeds that began together,
    by a twentieth to both sides.
    """
    pause = feed.every_s
    if failures and outcome in (Outcome.REFUSED, Outcome.BROKEN_OFF):
        pause = min(pause, RETRY_S[min(failures, len(RETRY_S)) - 1])
    return pause * (1 - _JITTER + 2 * _JITTER * dice)
