"""A visitor did something in a shop: one request of the pixel, the tag or an image."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from adserver.collect.page import is_foreign
from adserver.collect.parse import parse_event
from adserver.model.account import ConsentDefault
from adserver.model.consent import may_store, weigh
from adserver.model.event import Event, EventName
from adserver.model.hit import Hit
from adserver.model.reason import EventReason
from adserver.service.live import Live
from adserver.storage.interfaces import EventLog, StoreUnavailable, VisitorStore
from adserver.telemetry import EVENT_REJECTIONS, EVENTS
from adserver.tracking.visitor import VisitorCookies

_KEPT = {name: EVENTS.labels(name) for name in EventName}
_REJECTED = {reason: EVENT_REJECTIONS.labels(reason.label) for reason in EventReason}


@dataclass(frozen=True, slots=True)
class Recorded:
    """``reason`` is None when the event was kept; ``cookie`` is a value to set, or empty."""

    reason: EventReason | None
    cookie: str = ""


class RecordEvent:
    """``mint_visitor`` makes a new random visitor id (22 characters of base64url)."""

    def __init__(
        self,
        live: Live,
        visitors: VisitorStore,
        log: EventLog,
        cookies: VisitorCookies,
        *,
        consent_default: ConsentDefault,
        mint_visitor: Callable[[], str],
    ) -> None:
        self._live = live
        self._visitors = visitors
        self._log = log
        self._cookies = cookies
        self._consent_default = consent_default
        self._mint_visitor = mint_visitor

    async def __call__(self, hit: Hit) -> Recorded:
        """Keep the event or say why not. When it returns without a reason, Valkey has acknowledged the event."""
        event = self._examine(hit)
        if isinstance(event, EventReason):
            return _rejected(event)
        visitor = self._cookies.visitor_of(hit.claims)
        returning = visitor is not None
        if visitor is None:
            visitor = self._mint_visitor()
            if hit.claims:
                # A made-up cookie writes nothing; whoever holds one by accident is whole again with the next event.
                return _rejected(EventReason.FORGED_COOKIE, self._cookies.issue(visitor))
        try:
            await self._write(visitor, event, hit.now, returning=returning)
        except StoreUnavailable:
            return _rejected(EventReason.STORE_UNAVAILABLE)
        _KEPT[event.name].inc()
        keeps = returning and not hit.copy_only and self._cookies.is_current(hit.claims, visitor)
        return Recorded(None, "" if keeps else self._cookies.issue(visitor))

    def refuse(self, reason: EventReason) -> EventReason:
        """Count a request that was refused before it could be read."""
        return _rejected(reason).reason or reason

    def _examine(self, hit: Hit) -> Event | EventReason:
        """The event, if it may be kept at all."""
        snapshot = self._live.snapshot
        if snapshot is None:
            return EventReason.STARTING
        if hit.prefetch:
            return EventReason.PREFETCH
        event = parse_event(hit.fields, snapshot.accounts.advertisers)
        if isinstance(event, EventReason):
            return event
        if is_foreign(hit.page_hosts, event.advertiser.domains):
            return EventReason.FOREIGN_PAGE
        if not may_store(weigh(hit.signals), event.advertiser.consent_default or self._consent_default):
            return EventReason.CONSENT
        return event

    async def _write(self, visitor: str, event: Event, now: float, *, returning: bool) -> None:
        record = ("event", int(now), event.advertiser.id, str(event.name), " ".join(event.products))
        logged = self._log.append([record])
        results = await asyncio.gather(
            self._visitors.record_event(visitor, event, now, returning=returning),
            logged,
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result


def _rejected(reason: EventReason, cookie: str = "") -> Recorded:
    _REJECTED[reason].inc()
    return Recorded(reason, cookie)
