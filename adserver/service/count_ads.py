"""What the metrics and the reports learn of requests for ads."""

from collections.abc import Sequence
from functools import cache

from adserver.model.decision import Decision, NoAd
from adserver.model.profile import Claim, Reserved
from adserver.model.reason import NoAdReason
from adserver.storage.interfaces import LogRecord
from adserver.telemetry import AD_REQUESTS, ADS, HOUSE_ADS, NO_ADS, HotCounter

_AD_REQUESTS, _ADS = HotCounter(AD_REQUESTS), HotCounter(ADS)
_NO_ADS = {reason: HotCounter(NO_ADS.labels(reason.label)) for reason in NoAdReason}
_NAMED_BY_CLIENT = {NoAdReason.UNKNOWN_PLACEMENT, NoAdReason.STARTING}

Answer = Decision | NoAd


def count_requests(placements: int) -> None:
    """Slots were asked for."""
    _AD_REQUESTS.inc(placements)


def count_no_ad(reason: NoAdReason) -> None:
    """A slot stays empty."""
    _NO_ADS[reason].inc()


def count_ad(decision: Decision) -> None:
    """A slot is filled."""
    _ADS.inc()
    if decision.instead_of is not None:
        _house_ads(decision.instead_of).inc()


def records_of(answers: Sequence[Answer], now: int) -> list[LogRecord]:
    """What the reports need to know; placements not known to exist are left out, else clients would name rows."""
    return [
        ("ad", now, "", answer.placement, answer.reason.label, "", 0)
        if isinstance(answer, NoAd)
        else ("ad", now, answer.line_item.id, answer.placement.id, "", answer.creative, answer.propensity)
        for answer in answers
        if not (isinstance(answer, NoAd) and answer.reason in _NAMED_BY_CLIENT)
    ]


def exposure_records(reserved: Reserved, claim: Claim, now: int) -> list[LogRecord]:
    """Of what the claim that was taken names, what met this visitor for the first time, at ``now`` (since 1970)."""
    return [("exposure", now, name, arm) for name, arm in claim.met if name in reserved.first]


@cache
def _house_ads(reason: NoAdReason) -> HotCounter:
    return HotCounter(HOUSE_ADS.labels(reason.label))
