"""What the reports learn of purchases by visitors who were dealt to a control group or an arm before."""

from collections.abc import Mapping

from adserver.model.event import Event
from adserver.model.profile import EPOCH, Exposure
from adserver.storage.interfaces import LogRecord


def conversion_records(met: Mapping[str, Exposure], purchase: Event, now: int) -> list[LogRecord]:
    """One record per campaign or experiment that has met the visitor, at ``now`` (seconds since 1970)."""
    value = value_of(purchase)
    return [
        ("conversion", now, name, exposure.arm, value, exposure.purchases, exposure.since + EPOCH)
        for name, exposure in met.items()
    ]


def value_of(event: Event) -> int:
    """Micros of the advertiser's currency; 0 of what has no value, or one in another currency."""
    return event.value or 0 if event.currency in ("", event.advertiser.currency) else 0
