"""From single events to what the visitors of each arm did, by the hour in which they were first met."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from adserver.reporting.measures import Event, hour_of


class ArmKey(NamedTuple):
    """What is counted together: visitors of one arm of ``name`` (a campaign, or ``~`` and an experiment) who were first
    met in that UTC hour. So those who bought are always some of those who were met."""

    hour: datetime
    name: str
    arm: str


class ArmMeasures(NamedTuple):
    """``exposed`` visitors were met, ``converted`` of them bought afterwards, altogether ``purchases`` times, worth
    ``value`` micros."""

    exposed: int = 0
    converted: int = 0
    purchases: int = 0
    value: int = 0


def fold_exposures(events: Iterable[Event]) -> dict[ArmKey, ArmMeasures]:
    """Sum the records of these two kinds up; others are passed over.

    ``("exposure", second, name, arm)``, and ``("conversion", second, name, arm, value in micros, which purchase of the
    visitor it is, second of the exposure)``.
    """
    folded: dict[ArmKey, ArmMeasures] = {}
    for event in events:
        if event[0] == "exposure":
            _, met, name, arm = event[:4]
            added = ArmMeasures(exposed=1)
        elif event[0] == "conversion":
            _, _, name, arm, value, nth, met = event[:7]
            added = ArmMeasures(converted=int(nth == 1), purchases=1, value=value)
        else:
            continue
        key = ArmKey(hour_of(met), name, arm)
        folded[key] = ArmMeasures(*(a + b for a, b in zip(folded.get(key, ArmMeasures()), added, strict=True)))
    return folded
